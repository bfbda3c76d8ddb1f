package ucl

import (
	"strings"

	"waxseal"
)

// templates takes what rspamd's templates (Jinja, with "{=" and "=}" for values)
// add out of a text: comments are cut out, as are tags, so that the lines of every
// branch are read; a value stays as it is written. That there are some is told.
func (p *parser) templates(c *chunk) {
	if !strings.Contains(c.text, "{%") && !strings.Contains(c.text, "{#") && !strings.Contains(c.text, "{=") {
		return
	}
	text, seen := cutTags(c.text, "{#", "#}")
	text, tags := cutTags(text, "{%", "%}")
	if seen || tags || strings.Contains(text, "{=") {
		p.problem(waxseal.Problem{Path: c.path, Message: "a template: the values that it fills in are not known, and every branch of it is read"})
	}
	c.text = text
}

// cutTags blanks out what stands between two marks, ends of lines excepted.
func cutTags(text, open, end string) (string, bool) {
	var b strings.Builder
	found := false
	for {
		from := strings.Index(text, open)
		if from < 0 {
			break
		}
		length := strings.Index(text[from:], end)
		if length < 0 {
			break
		}
		found = true
		length += len(end)
		b.WriteString(text[:from])
		b.WriteString(strings.Repeat("\n", strings.Count(text[from:from+length], "\n")))
		text = text[from+length:]
	}
	b.WriteString(text)
	return b.String(), found
}
