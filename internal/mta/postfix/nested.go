package postfix

import (
	"bytes"
	"io"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// maxAsked bounds the keys that are looked up in one pipemap: or unionmap:.
const maxAsked = 20_000

// whole works out what a pipemap: or unionmap: answers to each key that its
// tables have. ok is false where that can't be told from files: then each table
// is listed for itself.
func (s site) whole(ref mapdb.Ref, tables []table) (answers []table, ok bool) {
	asked := tables
	if ref.Type == "pipemap" && len(tables) > 0 {
		asked = tables[:1]
	}
	if len(tables) != len(ref.Refs) {
		return nil, false // a server is among them
	}
	opened := mapdb.Open(ref, treeFiles{s.in.Tree})
	seen := map[string]bool{}
	for _, t := range asked {
		if t.format != mapdb.KeyValue || t.ref.Type == "static" || t.ref.Type == "randmap" || t.ref.Class == mapdb.Nested {
			return nil, false
		}
		list, ok := ask(opened, t, seen)
		if !ok {
			return nil, false
		}
		t.ref, t.entries, t.lines = ref, plainEntries(list), len(list)
		answers = append(answers, t)
	}
	return answers, true
}

func ask(opened *mapdb.Table, t table, seen map[string]bool) (list []mapdb.Entry, ok bool) {
	for e := range t.entries {
		key := mapdb.Fold(e.Key)
		if seen[key] || e.unused != "" {
			continue
		}
		if seen[key] = true; len(seen) > maxAsked {
			return nil, false
		}
		a, err := opened.Lookup(e.Key)
		if err != nil {
			return nil, false
		}
		if a.Found {
			list = append(list, mapdb.Entry{Line: e.Line, Key: e.Key, Value: a.Value})
		}
	}
	return list, true
}

// treeFiles gives the tables of a tree to package mapdb.
type treeFiles struct{ tree waxseal.Tree }

func (f treeFiles) Text(path string) (string, error) {
	content, err := f.tree.ReadFile(mta.Clean(path), maxTable)
	return string(content), err
}

func (f treeFiles) Compiled(path string) (io.ReaderAt, int64, error) {
	content, err := f.tree.ReadFile(mta.Clean(path), maxTable)
	return bytes.NewReader(content), int64(len(content)), err
}
