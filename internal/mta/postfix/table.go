package postfix

import (
	"iter"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
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
				s.in.Problem(s.source.Path, s.source.Line, s.name+": expected a table (type:name), found "+clip(item))
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
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: foldBraces(ref.Text)}
	tables := s.describe(&h, ref, format, 0)
	for _, bad := range ref.Problems {
		s.in.Problem(s.source.Path, s.source.Line, s.name+": "+bad.Message)
	}
	if s.refuses(ref) {
		mta.Inactive(&h, "local(8) and virtual(8) refuse what another program answers for this parameter")
		tables = nil
	}
	s.in.emit(h)
	return tables
}

// trusting are the parameters whose tables decide as whom something runs: they
// may be no proxy:, tcp:, socketmap: or memcache:, and take no text from the
// address (DICT_FLAG_PARANOID in the Postfix source).
var trusting = map[string]bool{"alias_maps": true, "mailbox_command_maps": true, "virtual_uid_maps": true}

func (s site) refuses(ref mapdb.Ref) bool {
	return trusting[s.name] && (ref.Proxied || ref.Type == "tcp" || ref.Type == "socketmap" || ref.Type == "memcache")
}

// describe fills in what one table is and what it depends on.
func (s site) describe(h *waxseal.Hook, ref mapdb.Ref, format mapdb.Format, depth int) []table {
	if f := ref.Format(); f != mapdb.KeyValue || ref.Type == "texthash" {
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
		mta.Modify(h, "content", "not readable: the table has no absolute path")
		s.explainTable(h, "whose file can not be told")
		return nil
	}
	p := mta.Clean(ref.Source())
	role := waxseal.RoleMap
	if format == aliasFormat {
		role = waxseal.RoleAliases
	}
	if format == mapdb.KeyValue && s.in.isAliasFile(ref) {
		format = aliasFormat
	}
	text := s.in.tableOf(ref, format)
	compiled := mta.Clean(ref.CompiledFile())
	hasCompiled := ref.CompiledFile() != "" && s.in.Exists(compiled)
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: role})
	if hasCompiled || ref.CompiledFile() != "" && text.missing {
		h.Closure = append(h.Closure, waxseal.Part{Path: compiled, Role: waxseal.RoleCompiledMap})
	}
	switch {
	case text.onlyCompiled:
		mta.Modify(h, "content", "compiled only")
		s.explainTable(h, "which exists only compiled, without the source that people would edit")
	case text.missing && hasCompiled:
		mta.Modify(h, "content", "not readable")
		s.explainTable(h, "which exists only compiled and can not be read: its entries are not known")
	case text.missing:
		s.explainTable(h, "which is not in this tree")
	case text.failed:
		mta.Modify(h, "content", "not readable")
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
	if s.idleNIS(ref) {
		h.Active = false
		mta.Modify(h, "inactive", "the default names NIS, and this host is in no NIS domain")
	}
	h.External = true
	switch ref.Class {
	case mapdb.Database:
		if server, known := s.database(h, ref); known {
			s.server(h, server)
		}
		s.explainTable(h, "a database whose answers can not be seen here")
	case mapdb.Remote:
		if server, known := ref.Server(); known {
			s.server(h, server)
		}
		s.explainTable(h, "a server whose answers can not be seen here and can change at any time")
	default:
		mta.Modify(h, "content", "not readable: unknown type of table")
		s.explainTable(h, "of a type that is not known here")
	}
}

// asked are the parameters of a database that decide what it answers.
var asked = []string{"query", "query_filter", "result_attribute", "special_result_attribute", "leaf_result_attribute", "result_format", "result_filter",
	"domain", "table", "select_field", "where_field", "additional_conditions", "filter", "projection", "collection", "key_format", "option_file"}

// server notes where a table is asked, and what.
func (s site) server(h *waxseal.Hook, server mapdb.Server) {
	var hosts []string
	for _, e := range server.Endpoints {
		switch {
		case e.Path != "":
			hosts = append(hosts, "unix:"+e.Path)
			h.Closure = append(h.Closure, waxseal.Part{Path: s.in.socketPath(e.Path, notChrooted), Role: waxseal.RoleSocket})
		default:
			hosts = append(hosts, e.Host)
			h.Target.Remote = h.Target.Remote || !mta.IsLoopback(e.Host)
		}
	}
	mta.Modify(h, "hosts", strings.Join(hosts, ", "))
	mta.Modify(h, "database", clip(server.Database))
	mta.Modify(h, "backup", clip(server.Backup))
	mta.Modify(h, "map", clip(server.Map))
	for _, name := range asked {
		mta.Modify(h, name, clip(strings.Join(strings.Fields(server.Settings[name]), " ")))
	}
}

// database reads the .cf of a database table, or the parameters of main.cf with
// the table's own name (ldap_table(5), mysql_table(5)).
func (s site) database(h *waxseal.Hook, ref mapdb.Ref) (server mapdb.Server, known bool) {
	if ref.Source() == "" {
		server = mapdb.ServerOf(ref.Type, func(name string) (string, bool) {
			raw, ok := s.view.Raw(ref.Name + "_" + name)
			known = known || ok
			text, _ := s.view.Expand(raw)
			return text, ok
		})
		return server, known
	}
	p := mta.Clean(ref.Source())
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	text, ok := s.in.Read(p, "the definition of a database table")
	if !ok {
		return server, false
	}
	server, bad := mapdb.ParseServer(ref.Type, text)
	s.in.AddProblems(postconf.Located(p, bad))
	if path.IsAbs(server.Database) && ref.Type == "sqlite" {
		h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(server.Database), Role: waxseal.RoleMap})
	}
	return server, true
}

// idleNIS reports whether a table is the one of NIS that alias_maps has by default,
// on a host without NIS (yp.conf(5)): there it answers nothing.
func (s site) idleNIS(ref mapdb.Ref) bool {
	_, set := s.in.main.Set[s.name]
	return !set && strings.HasPrefix(ref.Type, "nis") && !s.in.Exists("/etc/yp.conf") && !s.in.Exists("/var/yp/binding")
}
