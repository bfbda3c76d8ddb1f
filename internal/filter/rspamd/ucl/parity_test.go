package ucl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// TestParity asks the libucl in a real rspamadm(1) and this package what the same
// configurations come to.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 2000), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Stock)
	g := newGenerator(seed)
	for i := range cases {
		for name, text := range g.write(fmt.Sprintf("/cases/%d", i)) {
			put(t, root, fmt.Sprintf("/cases/%d/%s", i, name), text)
		}
		put(t, root, fmt.Sprintf("/cases/%d/n", i), "42\n")
	}
	put(t, root, "/ask.lua", ask)
	if _, err := lab.Output(t.Context(), root, askAll, strconv.Itoa(cases)); err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	p := parity{t: t, root: root, tree: tree}
	for i := range cases {
		if p.compare(i); p.wrong > 5 {
			t.Fatal("more differences")
		}
	}
	t.Logf("%d configurations compared, of which libucl refused %d and crashed on %d", cases, p.refused, p.crashed)
	if lab.Many(cases) && (p.refused*2 > cases || p.crashed*20 > cases) {
		t.Error("too many are refused: the cases say too little")
	}
}

// askAll goes on behind a configuration on which libucl crashes.
const askAll = `echo 0 >/at; while [ $(cat /at) -lt $1 ]; do FROM=$(cat /at) CASES=$1 rspamadm lua /ask.lua || echo $(($(cat /at) + 1)) >/at; done 2>/dev/null`

// ask reads each configuration and writes what it comes to beside it.
const ask = `local ucl = require "ucl"
local function at(i)
  local f = io.open("/at", "w")
  f:write(i)
  f:close()
end
for i = tonumber(os.getenv("FROM")), tonumber(os.getenv("CASES")) - 1 do
  at(i)
  local dir = "/cases/" .. i
  local parser = ucl.parser()
  parser:register_variable("HERE", dir)
  local ok, err = parser:parse_file(dir .. "/main.conf")
  local out = io.open(dir .. "/said", "w")
  if ok then
    out:write(parser:get_object_wrapped():tostring("json-compact"))
  else
    out:write("refused ", tostring(err))
  end
  out:close()
end
at(os.getenv("CASES"))
`

func put(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

type parity struct {
	t                       *testing.T
	root                    string
	tree                    waxseal.Tree
	refused, crashed, wrong int
}

// from reads files of a tree.
func from(tree waxseal.Tree, variables ...Variable) Options {
	return Options{Variables: variables, List: tree.ReadDir, Open: func(p waxseal.Path) (string, waxseal.Path, error) {
		f, err := tree.Stat(p)
		if err != nil {
			return "", "", err
		}
		text, err := tree.ReadFile(p, 1<<20)
		if f.Resolved == "" {
			f.Resolved = p
		}
		return string(text), f.Resolved, err
	}}
}

func (p *parity) compare(i int) {
	dir := fmt.Sprintf("/cases/%d", i)
	content, err := os.ReadFile(filepath.Join(p.root, dir, "said"))
	if err != nil || len(content) == 0 {
		p.crashed++
		return
	}
	said := string(content)
	doc := Parse(waxseal.Path(dir+"/main.conf"), from(p.tree, Variable{"HERE", dir}))
	refused := strings.HasPrefix(said, "refused")
	switch {
	case refused && doc.Refused != nil:
		p.refused++
	case refused || doc.Refused != nil:
		p.differ(dir, fmt.Sprintf("libucl says %s\nours %v", said, doc.Refused))
	default:
		var theirs any
		if err := json.Unmarshal(content, &theirs); err != nil {
			p.t.Logf("%s: what libucl writes is no JSON: %v", dir, err)
			return
		}
		if diff := cmp.Diff(theirs, plain(doc.Top), near, readable); diff != "" {
			p.differ(dir, "(-libucl +ours):\n"+diff)
		}
	}
}

func (p *parity) differ(dir, what string) {
	p.wrong++
	files := ""
	_ = filepath.WalkDir(filepath.Join(p.root, dir), func(f string, d fs.DirEntry, _ error) error {
		if content, err := os.ReadFile(f); err == nil && !d.IsDir() && d.Name() != "said" && d.Name() != "n" {
			files += fmt.Sprintf("--- %s\n%s\n", strings.TrimPrefix(f, p.root), content)
		}
		return nil
	})
	p.t.Errorf("%s: %s\n%s", dir, what, files)
}

var (
	// near takes numbers for equal that libucl prints with fewer digits.
	near = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(a)) })
	// readable takes text that is no UTF-8 as encoding/json reads it.
	readable = cmp.Comparer(func(a, b string) bool { return strings.ToValidUTF8(a, "\uFFFD") == strings.ToValidUTF8(b, "\uFFFD") })
)

// plain is a value as encoding/json reads it.
func plain(v *Value) any {
	if v.next != nil && v.Kind != Array { // behind an array in brackets, libucl writes nothing
		list := []any{}
		for e := range v.Each() {
			list = append(list, one(e))
		}
		return list
	}
	return one(v)
}

func one(v *Value) any {
	switch v.Kind {
	case Object:
		m := map[string]any{}
		for k, f := range v.Fields() {
			m[strings.ToValidUTF8(k, "\uFFFD")] = plain(f)
		}
		return m
	case Array:
		list := []any{}
		for _, item := range v.items {
			list = append(list, one(item))
		}
		return list
	case Int, Float, Time:
		n, _ := v.Number()
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return nil
		}
		return n
	case String:
		return v.text
	case Boolean:
		return v.yes
	}
	return nil
}
