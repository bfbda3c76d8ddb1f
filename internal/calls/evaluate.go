package calls

import (
	"strings"
)

// value works out the expression between two tokens.
func (r *run) value(from, to, depth int) Value {
	line := r.at(from).line
	r.steps++
	unknown := Value{Sort: Unknown, Text: Clip(r.source(from, to-1)), Line: line}
	switch {
	case from >= to:
		return Value{Sort: Undef, Line: line}
	case depth > maxNesting || r.steps > maxSteps:
		return unknown
	}
	if parts, ops := r.operands(from, to); len(ops) > 0 {
		return r.combine(parts, ops, unknown, depth)
	}
	t := r.at(from)
	whole := r.closer[from] == to-1 && to > from+1
	switch {
	case t.is("(") && whole:
		return r.listOf(from+1, to-1, depth+1)
	case t.is("[") && whole:
		v := r.listOf(from+1, to-1, depth+1)
		v.Text = "["
		return v
	case t.is("{") && whole:
		return asHash(r.listOf(from+1, to-1, depth+1))
	case t.is("-"):
		if n, ok := r.value(from+1, to, depth+1).number(); ok {
			return ofNumber(-n, line)
		}
	case t.is("\\"):
		return r.referenced(from+1, to, depth, unknown)
	case t.sort == variable:
		return r.variable(from, to, unknown)
	case to == from+1:
		return r.atom(t, unknown)
	case t.sort == name:
		return r.made(from, to, unknown)
	}
	return unknown
}

// operands cuts an expression at its operators of one level; no operator where it has
// one that is not worked out.
func (r *run) operands(from, to int) (parts [][2]int, ops []string) {
	start := from
	for i := from; i < to; i++ {
		t := r.at(i)
		if c := r.closer[i]; c > i {
			i = c
			continue
		}
		if t.sort == op && i > start && strings.Contains(" . + - * / ", " "+t.text+" ") {
			parts, ops = append(parts, [2]int{start, i}), append(ops, t.text)
			start = i + 1
		}
		if t.sort == op && i > from && strings.Contains(" ? : || && // == != =~ !~ < > .. ! = ", " "+t.text+" ") {
			return [][2]int{{from, to}}, []string{"unknown"}
		}
	}
	return append(parts, [2]int{start, to}), ops
}

// combine works out arithmetic and the joining of strings: "*" and "/" bind tighter
// (perlop(1)).
func (r *run) combine(parts [][2]int, ops []string, unknown Value, depth int) Value {
	if ops[0] == "unknown" || r.at(parts[0][0]).is("\\") {
		return unknown
	}
	values := make([]Value, 0, len(parts))
	values = append(values, r.value(parts[0][0], parts[0][1], depth+1))
	var pending []string
	for i, operator := range ops {
		v := r.value(parts[i+1][0], parts[i+1][1], depth+1)
		if operator == "*" || operator == "/" {
			values[len(values)-1] = r.arithmetic(operator, values[len(values)-1], v)
			continue
		}
		values, pending = append(values, v), append(pending, operator)
	}
	out := values[0]
	for i, operator := range pending {
		if operator == "." {
			out = r.join(out, values[i+1])
		} else {
			out = r.arithmetic(operator, out, values[i+1])
		}
	}
	if out.Sort == Unknown {
		return unknown
	}
	return out
}

func (r *run) join(a, b Value) Value {
	a, b = r.named(single(a)), r.named(single(b))
	if (a.Sort != Scalar && a.Sort != Undef && a.Sort != "") || b.Sort != Scalar && b.Sort != Undef || len(a.Text)+len(b.Text) > maxValue {
		return Value{Sort: Unknown, Text: Clip(a.Text), Line: b.Line}
	}
	return Value{Sort: Scalar, Text: a.Text + b.Text, Line: a.Line}
}

// named puts the value in the place of a constant.
func (r *run) named(v Value) Value {
	if number, ok := r.Constants[v.Text]; ok && v.Sort == Scalar {
		v.Text = number
	}
	return v
}

func (r *run) arithmetic(operator string, a, b Value) Value {
	a, b = r.named(single(a)), r.named(single(b))
	x, okX := a.number()
	y, okY := b.number()
	if !okX || !okY || operator == "/" && y == 0 {
		return Value{Sort: Unknown, Line: a.Line}
	}
	switch operator {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	default:
		x /= y
	}
	return ofNumber(x, a.Line)
}

// listOf works out a list, whose own lists are part of it.
func (r *run) listOf(from, to, depth int) Value {
	out := Value{Sort: List, Line: r.at(from).line}
	start := from
	flush := func(end int) {
		if end == start {
			return
		}
		v := r.value(start, end, depth+1)
		if flattens(r.at(start), end-start, v) {
			out.Items = append(out.Items, v.Items...)
			r.steps += len(v.Items)
		} else {
			out.Items = append(out.Items, v)
		}
	}
	for i := from; i < to; i++ {
		switch t := r.at(i); {
		case t.is("=>") && i == start+1 && r.at(start).sort == name:
			out.Items = append(out.Items, Value{Sort: Scalar, Text: r.at(start).text, Line: t.line})
			start = i + 1
		case t.is(","), t.is("=>"):
			flush(i)
			start = i + 1
		}
		if c := r.closer[i]; c > i {
			i = c
		}
	}
	flush(to)
	if len(out.Items) > maxItems {
		return Value{Sort: Unknown, Text: "a list of more items than are kept", Line: out.Line}
	}
	return out
}

// flattens reports whether an element of a list is itself a list whose items are
// elements: (…), @x, %x.
func flattens(first token, n int, v Value) bool {
	return (v.Sort == List || v.Sort == Hash) && (first.is("(") || first.sort == variable && first.text[0] != '$' && n == 1)
}

func asList(v Value) Value {
	switch {
	case v.Sort == List && !v.reference():
		return v
	case v.Sort == Unknown:
		return v
	}
	return Value{Sort: List, Items: []Value{v}, Line: v.Line}
}

func asHash(v Value) Value {
	if v.Sort != List {
		return v
	}
	return Value{Sort: Hash, Items: v.Items, Line: v.Line}
}

// referenced is what a backslash makes: the value itself stands for its reference.
func (r *run) referenced(from, to, depth int, unknown Value) Value {
	t := r.at(from)
	switch {
	case t.sort == variable && to == from+1:
		if v, ok := r.Variables[r.plain(t.text)]; ok {
			if v.Sort == List {
				v.Text = "["
			}
			return v
		}
		return Value{Sort: map[byte]Sort{'@': List, '%': Hash}[t.text[0]], Text: map[byte]string{'@': "["}[t.text[0]], Line: t.line}
	case t.sort == literal && to == from+1:
		return r.value(from, to, depth+1)
	}
	unknown.Sort = Routine
	return unknown
}

// variable is the value of one that was set before, or of an element of it.
func (r *run) variable(from, to int, unknown Value) Value {
	n, keys, ok := r.place(from, to)
	if !ok {
		return unknown
	}
	v, set := r.Variables[n]
	if !set {
		if len(keys) > 0 {
			return unknown
		}
		return Value{Sort: Undef, Line: r.at(from).line}
	}
	for _, k := range keys {
		if v, ok = v.Lookup(k); !ok {
			return unknown
		}
	}
	v.Line = r.at(from).line
	return v
}

// atom is a literal, or a name that stands for a value.
func (r *run) atom(t token, unknown Value) Value {
	switch {
	case t.sort == number:
		if n, ok := (Value{Sort: Scalar, Text: t.text}).number(); ok {
			return ofNumber(n, t.line)
		}
	case t.sort == literal && isPattern(r.text[t.from:min(t.from+2, len(r.text))]):
		unknown.Sort = Routine
	case t.sort == literal && !t.open:
		return Value{Sort: Scalar, Text: t.text, Line: t.line}
	case t.sort == literal:
		return r.interpolate(t, unknown)
	case t.sort == command && r.Output != nil:
		if text, ok := r.Output(strings.TrimSpace(t.text)); ok {
			return Value{Sort: Scalar, Text: text, Line: t.line}
		}
	case t.named("undef"):
		return Value{Sort: Undef, Line: t.line}
	case t.sort == name && r.Constants[t.text] != "":
		return Value{Sort: Scalar, Text: t.text, Line: t.line}
	}
	return unknown
}

// isPattern reports whether a literal begins as a pattern does.
func isPattern(begin string) bool {
	return begin == "qr" || begin[0] == '/' || begin[0] == 'm' || begin[0] == 's' || begin[0] == 't' || begin[0] == 'y'
}

// made is what a name with arguments makes: nothing, or what only a routine knows.
func (r *run) made(from, to int, unknown Value) Value {
	t := r.at(from)
	switch {
	case t.text == "undef" && to == from+3 && r.at(from+1).is("("):
		return Value{Sort: Undef, Line: t.line}
	case t.text == "sub", t.text == "new_RE", strings.HasSuffix(t.text, "::new_RE"):
		unknown.Sort, unknown.Text = Routine, Clip(r.source(from, to-1))
		return unknown
	}
	return unknown
}

// interpolate puts the values of variables into a string.
func (r *run) interpolate(t token, unknown Value) Value {
	var b strings.Builder
	body := t.raw
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\' && i+1 < len(body):
			b.WriteString(unescape(body[i:min(i+2, len(body))], true))
			if i++; body[i] == 'x' {
				return unknown // a character by its number beside variables: left to Perl
			}
		case c == '$' || c == '@' && i+1 < len(body) && (isNameStart(body[i+1]) || body[i+1] == '{'):
			n, end := nameIn(body, i)
			v, ok := r.Variables[r.plain(n)]
			if len(n) < 2 || end < len(body) && (body[end] == '[' || body[end] == '{' || strings.HasPrefix(body[end:], "->")) || ok && (v.Sort == Unknown || v.Sort == Routine || c == '$' && v.Items != nil) || !ok && c == '@' {
				return unknown
			}
			b.WriteString(inString(r.named(v)))
			r.steps += b.Len()/64 + len(v.Items)
			i = end - 1
		default:
			b.WriteByte(c)
		}
		if b.Len() > maxValue {
			return unknown
		}
	}
	return Value{Sort: Scalar, Text: b.String(), Line: t.line}
}

// nameIn is the variable whose sigil stands at a place in a string.
func nameIn(body string, at int) (n string, end int) {
	from := at + 1
	if from < len(body) && body[from] == '{' {
		end = strings.IndexByte(body[from:], '}')
		if end < 0 || !plainName(body[from+1:from+end]) || end == 1 {
			return "", at + 1
		}
		return body[at:from] + body[from+1:from+end], from + end + 1
	}
	end = from
	for end < len(body) && (isName(body[end]) || strings.HasPrefix(body[end:], "::") && end+2 < len(body) && isNameStart(body[end+2]) || body[end] == ':' && end > from && body[end-1] == ':' && end+1 < len(body) && isNameStart(body[end+1])) {
		end++
	}
	return body[at:end], end
}

// inString is how a value stands in a string: a list with blanks between.
func inString(v Value) string {
	if v.Sort != List {
		return v.Text
	}
	var words []string
	for _, item := range v.Items {
		words = append(words, item.Text)
	}
	return strings.Join(words, " ")
}
