package sendmail

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// fileClasses are map classes that lie in files, and what is added to their name.
var fileClasses = map[string]string{"hash": ".db", "btree": ".db", "dbm": ".pag", "ndbm": ".pag", "cdb": ".cdb", "implicit": ".db", "text": "", "stab": "", "user": ""}

// asks are map classes whose answers come from elsewhere.
var asks = map[string]string{
	"ldap": "an LDAP server", "ldapx": "an LDAP server", "nis": "an NIS server", "nisplus": "an NIS+ server", "hesiod": "a Hesiod server", "ph": "a phone book server",
	"netinfo": "NetInfo", "dns": "the DNS", "bestmx": "the DNS",
}

// mapHooks reads K lines.
func (in *instance) mapHooks() {
	for _, m := range in.Maps {
		switch {
		case m.Class == "program":
			in.programMap(m)
		case m.Class == "socket":
			in.socketMap(m)
		case asks[m.Class] != "" && m.Class != "dns" && m.Class != "bestmx":
			in.remoteMap(m)
		case path.IsAbs(m.File) && (fileClasses[m.Class] != "" || m.Class == "text"):
			in.fileMap(m)
		}
	}
}

func (in *instance) mapHook(kind waxseal.HookKind, m cf.Map) waxseal.Hook {
	h := in.hook(kind, mapStage(m.Name), "K map", "K:"+m.Name, m.Line)
	h.Scope = "all mail that the rules look up in " + clip(m.Name)
	if !in.asked[strings.ToLower(m.Name)] {
		mta.Inactive(&h, "no rule that mail gets to looks anything up in it")
	}
	return h
}

func mapStage(name string) waxseal.Stage {
	if strings.EqualFold(name, "access") {
		return waxseal.StageSession
	}
	return waxseal.StageRoute
}

// programMap runs a program at each lookup (op.me 5.9, "program").
func (in *instance) programMap(m cf.Map) {
	h := in.mapHook(waxseal.KindExpansionExec, m)
	h.Effects, h.RunsAs = runsAll, in.defaultUser()
	command := strings.Join(m.Words, " ")
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = in.CommandParts(m.Words)
	h.Explain = "The map " + clip(m.Name) + " runs " + clip(command) + " as " + mta.OrUnknown(h.RunsAs) + " at each lookup, and rules act on what it prints (K program)."
	in.Emit(h)
}

func (in *instance) socketMap(m cf.Map) {
	h := in.mapHook(waxseal.KindPolicy, m)
	h.Effects = decides
	h.Target, h.Closure = socket(strings.Join(m.Words, " "))
	h.Explain = "The map " + clip(m.Name) + " asks a program at " + clip(h.Target.Value) + mta.Where(h.Target) + ", and rules act on what it answers (K socket)."
	in.Emit(h)
}

func (in *instance) remoteMap(m cf.Map) {
	h := in.mapHook(waxseal.KindMap, m)
	h.Effects, h.External = decides, true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: m.Class + ":" + m.Name}
	in.hosts(&h, m.Args)
	h.Explain = "The map " + clip(m.Name) + " asks " + asks[m.Class] + ", whose answers are not seen from here (K " + m.Class + ")."
	in.Emit(h)
}

// ldapHost finds the servers that arguments of an LDAP map name: -h host,
// -H ldap://host (op.me 5.9, "ldap").
var ldapHost = regexp.MustCompile(`(?:^|\s)-h\s*"?([A-Za-z0-9._:\[\] -]*[A-Za-z0-9\]])"?|ldaps?://([A-Za-z0-9._\[\]:-]+)`)

func (in *instance) hosts(h *waxseal.Hook, args string) {
	if strings.HasPrefix(h.Target.Value, "-") {
		h.Target.Value = "ldap:" + clip(h.Target.Value)
	}
	var hosts []string
	for _, g := range ldapHost.FindAllStringSubmatch(args[:min(len(args), 8<<10)], 16) {
		host := strings.TrimSpace(g[1] + g[2])
		if i := strings.Index(host, " -"); i >= 0 {
			host = host[:i]
		}
		name, _ := mta.SplitHostPort(host)
		hosts = append(hosts, name)
		h.Target.Remote = h.Target.Remote || !mta.IsLoopback(name)
	}
	mta.Modify(h, "hosts", strings.Join(hosts, ", "))
}

// fileMap is a map that lies in a file: the table as a whole, and its entries.
func (in *instance) fileMap(m cf.Map) {
	t := in.entries(m)
	h := in.mapHook(waxseal.KindMap, m)
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: m.Class + ":" + m.File}
	h.Closure = t.parts()
	h.Explain = "Rules look mail up in the map " + clip(m.Name) + ", " + clip(h.Target.Value) + " (K)."
	in.Emit(h)
	in.entryHooks(m, t, h)
}
