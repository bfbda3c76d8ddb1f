package maildrop

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

const driver = `cd /parity || exit 1
n=0
for d in /parity/[0-9]*; do
	(cd $d && D=$d exec maildrop ./rc <msg >out 2>err) &
	n=$((n+1))
	[ $((n % 20)) -ne 0 ] || wait
done
wait
`

// programs are those that the cases may run.
var programs = map[string]string{
	"note":     "#!/bin/sh\ncat >/dev/null\necho \"note $*\" >>$D/did\n",
	"fail":     "#!/bin/sh\ncat >/dev/null\necho \"note $*\" >>$D/did\nexit 1\n",
	"filter":   "#!/bin/sh\necho \"note $*\" >>$D/did\nexec reformail -A 'X-F: yes'\n",
	"sendmail": "#!/bin/sh\ncat >/dev/null\nshift 2\necho \"send $*\" >>$D/did\n",
}

// TestParity gives a real maildrop and the evaluator the same generated filters and
// messages, and compares what both do; and wants everything that maildrop does
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
		err = errors.Join(err, os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "msg"), []byte(q.header+"\n"+q.body), 0o644))
		for name, text := range q.files {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := lab.Output(ctx, root, driver); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compare(t, filepath.Join(root, "parity"), list)
}

func compare(t *testing.T, dir string, list []question) {
	wrong, actions, refused := 0, 0, 0
	for n, q := range list {
		theirs := done(t, filepath.Join(dir, fmt.Sprintf("%05d", n)))
		ours := q.evaluate()
		actions += len(theirs)
		if len(Parse(q.files["rc"]).Problems) > 0 {
			refused++
		}
		missed := q.missed(theirs)
		if slices.Equal(ours, theirs) && len(missed) == 0 {
			continue
		}
		said, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%05d", n), "err"))
		t.Errorf("case %d: maildrop did\n\t%s\nwe say\n\t%s\nnot followed: %q\n--- rc\n%s--- a\n%s--- message\n%s\n%s\n--- said\n%s\n--- we complain\n%v", n,
			strings.Join(theirs, "\n\t"), strings.Join(ours, "\n\t"), missed, q.files["rc"], q.files["a"], q.header, q.body, said, Parse(q.files["rc"]).Problems)
		if wrong++; wrong > 3 {
			t.Fatal("more differences")
		}
	}
	t.Logf("%d cases agree, in which maildrop did %d things and refused %d files", len(list)-wrong, actions, refused)
	if lab.Many(len(list)) && (actions < len(list)/2 || refused*2 > len(list)) {
		t.Errorf("%d actions, %d refused: the cases say too little", actions, refused)
	}
}

// done lists what maildrop did in the directory of a case.
func done(t *testing.T, dir string) []string {
	t.Helper()
	out := []string{}
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
		for range strings.Count("\n"+string(text), "\nFrom ") {
			out = append(out, "folder "+e.Name())
		}
	}
	slices.Sort(out)
	return out
}

// question is one case.
type question struct {
	files        map[string]string // "rc", and "a" that it may include
	header, body string
}

func (q question) evaluate() []string {
	p := &process{vars: map[string]string{}, header: strings.ReplaceAll(q.header, "\n ", " "), body: q.body, files: q.files, did: []string{}}
	if t := p.run(q.files["rc"]); !t.out {
		p.deliver(p.vars["DEFAULT"])
	}
	slices.Sort(p.did)
	return p.did
}

// missed are things that maildrop did and that Follow does not list as reached.
func (q question) missed(theirs []string) []string {
	effects, _ := Follow("rc", q.files["rc"], Start{Variables: map[string]string{"HOME": "/h"},
		Open: func(name string) (string, string, bool) {
			s, ok := q.files[strings.TrimPrefix(name, "/h/")]
			return s, name, ok
		},
	})
	var open []string // what is known of what is worked out as mail comes
	listed := map[string]bool{}
	for _, e := range effects {
		if e.Unreached != "" {
			continue
		}
		what := e.Value.Text
		switch e.Kind {
		case Sends:
			what = "send " + what
		case Files:
			what = "folder " + strings.TrimPrefix(what, "/h/")
		default:
			what = "note " + what[strings.IndexByte(what, ' ')+1:]
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

// generator makes filters and messages.
type generator struct {
	r *rand.Rand
	n int // so that each action has a name of its own
}

func (g *generator) pick(list ...string) string { return list[g.r.Intn(len(list))] }

func (g *generator) question() question {
	g.n = 0
	q := question{files: map[string]string{
		"rc": "SENDMAIL=\"/parity/bin/sendmail\"\nDEFAULT=mbox; EXITCODE=0\n" + g.statements(1+g.r.Intn(5), 0),
		"a":  g.statements(1+g.r.Intn(2), 2),
	}}
	q.header = g.pick("From: boss@example.test\n", "From: Alice <alice@example.test>\n") + g.pick("To: bob@example.test\n", "To: list,\n bob@example.test\n") +
		"Subject: " + g.pick("Invoice 42", "hello", "password\n alert", "HELLO World") + "\n" + g.pick("", "X-Spam-Flag: YES\n", "X-Spam-Level: ***\n")
	q.body = g.pick("one\ntwo\n", "invoice\n", "x\n\ny\n")
	return q
}

func (g *generator) statements(count, depth int) string {
	var b strings.Builder
	for range count {
		b.WriteString(g.statement(depth) + g.pick("\n", "\n", "\n\n", " # comment\n", ";\n", "\n# comment\n"))
	}
	return b.String()
}

func (g *generator) statement(depth int) string {
	switch n := g.r.Intn(22); {
	case n < 6 && depth < 3:
		s := "if (" + g.condition(0) + ")" + g.line() + g.body(depth)
		for range g.r.Intn(2) {
			s += "\nelsif (" + g.condition(0) + ")" + g.line() + g.body(depth)
		}
		if g.r.Intn(3) == 0 {
			s += "\nelse" + g.line() + g.body(depth)
		}
		return s
	case n < 8 && depth < 3:
		return "exception {\n" + g.statements(1+g.r.Intn(2), depth+1) + "}"
	case n == 8 && depth < 2:
		return "include " + g.pick("a", `"a"`)
	case n == 9:
		return g.pick("exit", "EXITCODE=1", "EXITCODE=0", "xfilter \"/parity/bin/filter x\"")
	case n < 14:
		return g.assignment()
	}
	return g.delivery()
}

// line is what stands between a condition and its brace.
func (g *generator) line() string {
	return g.pick("\n", "\n", "\n", "\n", "\n", "\n", "\n", " # comment\n", " \n", "\n", "\n", "\n", "\n", "\n", "\n", "\n", " ", "\n\n")
}

func (g *generator) body(depth int) string {
	if g.r.Intn(3) == 0 {
		return "  " + g.delivery()
	}
	return "{\n" + g.statements(1+g.r.Intn(2), depth+1) + "}"
}

func (g *generator) assignment() string {
	return g.pick("A", "B", "C") + g.pick("=", " = ") + g.pick("x", `"y z"`, "'$A'", "$A", `"${A}w"`, "`echo q`", `"$A" "$B"`, `toupper("a" "b")`, "hello", `"a.b"`, `tolower "Q"`, "\"long \\\n    line\"", "(length $A)", `a:b/c.d@e`)
}

func (g *generator) delivery() string {
	g.n++
	verb := g.pick("to", "cc", "cc")
	switch g.r.Intn(6) {
	case 0, 1:
		return fmt.Sprintf(`%s "|/parity/bin/%s n%d"`, verb, g.pick("note", "note", "fail"), g.n)
	case 2, 3:
		return fmt.Sprintf(`%s "! u%d@%s"`, verb, g.n, g.pick("example.test", "$C.x", "x"))
	case 4:
		return fmt.Sprintf(`%s "f%d"`, verb, g.n)
	}
	return fmt.Sprintf("%s f%d", verb, g.n)
}

func (g *generator) condition(depth int) string {
	pattern := "/" + g.pick("^Subject:.*invoice", "^From:.*boss", "hello", "^X-Spam-Flag: YES", `^X-Spam-Level: \*\*`, "(one|two)", "[0-9]+", "passwor?d.*alert", "World$", `x\/y|bob`) + "/" + g.pick("", "", ":b", ":h", ":D", ":w", ":bD")
	if depth > 1 {
		return pattern
	}
	switch g.r.Intn(10) {
	case 0:
		return "! " + pattern
	case 1:
		return g.condition(depth+1) + g.pick(" && ", " || ", "&&") + g.condition(depth+1)
	case 2:
		return "(" + g.condition(depth+1) + ")"
	case 3:
		return g.pick(`$A eq "x"`, `"$A" ne ""`, `$B lt "m"`, "(length $A) > 1", `$A =~ /^[a-x]/`, `1 == 1`)
	case 4:
		return pattern + " + " + pattern + g.pick(" >= 1", " > 0")
	}
	return pattern
}
