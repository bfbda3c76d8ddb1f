package milters

import (
	"testing"

	"waxseal"
)

func FuzzRead(f *testing.F) {
	f.Add("Socket inet:8891@[::1]\nOn-Default d\nKeyTable csl:a=b:c:/d\nFinalPolicyScript /etc/x\n", "CopyFailuresTo a@b\n", "OnInfected Accept\nClamdSocket tcp:a:b\n", "racl whitelist default\nstat \"|x\" \"y\"\n", "discard body /x/\n")
	f.Add("Include /etc/opendkim.conf\nInternalHosts dsn://a:b@c/d\n", "IgnoreHosts /etc/x\n", "AllowList /etc/x\nUser root\n", "include \"/etc/mail/greylist.conf\"\n", "accept connect // //\n")
	f.Fuzz(func(t *testing.T, dkim, dmarc, clam, grey, regex string) {
		r := read(map[string]string{"/etc/opendkim.conf": dkim, "/etc/opendmarc.conf": dmarc, "/etc/clamav/clamav-milter.conf": clam, "/etc/clamav/clamd.conf": clam, "/etc/clamav/freshclam.conf": clam,
			"/etc/mail/greylist.conf": grey, "/etc/milter-regex.conf": regex, "/etc/x": dkim, "/etc/default/opendmarc": dmarc})
		ids := map[waxseal.HookID]bool{}
		for _, h := range r.Hooks {
			if h.Explain == "" || h.Source.Path == "" || ids[h.ID] {
				t.Errorf("a hook with nothing to say, or told twice: %+v", h)
			}
			ids[h.ID] = true
		}
		for _, s := range r.Services {
			if s.Stack == "" || s.Title == "" || s.Daemon == "" {
				t.Errorf("a service with nothing to say: %+v", s)
			}
		}
	})
}
