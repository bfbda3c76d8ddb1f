package nullclient

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// told writes hooks on one line each.
func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		remote := ""
		if h.Target.Remote {
			remote = " remote"
		}
		fmt.Fprintf(&b, "%s %s %s:%d %s%s | %s\n", h.MTA, h.Kind, h.Directive, h.Source.Line, h.Target.Value, remote, h.Scope)
	}
	return b.String()
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"none", map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/sh\n"}, ""},
		{"nullmailer", map[string]string{
			"/etc/mailname":             "host.example.test\n",
			"/etc/nullmailer/remotes":   "# smart\nsmtp.example.test smtp --port=587 --user=me --pass='s e' --starttls\n\n192.0.2.9\nx evil --y\n",
			"/etc/nullmailer/adminaddr": "admin@example.test, drop@evil.example.net\n", "/etc/nullmailer/allmailfrom": "x@evil.example.net",
		}, "nullmailer rewrite allmailfrom:1 x@evil.example.net remote | all mail that is handed to nullmailer\n" +
			"nullmailer redirect adminaddr:1 admin@example.test | all mail for names of this host\n" +
			"nullmailer redirect adminaddr:1 drop@evil.example.net remote | all mail for names of this host\n" +
			"nullmailer relay remotes:2 [smtp.example.test]:587 remote | all mail that is handed to nullmailer\n" +
			"nullmailer relay remotes:4 [192.0.2.9] remote | all mail that is handed to nullmailer\n" +
			"nullmailer relay remotes:5 x remote | all mail that is handed to nullmailer\n" +
			"nullmailer pipe protocol:5 /usr/lib/nullmailer/evil | all mail that is handed to nullmailer\n"},
		{"msmtp", map[string]string{
			"/etc/msmtprc": "defaults\ntls on\nport 587\n# c\naccount a\nhost smtp.example.test\nfrom x@example.test\npassword geheim\n" +
				"account b : a\nhost b.example.net\nport 26\npasswordeval \"gpg -d ~/.p | sh\"\naccount default : b\ntls_certcheck off\n",
			"/home/alice/.msmtprc": "account default\nhost 203.0.113.9\n",
		}, "msmtp relay host:6 [smtp.example.test]:587 remote | mail for which the account a is named\n" +
			"msmtp relay host:10 [b.example.net]:26 remote | mail for which the account b is named\n" +
			"msmtp pipe passwordeval:12 gpg -d ~/.p | sh | mail for which the account b is named\n" +
			"msmtp relay host:10 [b.example.net]:26 remote | all mail that is handed to msmtp\n" +
			"msmtp pipe passwordeval:12 gpg -d ~/.p | sh | all mail that is handed to msmtp\n" +
			"msmtp rewrite tls_certcheck:14 off | all mail that is handed to msmtp\n" +
			"msmtp relay host:2 [203.0.113.9] remote | mail that alice sends by the account default\n"},
		{"dma", map[string]string{
			"/etc/dma/dma.conf":  "# SMARTHOST x\nSMARTHOST mail.example.net\nPORT 465\nMASQUERADE user@evil.example.net\nAUTHPATH /etc/dma/auth.conf\nSECURETRANSFER\n",
			"/etc/dma/auth.conf": "user|mail.example.net:geheim\n", "/etc/aliases": "root: drop@evil.example.net\n", "/etc/mailname": "h.example.test",
		}, "dma relay SMARTHOST:2 [mail.example.net]:465 remote | all mail that is handed to dma\n" +
			"dma rewrite MASQUERADE:4 user@evil.example.net remote | all mail that is handed to dma\n" +
			"dma redirect aliases:1 drop@evil.example.net remote | recipient root\n"},
		{"ssmtp", map[string]string{
			"/etc/ssmtp/ssmtp.conf": "#\nroot=drop@evil.example.net\nMailHub = mail.example.test:587\nAuthPass=geheim\nrewriteDomain=example.test\nUseTLS YES\n",
			"/etc/ssmtp/revaliases": "# c\nroot:x@evil.example.net:203.0.113.9:26\nalice:alice@example.test\n",
		}, "ssmtp redirect root:2 drop@evil.example.net remote | all mail for system users of this host\n" +
			"ssmtp relay MailHub:3 [mail.example.test]:587 remote | all mail that is handed to ssmtp\n" +
			"ssmtp rewrite revaliases:2 x@evil.example.net remote | mail that root sends\n" +
			"ssmtp relay revaliases:2 [203.0.113.9]:26 remote | mail that root sends\n" +
			"ssmtp rewrite revaliases:3 alice@example.test | mail that alice sends\n"},
		{"esmtp", map[string]string{
			"/etc/esmtprc": "hostname = smtp.example.test:587\npassword = \"geheim\"\nmda \"/usr/bin/procmail -d %T\"\nidentity x@y.example\n hostname=z.example:25\n preconnect=\"ssh -f h\"\n",
		}, "esmtp relay hostname:1 [smtp.example.test]:587 remote | all mail that is handed to esmtp\n" +
			"esmtp pipe mda:3 /usr/bin/procmail -d %T | all mail that is handed to esmtp\n" +
			"esmtp relay hostname:5 [z.example]:25 remote | mail of the sender x@y.example\n" +
			"esmtp pipe preconnect:6 ssh -f h | mail of the sender x@y.example\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Read(snapshot.Files(tc.files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages})
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			if (len(r.Stacks) > 0) != (tc.want != "") {
				t.Errorf("stacks %v", r.Stacks)
			}
			for _, text := range []any{r.Hooks, r.Settings, r.Problems} {
				if s := fmt.Sprintf("%+v", text); strings.Contains(s, "geheim") || strings.Contains(s, "s e") && tc.name == "nullmailer" {
					t.Errorf("a password is told: %s", s)
				}
			}
			for _, p := range r.Parts {
				if strings.Contains(tc.files[string(p.Path)], "geheim") && p.Role != waxseal.RoleSecret {
					t.Errorf("%s holds a password and is kept as %s", p.Path, p.Role)
				}
			}
		})
	}
}

// TestPlaces: what is found is listed, and the other way round.
func TestPlaces(t *testing.T) {
	known := map[string]bool{}
	for _, p := range Places() {
		known[string(p.MTA)+" "+p.Directive] = true
		if p.Does == "" || p.Manual == "" || len(p.Effects) == 0 {
			t.Errorf("a place with nothing to say: %+v", p)
		}
	}
	for _, name := range []string{"nullmailer remotes", "msmtp host", "dma SMARTHOST", "ssmtp mailhub", "esmtp hostname"} {
		if !known[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a smtp --port=1\n", "account a : b\nhost x\n", "mailhub=x:1\n", "hostname=x\n")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		r := Read(snapshot.Files(map[string]string{"/etc/nullmailer/remotes": a, "/etc/msmtprc": b, "/etc/ssmtp/ssmtp.conf": c, "/etc/esmtprc": d, "/etc/dma/dma.conf": c}),
			mask.New([]byte("k")), mta.Options{Package: mta.NoPackages})
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}
