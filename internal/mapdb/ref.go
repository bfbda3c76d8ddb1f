// Package mapdb reads Postfix lookup tables: the references to them
// ("hash:/etc/postfix/virtual") and the text they are made from, each entry
// with its line.
//
// It also works out what a lookup gives ([Open]), reads compiled tables
// ([EachCompiled]) and compares them with their sources ([Disagreement]), and
// reads what a database table asks of which server ([ParseServer]).
//
// The grammar is that of postmap(1), regexp_table(5), pcre_table(5),
// cidr_table(5) and DATABASE_README, as the Postfix source has it where these
// are silent; a test holds it against a real Postfix. The package opens
// nothing: it is handed text and content, and says which file a reference would
// read. A pattern that can't be matched in linear time is said to be beyond it.
package mapdb

import "strings"

// Class is where a table keeps its entries.
type Class string

// The classes of table.
const (
	Compiled Class = "compiled" // hash:/x reads /x.db, made from /x
	Text     Class = "text"     // regexp:/x reads /x
	Written  Class = "written"  // inline:{…}: the reference holds the entries
	Nested   Class = "nested"   // pipemap:{…}: made of other tables
	Database Class = "database" // mysql:/x.cf: asks a server as /x.cf says
	Remote   Class = "remote"   // tcp:host:port: asks a server
	System   Class = "system"   // unix:passwd.byname: asks the C library
	Unknown  Class = "unknown"
)

var classes = map[string]Class{
	"hash": Compiled, "btree": Compiled, "dbm": Compiled, "sdbm": Compiled, "lmdb": Compiled, "cdb": Compiled,
	"texthash": Text, "regexp": Text, "pcre": Text, "cidr": Text,
	"inline": Written, "static": Written, "randmap": Written, "fail": Written, "internal": Written,
	"pipemap": Nested, "unionmap": Nested,
	"ldap": Database, "mysql": Database, "pgsql": Database, "sqlite": Database, "mongodb": Database, "memcache": Database,
	"tcp": Remote, "socketmap": Remote, "nis": Remote, "nisplus": Remote, "netinfo": Remote,
	"unix": System, "environ": System,
}

var suffixes = map[string]string{"hash": ".db", "btree": ".db", "dbm": ".pag", "sdbm": ".pag", "lmdb": ".lmdb", "cdb": ".cdb"}

// Ref is one reference to a table.
type Ref struct {
	Text    string // as written
	Type    string // "hash"
	Name    string // what follows the type: "/etc/postfix/virtual"
	Proxied bool   // read through proxymap(8)
	Class   Class
	// Refs are the tables that a nested table is made of.
	Refs []Ref
	// Entries are those of a written table; their Line is 0.
	Entries  []Entry
	Problems []Problem
	// rulesText is the table that the reference holds, as a file would have it.
	rulesText string
	// broken: Postfix can't open it.
	broken bool
}

// Source is the file that people edit: the source of a compiled table, the
// table itself, or the .cf of a database; empty where there is none.
func (r Ref) Source() string {
	switch r.Class {
	case Compiled, Text, Database:
		if strings.HasPrefix(r.Name, "/") {
			return r.Name
		}
	}
	return ""
}

// CompiledFile is the file that the daemon reads; empty where it reads the
// source.
func (r Ref) CompiledFile() string {
	if r.Class != Compiled || !strings.HasPrefix(r.Name, "/") {
		return ""
	}
	return r.Name + suffixes[r.Type]
}

// Format is the grammar of the source.
func (r Ref) Format() Format {
	switch r.Type {
	case "regexp":
		return Regexp
	case "pcre":
		return PCRE
	case "cidr":
		return Networks
	}
	return KeyValue
}

// maxDepth bounds tables inside tables.
const maxDepth = 12

// IsRef reports whether a list item is a table reference rather than a plain
// word: it has a type name and a colon, and a type is letters, digits and _.
func IsRef(s string) bool {
	if inner, ok := Unbrace(s); ok {
		f := Fields(inner)
		return len(f) > 0 && !strings.HasPrefix(f[0], "{") && IsRef(f[0])
	}
	name, rest, ok := strings.Cut(s, ":")
	_, known := classes[name]
	return ok && rest != "" && (known || name == "proxy" || name == "debug")
}

// ParseList reads a list of references, as in transport_maps.
func ParseList(s string) []Ref {
	var refs []Ref
	for _, f := range Fields(s) {
		refs = append(refs, Parse(f))
	}
	return refs
}

// Parse reads one reference.
func Parse(s string) Ref { return parse(s, 0) }

func parse(s string, depth int) Ref {
	r := Ref{Text: s, Class: Unknown}
	body := s
	// { hash:/x, search_order = … } is a reference with options.
	if inner, ok := Unbrace(body); ok {
		if f := Fields(inner); len(f) > 0 {
			body = f[0]
		}
	}
	typ, name, ok := strings.Cut(body, ":")
	for ok && (typ == "proxy" || typ == "debug") {
		r.Proxied = r.Proxied || typ == "proxy"
		typ, name, ok = strings.Cut(name, ":")
	}
	if !ok || name == "" {
		r.breaks("a table is written type:name")
		return r
	}
	r.Type, r.Name = typ, name
	if c, known := classes[typ]; known {
		r.Class = c
	}
	if depth >= maxDepth {
		r.breaks("tables are nested too deeply to be read")
		return r
	}
	r.written(depth)
	return r
}

func (r *Ref) problem(message string) {
	r.Problems = append(r.Problems, Problem{Message: message})
}

// breaks is a problem for which Postfix refuses the whole table.
func (r *Ref) breaks(message string) {
	r.problem(message)
	r.broken = true
}

// written reads what the reference itself holds.
func (r *Ref) written(depth int) {
	inner, braced := Unbrace(r.Name)
	if strings.HasPrefix(r.Name, "{") && !braced {
		r.breaks("braces do not match")
	}
	switch {
	case r.Type == "static":
		r.Entries = []Entry{{Key: "*", Value: inner}}
	case r.Type == "randmap":
		for _, f := range Fields(inner) {
			r.Entries = append(r.Entries, Entry{Key: "*", Value: unbraced(f)})
		}
	case r.Type == "inline":
		r.inline(inner)
	case r.Class == Nested:
		for _, f := range Fields(inner) {
			r.Refs = append(r.Refs, parse(f, depth+1))
		}
	case r.Type == "texthash" && braced:
		r.breaks("texthash: wants a file")
	case r.Class == Text && braced:
		r.rules(inner)
	}
}

// rules reads pcre:{{/re/ ACTION}, {…}}: since Postfix 3.7 the rules of a table
// may stand in the reference (dict_inline_to_multiline in the Postfix source).
func (r *Ref) rules(inner string) {
	r.Class = Written
	var text strings.Builder
	for _, f := range Fields(inner) {
		rule, ok := Unbrace(f)
		if !ok {
			r.breaks("each rule wants braces of its own")
			continue
		}
		text.WriteString(rule + "\n")
	}
	r.rulesText = text.String()
	entries, problems := ParseSource(r.Format(), r.rulesText)
	for _, e := range entries {
		e.Line, e.ValueLine = 0, 0
		r.Entries = append(r.Entries, e)
	}
	for _, p := range problems {
		r.problem(p.Message)
	}
}

func (r *Ref) inline(inner string) {
	for _, f := range Fields(inner) {
		pair := f
		if strings.HasPrefix(f, "{") {
			pair = unbraced(f)
		}
		// split_qnameval in the Postfix source: the quotes of a key stay.
		end, quoted := keyEndAt(pair, "=")
		if quoted {
			r.breaks("inline: unbalanced '\"'")
			continue
		}
		key, rest := pair[:end], strings.TrimLeft(pair[end:], spaces)
		value, ok := strings.CutPrefix(rest, "=")
		if key == "" || !ok {
			r.breaks("inline: wants { key = value }")
			continue
		}
		r.Entries = append(r.Entries, Entry{Key: key, Value: strings.Trim(value, spaces)})
	}
	if len(r.Entries) == 0 && !r.broken {
		r.breaks("inline: wants at least one { key = value }")
	}
}

func unbraced(s string) string {
	inner, _ := Unbrace(s)
	return inner
}
