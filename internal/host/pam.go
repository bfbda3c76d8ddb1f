package host

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// mailServices are the names under which mail systems ask PAM: saslauthd for SMTP
// and Cyrus, Dovecot, Courier, Exim's condition "pam", and the files that all others
// stand on (Debian's common-*, Red Hat's authselect).
var mailServices = strings.Fields("smtp smtpd submission dovecot imap imaps pop pop3 pop3s lmtp sieve managesieve mupdate exim exim4 sendmail postfix mail courier esmtp authdaemon saslauthd " +
	"other common-auth common-account common-password common-session common-session-noninteractive system-auth password-auth")

// pamDirectories are where the file of a service is looked for, the first wins
// (pam.d(5)).
var pamDirectories = []waxseal.Path{"/etc/pam.d/", "/usr/lib/pam.d/"}

// pamLine is one module of a service.
type pamLine struct {
	kind    string // "auth", "account", "password", "session"
	control string // "required", "[success=1 default=ignore]", "include", "substack"
	module  string
	args    []string
	source  waxseal.Source
}

const (
	maxPamLines = 500 // of one file
	maxPamFiles = 100
)

// pam reads who is believed when somebody signs in to send or to read mail.
func (r *reader) pam(named []string) {
	p := &pamReader{reader: r, files: map[string][]pamLine{}, used: map[waxseal.Path][]string{}}
	for _, service := range unique(append(slices.Clone(mailServices), named...)) {
		if lines := p.service(service); len(lines) > 0 {
			p.reach(service, service, 0)
			p.whoIsBelieved(service)
		}
	}
	for _, file := range p.order {
		for i, l := range p.files[file] {
			p.module(l, i+1)
		}
	}
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" && !strings.Contains(s, "/") && !slices.Contains(out, s) && len(out) < maxPamFiles {
			out = append(out, s)
		}
	}
	return out
}

// pamReader knows the files that were read.
type pamReader struct {
	*reader
	files map[string][]pamLine
	order []string                  // names of files that services reach
	used  map[waxseal.Path][]string // file -> services that reach it
}

// service is the file of a service, read once. A name may be a path, as include
// takes it.
func (p *pamReader) service(name string) []pamLine {
	if lines, ok := p.files[name]; ok || len(p.files) >= 4*maxPamFiles {
		return lines
	}
	p.files[name] = nil
	for _, dir := range pamDirectories {
		at := dir + waxseal.Path(name)
		if path.IsAbs(name) {
			at = clean(name)
		}
		if text, ok := p.read(at, "a PAM service"); ok {
			p.files[name] = parsePam(at, text)
			p.Part(at, waxseal.RoleConfig)
			break
		}
	}
	return p.files[name]
}

// reach notes that a service goes through a file, and follows what that includes.
func (p *pamReader) reach(service, file string, depth int) {
	lines := p.service(file)
	if len(lines) == 0 || depth > 16 || slices.Contains(p.used[lines[0].source.Path], service) {
		return
	}
	at := lines[0].source.Path
	if p.used[at] == nil {
		p.order = append(p.order, file)
	}
	p.used[at] = append(p.used[at], service)
	for _, l := range lines {
		if l.includes() {
			p.reach(service, l.module, depth+1)
		}
	}
}

func (l pamLine) includes() bool { return l.control == "include" || l.control == "substack" }

var bracketedControl = regexp.MustCompile(`^\[[^\]]*\]`)

// parsePam parses a file of pam.d(5): "type control module arguments", Debian's
// "@include file", "\" at the end of a line, "[…]" around words with blanks.
func parsePam(p waxseal.Path, content string) []pamLine {
	var list []pamLine
	n, start := 0, 0
	var pending strings.Builder
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line, _, _ = strings.Cut(strings.TrimRight(line, "\r"), "#")
		if pending.Len() == 0 {
			start = n
		}
		if body, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`); more && pending.Len() < 64<<10 {
			pending.WriteString(body + " ")
			continue
		}
		pending.WriteString(line)
		if l, ok := pamWords(pending.String()); ok && len(list) < maxPamLines {
			l.source = waxseal.Source{Path: p, Line: start}
			list = append(list, l)
		}
		pending.Reset()
	}
	return list
}

func pamWords(line string) (l pamLine, ok bool) {
	f := strings.Fields(line)
	if len(f) == 2 && f[0] == "@include" {
		return pamLine{kind: "all", control: "include", module: f[1]}, true
	}
	if len(f) < 3 {
		return l, false
	}
	l.kind = strings.ToLower(strings.TrimPrefix(f[0], "-"))
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), f[0]))
	if l.control = bracketedControl.FindString(rest); l.control == "" {
		l.control, _, _ = strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
	}
	words := bracketWords(rest[len(l.control):])
	if len(words) == 0 {
		return l, false
	}
	l.control = strings.ToLower(l.control)
	l.module, l.args = words[0], words[1:]
	return l, true
}

// bracketWords splits at blanks; "[" and "]" group.
func bracketWords(s string) []string {
	var list []string
	for s = strings.TrimSpace(s); s != "" && len(list) < 200; s = strings.TrimSpace(s) {
		if s[0] == '[' {
			if end := strings.IndexByte(s, ']'); end > 0 {
				list = append(list, s[1:end])
				s = s[end+1:]
				continue
			}
		}
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			end = len(s)
		}
		list = append(list, s[:end])
		s = s[end:]
	}
	return list
}

// scope says which services a file stands for.
func (p *pamReader) scope(file waxseal.Path) string {
	services := p.used[file]
	if len(services) > 4 {
		services = append(slices.Clone(services[:4]), "…")
	}
	return "who signs in by " + strings.Join(services, ", ")
}

// module makes the hooks of one line: a program that it runs, a script that it
// loads, a library that nothing vouches for.
func (p *pamReader) module(l pamLine, place int) {
	name := moduleName(l.module)
	p.Setting(string(l.source.Path), fmt.Sprintf("module %d", place), strings.TrimSpace(l.kind+" "+l.control+" "+l.module+" "+strings.Join(l.args, " ")), l.source)
	if l.includes() {
		return
	}
	if run := pamRuns[name]; run != nil {
		p.program(l, name, run(l.args))
	}
	p.library(l, name)
}

// moduleName is "pam_unix" of "/lib/security/pam_unix.so".
func moduleName(module string) string { return strings.TrimSuffix(path.Base(module), ".so") }

// pamRuns are modules that run what their arguments name: pam_exec(8), pam_script(7),
// and those that load scripts.
var pamRuns = map[string]func(args []string) string{
	"pam_exec":   execArguments,
	"pam_script": func(args []string) string { return scriptDirectory(args) + "/pam_script_auth" },
	"pam_python": firstPath, "pam_python3": firstPath, "pam_perl": firstPath, "pam_lua": firstPath,
}

// execArguments is the command behind the options of pam_exec(8).
func execArguments(args []string) string {
	for i, a := range args {
		name, _, _ := strings.Cut(a, "=")
		if !slices.Contains([]string{"debug", "expose_authtok", "seteuid", "quiet", "quiet_log", "stdout", "log", "type"}, name) {
			return strings.Join(args[i:], " ")
		}
	}
	return ""
}

func scriptDirectory(args []string) string {
	for _, a := range args {
		if dir, ok := strings.CutPrefix(a, "dir="); ok {
			return dir
		}
	}
	return "/usr/share/libpam-script"
}

func firstPath(args []string) string {
	for _, a := range args {
		if i := strings.IndexByte(a, '/'); i >= 0 {
			return a[i:]
		}
	}
	return strings.Join(args, " ")
}

func (p *pamReader) program(l pamLine, name, command string) {
	if command == "" || name == "pam_script" && !p.Exists(clean(command)) && !slices.ContainsFunc(l.args, func(a string) bool { return strings.HasPrefix(a, "dir=") }) {
		return
	}
	h := p.runs(name, l.source, command, l.kind)
	h.Effects = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	h.Scope = p.scope(l.source.Path)
	h.Explain = "Whoever signs in to send or read mail makes root run " + mta.Clip(command) + " (" + name + ")."
	if slices.Contains(l.args, "expose_authtok") || name != "pam_exec" && l.kind == "auth" {
		mta.Modify(&h, "gets", "the password")
		h.Explain = "Whoever signs in to send or read mail makes root run " + mta.Clip(command) + ", and gives it the password (" + name + ")."
	}
	p.Emit(h)
}

// securityDirectories are where a module without a path is looked for, by
// architecture and distribution.
var securityDirectories = []string{
	"/usr/lib/x86_64-linux-gnu/security", "/lib/x86_64-linux-gnu/security", "/usr/lib/aarch64-linux-gnu/security", "/lib/aarch64-linux-gnu/security",
	"/usr/lib64/security", "/lib64/security", "/usr/lib/security", "/lib/security",
}

// library makes the hook of a module for which nothing vouches.
func (p *pamReader) library(l pamLine, name string) {
	at := clean(strings.ReplaceAll(l.module, "$ISA/", ""))
	elsewhere := path.IsAbs(l.module) && !slices.Contains(securityDirectories, path.Dir(string(at)))
	if !path.IsAbs(l.module) {
		at = p.find(l.module)
	}
	there := p.regular(at)
	part := p.about(at, waxseal.RoleLibrary)
	switch {
	case there && part.PackageState == waxseal.PackageUnmodified:
		return
	case there && part.PackageState != waxseal.PackageUnknown:
	case elsewhere:
	case packagedModules[name] || !there && !p.partial():
		return // of a well-known name, or not there: a module that is missing fails
	}
	h := p.hook(waxseal.KindModule, "pam", l.source, l.kind, mta.Clip(l.module))
	h.Effects = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	h.Scope, h.Active = p.scope(l.source.Path), there || p.partial()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(at)}
	h.Closure = []waxseal.Part{{Path: at, Role: waxseal.RoleLibrary}, {Path: l.source.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Whoever signs in to send or read mail gives the password to " + mta.Clip(string(at)) + ", a library for which no package vouches (" + l.kind + " in " + string(l.source.Path) + ")."
	if !h.Active {
		h.Explain = mta.Clip(string(at)) + " would get the passwords of those who sign in to send or read mail, and is not there."
	}
	p.Emit(h)
}

func (r *reader) find(module string) waxseal.Path {
	for _, dir := range securityDirectories {
		if p := clean(dir + "/" + module); r.regular(p) {
			return p
		}
	}
	return clean(securityDirectories[0] + "/" + module)
}

// packagedModules are those of Linux-PAM and of the packages of Debian and Fedora:
// where no package database tells, one of these names is taken for what it says.
var packagedModules = set("pam_access pam_debug pam_deny pam_echo pam_env pam_exec pam_extrausers pam_faildelay pam_faillock pam_filter pam_ftp pam_group pam_issue pam_keyinit pam_lastlog pam_limits pam_listfile pam_localuser pam_loginuid " +
	"pam_mail pam_mkhomedir pam_motd pam_namespace pam_nologin pam_permit pam_pwhistory pam_rhosts pam_rootok pam_securetty pam_selinux pam_sepermit pam_setquota pam_shells pam_stress pam_succeed_if pam_tally pam_tally2 pam_time pam_timestamp " +
	"pam_tty_audit pam_umask pam_unix pam_unix_acct pam_unix_auth pam_unix_passwd pam_unix_session pam_userdb pam_usertype pam_warn pam_wheel pam_xauth pam_cap pam_systemd pam_systemd_home pam_elogind pam_ldap pam_ldapd pam_sss pam_sss_gss pam_krb5 pam_krb5_migrate " +
	"pam_winbind pam_mysql pam_pgsql pam_sqlite pam_pwdfile pam_pwquality pam_cracklib pam_passwdqc pam_radius_auth pam_tacplus pam_oath pam_google_authenticator pam_yubico pam_u2f pam_p11 pam_pkcs11 pam_fprintd pam_ssh_agent_auth pam_ccreds pam_script pam_mount " +
	"pam_gnome_keyring pam_kwallet5 pam_ecryptfs pam_fscrypt pam_smbpass pam_mklocaluser pam_oddjob_mkhomedir pam_abl pam_shield pam_geoip pam_otpw pam_opie pam_encfs pam_tmpdir pam_chroot pam_cgroup pam_cgfs pam_dbus pam_nufw pam_imap pam_pop3 pam_sasl pam_pwd pam_stack pam_console pam_postgresok " +
	"pam_ck_connector pam_cifscreds pam_duo pam_slurm pam_afs_session pam_hbac pam_url pam_python pam_lxc pam_apparmor pam_blue pam_barada pam_snapper pam_reattach pam_ihosts pam_musso pam_net pam_ssh pam_zfs_key pam_gdm pam_dotfile")
