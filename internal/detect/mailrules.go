package detect

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// What rules of users and administrators (procmail, maildrop, and whatever else
// sorts mail) do, beyond what hooks of a mail system do.

// where splits the scope of a rule, "recipient alice where header matches …", at
// its conditions.
func where(scope string) (whose, conditions string) {
	whose, conditions, _ = strings.Cut(scope, " where ")
	return whose, conditions
}

// vital matches conditions that pick mail about money, access or an intrusion: the
// words that intruders' rules have (ATT&CK T1564.008, T1114.003).
var vital = regexp.MustCompile(`(?i)passw|passwor|security|secur\W*ty|alert|suspicious|unusual|sign.?in|log.?in|unauthori[sz]|compromis|hack|phish|malware|breach|incident|fraud|scam|abuse|mfa|2fa|two.?factor|verif(?:y|ication)|invoice|payment|payroll|wire|bank|iban|swift|remit|transfer|purchase.?order|account.?(?:locked|suspended)|helpdesk|delivery.?(?:status|failure)|undeliver|mailer.?daemon`)

// unwatched matches folders that nobody looks into.
var unwatched = regexp.MustCompile(`(?i)(?:^|[/. ])(?:rss|rss.?feeds|rss.?subscriptions|archive|archives|trash|deleted|deleted.?(?:items|messages)|junk|conversation.?history|sync.?issues|notes|drafts|outbox|tmp|temp|old|null|cache)(?:[/.]*$|/(?:cur|new)/?$)`)

// hides reports whether a rule takes mail about money, access or an intrusion out
// of sight.
func hides(h waxseal.Hook) bool {
	if text := conditions(h); text == "" || !vital.MatchString(text) || h.Kind != waxseal.KindRedirect && h.Kind != waxseal.KindDiscard {
		return false
	}
	return h.Kind == waxseal.KindDiscard || h.Target.Type == waxseal.TargetFile && (unwatched.MatchString(h.Target.Value) || hiddenFolder(h.Target.Value))
}

// hiddenFolder reports whether a mail folder has a hidden name that is none of a
// Maildir's: those begin with one dot, and lie in a directory of the Maildir.
func hiddenFolder(name string) bool {
	below := false
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if len(part) > 1 && part[0] == '.' && part != ".." {
			if !below || strings.HasPrefix(part, "..") {
				return true
			}
		}
		below = below || strings.EqualFold(part, "maildir") || strings.EqualFold(part, ".maildir") || strings.EqualFold(part, "mail")
	}
	return false
}

// markHeaders are those in which filters say that mail is spam or infected.
const markHeaders = `X-(?:Spam|Bogosity|Virus|Rspamd|Amavis|DSPAM|CRM114|Razor|KAS)[A-Za-z_-]*`

// marked matches conditions that only pick what a filter called spam or infected, in
// the words of rules for procmail and maildrop, of Exim filters, and of Sieve scripts.
var marked = regexp.MustCompile(`(?i)^(?:header|message) matches "\^?\(?` + markHeaders + `:?[^"]*?(?:yes|spam\b|true|infected|reject|\\\*\\\*|\[\*\]|x{5})[^"]*"$` +
	`|^(?:"\$h(?:eader)?_` + markHeaders + `:"|header "` + markHeaders + `") (?:is|contains|begins with) "(?:yes|spam|true|infected|reject|\*{5,}|\+{5,})"$`)

// conditions are those of a rule, wherever its reader writes them.
func conditions(h waxseal.Hook) string {
	_, conditions := where(h.Scope)
	return cmp.Or(conditions, h.Modifiers["condition"])
}

// onlyMarked reports whether a rule picks nothing but what a filter marked. Where the
// filter drops it itself, its reader says so.
func onlyMarked(h waxseal.Hook) bool {
	if h.Modifiers["marked"] != "" {
		return true
	}
	text := conditions(h)
	return marked.MatchString(text) && !strings.Contains(text, "|") && !strings.Contains(text, `.*"`)
}

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
