package calls

import "strings"

// assign notes an assignment whose operator is known. The value may be another
// assignment.
func (r *run) assign(from, operator, to int, sure bool) {
	if from == operator {
		return
	}
	value := r.chained(operator+1, to, sure)
	op := r.at(operator).text
	if r.at(from).is("(") && r.closer[from] == operator-1 {
		r.assignList(from+1, operator-1, value, sure)
		return
	}
	r.assignOne(from, operator, op, value, sure)
}

// chained is the value of "$b = 'x'" in "$a = $b = 'x'".
func (r *run) chained(from, to int, sure bool) Value {
	if r.at(from).sort != variable {
		return r.value(from, to, 0)
	}
	for i := from; i < to; i++ {
		if r.at(i).is("=") {
			if r.chain == maxNesting {
				return Value{Sort: Unknown, Text: Clip(r.source(from, to-1)), Line: r.at(from).line}
			}
			n := len(r.list)
			r.chain++
			r.assign(from, i, to, sure)
			r.chain--
			if len(r.list) > n {
				return r.list[len(r.list)-1].Value
			}
			return r.value(i+1, to, 0)
		}
		if c := r.closer[i]; c > i {
			i = c
		}
	}
	return r.value(from, to, 0)
}

// assignList is "($a, $b) = (…)".
func (r *run) assignList(from, to int, value Value, sure bool) {
	n := 0
	for i := from; i < to && n < 64; i++ {
		t := r.at(i)
		if t.sort != variable {
			continue
		}
		one := Value{Sort: Undef, Line: t.line}
		switch {
		case value.Sort != List:
			one = Value{Sort: Unknown, Text: value.Text, Line: t.line}
		case t.text[0] != '$':
			one = Value{Sort: List, Items: value.Items[min(n, len(value.Items)):], Line: t.line}
		case n < len(value.Items):
			one = value.Items[n]
		}
		r.assignOne(i, i+1, "=", one, sure)
		n++
	}
}

// assignOne sets what the tokens from one to before another name.
func (r *run) assignOne(from, to int, op string, value Value, sure bool) {
	n, keys, ok := r.place(from, to)
	if !ok {
		return
	}
	switch {
	case n[0] == '$' || len(keys) > 0:
		value = single(value)
	case n[0] == '@':
		value = asList(value)
	default:
		value = asHash(value)
	}
	r.note(Assignment{Name: n, Keys: keys, Op: op, Value: value, Line: r.at(from).line, Sure: sure})
}

// single is what Perl makes of a list where it wants one value: the last of "(1, 2)".
func single(v Value) Value {
	switch {
	case v.Sort != List || v.reference():
		return v
	case len(v.Items) == 0:
		return Value{Sort: Undef, Line: v.Line}
	}
	return single(v.Items[len(v.Items)-1])
}

// reference reports whether a list was written in square brackets, as one value.
func (v Value) reference() bool { return v.Text == "[" }

// note keeps an assignment, and what it makes of the variable.
func (r *run) note(a Assignment) {
	was := r.Variables[a.Name]
	now := a.Value
	if r.steps += 1 + len(was.Items) + len(was.Text)/64; r.steps > maxSteps {
		return
	}
	switch a.Op {
	case ".=":
		now = r.join(was, a.Value)
	case "||=":
		if was.True() && was.Sort != "" && len(a.Keys) == 0 {
			now = was
		}
	case "//=":
		if was.Sort != Undef && was.Sort != "" && len(a.Keys) == 0 {
			now = was
		}
	case "+=", "-=", "*=":
		now = r.arithmetic(a.Op[:1], was, a.Value)
	case "push":
		now = Value{Sort: List, Items: append(append([]Value(nil), was.Items...), a.Value.Items...), Line: a.Line}
	case "unshift":
		now = Value{Sort: List, Items: append(append([]Value(nil), a.Value.Items...), was.Items...), Line: a.Line}
	}
	if len(now.Items) > maxItems {
		now = Value{Sort: Unknown, Text: "a list of more items than are kept", Line: a.Line}
	}
	if r.chomp {
		now.Text = strings.TrimSuffix(now.Text, "\n")
	}
	a.Value = now
	r.list = append(r.list, a)
	r.Variables[a.Name] = was.set(a.Keys, now)
	if r.Note != nil {
		r.Note(a)
	}
}

// maxItems bounds a list.
const maxItems = 10_000

// push reads push and unshift.
func (r *run) push(from, to int, sure bool) {
	word := r.at(from).text
	from++
	if r.at(from).is("(") && r.closer[from] == to-1 {
		from, to = from+1, to-1
	}
	if t := r.at(from); t.sort == variable && t.text[0] == '@' && r.at(from+1).is(",") {
		r.note(Assignment{Name: r.plain(t.text), Op: word, Value: asList(r.listOf(from+2, to, 0)), Line: t.line, Sure: sure})
	}
}

// aliased is "*name = \'x'": the name stands for what is behind the reference.
func (r *run) aliased(from, to int, sure bool) {
	value := r.value(from+3, to, 0)
	sigil := map[Sort]string{Scalar: "$", Undef: "$", Unknown: "$", List: "@", Hash: "%"}[value.Sort]
	if sigil == "" {
		return // a routine: it stands as code
	}
	r.note(Assignment{Name: r.plain(sigil + r.at(from+1).text), Op: "=", Value: value, Line: r.at(from).line, Sure: sure})
}

func (r *run) undefined(from, to int, sure bool) {
	for i := from + 1; i < to; i++ {
		if t := r.at(i); t.sort == variable {
			v := Value{Sort: Undef, Line: t.line}
			if t.text[0] != '$' {
				v = Value{Sort: map[byte]Sort{'@': List, '%': Hash}[t.text[0]], Line: t.line}
			}
			r.note(Assignment{Name: r.plain(t.text), Op: "=", Value: v, Line: t.line, Sure: sure})
			return
		}
	}
}

// changed notes a variable that a substitution changes.
func (r *run) changed(from, operator, to int, sure bool) {
	t := r.at(operator + 1)
	if n, keys, ok := r.place(from, operator); ok && t.sort == literal && strings.IndexByte("sty", r.text[t.from]) >= 0 {
		r.note(Assignment{Name: n, Keys: keys, Op: "=", Value: Value{Sort: Unknown, Text: Clip(r.source(from, to-1)), Line: t.line}, Line: t.line, Sure: sure})
	}
}

// place is the variable that the left side of an assignment names.
func (r *run) place(from, to int) (n string, keys []string, ok bool) {
	t := r.at(from)
	if t.sort != variable || len(t.text) < 2 {
		return "", nil, false
	}
	n = r.plain(t.text)
	i := from + 1
	if n[0] == '$' && i < to && r.at(i).is("{") {
		n = "%" + n[1:]
	} else if n[0] == '$' && i < to && r.at(i).is("[") {
		n = "@" + n[1:]
	}
	for i < to {
		switch t := r.at(i); {
		case t.is("->"):
			i++
		case (t.is("{") || t.is("[")) && r.closer[i] > i:
			keys = append(keys, r.key(i+1, r.closer[i]))
			i = r.closer[i] + 1
		default:
			return "", nil, false
		}
	}
	return n, keys, true
}

// key is the name in the braces of a hash.
func (r *run) key(from, to int) string {
	if to == from+1 && r.at(from).sort == name {
		return r.at(from).text
	}
	if v := r.value(from, to, 0); v.Sort == Scalar {
		return v.Text
	}
	return "?"
}

// plain takes the package off the name of a variable.
func (r *run) plain(n string) string {
	for _, prefix := range []string{r.Package + "::", "main::", "::"} {
		if rest, ok := strings.CutPrefix(n[1:], prefix); ok && rest != "" {
			return n[:1] + rest
		}
	}
	return n
}
