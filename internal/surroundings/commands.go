package surroundings

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// commandNames are the commands by which everything on a host submits mail or
// asks for the queue, and those that steer a mail system.
var commandNames = []string{
	"sendmail", "newaliases", "mailq", "rmail", "postfix", "postmulti", "postconf", "postmap", "postalias", "postsuper", "postcat", "postdrop", "postqueue", "postlog", "postkick",
	"exim", "exim4", "smtpctl", "smtpd", "makemap", "dovecot", "doveadm", "rspamd", "opendkim", "opendmarc", "clamav-milter", "spamd", "spamc", "amavisd-new", "amavisd", "saslauthd", "postgrey", "procmail", "maildrop", "mail", "mailx", "bsd-mailx",
}

// compiled are those of them that are never a script, whoever packaged them.
var compiled = set("sendmail postfix postmulti postconf postmap postalias postsuper postcat postdrop postqueue postlog postkick exim exim4 smtpctl smtpd dovecot doveadm rspamd opendkim opendmarc clamav-milter spamc saslauthd procmail maildrop")

// setgid are the commands that run with a group of their own: postdrop(1),
// postqueue(1), and those of other systems. None but Exim's is set-uid.
var setgid = set("postdrop postqueue sendmail smtpctl mailq newaliases procmail maildrop sendmail.sendmail lockfile")

var setuid = set("exim exim4 sendmail procmail maildrop mailq newaliases rmail")

// daemonDirectories are where mail systems keep their daemons.
var daemonDirectories = []waxseal.Path{"/usr/lib/postfix/sbin", "/usr/libexec/postfix", "/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/lib/exim4", "/usr/lib/sm.bin", "/usr/libexec/sendmail", "/usr/libexec/opensmtpd", "/usr/lib/x86_64-linux-gnu/opensmtpd"}

// commandDirectories are where the commands of mail systems lie.
var commandDirectories = []waxseal.Path{"/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib"}

// Programs lists the programs of mail systems that a tree has, so that they can be
// read ahead.
func Programs(tree waxseal.Tree) []waxseal.Path {
	var list []waxseal.Path
	for _, dir := range commandDirectories {
		for _, n := range commandNames {
			if f, err := tree.Stat(dir + "/" + waxseal.Path(n)); err == nil && f.Resolved == "" {
				list = append(list, f.Path)
			}
		}
	}
	for _, dir := range daemonDirectories {
		names, err := tree.ReadDir(dir)
		for _, n := range names[:min(len(names), maxNames)] {
			if err == nil {
				list = append(list, dir+"/"+waxseal.Path(n))
			}
		}
	}
	return list
}

// IsProgram reports whether a path is that of a daemon or command of a mail system,
// whether or not it is there.
func IsProgram(p waxseal.Path) bool {
	dir, base := path.Split(string(p))
	return slices.Contains(daemonDirectories, waxseal.Path(path.Clean(dir))) || slices.Contains(commandDirectories, waxseal.Path(path.Clean(dir))) && slices.Contains(daemonNames, base)
}

// IsDaemon reports whether a name, cut as the kernel cuts those of processes, is that
// of a daemon of a mail system.
func IsDaemon(comm string) bool {
	return postfixDaemons[comm] && comm != "error" && comm != "local" || slices.Contains(daemonNames, comm)
}

// daemonNames are commands that stay.
var daemonNames = []string{"sendmail", "sendmail-mta", "exim", "exim4", "smtpd", "dovecot", "rspamd", "opendkim", "opendmarc", "clamav-milter", "clamd", "spamd", "spamass-milter", "amavisd-new", "amavisd", "amavisd-milter", "saslauthd", "postgrey", "postsrsd", "policyd-rate-limit", "mimedefang", "mimedefang.pl", "greylistd"}

// commands reads the commands that stand for the mail system.
func (r *reader) commands() {
	seen := map[waxseal.Path]bool{}
	for _, dir := range commandDirectories {
		for _, n := range commandNames {
			r.commandFile(dir+"/"+waxseal.Path(n), seen)
		}
	}
	for _, dir := range daemonDirectories {
		for _, n := range r.list(dir) {
			r.daemonFile(dir, n)
		}
	}
	for _, p := range []waxseal.Path{"/usr/lib/postfix/configure-instance.sh", "/etc/postfix/postfix-script", "/etc/postfix/post-install", "/usr/libexec/postfix/aliasesdb", "/usr/libexec/postfix/chroot-update"} {
		if r.regular(p) {
			r.judgeProgram(p, path.Base(string(p)), false)
		}
	}
	r.shadowing()
}

// commandFile reads one command: where the name leads, and whether what lies
// there is what belongs there.
func (r *reader) commandFile(p waxseal.Path, seen map[waxseal.Path]bool) {
	link, err := r.tree.Lstat(p)
	if err != nil {
		return
	}
	at := p
	if f, err := r.tree.Stat(p); err == nil && f.Resolved != "" {
		at = f.Resolved
	}
	if link.Type == waxseal.Symlink {
		r.note("commands", string(p), string(at), waxseal.Source{Path: p})
		r.alternative(link)
	}
	if seen[at] {
		return
	}
	seen[at] = true
	r.judgeProgram(p, path.Base(string(p)), true)
}

// alternative notes the link of update-alternatives(1) through which a command
// goes.
func (r *reader) alternative(link waxseal.File) {
	target := link.Link
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(string(link.Path)), target)
	}
	if dir, name := path.Split(path.Clean(target)); dir == "/etc/alternatives/" {
		if a, err := r.tree.Lstat(clean(target)); err == nil && a.Type == waxseal.Symlink {
			r.note("alternatives", name, a.Link, waxseal.Source{Path: clean(target)})
		}
	}
}

// judgeProgram makes a hook of a program that is not what its package brought,
// that lies where no package puts it, or that is a script where a program
// belongs.
func (r *reader) judgeProgram(p waxseal.Path, name string, command bool) {
	f, err := r.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular {
		return
	}
	at := p
	if f.Resolved != "" {
		at = f.Resolved
	}
	part := r.about(p, waxseal.RoleBinary)
	r.part(p, waxseal.RoleBinary)
	var why string
	switch {
	case part.PackageState == waxseal.PackageModified:
		why = "it is not as package " + part.Package + " brought it"
	case part.PackageState == waxseal.PackageUnowned:
		why = "no package brought it"
	case part.PackageState == waxseal.PackageUnmodified:
	case part.Role == waxseal.RoleScript && compiled[name] || r.complete == nil && compiled[name] && r.isScript(p):
		why = "it is a script, and this command never is one"
	case !slices.ContainsFunc(vendorDirs, func(d string) bool { return strings.HasPrefix(string(at), d) }) && !(at == p && path.Dir(string(p)) == "/etc/postfix"):
		why = "it leads to " + string(at) + ", where no package puts it"
	default:
		why = r.foreignIn(p)
	}
	if why == "" && command {
		why = privileges(f, name)
	}
	if why != "" {
		r.programHook(p, at, why)
	}
}

// foreignIn says which line of a script no package's script has, "" if none.
func (r *reader) foreignIn(p waxseal.Path) string {
	text, _ := r.scriptText(p)
	line, what := r.foreign(p, text)
	if line == 0 {
		return ""
	}
	return "its line " + number(line) + " does what no script of a mail package does: " + clip(what)
}

func (r *reader) isScript(p waxseal.Path) bool {
	text, ok := r.scriptText(p)
	return ok && strings.HasPrefix(text, "#!")
}

// privileges says what is odd about the mode of a command, "" if nothing is.
func privileges(f waxseal.File, name string) string {
	switch {
	case f.Mode&0o4000 != 0 && !setuid[name]:
		return "it runs with the rights of its owner, whoever calls it"
	case f.Mode&0o2000 != 0 && !setgid[name] && !setuid[name]:
		return "it runs with the rights of its group, whoever calls it"
	case f.Mode&0o002 != 0:
		return "anyone on this host may write it"
	case f.UID != 0:
		return "it does not belong to root"
	}
	if _, ok := f.XAttrs["security.capability"]; ok {
		return "it has capabilities"
	}
	return ""
}

func (r *reader) programHook(p, at waxseal.Path, why string) {
	h := r.hook(waxseal.KindBinary, waxseal.Source{Path: p}, "command")
	h.Directive, h.Effects = "command", runs
	h.RunsAs = ""
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	h.Modifiers = map[string]string{"why": why}
	if at != p {
		h.Modifiers["leads_to"] = string(at)
	}
	h.Explain = string(p) + " is a command of the mail system, and " + why + "."
	r.emit(h)
}

// daemonFile reads one file beside a mail system's daemons. A file that no
// package brought is run only where something names it, as a wrapper would.
func (r *reader) daemonFile(dir waxseal.Path, name string) {
	p := dir + "/" + waxseal.Path(name)
	f, err := r.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular || f.Mode&0o111 == 0 {
		return
	}
	part := r.about(p, waxseal.RoleBinary)
	r.part(p, waxseal.RoleBinary)
	postfix := strings.HasSuffix(string(dir), "/postfix/sbin") || strings.HasSuffix(string(dir), "/postfix")
	h := r.hook(waxseal.KindBinary, waxseal.Source{Path: p}, "daemon")
	switch {
	case part.PackageState == waxseal.PackageModified:
		h.Explain = string(p) + " is a program of the mail system, and not as package " + part.Package + " brought it."
	case part.PackageState == waxseal.PackageUnowned:
		h.Explain = string(p) + " lies among the programs of the mail system, and no package brought it."
		h.Active = postfixDaemons[name]
	case part.PackageState == waxseal.PackageUnknown && postfix && postfixDaemons[name] && name != "postfix-wrapper" && (part.Role == waxseal.RoleScript || r.complete == nil && r.isScript(p)):
		h.Explain = string(p) + " is a script, where Postfix has a compiled daemon."
	default:
		why := ""
		if part.PackageState == waxseal.PackageUnknown {
			why = r.foreignIn(p)
		}
		if why == "" {
			return
		}
		h.Explain = string(p) + " is a program of the mail system, and " + why + "."
	}
	h.Directive, h.Effects = "daemon", replaces
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	r.emit(h)
}

// postfixDaemons are Postfix's compiled daemons (postfix-files(5)).
var postfixDaemons = set("anvil bounce cleanup discard dnsblog error flush fsstone lmtp local master nqmgr oqmgr pickup pipe postlogd postscreen proxymap qmgr qmqpd scache showq smtp smtpd spawn tlsmgr tlsproxy trivial-rewrite verify virtual nbdb_reindexd postfix-wrapper")

// shadowing finds commands in directories that come before the system's in the
// usual search path.
func (r *reader) shadowing() {
	for _, dir := range []waxseal.Path{"/usr/local/sbin", "/usr/local/bin"} {
		for _, n := range r.list(dir) {
			if !slices.Contains(commandNames, n) {
				continue
			}
			p := dir + "/" + waxseal.Path(n)
			for _, system := range []waxseal.Path{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"} {
				if r.exists(system+waxseal.Path(n)) && r.regular(p) {
					r.programHook(p, p, "it is found before "+string(system)+n+" by whoever gives no path")
					break
				}
			}
		}
	}
}

// diversions reads dpkg-divert(1): files of packages that lie under another name,
// so that something else lies at theirs.
func (r *reader) diversions() {
	const p = "/var/lib/dpkg/diversions"
	text, ok := r.read(p)
	if !ok {
		return
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		from, to, by := clean(lines[i]), clean(lines[i+1]), lines[i+2]
		if !divertsMail(from) {
			continue
		}
		r.part(p, waxseal.RoleConfig)
		source := waxseal.Source{Path: p, Line: i + 1}
		r.note("diversions", string(from), string(to)+" by "+by, source)
		if by != ":" {
			continue // a package's own, such as that of another sendmail
		}
		h := r.hook(waxseal.KindBinary, source, string(from))
		h.Directive, h.Effects, h.Active = "dpkg-divert", replaces, r.exists(from)
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(from)}
		h.Closure = []waxseal.Part{{Path: from, Role: waxseal.RoleBinary}, {Path: p, Role: waxseal.RoleConfig}}
		h.Explain = "What the package brought as " + string(from) + " lies at " + string(to) + ", and somebody else's file at its place (dpkg-divert)."
		r.emit(h)
	}
}

func divertsMail(p waxseal.Path) bool {
	dir, base := path.Split(string(p))
	return slices.Contains(commandNames, base) || mailPrograms[base] || slices.Contains(daemonDirectories, waxseal.Path(path.Clean(dir))) || strings.HasPrefix(dir, "/usr/lib/postfix/") ||
		strings.HasPrefix(dir, "/etc/postfix/") || isMailUnit(base)
}

// pluginDirectories are those from which mail daemons load every library, or any
// that a client's request names: Cyrus SASL, Dovecot.
var pluginDirectories = []waxseal.Path{
	"/usr/lib/sasl2", "/usr/lib64/sasl2", "/usr/lib/x86_64-linux-gnu/sasl2", "/usr/lib/aarch64-linux-gnu/sasl2", "/usr/local/lib/sasl2",
	"/usr/lib/dovecot/modules", "/usr/lib/dovecot/modules/auth", "/usr/lib/dovecot/modules/settings", "/usr/lib64/dovecot", "/usr/lib64/dovecot/auth",
}

// plugins makes a hook of a library among a daemon's modules for which no package
// vouches.
func (r *reader) plugins() {
	for _, dir := range pluginDirectories {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			if !strings.Contains(n, ".so") || !r.regular(p) {
				continue
			}
			r.part(p, waxseal.RoleLibrary)
			if !r.disowned(p, waxseal.RoleLibrary) {
				continue
			}
			h := r.hook(waxseal.KindPlugin, waxseal.Source{Path: p}, "plugin")
			h.Directive, h.Effects = "plugin", runs
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
			h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleLibrary}}
			h.Explain = string(p) + " lies where mail daemons look for their modules, and no package vouches for it."
			r.emit(h)
		}
	}
}
