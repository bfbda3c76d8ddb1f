package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// What rules of users and administrators (procmail, maildrop, and whatever else
// sorts mail) do, beyond what hooks of a mail system do.

// filters of text: what they read they print, and nothing else.
var textTools = []string{
	"date", "hostname", "echo", "printf", "test", "[", "expr", "true", "false", "basename", "dirname", "whoami", "id", "uname", "logname", "pwd",
	"head", "tail", "wc", "cut", "tr", "grep", "egrep", "fgrep", "sort", "uniq", "cat", "cmp", "md5sum", "sha256sum", "mimencode", "expand", "fold",
	"formail", "reformail", "lockfile", "mailbot", "makemime", "reformime", "vacation", "exit", "sleep", "sendmail", "gpg", "gpg2", "secret-tool", "pass",
}

var (
	commandEnds = regexp.MustCompile(`\|\||&&|[|;\n]`)
	discards    = regexp.MustCompile(`[12&]?>>?\s*/dev/null|2>&1`)
	writesTo    = regexp.MustCompile(`>>?\s*([^\s;|&<>()]+)`)
)

// usesTools are the delivery agents and clients whose rules are made of such tools:
// procmailex(5) pipes through formail and grep, msmtp(1) asks gpg for a password. An
// alias or a transport that runs one of them is no such rule.
var usesTools = map[waxseal.StackName]bool{"procmail": true, "maildrop": true, "msmtp": true}

// onlyText reports whether a command line reads, prints and answers, and no more:
// each program of it is a tool for text where Debian and others put those, and what
// is written goes to the user's own home.
func onlyText(h waxseal.Hook) bool {
	line := discards.ReplaceAllString(strings.TrimLeft(h.Target.Value, "| "), "")
	if strings.ContainsAny(line, "`&") && !strings.Contains(line, "&&") || strings.Contains(line, "$(") || strings.Contains(line, "`") {
		return false
	}
	for _, g := range writesTo.FindAllStringSubmatch(line, 8) {
		if !inHomeOf(h, strings.Trim(g[1], `"'`)) {
			return false
		}
	}
	line = writesTo.ReplaceAllString(line, "")
	some := false
	for _, command := range commandEnds.Split(line, 32) {
		words := strings.Fields(strings.Trim(command, " \t(){}"))
		if len(words) == 0 {
			continue
		}
		name := strings.Trim(words[0], `"'`)
		dir, base := path.Split(name)
		if dir != "" && dir != "/bin/" && dir != "/usr/bin/" && dir != "/usr/sbin/" && dir != "/usr/lib/" || !slices.Contains(textTools, base) || doesMore(base, words[1:]) {
			return false
		}
		some = true
	}
	return some
}

// doesMore reports whether a tool is told to do more than read and print: sendmail(1)
// takes another configuration or sends to whom only a variable knows, formail(1) and
// sort(1) run a program.
func doesMore(tool string, words []string) bool {
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(w, p) })
		})
	}
	switch tool {
	case "sendmail":
		toSomebody := has("-t") || slices.ContainsFunc(words, func(w string) bool { return w[0] != '-' && !strings.Contains(w, "$") })
		return has("-C", "-D", "-O", "-X", "-b") || !toSomebody
	case "formail", "reformail":
		return slices.ContainsFunc(words, func(w string) bool { return len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w, "s") })
	case "sort":
		return has("--compress-program", "--compress-prog", "--files0-from")
	}
	return false
}

// inHomeOf reports whether a file lies in plain sight in the home of the user whose
// mail a hook meets.
func inHomeOf(h waxseal.Hook, name string) bool {
	whose, _ := where(h.Scope)
	user, ok := strings.CutPrefix(whose, "recipient ")
	user, _, _ = strings.Cut(user, "+")
	if strings.Contains(name, "..") {
		return false
	}
	return strings.HasPrefix(name, "~/") || ok && user != "" && strings.HasPrefix(name, "/home/"+user+"/")
}

// furtherRules weighs a file from which more rules are read.
func (c *Context) furtherRules(h waxseal.Hook, w *weight) {
	w.add(rulesFrom, h.Target.Value)
	for _, p := range h.Closure {
		if p.Role != waxseal.RoleDirectory {
			c.whereItLies(waxseal.Part{Mode: p.Mode}, string(p.Path), w)
		}
	}
}
