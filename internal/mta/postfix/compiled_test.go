package postfix

import (
	"os"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
)

// mapFile reads a table that postmap(1) or postalias(1) made; the README beside
// it says how.
func mapFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../mapdb/mapfile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var mapKinds = []struct{ typ, file, suffix string }{
	{"hash", "-hash.db", ".db"}, {"btree", "-btree.db", ".db"}, {"lmdb", ".lmdb", ".lmdb"}, {"cdb", ".cdb", ".cdb"},
}

// TestCompiledMaps: what Postfix reads is the compiled map, and where its source
// says something else, the hook says both.
func TestCompiledMaps(t *testing.T) {
	source := mapFile(t, "aliases.txt")
	const at = "/etc/aliases:alias_maps:"
	for _, tc := range []struct {
		name, source string
		want         []string // id, target, drift or inactive reason
	}{
		{"the same", source, nil},
		{"other spelling", "# x\n" + strings.Replace(strings.Replace(source, "root: alice", "ROOT:   alice", 1), "list: a, b,\n  c", "list: a,b,c", 1), nil},
		{"the source says another", strings.Replace(source, "Root: alice", "Root: bob", 1),
			[]string{at + "root > alice | drift: the compiled map says alice, its source bob"}},
		{"the source has no such entry", strings.Replace(source, "postmaster: root\n", "", 1),
			[]string{at + "postmaster > root | drift: the compiled map says root, its source has no such entry"}},
		{"not compiled in", source + "new: x@evil.example.net\n",
			[]string{at + "new > x@evil.example.net | inactive: it is not compiled into"}},
		{"twice in the source", source + "root: x@evil.example.net\n",
			[]string{at + "root#2 > x@evil.example.net | inactive: the key stands above"}},
	} {
		for _, kind := range mapKinds {
			t.Run(tc.name+" "+kind.typ, func(t *testing.T) {
				r := read(tree(map[string]string{"/etc/postfix/main.cf": own + "alias_maps = " + kind.typ + ":/etc/aliases\n",
					"/etc/aliases": tc.source, "/etc/aliases" + kind.suffix: mapFile(t, "aliases"+kind.file)}))
				var got []string
				for _, h := range r.Hooks {
					for _, name := range []string{"drift", "inactive"} {
						if text := h.Modifiers[name]; text != "" && h.Source.Path != "/etc/list" && h.Target.Value != "/etc/list" {
							got = append(got, strings.TrimPrefix(string(h.ID), "postfix:")+" > "+h.Target.Value+" | "+name+": "+text)
							if (name == "drift") != (h.Source.Path == waxseal.Path("/etc/aliases"+kind.suffix)) {
								t.Errorf("it is written in %s", h.Source.Path)
							}
						}
					}
				}
				if !slices.EqualFunc(got, tc.want, strings.HasPrefix) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
				}
			})
		}
	}
}

// TestOnlyCompiled: without a source the entries are those of the map.
func TestOnlyCompiled(t *testing.T) {
	for _, kind := range mapKinds {
		r := read(tree(map[string]string{"/etc/postfix/main.cf": own + "virtual_alias_maps = " + kind.typ + ":/etc/postfix/v\n",
			"/etc/postfix/v" + kind.suffix: mapFile(t, "virtual"+kind.file)}))
		h := find(t, r, "/etc/postfix/v:virtual_alias_maps:u58@example.test")
		if h.Target.Value != "target58@c.example" && h.Target.Value != "target58@b.example" || h.Source.Path != waxseal.Path("/etc/postfix/v"+kind.suffix) || h.Source.Line != 0 || !h.Active {
			t.Errorf("%s: %+v", kind.typ, h)
		}
	}
}

// TestDamagedMap: a compiled map that can't be read is never silence.
func TestDamagedMap(t *testing.T) {
	for name, content := range map[string]string{"garbage": "no map", "cut": mapFile(t, "aliases-hash.db")[:3000]} {
		r := read(tree(map[string]string{"/etc/postfix/main.cf": own + "alias_maps = hash:/etc/aliases\n", "/etc/aliases": "root: alice\n", "/etc/aliases.db": content}))
		if h := find(t, r, "/etc/aliases.db:unreadable"); h.Kind != waxseal.KindUnreadable || !h.Active {
			t.Errorf("%s: %+v", name, h)
		}
		if h := find(t, r, "/etc/aliases:alias_maps:root"); h.Target.Value != "alice" {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// FuzzEntries: reading a table entry by entry gives what the parsers of its format
// give.
func FuzzEntries(f *testing.F) {
	f.Add("# c\na b\n\"c d\" e\n  f\n# g\n\n h\ni\n \nj k\\\n", "a: b\n\"c d\": \"|e \\\"f\\\"\", :include:/g\n  , h\n i\nj:\n")
	f.Fuzz(func(t *testing.T, pairs, list string) {
		var got []mapdb.Entry
		eachSource(mapdb.KeyValue, pairs, func(e mapdb.Entry) bool { got = append(got, e); return true }, func(int, string) {})
		want, _ := mapdb.ParseSource(mapdb.KeyValue, pairs)
		if !slices.EqualFunc(got, want, func(a, b mapdb.Entry) bool {
			return a.Line == b.Line && a.Key == b.Key && a.Value == b.Value && a.ValueLine == b.ValueLine
		}) {
			t.Errorf("pairs %q:\n%+v\nwant\n%+v", pairs, got, want)
		}
		var read []aliases.Entry
		eachSource(aliasFormat, list, func(e mapdb.Entry) bool {
			read = append(read, aliases.Entry{Key: e.Key, Line: e.Line, Destinations: aliases.ParseValue(e.Value, e.Line)})
			return true
		}, func(int, string) {})
		parsed, _ := aliases.Parse(list)
		if !slices.EqualFunc(read, parsed, func(a, b aliases.Entry) bool {
			return a.Key == b.Key && a.Line == b.Line && slices.Equal(a.Destinations, b.Destinations)
		}) {
			t.Errorf("aliases %q:\n%+v\nwant\n%+v", list, read, parsed)
		}
	})
}
