package surroundings

import (
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

// aptHook is a command of apt.conf(5) that runs around package operations.
var aptHook = regexp.MustCompile(`(?i)((?:DPkg|APT|APT::Update|APT::Install)(?:::[A-Za-z]+)*::(?:Pre-Invoke|Post-Invoke|Post-Invoke-Success|Pre-Install-Pkgs))[^{"]*\{?\s*((?:"[^"]*"\s*;?\s*)+)`)

var quoted = regexp.MustCompile(`"([^"]*)"`)

// packageManagers reads the hooks of apt, dpkg and dnf that touch mail: they run
// as root with the next update.
func (r *reader) packageManagers() {
	files := []waxseal.Path{"/etc/apt/apt.conf"}
	for _, n := range r.list("/etc/apt/apt.conf.d") {
		files = append(files, "/etc/apt/apt.conf.d/"+waxseal.Path(n))
	}
	for _, p := range files {
		text, ok := r.scriptText(p)
		if !ok || !strings.Contains(text, "nvoke") && !strings.Contains(text, "nstall-") && !strings.Contains(text, "NVOKE") {
			continue
		}
		for _, g := range aptHook.FindAllStringSubmatchIndex(text, 64) {
			line := 1 + strings.Count(text[:g[4]], "\n")
			for _, q := range quoted.FindAllStringSubmatch(text[g[4]:g[5]], 32) {
				r.packageHook(p, line, text[g[2]:g[3]], q[1])
			}
		}
	}
	for _, dir := range []waxseal.Path{"/etc/dpkg/dpkg.cfg.d", "/etc/dnf/plugins/post-transaction-actions.d", "/etc/yum/post-actions", "/etc/dnf/libdnf5-plugins/actions.d"} {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			if text, ok := r.scriptText(p); ok {
				for i, l := range strings.Split(text, "\n") {
					if l = strings.TrimSpace(l); l != "" && l[0] != '#' && (strings.Contains(l, "invoke") || !strings.HasPrefix(string(dir), "/etc/dpkg")) {
						r.packageHook(p, i+1, "package manager", l)
					}
				}
			}
		}
	}
}

func (r *reader) packageHook(p waxseal.Path, line int, directive, command string) {
	script := r.scriptOf(command)
	body := ""
	if script != "" {
		body, _ = r.scriptText(script)
	}
	if !errand.MentionsMail(command) && !errand.AltersMail(command) && !errand.MentionsMail(body) {
		return
	}
	r.part(p, waxseal.RoleConfig)
	if r.vendors(p, waxseal.RoleConfig) && (script == "" || !r.disowned(script, waxseal.RoleBinary)) {
		return
	}
	r.lineHook(p, line, directive, command, "whenever packages are installed or removed")
}
