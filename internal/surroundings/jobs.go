package surroundings

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

func number(n int) string { return strconv.Itoa(n) }

// place is a directory or file of scripts that something on the host runs.
type place struct {
	path waxseal.Path
	when string // "when a network interface comes up"
	// runs says which names in it are run.
	runs func(name string, debian bool) bool
}

// scriptPlaces are directories whose programs run as root.
var scriptPlaces = []place{
	{"/etc/network/if-up.d", "when an interface comes up", byRunParts}, {"/etc/network/if-down.d", "when an interface goes down", byRunParts},
	{"/etc/network/if-pre-up.d", "before an interface comes up", byRunParts}, {"/etc/network/if-post-down.d", "after an interface went down", byRunParts},
	{"/etc/ppp/ip-up.d", "when a link comes up", byRunParts}, {"/etc/ppp/ip-down.d", "when a link goes down", byRunParts},
	{"/etc/ppp/ipv6-up.d", "when a link comes up", byRunParts}, {"/etc/ppp/ipv6-down.d", "when a link goes down", byRunParts},
	{"/etc/resolvconf/update-libc.d", "when name servers change", byRunParts}, {"/etc/resolvconf/update.d", "when name servers change", byRunParts},
	{"/etc/dhcp/dhclient-enter-hooks.d", "when an address is assigned", byRunParts}, {"/etc/dhcp/dhclient-exit-hooks.d", "when an address is assigned", byRunParts},
	{"/etc/NetworkManager/dispatcher.d", "when an interface changes", byDispatcher}, {"/etc/NetworkManager/dispatcher.d/pre-up.d", "before an interface comes up", byDispatcher},
	{"/etc/networkd-dispatcher/routable.d", "when an interface changes", byAnyName}, {"/etc/networkd-dispatcher/configured.d", "when an interface changes", byAnyName},
	{"/etc/cron.hourly", "every hour", byRunParts}, {"/etc/cron.daily", "every day", byRunParts}, {"/etc/cron.weekly", "every week", byRunParts}, {"/etc/cron.monthly", "every month", byRunParts},
	{"/etc/update-motd.d", "when somebody logs in", byRunParts}, {"/usr/lib/systemd/system-sleep", "when the host sleeps", byAnyName},
	{"/etc/letsencrypt/renewal-hooks/deploy", "when a certificate is renewed", byAnyName}, {"/etc/letsencrypt/renewal-hooks/post", "when a certificate is renewed", byAnyName},
}

// scriptText is the text of a script; a program that is none has no text.
func (r *reader) scriptText(p waxseal.Path) (string, bool) {
	f, err := r.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular || f.Size > maxFile {
		return "", false
	}
	text, ok := r.read(p)
	if !ok || strings.HasPrefix(text, "\x7fELF") {
		return "", false
	}
	return text, true
}

// script takes one script of a place: a part where it has to do with mail, a
// hook where it touches mail and no package vouches for it.
func (r *reader) script(p waxseal.Path, text, when string, active bool) {
	if !errand.MentionsMail(text) && !mailUnits[path.Base(string(p))] && !errand.AltersMail(text) {
		return
	}
	r.part(p, waxseal.RoleScript)
	r.linesForDirectories(p, text, active)
	// Where no database tells, a script of a mail package's name is its own, unless
	// it does what no package's script does.
	line, what := r.foreign(p, text)
	if line == 0 && (r.vendors(p, waxseal.RoleScript) || mailUnits[path.Base(string(p))] && !r.disowned(p, waxseal.RoleScript) && !errand.Reconfigures(text)) {
		return
	}
	if line == 0 {
		line, what = errand.FirstAltering(text)
	}
	if mailUnits[path.Base(string(p))] && r.disowned(p, waxseal.RoleScript) {
		line = max(line, 1)
	}
	if line > 0 {
		r.scriptHook(p, line, when, what, active)
	}
}

// shellScript matches the beginning of a script of a shell.
var shellScript = regexp.MustCompile(`^#! ?\S*/(?:env )?(?:ba|da|k|z)?sh\b`)

// foreign is the first line of a shell script that no package's script has. Where the
// package database vouches for the script, none is.
func (r *reader) foreign(p waxseal.Path, text string) (int, string) {
	line, what := errand.FirstForeign(text)
	if line == 0 || !shellScript.MatchString(text) || r.about(p, waxseal.RoleScript).PackageState == waxseal.PackageUnmodified {
		return 0, ""
	}
	return line, what
}

func (r *reader) scriptHook(p waxseal.Path, line int, when, what string, active bool) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: line}, "script")
	h.Directive, h.Effects, h.Active = path.Base(path.Dir(string(p))), runs, active
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
	h.Explain = string(p) + " runs as root " + when + " and has to do with mail; no package vouches for it."
	if what != "" {
		h.Explain = string(p) + " runs as root " + when + " and touches mail: " + clip(what)
		if !errand.AltersMail(what) {
			h.Explain = string(p) + " runs as root " + when + " and does what no script of a mail package does: " + clip(what)
		}
		h.Modifiers = with(h.Modifiers, "touches", clip(what))
	}
	r.emit(h)
}

// jobs reads what runs at a time or at an occasion: cron, at, the package
// managers.
func (r *reader) jobs() {
	for _, place := range scriptPlaces {
		for _, n := range r.list(place.path) {
			p := place.path + "/" + waxseal.Path(n)
			if text, ok := r.scriptText(p); ok {
				f, _ := r.tree.Stat(p)
				named := place.runs(n, r.exists("/var/lib/dpkg"))
				if !named && Leftover(n) && errand.MentionsMail(text) {
					r.part(p, waxseal.RoleUnused)
					continue
				}
				r.script(p, text, place.when, named && (f.Mode&0o111 != 0 || strings.Contains(string(place.path), "hooks.d")))
			}
		}
	}
	for _, p := range []waxseal.Path{"/etc/dhcp/dhclient-enter-hooks", "/etc/dhcp/dhclient-exit-hooks", "/etc/dhclient-exit-hooks", "/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local"} {
		if text, ok := r.scriptText(p); ok {
			r.script(p, text, "when an address is assigned", true)
		}
	}
	r.crontabs()
	r.packageManagers()
}

// crontabs reads crontab(5) files, those of the system with a user in each line.
func (r *reader) crontabs() {
	system := []waxseal.Path{"/etc/crontab", "/etc/anacrontab"}
	for _, n := range r.list("/etc/cron.d") {
		if !strings.ContainsAny(n, ".~") { // run-parts(8) names
			system = append(system, "/etc/cron.d/"+waxseal.Path(n))
		}
	}
	for _, p := range system {
		r.crontab(p, "")
	}
	for _, dir := range []waxseal.Path{"/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"} {
		for _, n := range r.list(dir) {
			if f, err := r.tree.Stat(dir + "/" + waxseal.Path(n)); err == nil && f.Type == waxseal.Regular {
				r.crontab(dir+"/"+waxseal.Path(n), n)
			}
		}
	}
	for _, dir := range []waxseal.Path{"/var/spool/cron/atjobs", "/var/spool/at"} {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			if text, ok := r.scriptText(p); ok && !strings.HasPrefix(n, ".") {
				r.script(p, text, "once (at)", true)
			}
		}
	}
}

// cronLine is one entry of a crontab.
type cronLine struct {
	line      int
	user      string
	command   string
	variables []assignment // those set above it
}

const maxCronLines = 5000

// parseCrontab parses crontab(5). Owner is the user whose file it is, "" for one
// of the system's with a user in each line. "%" ends a command, the rest is its
// input.
func parseCrontab(p waxseal.Path, content, owner string) []cronLine {
	var list []cronLine
	var variables []assignment
	n := 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || len(list) >= maxCronLines {
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && !strings.ContainsAny(strings.TrimSpace(name), " \t*@/") && !startsWithDigit(line) {
			if len(variables) < 256 {
				variables = append(variables, assignment{key: strings.Trim(strings.TrimSpace(name), `"'`), value: unquote(strings.TrimSpace(value)), source: waxseal.Source{Path: p, Line: n}})
			}
			continue
		}
		fields := 5
		if line[0] == '@' {
			fields = 1
		}
		if path.Base(string(p)) == "anacrontab" {
			fields, owner = 3, "root"
		}
		rest, ok := skipFields(line, fields)
		user := owner
		if owner == "" && ok {
			user, _, _ = strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
			rest, ok = skipFields(rest, 1)
		}
		if ok {
			list = append(list, cronLine{n, user, rest, variables})
		}
	}
	return list
}

func startsWithDigit(s string) bool { return s[0] >= '0' && s[0] <= '9' }

func skipFields(s string, n int) (string, bool) {
	for range n {
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			return "", false
		}
		s = strings.TrimLeft(s[i:], " \t")
	}
	return s, s != ""
}

func (r *reader) crontab(p waxseal.Path, owner string) {
	text, ok := r.scriptText(p)
	if !ok {
		return
	}
	vendors := r.exists(p) && errand.MentionsMail(text) && r.vendors(p, waxseal.RoleScript)
	said := map[string]bool{}
	for _, c := range parseCrontab(p, text, owner) {
		script := r.scriptOf(c.command)
		touched := errand.AltersMail(c.command) || errand.RunsFromOpenPlace(c.command) != ""
		if script != "" && !touched {
			body, _ := r.scriptText(script)
			_, what := errand.FirstAltering(body)
			touched = what != ""
			if errand.MentionsMail(body) {
				r.part(script, waxseal.RoleBinary)
			}
		}
		source := waxseal.Source{Path: p, Line: c.line}
		if touched || errand.MentionsMail(c.command) {
			r.part(p, waxseal.RoleScript)
			r.note(string(p), "line "+clip(c.command), c.user, source)
			r.commandLine([]string{"sh", "-c", c.command}, nil, string(p), source, true)
			for _, v := range c.variables {
				if key := v.key + "\x00" + v.value; !vendors && !said[key] {
					said[key] = true
					r.variable(v.key, v.value, v.source, "jobs of "+path.Base(string(p)), "cron", true)
				}
			}
		}
		if p == "/etc/cron.d/sendmail" && sendmailJob.MatchString(c.command) && (script == "" || !r.disowned(script, waxseal.RoleBinary)) {
			continue
		}
		if touched && (!vendors || script != "" && r.disowned(script, waxseal.RoleBinary)) {
			r.cronHook(p, c, script)
		}
	}
}

// sendmailJob is a line that Debian's update_conf(8) writes into a crontab of its
// own, which no package owns.
var sendmailJob = regexp.MustCompile(`^test -x /etc/init\.d/sendmail && test -x /usr/share/sendmail/sendmail && test -x /usr/(?:libexec|lib/sm\.bin)/(?:sendmail/)?sendmail && /usr/share/sendmail/sendmail (?:cron-msp|cron-mta|aging \S+ \S+ \S+)$`)

// scriptOf is the first file that a command line runs and that is a script.
func (r *reader) scriptOf(command string) waxseal.Path {
	for i, w := range words(command) {
		if path.IsAbs(w) && (i < 8) {
			if p := clean(w); r.regular(p) {
				if text, ok := r.scriptText(p); ok && strings.HasPrefix(text, "#!") {
					return p
				}
			}
		}
	}
	return ""
}

func (r *reader) cronHook(p waxseal.Path, c cronLine, script waxseal.Path) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: c.line}, "cron", clip(c.command))
	h.Directive, h.Effects, h.RunsAs = "cron", runs, c.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: c.command}
	if script != "" {
		h.Closure = append(h.Closure, waxseal.Part{Path: script, Role: waxseal.RoleScript})
	}
	h.Closure = append(append(h.Closure, errand.Files(r.tree, c.command)...), waxseal.Part{Path: p, Role: waxseal.RoleScript})
	h.Explain = "A cron job of " + clip(c.user) + " touches mail: " + clip(c.command)
	if open := errand.RunsFromOpenPlace(c.command); open != "" {
		h.Explain = "A cron job of " + clip(c.user) + " runs " + clip(open) + ", which lies where anyone may put a file, or under a hidden name: " + clip(c.command)
	}
	r.emit(h)
}

func (r *reader) lineHook(p waxseal.Path, line int, directive, command, when string) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: line}, directive, clip(command))
	h.Directive, h.Effects = directive, runs
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = append(errand.Files(r.tree, command), waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "Root runs a command " + when + ": " + clip(command) + " (" + directive + ")."
	r.emit(h)
}
