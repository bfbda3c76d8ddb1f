package eximconf

import (
	"slices"
	"strings"
)

// verbs are those of ACLs (spec 44.9).
var verbs = []string{"accept", "defer", "deny", "discard", "drop", "require", "warn"}

// modifiers can't be negated; the other names are conditions (acl.c, spec 44.17
// and 44.23).
var modifiers = []string{"add_header", "continue", "control", "delay", "endpass", "log_message", "log_reject_target", "logwrite", "message", "queue", "remove_header", "set", "udpsend"}

var conditions = []string{
	"acl", "arc_status", "atrn_domains", "authenticated", "bmi_optin", "condition", "dcc", "decode", "demime", "dkim_signers", "dkim_status", "dmarc_status", "dnslists", "domains",
	"encrypted", "hosts", "local_parts", "malware", "mime_regex", "ratelimit", "recipients", "regex", "seen", "sender_domains", "senders", "spam", "spf", "spf_guess", "verify",
}

// acls reads the ACL section.
func (r *reader) acls() {
	names, current := map[string]bool{}, -1
	for {
		line, ok := r.next()
		if !ok {
			return
		}
		if r.defines(line) {
			current = -1
			continue
		}
		name, rest := readName(line.Text)
		switch {
		case strings.HasPrefix(rest, ":") && name != "":
			if names[name] {
				r.problem(line.Place, "there are two ACLs called "+name)
			}
			names[name] = true
			r.config.ACLs = append(r.config.ACLs, ACL{Place: line.Place, Name: name})
			current = len(r.config.ACLs) - 1
		case current < 0:
			r.problem(line.Place, "the name of an ACL is missing")
		default:
			r.aclLine(&r.config.ACLs[current], line)
		}
	}
}

// aclLine reads one line of an ACL (acl.c acl_read).
func (r *reader) aclLine(acl *ACL, line Line) {
	if message := acl.take(line); message != "" {
		r.problem(line.Place, message)
	}
}

func (acl *ACL) take(line Line) (message string) {
	rest, negated := strings.CutPrefix(strings.TrimLeft(line.Text, blanks), "!")
	name, after := readName(rest)
	if slices.Contains(verbs, name) {
		if negated {
			return "a verb of an ACL can't be negated"
		}
		acl.Statements = append(acl.Statements, Statement{Place: line.Place, Verb: name})
		if after == "" {
			return ""
		}
		rest, negated = strings.CutPrefix(after, "!")
		name, after = readName(rest)
	}
	if len(acl.Statements) == 0 {
		return "an ACL starts with something that is no verb: " + name
	}
	item := Item{Place: line.Place, Name: name, Negated: negated}
	isModifier := slices.Contains(modifiers, name)
	switch {
	case !isModifier && !slices.Contains(conditions, name):
		message = "no condition or modifier of an ACL is called " + name
	case isModifier && negated:
		message = "a modifier of an ACL can't be negated: " + name
	}
	if name == "set" {
		end := strings.IndexAny(after, "="+blanks)
		if end < 0 {
			end = len(after)
		}
		item.Variable, after = after[:end], strings.TrimLeft(after[end:], blanks)
	}
	value, ok := strings.CutPrefix(after, "=")
	if !ok && name != "endpass" && message == "" {
		message = "= is missing behind " + name
	}
	item.Value = strings.TrimLeft(value, blanks)
	last := &acl.Statements[len(acl.Statements)-1]
	last.Items = append(last.Items, item)
	return message
}

// ParseACL reads an ACL that stands in a file of its own or in the text of an
// option (spec 44.6): lines as in the section.
func ParseACL(name, text string, at Place) (acl ACL, problems []Problem) {
	acl = ACL{Place: at, Name: name}
	n := at.Line
	for line := range strings.Lines(text) {
		body := strings.Trim(line, blanks)
		if body != "" && body[0] != '#' {
			if message := acl.take(Line{Place{at.Path, n}, body}); message != "" && len(problems) < 100 {
				problems = append(problems, Problem{Place{at.Path, n}, message})
			}
		}
		n++
	}
	return acl, problems
}
