package surroundings

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

// initScripts reads what starts daemons without a unit: /etc/init.d, rc.local,
// the default files that they and helper scripts source, inetd.
func (r *reader) initScripts() {
	for _, dir := range []waxseal.Path{"/etc/init.d", "/etc/rc.d/init.d"} {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			text, ok := r.scriptText(p)
			if !ok || !mailUnits[n] && !errand.MentionsMail(text) {
				continue
			}
			if Leftover(n) && !r.started(n) {
				r.part(p, waxseal.RoleUnused)
				continue
			}
			r.part(p, waxseal.RoleScript)
			if r.disowned(p, waxseal.RoleScript) && (mailUnits[n] || errand.AltersMail(text)) {
				r.scriptHook(p, 1, "when the host starts or stops", "", mailUnits[n] || r.started(n))
			} else if line, what := r.foreign(p, text); line > 0 {
				r.scriptHook(p, line, "when the host starts or stops", what, mailUnits[n] || r.started(n))
			}
			r.linesForDirectories(p, text, true)
		}
	}
	r.rcLinks()
	for _, p := range []waxseal.Path{"/etc/rc.local", "/etc/rc.d/rc.local"} {
		if text, ok := r.scriptText(p); ok {
			r.script(p, text, "when the host starts", true)
		}
	}
	r.defaults()
	r.inetd()
}

// started reports whether a link in a runlevel directory starts an init script.
func (r *reader) started(name string) bool {
	for _, level := range []string{"2", "3", "4", "5", "S"} {
		for _, n := range r.list(waxseal.Path("/etc/rc" + level + ".d")) {
			if len(n) > 3 && n[0] == 'S' && n[3:] == name {
				return true
			}
		}
	}
	return false
}

// rcLinks notes which runlevel entries start mail systems, and makes a hook of
// one that is no link into init.d.
func (r *reader) rcLinks() {
	for _, level := range []string{"0", "1", "2", "3", "4", "5", "6", "S"} {
		for _, base := range []string{"/etc/rc" + level + ".d", "/etc/rc.d/rc" + level + ".d"} {
			for _, n := range r.list(waxseal.Path(base)) {
				if len(n) < 4 || n[0] != 'S' && n[0] != 'K' {
					continue
				}
				p := clean(base + "/" + n)
				f, err := r.tree.Lstat(p)
				switch {
				case err != nil:
				case f.Type == waxseal.Symlink && mailUnits[n[3:]] && n[0] == 'S':
					r.note("runlevel "+level, n, f.Link, waxseal.Source{Path: p})
				case f.Type == waxseal.Regular && n[0] == 'S':
					if text, ok := r.scriptText(p); ok {
						r.script(p, text, "in runlevel "+level, true)
					}
				}
			}
		}
	}
}

// linesForDirectories looks for configuration directories of Postfix in the
// lines of a script.
func (r *reader) linesForDirectories(p waxseal.Path, text string, active bool) {
	r.scriptStarts(p, text, active)
	if !strings.Contains(text, "MAIL_CONFIG=") && !strings.Contains(text, " -c") && !strings.Contains(text, " -C") {
		return
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		body := strings.TrimSpace(line)
		if body == "" || body[0] == '#' || !errand.MentionsMail(body) || strings.ContainsAny(body, "$") {
			continue
		}
		r.commandDirectories(append([]string{"sh", "-c"}, unquote(body)), string(p), waxseal.Source{Path: p, Line: n}, active)
	}
}

// defaults reads /etc/default and /etc/sysconfig of mail systems. Init scripts
// and Debian's configure-instance.sh source them: what is no assignment runs.
func (r *reader) defaults() {
	for _, dir := range []waxseal.Path{"/etc/default", "/etc/sysconfig"} {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			if !mailUnits[n] && n != "sendmail" && n != "exim4" {
				continue
			}
			text, ok := r.scriptText(p)
			if !ok {
				continue
			}
			r.part(p, waxseal.RoleConfig)
			if r.about(p, waxseal.RoleConfig).PackageState == waxseal.PackageUnmodified {
				continue
			}
			for _, v := range parseEnvironment(p, text) {
				r.note(string(p), clip(v.key), v.value, v.source)
				r.variable(v.key, v.value, v.source, "the start of "+n, string(dir), true)
			}
			r.sourced(p, text)
		}
	}
}

// plainAssignment is a shell line that only sets a variable. Command
// substitution runs a program.
var plainAssignment = regexp.MustCompile("^(export\\s+)?[A-Za-z_][A-Za-z0-9_]*=('[^']*'|\"[^\"`$]*(\\$[{A-Za-z_][^\"`(]*)?\"|([^\\s;&|`$<>()'\"]|\\$[A-Za-z_][A-Za-z0-9_]*|\\$\\{[A-Za-z_][A-Za-z0-9_]*\\})*)*\\s*(#.*)?$|^export(\\s+[A-Za-z_][A-Za-z0-9_]*)+\\s*$")

// harmlessBuiltin are commands of the shell itself that only set a limit or an
// option of it.
var harmlessBuiltin = regexp.MustCompile("^(ulimit|umask|set|unset|true|:|return|shift)(\\s+[^;&|`$<>()]*)?$")

// sourced makes a hook of the first line of a sourced file that runs something.
// A value in quotes may go over several lines.
func (r *reader) sourced(p waxseal.Path, text string) {
	n, from := 0, 0
	var pending strings.Builder
	var quote byte
	check := func() bool {
		statement := strings.TrimSpace(pending.String())
		pending.Reset()
		if statement == "" || len(statement) <= 64<<10 && (plainAssignment.MatchString(statement) || harmlessBuiltin.MatchString(statement)) {
			return true
		}
		r.sourcedHook(p, from, statement)
		return false
	}
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if pending.Len() == 0 {
			from = n
			if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
				continue
			}
		}
		body, more := continuation(strings.TrimRight(line, "\r"))
		pending.WriteString(body)
		quote = quoteAfter(body, quote)
		if (more || quote != 0) && pending.Len() < 64<<10 {
			if !more {
				pending.WriteByte(' ')
			}
			continue
		}
		quote = 0
		if !check() {
			return
		}
	}
	check()
}

// quoteAfter is the quote that is open after a piece of shell text, 0 if none is.
func quoteAfter(s string, quote byte) byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '#' && (i == 0 || isSpace(s[i-1])):
			return 0
		case c == quote:
			quote = 0
		}
	}
	return quote
}

func (r *reader) sourcedHook(p waxseal.Path, line int, statement string) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: line}, "sourced")
	h.Directive, h.Effects = "sourced", runs
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: statement}
	h.Closure = append(errand.Files(r.tree, statement), waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "The scripts that start mail daemons source " + string(p) + " as root, and it runs a command: " + clip(statement)
	r.emit(h)
}

// inetd reads what inetd(8) and xinetd(8) run for mail ports.
func (r *reader) inetd() {
	ports := set("smtp smtps submission submissions ssmtp 25 465 587 lmtp 24 pop3 imap2 imap imaps pop3s 10025 10024")
	if text, ok := r.read("/etc/inetd.conf"); ok {
		for i, line := range strings.Split(text, "\n") {
			f := strings.Fields(line)
			if len(f) < 6 || f[0][0] == '#' {
				continue
			}
			service := f[0][strings.LastIndexByte(f[0], ':')+1:]
			argv := append(f[5:6:6], f[min(len(f), 7):]...) // the word between is the name that ps(1) shows
			if path.Base(f[5]) == "tcpd" {
				argv = f[min(len(f)-1, 6):]
			}
			if ports[service] || errand.MentionsMail(line) {
				r.superServer("/etc/inetd.conf", i+1, service, f[4], strings.Join(argv, " "), true)
			}
		}
	}
	for _, n := range r.list("/etc/xinetd.d") {
		p := "/etc/xinetd.d/" + waxseal.Path(n)
		if text, ok := r.scriptText(p); ok {
			r.xinetd(p, text, ports)
		}
	}
}

// xinetd reads one file of xinetd.conf(5): "service name { attribute = value }".
func (r *reader) xinetd(p waxseal.Path, text string, ports map[string]bool) {
	service, line := "", 0
	at := map[string]string{}
	for i, l := range strings.Split(text, "\n") {
		l, _, _ = strings.Cut(l, "#")
		f := strings.Fields(l)
		switch {
		case len(f) >= 2 && f[0] == "service":
			service, line, at = f[1], i+1, map[string]string{}
		case len(f) > 0 && f[0] == "}":
			if command := strings.TrimSpace(at["server"] + " " + at["server_args"]); service != "" && command != "" && (ports[service] || ports[at["port"]] || errand.MentionsMail(command)) {
				r.superServer(p, line, service, at["user"], command, at["disable"] != "yes")
			}
			service = ""
		case service != "":
			if name, value, ok := strings.Cut(l, "="); ok && len(at) < 64 {
				at[strings.TrimSpace(strings.TrimRight(name, "+- \t"))] = strings.TrimSpace(value)
			}
		}
	}
}

func (r *reader) superServer(p waxseal.Path, line int, service, user, command string, active bool) {
	r.part(p, waxseal.RoleConfig)
	if r.vendors(p, waxseal.RoleConfig) {
		return
	}
	h := r.hook(waxseal.KindUnit, waxseal.Source{Path: p, Line: line}, service)
	h.Directive, h.Effects, h.Active, h.RunsAs, h.Scope = "inetd", runs, active, user, "port "+service
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = append(r.partsOfCommand(strings.Fields(command)), waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "Whoever connects to the port " + clip(service) + " is answered by " + clip(command) + ", run as " + clip(user) + "."
	r.emit(h)
}
