package eximfilter

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// driver asks a real Exim what it would do with one of two messages.
const driver = `cd /parity || exit 1
for n in u* s*; do
	case $n in u*) f=-bf;; *) f=-bF;; esac
	case $n in *[01458]) m=m0;; *) m=m1;; esac
	exim4 -f a@b.example -bfl root -bfd vm.example $f $n <$m >out.$n 2>&1
done
exit 0
`

var messages = []map[string]string{
	{"from": "alice@b.example", "to": "root@vm.example", "subject": "Your Invoice 42"},
	{"from": "bob@c.example", "to": "list@vm.example", "subject": "hello", "x-spam": "yes"},
}

// TestParity holds the reader against exim -bf and -bF of a real Exim: which filters
// it refuses, and what it would do for two messages.
func TestParity(t *testing.T) {
	lab.Require(t)
	// New questions every day, and the same for all who ask on that day.
	seed := int64(lab.Seed(t))
	cases := lab.Cases(t, 1000)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	g := &generator{Rand: rand.New(rand.NewSource(seed))}
	root := lab.Root(t, lab.Exim)
	dir := filepath.Join(root, "parity")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, headers := range messages {
		text := ""
		for name, value := range headers {
			text += name + ": " + value + "\n"
		}
		write(fmt.Sprintf("m%d", i), text+"\nbody\n")
	}
	names := make([]string, cases)
	texts := make([]string, cases)
	for i := range texts {
		g.user = i%2 == 0
		texts[i] = g.filter()
		names[i] = fmt.Sprintf("%c%04d", "us"[i%2], i)
		write(names[i], texts[i])
	}
	started := time.Now()
	if out, err := lab.Output(t.Context(), root, driver); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("exim answered %d questions in %v", cases, time.Since(started).Round(time.Second))
	c := &comparison{t: t}
	for i, text := range texts {
		out, err := os.ReadFile(filepath.Join(dir, "out."+names[i]))
		if err != nil {
			t.Fatal(err)
		}
		m := 1
		if strings.ContainsRune("01458", rune(names[i][len(names[i])-1])) {
			m = 0
		}
		c.compare(text, string(out), names[i][0] == 's', messages[m])
	}
	t.Logf("%d of %d refused, %d obeyed with known ends, %d different", c.refused, c.asked, c.known, c.wrong)
	if lab.Many(cases) && (c.known < cases/4 || c.refused < cases/10) {
		t.Errorf("the questions are too one-sided")
	}
}

type comparison struct {
	t                            *testing.T
	asked, refused, known, wrong int
}

// whileObeyed are errors that a filter runs into, not those that refuse it.
var whileObeyed = []string{"failed to expand", "malformed address", "malformed numerical", "malformed number", "unknown variable", "errors_to must point", "error while compiling", "\\n not followed", "non-printing"}

func (c *comparison) compare(text, out string, system bool, headers map[string]string) {
	c.t.Helper()
	_, theirs, ok := strings.Cut(out, "\"\n\n")
	if !ok {
		c.t.Fatalf("exim says %q of\n%s", out, text)
	}
	refused := false
	if at := strings.Index(theirs, "Filter error: "); at >= 0 {
		refused = true
		for _, s := range whileObeyed {
			refused = refused && !strings.HasPrefix(theirs[at+len("Filter error: "):], s)
		}
		theirs = theirs[:at] + "Filter error\n"
	}
	f := Parse(text, Rights{System: system})
	c.asked++
	if refused {
		c.refused++
	}
	ours, known := "", true
	if !refused {
		var r *run
		if r, known = evaluate(f, headers, system); known {
			c.known++
			if said := r.contradiction(); said != "" && !strings.Contains(theirs, "Filter error") {
				c.t.Errorf("%s\n%s\nExim says\n%s", said, text, out)
			}
		}
		ours = r.out.String()
	}
	switch {
	case f.Refused != refused:
	case refused, known && ours == theirs, !known && strings.HasPrefix(theirs, ours):
		return
	}
	if c.wrong++; c.wrong < 6 {
		c.t.Errorf("system filter %v, refused %v (%v), message %v\n%s\nwe say\n%s\nExim says\n%s", system, f.Refused, f.Problems, headers, text, ours, out)
	}
}

// generator makes filters.
type generator struct {
	*rand.Rand
	user bool // a user's, who may do less
}

func (g *generator) pick(list ...string) string { return list[g.Intn(len(list))] }

// mostly picks what is good, now and then what may be refused.
func (g *generator) mostly(good string, seldom ...string) string {
	if g.Intn(20) > 0 {
		return good
	}
	return g.pick(seldom...)
}

func (g *generator) space() string {
	return g.pick(" ", " ", " ", " ", "\n", "\n  ", "\t", " # comment \"\n", "\r\n")
}

func (g *generator) filter() string {
	text := g.pick("# Exim filter\n", "#exim filter\n", "  # EXIM  Filter <<== do not edit\n")
	text += g.commands(3)
	switch g.Intn(5) {
	case 0: // a piece is missing, twice or foreign
		i := len("# Exim filter\n") + 20
		if len(text) > i+10 {
			from := i + g.Intn(len(text)-i)
			to := min(len(text), from+g.Intn(6))
			text = text[:from] + g.pick("", "", text[from:to]+text[from:to], "(", ")", `"`, " then ", " endif ", "\\", " not ", " seen ", "\n", "if(", " else ") + text[to:]
		}
	}
	return text
}

func (g *generator) commands(depth int) string {
	text := ""
	for range 1 + g.Intn(4) {
		text += g.command(depth) + g.pick("\n", "\n", "\n\n", " ", " # x\n")
	}
	return text
}

func (g *generator) command(depth int) string {
	mark := g.pick("", "", "", "unseen ", "unseen ", "seen ", "noerror ", "unseen noerror ", "noerror seen\n")
	n := g.Intn(13)
	if n < 3 {
		mark = ""
	}
	switch n {
	case 0, 1, 2:
		if depth > 0 {
			return g.conditional(depth - 1)
		}
		return "finish"
	case 3, 4:
		return mark + "deliver" + g.space() + g.pick("a@b.example", `"c@d.example"`, `"a@\x62.ex\141mple"`, "bad@@x", `"x y"`) + g.pick("", "", "", " errors_to p@q.example")
	case 5:
		return mark + "save" + g.space() + g.pick("/var/mail/x", "Mail/x", `"$h_subject:"`, `"a \
		   b"`, "/dev/null") + g.pick("", "", " 0600", " 644", " 8", " 0x1")
	case 6:
		return mark + "pipe" + g.space() + g.pick("/bin/cat", `"/bin/sh -c \"id > /tmp/x\""`, `"/usr/bin/x $h_from:"`, `"| /bin/y"`)
	case 7:
		return mark + g.pick("mail", "mail", "vacation") + g.options()
	case 8:
		return mark + "finish"
	case 9:
		if g.user && g.Intn(10) > 0 {
			return mark + "finish"
		}
		return mark + g.pick("fail", "freeze", "defer") + g.pick("", " text \"no\\n\"", ` "because"`, " text", " text x", "\n# c\n")
	case 10:
		if g.user && g.Intn(10) > 0 {
			return "headers charset x"
		}
		return "headers" + g.space() + g.mostly(g.pick(`add "X-A: b"`, `remove "x:y"`, "charset UTF-8", `add "$h_subject:"`), "change x", `add ""`)
	case 11:
		return g.mostly("", mark) + "add" + g.space() + g.pick("1", "-2", "0x10", "$n1", "x") + g.mostly(" to ", " ") + g.pick("n1", "n0", "n10", "m1", `"n3"`)
	}
	return mark + g.mostly(g.pick(`logfile "/var/log/x"`, "logfile l 0640", `logwrite "a $h_to: b"`, `logwrite "x\n"`, `testprint "$h_x-spam: \t!"`), "testprint", "finsh", "deliver", `save ""`)
}

func (g *generator) options() string {
	text := ""
	for range g.Intn(5) {
		name := g.pick("to", "cc", "bcc", "from", "reply_to", "subject", "extra_headers", "text", "file", "log", "once", "once_repeat", "expand file", g.mostly("return message", "return", "expand"))
		text += g.space() + name
		if name != "return message" {
			text += g.space() + g.pick("x@y.example", `"Re: $h_subject:"`, `"two words"`, "7d")
		}
	}
	return text
}

func (g *generator) conditional(depth int) string {
	text := "if" + g.pick(" ", "\n", "(", " (")
	closing := ""
	if strings.HasSuffix(text, "(") {
		closing = ")"
	}
	text += g.condition(2) + closing + g.space() + "then" + g.space() + g.commands(depth)
	for g.Intn(3) == 0 {
		text += g.mostly("elif ", "elif(true) is true or ", "else ") + g.condition(1) + " then" + g.space() + g.commands(depth)
	}
	if g.Intn(2) == 0 {
		text += "else" + g.space() + g.commands(depth)
	}
	return text + g.mostly("endif", "")
}

func (g *generator) condition(depth int) string {
	if depth > 0 && g.Intn(3) > 0 {
		switch g.Intn(6) {
		case 0, 1:
			return g.condition(depth-1) + g.space() + "and" + g.space() + g.condition(depth-1)
		case 2:
			return g.condition(depth-1) + g.space() + "or" + g.space() + g.condition(depth-1)
		case 3:
			return g.pick("not (", "(", "( not not ") + g.condition(depth-1) + ")"
		case 4:
			return g.condition(depth-1) + " or " + g.condition(depth-1) + " and " + g.condition(depth-1) + " or " + g.condition(0)
		}
		return `foranyaddress "a@b.example, c@d.example" (` + g.condition(depth-1) + ")"
	}
	left := g.pick("$h_subject:", `"$h_subject:"`, "$h_from:", "$thisaddress", "abc", `"a b"`, "$header_x-spam:")
	switch g.Intn(8) {
	case 0:
		return g.pick("not ", "") + g.pick("personal", "delivered", "error_message", "first_delivery", "manually_thawed", "personal alias list@vm.example", `personal alias "x@y" alias z@z`)
	case 1:
		return g.pick("10", "3k", "$h_subject:", "0x1F") + g.pick(" is above ", " is not below ", " above ", " is below ") + g.pick("9", "2K", "1m", "abc", `"12 "`)
	}
	return left + g.space() + g.pick("is", "is not", "contains", "does not contain", "DOES NOT CONTAIN", "begins", "does begin", "ends", "does not end", "IS", "Is not", "CONTAINS", "matches", "does not match", "MATCHES", "BEGINS", "is begins", g.mostly("ends", "equals", "does")) +
		g.space() + g.pick("hello", `"Your Invoice"`, `"invoice"`, "b.example", "yes", "abc", `"Y.*[0-9]+"`, `"a b"`, "A", `""`, "not", "is", "c@d.example", g.mostly("x", "then"))
}
