package eximfilter

import (
	"strconv"
	"strings"
)

// guard is a condition around a command, and the guards around that. Those of one
// if are a chain: what elif and else hold for is not what if holds for.
type guard struct {
	outer *guard
	cond  *Condition
	holds bool
}

const (
	maxGuards = 8   // that are put into words
	maxWords  = 400 // bytes
)

// words says when all guards hold, the outermost first; of many the innermost.
func (g *guard) words() string {
	var list []*guard
	more := 0
	for ; g != nil; g = g.outer {
		if len(list) == maxGuards {
			more = 1
			break
		}
		list = append(list, g)
	}
	w := &phrase{}
	if more > 0 {
		w.add("under further conditions, ")
	}
	for i := len(list) - 1; i >= 0; i-- {
		w.condition(list[i].cond, list[i].cond.Not == list[i].holds, len(list) > 1)
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

// said is how a test without operands reads, as it is and turned around.
var said = map[string][2]string{
	"personal":        {"the mail is personal", "the mail is not personal"},
	"delivered":       {"a command before has delivered it", "no command before has delivered it"},
	"error_message":   {"the mail is a bounce", "the mail is no bounce"},
	"first_delivery":  {"it is the first attempt", "it is not the first attempt"},
	"manually_thawed": {"it was thawed by hand", "it was not thawed by hand"},
}

// compared is how a comparison reads, as it is and turned around.
var compared = map[string][2]string{
	"is": {"is", "is not"}, "begins": {"begins with", "does not begin with"}, "ends": {"ends in", "does not end in"},
	"contains": {"contains", "does not contain"}, "matches": {"matches", "does not match"},
	"above": {"is above", "is not above"}, "below": {"is below", "is not below"},
}

// condition adds a condition, turned around where not is set, in parentheses where
// it has several parts and stands among others.
func (w *phrase) condition(c *Condition, not, among bool) {
	form := 0
	if not {
		form = 1
	}
	if w.full {
		return
	}
	switch c.Test {
	case "and", "or":
		if not {
			w.add("not ")
		}
		w.parts(c, not || among)
	case "foranyaddress":
		if not {
			w.add("not ")
		}
		w.add("for any address in " + quoted(c.Left) + " ")
		w.condition(c.Parts[0], c.Parts[0].Not, true)
	default:
		if text, ok := said[c.Test]; ok {
			w.add(text[form])
			return
		}
		w.add(quoted(c.Left) + " " + compared[strings.ToLower(c.Test)][form] + " " + quoted(c.Right))
	}
}

func (w *phrase) parts(c *Condition, brackets bool) {
	if brackets {
		w.add("(")
	}
	for i, part := range c.Parts {
		if i > 0 {
			w.add(" " + c.Test + " ")
		}
		if w.full {
			return
		}
		w.condition(part, part.Not, true)
	}
	if brackets {
		w.add(")")
	}
}

func quoted(s string) string { return strconv.Quote(clip(s)) }

// clip keeps what goes into a message short.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
