package eximfilter

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// run obeys a filter for one message as exim -bf does, and prints what that prints.
type run struct {
	headers   map[string]string // lower case
	this      string            // $thisaddress
	out       strings.Builder
	commands  []Command
	taken     []Command
	delivered bool
	system    bool
}

// outcome is how a list of commands ends.
type outcome int

const (
	goesOn  outcome = iota
	ends            // finish, fail, freeze or defer
	errs            // an error while it is obeyed
	unknown         // an expansion that this test doesn't know
)

// evaluate prints what Exim says that it would do; known is false where it only is
// a beginning of that.
func evaluate(f Filter, headers map[string]string, system bool) (r *run, known bool) {
	r = &run{headers: headers, commands: f.Commands, system: system}
	switch r.list(f.top) {
	case errs:
		r.out.WriteString("Filter error\n")
	case unknown:
		return r, false
	case goesOn:
		r.finish()
	}
	return r, true
}

// contradiction says where what is told of a command is not what came out. That
// holds for what no condition surrounds, and only where all that was obeyed is so.
func (r *run) contradiction() string {
	free, delivers := true, false
	for _, c := range r.taken {
		if c.Ends != 0 {
			return fmt.Sprintf("%s of line %d is obeyed, but line %d ends the filter", c.Verb, c.Line, c.Ends)
		}
		free, delivers = free && c.guard == nil, delivers || c.Delivers()
	}
	for _, c := range r.taken {
		if free && (c.Delivers() && c.Diverts != r.delivered || c.Drops != (c.Seen && !delivers && !c.Delivers())) {
			return fmt.Sprintf("%s of line %d diverts %v, drops %v", c.Verb, c.Line, c.Diverts, c.Drops)
		}
	}
	return ""
}

func (r *run) finish() {
	if r.delivered {
		r.out.WriteString("Filtering set up at least one significant delivery or other action.\nNo other deliveries will occur.\n")
	} else {
		r.out.WriteString("Filtering did not set up a significant delivery.\nNormal delivery will occur.\n")
	}
}

func (r *run) list(b *block) outcome {
	for _, n := range b.nodes {
		o := goesOn
		if n.branches == nil {
			o = r.obey(r.commands[n.command])
		} else {
			o = r.branch(n.branches)
		}
		if o != goesOn {
			return o
		}
	}
	return goesOn
}

func (r *run) branch(list []branch) outcome {
	outer := r.this
	defer func() { r.this = outer }()
	for _, b := range list {
		if b.cond != nil {
			yes, o := r.test(b.cond)
			if o != goesOn {
				return o
			}
			if !yes {
				continue
			}
		}
		return r.list(b.body)
	}
	return goesOn
}

var reference = regexp.MustCompile(`\$(h_[a-z-]+:|header_[a-z-]+:|thisaddress)`)

func (r *run) expand(s string) (string, outcome) {
	s = reference.ReplaceAllStringFunc(s, func(name string) string {
		if name == "$thisaddress" {
			return r.this
		}
		return r.headers[strings.TrimSuffix(name[strings.IndexByte(name, '_')+1:], ":")]
	})
	if strings.ContainsAny(s, `$\`) {
		return "", unknown
	}
	return s, goesOn
}

var plainAddress = regexp.MustCompile(`^[a-z.]+@[a-z.]+$`)

func (r *run) obey(c Command) outcome {
	r.taken = append(r.taken, c)
	if c.Verb == Mail || c.Verb == Vacation {
		return r.mail(c)
	}
	arg := c.Arg
	if c.Verb != Pipe {
		var o outcome
		if arg, o = r.expand(arg); o != goesOn {
			return o
		}
	}
	r.delivered = r.delivered || c.Seen
	line := ""
	switch c.Verb {
	case Add:
		to, _ := r.expand(c.To)
		n, err := strconv.ParseInt(arg, 0, 64)
		if err != nil || len(to) != 2 || to[0] != 'n' || to[1] < '0' || to[1] > '9' {
			return errs
		}
		fmt.Fprintf(&r.out, "Add %d to %s\n", n, to)
		return goesOn
	case Headers:
		fmt.Fprintf(&r.out, "Headers %s \"%s\"\n", c.How, printing(arg))
		return goesOn
	case Testprint:
		fmt.Fprintf(&r.out, "Testprint: %s\n", printing(arg))
		return goesOn
	case Fail, Freeze, Defer:
		text := printing(arg)
		fmt.Fprintf(&r.out, "%s text \"%s\"\nFiltering ended by \"%s\".\n", strings.ToUpper(string(c.Verb[:1]))+string(c.Verb[1:]), text, c.Verb)
		return ends
	case Finish:
		r.say(c.Seen, "Seen f", "F", "inish")
		r.finish()
		return ends
	case Logfile:
		r.say(c.Seen, "Seen l", "L", "ogfile "+arg)
		return goesOn
	case Logwrite:
		r.say(c.Seen, "Seen l", "L", "ogwrite \""+printing(strings.TrimSuffix(arg, "\n")+"\n")+`"`)
		return goesOn
	case Deliver:
		if !plainAddress.MatchString(arg) || c.ErrorsTo != "" && !plainAddress.MatchString(c.ErrorsTo) {
			return unknown
		}
		line = "eliver message to: " + arg
	case Save:
		line = "ave message to: " + arg
		if c.Mode != "" {
			mode, _ := strconv.ParseInt(c.Mode, 8, 64)
			line += fmt.Sprintf(" %04o", mode)
		}
	case Pipe:
		line = "ipe message to: " + arg
	}
	if c.NoError {
		line += " (noerror)"
	}
	if c.ErrorsTo != "" {
		if !r.system {
			return errs // it is not the address of the one whose filter it is
		}
		line += " errors_to " + c.ErrorsTo
	}
	letter := string(c.Verb[:1])
	r.say(c.Seen, strings.ToUpper(letter), "Unseen "+letter, line)
	return goesOn
}

func (r *run) say(seen bool, yes, no, line string) {
	if seen {
		no = yes
	}
	r.out.WriteString(no + line + "\n")
}

func (r *run) mail(c Command) outcome {
	r.delivered = r.delivered || c.Seen
	fields := c.Options.fields()
	to, o := r.expand(c.Options.To)
	if o != goesOn {
		return o
	}
	if to == "" {
		to = "<default>"
	}
	line := "ail to: " + to
	if c.Verb == Vacation {
		line += " (vacation)"
	}
	if c.NoError {
		line += " (noerror)"
	}
	rest := "" // all of it is expanded before any of it is said
	for i, name := range keywords[1:] {
		value := *fields[i+1]
		if value == "" {
			continue
		}
		value, o := r.expand(value)
		if o != goesOn {
			return o
		}
		expanded := ""
		if name == "file" && c.Options.ExpandFile {
			expanded = " (expanded)"
		}
		rest += fmt.Sprintf("%s%s: %s%s\n", strings.Repeat(" ", max(0, 7-len(name))), name, printing(value), expanded)
	}
	r.say(c.Seen, "Seen m", "M", line)
	r.out.WriteString(rest)
	if c.Options.ReturnMessage {
		r.out.WriteString("Return original message\n")
	}
	return goesOn
}

// printing is string_printing of the Exim source; a tab is printed.
func printing(s string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\b", `\b`, "\v", `\v`, "\f", `\f`, `\`, `\\`).Replace(s)
}

func (r *run) test(c *Condition) (bool, outcome) {
	yes, o := r.holds(c)
	return yes != c.Not, o
}

func (r *run) holds(c *Condition) (bool, outcome) {
	switch c.Test {
	case "and", "or":
		for _, part := range c.Parts {
			if yes, o := r.test(part); o != goesOn || yes == (c.Test == "or") {
				return yes, o
			}
		}
		return c.Test == "and", goesOn
	case "personal":
		mine := append([]string{"root@vm.example"}, c.Aliases...)
		for _, m := range mine {
			if !r.system && strings.EqualFold(r.headers["to"], m) {
				return true, goesOn
			}
		}
		return false, goesOn
	case "delivered":
		return r.delivered, goesOn
	case "error_message", "manually_thawed": // no message is being delivered
		return false, goesOn
	case "first_delivery":
		return true, goesOn
	case "foranyaddress":
		return r.anyAddress(c)
	}
	left, o := r.expand(c.Left)
	right, o2 := r.expand(c.Right)
	if o+o2 != goesOn {
		return false, max(o, o2)
	}
	return compareText(c.Test, left, right)
}

func (r *run) anyAddress(c *Condition) (bool, outcome) {
	list, o := r.expand(c.Left)
	if o != goesOn {
		return false, o
	}
	for _, a := range strings.Split(list, ",") {
		if a = strings.TrimSpace(a); a == "" {
			continue
		}
		if !plainAddress.MatchString(a) {
			return false, unknown
		}
		r.this = a
		if yes, o := r.test(c.Parts[0]); yes || o != goesOn {
			return yes, o
		}
	}
	return false, goesOn
}

func compareText(test, l, r string) (bool, outcome) {
	switch test {
	case "above", "below":
		a, ok := number(l)
		b, ok2 := number(r)
		if !ok || !ok2 {
			return false, errs
		}
		return a > b && test == "above" || a < b && test == "below", goesOn
	case "matches", "MATCHES":
		if test == "matches" {
			r = "(?i)" + r
		}
		return regexp.MustCompile(r).MatchString(l), goesOn
	}
	if strings.ToLower(test) == test {
		l, r = strings.ToLower(l), strings.ToLower(r)
	}
	switch strings.ToLower(test) {
	case "is":
		return l == r, goesOn
	case "contains":
		// Where case is not heeded, nothing contains the empty string.
		return strings.Contains(l, r) && (r != "" || test == "CONTAINS"), goesOn
	case "begins":
		return strings.HasPrefix(l, r), goesOn
	}
	return strings.HasSuffix(l, r), goesOn
}

func number(s string) (int64, bool) {
	factor := int64(1)
	s = strings.TrimSpace(s)
	switch {
	case strings.HasSuffix(strings.ToLower(s), "k"):
		factor, s = 1<<10, s[:len(s)-1]
	case strings.HasSuffix(strings.ToLower(s), "m"):
		factor, s = 1<<20, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 0, 64)
	return n * factor, err == nil
}
