package spamassassin

import (
	"compress/gzip"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// TestSAEximParity holds what is read of a file against what sa-exim itself said that it
// read (testdata/saexim).
func TestSAEximParity(t *testing.T) {
	f, err := os.Open("testdata/saexim/sa-exim.conf.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile("testdata/saexim/said")
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Split(strings.TrimSuffix(string(said), "\n"), "\n")
	texts := map[string]bool{} // settings that are texts
	for _, l := range theirs {
		name, _, _ := strings.Cut(l, "=")
		texts[name] = true
	}
	var ours []string
	for _, s := range saSettings(string(text)) {
		if texts[s.name] {
			ours = append(ours, s.name+"="+s.value)
		}
	}
	if d := cmp.Diff(theirs, ours); d != "" || len(ours) < 190 {
		t.Errorf("%d settings (-sa-exim +this package)\n%s", len(ours), d)
	}
}

// TestSAExim: copies are made by conditions that are true unless something says otherwise,
// and none where no mail is looked at.
func TestSAExim(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		active     []string
	}{
		{"runs", "SAEximRunCond: 1\nSAerrorsave: /srv/x\n", []string{"SAerrorsave"}},
		{"runs, whatever that word says", "SAEximRunCond: false\nSAerrorsave: /srv/x\nSAerrorSavCond: no\n", []string{"SAerrorsave"}},
		{"saves by default what is refused only", "SAEximRunCond: 1\nSApermrejectsave: /srv/x\nSAnotspamsave: /srv/y\nSAspamacceptsave: /srv/z\n", []string{"SApermrejectsave"}},
		{"saves nothing", "SAEximRunCond: 1\nSAerrorsave: /srv/x\nSAerrorSavCond: \n", nil},
		{"does not run", "SAEximRunCond: 1\nSAEximRunCond: 0\nSAerrorsave: /srv/x\nSAspamcpath: /x\n", []string{"SAEximRunCond"}},
		{"does not run where nothing says so", "SAspamcpath: /x\n", []string{"SAEximRunCond"}},
		{"a decoy that does not count", "SAEximRunCond: 1\nSAspamcHost: 203.0.113.9\nSAspamcHost:127.0.0.1\n SAspamcHost: 127.0.0.1\n", []string{"-d"}},
		{"behind a comment", "SAEximRunCond: 1\n#" + strings.Repeat("x", saEximLine-1) + "SAspamcpath: /x\n", []string{"SAspamcpath"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree := snapshot.Files(map[string]string{string(saEximFile): tt.text})
			var active []string
			for _, h := range readSAExim(tree, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}).Hooks {
				if h.Active {
					active = append(active, h.Directive)
				}
			}
			slices.Sort(active)
			if d := cmp.Diff(tt.active, active); d != "" {
				t.Error(d)
			}
		})
	}
}
