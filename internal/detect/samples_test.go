package detect_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// sample is one real change: see testdata/samples/README.md.
type sample struct {
	ID, Title, Verdict, Effect string
	Ambiguous                  bool
	before, after              map[waxseal.Path]snapshot.Object
}

// TestSamples judges every sample, and asks what scan would make of its end
// alone.
func TestSamples(t *testing.T) {
	samples := readSamples(t)
	attacks, named := 0, 0
	for _, id := range slices.Sorted(maps.Keys(samples)) {
		s := samples[id]
		t.Run(id, func(t *testing.T) {
			now, changes := judged(s)
			wantVerdict(t, s, changes)
			if s.Verdict != "malicious" {
				return
			}
			attacks++
			if namedFirst(now, changes) {
				named++
				return
			}
			t.Logf("scan does not name %s (%s) among the first five", s.ID, s.Title)
		})
	}
	if named*10 < attacks*9 {
		t.Errorf("scan names %d of %d attacks among its first five, want nine of ten", named, attacks)
	}
	t.Logf("scan names %d of %d attacks among its first five", named, attacks)
}

func judged(s *sample) (waxseal.State, []waxseal.Change) {
	m := mask.New([]byte("samples"))
	was, now := mailpath.NewReader(m).Read(snapshot.New(s.before)), mailpath.NewReader(m).Read(snapshot.New(s.after))
	changes := drift.Compare(was, now)
	context := detect.NewContext(was, now)
	for i := range changes {
		context.Judge(&changes[i])
	}
	return now, changes
}

func wantVerdict(t *testing.T, s *sample, changes []waxseal.Change) {
	t.Helper()
	verdict, said := waxseal.None, ""
	for _, c := range changes {
		verdict = max(verdict, c.Severity)
		said += c.Severity.String() + " " + string(c.Path) + ": " + strings.Join(c.Reasons, "\n\t") + "\n"
	}
	switch {
	case s.Verdict == "malicious" && verdict < waxseal.High,
		s.Verdict == "benign" && s.Effect == "none" && verdict != waxseal.None,
		s.Verdict == "benign" && verdict >= waxseal.High:
		t.Errorf("%s %q: verdict %s\n%s", s.Verdict, s.Title, verdict, said)
	}
}

// namedFirst reports whether one of the first five findings of a scan is about a
// hook that the attack made or changed, or about a file that it changed.
func namedFirst(now waxseal.State, changes []waxseal.Change) bool {
	hooks, files := map[waxseal.HookID]bool{}, map[waxseal.Path]bool{}
	for _, c := range changes {
		if c.Severity < waxseal.High {
			continue
		}
		files[c.Path] = true
		for _, h := range c.Hooks.Added {
			hooks[h.ID] = true
		}
		for _, h := range c.Hooks.Changed {
			hooks[h.After.ID] = true
		}
	}
	hookOf := map[waxseal.HookID]waxseal.Hook{}
	for _, h := range now.Hooks {
		hookOf[h.ID] = h
	}
	list := detect.Rank(now)
	for _, f := range list[:min(5, len(list))] {
		if h := hookOf[f.Hook]; f.Severity >= waxseal.Medium && (hooks[f.Hook] || files[waxseal.Path(h.Target.Value)]) {
			return true
		}
	}
	return false
}

func readSamples(t *testing.T) map[string]*sample {
	t.Helper()
	archives, err := filepath.Glob("testdata/samples/*.tar.gz")
	if err != nil || len(archives) == 0 {
		t.Fatal("no samples", err)
	}
	samples := map[string]*sample{}
	for _, name := range archives {
		readArchive(t, samples, name)
	}
	return samples
}

func readArchive(t *testing.T, samples map[string]*sample, name string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		member(t, samples, h, archive)
	}
}

// member takes "pf-m01/after/etc/postfix/main.cf" or "pf-m01/meta.json".
func member(t *testing.T, samples map[string]*sample, h *tar.Header, content io.Reader) {
	t.Helper()
	id, rest, _ := strings.Cut(path.Clean(h.Name), "/")
	if samples[id] == nil {
		samples[id] = &sample{before: map[waxseal.Path]snapshot.Object{}, after: map[waxseal.Path]snapshot.Object{}}
	}
	s := samples[id]
	raw, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	if rest == "meta.json" {
		if err := json.Unmarshal(raw, s); err != nil {
			t.Fatal(id, err)
		}
		return
	}
	which, p, ok := strings.Cut(rest, "/")
	if !ok || h.Typeflag == tar.TypeDir {
		return
	}
	o := snapshot.Object{Content: raw, File: waxseal.File{
		Mode: uint32(h.Mode), UID: uint32(h.Uid), GID: uint32(h.Gid), ModTime: h.ModTime,
	}}
	switch h.Typeflag {
	case tar.TypeSymlink:
		o.Type, o.Link = waxseal.Symlink, h.Linkname
	case tar.TypeReg:
	default:
		t.Fatalf("%s: a member of type %c", h.Name, h.Typeflag)
	}
	if which == "before" {
		s.before[waxseal.Path("/"+p)] = o
	} else {
		s.after[waxseal.Path("/"+p)] = o
	}
}
