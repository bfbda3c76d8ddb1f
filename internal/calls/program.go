package calls

import (
	"strings"

	"waxseal"
)

// program is the tokens of one text in Perl, Lua or Python, with what is known of them.
type program struct {
	*finder
	text   string
	tokens []token
	// closer is the token that closes the bracket a token opens, 0 where none does.
	closer []int
	// parent is the bracket that a token stands in, -1 outside of all.
	parent []int
	known  map[string]known  // variables
	alias  map[string]string // what a name stands for: "http" for "socket.http"
	stars  []string          // Python: modules all of whose names are imported
}

// known is the value of a variable, as long as it is set once and to a literal.
type known struct {
	value string
	times int
}

func newProgram(f *finder, s *scanner) *program {
	p := &program{finder: f, text: s.text, tokens: s.tokens, known: map[string]known{}, alias: map[string]string{}}
	p.brackets()
	p.variables()
	return p
}

// brackets pairs them. One that closes nothing is passed over.
func (p *program) brackets() {
	p.closer, p.parent = make([]int, len(p.tokens)), make([]int, len(p.tokens))
	var open []int
	for i, t := range p.tokens {
		p.parent[i] = -1
		if len(open) > 0 {
			p.parent[i] = open[len(open)-1]
		}
		if t.sort != op || len(t.text) != 1 {
			continue
		}
		switch strings.IndexByte("([{)]}", t.text[0]) {
		case 0, 1, 2:
			open = append(open, i)
		case 3, 4, 5:
			if len(open) > 0 && strings.Index(")]}", t.text) == strings.Index("([{", p.tokens[open[len(open)-1]].text) {
				p.closer[open[len(open)-1]] = i
				open = open[:len(open)-1]
			}
		}
	}
}

// at is a token, the zero operator outside of the text.
func (p *program) at(i int) token {
	if i < 0 || i >= len(p.tokens) {
		return token{sort: op}
	}
	return p.tokens[i]
}

// variables notes those that are set once, to literals.
func (p *program) variables() {
	for i := range p.tokens {
		n, end, ok := p.assigned(i)
		if !ok {
			continue
		}
		k := p.known[n]
		k.times++
		if value, last, ok := p.constant(end); ok && p.endsStatement(last) {
			k.value = value
		} else {
			k.times++ // by something that is no literal
		}
		p.known[n] = k
	}
}

// assigned reports whether a token is a variable to which something is assigned, and
// where the value begins.
func (p *program) assigned(i int) (n string, value int, ok bool) {
	t, next := p.tokens[i], p.at(i+1)
	if t.sort == variable && t.text[0] != '$' || t.sort != variable && (p.lang == Perl || t.sort != name) || p.at(i-1).is(".") {
		return "", 0, false
	}
	if next.sort == op && len(next.text) > 1 && strings.HasSuffix(next.text, "=") && !strings.ContainsAny(next.text[:1], "=!~<>") {
		return t.text, 0, true
	}
	return t.text, i + 2, next.is("=")
}

// constant is the text of literals that are put together from a token on, and where
// they end.
func (p *program) constant(i int) (value string, end int, ok bool) {
	if i == 0 {
		return "", 0, false
	}
	var b strings.Builder
	for steps := 0; steps < maxArguments; steps++ {
		t := p.at(i)
		v, known := p.valueOf(t)
		if !known {
			return "", i, false
		}
		b.WriteString(v)
		i++
		switch next := p.at(i); {
		case next.is(p.joins()):
			i++
		case next.sort == literal && p.lang == Python:
		default:
			return b.String(), i, true
		}
	}
	return "", i, false
}

// joins is the operator that puts strings together.
func (p *program) joins() string {
	return map[Language]string{Perl: ".", Lua: "..", Python: "+"}[p.lang]
}

// valueOf is the value of a token, if that is known.
func (p *program) valueOf(t token) (string, bool) {
	switch {
	case t.sort == literal && !t.open, t.sort == number:
		return t.text, true
	case t.sort == variable || t.sort == name && p.lang != Perl:
		k, ok := p.known[t.text]
		return k.value, ok && k.times == 1
	}
	return "", false
}

// endsStatement reports whether a value is over at a token.
func (p *program) endsStatement(i int) bool {
	t := p.at(i)
	switch p.lang {
	case Perl:
		return t.is(";") || t.is("}") || i >= len(p.tokens)
	case Python:
		return t.sort == newline || t.is(";") || i >= len(p.tokens)
	}
	return t.sort != op || t.is(";") || i >= len(p.tokens)
}

// calls looks at every token that may begin a call.
func (p *program) calls() {
	for i := 0; i < len(p.tokens) && !p.full(); i++ {
		t := p.tokens[i]
		switch {
		case t.sort == command:
			p.run(i)
		case t.sort == literal:
			p.reaches(i)
		case t.sort == op && p.lang == Perl:
			p.symbolic(i)
		case t.sort == variable && t.text == "$ENV", t.named("environ") && p.lang == Python:
			p.environment(i)
		case t.sort == name && p.lang == Perl:
			p.perlCall(i)
		case t.sort == name && p.starts(i):
			p.dotted(i)
		}
	}
}

// run notes a command in backticks.
func (p *program) run(i int) {
	t := p.tokens[i]
	c := Call{Line: t.line, Name: "`", Text: p.text[t.from:t.to], Kind: waxseal.KindExpansionExec, Effects: runs,
		Target: waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimSpace(t.text)}}
	if c.Text == "" || strings.HasPrefix(c.Target.Value, "$") {
		c.Target = waxseal.Target{}
	}
	p.add(c)
}

// reaches notes a call of a name without meaning to us to which a URL is given.
func (p *program) reaches(i int) {
	u, ok := urlIn(p.tokens[i].text)
	open := p.parent[i]
	if !ok || isLocal(u) {
		return
	}
	for open > 0 && !p.tokens[open].is("(") && p.at(open-1).sort != name {
		open = p.parent[open] // a list or table among the arguments
	}
	if open < 1 || p.at(open-1).sort != name || p.isDefinition(open-1) {
		return
	}
	n := p.nameBefore(open)
	if _, matters := p.lookup(n); matters || harmlessWith[n[strings.LastIndexAny(n, ".:>")+1:]] {
		return // told by itself, or no harm
	}
	p.add(Call{Line: p.tokens[i].line, Name: n, Text: p.source(open-1, p.closes(open)), Kind: waxseal.KindPolicy, Effects: asks, Target: waxseal.Target{Type: waxseal.TargetHost, Value: u}})
}

// harmlessWith are calls that do nothing with a URL but print, log, compare or keep
// it.
var harmlessWith = map[string]bool{"print": true, "printf": true, "sprintf": true, "format": true, "log": true, "die": true, "warn": true, "push": true, "insert": true, "md_syslog": true,
	"syslog": true, "md_graphdefang_log": true, "debug": true, "info": true, "warning": true, "error": true, "errx": true, "infox": true, "match": true, "find": true, "gsub": true,
	"if": true, "elsif": true, "return": true, "my": true, "our": true, "while": true, "and": true, "or": true, "not": true, "add_regexp": true, "action_bounce": true, "action_add_header": true, "action_change_header": true}

// closes is the token behind which the bracket at a token is over; an open one ends
// nearby.
func (p *program) closes(open int) int {
	if end := p.closer[open]; end > 0 {
		return end
	}
	return min(len(p.tokens)-1, open+8)
}

// source is the text from one token to another.
func (p *program) source(from, to int) string {
	a, b := p.at(from), p.at(to)
	if b.to < a.from {
		b = a
	}
	return p.text[a.from:min(b.to, a.from+4*maxText)]
}

// isDefinition reports whether a name is that of a definition.
func (p *program) isDefinition(i int) bool {
	prev := p.at(i - 1)
	return prev.named("sub") || prev.named("function") || prev.named("def") || prev.named("class") || prev.named("package")
}

// lookup finds what a name means: itself, by what it stands for, or as a method.
func (p *program) lookup(n string) (Word, bool) {
	for _, candidate := range p.candidates(n) {
		if w, ok := p.word(candidate); ok {
			return w, true
		}
	}
	return Word{}, false
}
