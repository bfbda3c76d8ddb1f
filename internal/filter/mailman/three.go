package mailman

import (
	"maps"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// files are where Mailman 3 looks for its configuration; a host has one.
var files = []waxseal.Path{"/etc/mailman.cfg", "/etc/mailman3/mailman.cfg", "/opt/mailman/mm/mailman.cfg", "/opt/mailman/core/var/etc/mailman.cfg", "/opt/mailman/mm/var/etc/mailman.cfg"}

// three reads Mailman 3.
func (x *reader) three(o mta.Options) {
	list := slices.Clone(files)
	for _, st := range o.Starts {
		for i, w := range st.Argv {
			if (w == "-C" || w == "--config") && i+1 < len(st.Argv) && strings.HasPrefix(path.Base(st.Argv[0]), "mailman") {
				list = append(list, mta.Clean(st.Argv[i+1]))
			}
		}
	}
	for _, p := range list {
		if x.noted[p] || !x.Exists(p) {
			continue
		}
		x.config = append(x.config, p)
		set := x.extended(p, 0)
		x.core(set)
		for _, section := range sections(set) {
			x.section(section, set)
		}
	}
	for _, p := range []waxseal.Path{"/etc/mailman3/mailman-web.py", "/etc/mailman3/settings.py", "/opt/mailman/web/settings.py", "/opt/mailman/mm/settings.py"} {
		if x.Exists(p) {
			x.web(p)
		}
	}
	x.beside("/etc/mailman3", true)
}

// beside notes what else lies in a directory of Mailman's.
func (x *reader) beside(dir waxseal.Path, secrets bool) {
	names, err := x.Tree.ReadDir(dir)
	if err != nil {
		return // not there, or told with the files in it
	}
	for _, name := range names[:min(len(names), 2000)] {
		p := dir + "/" + waxseal.Path(name)
		f, err := x.Tree.Lstat(p)
		if err != nil || x.noted[p] || f.Type != waxseal.Regular && f.Type != waxseal.Symlink {
			continue
		}
		role := waxseal.RoleUnused
		if secrets && !strings.HasSuffix(name, ".cfg") {
			role = waxseal.RoleSecret
		}
		x.part(p, role)
	}
}

type key struct{ section, name string }

// mostExtended bounds how many files extend each other.
const mostExtended = 8

// extended reads a file, and before it the one that it extends: "[meta] extends: FILE",
// which lies beside it where no directory is named. What the file itself says counts.
func (x *reader) extended(p waxseal.Path, depth int) map[key]option {
	set := x.ini(p)
	o := set[key{"meta", "extends"}]
	if o.value == "" {
		return set
	}
	from := mta.Clean(o.value)
	if !path.IsAbs(o.value) {
		from = mta.Clean(path.Join(path.Dir(string(p)), o.value))
	}
	h := x.hook(o)
	h.Kind, h.Stage, h.Effects = waxseal.KindScript, waxseal.StageConnect, runs
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(from)}
	h.Closure = []waxseal.Part{{Path: from, Role: waxseal.RoleConfig}}
	h.Explain = "Mailman reads further settings, code that it is to load among them, from " + mta.Clip(string(from)) + " (extends, " + o.place() + ")."
	x.Emit(h)
	if x.noted[from] || depth >= mostExtended {
		x.Problem(p, o.line, "the file that it extends is not read again, or once too often")
		return set
	}
	below := x.extended(from, depth+1)
	maps.Copy(below, set)
	return below
}

// ini reads a file of sections with "name: value"; lines that begin with a blank go
// on with a value (configparser of Python). One with a password is not kept as
// text.
func (x *reader) ini(p waxseal.Path) map[key]option {
	text, ok := x.ReadUpTo(p, "the configuration of Mailman", maxFile)
	role := waxseal.RoleConfig
	set := map[key]option{}
	if !ok {
		x.part(p, role)
		return set
	}
	section, n := "", 0
	var last key
	for line := range strings.Lines(text) {
		n++
		body := strings.TrimSpace(line)
		switch {
		case body == "" || body[0] == '#' || body[0] == ';':
		case line[0] == ' ' || line[0] == '\t':
			if o, ok := set[last]; ok && len(o.value) < 1<<16 {
				o.value = strings.TrimSpace(o.value + " " + body)
				set[last] = o
			}
		case body[0] == '[':
			section, _, _ = strings.Cut(body[1:], "]") // and perhaps a comment
			last = key{}
		default:
			i := strings.IndexAny(body, ":=")
			if i < 0 {
				x.Problem(p, n, "the line is no setting")
				continue
			}
			last = key{section, strings.ToLower(strings.TrimSpace(body[:i]))}
			set[last] = option{section, last.name, strings.TrimSpace(body[i+1:]), p, n}
		}
	}
	masked := x.Mask.Text(role, text)
	for k, o := range set {
		if isSecret(k.name) && o.value != "" && strings.Contains(masked, o.value) {
			role = waxseal.RoleSecret // it is written in a way that can't be masked
		}
		x.note(o)
	}
	x.part(p, role)
	return set
}

func isSecret(name string) bool {
	return strings.Contains(name, "pass") && name != "password_length" || name == "api_key" || name == "privkey" || strings.HasPrefix(name, "secret")
}

// note takes a setting down; what is a password under a name that says so.
func (x *reader) note(o option) {
	name := o.name
	if isSecret(name) {
		name = "password"
	}
	x.Setting(string(o.path), o.section+":"+name, o.value, o.source())
}

func sections(set map[key]option) []string {
	seen := map[string]bool{}
	for k := range set {
		seen[k.section] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// core reads the sections that there is one of.
func (x *reader) core(set map[key]option) {
	get := func(section, name string) option { return set[key{section, name}] }
	for _, name := range []string{"pre_hook", "post_hook"} {
		if o := get("mailman", name); o.value != "" && !own(o.value) {
			x.class(o, "Mailman runs, when it starts, the code")
		}
	}
	for _, name := range []string{"incoming", "outgoing"} {
		if o := get("mta", name); o.value != "" && !own(o.value) {
			x.class(o, "Mailman hands its mail to the code")
		}
	}
	if o := get("mta", "smtp_host"); o.value != "" {
		x.relay(o, get("mta", "smtp_port").value)
	}
	if o := get("mailman", "html_to_plain_text_command"); o.value != "" && o.value != "/usr/bin/lynx -dump $filename" {
		x.command(o, "Mailman turns the text of messages to plain text by the command")
	}
	if o := get("mailman", "site_owner"); o.value != "" && o.value != "changeme@example.com" {
		x.address(o, waxseal.KindCopy, observes, "notices about lists", "What the owner of the site is told of lists goes to")
	}
	if o := get("devmode", "recipient"); o.value != "" && isTrue(get("devmode", "enabled").value) {
		x.address(o, waxseal.KindRedirect, diverts, "all mail of lists", "Mail of lists goes, instead of to those who are on them, to")
	}
	if o := get("nntp", "host"); o.value != "" {
		x.copied(o, o.value, "Mail of lists that are newsgroups too is posted to the news server")
	}
	x.database(get("database", "url"))
	x.antispam(get("antispam", "header_checks"), get("antispam", "jump_chain"))
	if o := get("mta", "configuration"); strings.HasPrefix(o.value, "/") {
		for k, in := range x.ini(mta.Clean(o.value)) {
			if k.name == "postmap_command" && in.value != "/usr/sbin/postmap" {
				x.command(in, "Mailman compiles its tables for Postfix by the command")
			}
		}
	}
}

// section reads those that there may be several of: "plugin.NAME".
func (x *reader) section(section string, set map[key]option) {
	get := func(name string) option { return set[key{section, name}] }
	class := get("class")
	switch kind, _, _ := strings.Cut(section, "."); kind {
	case "plugin":
		x.plugin(class, get("enabled"))
	case "archiver":
		x.archiver(section, class, get("enable"), get("configuration"))
	case "runner", "database":
		if class.value != "" && !own(class.value) {
			x.class(class, "Mailman runs the code")
		}
	case "logging":
		if o := get("path"); o.value == "/dev/null" {
			h := x.hook(o)
			h.Kind, h.Stage, h.Effects = waxseal.KindLog, waxseal.StageConnect, []waxseal.Effect{waxseal.Silence}
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: o.value}
			h.Explain = "What Mailman would log as " + section + " is thrown away (path, " + o.place() + ")."
			x.Emit(h)
		}
	}
}

func (x *reader) plugin(class, enabled option) {
	if class.value == "" || own(class.value) {
		return
	}
	if !isTrue(enabled.value) {
		h := x.hook(class)
		h.Kind, h.Effects = waxseal.KindPlugin, runs
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: class.value}
		h.Explain = "Mailman would load the plugin " + mta.Clip(class.value) + ", which is not enabled (" + class.place() + ")."
		mta.Inactive(&h, "the plugin is not enabled")
		x.Emit(h)
		return
	}
	x.class(class, "Mailman loads the plugin")
}

// archiver reads who gets all mail of lists to keep it: a class, and what its own
// file says.
func (x *reader) archiver(section string, class, enable, configuration option) {
	name := strings.TrimPrefix(section, "archiver.")
	if !isTrue(enable.value) {
		if class.value != "" && !own(class.value) {
			h := x.hook(class)
			h.Kind, h.Effects, h.Target = waxseal.KindPlugin, runs, waxseal.Target{Type: waxseal.TargetText, Value: class.value}
			h.Explain = "Mailman would keep mail of lists by " + mta.Clip(class.value) + ", which is not enabled (" + class.place() + ")."
			mta.Inactive(&h, "the archiver is not enabled")
			x.Emit(h)
		}
		return
	}
	if class.value != "" && !own(class.value) && class.value != "mailman_hyperkitty.Archiver" {
		x.class(class, "Mailman hands all mail of lists, to be kept, to the code")
	}
	file := strings.TrimPrefix(configuration.value, "file:")
	if !strings.HasPrefix(file, "/") {
		if name == "mail_archive" {
			o := enable
			o.value = "archive@mail-archive.com"
			x.address(o, waxseal.KindCopy, copies, "all mail of lists", "Mail of public lists is copied to")
		}
		return
	}
	set := x.ini(mta.Clean(file))
	for _, k := range slices.SortedFunc(maps.Keys(set), func(a, b key) int { return strings.Compare(a.section+a.name, b.section+b.name) }) {
		x.archived(set[k])
	}
}

// archived reads a setting of an archiver.
func (x *reader) archived(o option) {
	switch {
	case o.name == "recipient" && o.value != "":
		x.address(o, waxseal.KindCopy, copies, "all mail of lists", "Mail of lists is copied to")
	case o.name == "command" && o.value != "":
		x.command(o, "Mailman hands all mail of lists, to be kept, to the command")
	case o.name == "base_url" && !mta.IsLoopback(host(o.value)):
		x.copied(o, host(o.value), "Mail of lists is handed, to be kept, to the host")
	}
}

// copied emits the hook of a host that gets copies; one of this site is a setting.
func (x *reader) copied(o option, host, says string) {
	if mta.IsLoopback(host) || x.domains.Own(host) {
		return
	}
	h := x.hook(o)
	h.Kind, h.Effects = waxseal.KindCopy, copies
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: true}
	h.Explain = says + " " + mta.Clip(host) + mta.Where(h.Target) + " (" + o.name + ", " + o.place() + ")."
	x.Emit(h)
}

// database emits the hook of a database on another host: it has the lists.
func (x *reader) database(o option) {
	to := host(o.value)
	if o.value == "" || mta.IsLoopback(to) {
		return
	}
	h := x.hook(o)
	h.Kind, h.Effects, h.External = waxseal.KindMap, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Drop}, true
	scheme, _, _ := strings.Cut(o.value, "://")
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: scheme + ":" + to, Remote: true}
	mta.Modify(&h, "hosts", to)
	h.Explain = "Who is on which list is kept in the database on " + mta.Clip(to) + ", whose content is not seen from here (url, " + o.place() + ")."
	x.Emit(h)
}

// antispam reads header_checks: what matches them is held, or thrown away where
// jump_chain says so.
func (x *reader) antispam(checks, chain option) {
	if checks.value == "" || chain.value != "discard" {
		return
	}
	h := x.hook(chain)
	h.Kind, h.Effects, h.Scope = waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}, "header "+mta.Clip(checks.value)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "discard"}
	if strings.HasPrefix(strings.ToLower(checks.value), "x-spam") && strings.Count(checks.value, ":") == 1 {
		mta.Modify(&h, "when", `header matches "`+checks.value+`"`)
	}
	h.Explain = "Mail to lists with the header " + mta.Clip(checks.value) + " is thrown away (jump_chain, " + chain.place() + ")."
	x.Emit(h)
}

// web reads the settings of Mailman's web pages, a program in Python.
func (x *reader) web(p waxseal.Path) {
	x.code(p, "settings.py", "Mailman's web pages run it when they start", waxseal.RoleSecret, "all mail of lists")
	text, _ := x.ReadUpTo(p, "the settings of Mailman's web pages", maxFile)
	n := 0
	for line := range strings.Lines(text) {
		n++
		g := assignment.FindStringSubmatch(line)
		if len(line) > 1<<14 || g == nil {
			continue
		}
		o := option{"", g[1], g[2] + g[3] + g[4], p, n}
		x.Setting(string(p), o.name, o.value, o.source())
		switch {
		case o.name == "EMAIL_HOST" && o.value != "":
			x.relay(o, "")
		case o.name == "EMAIL_BACKEND" && !strings.HasPrefix(o.value, "django.core.mail."):
			x.class(o, "Mailman's web pages send mail by the code")
		}
	}
}

// own reports whether a name in Python is of Mailman itself.
func own(class string) bool { return class == "" || strings.HasPrefix(class, "mailman.") }

// isTrue reads a truth as lazr.config does.
func isTrue(v string) bool {
	return slices.Contains([]string{"true", "yes", "1", "on", "enabled", "enable"}, strings.ToLower(v))
}
