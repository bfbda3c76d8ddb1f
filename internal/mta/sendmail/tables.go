package sendmail

import (
	"bytes"
	"errors"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// maxTable bounds the file of one table.
const maxTable = 256 << 20

// table is what a file of entries says: the compiled map, or its source where
// there is none.
type table struct {
	source   waxseal.Path
	compiled waxseal.Path // "" for plain text
	aliases  bool
	secret   bool
	missing  bool // neither is there
	kept     []entry
	index    map[string]string // by key, lower case; made when it is asked for
}

// entry is one key of a table.
type entry struct {
	key, value string
	line       int          // in the source, 0 for one that is compiled only
	at         waxseal.Path // where it stands
	drift      string       // what source and compiled map say differently
	unused     string       // why no lookup finds it, "" if one does
}

// maxEntries bounds what is kept of a table: it is some dozen bytes of each.
const maxEntries = 2_000_000

// entries reads the table of a map once.
func (in *instance) entries(m cf.Map) *table {
	if !path.IsAbs(m.File) {
		return &table{}
	}
	suffix, ok := fileClasses[m.Class]
	if !ok {
		return &table{}
	}
	return in.table(m.File, m.Class, suffix, false, strings.EqualFold(m.Name, "authinfo"))
}

// table reads a source and the map that was compiled from it.
func (r *reader) table(name, class, suffix string, alias, secret bool) *table {
	name = strings.TrimSuffix(name, suffix)
	key := class + ":" + name
	if t, ok := r.tables[key]; ok {
		return t
	}
	t := &table{source: mta.Clean(name), aliases: alias, secret: secret}
	r.tables[key] = t
	if suffix != "" {
		t.compiled = mta.Clean(name + suffix)
	}
	if other := otherAliases[t.source]; alias && other != "" && !r.Exists(t.source) && r.Exists(other) {
		t.source = other
	}
	text, readable := r.ReadUpTo(t.source, "a table", maxTable)
	list := sourceEntries(t.source, text, alias)
	if len(list) > maxEntries {
		r.Unreadable(t.source, "a table", "it has more entries than are read")
		list = list[:maxEntries]
	}
	if strings.Contains(text, "AuthInfo:") {
		t.secret = true
	}
	if t.compiled == "" || !r.Exists(t.compiled) {
		t.kept, t.missing = list, !readable && !r.Exists(t.source)
		return t
	}
	r.compare(t, class, list, readable)
	return t
}

// otherAliases is where aliases are in a tree that is a part of a host and lacks the
// link between the two: Debian's /etc/mail/aliases is one to /etc/aliases.
var otherAliases = map[waxseal.Path]waxseal.Path{"/etc/mail/aliases": "/etc/aliases", "/etc/aliases": "/etc/mail/aliases"}

// sourceEntries reads the text of a table as makemap(8) does: a key, blanks, a
// value; or of aliases(5).
func sourceEntries(p waxseal.Path, text string, alias bool) []entry {
	var list []entry
	if alias {
		return aliasEntries(p, text)
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' || strings.Contains(" \t", line[:1]) {
			continue
		}
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			list = append(list, entry{key: line, line: number, at: p})
			continue
		}
		list = append(list, entry{key: line[:i], value: strings.TrimSpace(line[i:]), line: number, at: p})
	}
	return list
}

// aliasEntries reads aliases(5). Sendmail compiles a value as it stands, with the
// lines that continue it (readaliases in alias.c).
func aliasEntries(p waxseal.Path, text string) []entry {
	parsed, _ := aliases.Parse(text)
	lines := strings.Split(text, "\n")
	var list []entry
	for _, e := range parsed {
		if e.Line < 1 || e.Line > len(lines) {
			continue
		}
		written, value := cutAlias(lines[e.Line-1])
		var b strings.Builder
		b.WriteString(strings.TrimRight(value, "\r"))
		for n := e.Line; n < len(lines) && lines[n] != "" && strings.Contains(" \t", lines[n][:1]); n++ {
			b.WriteString(strings.TrimRight(lines[n], "\r"))
		}
		if written = strings.TrimSpace(written); strings.HasPrefix(written, `"`) && strings.ContainsAny(written, " \t") {
			e.Key = written // quotes around what is one word are taken off, and no others
		}
		list = append(list, entry{key: e.Key, value: strings.TrimSpace(b.String()), line: e.Line, at: p})
	}
	return list
}

// cutAlias cuts a line behind the name of an alias, which may be in quotes.
func cutAlias(line string) (name, value string) {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}

// mapTypes are the names that package mapdb has for the formats of compiled maps.
var mapTypes = map[string]string{".db": "hash", ".cdb": "cdb", ".pag": "sdbm", ".lmdb": "lmdb"}

// compare lays the compiled map over its source: what is compiled counts.
func (r *reader) compare(t *table, class string, source []entry, readable bool) {
	content, err := r.Tree.ReadFile(t.compiled, maxTable)
	if err != nil {
		r.Unreadable(t.compiled, "a compiled table", err.Error())
		t.kept = source
		return
	}
	typ := mapTypes[path.Ext(string(t.compiled))]
	compiled, problems, err := compiledEntries(typ, content)
	for _, p := range problems {
		r.Unreadable(t.compiled, "a compiled table", p.Message)
	}
	if err != nil {
		r.Unreadable(t.compiled, "a compiled table", err.Error())
		t.kept = source
		return
	}
	if !readable && !r.Exists(t.source) {
		for _, e := range compiled {
			t.kept = append(t.kept, entry{key: e.Key, value: e.Value, at: t.compiled})
		}
		return
	}
	t.kept = overlaid(t, source, compiled)
}

// compiledEntries reads a compiled map; a btree has the name of a hash, and the
// file tells which it is.
func compiledEntries(typ string, content []byte) ([]mapdb.Entry, []mapdb.Problem, error) {
	if typ == "" {
		return nil, nil, errors.New("a map of this format is not read")
	}
	list, problems, err := mapdb.CompiledEntries(typ, bytes.NewReader(content), int64(len(content)))
	if err != nil && typ == "hash" {
		return mapdb.CompiledEntries("btree", bytes.NewReader(content), int64(len(content)))
	}
	return list, problems, err
}

// overlaid gives the entries of the source with what is compiled of each, and then
// those that only the compiled map has.
func overlaid(t *table, source []entry, compiled []mapdb.Entry) []entry {
	at := make(map[string]int, len(compiled))
	for i, e := range compiled {
		at[strings.ToLower(e.Key)] = i
	}
	used := make([]bool, len(compiled))
	var list []entry
	for _, e := range source {
		i, ok := at[strings.ToLower(e.key)]
		switch {
		case !ok:
			e.unused = "it is not compiled into " + string(t.compiled) + ", which is what Sendmail reads"
		case used[i]:
			if t.same(compiled[i].Value, e.value) {
				continue
			}
			e.unused = "the key stands in the table more than once, and another entry counts"
		case !t.same(compiled[i].Value, e.value):
			used[i] = true
			e.drift = "the compiled map says " + clip(compiled[i].Value) + ", its source " + clip(e.value)
			e.value, e.at = compiled[i].Value, t.compiled
		default:
			used[i] = true
		}
		list = append(list, e)
	}
	for i, e := range compiled {
		if !used[i] && e.Key != "@" {
			list = append(list, entry{key: e.Key, value: e.Value, at: t.compiled,
				drift: "the compiled map says " + clip(e.Value) + ", its source has no such entry"})
		}
	}
	return list
}

// same reports whether two values mean the same.
func (t *table) same(compiled, source string) bool {
	if compiled == source || mapdb.SameValue([]byte(compiled), source) {
		return true
	}
	if !t.aliases {
		return false
	}
	a, b := aliases.ParseValue(compiled, 1), aliases.ParseValue(source, 1)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Kind != b[i].Kind || a[i].Text != b[i].Text {
			return false
		}
	}
	return true
}

// parts are the files of the table.
func (t *table) parts() []waxseal.Part {
	if t.source == "" {
		return nil
	}
	role := waxseal.RoleMap
	switch {
	case t.secret:
		role = waxseal.RoleSecret
	case t.aliases:
		role = waxseal.RoleAliases
	}
	parts := []waxseal.Part{{Path: t.source, Role: role}}
	if t.compiled != "" {
		parts = append(parts, waxseal.Part{Path: t.compiled, Role: waxseal.RoleCompiledMap})
	}
	return parts
}
