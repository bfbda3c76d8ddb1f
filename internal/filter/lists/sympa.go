package lists

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// sympaFiles are where packages have the main configuration: Debian, Red Hat, and what
// the sources say.
var sympaFiles = []waxseal.Path{"/etc/sympa/sympa/sympa.conf", "/etc/sympa/sympa.conf", "/etc/sympa.conf", "/home/sympa/etc/sympa.conf"}

const (
	sympaEtc   waxseal.Path = "/etc/sympa"
	sympaLists waxseal.Path = "/var/lib/sympa/list_data"
)

func (x *reader) sympa() {
	for _, p := range sympaFiles {
		if text, ok := x.text(p, waxseal.RoleConfig); ok {
			x.site(p, text, "all mail of lists")
			break // the first that is there is the one
		}
	}
	if len(x.config) == 0 {
		return
	}
	x.etc(sympaEtc, "all mail of lists")
	for _, name := range x.names(sympaEtc) {
		p := sympaEtc + "/" + waxseal.Path(name) + "/robot.conf"
		if text, ok := x.text(p, waxseal.RoleConfig); ok {
			x.site(p, text, "all mail of lists of the domain "+mta.Clip(name))
			x.etc(sympaEtc+"/"+waxseal.Path(name), "all mail of lists of the domain "+mta.Clip(name))
		}
	}
	x.sympaLists(sympaLists, true)
}

// sympaLists reads lists, which lie in directories of their domains where there are
// several.
func (x *reader) sympaLists(dir waxseal.Path, deeper bool) {
	for _, name := range x.names(dir) {
		here := dir + "/" + waxseal.Path(name)
		if !x.isDirectory(here) || x.full(here) {
			continue
		}
		if text, ok := x.text(here+"/config", waxseal.RoleConfig); ok {
			x.sympaList(here, name, text)
			x.etc(here, "all mail to the list "+mta.Clip(name))
		} else if deeper {
			x.sympaLists(here, false)
		}
	}
}

// paragraph is a setting of a list's config: "name value", or a name alone with its
// fields below, up to an empty line.
type paragraph struct {
	entry
	fields map[string]entry
}

// paragraphs reads a configuration. In sympa.conf each line stands for itself.
func paragraphs(p waxseal.Path, text, scope string) []paragraph {
	var list []paragraph
	n, inside := 0, false
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			inside = inside && line != ""
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		if i := strings.IndexByte(line, '\t'); i >= 0 && i < len(name) {
			name, value = line[:i], line[i+1:]
		}
		e := entry{name: name, value: strings.TrimSpace(value), path: p, line: n, scope: scope}
		switch {
		case inside:
			list[len(list)-1].fields[name] = e
		case len(list) < maxEntries:
			list = append(list, paragraph{e, map[string]entry{}})
			inside = e.value == ""
		}
	}
	return list
}

// site reads sympa.conf or robot.conf.
func (x *reader) site(p waxseal.Path, text, scope string) {
	set := map[string]entry{}
	for _, para := range paragraphs(p, text, scope) {
		set[para.name] = para.entry
		for name, e := range para.fields {
			set[name] = e
		}
	}
	for name, e := range set {
		switch name {
		case "listmaster":
			e.scope = "notices about lists"
			x.addresses(e, waxseal.KindCopy, copies, "Notices and moderation of all lists go to the listmaster")
		case "sendmail":
			if e.value != "/usr/sbin/sendmail" && e.value != "/usr/lib/sendmail" {
				x.command(e, set["sendmail_args"].value, "Mail of lists is sent by")
				continue
			}
			x.setting(e)
		case "custom_archiver", "antivirus_path", "reporting_spam_script_path", "mhonarc", "alias_manager":
			if e.value == "/usr/bin/mhonarc" || strings.HasPrefix(e.value, "/usr/lib/sympa/") {
				x.setting(e)
				continue
			}
			arguments := ""
			if name == "antivirus_path" {
				arguments = set["antivirus_args"].value
			}
			x.command(e, arguments, "Sympa runs, with mail of lists, the command")
		case "aliases_program":
			if strings.HasPrefix(e.value, "/") {
				x.command(e, "", "Sympa runs, whenever a list is made, the command")
				continue
			}
			x.setting(e)
		case "custom_header", "remove_headers", "remove_outgoing_headers":
			x.rewrite(e, "Each message of lists has a header put in or taken out:")
		case "db_host":
			x.database(e, set["db_type"].value)
		default:
			x.sympaSetting(e)
		}
	}
}

// sympaSetting takes a setting down; what is a password under a name that says so.
func (x *reader) sympaSetting(e entry) {
	if strings.Contains(e.name, "passw") || e.name == "cookie" {
		e.name = "password"
	}
	x.setting(e)
}

// database tells of the server that knows who is on which list.
func (x *reader) database(e entry, kind string) {
	if e.value == "" || mta.IsLoopback(e.value) {
		x.setting(e)
		return
	}
	h := x.hook(e, waxseal.KindMap, diverts)
	h.External = true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: strings.ToLower(kind) + ":" + e.value, Remote: true}
	h.Explain = "Who is on which list says a database on " + mta.Clip(e.value) + e.place()
	x.Emit(h)
}

// sympaList reads the config of one list.
func (x *reader) sympaList(dir waxseal.Path, name, text string) {
	count, list := map[string]int{}, "the list "+mta.Clip(name)
	for _, para := range paragraphs(dir+"/config", text, "all mail to "+list) {
		if count[para.name]++; count[para.name] > 1 {
			para.key = strconv.Itoa(count[para.name])
		}
		switch e := para.entry; para.name {
		case "owner", "editor":
			address := para.fields["email"]
			address.name, address.key = para.name, ""
			address.scope = "mail to " + list + " that somebody has to let through"
			if para.name == "owner" {
				address.scope = "mail to the owners of " + list
			}
			x.addresses(address, waxseal.KindCopy, copies, "Mail that "+list+" asks its "+para.name+"s about goes to")
		case "reply_to_header":
			x.replyTo(para, list)
		case "custom_header", "remove_headers", "remove_outgoing_headers", "anonymous_sender":
			x.rewrite(e, "Each message of "+list+" has a header put in or taken out:")
		case "message_hook":
			x.messageHooks(para, list)
		case "member_include", "include_file", "include_remote_file", "include_sympa_list", "include_sql_query", "include_ldap_query", "include_remote_sympa_list", "include_list":
			x.include(para, list)
		default:
			x.paragraph(para)
		}
	}
}

// paragraph takes down what is no hook.
func (x *reader) paragraph(para paragraph) {
	e := para.entry
	if e.key != "" {
		e.name += ":" + e.key
	}
	if len(para.fields) == 0 {
		x.sympaSetting(e)
	}
	for name, f := range para.fields {
		f.name = e.name + ":" + name
		if strings.Contains(name, "passw") {
			f.name = e.name + ":password"
		}
		x.setting(f)
	}
}

// replyTo tells where answers to a list go.
func (x *reader) replyTo(para paragraph, list string) {
	if other := para.fields["other_email"]; other.value != "" {
		other.name = para.name
		h := x.hook(other, waxseal.KindRewrite, modifies)
		h.Target = x.domains.Address(other.value)
		h.Explain = "Answers to messages of " + list + " go to " + mta.Clip(other.value) + mta.Where(h.Target) + other.place()
		x.Emit(h)
		delete(para.fields, "other_email")
	}
	x.paragraph(para)
}

// messageHooks are modules that see each message: "pre_distribute Name" is
// Sympa::Message::Plugin::Name.
func (x *reader) messageHooks(para paragraph, list string) {
	for _, when := range []string{"pre_distribute", "post_archive"} {
		e := para.fields[when]
		if e.value == "" {
			continue
		}
		file := "Sympa/Message/Plugin/" + strings.ReplaceAll(e.value, "::", "/") + ".pm"
		h := x.hook(e, waxseal.KindPlugin, loads)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "Sympa::Message::Plugin::" + e.value}
		h.Explain = "Each message of " + list + " passes through code of the name " + mta.Clip(e.value) + e.place()
		for _, dir := range []string{"/usr/share/sympa/lib/", "/usr/local/share/perl/", "/usr/share/perl5/", "/etc/perl/", "/usr/local/lib/site_perl/"} {
			if p := mta.Clean(dir + file); x.Exists(p) {
				h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
				h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleLibrary}}
				x.Emit(h)
				x.code(p, when, "Each message of "+list+" passes through it")
				h.ID = ""
				break
			}
		}
		if h.ID != "" {
			x.Emit(h)
		}
	}
}

// code takes a program in Perl down.
func (x *reader) code(p waxseal.Path, directive, says string) {
	if text, ok := x.text(p, waxseal.RoleScript); ok {
		x.Code(mta.Code{Path: p, Text: text, Language: calls.Perl, Domains: x.domains, Directive: directive, Stage: waxseal.StageDeliver, Scope: "all mail of lists",
			RunsAs: "sympa", Runs: says, Role: waxseal.RoleScript})
	}
}

// include tells whom a list takes from elsewhere: a file, a URL, a query.
func (x *reader) include(para paragraph, list string) {
	host := para.fields["host"].value
	if u := para.fields["url"].value; u != "" {
		host, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(u, "https://"), "http://"), "/")
	}
	if para.name == "include_file" && para.value != "" {
		x.part(mta.Clean(para.value), waxseal.RoleList)
	}
	if host == "" || mta.IsLoopback(host) {
		x.paragraph(para)
		return
	}
	h := x.hook(para.entry, waxseal.KindMap, diverts)
	h.External = true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: para.name + ":" + host, Remote: true}
	h.Explain = "Who is on " + list + " says " + mta.Clip(host) + para.place()
	x.Emit(h)
}

// etc reads what lies beside a configuration: rules, code for them, templates.
func (x *reader) etc(dir waxseal.Path, scope string) {
	for _, name := range x.names(dir + "/scenari") {
		x.scenario(dir+"/scenari/"+waxseal.Path(name), scope)
	}
	for _, sub := range []string{"custom_conditions", "custom_actions"} {
		for _, name := range x.names(dir + "/" + waxseal.Path(sub)) {
			p := dir + "/" + waxseal.Path(sub+"/"+name)
			if !strings.HasSuffix(name, ".pm") {
				continue
			}
			e := entry{name: sub, value: name, path: p, line: 1, scope: scope}
			h := x.hook(e, waxseal.KindPlugin, loads)
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
			h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleLibrary}}
			h.Explain = "Sympa runs the code in " + string(p) + " where a rule or a page asks for it" + e.place()
			x.Emit(h)
			x.code(p, sub, "a rule of Sympa asks it")
		}
	}
	for _, sub := range []string{"mail_tt2", "data_sources", "tasks", "search_filters", "web_tt2"} {
		for _, name := range x.names(dir + "/" + waxseal.Path(sub)) {
			if p := dir + "/" + waxseal.Path(sub+"/"+name); !x.isDirectory(p) {
				x.part(p, waxseal.RoleFilterConfig)
			}
		}
	}
	if dir == sympaEtc {
		for _, name := range []string{"auth.conf", "topics.conf", "facility", "data_structure.version", "list_aliases.tt2", "trusted_applications.conf", "edit_list.conf", "create_list.conf"} {
			if p := dir + "/" + waxseal.Path(name); x.Exists(p) {
				x.part(p, waxseal.RoleFilterConfig)
			}
		}
	}
}

// scenario reads rules "condition methods -> action", of which the first that holds
// counts. The name of the file says what is decided: "send.private".
func (x *reader) scenario(p waxseal.Path, scope string) {
	text, ok := x.text(p, waxseal.RoleConfig)
	if !ok {
		return
	}
	what, _, _ := strings.Cut(path.Base(string(p)), ".")
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		arrow := strings.LastIndex(line, "->") // conditions have some too: [header->subject]
		if arrow < 0 || n > maxEntries {
			continue
		}
		rule, action := line[:arrow], line[arrow+2:]
		condition := strings.Join(strings.Fields(rule), " ")
		action = strings.Join(strings.Fields(action), "")
		e := entry{name: "scenari", value: action, path: p, line: n, key: condition, scope: scope}
		if what == "send" && strings.HasPrefix(action, "reject") && strings.Contains(action, "quiet") {
			picks := ""
			if !strings.HasPrefix(condition, "true()") {
				e.scope, picks = "mail of lists where "+mta.Clip(condition), condition
			}
			x.discard(e, picks, "Mail to lists is thrown away without a word where "+mta.Clip(condition))
			continue
		}
		e.name = "scenari:" + strconv.Itoa(n)
		e.value = condition + " -> " + action
		x.setting(e)
	}
}
