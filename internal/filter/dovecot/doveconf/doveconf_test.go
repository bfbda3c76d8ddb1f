package doveconf

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

func parse(installed string, files map[string]string) *Config {
	all := map[waxseal.Path]snapshot.Object{}
	for name, text := range files {
		all[waxseal.Path(name)] = snapshot.Object{Content: []byte(text)}
	}
	return Read(snapshot.New(all), "/d/dovecot.conf", installed)
}

// words are the plugins that a protocol loads, as one text.
func words(v View, key string) string {
	var out []string
	for _, w := range v.Words(key) {
		out = append(out, w.Text)
	}
	return strings.Join(out, " ")
}

func TestViews(t *testing.T) {
	for _, tc := range []struct {
		name, conf, protocol, want string
		files                      map[string]string
	}{
		{"a protocol adds", "mail_plugins = quota\nprotocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n", "lmtp", "quota sieve", nil},
		{"another has what the whole says", "mail_plugins = quota\nprotocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n", "imap", "quota", nil},
		{"every protocol but one", "protocol !imap {\n  mail_plugins = sieve\n}\n", "lmtp", "sieve", nil},
		{"not that one", "protocol !imap {\n  mail_plugins = sieve\n}\n", "imap", "", nil},
		{"the last counts", "protocol lda {\n  mail_plugins = a\n}\nprotocol lda {\n  mail_plugins = b, c\n}\n", "lda", "b c", nil},
		{"set before the variable", "protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\nmail_plugins = late\n", "lmtp", "sieve", nil},
		{"files in the order of their names, and what is left of this one behind", "!include conf.d/*.conf\nmail_plugins = $mail_plugins d\n", "lmtp", "a b c d",
			map[string]string{"/d/conf.d/1.conf": "mail_plugins = a b", "/d/conf.d/2.conf": "mail_plugins = $mail_plugins c\n", "/d/conf.d/.3.conf": "mail_plugins = no\n", "/d/conf.d/4.conf.ext": "mail_plugins = no\n"}},
		{"2.4 adds and takes away", "dovecot_config_version = 2.4.0\nmail_plugins = a b\nprotocol lmtp {\n  mail_plugins {\n    sieve = yes\n    a = no\n  }\n}\n", "lmtp", "b sieve", nil},
		{"2.4 begins anew", "dovecot_config_version = 2.4.0\nmail_plugins = a b\nprotocol lmtp {\n  mail_plugins = c\n}\n", "lmtp", "c", nil},
		{"a comment in a continued line loses it", "mail_plugins = a \\\n# b\nlisten = *\n", "lmtp", "", nil},
		{"a section in the value of another line", "login_greeting = \\\nprotocol lmtp {\nmail_plugins = a\n", "lmtp", "a", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/d/dovecot.conf": tc.conf}
			for name, text := range tc.files {
				files[name] = text
			}
			if got := words(parse("", files).View(tc.protocol), "mail_plugins"); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	c := parse("", map[string]string{"/d/dovecot.conf": "local 10.0.0.0/8 {\n  protocol lmtp {\n    mail_plugins = a\n  }\n  remote 192.0.2.1/32 {\n    mail_plugins = b\n  }\n}\n"})
	var got []string
	for _, v := range c.Views("lmtp") {
		got = append(got, v.For+": "+words(v, "mail_plugins"))
	}
	if text := strings.Join(got, "; "); text != ": ; local 10.0.0.0/8: a; local 10.0.0.0/8 remote 192.0.2.1: b" {
		t.Error(text)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name, conf, want string
		line             int
	}{
		{"a section that is never closed", "plugin {\n  x = y\n", "Missing '}'", 0},
		{"an unknown setting", "mail_plugin = x\n", "Unknown setting: mail_plugin", 1},
		{"an unknown setting of a service", "service x {\n  y = z\n}\n", "Unknown setting: service { y", 2},
		{"a file that includes itself", "!include dovecot.conf\n", "Recursive include file", 1},
		{"no file", "!include none/*.conf\n", "No matches", 1},
		{"2.4 without its version", "protocols = imap\n", "The first setting must be dovecot_config_version", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			installed := "1:2.3.19"
			if strings.HasPrefix(tc.name, "2.4") {
				installed = "1:2.4.1+dfsg1"
			}
			c := parse(installed, map[string]string{"/d/dovecot.conf": tc.conf})
			if c.Refused == nil || !strings.Contains(c.Refused.Message, tc.want) || c.Refused.Line != tc.line {
				t.Errorf("%+v, want %s on line %d", c.Refused, tc.want, tc.line)
			}
		})
	}
}

// TestBounds: files that include others twice each, settings that grow by
// themselves, and sections without end are read up to a bound, which is told.
func TestBounds(t *testing.T) {
	twice := map[string]string{"/d/dovecot.conf": "!include 0\n"}
	for i := range 40 {
		twice[fmt.Sprintf("/d/%d", i)] = fmt.Sprintf("!include_try %d\n!include_try %d\n", i+1, i+1)
	}
	for name, files := range map[string]map[string]string{
		"includes": twice,
		"values":   {"/d/dovecot.conf": "login_greeting = " + strings.Repeat("x", 100) + "\n" + strings.Repeat("login_greeting = $login_greeting $login_greeting\n", 200)},
		"sections": {"/d/dovecot.conf": strings.Repeat("protocol imap {\n", 100_000)},
		"braces":   {"/d/dovecot.conf": "!include_try " + strings.Repeat("{a,b}", 60) + "\nno_such = x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if c := parse("", files); len(c.Problems) == 0 {
				t.Error("no bound is told")
			}
		})
	}
}
