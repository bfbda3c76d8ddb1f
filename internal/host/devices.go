package host

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

// devices reads what runs when a device appears, when a program of another kind is
// started, and when somebody logs in.
func (r *reader) devices() {
	for _, dir := range []waxseal.Path{"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"} {
		for _, n := range r.list(dir) {
			if strings.HasSuffix(n, ".rules") {
				r.udev(dir + "/" + waxseal.Path(n))
			}
		}
	}
	for _, dir := range []waxseal.Path{"/etc/binfmt.d", "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d"} {
		for _, n := range r.list(dir) {
			if strings.HasSuffix(n, ".conf") {
				r.formats(dir + "/" + waxseal.Path(n))
			}
		}
	}
	logins := []waxseal.Path{"/etc/profile", "/etc/bash.bashrc", "/etc/bashrc"}
	for _, n := range r.list("/etc/profile.d") {
		logins = append(logins, "/etc/profile.d/"+waxseal.Path(n))
	}
	for _, p := range logins {
		r.login(p)
	}
}

// udevRun is a key of udev(7) that runs a program.
var udevRun = regexp.MustCompile(`(RUN|PROGRAM|IMPORT)(?:\{program\})?\s*\+?:?==?\s*"((?:[^"\\]|\\.)*)"`)

func (r *reader) udev(p waxseal.Path) {
	text, ok := r.read(p, "rules of udev")
	if !ok || !errand.AltersMail(text) && !errand.MayRunFromOpenPlace(text) || r.vendors(p, waxseal.RoleConfig) {
		return
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' || len(line) > 16<<10 {
			continue
		}
		for _, g := range udevRun.FindAllStringSubmatch(line, 16) {
			if command := unescape.Replace(g[2]); errand.AltersMail(command) || errand.RunsFromOpenPlace(command) != "" {
				r.script(p, []shellLine{{command, n}}, occasion{directive: "RUN", when: "when a device appears"})
			}
		}
	}
}

var unescape = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// formats reads binfmt.d(5): ":name:type:offset:magic:mask:interpreter:flags".
func (r *reader) formats(p waxseal.Path) {
	text, ok := r.read(p, "formats of programs")
	if !ok || r.vendors(p, waxseal.RoleConfig) {
		return
	}
	r.Part(p, waxseal.RoleConfig)
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' || len(line) > 4096 {
			continue
		}
		f := strings.Split(line[1:], line[:1])
		if len(f) < 6 {
			continue
		}
		if what := takesOver(f); what != "" {
			r.format(waxseal.Source{Path: p, Line: n}, f, what)
		}
	}
}

// takesOver says which programs of a mail system a format meets, "" if none: scripts,
// or programs of the machine's own kind.
func takesOver(f []string) string {
	magic, mask := unhex(f[3]), unhex(f[4])
	switch {
	case f[1] == "E" && slices.Contains([]string{"sh", "pl", "py", "lua", "cgi"}, f[3]):
		return "scripts whose names end with ." + f[3]
	case f[1] != "M" || f[2] != "" && f[2] != "0" || len(magic) == 0:
		return ""
	case meets(magic, mask, []byte("#!/")):
		return "scripts"
	case meets(magic, mask, native[:]):
		return "programs of this machine's own kind"
	}
	return ""
}

// native begins a program for x86-64: EI_CLASS, EI_DATA, e_type and e_machine of
// elf(5).
var native = [20]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0x3e, 0}

// meets reports whether a file that begins so has the magic. What is known of the
// file may be shorter than it.
func meets(magic, mask, begin []byte) bool {
	for i := range min(len(magic), len(begin)) {
		m := byte(0xff)
		if i < len(mask) {
			m = mask[i]
		}
		if begin[i]&m != magic[i]&m {
			return false
		}
	}
	return true
}

// unhex reads "\x7f" and other bytes as they are.
func unhex(s string) []byte {
	var b bytes.Buffer
	for i := 0; i < len(s) && i < 1024; i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if v, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.Bytes()
}

func (r *reader) format(source waxseal.Source, f []string, what string) {
	h := r.runs("binfmt", source, f[5], mta.Clip(f[0]))
	h.RunsAs = "whoever runs a program"
	if len(f) > 6 && strings.Contains(f[6], "C") {
		h.RunsAs = "root" // credentials are those of the program
	}
	h.Closure = append([]waxseal.Part{{Path: clean(f[5]), Role: waxseal.RoleBinary}}, h.Closure...)
	h.Explain = "The kernel runs " + mta.Clip(f[5]) + " in place of " + what + ", those of the mail system too (binfmt_misc, " + mta.Clip(f[0]) + ")."
	r.Emit(h)
}

// login reads what a shell runs for everybody who logs in; jobs that go through "su -"
// or "bash -l" run it too.
func (r *reader) login(p waxseal.Path) {
	if ext := path.Ext(string(p)); ext != "" && ext != ".sh" && ext != ".bashrc" {
		return
	}
	text, ok := r.read(p, "what shells run at login")
	if !ok || !errand.Reconfigures(text) && !errand.MayRunFromOpenPlace(text) || r.vendors(p, waxseal.RoleScript) {
		return
	}
	// Shells look for new mail at login, which is no touch.
	lines := slices.DeleteFunc(shellLines(text, waxseal.Source{Path: p, Line: 1}, asItIs), func(l shellLine) bool { return !errand.Reconfigures(l.text) && !errand.MayRunFromOpenPlace(l.text) })
	r.script(p, lines, occasion{directive: "profile", when: "when somebody logs in", runsAs: "root"})
}
