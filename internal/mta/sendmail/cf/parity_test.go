package cf_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"waxseal/internal/lab"
	"waxseal/internal/mta/sendmail/cf"
)

const parityHelp = "WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has"

// askAll runs sendmail -bt on every case in a directory of the root: N.cf is the
// configuration, N.in what is typed, N.out what it says. Rules that grow an address
// without end keep Sendmail busy for hours.
const askAll = `cd /cases || exit 1
for f in *.cf; do
	n=${f%.cf}
	timeout -s KILL 5 /usr/sbin/sendmail -bt -C /cases/$f < $n.in > $n.out 2>&1 || true
done`

// question is one configuration and what is typed.
type question struct {
	text  string
	lines []string
}

func ask(t *testing.T, root string, list []question) []string {
	t.Helper()
	dir := filepath.Join(root, "cases")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, q := range list {
		write(fmt.Sprintf("%d.cf", i), q.text)
		write(fmt.Sprintf("%d.in", i), strings.Join(q.lines, "\n"+border+"\n")+"\n"+border+"\n")
	}
	if out, err := lab.Output(t.Context(), root, askAll); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	answers := make([]string, len(list))
	for i := range list {
		out, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.out", i)))
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = string(out)
	}
	return answers
}

// border is a command that there is not: what sendmail says to it ends the answer
// to what was typed before.
const border = "/border"

// sections cuts what sendmail said into an answer to each line.
func sections(out string) []string {
	parts := strings.Split(out, `Unknown "/" command `+border+"\n")
	for i := range parts {
		parts[i] = strings.TrimSuffix(strings.TrimPrefix(parts[i], "> "), "> ")
	}
	if len(parts) > 0 { // what stands before the first prompt
		if _, after, ok := strings.Cut(parts[0], "Enter <ruleset> <address>\n"); ok {
			parts[0] = strings.TrimSuffix(strings.TrimPrefix(after, "> "), "> ")
		}
	}
	return parts[:len(parts)-1]
}

// fieldMarks are those of a regex map, which Sendmail shows as a word of its own once
// the answer has gone through a second map.
var fieldMarks = regexp.MustCompile(` ?\$\| ?`)

// traced are the lines of a section that say what went through a ruleset, blanks
// made alike.
func traced(section string) (lines []string, complaint string) {
	for _, l := range strings.Split(section, "\n") {
		f := strings.Fields(l)
		switch {
		case len(f) >= 2 && (f[1] == "input:" || f[1] == "returns:"):
			lines = append(lines, fieldMarks.ReplaceAllString(strings.Join(f, " "), "$$|"))
		case len(f) > 0:
			complaint += l + "\n"
		}
	}
	return lines, complaint
}

// rewritten is the same of this package.
func rewritten(e *cf.Engine, address string, rulesets ...string) ([]string, error) {
	var lines []string
	e.Trace = func(ruleset, what string, tokens []string) {
		if len(ruleset) > 16 {
			ruleset = ruleset[:16]
		}
		shown := strings.Join(strings.Fields(ruleset+" "+what+": "+cf.Show(tokens)), " ")
		lines = append(lines, fieldMarks.ReplaceAllString(shown, "$$|"))
	}
	e.Macros = map[string]string{}
	_, err := e.Rewrite(address, rulesets...)
	return lines, err
}

// TestRulesParity: rules that mean nothing are followed as Sendmail follows them.
func TestRulesParity(t *testing.T) {
	const sets, inputs = 8, 25
	cases, seed := lab.Cases(t, 1500), lab.Seed(t)
	t.Logf(parityHelp, seed)
	root := lab.Root(t, lab.Sendmail)
	makeTable(t, root, "/tab", table)
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	var list []question
	for range cases/inputs + 1 {
		q := question{text: g.rules(sets)}
		for range inputs {
			q.lines = append(q.lines, fmt.Sprintf("T%d %s", g.IntN(3), g.balancedWords(7)))
		}
		list = append(list, q)
	}
	answers := ask(t, root, list)
	compared, wrong, unanswered := 0, 0, 0
	for i, q := range list {
		e := &cf.Engine{Config: cf.Parse(q.text, cf.Given{}), Lookup: tableLookup(table)}
		said := sections(answers[i])
		for n, typed := range q.lines {
			if n >= len(said) {
				unanswered += len(q.lines) - n
				break
			}
			theirs, complaint := traced(said[n])
			set, address, _ := strings.Cut(typed, " ")
			ours, err := rewritten(e, address, set)
			compared++
			if err != nil && (complaint != "" || errors.Is(err, cf.ErrLong)) || slices.Equal(ours, theirs) {
				continue
			}
			if wrong++; wrong > 8 {
				t.Fatalf("more differences")
			}
			t.Errorf("configuration %d, %q: %v\nours\n%s\ntheirs\n%s\n%s\n%s", i, typed, err, strings.Join(ours, "\n"), strings.Join(theirs, "\n"), complaint, q.text)
		}
	}
	t.Logf("%d rewritings compared, %d that Sendmail did not get to the end of", compared, unanswered)
	if lab.Many(cases) && unanswered > compared/10 {
		t.Errorf("Sendmail did not answer %d of %d questions: the cases say too little", unanswered, compared)
	}
}

func makeTable(t *testing.T, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := lab.Output(t.Context(), root, "/usr/sbin/makemap hash "+name+" < "+name); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// tableLookup answers from the text of a table.
func tableLookup(text string) cf.Lookup {
	entries := map[string]string{}
	for l := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(l), "\t"); ok {
			entries[strings.ToLower(key)] = value
		}
	}
	return func(m cf.Map, key string) (string, cf.Answer) {
		if m.Class != "hash" {
			return "", cf.Unknown
		}
		if v, ok := entries[key]; ok {
			return v, cf.Found
		}
		return "", cf.Missing
	}
}

// TestShownParity: =M, =S and $= say what this package says of the rules, mailers
// and classes of the package's own configuration and of made-up ones.
func TestShownParity(t *testing.T) {
	root := lab.Root(t, lab.Sendmail)
	seed := lab.Seed(t)
	t.Logf(parityHelp, seed)
	g := generator{rand.New(rand.NewPCG(seed, 2))}
	var list []question
	for _, name := range []string{"sendmail.cf", "submit.cf"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/mail", name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, question{text: string(text)})
	}
	for range 40 {
		list = append(list, question{text: g.rules(8)})
	}
	first := ask(t, root, given(list))
	for i := range list {
		c := cf.Parse(list[i].text, macrosOf(first[i]))
		list[i].lines = []string{"=M", "$=A", "$={Long}", "$=O", "$={TrustAuthMech}", "$=t"}
		for _, s := range c.Rulesets {
			list[i].lines = append(list[i].lines, "=S"+s.Title())
		}
	}
	compared := 0
	for i, out := range ask(t, root, list) {
		c := cf.Parse(list[i].text, macrosOf(first[i]))
		for n, section := range sections(out) {
			ours, theirs := shown(c, list[i].lines[n]), plain(list[i].lines[n], section)
			compared++
			if ours != theirs {
				t.Errorf("configuration %d, %s\nours\n%s\ntheirs\n%s", i, list[i].lines[n], ours, theirs)
			}
		}
	}
	t.Logf("%d answers compared", compared)
}

// given4 asks for the macros that Sendmail sets itself.
var given4 = []string{"$j", "$w", "$m", "$k"}

func given(list []question) []question {
	out := slices.Clone(list)
	for i := range out {
		out[i].lines = given4
	}
	return out
}

// macrosOf reads what sendmail said of the macros that it sets itself.
func macrosOf(out string) cf.Given {
	given := cf.Given{}
	for i, section := range sections(out) {
		if value := strings.TrimSpace(section); value != "Undefined" && i < len(given4) {
			given[given4[i][1:]] = value
		}
	}
	return given
}

func shown(c *cf.Config, typed string) string {
	var out []string
	switch {
	case typed == "=M":
		for _, m := range c.Mailers {
			flags := strings.Split(m.Flags, "")
			if m.Name == "prog" { // never gets several recipients, whatever its flags say
				flags = slices.DeleteFunc(flags, func(f string) bool { return f == "m" })
			}
			slices.Sort(flags)
			out = append(out, m.Name+" P="+m.Path+" F="+strings.Join(slices.Compact(flags), "")+" A="+strings.Join(m.Argv, " "))
		}
		slices.Sort(out)
	case strings.HasPrefix(typed, "$="):
		out = c.Classes[strings.Trim(typed[2:], "{}")].Words()
	default:
		for _, r := range c.Ruleset(typed[2:]).Rules {
			out = append(out, "R"+cf.Show(r.Pattern)+" => "+cf.Show(r.Result))
		}
	}
	return strings.Join(out, "\n")
}

// plain writes sendmail's own answer in the same way.
func plain(typed, theirs string) string {
	lines := map[string]bool{}
	var out []string
	for l := range strings.Lines(theirs) {
		l = strings.TrimSpace(l)
		switch {
		case l == "":
		case strings.HasPrefix(typed, "$="):
			lines[strings.ToLower(l)] = true
		case typed == "=M":
			if m := mailerLine(l); m != "" {
				lines[m] = true
			}
		case strings.HasPrefix(l, "R"):
			left, right, _ := strings.Cut(l, "\t\t")
			out = append(out, strings.TrimSpace(left)+" => "+strings.TrimSpace(right))
		}
	}
	return strings.Join(append(out, slices.Sorted(maps.Keys(lines))...), "\n")
}

func mailerLine(l string) string {
	_, l, _ = strings.Cut(l, "(")
	name, rest, _ := strings.Cut(l, "): ")
	if strings.HasPrefix(name, "*") { // *file* and *include* are always there
		return ""
	}
	f := strings.Fields(rest)
	path, flags := "", ""
	for _, w := range f {
		if strings.HasPrefix(w, "P=") && path == "" {
			path = w
		}
		if strings.HasPrefix(w, "F=") && flags == "" {
			flags = w
		}
	}
	_, argv, _ := strings.Cut(rest, " A=")
	return name + " " + path + " " + flags + " A=" + argv
}

// TestOptionsParity: options are taken under the names, and with the values, that
// sendmail -d37.1 tells, however they are spelled.
func TestOptionsParity(t *testing.T) {
	seed := lab.Seed(t)
	t.Logf(parityHelp, seed)
	root := lab.Root(t, lab.Sendmail)
	g := generator{rand.New(rand.NewPCG(seed, 5))}
	var list []question
	for _, name := range []string{"sendmail.cf", "submit.cf"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/mail", name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, question{text: string(text)})
	}
	for range 40 {
		list = append(list, question{text: "V10/Berkeley\n" + g.options(30)})
	}
	dir := filepath.Join(root, "cases")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, q := range list {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.cf", i)), []byte(q.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := lab.Output(t.Context(), root, `cd /cases && for f in *.cf; do timeout -s KILL 5 /usr/sbin/sendmail -bt -d37.1 -C /cases/$f < /dev/null > ${f%.cf}.out 2>&1 || true; done`); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	compared := 0
	for i, q := range list {
		out, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.out", i)))
		if err != nil {
			t.Fatal(err)
		}
		var ours, theirs []string
		for _, o := range cf.Parse(q.text, cf.Given{}).Options {
			if o.Known {
				ours = append(ours, o.Name+"="+strings.TrimSpace(o.Value))
			}
		}
		for l := range strings.Lines(string(out)) {
			if rest, ok := strings.CutPrefix(l, "setoption "); ok && !strings.Contains(l, " (ignored)") {
				name, rest, _ := strings.Cut(rest, " (")
				_, rest, _ = strings.Cut(rest, ")")
				sub, value, _ := strings.Cut(rest, "=")
				theirs = append(theirs, name+strings.ToLower(sub)+"="+strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "(unsafe)")))
			}
		}
		// The mode -bt sets two options after the file.
		for len(theirs) > 0 && (theirs[len(theirs)-1] == "DeliveryMode=" || theirs[len(theirs)-1] == "HoldExpensive=F") {
			theirs = theirs[:len(theirs)-1]
		}
		compared += len(theirs)
		if !slices.Equal(ours, theirs) {
			for n := range max(len(ours), len(theirs)) {
				if n >= len(ours) || n >= len(theirs) || ours[n] != theirs[n] {
					t.Errorf("configuration %d, option %d: ours %q, theirs %q", i, n+1, ours[min(n, len(ours)):min(n+2, len(ours))], theirs[min(n, len(theirs)):min(n+2, len(theirs))])
					break
				}
			}
		}
	}
	t.Logf("%d options compared", compared)
}

// options are lines of options that do nothing but stand there, in many spellings.
func (g generator) options(n int) string {
	var b strings.Builder
	for range n {
		name := g.pick("HelpFile", "StatusFile", "Timeout.queuereturn", "Timeout.mail", "PostmasterCopy", "DoubleBounceAddress", "MaxHopCount", "ForwardPath", "ErrorHeader", "FallbackMXhost", "SmtpGreetingMessage", "ProcessTitlePrefix", "BlankSub", "PidFile", "DeadLetterDrop", "MaxRecipientsPerMessage", "Milter.LogLevel")
		if g.IntN(3) == 0 {
			name = strings.ToLower(name)
		}
		if g.IntN(4) == 0 && !strings.Contains(name, ".") && len(name) > 9 {
			name = name[:len(name)-2]
		}
		if g.IntN(6) == 0 {
			b.WriteString("O" + g.pick("H/etc/mail/h", "P"+g.word(), "h30", "J$z/.f", "S/var/s") + "\n")
			continue
		}
		b.WriteString("O " + name + g.pick("=", " = ", "= ", " =") + g.pick("5", "7m", "/x/y", "a b", "x@y.example", "$j") + g.pick("\n", "  # comment\n", " \n"))
	}
	return b.String()
}
