package sieve

import (
	"slices"
	"strconv"
)

// checker says what Dovecot refuses, as sieve-validator.c of Pigeonhole does it:
// commands in order, and nothing in what can never be obeyed.
type checker struct {
	script Script
	offers []string // extensions; nil for all that are known
	loaded map[string]bool
	// never says of commands why they are never obeyed.
	never map[*Command]string
	quiet bool     // the script is refused already
	loops []string // names of the foreverypart loops around
}

// comparators are those that need not be required (RFC 5228 section 2.7.3).
var comparators = []string{"comparator-i;ascii-casemap", "comparator-i;octet"}

func newChecker(o Options) *checker {
	c := &checker{offers: o.Extensions, loaded: map[string]bool{}, never: map[*Command]string{}}
	for _, name := range comparators {
		c.loaded[name] = true
	}
	return c
}

// available reports whether a script may require an extension.
func (c *checker) available(name string) bool {
	if c.offers == nil {
		_, known := extensions[name]
		return known || slices.Contains(comparators, name)
	}
	return slices.Contains(c.offers, name) || slices.Contains(comparators, name)
}

// refuse notes why the script is not compiled.
func (c *checker) refuse(line int, message string) {
	c.script.Refused = true
	c.problem(line, message)
}

func (c *checker) problem(line int, message string) {
	if len(c.script.Problems) < maxProblems && !c.quiet {
		c.script.Problems = append(c.script.Problems, Problem{line, message})
	}
}

// doubt notes what may well be part of an extension that is not known here.
func (c *checker) doubt(line int, message string) {
	if len(c.script.Unknown) > 0 {
		c.problem(line, message)
		return
	}
	c.refuse(line, message)
}

// has reports whether an extension is loaded; "" always is.
func (c *checker) has(ext string) bool { return ext == "" || c.loaded[ext] }

// load takes an extension, and what comes with it.
func (c *checker) load(name string) {
	c.loaded[name] = true
	if name == "spamtest" { // the later of the two makes the test
		delete(c.loaded, "spamtestplus")
	}
	for _, more := range brings[name] {
		c.loaded[more] = true
	}
	if slices.Contains(replaced, name) {
		c.script.Unknown = append(c.script.Unknown, name)
	}
}

// verdict is what is known of a test before any mail is there.
type verdict int

const (
	never verdict = iota
	always
	open
)

// block checks the commands of a block; outer is nil for the script itself.
func (c *checker) block(list []*Command, outer *Command) {
	settled := false // a test of this if, elsif … always holds
	for i, cmd := range list {
		var before *Command
		if i > 0 {
			before = list[i-1]
		}
		if cmd.Name == "if" {
			settled = false
		}
		if settled && (cmd.Name == "elsif" || cmd.Name == "else") {
			c.command(&call{Command: cmd, before: before, outer: outer})
			c.never[cmd] = "a test before it always holds"
			continue
		}
		c.command(&call{Command: cmd, before: before, outer: outer})
		holds := open
		for _, t := range cmd.Tests {
			holds = c.test(t)
		}
		if holds == never {
			c.never[cmd] = "its test never holds"
			continue
		}
		settled = settled || holds == always
		c.inside(cmd)
	}
}

// inside checks what is in the braces of a command.
func (c *checker) inside(cmd *Command) {
	if cmd.Name == "foreverypart" {
		name, _ := cmd.tag("name")
		c.loops = append(c.loops, name.Text)
		defer func() { c.loops = c.loops[:len(c.loops)-1] }()
	}
	c.block(cmd.Block, cmd)
}

// test checks a test and the tests in it; behind one that decides about all,
// nothing is checked.
func (c *checker) test(t *Command) verdict {
	c.command(&call{Command: t, test: true})
	decides := map[string]verdict{"allof": never, "anyof": always}
	all := open
	for i, sub := range t.Tests {
		v := c.test(sub)
		if d, ok := decides[t.Name]; ok && v == d {
			return d
		}
		if i == 0 {
			all = v
		} else if v != all {
			all = open
		}
	}
	switch t.Name {
	case "true":
		return always
	case "false":
		return never
	case "not":
		return map[verdict]verdict{never: always, always: never, open: open}[all]
	case "allof", "anyof":
		return all
	case "ihave":
		return c.have(t)
	}
	return open
}

// have loads the extensions that a test asks for, where there are all (RFC 5463).
func (c *checker) have(t *Command) verdict {
	if !c.has("ihave") || len(t.Args) != 1 {
		return open
	}
	for _, name := range t.Args[0].List {
		if !c.available(name) {
			return never
		}
	}
	for _, name := range t.Args[0].List {
		c.load(name)
	}
	return always
}

// call is a command or test with its arguments sorted.
type call struct {
	*Command
	word       *word
	test       bool
	before     *Command // in its block
	outer      *Command
	tags       []given
	positional []Argument
}

// given is a tag with what stands behind it.
type given struct {
	*tagged
	tag, value Argument
}

// command checks one command or test, without what is inside.
func (c *checker) command(k *call) {
	if c.has("encoded-character") {
		k.decodeArguments()
	}
	w, known := words[k.Name]
	if !known || !c.has(w.ext) {
		c.foreign(k, w)
		return
	}
	k.word = w
	switch {
	case k.test && w.form&test == 0:
		c.refuse(k.Line, "the command "+k.Name+" stands where a test is expected")
	case !k.test && w.form&command == 0:
		c.refuse(k.Line, "the test "+k.Name+" stands where a command is expected")
	case !c.arguments(k), !c.counts(k), !c.shape(k):
	case w.check != nil:
		w.check(c, k)
	}
}

// foreign refuses a word that no loaded extension brings.
func (c *checker) foreign(k *call, w *word) {
	sort := "command"
	if k.test {
		sort = "test"
	}
	switch {
	case w != nil && w.ext == "enotify" && c.has("notify"), w != nil && w.ext == "imap4flags" && c.has("imapflags"):
	case w != nil:
		c.doubt(k.Line, "the "+sort+" "+k.Name+` needs require "`+w.ext+`"`)
	default:
		c.doubt(k.Line, "no "+sort+" is called "+strconv.Quote(k.Name))
	}
}

// arguments sorts tags and positional arguments.
func (c *checker) arguments(k *call) bool {
	args := k.Args
	for len(args) > 0 && args[0].Sort == Tag {
		t := k.word.tag(args[0].Text, c)
		if t == nil {
			c.unknownTag(k, args[0])
			return false
		}
		g := given{tagged: t, tag: args[0]}
		args = args[1:]
		if t.value != "" {
			if len(args) == 0 || !fits(args[0], t.value) {
				c.refuse(g.tag.Line, ":"+t.name+" of "+k.Name+" is not followed by a "+string(t.value))
				return false
			}
			g.value, args = args[0], args[1:]
		}
		if !c.once(k, g) {
			return false
		}
		k.tags = append(k.tags, g)
	}
	for _, a := range args {
		if a.Sort == Tag {
			c.refuse(a.Line, ":"+clip(a.Text)+" of "+k.Name+" stands behind what belongs behind it")
			return false
		}
	}
	k.positional = args
	for _, g := range k.tags {
		if g.check != nil {
			g.check(c, k, g.value)
		}
	}
	return true
}

func (c *checker) unknownTag(k *call, a Argument) {
	for _, t := range k.word.tags {
		if t.name == a.Text {
			c.doubt(a.Line, ":"+t.name+" of "+k.Name+` needs require "`+t.ext+`"`)
			return
		}
	}
	c.doubt(a.Line, k.Name+" has no :"+clip(a.Text))
}

// once refuses a tag given twice, and two that exclude one another.
func (c *checker) once(k *call, g given) bool {
	for _, other := range k.tags {
		if other.tagged == g.tagged && g.group != repeated || g.group != "" && other.group == g.group && g.group != repeated {
			c.refuse(g.tag.Line, ":"+other.name+" and :"+g.name+" of "+k.Name+" exclude one another")
			return false
		}
	}
	return true
}

// tag finds a tag that may be used.
func (w *word) tag(name string, c *checker) *tagged {
	for _, t := range w.tags {
		if t.name == name && c.has(t.ext) {
			return t
		}
	}
	return nil
}

// fits reports whether an argument is of a sort; one string is a list too.
func fits(a Argument, s Sort) bool { return a.Sort == s || s == Strings && a.Sort == String }

// counts checks the positional arguments.
func (c *checker) counts(k *call) bool {
	n := len(k.positional)
	most := len(k.word.args)
	if n > most || n < most-k.word.optional {
		c.refuse(k.Line, k.Name+" has "+strconv.Itoa(n)+" arguments instead of "+strconv.Itoa(most))
		return false
	}
	for i, a := range k.positional {
		if !fits(a, k.word.args[i]) {
			c.refuse(a.Line, "argument "+strconv.Itoa(i+1)+" of "+k.Name+" is not a "+string(k.word.args[i]))
			return false
		}
	}
	return true
}

// shape checks the tests and braces of a command.
func (c *checker) shape(k *call) bool {
	n := len(k.Tests)
	switch {
	case k.word.tests == noTests && n > 0:
		c.refuse(k.Line, k.Name+` has no tests: a ";" or ":" is missing`)
	case k.word.tests == oneTest && (n != 1 || k.List):
		c.refuse(k.Line, k.Name+" needs one test without parentheses")
	case k.word.tests == someTests && (n == 0 || !k.List):
		c.refuse(k.Line, k.Name+" needs tests in parentheses")
	case !k.test && k.word.block && !k.Braces:
		c.refuse(k.Line, k.Name+" needs commands in braces")
	case k.Braces && !k.word.block:
		c.refuse(k.Line, k.Name+" has no commands in braces")
	default:
		return true
	}
	return false
}
