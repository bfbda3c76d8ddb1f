package host

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// saslDirectories are where the configuration of Cyrus SASL for a program lies:
// Debian's Postfix looks below its own directory only (SASL_README).
var saslDirectories = []waxseal.Path{"/etc/postfix/sasl", "/etc/sasl2", "/etc/sasl", "/usr/lib/sasl2", "/usr/lib64/sasl2", "/usr/lib/x86_64-linux-gnu/sasl2", "/etc/mail/sasl"}

// sasl reads who is asked about passwords of SMTP by Cyrus SASL.
func (r *reader) sasl() {
	for _, dir := range saslDirectories {
		for _, n := range r.list(dir) {
			if p := dir + "/" + waxseal.Path(n); strings.HasSuffix(n, ".conf") {
				if text, ok := r.read(p, "a configuration of SASL"); ok {
					r.saslFile(p, text)
				}
			}
		}
	}
	for _, p := range r.saslauthdFiles() {
		r.saslauthd(p)
	}
}

// saslFile reads "name: value" lines (the SASL library's options).
func (r *reader) saslFile(p waxseal.Path, content string) {
	r.Part(p, waxseal.RoleConfig)
	n := 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, ":")
		if !ok || line[0] == '#' || n > maxNames {
			continue
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		source := waxseal.Source{Path: p, Line: n}
		r.Setting(string(p), name, value, source)
		switch {
		case name == "pwcheck_method" && slices.Contains(strings.Fields(value), "alwaystrue"):
			r.alwaysTrue(value, source)
		case name == "saslauthd_path" || name == "authdaemond_path":
			r.askedSocket(name, value, source)
		case name == "sql_hostnames":
			r.askedDatabase(value, source)
		}
	}
}

func (r *reader) alwaysTrue(value string, source waxseal.Source) {
	h := r.hook(waxseal.KindPolicy, "pwcheck_method", source)
	h.Effects, h.RunsAs = []waxseal.Effect{waxseal.Observe, waxseal.Divert}, ""
	h.Scope, h.Target = "who signs in by SMTP", waxseal.Target{Type: waxseal.TargetText, Value: value}
	h.Closure = []waxseal.Part{{Path: source.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Whoever signs in by SMTP is let in with any password (pwcheck_method: alwaystrue)."
	r.Emit(h)
}

// usualSockets are where saslauthd(8) and Courier's authdaemond listen, without the
// name of the socket and without /var in front of /run.
var usualSockets = []string{"/run/saslauthd", "/var/spool/postfix/run/saslauthd", "/var/spool/postfix/var/run/saslauthd", "/run/courier/authdaemon/socket", "/var/spool/authdaemon/socket", "/run/authdaemon.courier-imap/socket"}

// askedSocket makes the hook of a socket to which passwords are given.
func (r *reader) askedSocket(name, value string, source waxseal.Source) {
	plain := strings.TrimSuffix(path.Clean(value), "/mux")
	if rest, ok := strings.CutPrefix(plain, "/var/run/"); ok {
		plain = "/run/" + rest
	}
	if slices.Contains(usualSockets, plain) {
		return
	}
	if name == "saslauthd_path" && !strings.HasSuffix(value, "/mux") {
		value = path.Join(value, "mux")
	}
	h := r.hook(waxseal.KindPolicy, name, source)
	h.Effects, h.RunsAs, h.Scope = []waxseal.Effect{waxseal.Observe}, "", "who signs in by SMTP"
	h.Target = waxseal.Target{Type: waxseal.TargetSocket, Value: "unix:" + value}
	h.Closure = []waxseal.Part{{Path: clean(value), Role: waxseal.RoleSocket}, {Path: source.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Who signs in by SMTP gives the password to whoever listens at " + mta.Clip(value) + ", which is not where saslauthd(8) does (" + name + ")."
	r.Emit(h)
}

func (r *reader) askedDatabase(value string, source waxseal.Source) {
	for host := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		name, _ := mta.SplitHostPort(host)
		if mta.IsLoopback(name) {
			continue
		}
		h := r.hook(waxseal.KindMap, "sql_hostnames", source, mta.Clip(host))
		h.Effects, h.RunsAs, h.Scope, h.External = []waxseal.Effect{waxseal.Observe}, "", "who signs in by SMTP", true
		h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: "sql:" + host, Remote: true}
		h.Closure = []waxseal.Part{{Path: source.Path, Role: waxseal.RoleConfig}}
		h.Explain = "Who may sign in by SMTP is looked up on " + mta.Clip(host) + ", another host (sql_hostnames)."
		r.Emit(h)
	}
}

// saslauthdFiles are Debian's files for one saslauthd(8) each, and Red Hat's.
func (r *reader) saslauthdFiles() []waxseal.Path {
	files := []waxseal.Path{"/etc/sysconfig/saslauthd"}
	for _, n := range r.list("/etc/default") {
		if (n == "saslauthd" || strings.HasPrefix(n, "saslauthd-")) && !strings.Contains(n, ".") {
			files = append(files, "/etc/default/"+waxseal.Path(n))
		}
	}
	return files
}

// saslauthd reads what checks passwords: MECHANISMS and MECH_OPTIONS on Debian, MECH
// and FLAGS on Red Hat.
func (r *reader) saslauthd(p waxseal.Path) {
	text, ok := r.read(p, "the defaults of saslauthd")
	if !ok {
		return
	}
	r.Part(p, waxseal.RoleConfig)
	values, at := map[string]string{}, map[string]int{}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok && name != "" && !strings.ContainsAny(name, "# \t") {
			value = strings.Join(mta.ShellWords(value), " ")
			values[name], at[name] = value, n
			r.Setting(string(p), name, value, waxseal.Source{Path: p, Line: n})
		}
	}
	words := strings.Fields(values["MECHANISMS"] + " " + values["MECH"] + " " + values["OPTIONS"] + " " + values["FLAGS"])
	if !slices.Contains(words, "rimap") {
		return
	}
	name, host := "MECH_OPTIONS", values["MECH_OPTIONS"]
	if i := slices.Index(words, "-O"); i >= 0 && i+1 < len(words) {
		name, host = "OPTIONS", words[i+1]
	}
	if host = strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(host, "-O")), " "); host != "" {
		r.askedServer(name, host, waxseal.Source{Path: p, Line: max(at[name], at["FLAGS"])}, values["START"] != "no")
	}
}

// askedServer makes the hook of the IMAP server to which saslauthd gives every
// password (saslauthd(8) "rimap": HOST or HOST/PORT).
func (r *reader) askedServer(name, server string, source waxseal.Source, started bool) {
	host, port, _ := strings.Cut(server, "/")
	if port == "" {
		port = "143"
	}
	if mta.IsLoopback(host) && slices.Contains([]string{"143", "993", "imap", "imaps"}, port) {
		return // the IMAP server of this host
	}
	h := r.hook(waxseal.KindPolicy, "rimap", source)
	h.Effects, h.RunsAs, h.Scope = []waxseal.Effect{waxseal.Observe}, "", "who signs in by SMTP"
	h.Target = mta.InetSocket(host, port)
	h.Closure = []waxseal.Part{{Path: source.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Who signs in by SMTP is believed if an IMAP server takes the password: saslauthd gives it to " + mta.Clip(server) + mta.Where(h.Target) + " (rimap, " + name + ")."
	if !started {
		mta.Inactive(&h, "saslauthd is not started (START=no)")
	}
	r.Emit(h)
}
