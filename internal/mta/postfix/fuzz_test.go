package postfix

import (
	"strings"
	"testing"
)

func lineCount(s string) int { return strings.Count(s, "\n") + 1 }

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
