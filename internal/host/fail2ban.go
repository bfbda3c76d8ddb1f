package host

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

const fail2banDirectory = "/etc/fail2ban"

// fail2ban reads jails and their actions (jail.conf(5)): commands that root runs
// whenever a line of a log matches, which strangers can write into the log of mail.
func (r *reader) fail2ban() {
	files := r.jailFiles()
	f := &fail2ban{reader: r, jails: r.load(files...), used: map[string]bool{}, actions: map[string]*ini{}, left: maxCommands}
	for _, p := range f.jails.files {
		if !r.vendors(p, waxseal.RoleConfig) {
			r.Part(p, waxseal.RoleConfig)
		}
	}
	for _, name := range f.jails.order {
		if name != "DEFAULT" && name != "INCLUDES" {
			f.jail(name)
		}
	}
	f.unused()
	if f.left < 0 {
		r.Problem(fail2banDirectory, 0, "more commands of jails than are looked at: what the others do is not known")
	}
}

// maxCommands bounds the text of all commands, with what stands in them put in.
const maxCommands = 1 << 20

// jailFiles are the files of jails in the order in which they are read.
func (r *reader) jailFiles() []waxseal.Path {
	files := []waxseal.Path{fail2banDirectory + "/jail.conf"}
	names := r.list(fail2banDirectory + "/jail.d")
	for _, ending := range []string{".conf", ".local"} {
		if ending == ".local" {
			files = append(files, fail2banDirectory+"/jail.local")
		}
		for _, n := range names {
			if strings.HasSuffix(n, ending) {
				files = append(files, fail2banDirectory+"/jail.d/"+waxseal.Path(n))
			}
		}
	}
	return files
}

type fail2ban struct {
	*reader
	jails *ini
	used  map[string]bool // actions of jails that are enabled
	// enabled: there is a jail. A tree without one is a part of a host.
	enabled bool
	// left is how much of commands is still looked at: a jail may have many actions, and
	// a hostile one many of everything.
	left    int
	actions map[string]*ini
}

func (f *fail2ban) jail(name string) {
	enabled, _ := f.jails.get(name, "enabled")
	if !slices.Contains([]string{"true", "1", "yes", "on"}, strings.ToLower(enabled)) {
		return
	}
	f.enabled = true
	mail := f.ofMail(name)
	for _, key := range []string{"action", "filter", "logpath", "ignorecommand", "bantime"} {
		if v, source := f.jails.get(name, key); v != "" && mail {
			f.Setting("fail2ban "+mta.Clip(name), key, v, source)
		}
	}
	o := occasion{when: "whenever a line of the log matches the jail " + mta.Clip(name), scope: "the jail " + mta.Clip(name), mail: mail}
	if v, ok := f.jails.value(name, "ignorecommand"); ok && v.text != "" {
		o.directive, o.vouched = "ignorecommand", f.vendors(v.source.Path, waxseal.RoleConfig)
		f.script(v.source.Path, shellLines(v.text, v.source, func(s string) string { return f.jails.expand(name, s) }), o)
		o.vouched = false
	}
	text, source := f.jails.get(name, "action")
	for _, a := range parseActions(text) {
		f.used[a.name] = true
		f.action(name, a.in(name), source, o)
	}
}

// ofMail reports whether a jail looks at the log of mail, so that whoever talks to
// the mail system makes its actions run.
func (f *fail2ban) ofMail(name string) bool {
	words := name
	for _, key := range []string{"filter", "logpath", "journalmatch", "port"} {
		v, _ := f.jails.get(name, key)
		words += "\n" + v
	}
	return errand.MentionsMail(words) || strings.Contains(words, "/var/log/mail") || strings.Contains(words, "smtp") || strings.Contains(words, "imap") || strings.Contains(words, "sieve")
}

// banAction is one action of a jail with its parameters.
type banAction struct {
	name       string
	parameters map[string]string
}

var (
	actionName = regexp.MustCompile(`^([A-Za-z0-9_.-]+)(.*)$`)
	parameter  = regexp.MustCompile(`([\w/?]+)\s*=\s*("[^"]*"|'[^']*'|[^,\]]*)`)
)

// parseActions parses "name[parameter=value, …]", one a line.
func parseActions(text string) []banAction {
	var list []banAction
	for line := range strings.SplitSeq(joinBrackets(text), "\n") {
		g := actionName.FindStringSubmatch(strings.TrimSpace(line))
		if g == nil || len(list) >= 64 {
			continue
		}
		a := banAction{g[1], map[string]string{}}
		for _, p := range parameter.FindAllStringSubmatch(g[2], 64) {
			a.parameters[strings.ToLower(p[1])] = strings.Trim(strings.TrimSpace(p[2]), `"'`)
		}
		list = append(list, a)
	}
	return list
}

// in gives an action the name of its jail, unless the jail gives another.
func (a banAction) in(jail string) banAction {
	if _, ok := a.parameters["name"]; !ok {
		a.parameters["name"] = jail
	}
	return a
}

// joinBrackets makes one line of what stands between "[" and "]".
func joinBrackets(text string) string {
	depth := 0
	return strings.Map(func(c rune) rune {
		switch {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case c == '\n' && depth > 0:
			return ' '
		}
		return c
	}, text)
}

// shellLines are those of a text that begins at a place. With puts in what stands for
// something else: of what it gives each line stands where its own did.
func shellLines(text string, source waxseal.Source, with func(string) string) []shellLine {
	var list []shellLine
	for i, l := range strings.Split(text, "\n") {
		if len(list) >= 500 {
			break
		}
		for part := range strings.SplitSeq(with(l), "\n") {
			list = append(list, shellLine{strings.TrimSpace(part), source.Line + i})
		}
	}
	return list[:min(len(list), 2000)]
}

func asItIs(s string) string { return s }

// actionCommands are the keys that are commands (jail.conf(5) "ACTION FILES").
var actionCommands = []string{"actionstart", "actionstop", "actioncheck", "actionban", "actionunban", "actionreban", "actionprolong", "actionflush", "actionreload", "actionrepair"}

// reports are actions that packages bring and that reach out by themselves.
var reports = set("abuseipdb blocklist_de cloudflare cloudflare-token complain dshield ipthreat mynetwatchman netscaler nsupdate xarf-login-attack apprise badips badips-multiport symbiosis-blacklist-allports")

// action makes the hooks of an action in a jail.
func (f *fail2ban) action(jail string, a banAction, from waxseal.Source, o occasion) {
	base := fail2banDirectory + "/action.d/" + a.name
	if code := clean(strings.TrimSuffix(base, ".py") + ".py"); f.Exists(code) && !f.Exists(clean(base+".conf")) {
		f.python(code, jail, from)
		return
	}
	c := f.actions[a.name]
	if c == nil {
		c = f.load()
		f.loadBoth(c, clean(base+".conf"), 0)
		f.actions[a.name] = c
	}
	for _, p := range c.files {
		if o.mail && !f.vendors(p, waxseal.RoleConfig) {
			f.Part(p, waxseal.RoleConfig)
		}
	}
	f.actionFile(c, a, o)
	if o.mail {
		f.destination(c, a, from, o)
	}
}

// actionFile looks through the commands of an action with its parameters put in.
func (f *fail2ban) actionFile(c *ini, a banAction, o occasion) {
	for _, key := range actionCommands {
		v, ok := c.value("Definition", key)
		if !ok || v.text == "" {
			continue
		}
		vouched := f.vendors(v.source.Path, waxseal.RoleConfig)
		if !vouched {
			f.Part(v.source.Path, waxseal.RoleConfig)
		}
		o.directive, o.reports = key, vouched || reports[a.name]
		f.script(v.source.Path, shellLines(v.text, v.source, func(s string) string { return f.withTags(c, a, c.expand("Definition", s)) }), o)
	}
}

var tag = regexp.MustCompile(`<([A-Za-z0-9_/-]{1,64})>`)

// withTags puts in <tags>: parameters of the jail's, then what the file sets.
func (f *fail2ban) withTags(c *ini, a banAction, text string) string {
	if f.left -= len(text) + 64; f.left < 0 {
		return ""
	}
	text = replaced(text, "<", tag, 5, func(m string) (string, bool) {
		name := strings.ToLower(m[1 : len(m)-1])
		if v, ok := a.parameters[name]; ok {
			return v, true
		}
		for _, section := range []string{"Init", "Definition"} {
			if v, ok := c.sections[section][name]; ok {
				return c.expand(section, v.text), true
			}
		}
		return "", false
	})
	f.left -= len(text)
	return text
}

// python makes the hook of an action that is code of Python's, loaded into the server.
func (f *fail2ban) python(p waxseal.Path, jail string, from waxseal.Source) {
	if !f.regular(p) || f.vendors(p, waxseal.RoleScript) || f.complete == nil && path.Base(string(p)) == "smtp.py" {
		return
	}
	h := f.hook(waxseal.KindScript, "action", from, mta.Clip(jail), mta.Clip(string(p)))
	h.Scope = "the jail " + mta.Clip(jail)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}, {Path: from.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Root runs " + string(p) + " whenever a line of the log matches the jail " + mta.Clip(jail) + ", and no package vouches for it (fail2ban)."
	f.Emit(h)
}

// destination makes the hook of an address to which lines of the mail log are sent.
func (f *fail2ban) destination(c *ini, a banAction, from waxseal.Source, o occasion) {
	to, ok := a.parameters["dest"]
	if !ok {
		to = c.sections["Init"]["dest"].text
	}
	if _, domain, ok := strings.Cut(to, "@"); !ok || mta.IsLoopback(domain) || !strings.Contains(a.name, "mail") {
		return
	}
	h := f.hook(waxseal.KindLog, "destemail", from, o.scope, a.name)
	h.Effects, h.RunsAs, h.Scope = []waxseal.Effect{waxseal.Observe}, "", o.scope
	h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: to}
	h.Closure = []waxseal.Part{{Path: from.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Whom " + o.scope + " bans is told to " + mta.Clip(to) + ", which may show lines of the mail log (" + a.name + ")."
	f.Emit(h)
}

// unused looks at actions that no enabled jail names: they are found as soon as one
// does. In a tree in which no jail is enabled they count as used.
func (f *fail2ban) unused() {
	o := occasion{when: "when an address is banned", mail: true}
	if f.enabled {
		o.inactive = "no jail that is enabled uses this action"
	}
	for _, n := range f.list(fail2banDirectory + "/action.d") {
		name := strings.TrimSuffix(strings.TrimSuffix(n, ".conf"), ".local")
		p := clean(fail2banDirectory + "/action.d/" + n)
		if name == n || f.used[name] || f.vendors(p, waxseal.RoleConfig) {
			continue
		}
		own := &ini{sections: map[string]map[string]iniValue{}}
		if text, ok := f.read(p, "an action of fail2ban"); ok && (errand.AltersMail(text) || errand.MayRunFromOpenPlace(text)) {
			own.parse(p, text)
			o.scope = "the action " + mta.Clip(name)
			f.actionFile(own, banAction{name: name}, o)
		}
	}
}
