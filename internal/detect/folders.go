package detect

import (
	"cmp"
	"path"
	"regexp"
	"strings"
	"unicode"

	"waxseal"
)

// What rules pick and where they put it, in the words of all readers: Sieve, procmail,
// maildrop, filters of Exim.

var (
	// vital are words of mail that an intruder wants nobody to see: that an account was
	// used, or that money moves (AN0553, ATT&CK T1564.008, T1114.003).
	vital = regexp.MustCompile(`(?i)secur|alert|suspicious|unusual|sign.?in|log.?in|passw|\b[2m]fa\b|two.?factor|verif|phish|fraud|scam|abuse|breach|compromis|hack|malware|intrusion|incident|unauthori[sz]|waxseal|` +
		`invoice|payment|payroll|wire|\biban\b|bank|transfer|remit|refund|swift|billing|salary|purchase.?order|account.?(?:locked|suspended)|helpdesk|delivery.?(?:status|failure)|undeliver|mailer.?daemon|` +
		`\brechnung|überweis|zahlung|konto\b|facture|virement|factura`)
	// marks are headers and tests by which filters say that mail is spam: "X-Virus-Status"
	// is none of those words.
	marks = regexp.MustCompile(`(?i)x-[a-z-]*(?:spam|virus|bogosity|dspam|rspamd?)[a-z-]*|spamtest|virustest|spam.?flag`)
	// unwatched are names of folders into which nobody looks.
	unwatched = regexp.MustCompile(`(?i)^(?:trash|deleted.*|bin|junk.*|spam|rss.*|archives?|conversation.?history|sync.?issues|outbox|drafts?|notes|journal|calendar|contacts|papierkorb|gelöschte.*|corbeille|` +
		`of (?:deleted|seen) mail|te?mp|old|null|cache)$`)
)

// where splits the scope of a rule, "recipient alice where header matches …", at
// its conditions.
func where(scope string) (whose, conditions string) {
	whose, conditions, _ = strings.Cut(scope, " where ")
	return whose, conditions
}

// conditions are those of a rule, wherever its reader writes them.
func conditions(h waxseal.Hook) string {
	_, conditions := where(h.Scope)
	return cmp.Or(h.Modifiers["when"], h.Modifiers["condition"], conditions)
}

// picked says which mail a rule picks.
func picked(h waxseal.Hook) string {
	whose, _ := where(h.Scope)
	if when := conditions(h); when != "" && !strings.Contains(whose, when) {
		whose += " where " + when
	}
	return clip(whose)
}

// aboutVital reports whether a rule picks mail about money, access or an intrusion,
// marks of spam apart. Thousands of users have the same rules.
func (c *Context) aboutVital(h waxseal.Hook) bool {
	text := conditions(h)
	if text == "" {
		return false
	}
	yes, known := c.vital[text]
	if !known {
		yes = vital.MatchString(text) && vital.MatchString(marks.ReplaceAllString(text, ""))
		c.vital[text] = yes
	}
	return yes
}

// hides reports whether a rule takes mail about money, access or an intrusion out of
// sight.
func (c *Context) hides(h waxseal.Hook) bool {
	if h.Kind != waxseal.KindDiscard && (h.Kind != waxseal.KindRedirect || h.Target.Type != waxseal.TargetFile) || !c.aboutVital(h) {
		return false
	}
	return h.Kind == waxseal.KindDiscard || outOfSight(h.Target.Value)
}

// outOfSight reports whether nobody looks into a mail folder: "folder INBOX.Trash" of
// a Sieve script, or a path.
func outOfSight(target string) bool {
	name, isFolder := strings.CutPrefix(target, "folder ")
	for _, end := range []string{"/cur", "/new"} {
		name = strings.TrimSuffix(strings.TrimRight(name, "/"), end)
	}
	leaf := path.Base(name)
	if isFolder && (strings.ContainsAny(leaf[:1], ". _-") || !strings.ContainsFunc(leaf, unicode.IsLetter)) || !isFolder && hiddenFolder(name) {
		return true
	}
	return unwatched.MatchString(leaf) || unwatched.MatchString(leaf[strings.LastIndexByte(leaf, '.')+1:])
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
// A spam score of 1 is clean and 10 is spam, a virus score of 1 is clean and 5 is
// infected (RFC 5235, 2 and 3).
var marked = regexp.MustCompile(`(?i)^(?:header|message) matches "\^?\(?` + markHeaders + `:?[^"]*?(?:yes|spam\b|true|infected|reject|\\\*\\\*|\[\*\]|x{5})[^"]*"$` +
	`|^(?:"\$h(?:eader)?_` + markHeaders + `:"|header "` + markHeaders + `") (?:is|contains|begins with) "(?:yes|spam|true|infected|reject|\*{5,}|\+{5,})"$` +
	`|^the spam score (?:is|\(value\) (?:ge|gt|eq)) "(?:[3-9]|10)"$|^the spam score in percent (?:is|\(value\) (?:ge|gt|eq)) "(?:[3-9][0-9]|100)"$|^the virus score (?:is|\(value\) (?:ge|gt|eq)) "[3-5]"$`)

// onlyMarked reports whether a rule picks nothing but what a filter marked: a second
// test beside it, its opposite, or the mere presence of the mark picks more.
func onlyMarked(h waxseal.Hook) bool {
	if h.Modifiers["marked"] != "" { // the filter drops it itself, and its reader says why
		return true
	}
	text := conditions(h)
	return marked.MatchString(text) && !strings.Contains(text, "|") && !strings.Contains(text, `.*"`)
}

// bulkHeaders are those by which mail to many says that it is such (RFC 2919, RFC 2369).
const bulkHeaders = `(?:X-)?(?:List-(?:Id|Unsubscribe|Post|Help|Owner)|Mailing-List|Precedence|Feedback-ID|Campaign[A-Za-z-]*)`

// bulk matches conditions that only pick mail to many: by those headers, or by an
// author with the name of a newsletter.
var bulk = regexp.MustCompile(`(?i)^(?:header|message) matches "\^?` + bulkHeaders + `:[^"|]*"$` +
	`|^there is header "` + bulkHeaders + `"$` +
	`|^header "` + bulkHeaders + `" (?:is|contains|matches|begins with) "[^"]+"(?: or "[^"]+")*$` +
	`|^(?:header "from"|the address in "from") (?:is|contains|begins with) "(?:newsletters?|news|marketing|promotions?|promo|offers?|deals)(?:@[^"]*)?"$`)

// onlyBulk reports whether a rule picks nothing but mail to many.
func onlyBulk(h waxseal.Hook) bool { return bulk.MatchString(conditions(h)) }

// folder weighs a rule that puts mail into a folder of the recipient's own.
func (c *Context) folder(h waxseal.Hook, name string, w *weight) {
	unseen := outOfSight(h.Target.Value)
	switch {
	case unseen && c.aboutVital(h):
		w.add(hidesAbout, clip(name), clip(conditions(h)))
	case unseen && conditions(h) == "" && !strings.EqualFold(path.Base(name), "archive"):
		w.add(hidesAll, clip(name))
	default:
		w.add(sorted, clip(name))
	}
}
