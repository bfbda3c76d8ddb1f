package others

import (
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// cyrus looks for cyrus.conf(5), imapd.conf(5) and compiled sieve scripts.
func cyrus(x *other) {
	const conf, imapd = waxseal.Path("/etc/cyrus.conf"), waxseal.Path("/etc/imapd.conf")
	if !x.Exists(conf) && !x.Exists(imapd) {
		return
	}
	if text, ok := x.ReadUpTo(conf, "the configuration of Cyrus", maxFile); ok {
		x.part(conf, waxseal.RoleConfig)
		x.cyrusCommands(conf, text)
	}
	sieve := "/var/spool/sieve"
	if text, ok := x.ReadUpTo(imapd, "the configuration of Cyrus", maxFile); ok {
		role := waxseal.RoleConfig
		if strings.Contains(text, "passw") {
			role = waxseal.RoleSecret
		}
		x.part(imapd, role)
		if x.config == nil {
			x.config = append(x.config, imapd)
		}
		if dir := x.cyrusSettings(imapd, text); strings.HasPrefix(dir, "/") {
			sieve = dir
		}
	}
	x.directory(mta.Clean(sieve), 4, func(name string) waxseal.Role {
		if strings.HasSuffix(name, "bc") { // x.bc is what runs, and defaultbc the link to it
			return waxseal.RoleCompiledMap
		}
		return waxseal.RoleInclude
	})
}

// cyrusSettings notes "name: value", and returns where sieve scripts lie.
func (x *other) cyrusSettings(p waxseal.Path, text string) (sieve string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		x.Setting(string(p), name, value, waxseal.Source{Path: p, Line: n})
		if name == "sievedir" {
			sieve = value
		}
	}
	return sieve
}

var cyrusEntry = regexp.MustCompile(`^\s*([A-Za-z0-9_-]+)\s+.*?\bcmd\s*=\s*(?:"([^"]*)"|(\S+))`)

// cyrusCommands: master(8) runs each cmd=, at the start, for connections, or by the
// clock. Names without a slash are Cyrus's own programs.
func (x *other) cyrusCommands(p waxseal.Path, text string) {
	section, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), "{"); ok {
			section = strings.TrimSpace(name)
			continue
		}
		g := cyrusEntry.FindStringSubmatch(line)
		if g == nil {
			continue
		}
		command := g[2] + g[3]
		x.Setting(string(p), section+":"+g[1]+":cmd", strings.Join(strings.Fields(line), " "), waxseal.Source{Path: p, Line: n})
		program, _, _ := strings.Cut(command, " ")
		if !strings.Contains(program, "/") || program == "/usr/sbin/cyrus" || strings.HasPrefix(program, "/usr/lib/cyrus") && !strings.Contains(program, "..") {
			continue
		}
		h := x.hook(p, n, "cmd", section+":"+g[1])
		h.Stage, h.Scope, h.RunsAs = waxseal.StageConnect, "all", "cyrus"
		x.command(h, waxseal.KindUnit, command, "Cyrus runs the command "+mta.Clip(command)+" ("+section+" in "+string(p)+").")
	}
}
