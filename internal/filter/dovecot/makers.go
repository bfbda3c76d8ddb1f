package dovecot

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// plain notes a setting whose value is no place.
func plain(s site) {
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: s.set.Value}
	if s.row.key == "acl_user" && !strings.Contains(s.set.Value, "%") {
		mta.Modify(&h, "reads", "what this user may")
	}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// sentence makes an explanation: "All mail … : what happens: value (setting)".
func (s site) sentence(does, value string) string {
	return strings.ToUpper(does[:1]) + does[1:] + ": " + mta.Clip(value) + " (" + s.row.directive() + ", " + s.scope(s.section, s.row.of) + ")."
}

// environment notes variables other than those that Dovecot passes on by itself.
func environment(s site) {
	usual := strings.Fields(s.conf.Default("import_environment") + " TZ CORE_OUTOFMEM CORE_ERROR LISTEN_PID LISTEN_FDS NOTIFY_SOCKET")
	var words []string
	for _, w := range strings.Fields(s.set.Value) {
		if !slices.Contains(usual, w) {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: strings.Join(words, " ")}
	for _, w := range words {
		if _, value, ok := strings.Cut(w, "="); ok {
			for _, p := range mta.PathWords(value) {
				h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(p), Role: waxseal.RoleLibrary})
			}
		}
	}
	h.Explain = s.sentence(s.row.does, strings.Join(words, " "))
	s.emit(h)
}

// moduleDirectory notes another directory of plugins than the packaged one.
func moduleDirectory(s site) { directory(s, moduleDirectories) }

// programDirectory notes another directory of programs than the packaged one.
func programDirectory(s site) { directory(s, programDirectories) }

// directory notes one of Dovecot's own code that is none of the usual.
func directory(s site, usual []string) {
	if dir := strings.TrimSuffix(s.set.Value, "/"); dir == strings.TrimSuffix(s.conf.Default(s.row.key), "/") || slices.Contains(usual, dir) {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.set.Value}
	if part, ok := file(s.set.Value, waxseal.RoleDirectory); ok {
		h.Closure = append(h.Closure, part)
	}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// server notes a server that is told of mail or asked about it.
func server(s site) {
	address, host := endpoint(s.set.Value)
	if host == "" {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(hostOnly(host))}
	if h.Kind == waxseal.KindPolicy {
		name, port := mta.SplitHostPort(host)
		h.Target = mta.InetSocket(name, port)
	}
	mta.Modify(&h, "url", address)
	h.Explain = s.sentence(s.row.does, address)
	s.emit(h)
}

// endpoint finds the URL in a value such as "ox:url=http://h:80/ user_from_metadata"
// and its host and port.
func endpoint(value string) (address, host string) {
	at := strings.Index(value, "://")
	if at < 0 {
		return "", ""
	}
	begin := strings.LastIndexAny(value[:at], " =:,") + 1
	address = value[begin:]
	if end := strings.IndexAny(address, " \t,"); end >= 0 {
		address = address[:end]
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address, strings.TrimSuffix(strings.Split(address[strings.Index(address, "://")+3:]+"/", "/")[0], "/")
	}
	return address, u.Host
}

func hostOnly(hostPort string) string { h, _ := mta.SplitHostPort(hostPort); return h }

// relay notes the host that mail is handed to; its port is a setting of its own.
func relay(s site) {
	host, port := mta.SplitHostPort(s.set.Value)
	if strings.Count(s.set.Value, ":") > 1 && !strings.HasPrefix(s.set.Value, "[") {
		host, port = s.set.Value, ""
	}
	if set := s.section.Get("submission_relay_port"); set != nil && port == "" && s.row.key == "submission_relay_host" {
		port = set.Value
	}
	if port == "25" && mta.IsLoopback(host) {
		port = "" // the mail system's own
	}
	h := s.hook()
	value := "[" + host + "]"
	if port != "" {
		value += ":" + port
	}
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: value, Remote: !mta.IsLoopback(host)}
	h.Explain = s.sentence(s.row.does, value)
	s.emit(h)
}

// mailer notes a command line that is not the default.
func mailer(s site) {
	value := s.set.Value
	if value == s.conf.Default(s.row.key) || value == "/usr/sbin/sendmail" || value == "/usr/lib/sendmail" {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: value}
	h.Closure = s.CommandParts(unquoted(value))
	h.Explain = s.sentence(s.row.does, value)
	s.emit(h)
}

// proxy notes that recipients may be on other hosts, which the databases name.
func proxy(s site) {
	if s.set.Value != "yes" {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetService, Value: "the hosts that the password database names"}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// usualPlaces are where mail is kept; what is elsewhere is a file to look at.
var usualPlaces = []string{"/var/mail/", "/var/spool/mail/", "/var/vmail/", "/home/", "/srv/", "/var/lib/", "/mnt/", "/data/", "/var/spool/", "/var/mailboxes/", "/opt/", "/export/", "/nfs/", "/mail/", "/vmail/"}

// location notes where mail is kept: "maildir:~/Maildir:INBOX=/var/mail/%u".
func location(s site) {
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetService, Value: s.set.Value}
	for i, item := range strings.Split(s.set.Value, ":") {
		_, p, ok := strings.Cut(item, "=")
		if !ok {
			p = item
		}
		if i > 12 || !path.IsAbs(p) || slices.ContainsFunc(usualPlaces, func(dir string) bool { return strings.HasPrefix(p, dir) && !strings.Contains(p, "/.") }) {
			continue
		}
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: p}
		mta.Modify(&h, s.row.key, s.set.Value)
		break
	}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// remoteStore notes another host on which mailboxes are.
func remoteStore(s site) {
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: s.set.Value, Remote: !mta.IsLoopback(s.set.Value)}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// replica notes where all mail is copied: "tcp:host:port", "tcps:host",
// "remote:user@host", "remoteprefix:user@host" (doc.dovecot.org, "Replication").
func replica(s site) {
	h := s.hook()
	kind, rest, _ := strings.Cut(s.set.Value, ":")
	if strings.HasPrefix(kind, "remote") {
		_, rest, _ = strings.Cut("@"+rest, "@")
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
	}
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: rest, Remote: !mta.IsLoopback(hostOnly(rest))}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	s.emit(h)
}

// notifier notes who is told of new mail.
func notifier(s site) {
	driver, _, _ := strings.Cut(s.set.Value, ":")
	switch _, host := endpoint(s.set.Value); {
	case host != "":
		server(s)
	case driver == "lua":
		s.row.kind, s.row.effects = waxseal.KindModule, anything
		luaScript(s)
	default:
		plain(s)
	}
}

// luaScript notes Lua code that Dovecot loads: a path, or "lua:file=/path".
func luaScript(s site) {
	name := s.set.Value
	if _, rest, ok := strings.Cut(name, "file="); ok {
		name = strings.FieldsFunc(rest+" ", func(r rune) bool { return r == ' ' || r == ',' })[0]
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	if part, ok := file(name, waxseal.RoleScript); ok {
		h.Closure = append(h.Closure, part)
	}
	h.Explain = s.sentence(s.row.does, name)
	s.emit(h)
}

// socketScript notes a setting that names the socket of a service: what runs there
// is a hook of the service, and in the closure here.
func socketScript(s site) {
	value := s.set.Value
	if strings.HasPrefix(s.row.key, "quota_warning") {
		_, value, _ = strings.Cut(value, " ") // after the limit
	}
	words := unquoted(value)
	if len(words) == 0 {
		return
	}
	h := s.hook()
	target, part := s.socket(words[0])
	h.Target, h.Closure = target, []waxseal.Part{part}
	if served, ok := s.services[words[0]]; ok {
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(served.argv, " ")}
		h.RunsAs = served.user
		h.Closure = append(s.CommandParts(served.argv), part)
		mta.Modify(&h, "socket", words[0])
	}
	h.Explain = s.sentence(s.row.does, h.Target.Value)
	s.emit(h)
}

// socket is the unix socket of a service, which lies below base_dir.
func (r *reader) socket(name string) (waxseal.Target, waxseal.Part) {
	if !path.IsAbs(name) {
		base := r.conf.View("").Value("base_dir")
		if base == "" {
			base = "/run/dovecot"
		}
		name = base + "/" + name
	}
	return mta.UnixSocket(mta.Clean(name))
}

// logFile notes a log that does not go to syslog.
func logFile(s site) {
	value := s.set.Value
	if value == "syslog" || value == s.conf.Default(s.row.key) {
		return
	}
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: value}
	if value == "/dev/null" {
		h.Effects = []waxseal.Effect{waxseal.Silence}
	}
	if s.row.key == "debug_log_path" {
		h.Effects = nil
	}
	if part, ok := file(value, waxseal.RoleMailbox); ok && value != "/dev/stderr" && value != "/dev/null" {
		h.Closure = append(h.Closure, part)
	}
	h.Explain = s.sentence(s.row.does, value)
	s.emit(h)
}

// rawLog notes a directory into which sessions are written in full.
func rawLog(s site) {
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.set.Value}
	h.Explain = s.sentence("all that is said in sessions, mail with it, is written here", s.set.Value)
	s.emit(h)
}

// passwords notes that the log holds some; hashes of them are none.
func passwords(s site) {
	if v := s.set.Value; v != "no" && !strings.HasPrefix(v, "sha1") {
		plain(s)
	}
}

// logs are the files to which Dovecot says it logs.
func (r *reader) logs() []waxseal.Path {
	var list []waxseal.Path
	v := r.conf.View("")
	for _, key := range []string{"log_path", "info_log_path"} {
		if set := v.Get(key); set != nil && path.IsAbs(set.Value) && !strings.HasPrefix(set.Value, "/dev/") {
			list = append(list, mta.Clean(set.Value))
		}
	}
	return list
}

var _ = doveconf.Main
