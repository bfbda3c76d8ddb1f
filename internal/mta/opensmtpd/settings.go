package opensmtpd

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// settings are the options that make no hook, and the files that they name.
func (in *instance) settings() {
	for _, s := range in.conf.Settings {
		in.note(s.Name, in.shown(s), s.Pos)
		if !path.IsAbs(s.Value) {
			continue
		}
		switch {
		case strings.HasSuffix(s.Name, " key"):
			in.Part(mta.Clean(s.Value), waxseal.RoleSecret)
		case strings.HasSuffix(s.Name, " cert"):
			in.Part(mta.Clean(s.Value), waxseal.RoleInclude)
		}
	}
	for _, name := range []string{"mail.local", "mail.maildir", "mail.lmtp", "mail.mda", "mail.mboxfile", "lockspool", "encrypt"} {
		in.partIfThere(in.libexec+"/"+name, waxseal.RoleBinary)
	}
	for _, name := range []string{"/usr/sbin/smtpd", "/usr/sbin/smtpctl", "/usr/sbin/makemap", "/usr/sbin/newaliases"} {
		in.partIfThere(name, waxseal.RoleBinary)
	}
	for _, name := range []string{"/etc/mailname", "/etc/mail/mailname"} {
		in.partIfThere(name, waxseal.RoleConfig)
	}
	in.unusedFiles()
}

// shown is a setting's value; keys of the queue and of SRS are never shown.
func (in *instance) shown(s smtpdconf.Setting) string {
	switch {
	case s.Name == "queue encryption key" && (s.Value == "stdin" || s.Value == "-" || strings.HasPrefix(s.Value, "a key ")):
		return s.Value
	case s.Name == "queue encryption key" || strings.HasPrefix(s.Name, "srs key"):
		return in.Mask.Token(s.Value)
	}
	return s.Value
}

func (in *instance) partIfThere(name string, role waxseal.Role) {
	if p := mta.Clean(name); in.Exists(p) {
		in.Part(p, role)
	}
}

// unusedFiles are files beside the configuration that nothing refers to.
func (in *instance) unusedFiles() {
	dir := path.Dir(string(in.path))
	if dir == "/etc" {
		return // others keep their files there too
	}
	named := map[string]bool{}
	for _, f := range in.conf.Files {
		named[path.Clean(f.Path)] = true
	}
	for _, t := range in.conf.Tables {
		named[path.Clean("/"+t.Path)] = true
	}
	names, err := in.Tree.ReadDir(waxseal.Path(dir))
	if err != nil {
		return // the configuration itself is there, and is told of
	}
	const most = 200
	for _, name := range names[:min(len(names), most)] {
		p := dir + "/" + name
		if f, err := in.Tree.Lstat(waxseal.Path(p)); err == nil && f.Type == waxseal.Regular && !named[p] {
			in.Part(waxseal.Path(p), waxseal.RoleUnused)
		}
	}
}

// listenerSettings notes what listeners do; masquerading is a hook, for it
// replaces senders.
func (in *instance) listenerSettings() {
	for _, l := range in.conf.Listeners {
		words := []string{}
		name := "listen on " + l.On
		for _, o := range l.Options {
			word := o.Name
			if o.Value != "" {
				word += " " + quoted(o.Value)
			}
			if o.Table != nil {
				word += " " + mta.Clip(tableName(o.Table))
			}
			if o.Name == "port" {
				name += " port " + o.Value
			}
			words = append(words, word)
			if o.Name == "senders" && o.Value == "masquerade" {
				in.masquerade(l, o)
			}
		}
		if l.Filter != nil {
			words = append(words, "filter "+filterText(l.Filter))
		}
		in.note(name, strings.Join(words, " "), l.Pos)
	}
}

// tableName names a table without its entries, which may be secret.
func tableName(t *smtpdconf.Table) string {
	if t.Name != "" {
		return "<" + t.Name + ">"
	}
	return "{ … }"
}

func (in *instance) masquerade(l *smtpdconf.Listener, o smtpdconf.Option) {
	h := in.hook("listen on "+l.On+":senders", o.Pos)
	h.Kind, h.Stage, h.Effects, h.Directive = waxseal.KindRewrite, waxseal.StageData, modifies, "senders"
	h.Scope = "all mail of users who log in on " + mta.Clip(l.On)
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: o.Table.String()}
	h.Explain = "The From header of " + h.Scope + " is replaced as the table " + mta.Clip(o.Table.String()) + " says (senders masquerade)."
	in.emit(h)
}
