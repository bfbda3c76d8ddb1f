package maildrop

import (
	"cmp"
	"strconv"
	"strings"

	"waxseal/internal/mailbox/possible"
)

func itoa(n int) string { return strconv.Itoa(n) }

func clip(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// one is the value that a variable most likely holds.
func (w *walk) one(name string) Value {
	if values, _ := w.vars.Get(name); len(values) > 0 {
		return values[0]
	}
	return Value{Known: true}
}

// found are variables that hold what is in the message or on the command line.
func found(name string) bool {
	return strings.HasPrefix(name, "MATCH") || strings.Trim(name, "0123456789") == "" || name == "FROM" || name == "SIZE" || name == "LINES" || name == "HOSTNAME"
}

func (w *walk) variable(name string) []Value {
	values, ok := w.vars.Get(name)
	switch {
	case ok:
		return values
	case found(name):
		return []Value{{Text: "$" + name}}
	}
	return []Value{{Known: true}}
}

// values gives every text that an expression can have.
func (w *walk) values(e *Expr) []Value {
	if e == nil {
		return []Value{{Known: true}}
	}
	switch e.Op {
	case "string":
		return w.expand(e.Text)
	case "literal":
		return []Value{{Text: e.Text, Known: true}}
	case "command":
		return []Value{{Text: "`" + e.Text + "`"}}
	case "concat":
		out := []Value{{Known: true}}
		for _, a := range e.Args {
			out = possible.Product(out, w.values(a))
		}
		return out
	case "tolower", "toupper":
		return w.cased(e)
	}
	return []Value{{Text: "$(" + w.words(e) + ")"}} // worked out as mail comes
}

func (w *walk) cased(e *Expr) []Value {
	change := strings.ToLower
	if e.Op == "toupper" {
		change = strings.ToUpper
	}
	var out []Value
	for _, v := range w.values(e.Args[0]) {
		out = append(out, Value{Text: change(v.Text), Known: v.Known})
	}
	return out
}

// expand replaces $name and ${name}; a backslash keeps a dollar sign, and stays.
func (w *walk) expand(s string) []Value {
	out := []Value{{Known: true}}
	for s != "" {
		i := dollar(s)
		if i < 0 {
			break
		}
		name, rest := variableName(s[i+1:])
		literal := s[:i]
		if name == "" {
			literal, rest = s[:i+1], s[i+1:]
		}
		out = possible.Product(out, []Value{{Text: literal, Known: true}})
		if name != "" {
			out = possible.Product(out, w.variable(name))
		}
		s = rest
	}
	return possible.Product(out, []Value{{Text: s, Known: true}})
}

// dollar finds the first dollar sign that no backslash precedes.
func dollar(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '$':
			return i
		}
	}
	return -1
}

// variableName takes a name, or one in braces, off the front.
func variableName(s string) (name, rest string) {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if end := strings.IndexByte(inner, '}'); end >= 0 && !strings.ContainsAny(inner[:end], " \t\r\n\v\f") {
			return inner[:end], inner[end+1:]
		}
		return "", s
	}
	end := 0
	for end < len(s) && (isAlnum(int(s[end])) || s[end] == '_') {
		end++
	}
	return s[:end], s[end:]
}

// evaluate follows an expression that is a statement: an assignment, mostly.
func (w *walk) evaluate(e *Expr) {
	w.commands(e)
	if e == nil || e.Op != "=" {
		return
	}
	name := e.Args[0].Text
	values := w.values(e.Args[1])
	w.vars.Set(name, values...)
	for _, v := range values {
		if name == "DEFAULT" {
			w.delivery(Effect{Line: e.Line, Name: name}, v)
			continue
		}
		w.emit(Effect{Kind: Sets, Line: e.Line, Name: name, Value: v, Copy: true})
	}
}

// commands emits the commands and files that an expression asks.
func (w *walk) commands(e *Expr) {
	if e == nil {
		return
	}
	switch e.Op {
	case "command":
		w.emit(Effect{Kind: Evaluates, Line: e.Line, Name: "backticks", Value: Value{Text: e.Text, Known: !strings.Contains(e.Text, "$")}, Copy: true, Shell: w.one("SHELL").Text})
	case "lookup", "gdbmopen":
		file := e.Args[0]
		if e.Op == "lookup" && len(e.Args) > 1 {
			file = e.Args[1]
		}
		for _, v := range w.values(file) {
			w.emit(Effect{Kind: Looks, Line: e.Line, Name: e.Op, Value: Value{Text: w.below(v.Text), Known: v.Known}, Copy: true})
		}
	}
	for _, a := range e.Args {
		w.commands(a)
	}
}

// words is an expression as a reader would say it.
func (w *walk) words(e *Expr) string {
	var b strings.Builder
	w.say(&b, e)
	return clip(b.String())
}

const maxSaid = 2000

func (w *walk) say(b *strings.Builder, e *Expr) {
	if e == nil || b.Len() > maxSaid {
		return
	}
	switch {
	case e.Op == "string" || e.Op == "literal" || e.Op == "concat":
		b.WriteString(cmp.Or(w.values(e)[0].Text, e.Text, `""`))
	case e.Op == "command":
		b.WriteString("`" + e.Text + "`")
	case e.Op == "pattern":
		b.WriteString(w.pattern(e.Text))
	case e.Op == "=~":
		text, _, _ := cutPattern(e.Args[1].Text)
		w.say(b, e.Args[0])
		b.WriteString(` matches "` + w.expand(text)[0].Text + `"`)
	case e.Op == "!":
		b.WriteString("not (")
		w.say(b, e.Args[0])
		b.WriteString(")")
	case len(e.Args) == 2 && !calls[e.Op]:
		w.both(b, e)
	default:
		w.call(b, e)
	}
}

func (w *walk) both(b *strings.Builder, e *Expr) {
	op := map[string]string{"&&": "and", "||": "or"}[e.Op]
	if op == "" {
		op = e.Op
	}
	w.say(b, e.Args[0])
	b.WriteString(" " + op + " ")
	w.say(b, e.Args[1])
}

func (w *walk) call(b *strings.Builder, e *Expr) {
	b.WriteString(e.Op + "(")
	for i, a := range e.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		w.say(b, a)
	}
	b.WriteString(")")
}

// cutPattern splits /text/:flags.
func cutPattern(s string) (text, flags string, ok bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '/':
			return s[1:i], strings.TrimPrefix(s[i+1:], ":"), true
		}
	}
	return s, "", false
}

// pattern says where a pattern looks (maildropfilter(7) "Pattern options").
func (w *walk) pattern(s string) string {
	text, flags, _ := cutPattern(s)
	area := "header"
	switch head, body := strings.ContainsAny(flags, "hH"), strings.Contains(flags, "b"); {
	case strings.Contains(flags, "w") && !head && !body, head && body:
		area = "message"
	case body:
		area = "body"
	}
	said := area + ` matches "` + clip(w.expand(text)[0].Text) + `"`
	if weight := strings.IndexAny(flags, "0123456789.+-"); weight >= 0 {
		said += " (weight " + flags[weight:] + ")"
	}
	return said
}
