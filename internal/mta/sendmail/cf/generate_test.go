package cf_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes configurations of rules that mean nothing and use everything.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) word() string {
	return g.pick("alice", "bob", "foo", "example", "test", "Local", "x1", "a_b", "NET", "com", `"a b"`, `"q"`, "in-side")
}

func (g generator) sign() string {
	return g.pick("@", ".", "<", ">", "!", "%", ":", "+", ",", ";", "[", "]", "/", "^", "=")
}

// balancedWords is text whose brackets close.
func (g generator) balancedWords(n int) string {
	var out []string
	for range 1 + g.IntN(n) {
		switch g.IntN(7) {
		case 0:
			out = append(out, "<"+g.word()+g.pick("@", ".", "")+g.word()+">")
		case 1:
			out = append(out, g.pick("@", ".", "!", "%", ":", "+", "[", "]", "/"))
		case 2:
			out = append(out, " ")
		default:
			out = append(out, g.word())
		}
	}
	return g.word() + strings.Join(out, g.pick("", "", " ")) // never nothing: sendmail -bt asks for more then
}

func (g generator) pattern() (text string, wild int) {
	var out []string
	for range 1 + g.IntN(6) {
		var p string
		switch g.IntN(12) {
		case 0, 1, 9, 10, 11:
			p = "$*"
		case 2:
			p = "$+"
		case 3:
			p = "$-"
		case 4:
			p = g.pick("$=A", "$~A", "$={Long}", "$~{Long}")
		case 5:
			p = g.pick("$@", "$|", "$&{m}", "$e")
		case 6, 7:
			p = g.sign()
		default:
			p = g.word()
		}
		if strings.HasPrefix(p, "$") && strings.ContainsAny(p[1:2], "*+-=~") {
			if wild++; wild > 9 {
				continue
			}
		}
		out = append(out, p)
	}
	return strings.Join(out, g.pick(" ", " ", "")), wild
}

func (g generator) value(wild int) string {
	if wild > 0 && g.IntN(3) > 0 {
		return fmt.Sprintf("$%d", 1+g.IntN(wild))
	}
	return g.pick(g.word(), g.sign(), "$&{m}", "$e", "$|", g.word())
}

func (g generator) result(wild, sets, after int) string {
	var out []string
	for range g.IntN(6) {
		out = append(out, g.value(wild))
	}
	if g.IntN(4) == 0 {
		lookup := "$(" + g.pick("dequote", "tab", "tabm", "tabq", "arith", "seq", "none", "rx", "rxs", "rxn") + " " + g.value(wild)
		if g.IntN(2) == 0 {
			lookup += " $@ " + g.value(wild)
		}
		if g.IntN(2) == 0 {
			lookup += " $: " + g.value(wild)
		}
		out = append(out, lookup+" $)")
	}
	once := g.IntN(5) > 0
	if g.IntN(5) == 0 && after < sets {
		once = true // a loop of calls takes Sendmail minutes
		out = append(out, fmt.Sprintf(g.pick("$>T%d", `$>"T%d"`), after+g.IntN(sets-after)), g.value(wild))
	}
	if g.IntN(6) == 0 {
		out = append([]string{"$#" + g.pick("local", "esmtp", "error"), "$@", g.value(wild), "$:", g.value(wild)}, out...)
	}
	text := strings.Join(out, " ")
	switch {
	case once: // else the rule is tried again
		text = g.pick("$: ", "$: ", "$@ ") + text
	case text == "":
		text = "$:"
	}
	return text
}

// rules is a configuration with some rulesets.
func (g generator) rules(sets int) string {
	var b strings.Builder
	b.WriteString("V10/Berkeley\nCAalice foo.test example com x1@NET\nC{Long}bob test q a.b # comment\nD{m}" + g.pick("foo", "alice.test", "", "x1 NET") + "\nDe" + g.pick("exp", "$?{m}yes$|no$.", "a$$b") + "\n")
	b.WriteString("O BlankSub=" + g.pick(".", "_") + "\nO OperatorChars=.:%@!^/[]+\n")
	b.WriteString("Kdequote dequote\nKarith arith\nKtab hash /tab\nKtabm hash -m -a.ap /tab\nKtabq hash -q -f -S- /tab\nKnone null\nKseq sequence none tab\n")
	b.WriteString("Krx regex -a.rx ^[a-f]+$\nKrxs regex -s1,0 (a|b)l?(.*)\nKrxn regex -n -a@n foo\n")
	b.WriteString("Mlocal, P=[IPC], F=lsDF, A=TCP $h\nMprog, P=/bin/sh, F=lsDF, A=sh -c $u\nMesmtp, P=[IPC], F=mDF, A=TCP $h\n")
	for n := range sets {
		fmt.Fprintf(&b, "ST%d\n", n)
		for range 1 + g.IntN(5) {
			left, wild := g.pattern()
			b.WriteString("R" + left + "\t" + g.pick("", "\t") + g.result(wild, sets, n+1) + g.pick("", "\tcomment", "  # comment") + "\n")
		}
	}
	return b.String()
}

// table is the source of the map that the rules ask.
const table = "alice\tone two\nfoo\t%0.%1@x\nbob@test\t<%1>\nexample\t\"quoted word\"\na.b\tab\nq\t%%1 %2\nlocal\tx:y\n"
