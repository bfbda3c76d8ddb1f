package surroundings

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

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
	// What systemd-sysv-generator(8) makes of an init script says no more than the
	// script does.
	if generated := strings.HasPrefix(string(a.source.Path), "/run/systemd/generator"); generated && path.Dir(x.argv[0]) == "/etc/init.d" && m.vendors(clean(x.argv[0]), waxseal.RoleScript) {
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

// commandParts lists the program of a command and the regular files that its
// arguments name.
func (m *manager) commandParts(x exec) []waxseal.Part { return m.partsOfCommand(x.argv) }

func (r *reader) partsOfCommand(argv []string) []waxseal.Part {
	if len(argv) == 0 {
		return nil
	}
	parts := []waxseal.Part{{Path: r.program(argv[0]), Role: waxseal.RoleBinary}}
	for _, word := range argv[1:] {
		for _, g := range errand.PathIn.FindAllStringSubmatch(word, errand.MaxFiles) {
			p := clean(g[1])
			if len(parts) >= errand.MaxFiles {
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
