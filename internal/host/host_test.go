package host_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// stock is what Debian 12 has on a host with Postfix, fail2ban 1.0.2 and rsyslog
// 8.2302, shortened.
var stock = map[string]string{
	"/usr/bin/perl": "ELF", "/usr/sbin/postconf": "ELF", "/usr/bin/systemctl": "ELF",
	"/etc/pam.d/common-auth":                         "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\t\t\tpam_deny.so\nauth\trequired\t\t\tpam_permit.so\n",
	"/etc/pam.d/common-account":                      "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so\naccount\trequisite\tpam_deny.so\naccount\trequired\tpam_permit.so\n",
	"/etc/pam.d/other":                               "@include common-auth\n@include common-account\n",
	"/etc/pam.d/smtp":                                "@include common-auth\n@include common-account\n",
	"/usr/lib/x86_64-linux-gnu/security/pam_unix.so": "ELF", "/usr/lib/x86_64-linux-gnu/security/pam_deny.so": "ELF", "/usr/lib/x86_64-linux-gnu/security/pam_permit.so": "ELF",
	"/etc/sudoers":                                   "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
	"/etc/logrotate.conf":                            "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n",
	"/etc/logrotate.d/rsyslog":                       "/var/log/syslog\n/var/log/mail.log\n{\n\trotate 4\n\tweekly\n\tpostrotate\n\t\t/usr/lib/rsyslog/rsyslog-rotate\n\tendscript\n}\n",
	"/usr/lib/rsyslog/rsyslog-rotate":                "#!/bin/sh\n",
	"/etc/fail2ban/jail.conf":                        "[INCLUDES]\nbefore = paths-debian.conf\n[DEFAULT]\nenabled = false\nfilter = %(__name__)s[mode=%(mode)s]\nmode = normal\ndestemail = root@localhost\nmta = sendmail\nbanaction = iptables-multiport\naction_ = %(banaction)s[port=\"%(port)s\"]\naction_mw = %(action_)s\n            %(mta)s-whois[sender=\"root\", dest=\"%(destemail)s\"]\naction = %(action_)s\n[sshd]\nport = ssh\nlogpath = /var/log/auth.log\n[postfix]\nport = smtp,465\nlogpath = %(postfix_log)s\n",
	"/etc/fail2ban/paths-debian.conf":                "[DEFAULT]\npostfix_log = /var/log/mail.log\n",
	"/etc/fail2ban/jail.d/debian.conf":               "[sshd]\nenabled = true\n",
	"/etc/fail2ban/action.d/iptables.conf":           "[Definition]\nactionban = <iptables> -I f2b-<name> 1 -s <ip> -j <blocktype>\n[Init]\nblocktype = REJECT\niptables = iptables <lockingopt>\nlockingopt = -w\n",
	"/etc/fail2ban/action.d/iptables-multiport.conf": "[INCLUDES]\nbefore = iptables.conf\n[Definition]\ntype = multiport\n",
	"/etc/fail2ban/action.d/sendmail-whois.conf":     "[Definition]\nactionban = printf %%b \"Subject: banned <ip>\n            Hi,\n            `%(_whois_command)s`\" | <mailcmd>\n_whois_command = whois <ip>\n[Init]\nmailcmd = /usr/sbin/sendmail -f \"<sender>\" \"<dest>\"\ndest = root\n",
	"/etc/passwd":                                    "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\nalice:x:1000:1000::/home/alice:/bin/sh\nvwatch:x:110:110::/var/lib/vwatch:/bin/sh\n",
}

func tree(sets ...map[string]string) *snapshot.Tree {
	all := map[string]string{}
	for _, set := range sets {
		for p, text := range set {
			all[p] = text
		}
	}
	return snapshot.Files(all)
}

// packaged is a package database that brought the files of stock, of which those in
// changed are others now.
func packaged(changed map[string]string) host.About {
	return func(p waxseal.Part) waxseal.Part {
		_, brought := stock[string(p.Path)]
		_, other := changed[string(p.Path)]
		switch {
		case brought && other:
			p.Package, p.PackageState = "x", waxseal.PackageModified
		case brought:
			p.Package, p.PackageState = "x", waxseal.PackageUnmodified
		default:
			p.PackageState = waxseal.PackageUnowned
		}
		return p
	}
}

// TestStock: what packages set up is no hook, whether or not a database says so.
func TestStock(t *testing.T) {
	for name, about := range map[string]host.About{"with a database": packaged(nil), "without": nil} {
		got := host.Read(tree(stock), mask.New([]byte("key")), host.Options{About: about})
		for _, h := range got.Hooks {
			t.Errorf("%s: %s: %s", name, h.ID, h.Explain)
		}
		for _, p := range got.Problems {
			t.Errorf("%s: %+v", name, p)
		}
		for _, want := range []waxseal.Path{"/etc/pam.d/smtp", "/etc/pam.d/common-auth", "/etc/sudoers", "/etc/logrotate.d/rsyslog"} {
			if !slices.ContainsFunc(got.Parts, func(p waxseal.Part) bool { return p.Path == want }) {
				t.Errorf("%s: %s is in no mail set: a change of it would not be seen", name, want)
			}
		}
	}
}

// said is a hook in one line.
func said(h waxseal.Hook) string {
	active := ""
	if !h.Active {
		active = " inactive"
	}
	return fmt.Sprintf("%s:%d %s %s %s%s", h.Source.Path, h.Source.Line, h.Directive, h.RunsAs, h.Target.Value, active)
}

var hostCases = []struct {
	name  string
	files map[string]string
	want  []string // of said, in order
}{
	{"a command of PAM", map[string]string{"/etc/pam.d/smtp": "auth optional \\\n pam_exec.so quiet log=/x type=auth expose_authtok /usr/local/bin/x -a\n@include common-auth\n"}, []string{"/etc/pam.d/smtp:1 pam_exec root /usr/local/bin/x -a"}},
	{"a command of another service", map[string]string{"/etc/pam.d/sshd": "auth optional pam_exec.so /tmp/x\nauth sufficient pam_permit.so\n"}, nil},
	{"a command in an included file", map[string]string{"/etc/pam.d/smtp": "auth substack mailusers\n", "/etc/pam.d/mailusers": "auth required pam_exec.so /opt/check\n"}, []string{"/etc/pam.d/mailusers:1 pam_exec root /opt/check"}},
	{"a script of PAM", map[string]string{"/etc/pam.d/smtp": "auth required pam_python.so /etc/mail.py\n", "/usr/lib/x86_64-linux-gnu/security/pam_python.so": "ELF"},
		[]string{"/etc/pam.d/smtp:1 pam_python root /etc/mail.py", "/etc/pam.d/smtp:1 pam root /usr/lib/x86_64-linux-gnu/security/pam_python.so"}},
	{"a module of nobody's", map[string]string{"/etc/pam.d/smtp": "-auth optional pam_stats.so\n@include common-auth\n", "/usr/lib/x86_64-linux-gnu/security/pam_stats.so": "ELF"}, []string{"/etc/pam.d/smtp:1 pam root /usr/lib/x86_64-linux-gnu/security/pam_stats.so"}},
	{"a module that is not there", map[string]string{"/etc/pam.d/smtp": "-auth optional pam_sss.so\n-auth optional pam_nothing.so\n@include common-auth\n"}, nil},
	{"a replaced module", map[string]string{"/usr/lib/x86_64-linux-gnu/security/pam_unix.so": "ELF2"}, []string{
		"/etc/pam.d/common-auth:1 pam root /usr/lib/x86_64-linux-gnu/security/pam_unix.so", "/etc/pam.d/common-account:1 pam root /usr/lib/x86_64-linux-gnu/security/pam_unix.so"}},
	{"any password", map[string]string{"/etc/pam.d/smtp": "auth sufficient pam_permit.so\n@include common-auth\n"}, []string{"/etc/pam.d/smtp:1 pam_permit  auth sufficient pam_permit.so"}},
	{"any password, after a jump", map[string]string{"/etc/pam.d/smtp": "auth [success=ok default=1] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n"}, []string{"/etc/pam.d/smtp:3 pam_permit  auth required pam_permit.so"}},
	{"some need no password", map[string]string{"/etc/pam.d/smtp": "auth [success=done default=ignore] pam_localuser.so\n@include common-auth\n"}, []string{"/etc/pam.d/smtp:1 pam_permit  auth [success=done default=ignore] pam_localuser.so"}},
	{"a sort of user is turned away first", map[string]string{"/etc/pam.d/smtp": "auth required pam_succeed_if.so uid >= 1000\nauth required pam_env.so\n@include common-auth\n"}, nil},
	{"sudo for a service", map[string]string{"/etc/sudoers.d/w": "www-data ALL=(ALL) NOPASSWD: ALL\n"}, []string{"/etc/sudoers.d/w:1 sudoers root ALL"}},
	{"sudo for an account of the system's", map[string]string{"/etc/sudoers.d/w": "vwatch ALL=NOPASSWD: /opt/x\nalice ALL=NOPASSWD: /opt/x\n"}, []string{"/etc/sudoers.d/w:1 sudoers root /opt/x"}},
	{"sudo as an account of mail's", map[string]string{"/etc/sudoers.d/w": "www-data ALL=(vmail) NOPASSWD: /bin/sh\nwww-data ALL=(bob) NOPASSWD: /bin/sh\n"}, []string{"/etc/sudoers.d/w:1 sudoers vmail /bin/sh"}},
	{"sudo with a password", map[string]string{"/etc/sudoers.d/w": "www-data ALL=(ALL) ALL\n%admins ALL=/usr/sbin/postconf\n"}, nil},
	{"sudo that only looks", map[string]string{"/etc/sudoers.d/w": "alice ALL=NOPASSWD: /usr/sbin/postqueue -p, /usr/sbin/postconf -n, /usr/bin/doveadm who\n"}, nil},
	{"sudo that edits mail", map[string]string{"/etc/sudoers.d/w": "alice ALL=NOPASSWD: /usr/bin/vim /etc/postfix/main.cf, /usr/bin/systemctl restart postfix, /usr/bin/vim /etc/hosts\n"},
		[]string{"/etc/sudoers.d/w:1 sudoers root /usr/bin/vim /etc/postfix/main.cf", "/etc/sudoers.d/w:1 sudoers root /usr/bin/systemctl restart postfix"}},
	{"rotation that touches mail", map[string]string{"/etc/logrotate.d/app": "\"/var/log/app.log\" /srv/*.log {\n lastaction\n  # postconf -e a=b\n  cp /root/m /etc/postfix/main.cf\n endscript\n}\n"}, []string{"/etc/logrotate.d/app:4 lastaction root cp /root/m /etc/postfix/main.cf"}},
	{"rotation of another's log", map[string]string{"/etc/logrotate.d/app": "/var/log/app.log {\n postrotate\n  /opt/app/bin/reopen\n endscript\n}\n"}, nil},
	{"rotation of mail's log", map[string]string{"/etc/logrotate.d/mail2": "/var/log/maillog {\n su syslog adm\n postrotate\n  test -x /opt/a && /opt/a/reopen\n  kill -HUP `cat /run/syslogd.pid`\n  sh /usr/local/x.sh\n endscript\n compresscmd /opt/zip\n mail root@example.test\n}\n"},
		[]string{"/etc/logrotate.d/mail2:4 postrotate syslog test -x /opt/a && /opt/a/reopen", "/etc/logrotate.d/mail2:6 postrotate syslog sh /usr/local/x.sh", "/etc/logrotate.d/mail2:1 compresscmd root /opt/zip", "/etc/logrotate.d/mail2:9 mail  root@example.test"}},
	{"rotation that is left out", map[string]string{"/etc/logrotate.d/mail.dpkg-old": "/var/log/maillog {\n postrotate\n  /tmp/x\n endscript\n}\n"}, nil},
	{"rotation told elsewhere", map[string]string{"/etc/logrotate.conf": "include /srv/rotate\n", "/srv/rotate/a": "/var/log/mail.log {\n prerotate\n  curl -T /var/log/mail.log https://x.example\n endscript\n}\n"}, []string{"/srv/rotate/a:3 prerotate root curl -T /var/log/mail.log https://x.example"}},
	{"a ban that edits mail", map[string]string{"/etc/fail2ban/jail.local": "[postfix]\nenabled = yes\naction = note[name=x, to=\"main.cf\"]\n", "/etc/fail2ban/action.d/note.conf": "[Definition]\nactionban = echo\n   sed -i s/a/b/ /etc/postfix/<to>\n"},
		[]string{"/etc/fail2ban/action.d/note.conf:3 actionban root sed -i s/a/b/ /etc/postfix/main.cf"}},
	{"a ban by another program", map[string]string{"/etc/fail2ban/jail.d/x.local": "[postfix]\nenabled = true\naction = %(action_mw)s\n", "/etc/fail2ban/action.d/sendmail-whois.local": "[Init]\nmailcmd = /usr/local/bin/m\n"},
		[]string{"/etc/fail2ban/action.d/sendmail-whois.conf:4 actionban root `whois <ip>`\" | /usr/local/bin/m"}},
	{"a jail as it comes", map[string]string{"/etc/fail2ban/jail.local": "[postfix]\nenabled = true\n[DEFAULT]\naction = %(action_mw)s\n"}, nil},
	{"bans told to somebody", map[string]string{"/etc/fail2ban/jail.local": "[postfix]\nenabled = true\naction = %(action_mw)s\ndestemail = a@b.example\n"}, []string{"/etc/fail2ban/jail.local:3 destemail  a@b.example"}},
	{"an action of Python's", map[string]string{"/etc/fail2ban/jail.local": "[postfix]\nenabled = true\naction = own\n", "/etc/fail2ban/action.d/own.py": "x"}, []string{"/etc/fail2ban/jail.local:3 action root /etc/fail2ban/action.d/own.py"}},
	{"an action that nothing uses", map[string]string{"/etc/fail2ban/action.d/note.conf": "[Definition]\nactionban = postconf -e a=b\n"}, []string{"/etc/fail2ban/action.d/note.conf:2 actionban root postconf -e a=b inactive"}},
	{"a rule of udev", map[string]string{"/etc/udev/rules.d/9.rules": "# RUN+=\"/tmp/x\"\nACTION==\"add\", RUN{program}+=\"/bin/sh -c 'postconf -e a=b'\", PROGRAM=\"/dev/shm/p %k\", RUN+=\"/opt/x\"\n"},
		[]string{"/etc/udev/rules.d/9.rules:2 RUN root /bin/sh -c 'postconf -e a=b'", "/etc/udev/rules.d/9.rules:2 RUN root /dev/shm/p %k"}},
	{"formats", map[string]string{"/etc/binfmt.d/a.conf": ":s:M::#!::/opt/i:\n,e,E,,pl,,/opt/p,C\n:n:M::\\x7fELF::/opt/n:\n:arm:M::\\x7fELF\\x01::/opt/q:\n:doc:E::docx::/opt/d:\n"},
		[]string{"/etc/binfmt.d/a.conf:1 binfmt whoever runs a program /opt/i", "/etc/binfmt.d/a.conf:2 binfmt root /opt/p", "/etc/binfmt.d/a.conf:3 binfmt whoever runs a program /opt/n"}},
	{"a login shell", map[string]string{"/etc/profile.d/z.sh": "export A=b MAIL=/var/mail/$USER\n[ -s $MAIL ] && echo mail\npostconf -e a=b\n", "/etc/profile.d/README": "postconf -e a=b\n/tmp/x\n"}, []string{"/etc/profile.d/README:1 profile root postconf -e a=b", "/etc/profile.d/README:2 profile root /tmp/x", "/etc/profile.d/z.sh:3 profile root postconf -e a=b"}},
	{"Python starts", map[string]string{"/usr/local/lib/python3.11/dist-packages/a.pth": "/opt/x\nimport sys; sys.x\n# import z\n", "/usr/lib/python3/dist-packages/usercustomize.py": "x", "/usr/lib/python3.11/sitecustomize.py": "x", "/usr/local/lib/python3.11/dist-packages/sitecustomize.py": "y"},
		[]string{"/usr/lib/python3.11/sitecustomize.py:0 site  /usr/lib/python3.11/sitecustomize.py", "/usr/local/lib/python3.11/dist-packages/a.pth:2 site  /usr/local/lib/python3.11/dist-packages/a.pth",
			"/usr/local/lib/python3.11/dist-packages/sitecustomize.py:0 site  /usr/local/lib/python3.11/dist-packages/sitecustomize.py inactive", "/usr/lib/python3/dist-packages/usercustomize.py:0 site  /usr/lib/python3/dist-packages/usercustomize.py"}},
	{"SASL", map[string]string{"/etc/postfix/sasl/smtpd.conf": "pwcheck_method: saslauthd\nsaslauthd_path: /opt/s\nmech_list: PLAIN\nsql_hostnames: localhost, db.example:3306\n"},
		[]string{"/etc/postfix/sasl/smtpd.conf:2 saslauthd_path  unix:/opt/s/mux", "/etc/postfix/sasl/smtpd.conf:4 sql_hostnames  sql:db.example:3306"}},
	{"saslauthd that is not started", map[string]string{"/etc/default/saslauthd-postfix": "START=no\nMECHANISMS=\"rimap\"\nMECH_OPTIONS=\"192.0.2.1/1143\"\n"}, []string{"/etc/default/saslauthd-postfix:3 rimap  inet:192.0.2.1:1143 inactive"}},
}

func TestHooks(t *testing.T) {
	for _, c := range hostCases {
		t.Run(c.name, func(t *testing.T) {
			got := host.Read(tree(stock, c.files), mask.New([]byte("key")), host.Options{About: packaged(c.files)})
			var list []string
			for _, h := range got.Hooks {
				list = append(list, said(h))
				if h.Explain == "" || !strings.HasSuffix(h.Explain, ".") && !strings.Contains(h.Explain, ": ") {
					t.Errorf("%s explains itself as %q", h.ID, h.Explain)
				}
			}
			if !slices.Equal(list, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestManyRotations: what stands behind more sections than are read is not passed over in
// silence.
func TestManyRotations(t *testing.T) {
	files := map[string]string{"/etc/logrotate.d/app": strings.Repeat("/srv/a.log {\n}\n", 2_001)}
	got := host.Read(tree(stock, files), mask.New([]byte("key")), host.Options{About: packaged(files)})
	if !slices.ContainsFunc(got.Hooks, func(h waxseal.Hook) bool {
		return h.Kind == waxseal.KindUnreadable && h.Source.Path == "/etc/logrotate.d/app"
	}) {
		t.Error("nothing says so")
	}
}
