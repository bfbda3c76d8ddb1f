package doveconf

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

// FuzzRead: no two files make the reader panic or loop, and what it says of a
// line is said of one that is there.
func FuzzRead(f *testing.F) {
	f.Add("!include x.conf\nplugin {\n  sieve = file:~/s;active=~/a\n}\n", "protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n")
	f.Add("dovecot_config_version = 2.4.0\n!include_try *.conf\nsieve_script a {\n  path = \"x # y\"\n}\n", "!include main.conf\n")
	f.Add("ssl_key = <x.conf\nlocal 10.0.0.0/8 {\n local 10.1.0.0/16 {\n  ssl = no\n}\n}\n", "a \\\n b\n")
	f.Add("!include {x,{y,main}}.conf\nservice a {\n unix_listener b {\n mode = 0600\n}\n", "auth_cache_ttl = 90 secs\n}")
	f.Fuzz(func(t *testing.T, main, other string) {
		c := Read(snapshot.New(map[waxseal.Path]snapshot.Object{"/d/main.conf": {Content: []byte(main)}, "/d/x.conf": {Content: []byte(other)}}), "/d/main.conf", "")
		most := strings.Count(main, "\n") + strings.Count(other, "\n") + 2
		var walk func(s *Section)
		walk = func(s *Section) {
			for _, set := range s.Settings {
				if set.Source.Line < 1 || set.Source.Line > most {
					t.Errorf("%s on line %d", set.Key, set.Source.Line)
				}
				if len(set.Value) > maxValue+len(main) {
					t.Errorf("%s is %d bytes long", set.Key, len(set.Value))
				}
			}
			for _, sub := range s.Sections {
				if sub.Parent != s {
					t.Errorf("%s has another parent", sub.Path())
				}
				walk(sub)
			}
		}
		walk(c.Root)
		for _, v := range c.Views("lmtp") {
			v.Words("mail_plugins")
		}
	})
}
