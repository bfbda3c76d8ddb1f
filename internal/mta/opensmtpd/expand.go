package opensmtpd

import "strings"

// member is one destination of an alias, list or forward file.
type member struct {
	kind memberKind
	text string
	line int
}

type memberKind string

const (
	toUser    memberKind = "user"
	toAddress memberKind = "address"
	toCommand memberKind = "command" // |command
	toFile    memberKind = "file"    // /path
	toList    memberKind = "list"    // :include:/path
	toError   memberKind = "error"   // error:550 text
)

// maxLine is LINE_MAX: smtpd reads no longer list.
const maxLine = 2048

// members reads a list of destinations as expand_line() in expand.c does; ok is
// false where it stops at something that is none. What stands before counts.
func members(value string, line int) (list []member, ok bool) {
	if len(value) >= maxLine {
		return nil, false
	}
	for value != "" {
		item, rest, whole := nextItem(value)
		if !whole {
			return list, false
		}
		value = rest
		item = strings.Trim(item, blanks)
		if item == "" {
			continue
		}
		m, good := classify(item)
		if !good {
			return list, false
		}
		m.line = line
		list = append(list, m)
	}
	return list, true
}

const blanks = " \t\n\v\f\r"

// nextItem takes the text up to a comma outside quotes; a backslash takes the
// next character as it is. Quotes stay.
func nextItem(s string) (item, rest string, ok bool) {
	var b strings.Builder
	escaped, double, single := false, false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case escaped:
			escaped = false
			b.WriteByte(c)
			continue
		case c == '\\':
			escaped = true
			continue
		case c == ',' && !double && !single:
			return b.String(), s[i+1:], true
		}
		b.WriteByte(c)
		double = double != (c == '"' && !single)
		single = single != (c == '\'' && !double)
	}
	return b.String(), "", !escaped && !double && !single
}

// classify is text_to_expandnode() in to.c.
func classify(s string) (member, bool) {
	lower := strings.ToLower(s)
	if code, ok := cutPrefixes(s, lower, ":error:", "error:"); ok && isReply(code) {
		return member{kind: toError, text: code}, true
	}
	if name, ok := cutPrefixes(s, lower, ":include:", "include:"); ok && strings.HasPrefix(name, "/") {
		return member{kind: toList, text: name}, true
	}
	if command, ok := strings.CutPrefix(s, `"|`); ok && strings.HasSuffix(command, `"`) {
		return member{kind: toCommand, text: strings.TrimSuffix(command, `"`)}, true
	} else if command, ok := strings.CutPrefix(s, "|"); ok {
		return member{kind: toCommand, text: command}, true
	}
	if strings.HasPrefix(s, "/") {
		return member{kind: toFile, text: s}, true
	}
	if local, domain, ok := strings.Cut(s, "@"); ok && local != "" && domain != "" {
		if only(local, "!#$%*/?|^{}`~&'+-=_.") && only(domain, "-.") {
			return member{kind: toAddress, text: s}, true
		}
		s = local // what is left of it may be a user
	}
	return member{kind: toUser, text: s}, only(s, "_.-+")
}

func cutPrefixes(s, lower string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if strings.HasPrefix(lower, p) {
			return s[len(p):], true
		}
	}
	return "", false
}

// isReply reports whether a text is an SMTP reply that refuses: "550 no".
func isReply(s string) bool {
	return len(s) >= 5 && (s[0] == '4' || s[0] == '5') && isDigit(s[1]) && isDigit(s[2]) && s[3] == ' ' && isAlnum(s[4])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// only reports whether a text has letters, digits and these characters only.
func only(s, also string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte(also, s[i]) < 0 {
			return false
		}
	}
	return true
}

// listLines reads a list: a forward file, where # begins a comment and a
// backslash joins lines, or an included one, where neither is so (forwards_get(),
// aliases_expand_include()). Lists inside lists are passed over.
func listLines(text string, forward bool) (list []member, ok bool) {
	ok = true
	number, first, pending := 0, 0, ""
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if pending == "" {
			first = number
		}
		if forward {
			line = uncommented(line)
			if body, more := strings.CutSuffix(line, `\`); more {
				pending += body
				continue
			}
		}
		found, good := members(pending+line, first)
		pending = ""
		for _, m := range found {
			if m.kind != toList {
				list = append(list, m)
			}
		}
		if !good && forward {
			return list, false
		}
	}
	return list, ok
}

// uncommented cuts a line at a # without a backslash before it (fparseln(3)).
func uncommented(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] != '\\') {
			return line[:i]
		}
	}
	return line
}
