package calls

// Environment is what is known while a configuration in Perl is read from its first
// line to its last.
type Environment struct {
	// Variables have their sigil: "$MYHOME", "@av_scanners", "%policy_bank".
	Variables map[string]Value
	// Constants are names that stand for a value: "D_PASS" for "1". They keep their name
	// unless something is worked out with them.
	Constants map[string]string
	// Package is left off the names of variables: "Amavis::Conf".
	Package string
	// Output is what a command prints, where that is known: "head -n 1 /etc/mailname".
	Output func(command string) (string, bool)
	// Call is told of a routine that is called by itself, as a statement; it reports
	// whether that does nothing but what it took down.
	Call func(name string, arguments []Value, line int) bool
	// Note is told of each assignment, in the order in which they are reached.
	Note  func(Assignment)
	steps int
}

// Assignment is a variable that is set.
type Assignment struct {
	Name string   // with its sigil
	Keys []string // of a hash, outer first; "?" for one that is worked out
	// Op is "=", ".=" or the like; "push" and "unshift" for lists.
	Op    string
	Value Value
	Line  int
	// Sure is false where a condition decides, or a routine that may not be called.
	Sure bool
}

// maxSteps bounds the values that one environment works out.
const maxSteps = 2_000_000

// Run reads the assignments of a program in their order, as far as they stand in
// plain statements, and keeps what they set. rest is the text without them: what else
// the program does.
func (e *Environment) Run(text string) (list []Assignment, rest string) {
	s := scan(Perl, text, 1)
	p := &program{finder: &finder{lang: Perl}, text: text, tokens: s.tokens}
	p.brackets()
	r := &run{Environment: e, program: p, kept: []byte(text)}
	r.block(0, len(p.tokens), true, 0)
	return r.list, string(r.kept)
}

// run is the reading of one text.
type run struct {
	*Environment
	*program
	list  []Assignment
	kept  []byte // the text, with what is understood blanked
	chomp bool   // the line end comes off what is set
	chain int    // how many assignments this one is the value of
}

// block reads the statements between two tokens.
func (r *run) block(from, to int, sure bool, depth int) {
	for i := from; i < to; {
		t := r.tokens[i]
		switch {
		case t.is(";"), t.is("}"), t.is(")"):
			i++
		case t.is("{") || t.sort == name && blockWords[t.text]:
			i = r.inner(i, to, sure && (t.is("{") || t.text == "BEGIN"), depth)
		default:
			end := r.endOf(i, to)
			r.statement(i, end, sure)
			i = end + 1
		}
	}
}

// blockWords begin a statement with a block.
var blockWords = set("sub if elsif else unless for foreach while until BEGIN END INIT CHECK continue")

// inner reads a statement with a block, and returns what follows it.
func (r *run) inner(i, to int, sure bool, depth int) int {
	for j := i; j < to; j++ {
		switch t := r.tokens[j]; {
		case t.is("{"):
			end := r.closes(j)
			if depth < maxNesting {
				r.block(j+1, min(end, to), sure, depth+1)
			}
			return max(end, j) + 1
		case t.is(";"):
			return j + 1
		case r.closer[j] > 0:
			j = r.closer[j]
		}
	}
	return to
}

// endOf is where the statement that begins at a token ends.
func (r *run) endOf(i, to int) int {
	for ; i < to; i++ {
		if r.tokens[i].is(";") {
			return i
		}
		if end := r.closer[i]; end > i {
			i = end
		}
	}
	return to
}

// statement reads one plain statement.
func (r *run) statement(from, to int, sure bool) {
	end := to
	for i := from; i < to; i++ {
		if t := r.tokens[i]; t.sort == name && lowWords[t.text] && i > from {
			end, sure = i, sure && (t.text == "or" || t.text == "and")
			break
		}
		if c := r.closer[i]; c > i {
			i = c
		}
	}
	before := len(r.list)
	understood := r.effect(from, end, sure)
	if end == to && (understood || len(r.list) > before) || r.isIdle(from, to) {
		r.blank(from, to)
	}
}

// isIdle reports whether a statement does nothing: "use strict", "1".
func (r *run) isIdle(from, to int) bool {
	first := r.at(from)
	return to == from+1 && first.sort == number || to == from+2 && first.named("use") && (r.at(from+1).named("strict") || r.at(from+1).named("warnings"))
}

// blank takes a statement out of what is kept; its lines stay.
func (r *run) blank(from, to int) {
	end := r.at(to - 1).to
	if r.at(to).is(";") {
		end = r.at(to).to
	}
	for i := r.at(from).from; i < end; i++ {
		if r.kept[i] != '\n' {
			r.kept[i] = ' '
		}
	}
}

// effect notes what a statement sets, and reports whether it is a call that was taken
// down.
func (r *run) effect(from, to int, sure bool) bool {
	for r.at(from).sort == name && (r.at(from).text == "our" || r.at(from).text == "my" || r.at(from).text == "local") && from < to {
		from++
	}
	first := r.at(from)
	switch {
	case from >= to:
		return false
	case first.named("push") || first.named("unshift"):
		r.push(from, to, sure)
		return false
	case first.named("chomp") && r.at(from+1).is("(") && r.closer[from+1] == to-1:
		r.chomp = true
		r.effect(from+2, to-1, sure)
		r.chomp = false
		return false
	case first.named("undef"):
		r.undefined(from, to, sure)
		return false
	case first.is("*") && r.at(from+1).sort == name && r.at(from+2).is("="):
		r.aliased(from, to, sure)
		return false
	case first.sort == name && r.Call != nil:
		return r.called(from, to)
	}
	for i := from; i < to; i++ {
		if t := r.tokens[i]; t.sort == op {
			switch t.text {
			case "=", ".=", "||=", "//=", "+=", "-=", "*=":
				r.assign(from, i, to, sure)
				return false
			case "=~":
				r.changed(from, i, to, sure)
				return false
			}
		}
		if c := r.closer[i]; c > i {
			i = c
		}
	}
	return false
}

// called hands a routine that is called as a statement to whoever knows it.
func (r *run) called(from, to int) bool {
	open := from + 1
	if r.at(open).is("(") {
		if r.closer[open] != to-1 {
			return false
		}
		return r.Call(r.at(from).text, r.listOf(open+1, to-1, 0).Items, r.at(from).line)
	}
	return r.Call(r.at(from).text, r.listOf(open, to, 0).Items, r.at(from).line)
}
