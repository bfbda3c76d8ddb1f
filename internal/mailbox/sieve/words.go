package sieve

import (
	"strconv"
	"strings"
)

// guard is a test around an action, and the guards around that. Those of one if are
// a chain: what elsif and else hold for is not what if holds for.
type guard struct {
	outer *guard
	test  *Command
	holds bool
}

const (
	maxGuards = 8   // that are put into words
	maxWords  = 400 // bytes
)

// words says when all guards hold, the outermost first; of many the innermost.
func (g *guard) words() string {
	var list []*guard
	for ; g != nil && len(list) < maxGuards; g = g.outer {
		list = append(list, g)
	}
	w := &phrase{}
	if g != nil {
		w.add("under further conditions, ")
	}
	for i := len(list) - 1; i >= 0; i-- {
		w.test(list[i].test, list[i].holds, len(list) > 1)
		if i > 0 {
			w.add(" and ")
		}
	}
	return w.String()
}

// phrase is a text with a bound.
type phrase struct {
	strings.Builder
	full bool
}

func (w *phrase) add(s string) {
	switch {
	case w.full:
	case w.Len()+len(s) > maxWords:
		w.full = true
		w.WriteString("…")
	default:
		w.WriteString(s)
	}
}

// test adds a test, turned around where holds is not set, in parentheses where it
// has several parts and stands among others.
func (w *phrase) test(t *Command, holds, among bool) {
	if w.full {
		return
	}
	switch t.Name {
	case "not":
		if len(t.Tests) == 1 {
			w.test(t.Tests[0], !holds, among)
		}
		return
	case "allof", "anyof":
		w.several(t, holds, among)
		return
	case "foreverypart":
		w.add("in each part")
		return
	}
	w.simple(t, holds)
}

func (w *phrase) several(t *Command, holds, among bool) {
	if len(t.Tests) == 1 {
		w.test(t.Tests[0], holds, among)
		return
	}
	word := map[string]string{"allof": " and ", "anyof": " or "}[t.Name]
	if !holds {
		w.add("not ")
	}
	if among || !holds {
		w.add("(")
	}
	for i, sub := range t.Tests {
		if i > 0 {
			w.add(word)
		}
		if w.full {
			return
		}
		w.test(sub, true, true)
	}
	if among || !holds {
		w.add(")")
	}
}

// subjects is what a test with keys looks at.
var subjects = map[string]string{
	"header": "header", "address": "the address in", "envelope": "the envelope's", "string": "", "environment": "the environment's", "body": "the body",
	"date": "the date in", "currentdate": "the date's", "hasflag": "a flag", "spamtest": "the spam score", "virustest": "the virus score",
}

// simple adds a test without tests in it, turned around where holds is not set.
func (w *phrase) simple(t *Command, holds bool) {
	args := t.Args
	if _, known := words[t.Name]; known {
		args = positional(t)
	}
	no := map[bool]string{true: "", false: "no "}[holds]
	not := map[bool]string{true: "", false: "not "}[holds]
	subject, compares := subjects[t.Name]
	if _, percent := t.tag("percent"); percent { // RFC 5235, 2.3
		subject += " in percent"
	}
	switch {
	case t.Name == "true" || t.Name == "false":
		w.add(map[bool]string{true: "always", false: "never"}[holds == (t.Name == "true")])
	case t.Name == "exists" && len(args) == 1 && len(args[0].List) == 1:
		w.add("there is " + no + quoted("header", args[0].List)[0])
	case t.Name == "size" && len(args) == 1:
		w.add("the mail is " + not + sizeWord(t) + " " + strconv.FormatUint(args[0].Number, 10) + " bytes")
	case compares && len(args) > 0:
		w.comparison(t, args, subject, holds)
	default:
		w.add(not + t.source())
	}
}

// comparison adds a test with keys: what it looks at, the relation, the keys.
func (w *phrase) comparison(t *Command, args []Argument, subject string, holds bool) {
	var what []string
	for _, a := range args[:len(args)-1] {
		list := quoted(subject, a.List)
		if len(list) > 1 && !holds {
			w.add("not ")
			holds = true
		}
		what = append(what, strings.Join(list, " or "))
		subject = ""
	}
	if len(args) == 1 {
		what = []string{subject}
	}
	w.add(strings.Join(what, " ") + " " + relation(t, holds) + " " + strings.Join(quoted("", args[len(args)-1].List), " or "))
}

func sizeWord(t *Command) string {
	if _, over := t.tag("over"); over {
		return "over"
	}
	return "under"
}

// relation is the word between what a test looks at and its keys.
func relation(t *Command, holds bool) string {
	yes, no := "is", "is not"
	for _, a := range t.Args {
		if a.Sort != Tag {
			continue
		}
		switch a.Text {
		case "contains":
			yes, no = "contains", "does not contain"
		case "matches":
			yes, no = "matches", "does not match"
		case "regex":
			yes, no = "matches the expression", "does not match the expression"
		case "value", "count":
			v, _ := t.tag(a.Text)
			yes, no = "("+a.Text+") "+v.Text, "(not "+a.Text+") "+v.Text
		}
	}
	if holds {
		return yes
	}
	return no
}

// quoted puts a list into quotes behind a word; of a long list it has the beginning.
func quoted(word string, list []string) []string {
	const most = 4
	var out []string
	for i, s := range list {
		if i == most {
			return append(out, "…")
		}
		out = append(out, strings.TrimLeft(word+" "+strconv.Quote(clip(s)), " "))
	}
	return out
}

// source is a test as it is written.
func (c *Command) source() string {
	out := c.Name
	for i, a := range c.Args {
		if i == 8 {
			return out + " …"
		}
		switch a.Sort {
		case Tag:
			out += " :" + clip(a.Text)
		case Number:
			out += " " + strconv.FormatUint(a.Number, 10)
		default:
			out += " " + strings.Join(quoted("", a.List), ", ")
		}
	}
	return out
}
