package maildrop

import (
	"regexp"
	"strconv"
	"strings"
)

// process is a maildrop with one message: a small evaluator of what Parse gives,
// for TestParity. It knows the programs of that test alone.
type process struct {
	vars         map[string]string
	header, body string
	files        map[string]string
	did          []string
}

// thrown is how maildrop leaves a statement: not at all, or with an exit code.
type thrown struct {
	out  bool
	code int
}

func (p *process) run(text string) thrown {
	f := Parse(text)
	if len(f.Problems) > 0 {
		return thrown{true, 75}
	}
	return p.statements(f.Statements)
}

func (p *process) statements(list []Statement) thrown {
	for _, s := range list {
		if t := p.statement(s); t.out {
			return t
		}
	}
	return thrown{}
}

func (p *process) statement(s Statement) thrown {
	switch s.Verb {
	case "{":
		return p.statements(s.Then)
	case "if":
		if truth(p.value(s.Expr)) {
			return p.statements(s.Then)
		}
		return p.statements(s.Else)
	case "exception":
		if t := p.statements(s.Then); t.out && t.code == 0 {
			return t
		}
	case "to", "cc":
		p.deliver(p.value(s.Expr))
		if s.Verb == "to" {
			return p.exit()
		}
	case "exit": // no exception catches that of maildrop 2
		return thrown{out: true}
	case "include":
		return p.run(p.files[p.value(s.Expr)])
	case "system":
		p.command(p.value(s.Expr))
	case "xfilter":
		p.command(p.value(s.Expr))
		p.header += "X-F: yes\n" // the only filter of the test
	case "":
		p.value(s.Expr)
	}
	return thrown{}
}

func (p *process) exit() thrown {
	code, _ := strconv.Atoi(p.vars["EXITCODE"])
	return thrown{true, code}
}

func (p *process) deliver(to string) {
	if strings.HasPrefix(to, "!") {
		to = p.expand(to) // the shell does
	}
	if command, ok := strings.CutPrefix(to, "|"); ok {
		p.vars["EXITCODE"] = "0"
		if !p.command(command) {
			p.vars["EXITCODE"] = "1"
		}
		return
	}
	if address, ok := strings.CutPrefix(to, "!"); ok {
		p.did = append(p.did, "send "+strings.TrimSpace(address))
		p.vars["EXITCODE"] = "0"
		return
	}
	p.did = append(p.did, "folder "+to)
}

func (p *process) command(line string) bool {
	words := strings.Fields(line)
	if strings.HasPrefix(words[0], "/parity/bin/") {
		p.did = append(p.did, "note "+strings.Join(words[1:], " "))
	}
	return !strings.HasSuffix(words[0], "/fail")
}

func truth(s string) bool { return s != "" && s != "0" }

func number(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

func (p *process) value(e *Expr) string {
	switch e.Op {
	case "string":
		return p.expand(e.Text)
	case "literal":
		return e.Text
	case "command":
		p.command(e.Text)
		if rest, ok := strings.CutPrefix(e.Text, "echo "); ok {
			return rest
		}
		return ""
	case "concat":
		out := ""
		for _, a := range e.Args {
			out += p.value(a)
		}
		return out
	case "pattern":
		return number(p.search(e.Text))
	case "=":
		v := p.value(e.Args[1])
		p.vars[e.Args[0].Text] = v
		return v
	case "!":
		return number(!truth(p.value(e.Args[0])))
	case "length":
		return strconv.Itoa(len(p.value(e.Args[0])))
	case "tolower":
		return strings.ToLower(p.value(e.Args[0]))
	case "toupper":
		return strings.ToUpper(p.value(e.Args[0]))
	case "=~":
		text := p.value(e.Args[0])
		pattern, flags, _ := cutPattern(e.Args[1].Text)
		return number(compiled(p.expand(pattern), flags).MatchString(text))
	case "&&", "||":
		left := p.value(e.Args[0])
		if truth(left) == (e.Op == "||") {
			return left
		}
		return p.value(e.Args[1])
	}
	return p.compare(e)
}

func (p *process) compare(e *Expr) string {
	a, b := p.value(e.Args[0]), p.value(e.Args[1])
	x, _ := strconv.ParseFloat(strings.TrimSpace(a), 64)
	y, _ := strconv.ParseFloat(strings.TrimSpace(b), 64)
	switch e.Op {
	case "eq":
		return number(a == b)
	case "ne":
		return number(a != b)
	case "lt":
		return number(a < b)
	case "==":
		return number(x == y)
	case ">=":
		return number(x >= y)
	case ">":
		return number(x > y)
	case "+":
		return strconv.FormatFloat(x+y, 'f', -1, 64)
	}
	panic("an operator that the test does not have: " + e.Op)
}

// search looks for a pattern line by line, as maildrop does.
func (p *process) search(s string) bool {
	text, flags, _ := cutPattern(s)
	re := compiled(p.expand(text), flags)
	area := p.header
	switch {
	case strings.Contains(flags, "b"):
		area = p.body
	case strings.Contains(flags, "w"):
		area += p.body
	}
	for line := range strings.Lines(area) {
		if re.MatchString(strings.TrimSuffix(line, "\n")) {
			return true
		}
	}
	return false
}

func compiled(pattern, flags string) *regexp.Regexp {
	if !strings.Contains(flags, "D") {
		pattern = "(?i)" + pattern
	}
	return regexp.MustCompile(pattern)
}

func (p *process) expand(s string) string {
	var b strings.Builder
	for i := dollar(s); i >= 0; i = dollar(s) {
		b.WriteString(s[:i])
		name, rest := variableName(s[i+1:])
		if name == "" {
			b.WriteByte('$')
		}
		b.WriteString(p.vars[name])
		s = rest
	}
	return b.String() + s
}
