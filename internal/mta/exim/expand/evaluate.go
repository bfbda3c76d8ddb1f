package expand

import (
	"regexp"
	"strconv"
	"strings"
)

// Outcome is what became of an expansion.
type Outcome int

// The outcomes.
const (
	Known   Outcome = iota
	Unknown         // it depends on the message, the network, or something not modelled here
	Forced          // "fail" made it fail
	Broken          // Exim would report an error
)

// World is what an evaluation may ask about the host. A nil function knows nothing.
type World struct {
	Variable func(name string) (value string, known bool)
	Exists   func(path string) (yes, known bool)
	// Lookup looks a key up in a file: kind is "lsearch", "dsearch" and so on.
	Lookup func(kind, file, key string) (value string, found, known bool)
}

// Evaluate works a value out as far as it does not depend on a message.
func (e Expansion) Evaluate(w World) (string, Outcome) {
	v := &evaluation{world: w, budget: 100_000}
	return v.expand(e)
}

type evaluation struct {
	world  World
	value  *string           // $value
	item   *string           // $item
	groups map[string]string // $0 to $9
	budget int               // bounds what loops do
}

func (v *evaluation) expand(e Expansion) (string, Outcome) {
	if len(e.Parts) == 1 && e.Parts[0].Kind == Text {
		return e.Parts[0].Text, Known
	}
	var b strings.Builder
	for _, p := range e.Parts {
		text, o := v.part(p)
		if o != Known {
			return "", o
		}
		if v.budget -= 1 + len(text)/64; v.budget < 0 {
			return "", Unknown
		}
		b.WriteString(text)
	}
	return b.String(), Known
}

func (v *evaluation) part(p Part) (string, Outcome) {
	switch p.Kind {
	case Text:
		return p.Text, Known
	case Variable:
		return v.variable(p.Name)
	case Operator:
		arg, o := v.expand(p.Args[0])
		if o != Known {
			return "", o
		}
		return operate(p.Name, arg)
	case Item:
		return v.itemNamed(p)
	}
	return "", Unknown
}

func (v *evaluation) variable(name string) (string, Outcome) {
	switch {
	case name == "":
		return "", Broken
	case name == "value" && v.value != nil:
		return *v.value, Known
	case name == "item" && v.item != nil:
		return *v.item, Known
	case isDigit(name[0]) && v.groups != nil:
		return v.groups[name], Known
	case v.world.Variable != nil:
		if value, known := v.world.Variable(name); known {
			return value, Known
		}
	}
	return "", Unknown
}

// arguments expands the first parts of an item.
func (v *evaluation) arguments(p Part, n int) (args []string, o Outcome) {
	if len(p.Args) < n {
		return nil, Broken
	}
	for _, a := range p.Args[:n] {
		text, o := v.expand(a)
		if o != Known {
			return nil, o
		}
		args = append(args, text)
	}
	return args, Known
}

func (v *evaluation) itemNamed(p Part) (string, Outcome) {
	switch p.Name {
	case "if":
		return v.conditional(p)
	case "lookup":
		return v.lookup(p)
	case "extract":
		return v.extract(p)
	case "listextract":
		return v.listExtract(p)
	case "sg":
		return v.substitute(p)
	case "tr":
		args, o := v.arguments(p, 3)
		if o != Known {
			return "", o
		}
		return translate(args[0], args[1], args[2]), Known
	case "length", "substr":
		return v.cut(p)
	case "map", "filter":
		return v.each(p)
	}
	return "", Unknown
}

// choose picks the "yes" or the "no" part from those that stand behind the
// arguments (expand.c process_yesno).
func (v *evaluation) choose(p Part, from int, yes bool, otherwise string) (string, Outcome) {
	rest := p.Args[min(from, len(p.Args)):]
	switch {
	case len(rest) == 0 && p.Fails:
		return "", Broken // "fail" stands where the first part belongs
	case yes && len(rest) == 0:
		return otherwise, Known
	case yes:
		return v.expand(rest[0])
	case len(rest) > 1:
		return v.expand(rest[1])
	case p.Fails:
		return "", Forced
	}
	return "", Known
}

func (v *evaluation) conditional(p Part) (string, Outcome) {
	if p.If == nil {
		return "", Broken
	}
	value, groups := v.value, v.groups
	defer func() { v.value, v.groups = value, groups }()
	yes, o := v.holds(p.If)
	if o != Known {
		return "", o
	}
	return v.choose(p, 0, yes, "true")
}

// found expands the rest of an item with $value set, if there is one.
func (v *evaluation) found(p Part, from int, value string, yes bool) (string, Outcome) {
	if !yes {
		return v.choose(p, from, false, "")
	}
	before := v.value
	defer func() { v.value = before }()
	v.value = &value
	return v.choose(p, from, true, value)
}

func (v *evaluation) lookup(p Part) (string, Outcome) {
	if !p.Keyed || v.world.Lookup == nil {
		return "", Unknown
	}
	args, o := v.arguments(p, 2)
	if o != Known {
		return "", o
	}
	value, found, known := v.world.Lookup(p.Option, args[1], args[0])
	if !known {
		return "", Unknown
	}
	return v.found(p, 2, value, found)
}

// substitute replaces matches of a regular expression.
func (v *evaluation) substitute(p Part) (string, Outcome) {
	if len(p.Args) != 3 {
		return "", Broken
	}
	args, o := v.arguments(p, 3)
	if o != Known {
		return "", o
	}
	again, message := Parse(args[2]) // it is expanded once by itself, and then for each match
	if message != "" {
		return "", Broken
	}
	re, err := regexp.Compile(args[1])
	if err != nil || strings.ContainsAny(args[1], `\`) {
		return "", Unknown // what Perl's expressions have beyond these
	}
	groups := v.groups
	defer func() { v.groups = groups }()
	var b strings.Builder
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(args[0], 1000) {
		if m[0] == m[1] {
			return "", Unknown // empty matches move on otherwise
		}
		v.groups = groupsOf(args[0], m)
		text, o := v.expand(again)
		if o != Known {
			return "", o
		}
		b.WriteString(args[0][last:m[0]] + text)
		last = m[1]
	}
	return b.String() + args[0][last:], Known
}

func groupsOf(s string, m []int) map[string]string {
	groups := map[string]string{}
	for i := 0; i+1 < len(m); i += 2 {
		if m[i] >= 0 {
			groups[strconv.Itoa(i/2)] = s[m[i]:m[i+1]]
		}
	}
	return groups
}

// translate maps signs to signs; where the second list is shorter, its last sign
// stands for the rest (expand.c EITEM_TR).
func translate(s, from, to string) string {
	b := []byte(s)
	for i, c := range b {
		if at := strings.LastIndexByte(from, c); at >= 0 && to != "" {
			b[i] = to[min(at, len(to)-1)]
		}
	}
	return string(b)
}

func (v *evaluation) cut(p Part) (string, Outcome) {
	want := map[string]int{"length": 2, "substr": 2}[p.Name]
	if len(p.Args) == 3 && p.Name == "substr" {
		want = 3
	}
	args, o := v.arguments(p, want)
	if o != Known {
		return "", o
	}
	return operate(p.Name+"_"+strings.Join(args[:want-1], "_"), args[want-1])
}

// each maps a list, or picks from it.
func (v *evaluation) each(p Part) (string, Outcome) {
	args, o := v.arguments(p, 1)
	if o != Known {
		return "", o
	}
	if p.Name == "map" && len(p.Args) != 2 || p.Name == "filter" && p.If == nil {
		return "", Broken
	}
	before := v.item
	defer func() { v.item = before }()
	var kept []string
	for _, item := range List(args[0]) {
		v.item = &item
		yes, text, o := true, item, Known
		if p.Name == "map" {
			text, o = v.expand(p.Args[1])
		} else {
			yes, o = v.holds(p.If)
		}
		if o != Known {
			return "", o
		}
		if yes {
			kept = append(kept, strings.ReplaceAll(text, ":", "::"))
		}
	}
	return strings.Join(kept, ":"), Known
}
