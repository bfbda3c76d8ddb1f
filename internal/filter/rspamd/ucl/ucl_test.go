package ucl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/snapshot"
)

func tree(files map[string]string) waxseal.Tree {
	objects := map[waxseal.Path]snapshot.Object{}
	for p, text := range files {
		objects[waxseal.Path(p)] = snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}, Content: []byte(text)}
	}
	return snapshot.New(objects)
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, main, other string
		want              any
	}{
		{"sections with names", `worker "normal" { count = 2 }`, "", map[string]any{"worker": map[string]any{"normal": map[string]any{"count": 2.0}}}},
		{"set twice", "a = 1; a = two", "", map[string]any{"a": []any{1.0, "two"}}},
		{"json", `{"a": [true, null, -1.5], "b": {"c": "d"}}`, "", map[string]any{"a": []any{true, nil, -1.5}, "b": map[string]any{"c": "d"}}},
		{"units", "a = 10kb, b = 10k; c = 5min\nd = 100ms\ne = 1d", "", map[string]any{"a": 10240.0, "b": 10000.0, "c": 300.0, "d": 0.1, "e": 86400.0}},
		{"words and addresses", "a = 127.0.0.1\nb = *:11334\nc = two words # and a comment", "", map[string]any{"a": "127.0.0.1", "b": "*:11334", "c": "two words"}},
		{"nested comments", "/* a /* b */ c */ x = 1", "", map[string]any{"x": 1.0}},
		{"heredoc", "x = <<EOD\nreturn function(task) end\nEOD\n", "", map[string]any{"x": "return function(task) end"}},
		{"variables", `a = "$DIR/x"; b = "${DIR}"; c = '$DIR'; d = "$NONE"`, "", map[string]any{"a": "/etc/x/x", "b": "/etc/x", "c": "$DIR", "d": "$NONE"}},
		{"a higher priority wins", "m { a = 1; b = 1\n.include(priority=10) \"/o\"\n}", "a = 2", map[string]any{"m": map[string]any{"a": 2.0, "b": 1.0}}},
		{"a lower priority loses", "m {\n.priority 5\na = 1\n.include \"/o\"\n}", "a = 2", map[string]any{"m": map[string]any{"a": 1.0}}},
		{"merged sections", "m { s { a = 1 }\n.include(duplicate=merge;priority=1) \"/o\"\n}", "s { a = 2; b = 3 }", map[string]any{"m": map[string]any{"s": map[string]any{"a": 2.0, "b": 3.0}}}},
		{"appended sections", "m { s { a = 1 }\n.include \"/o\"\n}", "s { a = 2 }", map[string]any{"m": map[string]any{"s": []any{map[string]any{"a": 1.0}, map[string]any{"a": 2.0}}}}},
		{"a file that closes the section of its includer", "m { .include \"/o\"\nb = 1 }", "a = 1 } n { c = 2", map[string]any{"m": map[string]any{"a": 1.0, "b": 1.0}, "n": map[string]any{"c": 2.0}}},
		{"a broken file loses nothing around it", "a { x = 1 .include \"/o\"\n y = 2 }\nz = 3", "{ [ }", map[string]any{"a": map[string]any{"x": "1 .include \"/o\"", "y": 2.0}, "z": 3.0}},
		{"a broken include loses nothing around it", "a { x = 1\n.include \"/o\"\n y = 2 }\nz = 3", "q { [ }", map[string]any{"a": map[string]any{"x": 1.0, "y": 2.0, "q": map[string]any{}}, "z": 3.0}},
		{"templates", "{# a comment #}{% if env.X %}a = 1\n{% endif %}", "", map[string]any{"a": 1.0}},
		{"inherited", "p { a = 1; b = 2 } c { b = 3\n.inherit \"p\"\n}", "", map[string]any{"p": map[string]any{"a": 1.0, "b": 2.0}, "c": map[string]any{"a": 1.0, "b": 3.0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc := Parse("/main", from(tree(map[string]string{"/main": tc.main, "/o": tc.other}), Variable{"DIR", "/etc/x"}))
			if diff := cmp.Diff(tc.want, plain(doc.Top)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", doc.Problems, diff)
			}
		})
	}
}

func TestSources(t *testing.T) {
	doc := Parse("/main", from(tree(map[string]string{"/main": "a {\n  b = 1\n  .include \"/o\"\n}\n", "/o": "# first\nc = 2\n"})))
	b, c := doc.Top.Path("a", "b").Source, doc.Top.Path("a", "c").Source
	if b != (waxseal.Source{Path: "/main", Line: 2}) || c != (waxseal.Source{Path: "/o", Line: 2}) {
		t.Error(b, c)
	}
	if diff := cmp.Diff([]waxseal.Path{"/main", "/o"}, doc.Files); diff != "" {
		t.Error(diff)
	}
}

// TestBounds: what is built to grow is cut short and told.
func TestBounds(t *testing.T) {
	files := map[string]string{"/deep": strings.Repeat("a { ", 100_000), "/many": strings.Repeat("a\n ", 10) + "x = 1", "/loop": ".include \"/loop2\"", "/loop2": ".include \"/loop\""}
	for i := range 14 { // each includes the next ten times
		files[fmt.Sprintf("/f%d", i)] = strings.Repeat(fmt.Sprintf(".include \"/f%d\"\n", i+1), 10)
	}
	files["/f14"] = "a = 1"
	bomb := "a0 { x = 1 }\n"
	for i := range 60 {
		bomb += fmt.Sprintf("a%d { l { .inherit \"a%d\"\n }\n r { .inherit \"a%d\"\n } }\n", i+1, i, i)
	}
	files["/bomb"] = bomb
	for _, first := range []string{"/deep", "/loop", "/f0", "/bomb", "/missing"} {
		doc := Parse(waxseal.Path(first), from(tree(files)))
		if doc.Refused == nil || len(doc.Problems) == 0 {
			t.Errorf("%s: nothing is told", first)
		}
	}
}

func FuzzParse(f *testing.F) {
	g := newGenerator(1)
	for range 20 {
		f.Add(g.write("/d")["main.conf"])
	}
	f.Add("a {\n.include(try=true; priority=1,duplicate=merge) \"/o\"\n}")
	f.Fuzz(func(t *testing.T, text string) {
		doc := Parse("/main", from(tree(map[string]string{"/main": text, "/o": text})))
		if doc.Top == nil {
			t.Fatal("no value")
		}
		for range doc.Top.Fields() {
		}
	})
}
