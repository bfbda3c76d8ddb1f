package expand

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/lab"
)

const table = "alpha: one\nbeta:   two words\n\"ga mma\": three\ndelta four\n# comment\nepsilon: first\n  second\n"

var tableEntries = map[string]string{"alpha": "one", "beta": "two words", "ga mma": "three", "delta": "four", "epsilon": "first second"}

// mark stands between two answers: a complaint may have several lines.
const mark = "--next--"

var world = World{
	Exists: func(name string) (bool, bool) { return name == "/etc/parity.table" || name == "/etc/passwd", true },
	Lookup: func(kind, file, key string) (string, bool, bool) {
		value, found := tableEntries[strings.ToLower(key)]
		return value, found, kind == "lsearch" && file == "/etc/parity.table"
	},
}

// TestParity asks a real Exim (-be) and this package what strings expand to.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 3000), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Exim)
	g := &generator{rand.New(rand.NewPCG(seed, 2))}
	var strs []string
	for len(strs) < cases {
		if s := strings.TrimSpace(g.text(4)); s != "" && len(s) < 1000 && !strings.HasSuffix(s, `\`) { // which would join the lines
			strs = append(strs, "-"+s) // a capital would start a macro
		}
	}
	for name, text := range map[string]string{"/etc/parity.table": table, "/cases": strings.Join(strs, "\n"+mark+"\n") + "\n" + mark + "\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := lab.Output(t.Context(), root, "exim4 -C /dev/null -be </cases")
	if err != nil {
		t.Fatal(err)
	}
	answers := between(out)
	if len(answers) < len(strs) {
		t.Fatalf("%d answers to %d questions", len(answers), len(strs))
	}
	unknown, failed, wrong := 0, 0, 0
	for i, s := range strs {
		d, o := differs(s, answers[i])
		switch o {
		case Unknown:
			unknown++
		case Broken, Forced:
			failed++
		}
		if d != "" {
			t.Errorf("%s\n%s", s, d)
			if wrong++; wrong > 10 {
				t.Fatal("more differences")
			}
		}
	}
	t.Logf("%d strings compared, %d not decided here, %d that fail", cases, unknown, failed)
	if lab.Many(cases) && (unknown*3 > cases || failed*3 > cases) {
		t.Error("the cases say too little")
	}
}

// between splits what Exim printed at the marks; each line has a prompt before it.
func between(out string) (answers []string) {
	var lines []string
	for line := range strings.Lines(out) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "> ")
		if strings.HasSuffix(line, mark) {
			answers, lines = append(answers, strings.Join(append(lines, strings.TrimSuffix(line, mark))[:max(len(lines), 1)], "\n")), nil
			continue
		}
		lines = append(lines, line)
	}
	return answers
}

func differs(s, theirs string) (difference string, o Outcome) {
	e, message := Parse(s)
	refused := strings.HasPrefix(theirs, "Failed: ")
	ours, o := "", Broken
	if message == "" {
		ours, o = e.Evaluate(world)
	}
	switch {
	case o == Unknown:
		return "", o
	case (o != Known) != refused:
		return fmt.Sprintf("ours   %q (%d, %s)\ntheirs %q", ours, o, message, theirs), o
	case o == Known && ours != theirs:
		return fmt.Sprintf("ours   %q\ntheirs %q", ours, theirs), o
	}
	return "", o
}

// generator makes strings from one seed.
type generator struct{ *rand.Rand }

func (g *generator) pick(words ...string) string { return words[g.IntN(len(words))] }

// text makes a string of a few parts.
func (g *generator) text(depth int) string {
	var b strings.Builder
	for range 1 + g.IntN(2) {
		b.WriteString(g.part(depth))
	}
	return b.String()
}

func (g *generator) word() string {
	return g.pick("abc", "x", "10", "3", "a:b:c", "a : b ::c", "key=val other=\"two words\"", "Alpha", "no", "true", "yes", "0", "", " ", "-1", "ABC d", "a,b,c", "1.2", "<; a ; b", "x@y.example", "beta", `\\`, `\x41`, `\N$a\N`, `\$`, "12K")
}

func (g *generator) part(depth int) string {
	if depth <= 0 {
		return g.word()
	}
	arg := func() string { return "{" + g.text(depth-1) + "}" }
	switch g.IntN(16) {
	case 0, 1:
		return g.word()
	case 2, 3, 4:
		return "${if " + g.condition(depth-1) + g.tail(arg) + "}"
	case 5:
		return "${" + g.pick("lc", "uc", "strlen", "base64", "md5", "sha1", "listcount", "rxquote", "quote", "length_2", "substr_1_2", "substr_-2", "substr_1", "l_1", "s_0_2", "substr_-3_2", "substr_-5_3", "length_9") + ":" + g.text(depth-1) + "}"
	case 6:
		return "${extract{" + g.pick("1", "2", "-1", "0", "9", "key", "other", "nothing", " 2 ") + "}" + g.fieldTail(arg)
	case 7:
		return "${extract{" + g.pick("1", "2", "-1", "-2") + "}{" + g.pick(":", ",", " ", ":,") + "}" + arg() + g.tail(arg) + "}"
	case 8:
		return "${listextract{" + g.pick("1", "2", "-1", "5", "-9") + "}" + arg() + g.tail(arg) + "}"
	case 9:
		return "${lookup{" + g.pick("alpha", "BETA", "ga mma", "delta", "epsilon", "nothing") + "}lsearch{/etc/parity.table}" + g.tail(arg) + "}"
	case 10:
		return "${map{" + g.pick("a:b:c", "", "x", "a : b") + "}{" + g.pick("$item", "<$item>", "${uc:$item}") + "}}"
	case 11:
		return "${filter{" + g.pick("a:b:c", "1:2:3", "") + "}{" + g.pick("eq{$item}{b}", "!eq{$item}{a}", ">{$item}{1}", "match{$item}{a|b}") + "}}"
	case 12:
		return "${tr{" + g.word() + "}{abc}{xy}}"
	case 13:
		return "${sg{" + g.pick("abcabc", "a1b2", "xyz") + "}{" + g.pick("b", "[0-9]", "(a)(.)") + "}{" + g.pick("_", `<\$1>`, "") + "}}"
	case 14:
		return "${" + g.pick("length{2}", "substr{1}", "substr{-2}{1}", "substr{0}{2}") + arg() + "}"
	}
	return "${if " + g.condition(depth-1) + "}"
}

// fieldTail ends an extract that may be by number or by name.
func (g *generator) fieldTail(arg func() string) string {
	return "{" + g.pick("key=val other=\"two words\"", "a=1 b=2", "key = spaced") + "}" + g.tail(arg) + "}"
}

// tail makes the "yes" and "no" parts.
func (g *generator) tail(arg func() string) string {
	switch g.IntN(5) {
	case 0:
		return ""
	case 1:
		return arg()
	case 2:
		return arg() + "fail"
	}
	return arg() + arg()
}

func (g *generator) condition(depth int) string {
	arg := func() string { return "{" + g.text(depth-1) + "}" }
	switch g.IntN(9) {
	case 0, 1:
		return g.pick("", "!", "! ") + g.pick("eq", "eqi", "lt", "lti", "ge", "gei", "gt", "le") + arg() + arg()
	case 2:
		return g.pick("=", "==", "<", "<=", ">", ">=") + "{" + g.pick("1", "10", "1K", "", "-5", "x") + "}{" + g.pick("1", "1024", "0", "10") + "}"
	case 3:
		return "exists{" + g.pick("/etc/parity.table", "/nothing", "/etc/passwd") + "}"
	case 4:
		if depth > 0 {
			return g.pick("and", "or") + "{{" + g.condition(depth-1) + "}{" + g.condition(depth-1) + "}}"
		}
		return "bool{" + g.pick("true", "no", "1", "0", "") + "}"
	case 5:
		return g.pick("bool_lax", "bool") + "{" + g.pick("true", "no", "yes", "0", "00", "", " 1 ") + "}"
	case 6:
		return g.pick("inlist", "inlisti") + "{" + g.pick("a", "B", "c") + "}{" + g.pick("a:b:c", "<; a ; b", "") + "}"
	case 7:
		return g.pick("forany", "forall") + "{" + g.pick("a:b", "", "1:2:3") + "}{" + g.pick("eq{$item}{a}", "!eq{$item}{}", "match{$item}{^[a-b]}") + "}"
	}
	return "match{" + g.pick("abc", "xyz", "a1") + "}{" + g.pick("^a", "(b)", "[0-9]+", "z$") + "}"
}
