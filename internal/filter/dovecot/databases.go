package dovecot

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// database is a passdb or userdb: who may log in, and where each user's mail lies.
type database struct {
	*reader
	section *doveconf.Section
	driver  string
	args    string
	master  bool
}

// databases makes hooks of the password and user databases: what they answer
// decides where mail is delivered and who may read it (doc.dovecot.org,
// "Authentication").
func (r *reader) databases() {
	count := map[string]int{}
	for _, kind := range []string{"passdb", "userdb"} {
		for _, s := range r.conf.All(kind) {
			count[kind]++
			d := database{reader: r, section: s, driver: s.Value("driver"), args: s.Value("args")}
			if d.driver == "" {
				d.driver = s.Name // 2.4: passdb pam { }
			}
			d.master = s.Value("master") == "yes"
			d.hook(kind + " " + strconv.Itoa(count[kind]))
			d.fields(kind + " " + strconv.Itoa(count[kind]))
		}
	}
}

// id names a database by its place among those of its kind.
func (d database) id(place string, names ...string) waxseal.HookID {
	return d.reader.id(d.conf.Root, append([]string{place}, names...)...)
}

func (d database) hook(place string) {
	h := waxseal.Hook{
		ID: d.id(place), Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: sees, Directive: d.section.Kind, Scope: "all", Active: true,
		Source: d.section.Source, Target: waxseal.Target{Type: waxseal.TargetTable, Value: d.driver},
	}
	what := map[string]string{"passdb": "Who may log in, and as whom", "userdb": "Where each user's mail is kept, and with whose rights"}[d.section.Kind]
	h.Explain = what + ", is told by " + d.driver + " (" + d.section.Kind + ")."
	if d.master {
		h.Effects, h.Scope = copies, "all mail of every user"
		mta.Modify(&h, "reads", "every mailbox")
		h.Explain = "Whoever logs in as a master user of " + d.driver + " may read the mail of every user (passdb with master = yes)."
	}
	if d.section.Value("deny") == "yes" {
		h.Explain = "Users that " + d.driver + " lists may not log in (passdb with deny = yes)."
	}
	switch d.driver {
	case "checkpassword":
		d.command(&h)
	case "lua":
		d.lua(&h)
	case "pam": // what PAM loads is among the surroundings
		h.Closure = append(h.Closure, waxseal.Part{Path: "/etc/pam.d/dovecot", Role: waxseal.RoleConfig})
	case "sql", "ldap", "dict", "oauth2", "imap", "bsdauth", "gssapi":
		d.outside(&h)
	case "passwd-file":
		d.userFile(&h, place)
	}
	d.Emit(h)
}

// command is a program that is asked at each login and delivery
// (doc.dovecot.org, "CheckPassword"); it may do so as root.
func (d database) command(h *waxseal.Hook) {
	argv := unquoted(d.args)
	h.Kind, h.Stage, h.Effects = waxseal.KindScript, waxseal.StageSession, append(append([]waxseal.Effect{}, sees...), waxseal.Execute)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: d.args}
	h.Closure = d.CommandParts(argv)
	h.RunsAs = d.serviceUser("auth-worker")
	h.Explain = "The program " + mta.Clip(d.args) + " is given each user's password, and says whose mail is opened where (" + d.section.Kind + " checkpassword)."
}

func (d database) serviceUser(name string) string {
	if s := d.conf.Root.Section("service", name); s != nil {
		return d.user(s)
	}
	return "root"
}

// lua is code that is asked: args = file=/path blocking=yes, or lua_file in 2.4.
func (d database) lua(h *waxseal.Hook) {
	name := d.section.Value("lua_file")
	for _, w := range unquoted(d.args) {
		if v, ok := strings.CutPrefix(w, "file="); ok {
			name = v
		}
	}
	h.Kind, h.Effects = waxseal.KindModule, anything
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	if part, ok := file(name, waxseal.RoleScript); ok {
		h.Closure = append(h.Closure, part)
	}
	h.RunsAs = d.serviceUser("auth-worker")
	h.Explain = "Lua code in " + mta.Clip(name) + " is given each user's password, and says whose mail is opened where (" + d.section.Kind + " lua)."
}

// outside is a database whose answers are not files of this host.
func (d database) outside(h *waxseal.Hook) {
	h.External = true
	h.Target.Value = strings.TrimSpace(d.driver + " " + d.args)
	for _, w := range unquoted(d.args) {
		part, ok := file(w, waxseal.RoleConfig)
		if !ok {
			continue
		}
		h.Closure = append(h.Closure, part)
		if text, ok := d.Read(part.Path, "the settings of a database"); ok {
			d.servers(h, text)
			d.external(part.Path, text)
		}
	}
	for _, key := range []string{"ldap_uris", "sql_driver", "imapc_host", "oauth2_introspection_url"} {
		if v := d.section.Value(key); v != "" {
			mta.Modify(h, "hosts", v)
		}
	}
	h.Explain = strings.TrimSuffix(h.Explain, ".") + ", whose content is not seen from here."
}

// external writes down what the settings of a database outside say: a query there
// decides whose mail is where.
func (d database) external(p waxseal.Path, text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && n < 1000 {
			d.Setting(d.at.instance, string(p)+":"+strings.TrimSpace(key), mta.Clip(strings.TrimSpace(value)), waxseal.Source{Path: p, Line: n})
		}
	}
}

// servers notes the hosts that the settings of a database name
// (dovecot-sql.conf.ext, dovecot-ldap.conf.ext).
func (d database) servers(h *waxseal.Hook, text string) {
	var hosts []string
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") || len(hosts) > 16 {
			continue
		}
		switch key = strings.TrimSpace(key); key {
		case "password_query", "user_query", "iterate_query", "pass_attrs", "user_attrs", "pass_filter", "user_filter", "default_pass_scheme":
			mta.Modify(h, key, mta.Clip(strings.TrimSpace(value)))
		case "connect":
			for _, w := range unquoted(value) {
				if v, ok := strings.CutPrefix(w, "host="); ok {
					hosts = append(hosts, v)
				}
			}
		case "hosts", "uris":
			hosts = append(hosts, unquoted(value)...)
		}
	}
	for i, name := range hosts {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "ldap://"), "ldaps://")
		hosts[i] = strings.TrimSuffix(name, "/")
		if !strings.HasPrefix(name, "/") && !mta.IsLoopback(hostOnly(name)) {
			h.Target.Remote = true
		}
	}
	mta.Modify(h, "hosts", strings.Join(hosts, ", "))
}

// userFile is a file like passwd(5), whose extra fields may set a user's mail
// elsewhere (doc.dovecot.org, "Passwd-file").
func (d database) userFile(h *waxseal.Hook, place string) {
	name := d.section.Value("passwd_file_path")
	for _, w := range unquoted(d.args) {
		if !strings.Contains(w, "=") || strings.HasPrefix(w, "/") {
			name = w
		}
	}
	h.Target.Value = strings.TrimSpace("passwd-file " + name)
	part, ok := file(name, waxseal.RoleSecret)
	if !ok {
		return
	}
	h.Closure = append(h.Closure, part)
	text, ok := d.ReadUpTo(part.Path, "a file of users and passwords", 32<<20)
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.SplitN(strings.TrimRight(line, "\r\n"), ":", 8)
		if f[0] == "" || strings.HasPrefix(f[0], "#") || d.Full() {
			continue
		}
		at := waxseal.Source{Path: part.Path, Line: n}
		if d.master {
			d.masterUser(h, f[0], at, place)
		}
		if len(f) == 8 {
			d.userFields(f[0], unquoted(f[7]), at, place)
		}
		if d.section.Kind == "userdb" && len(f) > 5 && strings.HasPrefix(f[5], "/") && len(d.virtual()) < mta.MaxAccounts {
			d.accounts = append(d.accounts, mta.Account{Name: f[0], Home: string(mta.Clean(f[5]))})
		}
	}
}

func (d database) virtual() []mta.Account { return d.accounts }

// masterUser is one who may read everybody's mail.
func (d database) masterUser(of *waxseal.Hook, name string, at waxseal.Source, place string) {
	h := waxseal.Hook{
		ID: d.id(place, "user "+name), Kind: waxseal.KindMap, Stage: waxseal.StageDelivered, Effects: copies, Directive: "master", Scope: "all mail of every user", Active: true,
		Source: at, Target: waxseal.Target{Type: waxseal.TargetTable, Value: "master user " + name}, Closure: []waxseal.Part{{Path: at.Path, Role: waxseal.RoleSecret}},
		Explain: "The master user " + mta.Clip(name) + " may log in as any user and read that user's mail (" + of.Target.Value + ").",
	}
	mta.Modify(&h, "reads", "every mailbox")
	d.Emit(h)
}

// userFields makes hooks of what a user's entry says about delivery:
// userdb_mail=, userdb_quota_rule=, proxy, host=.
func (d database) userFields(user string, fields []string, at waxseal.Source, place string) {
	d.unlocked(fields, at, place+":user "+user, "the user "+user)
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		d.field(strings.TrimPrefix(key, "userdb_"), value, at, place+":user "+user, "recipient "+user)
	}
}

// fields makes hooks of what a database says of every user: override_fields,
// default_fields, the arguments of static, and fields { } in 2.4.
func (d database) fields(place string) {
	lists := []string{"override_fields", "default_fields"}
	if d.driver == "static" {
		lists = append(lists, "args")
	}
	for _, key := range lists {
		set := d.section.Get(key)
		if set == nil {
			continue
		}
		words := unquoted(set.Value)
		d.unlocked(words, set.Source, place+":"+key, everybody)
		for _, field := range words {
			name, value, _ := strings.Cut(field, "=")
			d.field(strings.TrimPrefix(name, "userdb_"), value, set.Source, place+":"+key, "all")
		}
	}
	for _, key := range []string{"password", "passdb_static_password"} {
		if set := d.section.Get(key); set != nil && d.driver == "static" && set.Value != "" {
			d.unlocked([]string{"password=" + set.Value}, set.Source, place, everybody)
		}
	}
	for _, s := range d.section.Sections {
		if s.Kind != "fields" && !strings.HasSuffix(s.Kind, "_fields") {
			continue
		}
		var words []string
		for _, set := range s.Settings {
			words = append(words, set.Key+"="+set.Value)
		}
		d.unlocked(words, s.Source, place+":fields", everybody)
		for _, set := range s.Settings {
			d.field(strings.TrimPrefix(set.Key, "userdb_"), set.Value, set.Source, place+":fields", "all")
		}
	}
}

// field makes a hook of one field that changes where mail goes or who reads it.
func (d database) field(name, value string, at waxseal.Source, place, scope string) {
	h := waxseal.Hook{
		ID: d.id(place, name), Kind: waxseal.KindTransport, Stage: waxseal.StageDeliver, Effects: diverts, Directive: name, Scope: scope, Active: true, Source: at,
		Target: waxseal.Target{Type: waxseal.TargetService, Value: value},
	}
	switch name {
	case "mail", "mail_path", "mail_inbox_path", "home":
		if scope == "all" || name == "home" {
			break // where mail is usually kept; home alone says where a user lives
		}
		h.Target.Type = waxseal.TargetFile
		_, h.Target.Value, _ = strings.Cut(":"+value, ":")
		if _, p, ok := strings.Cut(value, ":"); ok {
			h.Target.Value = strings.Split(p, ":")[0]
		}
	case "host", "proxy_host":
		h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: value, Remote: !mta.IsLoopback(value)}
	case "destuser", "user", "login_user":
		h.Target = d.domains.Address(value)
	case "sieve", "sieve_before", "sieve_after", "mail_plugins", "mail_replica":
		h.Target.Type = waxseal.TargetText
	default:
		return
	}
	h.Explain = "For " + scopeWords(scope) + " the " + d.section.Kind + " sets " + name + " to " + mta.Clip(value) + "."
	d.Emit(h)
}

func scopeWords(scope string) string {
	if scope == "all" {
		return "every user"
	}
	return strings.Replace(scope, "recipient", "the user", 1)
}
