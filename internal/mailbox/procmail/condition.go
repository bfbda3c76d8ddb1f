package procmail

import (
	"regexp"
	"strings"
)

// Condition is one condition of a recipe, as procmail understands it.
type Condition struct {
	Negated bool
	// Weight is "w^x" where the condition adds to a score instead of deciding.
	Weight string
	// Area is what is looked at: "header", "body", "message", or "$NAME".
	Area string
	// Test is "matches", "smaller", "larger" or "program".
	Test string
	Text string
}

var weight = regexp.MustCompile(`^[-+]?[0-9.,]+(?:[eE][-+]?\d+)?[ \t]*\^[ \t]*[-+]?[0-9.,]+(?:[eE][-+]?\d+)?[ \t]*`)

// condition reads a condition; expand gives the value of what follows a dollar
// sign.
func condition(s, area string, expand func(string) string) Condition {
	c := Condition{Area: area, Test: "matches"}
	named := false // an area by "??"; sizes are of the whole message without one
	for range 10 { // each of the marks at most a few times
		switch {
		case strings.HasPrefix(s, "!"):
			c.Negated = !c.Negated
			s = strings.TrimLeft(s[1:], " \t")
			continue
		case strings.HasPrefix(s, "$"):
			s = strings.TrimLeft(expand(strings.TrimLeft(s[1:], " \t")), " \t")
			continue
		case strings.HasPrefix(s, "?"):
			c.Test, c.Text = "program", strings.TrimLeft(s[1:], " \t")
			return c
		case strings.HasPrefix(s, "<"), strings.HasPrefix(s, ">"):
			c.Test = map[byte]string{'<': "smaller", '>': "larger"}[s[0]]
			c.Text = strings.TrimSpace(expand(s[1:]))
			if !named {
				c.Area = "message"
			}
			return c
		}
		if w := weight.FindString(s); w != "" {
			c.Weight, s = strings.ReplaceAll(w, " ", ""), s[len(w):]
			continue
		}
		if name, rest, ok := variableTest(s); ok {
			c.Area, s, named = areaOf(name), rest, true
			continue
		}
		break
	}
	c.Text = unfold(s)
	return c
}

// variableTest splits "NAME ?? pattern".
func variableTest(s string) (name, rest string, ok bool) {
	end := 0
	for end < len(s) && isAlnum(s[end]) {
		end++
	}
	if end == 0 || !isAlpha(s[0]) {
		return "", "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(s[end:], " \t"), "??")
	return s[:end], strings.TrimLeft(rest, " \t"), ok
}

func areaOf(name string) string {
	switch name {
	case "H":
		return "header"
	case "B":
		return "body"
	case "HB", "BH":
		return "message"
	}
	return "$" + name
}

// area is where a recipe's conditions look.
func (r Recipe) area() string {
	switch {
	case r.Has('B') && r.Has('H'):
		return "message"
	case r.Has('B'):
		return "body"
	}
	return "header"
}

// String is a condition in words: `header does not match "^From:.*boss"`.
func (c Condition) String() string {
	var s string
	switch c.Test {
	case "program":
		s = "the command " + clip(c.Text) + pick(c.Negated, " fails", " succeeds")
	case "smaller":
		s = c.sized() + pick(c.Negated, " is not smaller than ", " is smaller than ") + c.Text + " bytes"
	case "larger":
		s = c.sized() + pick(c.Negated, " is not larger than ", " is larger than ") + c.Text + " bytes"
	default:
		s = c.Area + pick(c.Negated, ` does not match "`, ` matches "`) + clipLong(c.Text) + `"`
	}
	if c.Weight != "" {
		s += " (weight " + c.Weight + ")"
	}
	return s
}

func (c Condition) sized() string {
	if c.Area == "message" {
		return "the message"
	}
	return c.Area
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// clipLong keeps enough of a pattern to be read and searched for words.
func clipLong(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
