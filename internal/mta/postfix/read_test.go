package postfix

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mta"
)

func settings(r Result) map[string]string {
	m := map[string]string{}
	for _, s := range r.Settings {
		m[s.Name] = s.Value
	}
	return m
}

func conf(main, master string) *fakeTree {
	return tree(map[string]string{"/etc/postfix/main.cf": main, "/etc/postfix/master.cf": master})
}

func TestOverrides(t *testing.T) {
	const stock = "cleanup unix n - n - 0 cleanup\nrelay2 unix - - n - - smtp\n"
	for _, tc := range []struct{ name, main, master, want string }{
		{"braces and a comment line in between", own, "submission inet n - y - - smtpd\n  -o syslog_name=postfix/submission\n# -o x=y\n\n  -o { content_filter = relay2:[203.0.113.25]:10025 }\n" + stock,
			"/etc/postfix/master.cf:submission/inet:content_filter:1 | content_filter | host [203.0.113.25]:10025 | observe divert modify drop | remote"},
		{"main.cf name in an option", own + "evil = inet:203.0.113.9:1\n", "587 inet n - n - - smtpd -o smtpd_milters=$evil\n" + stock,
			"/etc/postfix/master.cf:587/inet:smtpd_milters:1 | milter | socket inet:203.0.113.9:1 | observe divert modify drop | remote"},
		{"option changes a name main.cf uses", own + "up = inet:127.0.0.1:1\nsmtpd_milters = $up\n", "587 inet n - n - - smtpd -o up=inet:203.0.113.9:1\n" + stock,
			"/etc/postfix/master.cf:587/inet:smtpd_milters:1 | milter | socket inet:203.0.113.9:1 | observe divert modify drop | remote"},
		{"last option wins", own, "587 inet n - n - - smtpd -o smtpd_proxy_filter=a:1 -osmtpd_proxy_filter=127.0.0.1:10099\n" + stock,
			"/etc/postfix/master.cf:587/inet:smtpd_proxy_filter:1 | content_filter | socket inet:127.0.0.1:10099 | observe divert modify drop"},
		{"default action by option", own + "smtpd_milters = inet:127.0.0.1:1\n", "587 inet n - n - - smtpd -o milter_default_action=accept\n" + stock,
			"/etc/postfix/master.cf:587/inet:smtpd_milters:1 | milter | socket inet:127.0.0.1:1 | observe divert modify drop"},
		{"an option the daemon does not read", own, "x unix - - n - - smtp -o always_bcc=a@b.example\n",
			"/etc/postfix/master.cf:x/unix:always_bcc:1 | copy | address a@b.example | copy | remote | inactive"},
		{"chroot of the service", own, "587 inet n - y - - smtpd -o smtpd_milters=unix:/run/m\n" + stock,
			"/etc/postfix/master.cf:587/inet:smtpd_milters:1 | milter | socket unix:/var/spool/postfix/run/m | observe divert modify drop"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, h := range read(conf(tc.main, tc.master)).Hooks {
				got = append(got, sorted(line(h)))
			}
			if !slices.Contains(got, sorted(tc.want)) {
				t.Errorf("no %q in\n%s", tc.want, strings.Join(got, "\n"))
			}
		})
	}
}

// TestSameMeaning: what means the same gives the same hooks and settings.
func TestSameMeaning(t *testing.T) {
	plain := own + "smtpd_milters = inet:127.0.0.1:1, inet:127.0.0.1:2\nsmtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination\nrelayhost =\n"
	master := "smtp inet n - n - - smtpd\n  -o smtpd_tls_security_level=may\n"
	for _, tc := range []struct{ name, main, master string }{
		{"comments", "# always_bcc = x@y.example\n" + plain + "#smtpd_milters = z\n", "# x\n" + master},
		{"crlf", strings.ReplaceAll(plain, "\n", "\r\n"), strings.ReplaceAll(master, "\n", "\r\n")},
		{"separators", strings.ReplaceAll(strings.ReplaceAll(plain, ", ", "\n  # c\n\n\t"), " permit_sasl", ",\n  permit_sasl"), master},
		{"order", "relayhost =\nsmtpd_relay_restrictions  =  permit_mynetworks,permit_sasl_authenticated,defer_unauth_destination\nsmtpd_milters=inet:127.0.0.1:1 inet:127.0.0.1:2\n" + own, master},
		{"an overridden duplicate", "always_bcc = x@y.example\n" + plain + "always_bcc =\n", master},
		{"a default spelled out", plain + "smtpd_helo_required = no\nsyslog_facility = mail\n", master},
		{"a name nobody refers to", plain + "nobody_reads_this = x\nAlways_bcc = x@y.example\n", master},
		{"indirection", strings.Replace(plain, "inet:127.0.0.1:1,", "inet:${lo}:1,", 1) + "lo = 127.0.0.1\n", master},
		{"option in braces", plain, "smtp inet n y n 0 100 smtpd -o {smtpd_tls_security_level = may}\n"},
		{"option twice", plain, "smtp inet n - n - - smtpd -o smtpd_tls_security_level=none -o smtpd_tls_security_level=may\n"},
		{"option that repeats main.cf", plain, master + "  -o smtpd_helo_required=no -o mydestination=example.test\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want, got := meaning(read(conf(plain, master))), meaning(read(conf(tc.main, tc.master)))
			if tc.name == "indirection" {
				got = strings.ReplaceAll(got, "setting lo=127.0.0.1\n", "")
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// meaning renders hooks and settings without their lines.
func meaning(r Result) string {
	var out []string
	for _, h := range r.Hooks {
		h.Source.Line = 0
		text, _ := json.Marshal(h)
		out = append(out, string(text))
	}
	for name, value := range settings(r) {
		if name != "always_bcc" || value != "" {
			out = append(out, "setting "+name+"="+value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n") + "\n"
}

func TestSettings(t *testing.T) {
	r := read(tree(map[string]string{
		"/etc/hostname":          "mx1.example.org\n",
		"/etc/mailname":          "example.org\n",
		"/etc/postfix/dests":     "# ours\na.example\nb.example\n",
		"/etc/postfix/main.cf":   "compatibility_level = 3.6\nmyorigin = /etc/mailname\nmydestination = $myhostname, /etc/postfix/dests\nsmtp_helo_name = $myhostname\nsmtpd_banner = $myhostname, hello   there\nlocal_recipient_maps =\nsmtpd_recipient_restrictions = check_client_access cidr:/etc/postfix/cl\nsql_password = hunter2\nvirtual_mailbox_maps = mysql:sql\npol_time_limit = 5\nother_time_limit = 6\nrelay_domains = ${{$compatibility_level} >=level {3.6} ? {yes.example} : {no.example}}\n",
		"/etc/postfix/master.cf": "smtp inet n - y - - smtpd -v\npol unix - n n - 0 spawn argv=/x\n",
		"/etc/postfix/cl":        "192.0.2.1 REJECT spam\n192.0.2.2   OK\n",
	}))
	got := settings(r)
	for name, want := range map[string]string{
		"myorigin": "example.org (/etc/mailname)", "mydestination": "/etc/postfix/dests = (a.example, b.example), mx1.example.org",
		"smtpd_banner": "mx1.example.org, hello there", "local_recipient_maps": "", "map:/etc/postfix/cl:192.0.2.1": "REJECT spam",
		"map:/etc/postfix/cl:192.0.2.2": "OK", "smtp/inet:service": "private=n unpriv=y chroot=y wakeup=0 maxproc=100 command=smtpd -v",
		"pol_time_limit": "5", "relay_domains": "yes.example",
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	for _, name := range []string{"smtp_helo_name", "other_time_limit"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s = %q is no change from the default", name, v)
		}
	}
	if v := got["sql_password"]; !strings.HasPrefix(v, "«secret") {
		t.Errorf("sql_password = %q is not masked", v)
	}
	if d := r.Stacks[0].Domains; !slices.Equal(d, []string{"a.example", "b.example", "example.org", "mx1.example.org", "yes.example"}) {
		t.Errorf("domains %v", d)
	}
	seen := map[string]bool{}
	for _, s := range r.Settings {
		if seen[s.Name] {
			t.Errorf("setting %s twice", s.Name)
		}
		seen[s.Name] = true
	}
}

// TestNothingIsSilent: what can't be read is a hook of kind unreadable, and a
// problem that says so.
func TestNothingIsSilent(t *testing.T) {
	for _, tc := range []struct {
		name string
		with func(*fakeTree)
		path waxseal.Path
	}{
		{"main.cf is a fifo", func(f *fakeTree) { f.types["/etc/postfix/main.cf"] = waxseal.FIFO }, "/etc/postfix/main.cf"},
		{"master.cf may not be read", func(f *fakeTree) { f.errs["/etc/postfix/master.cf"] = fs.ErrPermission }, "/etc/postfix/master.cf"},
		{"main.cf is huge", func(f *fakeTree) { f.files["/etc/postfix/main.cf"] = strings.Repeat("x", mta.MaxFile+1) }, "/etc/postfix/main.cf"},
		{"main.cf is binary", func(f *fakeTree) { f.files["/etc/postfix/main.cf"] = "\x7fELF\x00\x01" }, "/etc/postfix/main.cf"},
		{"a table is a device", func(f *fakeTree) { f.types["/etc/postfix/v"] = waxseal.Device }, "/etc/postfix/v"},
		{"main.cf loops", func(f *fakeTree) { f.errs["/etc/postfix/main.cf"] = waxseal.ErrLoop }, "/etc/postfix/main.cf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := conf(own+"virtual_alias_maps = hash:/etc/postfix/v\n", masterLines)
			tc.with(f)
			r := read(f)
			h := find(t, r, string(tc.path)+":unreadable")
			if h.Kind != waxseal.KindUnreadable || h.Source.Path != tc.path {
				t.Errorf("hook %+v", h)
			}
			if !slices.ContainsFunc(r.Problems, func(p waxseal.Problem) bool { return p.Path == tc.path && p.Unreadable }) {
				t.Errorf("no problem for %s in %v", tc.path, r.Problems)
			}
		})
	}
}

func TestPartialTrees(t *testing.T) {
	if r := read(tree(map[string]string{"/etc/passwd": ""})); len(r.Stacks)+len(r.Hooks)+len(r.Parts)+len(r.Problems) != 0 {
		t.Errorf("a tree without Postfix gave %+v", r)
	}
	for _, name := range []string{"main.cf", "master.cf"} {
		r := read(tree(map[string]string{"/etc/postfix/" + name: "x unix - n n - - pipe user=u argv=/bin/x\n"}))
		if len(r.Stacks) != 1 {
			t.Errorf("only %s: %d stacks", name, len(r.Stacks))
		}
		for _, p := range r.Problems {
			if p.Unreadable {
				t.Errorf("only %s: a missing file is a problem: %v", name, p)
			}
		}
	}
}

func TestInstances(t *testing.T) {
	f := tree(map[string]string{
		"/etc/postfix/main.cf":      own + "multi_instance_directories = /etc/postfix-out, /etc/postfix, /etc/gone /etc/postfix-off\nmulti_instance_enable = yes\n",
		"/etc/postfix-out/main.cf":  "alias_maps =\nmulti_instance_name = out\nmulti_instance_enable = yes\nalways_bcc = drop@evil.example.net\nmulti_instance_directories = /etc/postfix-out\n",
		"/etc/postfix-off/main.cf":  "alias_maps =\nalways_bcc = drop@evil.example.net\n",
		"/var/lib/dpkg/status":      "Package: postfix-doc\nVersion: 1\n\nPackage: postfix\nStatus: install ok installed\nVersion: 3.7.11-0+deb12u1\n\nPackage: x\nVersion: 2\n",
		"/etc/postfix/sasl_passwd":  "[x]:587 u:hunter2\n",
		"/etc/postfix/old/main.bak": "x",
	})
	r := read(f)
	var names []string
	for _, s := range r.Stacks {
		names = append(names, s.Instance+" "+s.Version)
	}
	if !slices.Equal(names, []string{" 3.7.11-0+deb12u1", "out 3.7.11-0+deb12u1", "postfix-off 3.7.11-0+deb12u1"}) {
		t.Errorf("stacks %q", names)
	}
	if h := find(t, r, "/etc/postfix-out/main.cf:always_bcc:1"); !h.Active {
		t.Error("a hook of an enabled instance is inactive")
	}
	if h := find(t, r, "/etc/postfix-off/main.cf:always_bcc:1"); h.Active {
		t.Error("a hook of an instance that is not enabled is active")
	}
}

func TestPartsAndSecrets(t *testing.T) {
	f := tree(map[string]string{
		"/etc/postfix/main.cf":         own + "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\nsmtpd_tls_key_file = /etc/ssl/private/k.pem\nsmtp_tls_cert_file = /etc/ssl/c.pem\nvirtual_alias_maps = hash:/etc/postfix/v\n",
		"/etc/postfix/master.cf":       masterLines,
		"/etc/postfix/sasl_passwd":     "[x]:587 u:hunter2\n",
		"/etc/postfix/sasl_passwd.db":  "\x00",
		"/etc/postfix/v":               "a b\n",
		"/etc/postfix/old/main.bak":    "x",
		"/usr/lib/postfix/sbin/smtpd":  "x",
		"/usr/lib/postfix/sbin/master": "x",
		"/usr/sbin/sendmail":           "x",
	})
	r := read(f)
	got := map[waxseal.Path]waxseal.Role{}
	for _, p := range r.Parts {
		if _, twice := got[p.Path]; twice {
			t.Errorf("part %s twice", p.Path)
		}
		got[p.Path] = p.Role
	}
	want := map[waxseal.Path]waxseal.Role{
		"/etc/postfix/main.cf": waxseal.RoleConfig, "/etc/postfix/master.cf": waxseal.RoleConfig,
		"/etc/postfix/sasl_passwd": waxseal.RoleSecret, "/etc/postfix/sasl_passwd.db": waxseal.RoleSecret,
		"/etc/ssl/private/k.pem": waxseal.RoleSecret, "/etc/ssl/c.pem": waxseal.RoleSecret,
		"/etc/postfix/old/main.bak": waxseal.RoleUnused, "/usr/lib/postfix/sbin/smtpd": waxseal.RoleBinary,
		"/usr/lib/postfix/sbin/master": waxseal.RoleBinary, "/usr/sbin/sendmail": waxseal.RoleBinary,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("parts\n%v, want\n%v", got, want)
	}
	for p, role := range want {
		if role == waxseal.RoleSecret && f.reads[p] > 0 {
			t.Errorf("secret %s was read", p)
		}
	}
	if text, _ := json.Marshal(r); strings.Contains(string(text), "hunter2") {
		t.Error("a password is in the result")
	}
}

// TestUniqueIDs: the same key twice, the same table twice, still one identity
// each.
func TestUniqueIDs(t *testing.T) {
	r := read(tree(map[string]string{
		"/etc/postfix/main.cf":   own + "virtual_alias_maps = hash:/etc/postfix/v hash:/etc/postfix/v\ncanonical_maps = hash:/etc/postfix/v\n",
		"/etc/postfix/master.cf": masterLines,
		"/etc/postfix/v":         "a@example.test b\na@example.test c, d\n" + strings.Repeat("k", 300) + " x\n" + strings.Repeat("k", 301) + " y\n",
	}))
	seen := map[waxseal.HookID]bool{}
	for _, h := range r.Hooks {
		if seen[h.ID] {
			t.Errorf("hook %s twice", h.ID)
		}
		seen[h.ID] = true
	}
	if !seen["postfix:/etc/postfix/v:virtual_alias_maps:a@example.test#2"] {
		t.Error("the second entry of a key has no hook of its own")
	}
}
