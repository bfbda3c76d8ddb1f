package dovecot

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// site is one setting where it stands.
type site struct {
	*reader
	row     row
	section *doveconf.Section // whose setting it is; plugin { } counts as what it is in
	set     *doveconf.Setting
}

// id is where the setting stands, without the file: an edit that moves it to
// another changes nothing.
func (r *reader) id(s *doveconf.Section, names ...string) waxseal.HookID {
	id := string(MTA) + ":"
	if r.at.instance != "" {
		id += r.at.instance + ":"
	}
	if where := s.Path(); where != "" {
		id += where + ":"
	}
	return waxseal.HookID(id + strings.Join(names, ":"))
}

// hook begins the hook of a setting.
func (s site) hook() waxseal.Hook {
	return waxseal.Hook{
		ID: s.id(s.section, s.set.Key), Kind: s.row.kind, Stage: s.row.stage, Effects: s.row.effects, Directive: s.row.directive(),
		Scope: s.scope(s.section, s.row.of), Active: true, Source: s.set.Source, RunsAs: s.row.runsAs,
	}
}

// scope says in words which mail a setting of a section is for; of is what it is
// about where no protocol says: "delivered", "read".
func (r *reader) scope(s *doveconf.Section, of string) string {
	out := "all"
	if of != "" {
		out = "all mail that is " + of
	}
	var also []string
	for ; s != nil && s.Parent != nil; s = s.Parent {
		switch s.Kind {
		case "protocol":
			out = "all mail of the protocol " + s.Name
			if words, ok := protocols[s.Name]; ok {
				out = words
			}
		case "remote":
			also = append(also, "of clients at "+s.Name)
		case "local":
			also = append(also, "of connections to "+s.Name)
		case "local_name":
			also = append(also, "of connections for "+s.Name)
		case "namespace", "mailbox":
			also = append(also, "in the "+s.Kind+" "+s.Name)
		}
	}
	return strings.Join(append([]string{out}, also...), ", ")
}

// protocols says what each protocol has to do with mail.
var protocols = map[string]string{
	"lmtp": "all mail that is delivered by LMTP", "lda": "all mail that is delivered by dovecot-lda",
	"imap": "all mail that is read by IMAP", "pop3": "all mail that is read by POP3",
	"submission": "all mail that is submitted to Dovecot", "doveadm": "all mail that doveadm works on", "sieve": "all scripts that ManageSieve stores",
}

// delivering are the protocols that put mail into mailboxes.
var delivering = []string{"lda", "lmtp"}

// plugged tells which plugins a protocol loads.
func (r *reader) plugged(protocol string) map[string]bool {
	if have, ok := r.loads[protocol]; ok {
		return have
	}
	have := map[string]bool{}
	for _, v := range r.conf.Views(protocol) {
		for _, w := range v.Words("mail_plugins") {
			have[w.Text] = true
		}
	}
	r.loads[protocol] = have
	return have
}

// unplugged says why a setting of a plugin does nothing: none of the protocols
// loads it. "" where one does, or where the tree can't tell.
func (r *reader) unplugged(plugin string, protocols ...string) string {
	if plugin == "" || r.partial() {
		return ""
	}
	for _, p := range protocols {
		if r.plugged(p)[plugin] {
			return ""
		}
	}
	return "no protocol that could use it (" + strings.Join(protocols, ", ") + ") loads the plugin " + plugin + " (mail_plugins)"
}

// every lists the sections in which a setting may stand that is for all mail or
// for that of a filter; in 2.4 these are all.
func (r *reader) every(visit func(*doveconf.Section)) {
	var walk func(*doveconf.Section)
	walk = func(s *doveconf.Section) {
		visit(s)
		for _, sub := range s.Sections {
			walk(sub)
		}
	}
	walk(r.conf.Root)
}

// file makes a part of a path that a setting names; ok is false where it is none
// of the file system.
func file(p string, role waxseal.Role) (waxseal.Part, bool) {
	if !path.IsAbs(p) || strings.Contains(p, "%") {
		return waxseal.Part{}, false
	}
	return waxseal.Part{Path: mta.Clean(p), Role: role}, true
}

// unquoted splits the words of a value.
func unquoted(v string) []string { return strings.Fields(v) }
