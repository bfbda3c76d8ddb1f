package mapdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// texts are files that are text only.
type texts map[string]string

func (t texts) Text(p string) (string, error) {
	if s, ok := t[p]; ok {
		return s, nil
	}
	return "", fs.ErrNotExist
}

func (t texts) Compiled(p string) (io.ReaderAt, int64, error) {
	if _, err := os.Stat(path.Join("mapfile/testdata", p)); err != nil {
		return nil, 0, err
	}
	b, err := os.ReadFile(path.Join("mapfile/testdata", p))
	return strings.NewReader(string(b)), int64(len(b)), err
}

func TestLookup(t *testing.T) {
	files := texts{
		"/virtual": "Alice@example.test bob,\n  carol\nalice@example.test late\n",
		"/re":      "if /^a/\n/^(a+)(b*)$/ REDIRECT ${1}x$(2)@$$y\nendif\n!/b/ NOB\n/./!/bz/ SECOND\n",
		"/class":   "/[B-b]/ X\n",       // the C library folds the ends of the range: it is [B-B]
		"/repeat":  "/([a-z]$){2}/ X\n", // glibc finds this in "ab"
		"/zeros":   ",^(a){01}$, ONE\n", // Go takes no zeros in front
		"/back":    "/(a)\\1/ X\n",      // beyond linear time
		"/cidr":    "[10.0.0.0/8] NET\n!192.0.2.0/24 OUT\n2001:db8::/32 SIX\n",
		"/open":    "if /x/\n/./ IN\n",
	}
	for _, tc := range []struct{ ref, key, want string }{
		{"hash:/virtual", "ALICE@example.test", "bob,  carol @1"},
		{"hash:/virtual", "bob", "-"},
		{"btree:/virtual-btree", "u59@Example.test", "target59@a.example @0"},
		{"cdb:/virtual", "größe@example.test", "umlaut@example.test @0"},
		{"lmdb:/virtual", `"quo ted"@x.example`, "y@z.example @0"},
		{"hash:/missing", "x", "file does not exist"},
		{"regexp:/re", "AAb", "REDIRECT AAxb@$y @2"},
		{"regexp:/re", "ax", "NOB @4"},
		{"regexp:/re", "xb", "SECOND @5"},
		{"regexp:/re", "bz", "-"},
		{"regexp:/class", "b", "X @1"},
		{"regexp:/class", "x", "-"},
		{"regexp:/repeat", "ab", "unknown"},
		{"pcre:/zeros", "A", "ONE @1"},
		{"pcre:/back", "aa", "unknown"},
		{"pcre:/open", "x", "IN @2"},
		{"pcre:/open", "y", "-"},
		{"cidr:/cidr", "10.1.1.1", "NET @1"},
		{"cidr:/cidr", "1.1.1.1", "OUT @2"},
		{"cidr:/cidr", "2001:DB8::1", "SIX @3"},
		{"cidr:/cidr", "host.example", "-"},
		{"inline:{a=b, a=c}", "A", "c @0"},
		{"static:{x y}", "anything", "x y @0"},
		{"pcre:{{if /^a/}, {/(b)/ $1!}, {endif}}", "ab", "b! @0"},
		{"unionmap:{static:x, inline:{a=y}, regexp:/class}", "a", "x,y @0"},
		{"pipemap:{inline:{a=xb}, regexp:/re}", "a", "SECOND @0"},
		{"proxy:pipemap:{inline:{a=b}, fail:no}", "a", "unknown"},
		{"mysql:/x.cf", "a", "unknown"},
		{"evil:/x", "a", "unknown"},
	} {
		t.Run(tc.ref+" "+tc.key, func(t *testing.T) {
			a, err := Open(Parse(tc.ref), files).Lookup(tc.key)
			got := "-"
			switch {
			case errors.Is(err, ErrUnknown):
				got = "unknown"
			case errors.Is(err, fs.ErrNotExist):
				got = fs.ErrNotExist.Error()
			case err != nil:
				got = err.Error()
			case a.Found:
				got = fmt.Sprintf("%s @%d", a.Value, a.Entry.Line)
			}
			if tc.ref[:4] == "pcre" && strings.Contains(tc.ref, "{") {
				got = strings.Replace(got, "@2", "@0", 1) // its lines are those of the reference
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestValueLine(t *testing.T) {
	entries, _ := ParseSource(PCRE, "/^Subject: x/\n# c\n\n   REDIRECT\n  a@b.example\n/y/ OK\n")
	if len(entries) != 2 || entries[0].Line != 1 || entries[0].ValueLine != 4 || entries[1].ValueLine != 6 {
		t.Errorf("%+v", entries)
	}
}

func TestDisagreement(t *testing.T) {
	source := []Entry{
		{Line: 1, Key: "Same", Value: "a,  b"}, {Line: 2, Key: "changed", Value: "x"}, {Line: 3, Key: "only-source", Value: "x"},
		{Line: 4, Key: "twice", Value: "first"}, {Line: 5, Key: "Twice", Value: "second"}, {Line: 6, Key: "quoted", Value: `"|x  y"`},
	}
	compiled := [][2]string{{"same", "a,b"}, {"changed", "evil"}, {"only-compiled", "evil"}, {"twice", "second"}, {"quoted", `"|x y"`}, {"changed", "x"}}
	list, total := Disagreement(source, func(yield func(key, value []byte) bool) {
		for _, p := range compiled {
			yield([]byte(p[0]), []byte(p[1]))
		}
	}, 100)
	SortDifferences(list)
	var got []string
	for _, d := range list {
		got = append(got, fmt.Sprintf("%s %d %q %q %s %d", d.Key, d.Line, d.SourceValue, d.CompiledValue, d.Lacks, d.Later))
	}
	want := []string{
		`changed 2 "x" "evil"  0`, `only-compiled 0 "" "evil" source 0`, `only-source 3 "x" "" compiled 0`,
		`quoted 6 "\"|x  y\"" "\"|x y\""  0`, `twice 4 "first" "second"  5`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || total != 5 {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if list, total := Disagreement(source, func(func(key, value []byte) bool) {}, 2); len(list) != 2 || total != 5 {
		t.Errorf("%d of %d", len(list), total)
	}
}

func TestEachCompiled(t *testing.T) {
	for _, typ := range []string{"hash", "btree", "lmdb", "cdb"} {
		name := "aliases"
		if typ == "hash" || typ == "btree" {
			name += "-" + typ
		}
		r, size, err := texts{}.Compiled(Parse(typ + ":/" + name).CompiledFile())
		if err != nil {
			t.Fatal(err)
		}
		entries, problems, err := CompiledEntries(typ, r, size)
		if len(entries) != 8 || len(problems) > 0 || err != nil {
			t.Errorf("%s: %d entries, problems %v, error %v", typ, len(entries), problems, err)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("pcre", "if /a/\n/(b+)/i x$1\nendif\n", "abb")
	f.Add("regexp", "/[[:alpha:]]{2,}/!/x/m OK", "ab")
	f.Add("cidr", "!10.0.0.0/8 x", "10.1.1.1")
	f.Add("texthash", "a b\n", "A")
	f.Fuzz(func(t *testing.T, typ, text, key string) {
		a, err := Open(Parse(typ+":/f"), texts{"/f": text}).Lookup(key)
		if err != nil && a.Found {
			t.Errorf("an answer and an error: %+v, %v", a, err)
		}
	})
}

// TestWrongReferenceInside: a daemon that can't open one of the tables that a table is
// made of does not start, whether that table would have been asked or not.
func TestWrongReferenceInside(t *testing.T) {
	for ref, ok := range map[string]bool{
		"unionmap:{inline:{{a = b}} pipemap:{inline:{{c = d}} inline:{{d = e}}}}": true,
		"unionmap:{inline:{{a = b}} pipemap:{inline:{{c = d}} inline:{}}}":        false,
	} {
		a, err := Open(Parse(ref), texts{}).Lookup("a")
		if (err == nil) != ok || a.Found != ok {
			t.Errorf("%s: %+v, %v", ref, a, err)
		}
	}
}
