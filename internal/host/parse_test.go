package host

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// places are files of every sort that this package reads.
var places = []string{
	"/etc/pam.d/smtp", "/etc/pam.d/common-auth", "/etc/pam.d/other", "/etc/postfix/sasl/smtpd.conf", "/etc/default/saslauthd", "/etc/sudoers", "/etc/sudoers.d/x", "/etc/logrotate.conf", "/etc/logrotate.d/x", "/etc/fail2ban/jail.conf",
	"/etc/fail2ban/jail.local", "/etc/fail2ban/jail.d/x.conf", "/etc/fail2ban/action.d/a.conf", "/etc/fail2ban/action.d/sendmail.conf", "/etc/fail2ban/action.d/a.local", "/etc/udev/rules.d/x.rules", "/etc/binfmt.d/x.conf", "/etc/profile.d/x.sh",
	"/usr/lib/python3/dist-packages/x.pth", "/etc/passwd",
}

func everywhere(text string) map[string]string {
	files := map[string]string{}
	for _, p := range places {
		files[p] = text
	}
	return files
}

// FuzzPlaces: whatever a file says, it is read, and what is said of it has a place, a
// text and an identity of its own.
func FuzzPlaces(f *testing.F) {
	for _, s := range []string{
		"@include smtp\nauth [success=1 default=die] pam_permit.so\nauth substack other\nauth optional pam_exec.so expose_authtok [/tmp/x a]\n-auth x /y.so \\\n z\n",
		"[INCLUDES]\nbefore = jail.conf\n[DEFAULT]\nenabled=true\naction = a[x=\"<y>\", y=<x>]\n  %(action)s\n[mail]\nlogpath=/var/log/mail.log\n[Definition]\nactionban = %(actionban)s <x>\n /tmp/y\n[Init]\nx=<x><x>\n",
		"/var/log/mail.log {\n postrotate\n /tmp/x\n endscript\n mail a@b.example\n su a b\n}\ninclude /etc/logrotate.d\nwww-data ALL=NOPASSWD:ALL\n",
		":a:M::#!::/x:C\nRUN+=\"/tmp/x \\\" y\"\nimport os\nsaslauthd_path: /tmp/x\nMECHANISMS=rimap\nMECH_OPTIONS='h/1'\npwcheck_method: alwaystrue\n",
		"sh /dev/shm/x\n\x00\xff}\n{\n}{\nendscript\n[\n]\n=\n:::::::\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		unowned := func(p waxseal.Part) waxseal.Part { p.PackageState = waxseal.PackageUnowned; return p }
		ids := map[waxseal.HookID]bool{}
		for _, h := range Read(snapshot.Files(everywhere(text)), mask.New([]byte("key")), Options{About: unowned}).Hooks {
			if h.Explain == "" || h.Source.Path == "" || h.MTA != waxseal.HostStack || h.Closure == nil || ids[h.ID] || h.Source.Line > 1+strings.Count(text, "\n") {
				t.Errorf("%+v", h)
			}
			ids[h.ID] = true
		}
	})
}
