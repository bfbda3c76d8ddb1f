package doveconf

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// TestParity asks the doveconf(1) of a real Dovecot and this package about the
// same thousand configurations.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 1200), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Stock)
	g := newGenerator(seed)
	g.file = "/cases/value"
	put(t, root, "/cases/value", "one\ntwo $mail_plugins\n")
	for i := range cases {
		for name, text := range g.write(fmt.Sprintf("/cases/%d", i)) {
			put(t, root, fmt.Sprintf("/cases/%d/%s", i, name), text)
		}
	}
	ask(t, root, int(cases))
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	p := parity{t: t, root: root, tree: tree}
	for i := range cases {
		if p.compare(int(i)); p.wrong > 8 {
			t.Fatal("more differences")
		}
	}
	t.Logf("%d configurations compared, of which doveconf refused %d for a line and left %d to the checks of the daemons", p.compared, p.refused, p.checked)
	if lab.Many(cases) && (p.refused*2 > int(cases) || p.checked*3 > int(cases)) {
		t.Error("too many are refused: the cases say too little")
	}
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ask runs doveconf over all cases, in three ways over each fourth.
func ask(t *testing.T, root string, cases int) {
	t.Helper()
	script := `i=0; while [ $i -lt $1 ]; do d=/cases/$i; doveconf -n -x -P -c $d/main >$d/x 2>$d/x.err; if [ $((i % 4)) = 0 ]; then doveconf -n -P -c $d/main >$d/n 2>$d/n.err; doveconf -a -P -c $d/main >$d/a 2>$d/a.err; fi; i=$((i+1)); done`
	if _, err := lab.Output(t.Context(), root, script, strconv.Itoa(cases)); err != nil {
		t.Fatal(err)
	}
}

type parity struct {
	t                                 *testing.T
	root                              string
	tree                              Source
	compared, refused, checked, wrong int
}

// complaint is where doveconf stops reading.
var complaint = regexp.MustCompile(`Fatal: Error in configuration file (\S+) line (\d+): (.*)|Fatal: (Error in configuration file .*: Missing '}'.*)|Fatal: (Error in configuration file .*)`)

func (p *parity) compare(i int) {
	p.t.Helper()
	dir := fmt.Sprintf("/cases/%d", i)
	ours := Read(p.tree, waxsealPath(dir+"/main"), "1:2.3.19.1")
	said := complaint.FindStringSubmatch(p.text(dir + "/x.err"))
	p.compared++
	switch {
	case said != nil && said[1] != "":
		p.refused++
		if ours.Refused == nil || string(ours.Refused.Path) != said[1] || strconv.Itoa(ours.Refused.Line) != said[2] {
			p.differ(dir, "refused at %s line %s (%s), ours %v", said[1], said[2], said[3], ours.Refused)
		}
	case said != nil && said[4] != "":
		p.refused++
		if ours.Refused == nil || !strings.Contains(ours.Refused.Message, "Missing '}'") {
			p.differ(dir, "%s, ours %v", said[4], ours.Refused)
		}
	case said != nil:
		p.checked++
	case ours.Refused != nil && !strings.Contains(ours.Refused.Message, "is missing driver"):
		p.differ(dir, "ours refuses: %v", ours.Refused)
	default:
		p.same(dir, "doveconf -nx", changed(ours, inFull), shown(p.text(dir+"/x")))
		if i%4 == 0 && !complaint.MatchString(p.text(dir+"/n.err")) {
			p.same(dir, "doveconf -n", changed(ours, asWritten), shown(p.text(dir+"/n")))
			p.same(dir, "doveconf -a", everything(ours), whole(shown(p.text(dir+"/a"))))
		}
	}
}

func (p *parity) text(name string) string {
	content, err := os.ReadFile(filepath.Join(p.root, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

func (p *parity) differ(dir, format string, args ...any) {
	p.t.Helper()
	p.wrong++
	var files string
	names, _ := filepath.Glob(filepath.Join(p.root, dir, "conf.d/*"))
	for _, f := range append([]string{filepath.Join(p.root, dir, "main")}, names...) {
		content, _ := os.ReadFile(f)
		files += fmt.Sprintf("--- %s\n%q\n", filepath.Base(f), content)
	}
	p.t.Errorf("case %s: %s\n%s", dir, fmt.Sprintf(format, args...), files)
}

func (p *parity) same(dir, what string, ours, theirs map[string]string) {
	p.t.Helper()
	var diff []string
	for _, k := range slices.Sorted(maps.Keys(theirs)) {
		if v, ok := ours[k]; !ok || v != theirs[k] {
			diff = append(diff, fmt.Sprintf("%s: ours %q %v, theirs %q", k, v, ok, theirs[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(ours)) {
		if _, ok := theirs[k]; !ok {
			diff = append(diff, fmt.Sprintf("%s: ours %q, theirs none", k, ours[k]))
		}
	}
	if len(diff) > 0 {
		p.differ(dir, "%s: %s", what, strings.Join(diff, "\n  "))
	}
}

// shown is what doveconf prints as path/setting and value. An empty location or
// prefix of a namespace is printed whether or not it is set.
func shown(text string) map[string]string {
	out := map[string]string{}
	for _, s := range flatten(text) {
		if s.kinds == "namespace" && (s.key == "location" || s.key == "prefix") && s.value == "" || strings.HasSuffix(s.kinds, "db") && s.key == "name" && s.value == "" {
			continue
		}
		out[strings.TrimPrefix(s.path+"/"+s.key, "/")] = s.value
	}
	return out
}

// changed are the settings of ours that doveconf -n prints: of the whole and of
// databases those that are not as by default, and of all other sections each.
func changed(c *Config, how expansion) map[string]string {
	out := map[string]string{}
	var walk func(s *Section, path string)
	walk = func(s *Section, path string) {
		for _, set := range s.Settings {
			known, ok := c.known.find(s, set.Key)
			plain := s.Parent == nil || (s.Kind == "passdb" || s.Kind == "userdb") && s.Parent.Parent == nil
			value := set.in(how)
			if ok && plain && (value == known.Default || strings.HasPrefix(known.Type, "enum:") && strings.HasPrefix(known.Default, value)) && !(s.Parent != nil && set.Key == "driver") || s.Kind == "namespace" && (set.Key == "location" || set.Key == "prefix") && value == "" || set.Key == "name" && value == "" {
				continue
			}
			out[path+set.Key] = asPrinted(value)
		}
		count := map[string]int{}
		for _, sub := range s.Sections {
			name := sub.Name
			switch {
			case sub.Kind == "passdb" || sub.Kind == "userdb":
				name = fmt.Sprintf("#%d", count[sub.Kind])
				count[sub.Kind]++
				if sub.Name != "" && sub.Get("name") == nil {
					out[path+sub.Kind+" "+name+"/name"] = sub.Name
				}
			case name == "" && !wordLists[sub.Kind]:
				name = fmt.Sprintf("#%d", count[sub.Kind])
				count[sub.Kind]++
			case strings.Contains(name, " "):
				name = `"` + name + `"`
			}
			walk(sub, path+strings.TrimSpace(sub.Kind+" "+name)+"/")
		}
	}
	walk(c.Root, "")
	return out
}

// asPrinted: a value of several lines is printed over several lines, of which
// the comparison sees the first.
func asPrinted(value string) string {
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// everything are the settings of the whole, set or not.
func everything(c *Config) map[string]string {
	out := map[string]string{}
	for k, e := range c.known.entries {
		if k.kind == "" {
			out[k.name] = e.Default
		}
	}
	for _, s := range c.Root.Settings {
		out[s.Key] = asPrinted(s.Written)
	}
	return out
}

func whole(all map[string]string) map[string]string {
	maps.DeleteFunc(all, func(k, _ string) bool { return strings.Contains(k, "/") })
	return all
}

func waxsealPath(p string) waxseal.Path { return waxseal.Path(p) }
