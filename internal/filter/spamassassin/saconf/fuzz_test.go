package saconf

import (
	"testing"

	"waxseal/internal/snapshot"
)

// FuzzRead: no text makes the reader fail or go on for ever, and each line that counts
// is one of a file.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"loadplugin A a.pm\nifplugin A\nrequired_score 5\nelse\nuse_bayes 0\nendif\n", "if (version >= 3.004) && !plugin(B) || can(Mail::SpamAssassin::Conf::x)\ninclude other.cf\nendif\n",
		"lang de describe X y\nfile start /a\nfile end a\nrequire_version 3\n", "include ./local.cf\n", "if ((((1 ? 2 : 3\n", "report a \\# b # c\n0\n",
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, local, other string) {
		files := map[string]string{"/etc/spamassassin/local.cf": local, "/etc/spamassassin/other.cf": other, "/etc/spamassassin/a.pm": "sub x { 1 }\n1;\n"}
		c := Read(snapshot.Files(files), Options{})
		for _, l := range c.Lines {
			if l.Source.Line < 1 || l.Key == "" {
				t.Errorf("a line that is none: %+v", l)
			}
		}
	})
}
