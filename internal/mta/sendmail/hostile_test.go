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
	"waxseal/internal/testtime"
)

// TestHostile: what would take for ever ends soon, is told, and loses nothing else.
func TestHostile(t *testing.T) {
	const beside = "DS[203.0.113.4]\n"
	for name, text := range map[string]string{
		"rulesets that call each other": "S0\nR$*\t$>A $1\nSA\nR$*\t$>0 $1\n",
		"a rule that grows an address":  "S3\nR$*\t$1 $1 $1 x\n",
		"many wild cards":               "S3\nR$*\t$: $1 a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m\n" + strings.Repeat("R$* $* $* $* $* $* $* $* zz\t$1\n", 50),
		"a class of phrases":            "CPx.y.z\nS3\nR$*\t$: $1 . b . c . d . e . f . g . h . i . j . k . l . m . n . o . p . q . r . s . t . u . v . w . x . y . z . a . b . c . d\n" + strings.Repeat("R$* $=P $* $=P $*\t$1\n", 50),
		"macros in a circle":            "Da$b\nDb$a\nS0\nR$a\t$b\n",
		"macros that double":            "Da" + strings.Repeat("x", 100) + "\n" + doubling() + "S0\nR$z\t$z\n",
	} {
		t.Run(name, func(t *testing.T) {
			var r mta.Result
			testtime.Within(t, 20*time.Second, func() {
				r = sendmail.Read(snapshot.Files(map[string]string{"/etc/mail/sendmail.cf": small + beside + text}), mask.New(nil), mta.Options{})
			})
			if len(r.Problems) == 0 {
				t.Error("no problem is told")
			}
			found := false
			for _, h := range r.Hooks {
				found = found || h.Target.Value == "[203.0.113.4]"
			}
			if !found {
				t.Error("the smart host is lost")
			}
		})
	}
}

func doubling() string {
	var b strings.Builder
	for c := 'b'; c <= 'z'; c++ {
		fmt.Fprintf(&b, "D%c%s\n", c, strings.Repeat("$"+string(c-1), 10))
	}
	return b.String()
}

// TestLargeTables: the ordinary entries of a large table are told together.
func TestLargeTables(t *testing.T) {
	var aliases, access strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&aliases, "user%d: u%d\n", i, i)
		fmt.Fprintf(&access, "From:spam%d.example\tREJECT\n", i)
	}
	aliases.WriteString("ceo: drop@evil.example.net\n")
	access.WriteString("To:ceo@example.test\tDISCARD\n")
	files := map[string]string{"/etc/mail/sendmail.cf": small + "Kaccess hash /etc/mail/access\n" + lookup("access"), "/etc/aliases": aliases.String(), "/etc/mail/access": access.String()}
	r := sendmail.Read(snapshot.Files(files), mask.New(nil), mta.Options{})
	if len(r.Hooks) > 50 || len(r.Settings) > 200 {
		t.Errorf("%d hooks, %d settings", len(r.Hooks), len(r.Settings))
	}
	seen := 0
	for _, h := range r.Hooks {
		if h.Target.Value == "drop@evil.example.net" || h.Directive == "access:DISCARD" {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("%d of 2 odd entries are told", seen)
	}
	files["/etc/aliases"] = strings.Replace(files["/etc/aliases"], "user7: u7\n", "user7: u8\n", 1)
	other := sendmail.Read(snapshot.Files(files), mask.New(nil), mta.Options{})
	if fmt.Sprint(r.Settings) == fmt.Sprint(other.Settings) {
		t.Error("another ordinary entry changes nothing")
	}
}
