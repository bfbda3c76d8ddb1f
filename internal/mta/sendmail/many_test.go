package sendmail_test

import (
	"fmt"
	"strings"
	"testing"

	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/snapshot"
	"waxseal/internal/testtime"
)

// TestLinesOfOneSort: a file of many lines of one sort takes no more time than its
// size asks for; where each line was compared with all, these took minutes.
func TestLinesOfOneSort(t *testing.T) {
	rep := func(f string, n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	for name, x := range map[string]struct{ file, first, line string }{
		"cf rules": {"/etc/mail/sendmail.cf", "V10\nS0\n", "R$* a%d $* $-\t$: $1 b $2 $>3 x\n"},
		"cf D":     {"/etc/mail/sendmail.cf", "V10\n", "D{a%d}x$j$w\n"},
		"cf X":     {"/etc/mail/sendmail.cf", "V10\n", "Xa%d, S=inet:1@b\n"},
		"cf M":     {"/etc/mail/sendmail.cf", "V10\n", "Ma%d, P=/x, A=y\n"},
		"cf K":     {"/etc/mail/sendmail.cf", "V10\n", "Ka%d program /x\n"},
		"cf H":     {"/etc/mail/sendmail.cf", "V10\n", "HX-a%d: b\n"},
		"cf S":     {"/etc/mail/sendmail.cf", "V10\n", "Sa%d\nR$*\t$>a1 $1\n"},
		"cf O":     {"/etc/mail/sendmail.cf", "V10\n", "O DaemonPortOptions=Port=%d, I=x\n"},
		"cf C":     {"/etc/mail/sendmail.cf", "V10\n", "Cwa%d.example\n"},
		"mc":       {"/etc/mail/sendmail.mc", "", "define(`a%d', `b')dnl\n"},
		"mc x":     {"/etc/mail/sendmail.mc", "include(`/usr/share/sendmail-cf/m4/cf.m4')", "INPUT_MAIL_FILTER(`a%d', `S=inet:1@h')\n"},
		"aliases":  {"/etc/aliases", "", "a%d: b%[1]d@x.example, |c\n"},
		"access":   {"/etc/mail/access", "", "From:a%d DISCARD\n"},
		"include":  {"/etc/mail/list", "", "u%d@x.example\n"},
		"make":     {"/etc/mail/Makefile", "", "a%d:\n\tid > x\n"},
		"conf":     {"/etc/mail/sendmail.conf", "", "A%d=$(id)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 250_000, func(size int) {
				files := map[string]string{"/etc/mail/sendmail.cf": small + "Kaccess hash /etc/mail/access\n" + lookup("access"), "/etc/aliases": "l: :include:/etc/mail/list\n"}
				files[x.file] = x.first + rep(x.line, size)
				if r := sendmail.Read(snapshot.Files(files), mask.New(nil), mta.Options{}); len(r.Stacks) == 0 {
					t.Error("no Sendmail is found")
				}
			})
		})
	}
}
