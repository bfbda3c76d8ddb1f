package procmail

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// driver runs procmail on each case, and prints nothing: what it did stands in the
// directory of the case. Many run at a time, since procmail sleeps a second with
// each mailbox that it writes.
const driver = `cd /parity || exit 1
n=0
for d in /parity/[0-9]*; do
	procmail HOME=$d D=$d MAILDIR=$d DEFAULT=mbox ORGMAIL=$d/mbox HOST=$(uname -n) SENDMAIL=/parity/bin/sendmail SENDMAILFLAGS= PATH=/parity/bin:/usr/bin:/bin VERBOSE=off LOGABSTRACT=no LOGFILE=$d/err $d/rc <$d/msg &
	n=$((n+1))
	[ $((n % 100)) -ne 0 ] || wait
done
wait
sleep 2
`

// programs are those that the cases may run.
var programs = map[string]string{
	"note":     "#!/bin/sh\ncat >/dev/null\necho \"note $*\" >>$D/did\n",
	"fail":     "#!/bin/sh\ncat >/dev/null\necho \"note $*\" >>$D/did\nexit 1\n",
	"sendmail": "#!/bin/sh\ncat >/dev/null\necho \"send $*\" >>$D/did\n",
}

// TestParity gives a real procmail and the evaluator the same generated rules and
// messages, and compares what both do; and wants everything that procmail does
// among what Follow lists. WAXSEAL_PARITY_SEED repeats a day's questions,
// WAXSEAL_PARITY_CASES says how many there are.
func TestParity(t *testing.T) {
	seed := int(lab.Seed(t))
	cases := lab.Cases(t, 1000)
	root := lab.Root(t, lab.Delivery)
	t.Logf("seed %d, %d cases (WAXSEAL_PARITY_SEED, WAXSEAL_PARITY_CASES)", seed, cases)
	g := &generator{r: rand.New(rand.NewSource(int64(seed)))}
	var list []question
	err := os.MkdirAll(filepath.Join(root, "parity", "bin"), 0o755)
	for name, text := range programs {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, "parity", "bin", name), []byte(text), 0o755))
	}
	for n := range cases {
		q := g.question()
		list = append(list, q)
		dir := filepath.Join(root, "parity", fmt.Sprintf("%05d", n))
		err = errors.Join(err, os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "msg"), []byte(envelope+q.header+"\n"+q.body), 0o644))
		for name, text := range q.files {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := lab.Output(ctx, root, "hostname mail 2>/dev/null; "+driver); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compare(t, filepath.Join(root, "parity"), list)
}

func compare(t *testing.T, dir string, list []question) {
	wrong, actions := 0, 0
	for n, q := range list {
		theirs := done(t, filepath.Join(dir, fmt.Sprintf("%05d", n)))
		ours := q.evaluate()
		actions += len(theirs)
		missed := q.missed(theirs)
		if slices.Equal(ours, theirs) && len(missed) == 0 {
			continue
		}
		said, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%05d", n), "err"))
		t.Errorf("case %d: procmail did\n\t%s\nwe say\n\t%s\nnot followed: %q\n--- rc\n%s--- a\n%s--- message\n%s\n%s\n--- log\n%s", n, strings.Join(theirs, "\n\t"), strings.Join(ours, "\n\t"), missed,
			q.files["rc"], q.files["a"], q.header, q.body, said)
		if wrong++; wrong > 3 {
			t.Fatal("more differences")
		}
	}
	t.Logf("%d cases agree, in which procmail did %d things", len(list)-wrong, actions)
	if lab.Many(len(list)) && actions < len(list) {
		t.Errorf("only %d actions: the cases say too little", actions)
	}
}

// done lists what procmail did in the directory of a case.
func done(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	if text, err := os.ReadFile(filepath.Join(dir, "did")); err == nil {
		out = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if !strings.HasPrefix(e.Name(), "f") && e.Name() != "mbox" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 { // how often is not told: a body alone has no line that begins it
			out = append(out, "folder "+e.Name())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// envelope begins a message as it comes to procmail.
const envelope = "From boss@example.test Thu Jan  1 00:00:00 1970\n"

// question is one case.
type question struct {
	files        map[string]string // "rc", and "a" that it may include
	header, body string
}

func (q question) evaluate() []string {
	did := []string{}
	header := envelope + strings.ReplaceAll(q.header, "\n ", " ")
	p := &process{vars: map[string]string{"DEFAULT": "mbox", "HOST": "mail"}, header: header, body: q.body, files: q.files, did: &did}
	p.items(Parse(q.files["rc"]).Items, (*process).over)
	slices.Sort(did)
	return slices.Compact(did)
}

// missed are things that procmail did and that Follow does not list as reached.
func (q question) missed(theirs []string) []string {
	effects, _ := Follow("rc", q.files["rc"], Start{
		Variables: map[string]string{"HOME": "/h", "MAILDIR": "/h", "LOGNAME": "x", "HOST": "mail", "DEFAULT": "/h/mbox", "SENDMAILFLAGS": ""},
		Open: func(name string) (string, string, bool) {
			s, ok := q.files[strings.TrimPrefix(name, "/h/")]
			return s, name, ok
		},
	})
	var open []string // what is known of what is worked out as mail comes
	listed := map[string]bool{"folder mbox": true}
	for _, e := range effects {
		if e.Unreached != "" {
			continue
		}
		what := e.Value.Text
		switch e.Kind {
		case Sends:
			what = "send " + what
		case Sets:
			if e.Name == "DEFAULT" {
				what = "folder " + strings.TrimPrefix(what, "/h/")
			}
		case Files:
			what = "folder " + strings.TrimPrefix(what, "/h/")
		default:
			what = strings.Replace(what, "fail ", "note ", 1)
		}
		if listed[what] = true; !e.Value.Known {
			open = append(open, what[:max(strings.IndexAny(what, "$`"), 0)])
		}
	}
	var out []string
	for _, what := range theirs {
		if rest, ok := strings.CutPrefix(what, "send "); ok && !slices.ContainsFunc(strings.Fields(rest), func(address string) bool { return !listed["send "+address] }) {
			continue
		}
		if !listed[what] && !slices.ContainsFunc(open, func(known string) bool { return strings.HasPrefix(what, known) }) {
			out = append(out, what)
		}
	}
	return out
}

// generator makes rules and messages.
type generator struct {
	r *rand.Rand
	n int // so that each action has a name of its own
}

func (g *generator) pick(list ...string) string { return list[g.r.Intn(len(list))] }

func (g *generator) chance(percent int) bool { return g.r.Intn(100) < percent }

func (g *generator) question() question {
	g.n = 0
	q := question{files: map[string]string{"rc": g.items(1+g.r.Intn(5), 0), "a": g.items(1+g.r.Intn(2), 2)}}
	q.header = g.pick("From: boss@example.test\n", "From: Alice <alice@example.test>\n") + g.pick("To: bob@example.test\n", "To: list,\n bob@example.test\nCc: carol@example.test\n") +
		"Subject: " + g.pick("Invoice 42", "hello", "password\n alert", "HELLO World") + "\n" + g.pick("", "X-Spam-Flag: YES\n", "X-Spam-Level: ***\n")
	q.body = g.pick("one\ntwo\n", "invoice\n", "From here on\n\nx\n", "")
	return q
}

func (g *generator) items(count, depth int) string {
	var b strings.Builder
	for range count {
		if g.chance(30) {
			b.WriteString(g.assignment(depth))
			continue
		}
		b.WriteString(g.recipe(depth))
	}
	return b.String()
}

func (g *generator) assignment(depth int) string {
	name := g.pick("A", "B", "C")
	line := name + g.pick("=", " = ", "= ") + g.pick("x", `"y z"`, "'$A'", "$A", "${B:-w}", "${B:+v}", "${A-u}", "`echo q`", `"$A$B"`, `a\ b`, "hello", `"`+"`echo r`"+`s"`, "", "1\\\n2")
	switch n := g.r.Intn(20); {
	case n == 0 && depth < 2:
		line = "INCLUDERC=a"
	case n == 1 && depth < 2:
		line = g.pick("SWITCHRC=a", "SWITCHRC=missing", "SWITCHRC=")
	case n == 2:
		line = g.pick("HOST=mail", "HOST=other", "HOST")
	case n == 3:
		g.n++
		line = fmt.Sprintf("TRAP=\"note t%d\"", g.n)
	case n == 4:
		line = name
	case n == 5:
		line = "DEFAULT=" + g.pick("f8", "$A", "mbox")
		if strings.HasSuffix(line, "$A") {
			line = "A=f7 " + line
		}
	}
	return line + g.pick("\n", "\n\n", " # comment\n", "\n# comment\n")
}

func (g *generator) recipe(depth int) string {
	var b strings.Builder
	flags := g.pick("", "", "c", "w", "c", "A", "E", "e", "a", "wc", "Ac", "Ec", "D", "h", "b")
	b.WriteString(g.pick(":0", ":0 ", ":0  ") + flags)
	if g.chance(40) && !strings.ContainsAny(flags, "hb") {
		b.WriteString(g.pick("B", " HB", "H", "BD"))
	}
	b.WriteString(g.pick("\n", " \n", " # comment\n"))
	for range g.r.Intn(3) {
		b.WriteString(g.pick("* ", "*", "  * ", "# x\n* ") + g.condition() + "\n")
	}
	b.WriteString(g.action(flags, depth))
	return b.String()
}

func (g *generator) condition() string {
	re := g.pick("^Subject:.*invoice", "^From:.*boss", "^TO_bob", "^TO_carol", "hello", "^X-Spam-Flag: YES", `^X-Spam-Level: \*\*`, "(one|two)", "[0-9]+", "^Subject: [^a-z]", "passwor?d.*alert", "world$", "H[Ee]LLO", "in\\\n   voice")
	switch g.r.Intn(12) {
	case 0:
		return g.pick("! ", "!") + re
	case 1:
		return g.pick("< 10", "> 10", "< 5000", "! > 5000", "B ?? < 5")
	case 2:
		return g.pick("? true", "? false", "! ? false", "?true")
	case 3:
		return g.pick("A ?? x", "B ?? ^^$", "A ?? ! ^y", "H ?? ", "B ?? ", "HB ?? ") + g.pick("hello", "x", "one")
	case 4:
		return g.pick("$ $A", `$ ^Subject:.*${A:-hello}`, "$! $B", `$ A ?? $A`)
	case 5:
		return g.pick("1^0 ", "-1^0 ", "2^0 ", " 1^0 ") + re
	}
	return re
}

func (g *generator) action(flags string, depth int) string {
	g.n++
	switch n := g.r.Intn(20); {
	case n < 4 && depth < 3 && !strings.ContainsAny(flags, "w"):
		return "{\n" + g.items(g.r.Intn(3), depth+1) + g.pick("}\n", " }\n", "}\n\n")
	case n < 8:
		return fmt.Sprintf("| %s n%d\n", g.pick("note", "note", "fail"), g.n)
	case n < 11:
		return fmt.Sprintf("! u%d@%s\n", g.n, g.pick("example.test", "$A.example", "x"))
	case n == 11:
		return fmt.Sprintf("%s=| echo v%d\n", g.pick("A", "B"), g.n)
	case n == 12:
		return "nodir/x\n"
	case n == 13:
		return "/dev/null\n"
	}
	return fmt.Sprintf("f%d%s\n", g.n, g.pick("", " ", " # comment"))
}
