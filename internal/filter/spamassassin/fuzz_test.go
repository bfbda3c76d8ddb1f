package spamassassin

import (
	"testing"

	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// FuzzRead: no configuration makes the reader fail, and each hook says where it stands
// and what it does.
func FuzzRead(f *testing.F) {
	f.Add("required_score 999\nwhitelist_from *\nscore A -100\nbody A /./\n", "OPTIONS=\"-b a@b -- -d x\"\n", "SAspamcHost: x\nSAdevnull: 1\n")
	f.Add("bayes_sql_dsn DBI:mysql:a:b\ntrusted_networks 0/0 [::]/0 1.2. x\nextracttext_external a {b} c\n", "A=${A}$B${\nOPTIONS=$A -i 0/0,::/0\n", "SA: \n:\n")
	f.Add("clear_headers\nadd_header all A b\nheader B eval:check_rbl('a', 'b.')\nshortcircuit B on\n", "OPTIONS='-D'\nSOCKET=inet:1@\n", "SAnotspamsave: x\nSAnotspamSavCond: 1\n")
	f.Fuzz(func(t *testing.T, local, milter, exim string) {
		r := Read(snapshot.Files(map[string]string{
			"/etc/spamassassin/local.cf": local, "/etc/spamassassin/spamc.conf": milter, "/home/a/.spamassassin/user_prefs": local, "/etc/default/spamass-milter": milter, "/etc/default/spamd": milter, "/etc/exim4/sa-exim.conf": exim,
		}), mask.New(nil), mta.Options{Package: mta.NoPackages})
		for _, h := range r.Hooks {
			if h.Explain == "" || h.Source.Path == "" || h.Directive == "" {
				t.Errorf("a hook without words: %+v", h)
			}
		}
	})
}
