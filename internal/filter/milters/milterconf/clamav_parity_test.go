package milterconf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

// clamPrograms are the files that clamconf(1) looks for in a directory.
var clamPrograms = []struct {
	file    string
	program Program
}{{"clamd.conf", Clamd("")}, {"freshclam.conf", Freshclam("")}, {"clamav-milter.conf", ClamAVMilter("")}}

// clamText is a configuration of one program, mostly a good one.
func clamText(r *rand.Rand, p Program) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	value := func(o option) string {
		switch o.kind {
		case "bool":
			return one("yes", "no", "True", "FALSE", "1", "0", "yes", "no", "maybe")
		case "number":
			return one("0", "12", "99", "007", "9999999999", "3", "-1", "4M")
		case "size":
			return one("0", "10M", "5k", "2G", "77", "010", "99999999999999999999", "12g", "1T")
		case "string":
			return one("/run/x", "two words", `"quoted words"`, `"half`, "a#b", `"a" # b`, "é", "tcp:10.0.0.1:3310", `""`, "x\r")
		}
		words := strings.Split(o.kind, "|")
		return one(words[0], words[len(words)-1], strings.ToLower(words[0]), "Nonsense")
	}
	var b strings.Builder
	for range 1 + r.IntN(12) {
		o := p.options[one(p.order...)]
		switch r.IntN(60) {
		case 0:
			b.WriteString(one("# c\n", "\n", "  # c\n", "ab\n", " \n", "  \t \n"))
		case 1:
			b.WriteString(one("Example\n", "Nonsense x\n", "scanmail yes\n", "ScanMail\n", "ScanMail \n", "abc\n"))
		case 2:
			b.WriteString(o.name + " " + strings.Repeat("x", 1000+r.IntN(40)) + "\n")
		default:
			v := value(o)
			if r.IntN(4) > 0 && strings.ContainsAny(v, `-T"N`) {
				v = value(o)
			}
			b.WriteString(one("", "", "", " ", "\t") + o.name + one(" ", "\t", "  ") + v + one("", "", " ", "\t") + "\n")
		}
	}
	text := b.String()
	return text[:len(text)-r.IntN(2)]
}

// TestClamAVParity asks clamconf(1) and this package about the same configurations.
func TestClamAVParity(t *testing.T) {
	seed, cases := lab.Seed(t), lab.Cases(t, 400)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	r := rand.New(rand.NewPCG(seed, 2))
	written := map[string]string{}
	for i := range cases {
		dir := filepath.Join(root, fmt.Sprintf("conf/%04d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, p := range clamPrograms {
			text := clamText(r, p.program)
			if i == 0 { // as the package comes
				text = readFile(t, root, "etc/clamav/"+p.file)
			}
			written[fmt.Sprintf("%04d/%s", i, p.file)] = text
			writeFile(t, filepath.Join(dir, p.file), text)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := lab.Output(ctx, root, `cd /conf; for d in *; do clamconf --config-dir=/conf/$d 2>/dev/null | sed '/^Software settings/,$d' >$d/said; done`); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	refused, wrong := 0, 0
	for i := range cases {
		said := readFile(t, root, fmt.Sprintf("conf/%04d/said", i))
		for _, p := range clamPrograms {
			text := written[fmt.Sprintf("%04d/%s", i, p.file)]
			theirs := clamSection(said, p.file)
			ours, no := clamShown(p.program.Parse("/f", text))
			if no {
				refused++
			}
			if ours != theirs && wrong < 6 {
				wrong++
				t.Errorf("case %d %s\n%s\n%s", i, p.file, text, firstDifference(theirs, ours))
			}
		}
	}
	t.Logf("%d files, %d of them refused", 3*cases, refused)
	if lab.Many(cases) && (refused < cases/5 || refused > cases*5/2) {
		t.Errorf("%d of %d are refused: the generator asks too little", refused, 3*cases)
	}
}

// clamSection is what clamconf lists for one file, "refused" where it can't read it.
func clamSection(said, file string) string {
	_, section, ok := strings.Cut(said, "Config file: "+file+"\n")
	if !ok {
		return "refused"
	}
	section, _, _ = strings.Cut(section, "\n\n")
	var list []string
	for line := range strings.Lines(section) {
		if line = strings.TrimSuffix(line, "\n"); strings.Contains(line, " = \"") || strings.HasSuffix(line, " disabled") {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return "refused"
	}
	return strings.Join(list, "\n")
}

func clamShown(o Options) (text string, refused bool) {
	if len(o.Refusals) > 0 {
		return "refused", true
	}
	var list []string
	for _, e := range o.Effective() {
		if e.Value == "" {
			list = append(list, e.Name+" disabled")
		} else {
			list = append(list, e.Name+` = "`+e.Value+`"`)
		}
	}
	return strings.Join(list, "\n"), false
}

func firstDifference(theirs, ours string) string {
	a, b := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("clamconf says %.200q\nwe say %.200q", a[i], b[i])
		}
	}
	return fmt.Sprintf("clamconf has %d lines, we %d", len(a), len(b))
}

// TestFirstCounts: of an option of ClamAV that may stand once, the first line counts.
func TestFirstCounts(t *testing.T) {
	o := ClamAVMilter("").Parse("/f", "OnInfected Reject\nOnInfected Accept\nClamdSocket unix:/a\nClamdSocket tcp:b\n")
	if o.Value("OnInfected") != "Reject" || len(o.Ignored) != 1 || len(o.All("ClamdSocket")) != 2 {
		t.Errorf("%+v", o)
	}
	if o.Written[0].Source != (waxseal.Source{Path: "/f", Line: 1}) {
		t.Errorf("%+v", o.Written[0])
	}
}
