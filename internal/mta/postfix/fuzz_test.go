package postfix

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func lineCount(s string) int { return strings.Count(s, "\n") + 1 }

func FuzzMain(f *testing.F) {
	f.Add(own)
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := parseMain("/m", text)
		for _, p := range problems {
			if p.Line < 1 || p.Line > lineCount(text) {
				t.Errorf("problem on line %d of %d", p.Line, lineCount(text))
			}
		}
		for name, p := range c.set {
			if name == "" || p.line < 1 || p.line > lineCount(text) {
				t.Errorf("parameter %q on line %d of %d", name, p.line, lineCount(text))
			}
		}
		if len(c.order) != len(c.set) {
			t.Errorf("%d names in order, %d set", len(c.order), len(c.set))
		}
	})
}

func FuzzMaster(f *testing.F) {
	f.Add(masterLines)
	f.Fuzz(func(t *testing.T, text string) {
		services, problems := parseMaster("/m", text)
		for _, p := range problems {
			if p.Line < 1 || p.Line > lineCount(text) {
				t.Errorf("problem on line %d of %d", p.Line, lineCount(text))
			}
		}
		seen := map[string]bool{}
		for _, s := range services {
			if seen[s.key()] || s.command == "" || s.line < 1 || s.line > lineCount(text) {
				t.Errorf("service %+v", s)
			}
			seen[s.key()] = true
			_ = commandLine(s.external().argv)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("a = $b\nb = ${a?{x}:{y}}\n", "${a}$(b)${{$a} == {1} ? {t} : {f}}")
	f.Fuzz(func(t *testing.T, main, text string) {
		got, problem := testView(main, nil).expand(text)
		if len(got) > 2*maxExpanded+len(text) {
			t.Errorf("%d bytes from %d", len(got), len(text))
		}
		if !utf8.ValidString(problem) {
			t.Errorf("problem %q", problem)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add(own+"virtual_alias_maps = hash:/etc/postfix/t, pcre:{{/a/ b}}\n", masterLines, "a b\n/a/ REDIRECT b@c.example\n")
	f.Fuzz(func(t *testing.T, main, master, table string) {
		r := read(tree(map[string]string{"/etc/postfix/main.cf": main, "/etc/postfix/master.cf": master, "/etc/postfix/t": table, "/etc/aliases": table}))
		ids := map[string]bool{}
		for _, h := range r.Hooks {
			if ids[string(h.ID)] {
				t.Errorf("hook %q twice", h.ID)
			}
			ids[string(h.ID)] = true
			if h.Closure == nil || h.Effects == nil || h.Explain == "" {
				t.Errorf("incomplete hook %+v", h)
			}
			if h.Source.Line < 0 || h.Source.Line > lineCount(main)+lineCount(master)+lineCount(table) {
				t.Errorf("hook %q on line %d", h.ID, h.Source.Line)
			}
		}
	})
}
