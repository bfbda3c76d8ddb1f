package eximconf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

// parityHelp says how to see one run again.
const parityHelp = "WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has"

// ask has Exim print each case: the lines in force, and what all options are.
const ask = `cd /cases
i=$1
while [ $i -lt $2 ]; do
exim4 -C /cases/$i/main -bP config >$i/out.config 2>$i/err || echo $? >$i/failed
exim4 -C /cases/$i/main -bP all routers transports macros >$i/out.all 2>>$i/err || echo $? >$i/failed
i=$((i+1))
done`

// TestParity asks a real Exim and this package what the same generated
// configurations say.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 1000), lab.Seed(t)
	t.Logf(parityHelp, seed)
	root := lab.Root(t, lab.Exim)
	for i := range cases {
		usedMain = map[string]bool{}
		dir := fmt.Sprintf("/cases/%d", i)
		writeCase(t, root+dir, newGenerator(seed+uint64(i)*1_000_003, dir).generate())
	}
	started := time.Now()
	askAll(t, root, cases)
	t.Logf("Exim answered in %v", time.Since(started).Round(time.Second))
	refused, wrong := 0, 0
	for i := range cases {
		failed, difference := compare(t, root, i)
		if failed {
			refused++
		}
		if difference == "" {
			continue
		}
		t.Errorf("case %d: %s", i, difference)
		if wrong++; wrong > 5 {
			t.Fatal("more differences")
		}
	}
	t.Logf("%d cases compared, Exim refused %d of them", cases, refused)
	if lab.Many(cases) && refused*2 > cases {
		t.Errorf("Exim refused %d of %d: the cases say too little", refused, cases)
	}
}

func writeCase(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func askAll(t *testing.T, root string, cases int) {
	t.Helper()
	const shells = 4
	errs := make([]error, shells)
	var wg sync.WaitGroup
	for n := range shells {
		wg.Go(func() {
			_, errs[n] = lab.Output(t.Context(), root, ask, strconv.Itoa(cases*n/shells), strconv.Itoa(cases*(n+1)/shells))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// compare tells whether Exim refused a case, and what is different.
func compare(t *testing.T, root string, i int) (failed bool, difference string) {
	t.Helper()
	dir := fmt.Sprintf("%s/cases/%d/", root, i)
	read := func(name string) string {
		content, err := os.ReadFile(dir + name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(content)
	}
	c := Read(Source{
		Path:    waxseal.Path(fmt.Sprintf("/cases/%d/main", i)),
		Missing: func(err error) bool { return errors.Is(err, fs.ErrNotExist) },
		Open: func(p waxseal.Path) (string, error) {
			content, err := os.ReadFile(root + string(p))
			return string(content), err
		},
	})
	failed = read("failed") != ""
	switch ours, theirs := printConfig(c), withoutHeadings(read("out.config")); {
	case failed && len(c.Problems) == 0:
		return failed, "Exim refuses it: " + read("err") + "\n" + read("main")
	case failed:
		return failed, ""
	case len(c.Problems) > 0:
		return failed, fmt.Sprintf("Exim takes it, and here are problems: %v\n%s", c.Problems, read("main"))
	case ours != theirs:
		return failed, "lines in force\n" + firstDifference(ours, theirs) + "\n" + read("main")
	}
	if d := compareShown(c, read("out.all")); d != "" {
		return failed, d + "\n" + read("main")
	}
	return failed, ""
}

func withoutHeadings(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "# ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func firstDifference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d\nours   %q\ntheirs %q", i, at(a, i), at(b, i))
		}
	}
	return ""
}

func at(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "(none)"
}

// compareShown compares each option that Exim shows.
func compareShown(c *Config, theirs string) string {
	var macros strings.Builder
	class, driver, options := "main", "", c.Main
	for line := range strings.Lines(theirs) {
		line = strings.TrimSuffix(line, "\n")
		if d, ok := heading(c, line); ok {
			class, driver, options = d.Class, d.Kind(), d.Options
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		if line == "" || line[0] == '_' || line[0] == '*' {
			continue
		}
		if isUpper(name[0]) {
			macros.WriteString(line + "\n")
			continue
		}
		if d := compareOption(class, driver, options, name, line); d != "" {
			return d
		}
	}
	if ours := printMacros(c); ours != macros.String() {
		return "macros\n" + firstDifference(ours, macros.String())
	}
	return ""
}

func heading(c *Config, line string) (Driver, bool) {
	for _, d := range append(c.Routers, c.Transports...) {
		if line == d.Name+" "+d.Class+":" {
			return d, true
		}
	}
	return Driver{}, false
}

func compareOption(class, driver string, options []Option, name, line string) string {
	o, set := get(options, name)
	if bare, ok := strings.CutPrefix(name, "no_"); ok && !set {
		if _, isOne := lookUp(class, driver, name); !isOne {
			o, set = get(options, bare)
			name = bare
		}
	}
	if !set {
		row, known := lookUp(class, driver, name)
		if !known {
			return class + " " + driver + ": Exim knows an option " + name
		}
		if row.hasNone {
			return ""
		}
		o = Option{Name: name, Value: row.value}
		if text := shown(class, driver, o); strings.TrimRight(text, " ") != strings.TrimRight(line, " ") {
			return fmt.Sprintf("default of %s %s\nours   %q\ntheirs %q", class, driver, text, line)
		}
		return ""
	}
	if ours := shown(class, driver, o); ours != line {
		return fmt.Sprintf("option of %s %s\nours   %q\ntheirs %q", class, driver, ours, line)
	}
	return ""
}
