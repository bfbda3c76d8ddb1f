package saconf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/snapshot"
)

// said writes what counts on one line each.
func said(c *Config) string {
	var b strings.Builder
	for _, l := range c.Lines {
		fmt.Fprintf(&b, "%s %s (%s:%d)\n", l.Key, l.Value, l.Source.Path, l.Source.Line)
	}
	for _, p := range c.Plugins {
		fmt.Fprintf(&b, "%s %s %s", p.Key, p.Package, p.File)
		if p.Missing {
			b.WriteString(" missing")
		}
		if p.Again {
			b.WriteString(" again")
		}
		if p.Unless != "" {
			b.WriteString(" unless " + p.Unless)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRead(t *testing.T) {
	cases := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"the order of files", map[string]string{
			"/etc/spamassassin/local.cf": "use_bayes 0\n", "/etc/spamassassin/v1.pre": "use_pyzor 1\n", "/etc/spamassassin/init.pre": "use_dcc 1\n", "/etc/spamassassin/65_x.cf": "use_bayes 1",
			"/etc/spamassassin/readme": "use_razor2 1\n", "/usr/share/spamassassin/10.cf": "required_score 5\nbody X /x/\n",
		}, "use_dcc 1 (/etc/spamassassin/init.pre:1)\nuse_pyzor 1 (/etc/spamassassin/v1.pre:1)\nrequired_score 5 (/usr/share/spamassassin/10.cf:1)\n" +
			"use_bayes 1 (/etc/spamassassin/65_x.cf:1)\nuse_bayes 0 (/etc/spamassassin/local.cf:1)\n"},
		{"rules of sa-update take the place of the package's", map[string]string{
			"/etc/spamassassin/local.cf": "", "/usr/share/spamassassin/10.cf": "required_score 5\n", "/var/lib/spamassassin/4.000001/updates_spamassassin_org.cf": "include updates_spamassassin_org/10.cf\n",
			"/var/lib/spamassassin/4.000001/updates_spamassassin_org/10.cf": "required_score 6\nloadplugin X y.pm\n", "/var/lib/spamassassin/4.000001/updates_spamassassin_org/y.pm": "1;",
		}, "required_score 6 (/var/lib/spamassassin/4.000001/updates_spamassassin_org/10.cf:1)\nloadplugin X /var/lib/spamassassin/4.000001/updates_spamassassin_org/y.pm\n"},
		{"names in every spelling", map[string]string{"/etc/mail/spamassassin/local.cf": " Whitelist-From  a@b # x\nREQUIRED_HITS\t3\nreport a \\# b\n"},
			"welcomelist_from a@b (/etc/mail/spamassassin/local.cf:1)\nrequired_score 3 (/etc/mail/spamassassin/local.cf:2)\nreport a # b (/etc/mail/spamassassin/local.cf:3)\n"},
		{"what loads code and does not count is kept", map[string]string{
			"/etc/spamassassin/a.pre":    "ifplugin Own\nloadplugin A /a.pm\nelse\nloadplugin B b.pm\nendif\nlang de loadplugin C /c.pm\nif version > 9\nloadplugin D /d.pm\n",
			"/etc/spamassassin/local.cf": "loadplugin B other.pm\n", "/etc/spamassassin/b.pm": "1;",
		}, "loadplugin A /a.pm missing unless a condition above it does not hold: plugin (Own)\n" + "loadplugin B /etc/spamassassin/b.pm\n" +
			"loadplugin C /c.pm missing unless only where the language of the system is de\n" + "loadplugin D /d.pm missing unless a condition above it does not hold: version > 9\n" +
			"loadplugin B /etc/spamassassin/other.pm missing again\n"},
		{"an include in a condition that does not hold is read, and ends the condition", map[string]string{
			"/etc/spamassassin/local.cf": "if 0\nuse_dcc 1\ninclude more.inc\nuse_bayes 1\nendif\n", "/etc/spamassassin/more.inc": "use_pyzor 1\n",
		}, "use_pyzor 1 (/etc/spamassassin/more.inc:1)\nuse_bayes 1 (/etc/spamassassin/local.cf:4)\n"},
		{"a file may say that it is another", map[string]string{"/etc/spamassassin/local.cf": "file start /opt/x/y.cf\nloadplugin A a.pm\n", "/opt/x/a.pm": "1;"}, "loadplugin A /opt/x/a.pm\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := Read(snapshot.Files(tc.files), Options{Keep: func(key string) bool { return key == "required_score" }})
			if diff := cmp.Diff(tc.want, said(c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPreferencesAreReadBesideTheRest(t *testing.T) {
	tree := snapshot.Files(map[string]string{
		"/etc/spamassassin/init.pre": "loadplugin Own::A /a.pm\n", "/a.pm": "1;", "/home/a/.spamassassin/user_prefs": "ifplugin Own::A\nrequired_score 9\nendif\nloadplugin Own::B /b.pm\n",
	})
	c := Read(tree, Options{})
	want := "required_score 9 (/home/a/.spamassassin/user_prefs:2)\nloadplugin Own::B /b.pm missing\n"
	if diff := cmp.Diff(want, said(c.Preferences(tree, "/home/a/.spamassassin/user_prefs"))); diff != "" {
		t.Error(diff)
	}
	if !IsAdmins("loadplugin") || IsAdmins("required_score") || !IsRule("body") {
		t.Error("the rights of users")
	}
}

func TestLanguageOfTheSystem(t *testing.T) {
	c := Read(snapshot.Files(map[string]string{"/etc/default/locale": "LANG=\"de_DE.UTF-8\"\n", "/etc/spamassassin/local.cf": "lang de use_bayes 0\nlang en use_dcc 0\nlang fr use_pyzor 0\n"}), Options{})
	if diff := cmp.Diff("use_bayes 0 (/etc/spamassassin/local.cf:1)\nuse_dcc 0 (/etc/spamassassin/local.cf:2)\n", said(c)); diff != "" {
		t.Error(diff)
	}
}

func TestGivenLines(t *testing.T) {
	c := Read(snapshot.Files(map[string]string{"/etc/spamassassin/local.cf": "required_score 5\n"}), Options{
		Before: []Given{{Text: "use_dcc 1"}}, After: []Given{{Text: "required_score 900", Source: waxseal.Source{Path: "/etc/default/spamd", Line: 3}}},
	})
	if diff := cmp.Diff("use_dcc 1 (:0)\nrequired_score 5 (/etc/spamassassin/local.cf:1)\nrequired_score 900 (/etc/default/spamd:3)\n", said(c)); diff != "" {
		t.Error(diff)
	}
}

// TestIncludesThatNeverEnd: a file that includes itself under ever longer names is
// bounded, and the rest is read.
func TestIncludesThatNeverEnd(t *testing.T) {
	c := Read(snapshot.Files(map[string]string{"/etc/spamassassin/local.cf": "include ./local.cf\nrequired_score 7\n"}), Options{})
	if n := len(c.Files); n > maxFiles+1 {
		t.Errorf("%d files", n)
	}
	if len(c.Lines) == 0 || len(c.Problems) == 0 || !c.Problems[len(c.Problems)-1].Unreadable {
		t.Errorf("%d lines, problems %v", len(c.Lines), c.Problems)
	}
}

func TestVersion(t *testing.T) {
	for packaged, want := range map[string]string{"4.0.1-1~deb12u1": "4.000001", "3.4.6-5": "3.004006", "1:3.4.0-2.el7": "3.004000", "4.0": "4.000000", "": "", "x": "", "4.x.1": ""} {
		if got := Version(packaged); got != want {
			t.Errorf("%q: %q, want %q", packaged, got, want)
		}
	}
}
