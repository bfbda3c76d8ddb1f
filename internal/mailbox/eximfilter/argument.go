package eximfilter

import (
	"slices"
	"strings"
)

// plain reads a command that is none of the language's own words; false where the
// reading ends.
func (p *parser) plain(b *block, c Command, marks mark) bool {
	switch c.Verb {
	case Deliver, Save, Pipe:
		c.Seen = true
	}
	if marks.given {
		c.Seen = marks.seen
	}
	switch c.Verb {
	case Add, Headers:
		if marks != (mark{}) {
			p.fail(`"seen", "unseen" or "noerror" before "` + string(c.Verb) + `"`)
			return false
		}
		p.argument(&c)
	case Deliver, Save, Pipe, Logfile, Logwrite, Testprint:
		p.argument(&c)
	case Defer, Fail, Freeze:
		c.Seen = false
		if p.permitted(c) {
			// Exim finds out about a bad string here only when it comes to the next
			// command.
			return p.message(&c) && p.take(b, c)
		}
	case Finish:
	case Mail, Vacation:
		p.options(&c)
	default:
		p.fail("no command is called " + quoted(string(c.Verb)))
	}
	return p.err == "" && p.take(b, c)
}

// take writes a command down.
func (p *parser) take(b *block, c Command) bool {
	index := len(p.filter.Commands)
	c.Ends = b.stop
	if c.Delivers() && b.delivers < 0 && c.Ends == 0 {
		b.delivers = index
	}
	if c.Seen && b.seen < 0 && c.Ends == 0 {
		b.seen = index
	}
	if c.Stops() && b.stop == 0 {
		b.stop = c.Line
	}
	p.filter.Commands = append(p.filter.Commands, c)
	b.nodes = append(b.nodes, node{command: index})
	return true
}

// argument reads what follows a command that has an argument.
func (p *parser) argument(c *Command) {
	c.Arg = p.item(atSpace)
	if c.Arg == "" {
		p.fail(`"` + string(c.Verb) + `" has no argument`)
	}
	if p.err != "" {
		return
	}
	switch c.Verb {
	case Add:
		p.variable(c)
	case Headers:
		p.headers(c)
		return
	case Save, Logfile:
		if p.rest != "" && p.rest[0] >= '0' && p.rest[0] <= '9' {
			c.Mode = p.word(atSpace)
		}
	case Deliver:
		rest, line := p.rest, p.line
		if p.word(atSpace) == "errors_to" {
			c.ErrorsTo = p.expanded(p.word(atSpace))
		} else {
			p.rest, p.line = rest, line
		}
	}
	p.expanded(c.Arg)
}

func (p *parser) variable(c *Command) {
	if p.item(atSpace) != "to" {
		p.fail(`"to" is expected in "add"`)
		return
	}
	if c.To = p.expanded(p.item(atSpace)); c.To == "" {
		p.fail(`"add" has no variable after "to"`)
	}
}

func (p *parser) headers(c *Command) {
	c.How = c.Arg
	switch {
	case c.How != "add" && c.How != "remove" && c.How != "charset":
		p.fail(`"add", "remove" or "charset" is expected after "headers"`)
		return
	case c.How != "charset" && !p.rights.System:
		p.fail("only the system filter may add and remove headers")
		return
	}
	if c.Arg = p.expanded(p.item(atSpace)); c.Arg == "" {
		p.fail(`"headers ` + c.How + `" has no argument`)
	}
}

// permitted reports whether the command may be used in this filter.
func (p *parser) permitted(c Command) bool {
	r := p.rights
	if r.System || c.Verb == Defer && r.Defer || c.Verb == Fail && r.Fail || c.Verb == Freeze && r.Freeze {
		return true
	}
	p.fail(`the command "` + string(c.Verb) + `" is not allowed in this filter`)
	return false
}

// message reads what fail, freeze and defer say: a string in quotes, or a word
// behind "text".
func (p *parser) message(c *Command) bool {
	rest, line := p.rest, p.line
	inQuotes := strings.HasPrefix(rest, `"`)
	w := p.item(atSpace)
	switch {
	case inQuotes:
		c.Arg = w
	case w == "text":
		c.Arg = p.item(atSpace)
	default:
		p.rest, p.line = rest, line
	}
	p.expanded(c.Arg)
	return true
}

// keywords are those of mail and vacation, as Options.fields has them.
var keywords = []string{"to", "cc", "bcc", "from", "reply_to", "subject", "extra_headers", "text", "file", "log", "once", "once_repeat"}

func (o *Options) fields() []*string {
	return []*string{&o.To, &o.CC, &o.BCC, &o.From, &o.ReplyTo, &o.Subject, &o.ExtraHeaders, &o.Text, &o.File, &o.Log, &o.Once, &o.OnceRepeat}
}

// options reads the keywords of mail and vacation.
func (p *parser) options(c *Command) {
	c.Options = &Options{}
	fields := c.Options.fields()
	given := map[string]bool{}
	for p.err == "" {
		rest, line := p.rest, p.line
		w := p.word(atSpace)
		switch w {
		case "return":
			c.Options.ReturnMessage = true
			if p.word(atSpace) != "message" {
				p.fail(`"return" is not followed by "message"`)
			}
			continue
		case "expand":
			c.Options.ExpandFile = true
			if w = p.word(atSpace); w != "file" {
				p.fail(`"expand" is not followed by "file"`)
			}
		}
		n := slices.Index(keywords, w)
		if n < 0 {
			p.rest, p.line = rest, line
			break
		}
		if p.err == "" {
			given[w] = true
			*fields[n] = p.expanded(p.item(atSpace))
		}
	}
	if c.Verb == Vacation {
		c.Options.defaults(given)
	}
}

// defaults are those of vacation (section 3.14).
func (o *Options) defaults(given map[string]bool) {
	set := func(name string, field *string, value string) {
		if !given[name] {
			*field = value
		}
	}
	o.ExpandFile = o.ExpandFile || !given["file"]
	set("file", &o.File, ".vacation.msg")
	set("log", &o.Log, ".vacation.log")
	set("once", &o.Once, ".vacation")
	set("once_repeat", &o.OnceRepeat, "7d")
	set("subject", &o.Subject, "On vacation")
}
