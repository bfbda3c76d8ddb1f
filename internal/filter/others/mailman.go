package others

import (
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// mailman looks for Mailman 2.1, whose configuration is a program in Python, and
// for Mailman 3.
func mailman(x *other) {
	for _, p := range []waxseal.Path{"/etc/mailman/mm_cfg.py", "/usr/lib/mailman/Mailman/mm_cfg.py", "/usr/local/mailman/Mailman/mm_cfg.py"} {
		if f, err := x.Tree.Lstat(p); err == nil && f.Type != waxseal.Symlink && x.part(p, waxseal.RoleScript) {
			x.pythonConfig(p)
		}
	}
	x.listCode()
	for _, p := range []waxseal.Path{"/etc/mailman3/mailman.cfg", "/etc/mailman.cfg", "/opt/mailman/mm/mailman.cfg"} {
		if x.Exists(p) {
			x.ini(p)
		}
	}
	x.directory("/etc/mailman3", 1, secretive)
}

var python = regexp.MustCompile(`^\s*(SMTPHOST|SMTPPORT|POSTFIX_ALIAS_CMD|POSTFIX_MAP_CMD|SENDMAIL_CMD|DELIVERY_MODULE|MTA|PUBLIC_EXTERNAL_ARCHIVER|PRIVATE_EXTERNAL_ARCHIVER|ARCHIVE_TO_MBOX)\s*=\s*(?:'([^']*)'|"([^"]*)"|([^\s#]+))`)

// pythonConfig finds plain assignments; any other code in the file runs too, and is
// sealed with it.
func (x *other) pythonConfig(p waxseal.Path) {
	text, ok := x.ReadUpTo(p, "the configuration of Mailman", maxFile)
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		g := python.FindStringSubmatch(line)
		if g == nil {
			continue
		}
		value := g[2] + g[3] + g[4]
		x.Setting(string(p), g[1], value, waxseal.Source{Path: p, Line: n})
		h := x.hook(p, n, g[1], "1")
		switch {
		case g[1] == "SMTPHOST" && value != "":
			x.relay(h, value, "Mail of lists goes out by ")
		case strings.HasSuffix(g[1], "_CMD"), strings.HasSuffix(g[1], "_ARCHIVER") && strings.ContainsAny(value, "/ "):
			h.RunsAs, h.Scope = "list", "all mail of lists"
			x.command(h, waxseal.KindPipe, value, "Mailman runs the command "+mta.Clip(value)+" ("+g[1]+" in "+string(p)+").")
		}
	}
}

func (x *other) relay(h waxseal.Hook, host, sentence string) {
	h.Kind, h.Stage, h.Effects, h.Scope = waxseal.KindRelay, waxseal.StageRoute, []waxseal.Effect{waxseal.Observe, waxseal.Divert}, "all mail of lists"
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(host)}
	h.Explain = sentence + mta.Clip(host) + mta.Where(h.Target) + " (" + h.Directive + " in " + string(h.Source.Path) + ")."
	x.Emit(h)
}

// listCode is code that Mailman 2.1 runs for one list: extend.py beside its data.
func (x *other) listCode() {
	const dir = "/var/lib/mailman/lists"
	for _, name := range x.names(dir) {
		p := mta.Clean(dir + "/" + name + "/extend.py")
		if !x.Exists(p) {
			continue
		}
		h := x.hook(p, 0, "extend.py", name)
		h.Kind, h.Effects, h.Scope, h.RunsAs = waxseal.KindPlugin, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}, "list "+mta.Clip(name), "list"
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
		h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
		h.Explain = "Mailman runs the code in " + string(p) + " for the list " + mta.Clip(name) + "."
		x.Emit(h)
	}
}

// ini reads mailman.cfg of Mailman 3.
func (x *other) ini(p waxseal.Path) {
	text, ok := x.ReadUpTo(p, "the configuration of Mailman", maxFile)
	if !ok {
		return
	}
	role := waxseal.RoleConfig
	if strings.Contains(text, "pass") {
		role = waxseal.RoleSecret
		x.config = append(x.config, p)
	}
	x.part(p, role)
	section, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		i := strings.IndexAny(line, ":=")
		if i < 0 || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		name, value := strings.TrimSpace(line[:i]), strings.TrimSpace(line[i+1:])
		noted := name
		if strings.Contains(name, "pass") {
			noted = "password"
		}
		x.Setting(string(p), section+":"+noted, value, waxseal.Source{Path: p, Line: n})
		x.iniHook(x.hook(p, n, name, section), section, name, value)
	}
}

// own are the classes that Mailman brings itself.
func ownClass(class string) bool { return strings.HasPrefix(class, "mailman.") || class == "" }

func (x *other) iniHook(h waxseal.Hook, section, name, value string) {
	switch {
	case section == "mta" && name == "smtp_host" && value != "":
		x.relay(h, value, "Mail of lists goes out by ")
	case section == "mta" && (name == "incoming" || name == "outgoing"), strings.HasPrefix(section, "plugin.") && name == "class",
		strings.HasPrefix(section, "archiver.") && name == "class", section == "mailman" && strings.HasSuffix(name, "_hook"):
		if ownClass(value) {
			return
		}
		h.Kind, h.Effects, h.Scope, h.RunsAs = waxseal.KindPlugin, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}, "all mail of lists", "list"
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
		h.Explain = "Mailman loads the code " + mta.Clip(value) + ", which is not its own (" + section + " in " + string(h.Source.Path) + ")."
		x.Emit(h)
	}
}
