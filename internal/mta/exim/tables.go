package exim

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb/mapfile"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// lookedUp is a table as far as it can be read.
type lookedUp struct {
	path    waxseal.Path
	entries []entry
	known   bool // its entries are all there is
	exact   bool // a key that is not listed is not found
}

// entry is a line of a table.
type entry struct {
	Key, Value string
	Line       int
}

// style takes marks off the name of a type of lookup: "partial-lsearch*@",
// "dsearch,ret=full" (spec 9.6 and 9.7).
func style(kind string) (base string, exact bool) {
	base, _, _ = strings.Cut(kind, ",")
	exact = true
	if rest, ok := strings.CutPrefix(base, "partial"); ok {
		if i := strings.IndexByte(rest, '-'); i >= 0 {
			base, exact = rest[i+1:], false
		}
		if i := strings.IndexByte(base, ')'); i >= 0 {
			base = base[i+1:]
		}
	}
	if i := strings.IndexAny(base, "*"); i >= 0 {
		base, exact = base[:i], false
	}
	return base, exact && !strings.Contains(base, "wild") && base != "iplsearch"
}

// fileTypes are the types of lookup that read a file or directory.
var fileTypes = []string{"lsearch", "wildlsearch", "nwildlsearch", "iplsearch", "dsearch", "cdb", "dbm", "dbmnz", "dbmjz", "json", "lmdb"}

const maxTable = 16 << 20

// table reads a table once.
func (in *instance) table(kind, file string) lookedUp {
	key := kind + ";" + file
	t, ok := in.lookups[key]
	if !ok {
		t = in.readTable(kind, file)
		in.lookups[key] = t
	}
	return t
}

func (in *instance) readTable(kind, file string) (t lookedUp) {
	base, exact := style(kind)
	if !slices.Contains(fileTypes, base) || !path.IsAbs(file) {
		return t
	}
	t = lookedUp{path: mta.Clean(file), exact: exact}
	switch base {
	case "dsearch":
		names, err := in.Tree.ReadDir(t.path)
		t.known = err == nil
		for _, n := range names[:min(len(names), maxWords)] {
			t.entries = append(t.entries, entry{Key: n, Value: n})
		}
	case "cdb", "dbm", "dbmnz":
		t.entries, t.known = in.compiled(base, t.path)
	case "json", "lmdb", "dbmjz":
	default:
		text, ok := in.ReadUpTo(t.path, "a table of Exim", maxTable)
		t.entries, t.known = eximEntries(text), ok || !in.Exists(t.path)
	}
	return t
}

func eximEntries(text string) []entry {
	var list []entry
	for _, e := range eximconf.ParseTable(text) {
		list = append(list, entry{e.Key, e.Value, e.Line})
	}
	return list
}

// compiled reads a cdb or Berkeley DB file; the keys of "dbm" end with a null byte.
func (in *instance) compiled(base string, p waxseal.Path) (list []entry, known bool) {
	format := mapfile.CDB
	if base != "cdb" {
		format = mapfile.Hash
		if f, err := in.Tree.Stat(p); err != nil || f.Type != waxseal.Regular {
			if _, err := in.Tree.Stat(p + ".db"); err == nil {
				p += ".db"
			}
		}
	}
	content, err := in.Tree.ReadFile(p, maxTable)
	if err != nil {
		if !mta.IsMissing(err) {
			in.Unreadable(p, "a compiled table of Exim", err.Error())
		}
		return nil, false
	}
	problems, err := mapfile.Each(format, bytes.NewReader(content), int64(len(content)), func(key, value []byte) bool {
		list = append(list, entry{Key: strings.TrimRight(string(key), "\x00"), Value: strings.TrimRight(string(value), "\x00")})
		return len(list) < maxWords
	})
	for _, text := range problems {
		in.Problem(p, 0, text)
	}
	if err != nil {
		in.Unreadable(p, "a compiled table of Exim", err.Error())
	}
	return list, err == nil
}

// asked makes the hook of a table that a string asks, once for each table.
func (in *instance) asked(s spot, kind, file string) {
	base, _ := style(kind)
	key := base + ":" + file
	if in.tables[key] {
		return
	}
	in.tables[key] = true
	h := in.hook("lookup:"+base+":"+clipKey(file), s.at)
	h.Kind, h.Stage, h.Directive, h.Effects, h.Scope = waxseal.KindMap, s.stage, "lookup", looks, s.scope
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: key}
	h.Explain = "The table " + mta.Clip(key) + " is consulted (" + s.where + ")."
	s.mark(&h)
	switch {
	case slices.Contains(fileTypes, base):
		h.Closure = in.tableParts(base, file)
	case base == "sqlite" || base == "passwd" || base == "spf" || base == "testdb":
		if f := strings.Fields(file); len(f) > 0 && path.IsAbs(f[0]) {
			h.Closure = []waxseal.Part{{Path: mta.Clean(f[0]), Role: waxseal.RoleMap}}
		}
	default:
		in.server(&h, base)
	}
	in.emit(h)
}

func clipKey(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

func (in *instance) tableParts(base, file string) []waxseal.Part {
	if strings.Contains(file, "*") || !path.IsAbs(file) {
		return nil // a file for each key, or none that Exim would read
	}
	p := mta.Clean(file)
	switch {
	case base == "dsearch":
		return []waxseal.Part{{Path: p, Role: waxseal.RoleDirectory}}
	case base == "cdb" || strings.HasPrefix(base, "dbm") || base == "lmdb":
		return []waxseal.Part{{Path: p, Role: waxseal.RoleCompiledMap}}
	case path.Base(file) == "aliases":
		return []waxseal.Part{{Path: p, Role: waxseal.RoleAliases}}
	case strings.Contains(path.Base(file), "passwd"):
		return []waxseal.Part{{Path: p, Role: waxseal.RoleSecret}}
	}
	return []waxseal.Part{{Path: p, Role: waxseal.RoleMap}}
}

// servers are the options that name the servers of a type of lookup.
var servers = map[string]string{
	"mysql": "mysql_servers", "pgsql": "pgsql_servers", "ldap": "ldap_default_servers", "ldapm": "ldap_default_servers", "ldapdn": "ldap_default_servers",
	"redis": "redis_servers", "oracle": "oracle_servers", "ibase": "ibase_servers",
}

// server completes the hook of a database: the first server is its target.
func (in *instance) server(h *waxseal.Hook, base string) {
	h.External = true
	h.Target.Value = base
	var hosts []string
	for _, item := range eximconf.Split(in.conf.Value(servers[base])) {
		host, _, _ := strings.Cut(item, "/") // the rest are names and passwords
		if host, _, _ = strings.Cut(host, "::"); host != "" {
			hosts = append(hosts, host)
		}
		if strings.HasPrefix(item, "/") {
			hosts = append(hosts, "localhost")
		}
	}
	if len(hosts) > 0 {
		mta.Modify(h, "hosts", strings.Join(hosts, ", "))
		h.Target.Remote = slices.ContainsFunc(hosts, func(n string) bool { return !mta.IsLoopback(n) })
	}
	h.Explain = "A database is asked whose answers are not seen from here: " + base + " (" + h.Directive + ")."
}
