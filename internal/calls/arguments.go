package calls

import (
	"strings"

	"waxseal"
)

// argument is one argument, or one element of a list or table among the arguments.
type argument struct {
	value string
	// fixed says that value is what it is when the call is reached; otherwise it is the
	// text.
	fixed bool
	// holds is the literal text in it, known or not: "to: $x <a@b.example>".
	holds string
	key   string // the name that it is given by: PeerAddr => …, shell=True
}

// arguments reads those of a call whose name ends before a token: in brackets, or as
// Perl and Lua write them without. last is their last token.
func (p *program) arguments(i int) (list []argument, last int, called bool) {
	next := p.at(i)
	switch {
	case next.is("("):
		end := p.closes(i)
		return p.segments(i+1, end), end, true
	case p.lang == Lua && next.is("{"):
		end := p.closes(i)
		return p.segments(i+1, end), end, true
	case p.lang == Lua && next.sort == literal:
		return p.segments(i, i+1), i, true
	case p.lang == Perl:
		end := p.statementEnd(i)
		return p.segments(i, end), max(i-1, end-1), end > i
	}
	return nil, i, false
}

// lowWords end the arguments of a call without brackets (perlop(1) "Operator
// Precedence").
var lowWords = map[string]bool{"or": true, "and": true, "not": true, "xor": true, "if": true, "unless": true, "while": true, "until": true, "for": true, "foreach": true}

// statementEnd is the token before which the arguments that begin at a token end.
func (p *program) statementEnd(i int) int {
	most := min(len(p.tokens), i+maxArguments)
	for ; i < most; i++ {
		t := p.tokens[i]
		switch {
		case t.sort == newline, t.is(";"), t.is("||"), t.is("&&"), t.is("?"), t.is(":") && p.lang == Perl, t.is(")"), t.is("]"), t.is("}"):
			return i
		case t.sort == name && lowWords[t.text] && p.lang == Perl:
			return i
		case t.sort == op && p.closer[i] > 0:
			i = min(p.closer[i], most-1)
		}
	}
	return most
}

// segments cuts arguments at commas and brackets.
func (p *program) segments(from, to int) (list []argument) {
	to = min(to, from+maxArguments)
	start, key := from, ""
	flush := func(end int) {
		if end > start {
			a := p.argument(start, end)
			a.key = key
			list = append(list, a)
		}
		start, key = end+1, ""
	}
	for i := from; i < to; i++ {
		t := p.tokens[i]
		switch {
		case t.is("=>"), t.is("=") && p.lang != Perl:
			key = p.at(i - 1).text
			start = i + 1
		case t.is(","), t.is("["), t.is("]"), t.is("{"), t.is("}"), t.is("("), t.is(")"):
			flush(i)
		}
	}
	flush(to)
	return list
}

// argument reads the value from one token to before another.
func (p *program) argument(from, to int) argument {
	a := argument{value: p.source(from, to-1)}
	if v, end, ok := p.within(from, to); ok && end == to {
		return argument{value: v, fixed: true, holds: v}
	}
	var holds []string
	for i := from; i < to; i++ {
		if t := p.tokens[i]; t.sort == literal {
			holds = append(holds, t.text)
		} else if v, ok := p.valueOf(t); ok && t.sort == variable {
			holds = append(holds, v)
		}
	}
	a.holds = strings.Join(holds, "")
	if t := p.tokens[from]; t.sort == literal && to == from+1 {
		a.value = t.text // a string that takes in variables
	}
	return a
}

// within is constant for a bounded part of the text.
func (p *program) within(from, to int) (string, int, bool) {
	if from == 0 {
		return "", 0, false
	}
	v, end, ok := p.constant(from)
	return v, end, ok && end <= to
}

// call notes a call with what its arguments name.
func (p *program) call(i int, n string, w Word, args []argument, last int) {
	c := Call{Line: p.tokens[i].line, Name: n, Text: p.source(i, last), Kind: w.Kind, Effects: w.Effects}
	if v := target(w.Target, args); v != "" {
		c.Target = waxseal.Target{Type: w.Target, Value: v}
	}
	if w.Target == waxseal.TargetFile && p.harmlessFile(n, args, c.Target.Value) {
		return
	}
	p.add(c)
}

// harmlessFile reports whether a file is opened only to be read, or is where the
// system's own modules lie.
func (p *program) harmlessFile(n string, args []argument, file string) bool {
	switch n {
	case "open", "io.open", "codecs.open":
		return p.lang != Perl && (len(args) < 2 || !writes(args[1:]))
	case "import", "sys.path.insert", "sys.path.append":
		return strings.HasPrefix(file, "/usr/lib/") || strings.HasPrefix(file, "/usr/share/")
	case "use lib":
		return strings.HasPrefix(file, "/usr/share/") || strings.HasPrefix(file, "/usr/lib/")
	}
	return false
}

// writes reports whether one of the arguments is a mode by which a file is
// written, or one that is not known.
func writes(args []argument) bool {
	for _, a := range args {
		if a.key == "mode" || a.key == "" {
			return !a.fixed || strings.ContainsAny(a.value, "wax+>")
		}
	}
	return false
}

// target is what arguments name, "" where that is worked out.
func target(t waxseal.TargetType, args []argument) string {
	switch t {
	case waxseal.TargetCommand:
		return commandOf(args)
	case waxseal.TargetHost, waxseal.TargetSocket:
		return hostOf(args)
	case waxseal.TargetAddress:
		for _, a := range args {
			if found := addressIn(a.holds); found != "" {
				return found
			}
		}
	case waxseal.TargetFile:
		for _, a := range args {
			if a.fixed && (strings.ContainsAny(a.value, "/.") || a.key == "") && a.value != "" {
				return a.value
			}
		}
	}
	return ""
}

// commandOf writes the words of a command; those that are worked out stand as they
// are written, unless the program is one of them.
func commandOf(args []argument) string {
	var words []string
	for _, a := range args {
		switch {
		case a.key != "" && len(words) > 0:
			return strings.Join(words, " ")
		case a.key != "" && a.key != "args":
			continue
		case len(words) == 0 && !a.fixed && (a.holds == "" || strings.HasPrefix(a.value, "$") || !strings.HasPrefix(a.value, a.holds[:1])):
			return ""
		}
		words = append(words, a.value)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// hostOf finds a host, with its port where that is told.
func hostOf(args []argument) string {
	host, port := "", ""
	for _, a := range args {
		if u, ok := urlIn(a.holds); ok {
			return u
		}
		switch strings.ToLower(a.key) {
		case "peeraddr", "peerhost", "host", "hostname", "server":
			host = a.holds
			continue
		case "peerport", "port":
			port = a.value
			continue
		}
		switch {
		case a.key == "" && host == "" && looksLikeHost(a.holds):
			host = a.holds
		case a.key == "" && host != "" && port == "" && isNumber(a.value):
			port = a.value
		}
	}
	if host != "" && isNumber(port) && !strings.Contains(host, ":") {
		return host + ":" + port
	}
	return host
}

func isNumber(s string) bool {
	return s != "" && len(s) < 6 && strings.Trim(s, "0123456789") == ""
}

// looksLikeHost reports whether a literal is a host name or address, with a port or
// without.
func looksLikeHost(s string) bool {
	if s == "localhost" || strings.HasPrefix(s, "[") && strings.Contains(s, "]") {
		return true
	}
	if !strings.Contains(s, ".") && !strings.Contains(s, ":") || strings.ContainsAny(s, "/ @$\n") || len(s) > 255 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-:") == ""
}

// urlIn finds the host of a URL in a text, with the port that the URL has or its
// scheme means.
func urlIn(s string) (string, bool) {
	i := strings.Index(s, "://")
	if i < 1 {
		return "", false
	}
	from := i
	for from > 0 && isName(s[from-1]) {
		from--
	}
	port, ok := schemes[strings.ToLower(s[from:i])]
	if !ok {
		return "", false
	}
	host := s[i+3:]
	if end := strings.IndexAny(host, "/?# \t\n\"'<>\\"); end >= 0 {
		host = host[:end]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if host == "" || strings.ContainsAny(host, "$%{") && !strings.Contains(host, ".") || len(host) > 255 {
		return "", false
	}
	if colon := strings.LastIndexByte(host, ':'); colon < 0 || strings.HasSuffix(host, "]") {
		host += ":" + port
	}
	return host, true
}

var schemes = map[string]string{"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443", "smtp": "25", "smtps": "465", "tcp": "", "redis": "6379", "amqp": "5672", "ldap": "389"}

// isLocal reports whether a host with its port is this one.
func isLocal(hostPort string) bool {
	host := hostPort
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1"
}

// addressIn finds a mail address in a text.
func addressIn(s string) string {
	for at := strings.IndexByte(s, '@'); at >= 0 && at < len(s); {
		from, end := at, at+1
		for from > 0 && inLocal(s[from-1]) {
			from--
		}
		for end < len(s) && (isName(s[end]) || s[end] == '.' || s[end] == '-') {
			end++
		}
		domain := strings.TrimRight(s[at+1:end], ".")
		if from < at && domain != "" && (strings.Contains(domain, ".") || domain == "localhost") && at-from <= 64 && len(domain) <= 253 {
			return s[from:at+1] + domain
		}
		next := strings.IndexByte(s[end:], '@')
		if next < 0 {
			return ""
		}
		at = end + next
	}
	return ""
}

// inLocal reports whether a character stands in local parts as they are written.
func inLocal(c byte) bool { return isName(c) || strings.IndexByte(".+-=%!#&*/?^{}|~", c) >= 0 }
