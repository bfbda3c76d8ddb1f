package amavis

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// databases emits a hook for each server of lookups or records: a list of [dsn, user,
// password], of tables with a server, or the table of LDAP.
func databases(u use) {
	list := u.value.Items
	if u.value.Sort == calls.Hash {
		list = []calls.Value{u.value}
	}
	for n, v := range list {
		name, host := database(v)
		if name == "" {
			continue
		}
		h := u.hook(place(n, ""))
		h.Kind, h.Effects, h.External = waxseal.KindMap, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Drop}, true
		h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: name, Remote: !mta.IsLoopback(host) && !strings.HasPrefix(host, "/")}
		setModifier(&h, "hosts", host)
		if u.name == "default_ldap" && !u.env.Variables["$enable_ldap"].True() {
			mta.Inactive(&h, "$enable_ldap is not set")
		}
		h.Explain = "A database decides about " + h.Scope + ", or keeps a record of it: " + mta.Clip(name) + mta.Where(h.Target) + u.written() + "."
		u.Emit(h)
	}
}

// database is the name of a database without its password, and its host.
func database(v calls.Value) (name, host string) {
	if v.Sort == calls.Hash {
		for _, key := range []string{"server", "hostname"} {
			if found, ok := v.Lookup(key); ok {
				for _, s := range scalars(found) {
					host, _ := mta.SplitHostPort(s)
					return s, host
				}
			}
		}
		return "", ""
	}
	list := scalars(v)
	if len(list) == 0 {
		return "", ""
	}
	dsn := list[0]
	parts := strings.Split(dsn, ":")
	if len(parts) < 3 || !strings.EqualFold(parts[0], "DBI") {
		return dsn, ""
	}
	rest := strings.Join(parts[2:], ":")
	for field := range strings.FieldsFuncSeq(rest, func(c rune) bool { return c == ';' }) {
		if key, value, ok := strings.Cut(field, "="); ok && (key == "host" || key == "hostname" || key == "mysql_socket") {
			return strings.ToLower(parts[1]) + ":" + rest, value
		}
	}
	if len(parts) > 3 && !strings.Contains(rest, "=") { // DBI:mysql:mail:host1
		return strings.ToLower(parts[1]) + ":" + rest, parts[3]
	}
	return strings.ToLower(parts[1]) + ":" + rest, ""
}

// rulesFile emits the hook for a place from which SpamAssassin inside amavis takes its
// rules.
func rulesFile(u use) {
	for n, p := range scalars(u.value) {
		h := u.hook(place(n, ""))
		h.Kind, h.Effects, h.RunsAs = waxseal.KindScript, executes, u.user
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: p}
		h.Closure = []waxseal.Part{{Path: mta.Clean(p), Role: waxseal.RoleFilterConfig}}
		h.Explain = "SpamAssassin inside amavis takes its rules, which may load code, from " + mta.Clip(p) + u.written() + "."
		u.Emit(h)
	}
}

func logFile(u use) {
	for _, p := range scalars(u.value) {
		h := u.hook("")
		h.Kind, h.Effects = waxseal.KindLog, nil
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: p}
		h.Explain = "amavis writes its log to " + mta.Clip(p) + u.written() + "."
		u.Emit(h)
	}
}

// odd reports whether a directory is none for a service's data: anyone may write there,
// it is a user's, or it is hidden.
func odd(dir string) bool {
	for _, prefix := range []string{"/tmp", "/var/tmp", "/dev/shm", "/home", "/root"} {
		if dir == prefix || strings.HasPrefix(dir, prefix+"/") {
			return true
		}
	}
	return strings.Contains(dir, "/.")
}

// quarantineDirectory emits a hook where mail in quarantine is put at an odd place.
func quarantineDirectory(u use) {
	for _, p := range scalars(u.value) {
		if !odd(p) {
			continue
		}
		h := u.hook("")
		h.Kind, h.Effects, h.Scope = waxseal.KindCopy, copies, "mail in quarantine"
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: p}
		h.Explain = "Mail in quarantine is kept in " + mta.Clip(p) + u.written() + "."
		u.Emit(h)
	}
}

// searchPath emits a hook where programs are looked for beyond the system's places.
func searchPath(u use) {
	for _, p := range scalars(u.value) {
		for dir := range strings.SplitSeq(p, ":") {
			switch dir {
			case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin":
				continue
			}
			h := u.hook("")
			h.Kind, h.Effects = waxseal.KindEnvironment, executes
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "PATH=" + p}
			h.Explain = "amavis looks for the programs that it runs in " + mta.Clip(dir) + " too" + u.written() + "."
			u.Emit(h)
			break
		}
	}
}
