package milterconf

import (
	"strings"
	"testing"

	"waxseal"
)

func FuzzTrusted(f *testing.F) {
	f.Add("Socket x\nInclude /f\nUMask 0x1f # c\n")
	f.Add("syslog\tYes\r\nKeyTable csl:a=b\nMinimum 10%\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, g := range []Grammar{OpenDKIM(), OpenDKIM(DebianDKIM...), OpenDMARC()} {
			c := g.Load("/f", func(waxseal.Path) (string, bool) { return text, true })
			for _, e := range c.Effective() {
				if got, ok := c.Get(e.Name); !ok || got != e || e.Source.Line < 1 {
					t.Errorf("%+v is not %+v", got, e)
				}
				ParseDataSet(e.Value).Members()
				ParseDataSet(e.Value).Server()
			}
			Values(c, func(waxseal.Path) bool { return false })
			ValuesDMARC(c, func(waxseal.Path) bool { return true })
		}
		for _, r := range ParseRecords(text) {
			ParseKey(r.Value)
		}
	})
}

func FuzzClamAV(f *testing.F) {
	f.Add("ScanMail yes\nLogFile \"a b\"\nMaxFileSize 10M\nExample\nClamdSocket tcp:a\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, release := range []string{"", "1.5.1"} {
			for _, p := range []Program{Clamd(release), ClamAVMilter(release), Freshclam(release)} {
				o := p.Parse("/f", text)
				for _, e := range o.Written {
					if e.Source.Line < 1 || e.Value == "" && release == "" {
						t.Errorf("%+v", e)
					}
				}
				o.Effective()
			}
		}
	})
}

func FuzzGreylist(f *testing.F) {
	f.Add("racl \"id\" whitelist addr 10.0.0.0/8 from /a/ \\ # c\n msg \"x \\\" y\"\nlist \"x\" rcpt { a b }\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := ParseGreylist(text)
		for _, s := range list {
			if s.Line < 1 || s.Line > 1+strings.Count(text, "\n") {
				t.Errorf("line %d", s.Line)
			}
			s.Text()
			s.Action()
			s.Clause("default")
		}
	})
}

func FuzzRegex(f *testing.F) {
	f.Add("a = header /x/ ,y,ei\nreject \"no\" ( $a and body /x/ ) or not helo //\ndiscard connect // //\naccept envfrom /a/\nipv4file /x\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, refusal := ParseRegex(text)
		for _, r := range rules {
			if r.Line < 1 || r.Action == "" {
				t.Errorf("%+v", r)
			}
		}
		if refusal != nil && (refusal.Reason == "" || refusal.Source.Line > 1+strings.Count(text, "\n")) {
			t.Errorf("%+v", refusal)
		}
	})
}
