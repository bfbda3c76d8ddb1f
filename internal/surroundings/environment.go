package surroundings

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// loaders are variables by which code of somebody's choice comes into a process,
// or by which its programs, modules or configuration are found elsewhere: ld.so(8),
// gconv, perlrun(1), python(1), ruby(1), bash(1), postconf(5) import_environment.
var loaders = set("LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH LD_ORIGIN_PATH LD_PROFILE LD_DEBUG_OUTPUT LD_BIND_NOT LD_ASSUME_KERNEL GLIBC_TUNABLES GCONV_PATH LOCPATH NLSPATH HOSTALIASES LOCALDOMAIN RES_OPTIONS RESOLV_HOST_CONF " +
	"NIS_PATH GETCONF_DIR MALLOC_TRACE PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT PYTHONUSERBASE PERL5LIB PERLLIB PERL5OPT PERL5DB PERL5SHELL RUBYLIB RUBYOPT LUA_PATH LUA_CPATH LUA_INIT NODE_OPTIONS NODE_PATH PHPRC PHP_INI_SCAN_DIR " +
	"JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH BASH_ENV ENV SHELLOPTS BASHOPTS PS4 PROMPT_COMMAND IFS SHELL OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES SSL_CERT_FILE SSL_CERT_DIR " +
	"KRB5_CONFIG SASL_PATH SASL_CONF_PATH MAIL_CONFIG MAIL_VERBOSE MAIL_DEBUG MAIL_LOGTAG PATH EXIM_PATH DOVECOT_CONFIG_FILE CONFIG_FILE")

// dangerous reports whether a variable can put code or another configuration
// into a mail daemon. PATH is, where it leads out of the system's directories.
func dangerous(name, value string) bool {
	switch {
	case name == "PATH":
		return value == "" || !systemPath(value)
	case name == "SHELL" || name == "CONFIG_FILE":
		return false
	case loaders[name] || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "MAIL_CONFIG") || strings.HasPrefix(name, "BASH_FUNC_"):
		return true
	}
	return false
}

// systemPath reports whether a search path names only directories that root and
// packages write to.
func systemPath(value string) bool {
	for dir := range strings.SplitSeq(value, ":") {
		if !slices.Contains([]string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/games", "/usr/local/games", "/snap/bin", "/usr/lib/dovecot", "/usr/libexec/dovecot"}, strings.TrimSuffix(dir, "/")) {
			return false
		}
	}
	return true
}

// libraryVariables name libraries to load, separated by blanks or colons
// (ld.so(8)).
var libraryVariables = set("LD_PRELOAD LD_AUDIT")

// directoryVariables name directories in which code is looked for.
var directoryVariables = set("LD_LIBRARY_PATH PYTHONPATH PERL5LIB PERLLIB RUBYLIB GCONV_PATH PATH NODE_PATH SASL_PATH OPENSSL_ENGINES OPENSSL_MODULES")

const maxVariableParts = 16

// variable makes the hook of an environment variable that who gets, where it is
// one that matters. A setting is noted for every one.
func (r *reader) variable(name, value string, source waxseal.Source, who, directive string, active bool) {
	if name == "MAIL_CONFIG" {
		r.configDirectory(value, "MAIL_CONFIG for "+who, source, active)
	}
	if !dangerous(name, value) {
		return
	}
	h := r.hook(waxseal.KindEnvironment, source, who, directive, clip(name))
	h.Scope, h.Directive, h.Active, h.Effects = who, directive, active, runs
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: name + "=" + value}
	h.Closure = append([]waxseal.Part{{Path: source.Path, Role: waxseal.RoleConfig}}, r.variableParts(name, value)...)
	h.Explain = who + " runs with " + clip(name) + "=" + clip(value) + ", " + meaning(name) + "."
	r.emit(h)
}

func meaning(name string) string {
	switch {
	case name == "PATH":
		return "which leads to commands outside the directories of the system"
	case libraryVariables[name]:
		return "which loads that library into every program it starts"
	case name == "MAIL_CONFIG":
		return "which gives Postfix another configuration"
	}
	return "which can put other code or another configuration into its programs"
}

func (r *reader) variableParts(name, value string) []waxseal.Part {
	var parts []waxseal.Part
	separators := ":"
	if libraryVariables[name] {
		separators = ": \t"
	}
	for p := range strings.FieldsFuncSeq(value, func(c rune) bool { return strings.ContainsRune(separators, c) }) {
		if !path.IsAbs(p) || len(parts) >= maxVariableParts {
			continue
		}
		role := waxseal.RoleLibrary
		if f, err := r.tree.Stat(clean(p)); err == nil && f.Type == waxseal.Directory {
			role = waxseal.RoleDirectory
		} else if name == "MAIL_CONFIG" || directoryVariables[name] {
			continue
		}
		if role == waxseal.RoleDirectory && slices.Contains(searchPath, string(clean(p))) {
			continue
		}
		parts = append(parts, waxseal.Part{Path: clean(p), Role: role})
	}
	return parts
}

// environmentFile is the path of EnvironmentFile=; one with "-" may be missing.
func environmentFile(value, unit string) (waxseal.Path, bool) {
	p := strings.TrimPrefix(expandSpecifiers(value, unit), "-")
	if w := words(p); len(w) == 1 {
		p = w[0]
	}
	return clean(p), path.IsAbs(p)
}

// namedFile makes a hook of the naming itself where what is named is no file
// that a package brought: whoever writes there gives the unit its environment.
func (m *manager) namedFile(u unit, a assignment) {
	p, ok := environmentFile(a.value, u.name)
	if !ok || m.vendors(p, waxseal.RoleConfig) || usualDirectory(p) {
		return
	}
	h := m.unitHook(u, a, string(p))
	h.Kind, h.Effects, h.Target = waxseal.KindEnvironment, runs, waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "The environment of " + u.name + " is read from " + clip(string(p)) + ", which no package knows (EnvironmentFile)."
	m.emit(h)
}

// usualDirectory is where administrators keep such files.
func usualDirectory(p waxseal.Path) bool {
	dir := path.Dir(string(p))
	return dir == "/etc/default" || dir == "/etc/sysconfig" || dir == "/etc"
}

// environmentFileHooks makes the hooks of the variables in a file that a unit
// reads (systemd.exec(5) EnvironmentFile). What the package brought is no hook,
// whoever names it.
func (m *manager) environmentFileHooks(u unit, a assignment, _ bool) {
	p, ok := environmentFile(a.value, u.name)
	if !ok {
		return
	}
	content, err := m.tree.ReadFile(p, maxFile)
	if err != nil {
		return
	}
	packaged := m.about(p, waxseal.RoleConfig).PackageState == waxseal.PackageUnmodified
	for _, v := range parseEnvironment(p, string(content)) {
		m.note(u.name, "EnvironmentFile."+clip(v.key), v.value, v.source)
		if !packaged {
			m.variable(v.key, v.value, v.source, u.name, "EnvironmentFile", u.active)
		}
	}
}

// parseEnvironment parses NAME=value lines as systemd and pam_env(8) read them:
// comments begin with "#" or ";", a backslash continues a line, quotes group.
// "export" before a name is what shells accept.
func parseEnvironment(p waxseal.Path, content string) []assignment {
	var list []assignment
	number, start := 0, 0
	var pending strings.Builder
	flush := func() {
		line := strings.TrimSpace(pending.String())
		pending.Reset()
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "export "))
		if ok && name != "" && !strings.ContainsAny(name, " \t$`") && len(list) < maxAssignments {
			list = append(list, assignment{key: name, value: unquote(strings.TrimSpace(value)), source: waxseal.Source{Path: p, Line: start}})
		}
	}
	for line := range strings.SplitSeq(content, "\n") {
		number++
		line = strings.TrimRight(line, "\r")
		if pending.Len() == 0 {
			start = number
			if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
				continue
			}
		}
		body, more := continuation(line)
		pending.WriteString(body)
		if more && pending.Len() < maxUnitLine {
			continue
		}
		flush()
	}
	flush()
	return list
}

// unquote takes away the quotes of a shell word.
func unquote(s string) string {
	if len(s) == 0 || !strings.ContainsAny(s, `"'\`) {
		return s
	}
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ownDirectory notes the configuration directories that a unit names, whoever
// wrote it.
func (m *manager) ownDirectory(u unit, a assignment) {
	switch {
	case a.key == "Environment":
		for _, w := range words(expandSpecifiers(a.value, u.name)) {
			if dir, ok := strings.CutPrefix(w, "MAIL_CONFIG="); ok {
				m.configDirectory(dir, "MAIL_CONFIG in "+u.name, a.source, u.active)
			}
		}
	case isExec(a):
		m.commandLine(m.commandOf(a, u).argv, m.variablesOf(u), u.name, a.source, u.active)
	}
}

// postfixCommands take "-c DIR" as their configuration directory (postfix(1),
// postmulti(1) and the others); sendmail(1) takes -C.
var postfixCommands = set("postfix postconf postmap postalias postsuper postcat postdrop postqueue postkick postlock postlog postmulti master sendmail")

// commandDirectories notes the configuration directories that a command line
// gives to Postfix: "-c DIR", "-cDIR", "sendmail -C DIR", "MAIL_CONFIG=DIR".
func (r *reader) commandDirectories(argv []string, who string, source waxseal.Source, active bool) {
	flat := argv
	if len(argv) > 2 { // sh -c "…" holds a command line in one word
		flat = nil
		for _, w := range argv {
			flat = append(flat, strings.FieldsFunc(w, func(c rune) bool { return strings.ContainsRune(" \t\"';|&()`", c) })...)
		}
	}
	command := ""
	for i, w := range flat {
		if dir, ok := strings.CutPrefix(w, "MAIL_CONFIG="); ok {
			r.configDirectory(dir, "MAIL_CONFIG in "+who, source, active)
		}
		if base := path.Base(w); postfixCommands[base] && (i == 0 || !strings.HasPrefix(w, "-")) {
			command = base
		}
		option := "-c"
		if command == "sendmail" {
			option = "-C"
		}
		rest, ok := strings.CutPrefix(w, option)
		if !ok || command == "" {
			continue
		}
		if rest == "" && i+1 < len(flat) {
			rest = flat[i+1]
		}
		if f, err := r.tree.Stat(clean(rest)); err == nil && f.Type == waxseal.Regular {
			continue // another sendmail's configuration file
		}
		r.configDirectory(rest, command+" "+option+" in "+who, source, active)
	}
}

// environments reads the files that give every login, job or PAM session its
// environment: environment(5), pam_env.conf(5).
func (r *reader) environments() {
	const file = "/etc/environment"
	if text, ok := r.read(file); ok {
		r.part(file, waxseal.RoleConfig)
		vendors := r.about(file, waxseal.RoleConfig).PackageState == waxseal.PackageUnmodified
		for _, v := range parseEnvironment(file, text) {
			r.note("environment", clip(v.key), v.value, v.source)
			if !vendors {
				r.variable(v.key, v.value, v.source, "every login and job", "environment", true)
			}
		}
	}
	const pam = "/etc/security/pam_env.conf"
	if text, ok := r.read(pam); ok && !r.vendors(pam, waxseal.RoleConfig) {
		r.part(pam, waxseal.RoleConfig)
		for _, v := range parsePamEnv(pam, text) {
			r.note("pam_env.conf", clip(v.key), v.value, v.source)
			r.variable(v.key, v.value, v.source, "every PAM session", "pam_env.conf", true)
		}
	}
}

// parsePamEnv parses pam_env.conf(5): "VARIABLE DEFAULT=x OVERRIDE=y"; OVERRIDE
// wins.
func parsePamEnv(p waxseal.Path, content string) []assignment {
	var list []assignment
	number := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(content, "\\\n", " \x01"), "\n") {
		number++
		at := number
		number += strings.Count(line, "\x01")
		line, _, _ = strings.Cut(strings.ReplaceAll(line, "\x01", " "), "#")
		f := words(line)
		if len(f) < 2 || len(list) >= maxAssignments {
			continue
		}
		a := assignment{key: f[0], source: waxseal.Source{Path: p, Line: at}}
		for _, w := range quotedWords(line)[1:] {
			if v, ok := strings.CutPrefix(w, "DEFAULT="); ok && a.value == "" {
				a.value = unquote(v)
			}
			if v, ok := strings.CutPrefix(w, "OVERRIDE="); ok {
				a.value = unquote(v)
			}
		}
		list = append(list, a)
	}
	return list
}

// quotedWords splits at blanks outside of quotes and keeps the quotes.
func quotedWords(s string) []string {
	var list []string
	var quote rune
	start := -1
	for i, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == ' ' || c == '\t':
			if start >= 0 {
				list = append(list, s[start:i])
			}
			start = -1
			continue
		case c == '"' || c == '\'':
			quote = c
		}
		if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		list = append(list, s[start:])
	}
	return append(list, "")[:max(len(list), 1)]
}
