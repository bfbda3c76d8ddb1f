package postfix

import (
	"iter"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta/postfix/postconf"
)

// table is one table as a parameter names it, with what could be read of it.
type table struct {
	ref     mapdb.Ref
	path    waxseal.Path // where its entries stand: the source, or main.cf itself
	format  mapdb.Format
	entries iter.Seq[entry]
	// lines is about how many lines the table has.
	lines int
}

// tableText is what one file gave.
type tableText struct {
	entries iter.Seq[entry]
	lines   int
	missing bool
	failed  bool
	// onlyCompiled: there is no source.
	onlyCompiled bool
}

// aliasFormat is the source of a table that postalias(1) made.
const aliasFormat mapdb.Format = "aliases"

// isAliasFile reports whether postalias(1) makes the table, whoever else reads
// it.
func (in *instance) isAliasFile(ref mapdb.Ref) bool {
	for _, name := range []string{"alias_maps", "alias_database"} {
		for _, other := range in.listed(name) {
			if mapdb.IsRef(other) && ref.Class == mapdb.Compiled && mapdb.Parse(other).Source() == ref.Source() {
				return true
			}
		}
	}
	return false
}

// tableHooks lists the tables that a value names, one map hook each, and returns
// those whose entries can be read.
func (s site) tableHooks(value string, format mapdb.Format) []table {
	var tables []table
	n := 0
	for _, item := range mapdb.Fields(value) {
		if !mapdb.IsRef(item) && !(s.tablesOnly() && strings.Contains(item, ":")) {
			if s.tablesOnly() {
				s.in.problem(s.source.Path, s.source.Line, s.name+": expected a table (type:name), found "+clip(item))
			}
			continue
		}
		n++
		tables = append(tables, s.tableHook(mapdb.Parse(item), format, strconv.Itoa(n))...)
	}
	return tables
}

// tablesOnly reports whether every item of the list must be a table, so that a
// type nobody knows is still one.
func (s site) tablesOnly() bool {
	for _, suffix := range []string{"_maps", "_map", "_checks", "_filter"} {
		if strings.HasSuffix(s.name, suffix) {
			return true
		}
	}
	return false
}

func (s site) tableHook(ref mapdb.Ref, format mapdb.Format, suffix string) []table {
	h := s.hook(suffix)
	h.Kind = waxseal.KindMap
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: strings.Join(strings.Fields(ref.Text), " ")}
	tables := s.describe(&h, ref, format, 0)
	for _, bad := range ref.Problems {
		s.in.problem(s.source.Path, s.source.Line, s.name+": "+bad.Message)
	}
	s.in.emit(h)
	return tables
}

// describe fills in what one table is and what it depends on.
func (s site) describe(h *waxseal.Hook, ref mapdb.Ref, format mapdb.Format, depth int) []table {
	if f := ref.Format(); f != mapdb.KeyValue || ref.Type == "texthash" && format != aliasFormat {
		format = f
	}
	switch ref.Class {
	case mapdb.Written:
		s.explainTable(h, "whose entries stand in "+string(s.source.Path)+" itself")
		return []table{{ref: ref, path: s.source.Path, format: format, entries: plainEntries(ref.Entries), lines: len(ref.Entries)}}
	case mapdb.Compiled, mapdb.Text:
		return s.describeFile(h, ref, format)
	case mapdb.Nested:
		return s.describeNested(h, ref, format, depth)
	case mapdb.System:
		s.explainTable(h, "which the system library answers")
	default:
		s.describeServer(h, ref)
	}
	return nil
}

func (s site) explainTable(h *waxseal.Hook, what string) {
	if h.Explain == "" {
		h.Explain = upper(s.param.looks) + " by the table " + clip(h.Target.Value) + " (" + s.name + "), " + what + "."
	}
}

func upper(s string) string {
	if s == "" {
		return "Mail is handled"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (s site) describeFile(h *waxseal.Hook, ref mapdb.Ref, format mapdb.Format) []table {
	if ref.Source() == "" {
		modify(h, "content", "not readable: the table has no absolute path")
		s.explainTable(h, "whose file can not be told")
		return nil
	}
	p := clean(ref.Source())
	role := waxseal.RoleMap
	if format == aliasFormat {
		role = waxseal.RoleAliases
	}
	if format == mapdb.KeyValue && s.in.isAliasFile(ref) {
		format = aliasFormat
	}
	text := s.in.tableOf(ref, format)
	compiled := clean(ref.CompiledFile())
	hasCompiled := ref.CompiledFile() != "" && s.in.exists(compiled)
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: role})
	if hasCompiled || ref.CompiledFile() != "" && text.missing {
		h.Closure = append(h.Closure, waxseal.Part{Path: compiled, Role: waxseal.RoleCompiledMap})
	}
	switch {
	case text.onlyCompiled:
		modify(h, "content", "compiled only")
		s.explainTable(h, "which exists only compiled, without the source that people would edit")
	case text.missing && hasCompiled:
		modify(h, "content", "not readable")
		s.explainTable(h, "which exists only compiled and can not be read: its entries are not known")
	case text.missing:
		s.explainTable(h, "which is not in this tree")
	case text.failed:
		modify(h, "content", "not readable")
		s.explainTable(h, "which can not be read: its entries are not known")
	default:
		s.explainTable(h, "which holds the entries listed with it")
	}
	return []table{{ref: ref, path: p, format: format, entries: text.entries, lines: text.lines}}
}

func (s site) describeNested(h *waxseal.Hook, ref mapdb.Ref, format mapdb.Format, depth int) []table {
	s.explainTable(h, "which is made of other tables: the last one gives the result")
	if ref.Type == "unionmap" {
		h.Explain = strings.Replace(h.Explain, "the last one gives the result", "their results are joined", 1)
	}
	var tables []table
	for _, nested := range ref.Refs {
		if depth < 8 {
			tables = append(tables, s.describe(h, nested, format, depth+1)...)
		}
	}
	if whole, ok := s.whole(ref, tables); ok {
		return whole
	}
	return tables
}

// describeServer tells of a table that another program or host answers.
func (s site) describeServer(h *waxseal.Hook, ref mapdb.Ref) {
	h.External = true
	switch ref.Class {
	case mapdb.Database:
		hosts, known := s.in.databaseHosts(h, ref, s)
		for _, host := range hosts {
			h.Target.Remote = h.Target.Remote || !isLoopback(host)
		}
		if known {
			modify(h, "hosts", strings.Join(hosts, ", "))
		}
		s.explainTable(h, "a database whose answers can not be seen here")
	case mapdb.Remote:
		h.Target.Remote = s.remoteTable(h, ref)
		s.explainTable(h, "a server whose answers can not be seen here and can change at any time")
	default:
		modify(h, "content", "not readable: unknown type of table")
		s.explainTable(h, "of a type that is not known here")
	}
}

func (s site) remoteTable(h *waxseal.Hook, ref mapdb.Ref) bool {
	name := ref.Name
	switch ref.Type {
	case "tcp":
		host, _ := splitHostPort(name)
		return !isLoopback(host)
	case "socketmap":
		if rest, ok := strings.CutPrefix(name, "unix:"); ok {
			file, _, _ := strings.Cut(rest, ":")
			h.Closure = append(h.Closure, waxseal.Part{Path: s.in.socketPath(file, notChrooted), Role: waxseal.RoleSocket})
			return false
		}
		name = strings.TrimPrefix(name, "inet:")
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[:i] // the name of the map
		}
		host, _ := splitHostPort(name)
		return !isLoopback(host)
	}
	return false // NIS: whatever the host is bound to
}

// databaseHosts finds the servers in the .cf of a database, or in main.cf under
// the table's own name (ldap_table(5), mysql_table(5)).
func (in *instance) databaseHosts(h *waxseal.Hook, ref mapdb.Ref, s site) (hosts []string, known bool) {
	names := []string{"hosts", "server_host", "uri", "memcache"}
	if ref.Source() == "" {
		for _, n := range names {
			if v, ok := s.view.Raw(ref.Name + "_" + n); ok {
				text, _ := s.view.Expand(v)
				hosts, known = append(hosts, databaseHost(text)...), true
			}
		}
		return hosts, known
	}
	p := clean(ref.Source())
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	text, ok := in.read(p, "the definition of a database table")
	if !ok {
		return nil, false
	}
	conf, _ := postconf.ParseMain(p, text)
	for _, n := range names {
		if q, ok := conf.Set[n]; ok {
			hosts, known = append(hosts, databaseHost(q.Raw)...), true
		}
	}
	if q, ok := conf.Set["dbpath"]; ok && path.IsAbs(q.Raw) && ref.Type == "sqlite" {
		h.Closure = append(h.Closure, waxseal.Part{Path: clean(q.Raw), Role: waxseal.RoleMap})
	}
	return hosts, known
}

func databaseHost(list string) []string {
	var out []string
	for _, item := range mapdb.Fields(list) {
		if i := strings.Index(item, "://"); i >= 0 {
			item = item[i+3:]
			item, _, _ = strings.Cut(item, "/")
			item = item[strings.LastIndexByte(item, '@')+1:]
		}
		item = strings.TrimPrefix(item, "inet:")
		if strings.HasPrefix(item, "unix:") || strings.HasPrefix(item, "/") || item == "" {
			out = append(out, "localhost")
			continue
		}
		host, _ := splitHostPort(item)
		out = append(out, host)
	}
	return out
}
