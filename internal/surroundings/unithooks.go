package surroundings

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// Effects by what a hook is.
var (
	runs     = []waxseal.Effect{waxseal.Execute}
	silences = []waxseal.Effect{waxseal.Silence}
	diverts  = []waxseal.Effect{waxseal.Divert}
	replaces = []waxseal.Effect{waxseal.Execute, waxseal.Divert, waxseal.Modify}
)

// partsOf notes the files of a unit and the programs that it runs.
func (m *manager) partsOf(u unit) {
	files := u.dropIns
	if u.fragment != "" && !u.masked {
		files = append([]waxseal.Path{u.fragment}, files...)
	}
	for _, p := range files {
		m.part(p, waxseal.RoleConfig)
		f, _ := m.file(p)
		if !m.said[p] {
			m.said[p] = true
			for _, problem := range f.problems {
				m.addProblem(problem)
			}
		}
		if _, err := m.tree.ReadFile(p, maxUnit); err != nil {
			m.read(p) // says why
		}
	}
	for _, a := range u.effective {
		switch {
		case isExec(a):
			for _, part := range m.commandParts(m.commandOf(a, u)) {
				m.part(part.Path, part.Role)
			}
		case a.key == "EnvironmentFile":
			if p, ok := environmentFile(a.value, u.name); ok && m.exists(p) {
				m.part(p, waxseal.RoleConfig)
			}
		}
	}
	for _, t := range u.triggers {
		if p, ok := m.find(t); ok {
			m.part(p, waxseal.RoleConfig)
		}
	}
}

func isExec(a assignment) bool {
	return strings.HasPrefix(a.key, "Exec") && a.section != "Install" && a.section != "Unit" && a.key != "ExecPaths" && a.key != "ExecSearchPath"
}

// noted are the sections whose settings say what a unit does.
var noted = set("Service Socket Timer Path Unit")

// hooksOf makes the hooks of a unit: what counts and is not what its vendor says.
func (m *manager) hooksOf(u unit) {
	for _, a := range u.effective {
		if noted[a.section] && a.key != "Description" && a.key != "Documentation" {
			m.note(u.name, a.section+"."+a.key, a.value, a.source)
		}
		if u.masked {
			continue
		}
		known := u.vendor[a.section+"\x00"+a.key+"\x00"+a.value]
		if a.key == "EnvironmentFile" {
			m.environmentFileHooks(u, a, known)
		}
		if !known && !m.vendors(a.source.Path, waxseal.RoleConfig) {
			m.assignmentHooks(u, a)
		}
		m.ownDirectory(u, a)
	}
	if u.masked {
		m.note(u.name, "masked", string(u.fragment), waxseal.Source{Path: u.fragment})
	}
}

// assignmentHooks makes the hooks of one foreign assignment.
func (m *manager) assignmentHooks(u unit, a assignment) {
	switch a.key {
	case "Environment", "DefaultEnvironment", "ManagerEnvironment":
		for _, w := range words(expandSpecifiers(a.value, u.name)) {
			name, value, _ := strings.Cut(w, "=")
			m.variable(name, value, a.source, u.name, a.key, u.active)
		}
	case "PassEnvironment":
		for _, name := range words(a.value) {
			if dangerous(name, "") {
				h := m.unitHook(u, a, name)
				h.Kind, h.Effects, h.Target = waxseal.KindEnvironment, runs, waxseal.Target{Type: waxseal.TargetText, Value: name}
				h.Explain = "The variable " + clip(name) + " of the system manager is handed to " + u.name + " (PassEnvironment)."
				m.emit(h)
			}
		}
	case "EnvironmentFile":
		m.namedFile(u, a)
	case "BindPaths", "BindReadOnlyPaths", "RootDirectory", "RootImage", "TemporaryFileSystem", "MountImages", "ExtensionImages", "ExtensionDirectories", "RootDirectoryStartOnly", "ExecSearchPath":
		m.mounts(u, a)
	case "User", "Group", "DynamicUser":
		h := m.unitHook(u, a)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: a.value}
		h.Explain = u.name + " runs as another " + strings.ToLower(a.key) + " than its package says: " + clip(a.value) + "."
		m.emit(h)
	case "StandardOutput", "StandardError", "LogNamespace", "LogLevelMax", "LogFilterPatterns", "SyslogLevel", "LogRateLimitBurst":
		m.logSetting(u, a)
	default:
		if isExec(a) {
			m.command(u, a)
		}
	}
}

// unitHook starts a hook of one assignment.
func (m *manager) unitHook(u unit, a assignment, names ...string) waxseal.Hook {
	h := m.hook(waxseal.KindUnit, a.source, append([]string{u.name, a.key}, names...)...)
	h.Scope, h.Directive, h.Active = "unit "+u.name, a.key, u.active
	h.Closure = []waxseal.Part{{Path: a.source.Path, Role: waxseal.RoleConfig}}
	if len(u.triggers) > 0 {
		h.Modifiers = map[string]string{"triggered_by": strings.Join(u.triggers, " ")}
	}
	return h
}

// exec is one command line of a unit.
type exec struct {
	prefix string // "-", "@", "+", "!", ":", "|"
	argv   []string
	line   string
}

// commandOf reads an Exec setting (systemd.service(5) "COMMAND LINES").
func (m *manager) commandOf(a assignment, u unit) exec {
	value := strings.TrimLeft(a.value, " \t")
	n := 0
	for n < len(value) && strings.IndexByte("-@+!:|", value[n]) >= 0 {
		n++
	}
	x := exec{prefix: value[:n], line: value[n:]}
	x.argv = words(expandSpecifiers(x.line, u.name))
	if len(x.argv) > 1 && strings.Contains(x.prefix, "@") {
		x.argv = append(x.argv[:1:1], x.argv[2:]...) // the second word is only the name that ps(1) shows
	}
	return x
}

func (m *manager) command(u unit, a assignment) {
	x := m.commandOf(a, u)
	if len(x.argv) == 0 {
		return
	}
	h := m.unitHook(u, a)
	h.Effects, h.Target = runs, waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(x.argv, " ")}
	h.Closure = append(m.commandParts(x), h.Closure...)
	h.RunsAs = u.user(x.prefix)
	if x.prefix != "" {
		h.Modifiers = with(h.Modifiers, "prefix", x.prefix)
	}
	h.Explain = "systemd runs " + clip(h.Target.Value) + " as " + h.RunsAs + " " + when(a.key) + " " + u.name + ", which no package says."
	if !u.active {
		h.Explain += " Nothing starts this unit."
	}
	m.emit(h)
	m.commandDirectories(x.argv, u.name, a.source, u.active)
}

func with(m map[string]string, name, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	return m
}

func when(key string) string {
	switch key {
	case "ExecStartPre", "ExecCondition":
		return "before it starts"
	case "ExecStartPost":
		return "after it has started"
	case "ExecReload":
		return "to reload"
	case "ExecStop", "ExecStopPre":
		return "to stop"
	case "ExecStopPost":
		return "after it has stopped"
	}
	return "as"
}

// user is whom a command runs as: "+" and "!" keep root's privileges.
func (u unit) user(prefix string) string {
	if strings.ContainsAny(prefix, "+!") {
		return "root"
	}
	return u.value("Service", "User", "root")
}

// value is the last value of a setting.
func (u unit) value(section, key, otherwise string) string {
	for _, a := range slices.Backward(u.effective) {
		if a.section == section && a.key == key {
			return a.value
		}
	}
	return otherwise
}

// searchPath is where systemd looks for a program without a path
// (systemd.exec(5) ExecSearchPath).
var searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

var pathIn = regexp.MustCompile(`(?:^|[\s"'=(<>|;&:@{,])(/[A-Za-z0-9_.+@%,/-]{2,255})`)

const maxCommandParts = 32

// commandParts lists the program of a command and the regular files that its
// arguments name.
func (m *manager) commandParts(x exec) []waxseal.Part { return m.partsOfCommand(x.argv) }

func (r *reader) partsOfCommand(argv []string) []waxseal.Part {
	if len(argv) == 0 {
		return nil
	}
	parts := []waxseal.Part{{Path: r.program(argv[0]), Role: waxseal.RoleBinary}}
	for _, word := range argv[1:] {
		for _, g := range pathIn.FindAllStringSubmatch(word, maxCommandParts) {
			p := clean(g[1])
			if len(parts) >= maxCommandParts {
				return parts
			}
			if f, err := r.tree.Stat(p); err == nil && f.Type == waxseal.Regular {
				role := waxseal.RoleConfig
				if f.Mode&0o111 != 0 {
					role = waxseal.RoleBinary
				}
				parts = append(parts, waxseal.Part{Path: p, Role: role})
			}
		}
	}
	return parts
}

func (r *reader) program(name string) waxseal.Path {
	if path.IsAbs(name) {
		return clean(name)
	}
	for _, dir := range searchPath {
		if p := waxseal.Path(path.Join(dir, name)); r.exists(p) {
			return p
		}
	}
	return clean("/usr/bin/" + name)
}

// expandSpecifiers replaces the specifiers that name the unit and the
// directories of a system service (systemd.unit(5) "SPECIFIERS"); others stay.
func expandSpecifiers(s, name string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	prefix, instance, suffix, _ := split(name)
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	values := map[byte]string{
		'%': "%", 'i': instance, 'I': unescapeName(instance), 'n': name, 'N': strings.TrimSuffix(name, suffix), 'p': prefix, 'P': unescapeName(prefix),
		'j': last, 'J': unescapeName(last), 'f': "/" + strings.TrimPrefix(unescapeName(instance), "/"),
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp", 'h': "/root", 'u': "root", 'U': "0", 'g': "root", 'G': "0",
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+1 < len(s) {
			if v, ok := values[s[i+1]]; ok {
				b.WriteString(v)
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescapeName reverses systemd-escape(1): "-" stands for "/", "\x2d" for "-".
func unescapeName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x':
			v, ok := digits(s[i+2:i+4], 16)
			if !ok {
				b.WriteByte(s[i])
				continue
			}
			b.WriteByte(byte(v))
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// mailPaths are where programs, configuration and queues of mail systems lie: a
// mount over one of them shows a unit other files than everybody else sees.
var mailPaths = []string{
	"/etc/postfix", "/etc/aliases", "/etc/exim", "/etc/exim4", "/etc/mail", "/etc/smtpd.conf", "/etc/dovecot", "/etc/rspamd", "/etc/opendkim", "/etc/opendmarc", "/etc/spamassassin", "/etc/amavis",
	"/etc/clamav", "/etc/ld.so.preload", "/etc/ld.so.cache", "/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/usr", "/lib", "/lib64", "/bin", "/sbin", "/var/spool", "/var/mail", "/var/lib/rspamd", "/var/lib/dovecot",
	"/var/log", "/dev/log", "/run/systemd/journal", "/opt",
}

// mounts makes a hook of a setting by which a unit sees another file system.
func (m *manager) mounts(u unit, a assignment) {
	whole := !strings.HasSuffix(a.key, "Paths") && a.key != "TemporaryFileSystem" && a.key != "MountImages"
	for _, w := range words(expandSpecifiers(a.value, u.name)) {
		from, over := w, ""
		if f := splitColons(w); len(f) > 0 {
			from = strings.TrimLeft(f[0], "-+")
			over = from
			if len(f) > 1 && a.key != "TemporaryFileSystem" {
				over = f[1]
			}
		}
		if !whole && (from == over && a.key != "TemporaryFileSystem" || !overMail(over)) {
			continue
		}
		h := m.unitHook(u, a, over)
		h.Effects, h.Target = replaces, waxseal.Target{Type: waxseal.TargetText, Value: w}
		h.Closure = append(h.Closure, m.underneath(from)...)
		h.Explain = u.name + " sees other files than the host: " + a.key + "=" + clip(w) + "."
		m.emit(h)
	}
}

// underneath is what a mount shows: a directory, an image or a file.
func (m *manager) underneath(from string) []waxseal.Part {
	f, err := m.tree.Stat(clean(from))
	if err != nil || !path.IsAbs(from) {
		return nil
	}
	role := waxseal.RoleLibrary
	if f.Type == waxseal.Directory {
		role = waxseal.RoleDirectory
	} else if f.Mode&0o111 != 0 {
		role = waxseal.RoleBinary
	}
	return []waxseal.Part{{Path: clean(from), Role: role}}
}

func splitColons(s string) []string {
	return strings.Split(strings.ReplaceAll(s, `\:`, "\x00"), ":")
}

// overMail reports whether a path is, lies in, or contains a mail path.
func overMail(p string) bool {
	p = path.Clean("/" + p)
	return slices.ContainsFunc(mailPaths, func(m string) bool {
		return p == "/" || p == m || strings.HasPrefix(p, m+"/") || strings.HasPrefix(m, p+"/")
	})
}

// logSetting makes a hook where a unit's log is hidden.
func (m *manager) logSetting(u unit, a assignment) {
	hidden := false
	switch a.key {
	case "StandardOutput", "StandardError":
		hidden = a.value == "null" || strings.HasPrefix(a.value, "file:") || strings.HasPrefix(a.value, "truncate:") || strings.HasPrefix(a.value, "append:")
	case "LogNamespace":
		hidden = true
	case "LogLevelMax", "SyslogLevel":
		hidden = a.key == "LogLevelMax" && levelHides(a.value)
	case "LogFilterPatterns":
		hidden = true
	case "LogRateLimitBurst":
		n, err := strconv.Atoi(a.value)
		hidden = err == nil && n > 0 && n < 10
	}
	if !hidden {
		return
	}
	h := m.unitHook(u, a)
	h.Kind, h.Effects, h.Target = waxseal.KindLog, silences, waxseal.Target{Type: waxseal.TargetText, Value: a.value}
	if a.value == "null" {
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: "/dev/null"}
	}
	h.Explain = "What " + u.name + " says does not reach the host's log as its package means it to: " + a.key + "=" + clip(a.value) + "."
	m.emit(h)
}

// levelHides reports whether a level lets less through than mail systems log
// their deliveries with, which is info.
func levelHides(level string) bool {
	switch strings.ToLower(level) {
	case "info", "6", "debug", "7", "":
		return false
	}
	return true
}

// managerConfig reads the settings of the system manager that every unit
// inherits (systemd-system.conf(5)).
func (m *manager) managerConfig() {
	for _, a := range m.reader.configFiles("systemd/system.conf") {
		if a.key != "DefaultEnvironment" && a.key != "ManagerEnvironment" || m.vendors(a.source.Path, waxseal.RoleConfig) {
			continue
		}
		m.note("system.conf", a.section+"."+a.key, a.value, a.source)
		m.assignmentHooks(unit{name: "every unit", active: true}, a)
	}
}

// configFiles reads "NAME.conf" and its drop-ins from the directories where
// systemd looks for its own configuration, and merges them.
func (r *reader) configFiles(name string) []assignment {
	var main waxseal.Path
	chosen := map[string]waxseal.Path{}
	for _, dir := range []waxseal.Path{"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"} {
		p := dir + waxseal.Path(name)
		if main == "" && r.exists(p) {
			main = p
		}
		for _, n := range r.list(p + ".d") {
			if _, taken := chosen[n]; !taken && strings.HasSuffix(n, ".conf") {
				chosen[n] = p + ".d/" + waxseal.Path(n)
			}
		}
	}
	order := make([]string, 0, len(chosen))
	for n := range chosen {
		order = append(order, n)
	}
	slices.Sort(order)
	files := []waxseal.Path{main}
	for _, n := range order {
		files = append(files, chosen[n])
	}
	var all []assignment
	for _, p := range files {
		if p == "" {
			continue
		}
		if text, ok := r.read(p); ok {
			u := parseUnit(p, text)
			all = append(all, u.assignments...)
			r.part(p, waxseal.RoleConfig)
		}
	}
	return merge(all)
}

// generators makes a hook of each program that systemd runs at boot and at each
// daemon-reload and that is not as a package brought it.
func (m *manager) generators() {
	seen := map[waxseal.Path]bool{}
	for _, dir := range generatorPath {
		for _, name := range m.list(dir) {
			p := dir + "/" + waxseal.Path(name)
			f, err := m.tree.Stat(p)
			if err != nil || f.Type != waxseal.Regular || f.Mode&0o111 == 0 {
				continue // a link to /dev/null masks a generator
			}
			if f.Resolved != "" && seen[f.Resolved] || seen[p] {
				continue
			}
			seen[p], seen[f.Resolved] = true, true
			mine := isMailUnit(strings.TrimSuffix(strings.TrimSuffix(name, "-generator"), "-instance") + ".service")
			if mine {
				m.part(p, waxseal.RoleBinary)
			}
			if !strings.HasPrefix(string(dir), "/usr/lib") && !strings.HasPrefix(string(dir), "/lib") || mine || m.complete != nil {
				m.generator(p)
			}
		}
	}
}

func (m *manager) generator(p waxseal.Path) {
	if m.vendors(p, waxseal.RoleBinary) {
		return
	}
	h := m.hook(waxseal.KindUnit, waxseal.Source{Path: p}, "generator")
	h.Directive, h.Effects, h.Target = "generator", runs, waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	h.Explain = "systemd runs " + string(p) + " as root at boot and at each daemon-reload, to make units; no package vouches for it."
	m.emit(h)
}
