package procmail

import (
	"regexp"
	"strconv"
	"strings"
)

// process is a procmail with one message: a small evaluator of what Parse gives,
// for TestParity. It knows the programs of that test alone.
type process struct {
	vars         map[string]string
	header, body string
	last, prev   bool // outcome of the conditions before, for A and E
	succeeded    bool // of the action before, for a and e
	ended        bool
	files        map[string]string
	did          *[]string
}

func (p *process) clone() *process {
	c := *p
	c.vars = map[string]string{}
	for k, v := range p.vars {
		c.vars[k] = v
	}
	return &c
}

func (p *process) note(what string) { *p.did = append(*p.did, what) }

// items runs items, and what comes behind them.
func (p *process) items(list []Item, then func(*process)) {
	if p.ended {
		return
	}
	if len(list) == 0 {
		then(p)
		return
	}
	rest := func(q *process) { q.items(list[1:], then) }
	if a := list[0].Assignment; a != nil {
		p.assign(*a, rest)
		return
	}
	p.recipe(*list[0].Recipe, rest)
}

func (p *process) assign(a Assignment, then func(*process)) {
	value := p.expand(a.Value)
	p.vars[a.Name] = value
	switch a.Name {
	case "HOST":
		if value != "mail" {
			p.end()
			return
		}
	case "INCLUDERC", "SWITCHRC":
		text, ok := p.files[value]
		switch {
		case a.Name == "SWITCHRC" && value == "":
			p.over()
			return
		case !ok:
		case a.Name == "SWITCHRC":
			p.items(Parse(text).Items, (*process).over)
			return
		default:
			p.items(Parse(text).Items, then)
			return
		}
	}
	then(p)
}

// over: the end of the rc file delivers to DEFAULT.
func (p *process) over() {
	p.note("folder " + p.vars["DEFAULT"])
	p.end()
}

func (p *process) end() {
	p.ended = true
	if trap := p.vars["TRAP"]; trap != "" {
		p.run(trap)
	}
}

func (p *process) recipe(r Recipe, then func(*process)) {
	i := p.conditions(r)
	if !r.Has('A') && !r.Has('a') {
		p.last = i
	}
	if !p.prev || !r.Has('E') {
		p.prev = i
	}
	if !i {
		then(p)
		return
	}
	a := r.Action
	switch {
	case a.Kind == Block:
		p.block(r, then)
		return
	case a.Capture != "":
		p.vars[a.Capture], p.succeeded = p.run(a.Command)
		then(p)
		return
	case a.Kind == Pipe && r.Has('f'):
		p.header += "X-F: yes\n" // the only filter of the test
		p.succeeded = true
		then(p)
		return
	case a.Kind == Pipe:
		_, ok := p.run(a.Command)
		p.succeeded = ok || !r.Has('w') && !r.Has('W')
	case a.Kind == Forward:
		p.note("send " + strings.Join(strings.Fields(strings.ReplaceAll(p.expand(a.Text), between, " ")), " "))
		p.succeeded = true
	default:
		name := p.expand(a.Text)
		p.succeeded = !strings.HasPrefix(name, "nodir/")
		if p.succeeded && name != "/dev/null" {
			p.note("folder " + name)
		}
	}
	if p.succeeded && !r.Has('c') {
		p.end()
		return
	}
	then(p)
}

func (p *process) block(r Recipe, then func(*process)) {
	p.succeeded = true
	last, prev := p.last, p.prev
	out := func(q *process) {
		q.last, q.prev = last, prev
		then(q)
	}
	if !r.Has('c') {
		p.items(r.Action.Items, out)
		return
	}
	p.clone().items(r.Action.Items, out)
	then(p)
}

func (p *process) conditions(r Recipe) bool {
	i := true
	switch {
	case r.Has('e'):
		i = p.prev && !p.succeeded
	case r.Has('E'):
		i = !p.prev
	case r.Has('a'):
		i = p.last && p.succeeded
	case r.Has('A'):
		i = p.last
	}
	score, scored := 0.0, false
	for _, raw := range r.Conditions {
		if !i {
			break
		}
		c := condition(raw, r.area(), func(s string) string {
			t, _, _ := readWords(s, 0, whole, doubleQuoted)
			return p.expand(t)
		})
		ok := p.holds(c, r.Has('D'))
		if c.Weight != "" {
			w, _ := strconv.ParseFloat(strings.TrimSuffix(c.Weight, "^0"), 64)
			if scored = true; ok {
				score += w
			}
			continue
		}
		i = ok
	}
	return i && (!scored || score > 0)
}

func (p *process) holds(c Condition, exact bool) bool {
	header := p.header
	text := map[string]string{"header": header, "body": p.body, "message": header + "\n" + p.body}[c.Area]
	if name, ok := strings.CutPrefix(c.Area, "$"); ok {
		text = p.vars[name]
	}
	switch c.Test {
	case "program":
		_, ok := p.run(c.Text)
		return ok != c.Negated
	case "smaller", "larger":
		n, _ := strconv.Atoi(c.Text)
		return (c.Test == "smaller" && len(text) < n || c.Test == "larger" && len(text) > n) != c.Negated
	}
	return pattern(c.Text, exact).MatchString(text) != c.Negated
}

// pattern makes an expression of Go of one of procmail's: as far as the test has
// them.
func pattern(s string, exact bool) *regexp.Regexp {
	s = strings.ReplaceAll(s, "^TO_", `(^((Original-)?(Resent-)?(To|Cc|Bcc)|(X-Envelope|Apparently(-Resent)?)-To):(.*[^-a-zA-Z0-9_.])?)`)
	s = strings.ReplaceAll(strings.ReplaceAll(s, "[^-", "[^\\-"), "[^", "[^\\n")
	if !exact {
		s = "(?i)" + s
	}
	return regexp.MustCompile("(?m)" + s)
}

func (p *process) expand(t Text) string {
	var b strings.Builder
	for _, piece := range t {
		switch piece.Kind {
		case Literal:
			b.WriteString(piece.Text)
		case Break:
			b.WriteString(between)
		case Command:
			out, _ := p.run(piece.Text)
			b.WriteString(out)
		case Variable:
			b.WriteString(p.variable(piece))
		}
	}
	return b.String()
}

func (p *process) variable(piece Piece) string {
	value, set := p.vars[piece.Text]
	has := set && (value != "" || !strings.HasPrefix(piece.Or, ":"))
	switch {
	case piece.Or == "" || has && strings.HasSuffix(piece.Or, "-"):
		return value
	case has == strings.HasSuffix(piece.Or, "+"):
		return p.expand(piece.Else)
	}
	return ""
}

// run knows "note NAME", "fail NAME", "true", "false" and "echo WORD".
func (p *process) run(command string) (printed string, ok bool) {
	t, _, _ := readWords(command, 0, byLine, nothingYet)
	words := strings.Split(p.expand(t), between)
	switch words[0] {
	case "note", "fail":
		p.note("note " + strings.Join(words[1:], " "))
	case "echo":
		return strings.Join(words[1:], " "), true
	}
	return "", words[0] != "fail" && words[0] != "false"
}
