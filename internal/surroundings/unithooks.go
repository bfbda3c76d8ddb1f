package surroundings

import (
	"path"
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
		if len(u.vendor) == 0 {
			return // a unit of nobody's package: its commands are hooks, and say as whom they run
		}
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
		_, file, _ := strings.Cut(a.value, ":")
		hidden = a.value == "null" || strings.HasPrefix(a.value, "truncate:") ||
			(strings.HasPrefix(a.value, "file:") || strings.HasPrefix(a.value, "append:")) && !strings.HasPrefix(path.Clean(file), "/var/log/")
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
