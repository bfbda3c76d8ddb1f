package cf_test

import (
	"strings"
	"testing"

	"waxseal/internal/mta/sendmail/cf"
)

// FuzzParse: no file makes the reader or its rules fail, and every hook of the file
// has a line of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"V10/Berkeley\nCwlocalhost $=A\nFw-o /etc/mail/local-host-names %[^\\#]\nD{x}a$y$?z b$|c$.\nDy$x\nO AliasFile=/etc/aliases # c\nOA/x\n",
		"V10\nMlocal, P=/bin/x, F=ls, S=A/B, R=C, A=x \"$u\"\nXa, S=inet:1@h, T=S:1m;R:2m\nQx, P=/q\nKm hash -o -a.x -T<T> -k (a(b)) /x y\nHSubject: $>+Check\nH?F?From: $x\nEA=b\nTroot\nPjunk=-1\n",
		"V10\nO OperatorChars=.:%@!^/[]+\nS3\nR$* $=w $+\t$: $1 $(m $2 $@ $3 $: $&{x} $)\t#c\nR$-\t$>3 $1\nS0\nR$*\t$#local $@ $1 $: $1\nSx=3\nR$*\t$[ $1 $]\n",
		"V10\nS3\nR$*\t$1 $1\nS0\nR$*\t$>0 $1\n", "V10\nDa$b\nDb$a\nS$a\nR$a\t$b\n", "R\n S\nM,\nX=\nK\nF{\nD{a\nC$=\n\tx",
	} {
		f.Add(seed, "a@b.example")
	}
	f.Fuzz(func(t *testing.T, text, address string) {
		c := cf.Parse(text, cf.Given{"j": "mail.example.test"})
		lines := strings.Count(text, "\n") + 1
		for _, s := range c.Rulesets {
			for _, r := range s.Rules {
				if r.Line < 1 || r.Line > lines {
					t.Errorf("rule %q has line %d of %d", r.Left, r.Line, lines)
				}
			}
		}
		for _, m := range c.Mailers {
			if m.Line < 1 || m.Line > lines || m.Name == "" {
				t.Errorf("%+v", m)
			}
		}
		e := cf.Engine{Config: c, Lookup: func(m cf.Map, key string) (string, cf.Answer) { return key + "%0%1 x", cf.Found }}
		tokens, _ := e.Rewrite(address, "3", "0")
		cf.Show(tokens)
	})
}
