package dovecot

import (
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// FuzzRead: whatever the configuration, scripts and user files are, hooks are
// complete and their identities unique.
func FuzzRead(f *testing.F) {
	f.Add(loaded+"plugin {\n  sieve_before = /etc/dovecot/b.sieve\n  quota_warning = storage=95%% w 95\n}\nservice w {\n  executable = script /usr/bin/x\n  unix_listener w {\n}\n}\n", "require \"fileinto\"; fileinto \"a\";", "a:b:1:1::/home/a::userdb_mail=x\n")
	f.Add("dovecot_config_version = 2.4.0\nmail_home = /v/%{user | domain}/%n\nsieve_script x {\n  type = before\n  path = /etc/dovecot/b.sieve\n}\npassdb passwd-file {\n  master = yes\n  passwd_file_path = /etc/dovecot/users\n}\n", "include :global \"b\";", "m:x\n")
	f.Add("userdb {\n  driver = static\n  args = home=/v/%d/%n host=h\n}\nmail_location = maildir:/tmp/%u\nlog_path = /dev/null\n", "redirect \"a@b.example\";", "")
	f.Fuzz(func(t *testing.T, conf, script, users string) {
		r := Read(snapshot.New(map[waxseal.Path]snapshot.Object{
			"/etc/dovecot/dovecot.conf": {Content: []byte(conf)}, "/etc/dovecot/users": {Content: []byte(users)}, "/etc/dovecot/b.sieve": {Content: []byte(script)},
			"/home/alice/.dovecot.sieve": {Content: []byte(script)}, "/home/alice/.dovecot.svbin": {Content: []byte(users)}, "/v/d/n/.dovecot.sieve": {Content: []byte(script)},
		}), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages})
		seen := map[waxseal.HookID]bool{}
		for _, h := range r.Hooks {
			if seen[h.ID] {
				t.Errorf("hook %q twice", h.ID)
			}
			seen[h.ID] = true
			if h.Closure == nil || h.Effects == nil || h.Explain == "" || h.Directive == "" || h.Scope == "" {
				t.Errorf("incomplete hook %+v", h)
			}
			if !h.Active && h.Modifiers["inactive"] == "" {
				t.Errorf("inactive without a reason: %+v", h)
			}
		}
	})
}
