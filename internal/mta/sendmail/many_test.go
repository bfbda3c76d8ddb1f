package sendmail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/snapshot"
)

// TestLinesOfOneSort: a file of many lines of one sort takes no more time than its
// size asks for; where each line was compared with all, these took minutes.
func TestLinesOfOneSort(t *testing.T) {
	const size = 1 << 20
	rep := func(f string, n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	for name, x := range map[string][2]string{
		"cf rules": {"/etc/mail/sendmail.cf", "V10\nS0\n" + rep("R$* a%d $* $-\t$: $1 b $2 $>3 x\n", size)},
		"cf D":     {"/etc/mail/sendmail.cf", "V10\n" + rep("D{a%d}x$j$w\n", size)},
		"cf X":     {"/etc/mail/sendmail.cf", "V10\n" + rep("Xa%d, S=inet:1@b\n", size)},
		"cf M":     {"/etc/mail/sendmail.cf", "V10\n" + rep("Ma%d, P=/x, A=y\n", size)},
		"cf K":     {"/etc/mail/sendmail.cf", "V10\n" + rep("Ka%d program /x\n", size)},
		"cf H":     {"/etc/mail/sendmail.cf", "V10\n" + rep("HX-a%d: b\n", size)},
		"cf S":     {"/etc/mail/sendmail.cf", "V10\n" + rep("Sa%d\nR$*\t$>a1 $1\n", size)},
		"cf O":     {"/etc/mail/sendmail.cf", "V10\n" + rep("O DaemonPortOptions=Port=%d, I=x\n", size)},
		"cf C":     {"/etc/mail/sendmail.cf", "V10\n" + rep("Cwa%d.example\n", size)},
		"mc":       {"/etc/mail/sendmail.mc", rep("define(`a%d', `b')dnl\n", size)},
		"mc x":     {"/etc/mail/sendmail.mc", "include(`/usr/share/sendmail-cf/m4/cf.m4')" + rep("INPUT_MAIL_FILTER(`a%d', `S=inet:1@h')\n", size)},
		"aliases":  {"/etc/aliases", rep("a%d: b%[1]d@x.example, |c\n", size)},
		"access":   {"/etc/mail/access", rep("From:a%d DISCARD\n", size)},
		"include":  {"/etc/mail/list", rep("u%d@x.example\n", size)},
		"make":     {"/etc/mail/Makefile", rep("a%d:\n\tid > x\n", size)},
		"conf":     {"/etc/mail/sendmail.conf", rep("A%d=$(id)\n", size)},
	} {
		files := map[string]string{"/etc/mail/sendmail.cf": small + "Kaccess hash /etc/mail/access\n" + lookup("access"), "/etc/aliases": "l: :include:/etc/mail/list\n"}
		files[x[0]] = x[1]
		s := time.Now()
		r := sendmail.Read(snapshot.Files(files), mask.New(nil), mta.Options{})
		if took := time.Since(s); took > 30*time.Second || len(r.Stacks) == 0 {
			t.Errorf("%s: %d stacks, %v", name, len(r.Stacks), took)
		}
	}
}
