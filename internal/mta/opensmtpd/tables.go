package opensmtpd

import (
	"bytes"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb/mapfile"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// useTables notes who asks each table.
func (in *instance) useTables() {
	for _, a := range in.conf.Actions {
		way := in.routes[a]
		for _, o := range a.Options {
			in.uses(o.Table, o.Name+" of the action "+actionName(a), way.why, o.Name == "auth")
		}
	}
	for _, r := range in.rules() {
		for _, t := range []*smtpdconf.Test{&r.From, &r.For, r.Tag, r.Helo, r.Auth, r.Sender, r.Rcpt} {
			if t != nil {
				in.uses(t.Table, "a match on "+t.Kind, r.hidden, false)
			}
		}
	}
	asked := in.askedFilters()
	for _, f := range in.conf.Filters {
		why := ""
		if len(asked[f]) == 0 {
			why = "no listener and no relay uses the filter " + f.Name
		}
		in.uses(f.Test.Table, "the filter "+f.Name, why, false)
	}
	for _, l := range in.conf.Listeners {
		for _, o := range l.Options {
			in.uses(o.Table, o.Name+" of listen on "+l.On, "", strings.HasPrefix(o.Name, "auth"))
		}
	}
}

func (in *instance) uses(t *smtpdconf.Table, as, why string, secret bool) {
	if t == nil {
		return
	}
	u := in.tables[t]
	if len(u.as) < 10 {
		u.as = append(u.as, as)
	}
	u.active = u.active || why == ""
	u.secret = u.secret || secret
	u.why = why
	in.tables[t] = u
}

// tableHooks makes the hooks of tables that are kept somewhere, and settings of
// the entries of those that decide nothing by themselves.
func (in *instance) tableHooks() {
	for _, t := range in.conf.Tables {
		u := in.tables[t]
		if t.Backend != "static" && t.Backend != "db" && t.Backend != "getpwnam" {
			in.program(t)
		}
		if t.Path != "" || t.Backend != "static" {
			in.storedTable(t, u)
		}
		if !u.secret && !in.expands(t) && u.active {
			in.entrySettings(t)
		}
	}
}

// expands reports whether an action replaces recipients by the table, whose
// entries are hooks then.
func (in *instance) expands(t *smtpdconf.Table) bool {
	for _, as := range in.tables[t].as {
		if strings.HasPrefix(as, "alias ") || strings.HasPrefix(as, "virtual ") {
			return true
		}
	}
	return false
}

func (in *instance) entrySettings(t *smtpdconf.Table) {
	name := t.Name
	if name == "" {
		if len(t.Entries) <= maxWritten {
			return // what uses it has its text
		}
		name = "in braces"
	}
	for _, e := range t.Entries {
		if e.Unused == "" {
			value := e.Value
			if t.Shape == smtpdconf.List {
				value = "listed"
			}
			in.note("table "+name+":"+mta.Clip(e.Key), value, e.Pos)
		}
	}
}

func (in *instance) storedTable(t *smtpdconf.Table, u use) {
	h := in.hook("table "+t.Name, t.Pos)
	h.Kind, h.Stage, h.Effects, h.Directive, h.Scope = waxseal.KindMap, waxseal.StageRoute, decides, "table", "all"
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: t.String()}
	h.Closure = in.tableParts(t, u)
	used := "no match, action, filter or listener uses it"
	if len(u.as) > 0 {
		used = strings.Join(u.as, ", ")
	}
	h.Explain = "The table " + mta.Clip(t.Name) + " is read from " + mta.Clip(t.String()) + ": " + mta.Clip(used) + "."
	switch {
	case len(u.as) == 0:
		mta.Inactive(&h, used)
	case !u.active:
		mta.Inactive(&h, u.why)
	}
	if isServer(t.Backend) {
		h.External = true
		hosts := in.servers(t)
		mta.Modify(&h, "hosts", strings.Join(hosts, ", "))
		for _, host := range hosts {
			name, _ := mta.SplitHostPort(host)
			h.Target.Remote = h.Target.Remote || !mta.IsLoopback(name)
		}
		h.Explain = "A program asks a database for the table " + mta.Clip(t.Name) + " as " + mta.Clip(t.Path) + " says: " + mta.Clip(used) + mta.Where(h.Target) + "."
	}
	in.emit(h)
}

// isServer reports whether the back end asks a database (opensmtpd-extras,
// opensmtpd-table-*).
func isServer(backend string) bool {
	switch backend {
	case "static", "db", "getpwnam", "passwd":
		return false
	}
	return true
}

// tableParts are the files that a table is kept in.
func (in *instance) tableParts(t *smtpdconf.Table, u use) []waxseal.Part {
	if t.Path == "" {
		return nil
	}
	p := mta.Clean(t.Path)
	role := waxseal.RoleMap
	switch {
	case u.secret || t.Backend == "passwd":
		role = waxseal.RoleSecret
	case t.Backend == "db":
		parts := []waxseal.Part{{Path: p, Role: waxseal.RoleCompiledMap}}
		if source := in.sourceOf(t); source != "" {
			parts = append(parts, waxseal.Part{Path: source, Role: waxseal.RoleMap})
		}
		return parts
	case t.Backend == "static" && t.Shape == smtpdconf.List:
		role = waxseal.RoleList
	case t.Backend == "static" && in.expands(t):
		role = waxseal.RoleAliases
	}
	return []waxseal.Part{{Path: p, Role: role}}
}

// sourceOf is the text that makemap(8) made a db table from: it has the same name
// without .db.
func (in *instance) sourceOf(t *smtpdconf.Table) waxseal.Path {
	source, ok := strings.CutSuffix(t.Path, ".db")
	if ok && in.Exists(mta.Clean(source)) {
		return mta.Clean(source)
	}
	return ""
}

// program is the hook of a back end: smtpd starts it for each table, whether
// anything asks the table or not (table_open_all()).
func (in *instance) program(t *smtpdconf.Table) {
	if t.Backend == "proc" {
		return
	}
	name := in.libexec + "/table-" + t.Backend
	command := name
	if t.Path != "" {
		command += " " + t.Path
	}
	h := in.hook("table "+t.Name+":program", t.Pos)
	h.Kind, h.Stage, h.Effects, h.Directive, h.Scope = waxseal.KindPipe, waxseal.StageRoute, runsAll, "table", "all"
	h.RunsAs = in.daemon
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = []waxseal.Part{{Path: mta.Clean(name), Role: waxseal.RoleBinary}}
	h.Explain = "The program " + mta.Clip(name) + " answers for the table " + mta.Clip(t.Name) + ", run as " + in.daemon + " for as long as smtpd runs."
	if len(in.tables[t].as) == 0 {
		h.Effects = runs
		h.Explain = "The program " + mta.Clip(name) + " is started with smtpd as " + in.daemon + " for the table " + mta.Clip(t.Name) + ", which nothing asks."
	}
	in.emit(h)
}

// servers are the hosts in the configuration of a database table: "host x",
// "url ldap://x", "conninfo host=x", "master x".
func (in *instance) servers(t *smtpdconf.Table) []string {
	if t.Path == "" {
		return nil
	}
	text, ok := in.Read(mta.Clean(t.Path), "the configuration of a table")
	if !ok {
		return nil
	}
	var hosts []string
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSuffix(key, ":") {
		case "host", "hosts", "master", "slave":
		case "url":
			_, value, _ = strings.Cut(value, "://")
			value, _, _ = strings.Cut(value, "/")
		case "conninfo":
			_, value, _ = strings.Cut(value, "host=")
			value, _, _ = strings.Cut(strings.Trim(value, `'"`), " ")
			value = strings.Trim(value, `'"`)
		default:
			continue
		}
		if value != "" && !path.IsAbs(value) && len(hosts) < 16 {
			hosts = append(hosts, value)
		}
	}
	return hosts
}

// entry is one of a table that replaces recipients.
type entry struct {
	smtpdconf.Entry
	drift    string
	compiled bool // it stands in the compiled table only, or otherwise there
}

// entriesOf are the entries that lookups find: of the compiled table where there
// is one.
func (in *instance) entriesOf(t *smtpdconf.Table) []entry {
	if t.Backend == "db" {
		return in.compiledEntries(t)
	}
	list := make([]entry, len(t.Entries))
	for i, e := range t.Entries {
		list[i] = entry{Entry: e}
	}
	return list
}

// compiledEntries reads a db table (makemap(8): a Berkeley DB whose keys and
// values end with a null byte), and compares it with its source.
func (in *instance) compiledEntries(t *smtpdconf.Table) []entry {
	p := mta.Clean(t.Path)
	content, err := in.Tree.ReadFile(p, maxTable)
	if err != nil {
		if !mta.IsMissing(err) {
			in.Unreadable(p, "a compiled table", err.Error())
		}
		return nil
	}
	source := map[string]smtpdconf.Entry{}
	from := in.sourceOf(t)
	if from != "" {
		if text, err := in.readText(string(from)); err == nil {
			_, entries, _ := smtpdconf.ParseTable(string(from), text)
			for _, e := range entries {
				source[strings.ToLower(e.Key)] = e
			}
		}
	}
	var list []entry
	problems, err := mapfile.Each(mapfile.Hash, bytes.NewReader(content), int64(len(content)), func(key, value []byte) bool {
		k, v := text(key), text(value)
		list = append(list, in.compared(p, from, k, v, source))
		delete(source, k)
		return len(list) < 500_000
	})
	if err != nil {
		in.Unreadable(p, "a compiled table", err.Error())
	}
	for _, message := range problems {
		in.Problem(p, 0, message)
	}
	for _, e := range sortedEntries(source) {
		e.Unused = "it is not in the compiled table, which is what smtpd reads"
		list = append(list, entry{Entry: e})
	}
	return list
}

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// compared is an entry of a compiled table, with what its source says of it.
func (in *instance) compared(p, from waxseal.Path, key, value string, source map[string]smtpdconf.Entry) entry {
	e := entry{Entry: smtpdconf.Entry{Key: key, Value: value, Pos: smtpdconf.Pos{Path: string(p)}}, compiled: true}
	written, ok := source[key]
	switch {
	case from == "":
	case !ok:
		e.drift = "only the compiled table has " + mta.Clip(key)
	case strings.Join(strings.Fields(written.Value), " ") != strings.Join(strings.Fields(value), " "):
		e.drift = "the compiled table says " + mta.Clip(value) + ", its source " + mta.Clip(written.Value)
	default:
		e.Pos, e.compiled = written.Pos, false
	}
	return e
}
