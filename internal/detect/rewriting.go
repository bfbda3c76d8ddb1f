package detect

import (
	"regexp"
	"strings"

	"waxseal"
)

// rewrite weighs a change made to messages or to what is said in SMTP.
func (c *Context) rewrite(h waxseal.Hook, w *weight) {
	value, foreign := h.Target.Value, c.foreignIn(h.Target.Value)
	switch {
	case c.filtering(h, w):
	case h.Modifiers["listens"] != "":
		w.add(pick(h.Has(waxseal.Divert), socketOfAnyone, socketOfHosts), clip(value))
	case h.Directive == "vacation" && foreign == "":
		w.add(answered, clip(value))
	case h.Directive == "notify_classes":
		w.add(notices, clip(value))
	case strings.HasPrefix(h.Directive, "allow_mail_to_"):
		w.add(pick(strings.Contains(value, "include"), listsAct, rewritten), h.Directive, clip(value))
	case c.rights(h, w):
	case h.Has(waxseal.Execute):
		c.code(h, w)
	case strings.HasSuffix(h.Directive, "_status_filter"):
		w.add(pick(changesOutcome(h), outcomeChanged, rewritten), h.Directive, clip(value))
	case strings.HasSuffix(h.Directive, "_dns_reply_filter"):
		w.add(pick(!strings.Contains(h.Scope, "AAAA"), answersHidden, rewritten), h.Directive, clip(value))
	case strings.HasSuffix(h.Directive, "_command_filter"), strings.HasSuffix(h.Directive, "_reply_filter"):
		w.add(pick(changesMeaning(h), smtpRewritten, rewritten), h.Directive, clip(value))
	case h.Has(waxseal.Silence):
		w.add(hidesMail, h.Directive, clip(value))
	case h.Target.Type == waxseal.TargetAddress:
		w.add(pick(c.foreignAddress(value), rewrittenForeign, rewritten), h.Directive, clip(value))
	case h.Directive == "relocated_maps":
		w.add(sentBack, clip(h.Scope), clip(value))
	case foreign != "":
		w.add(answersForeign, h.Directive, foreign)
	case h.Modifiers["open"] != "":
		w.add(openToOthers, h.Modifiers["open"], h.Directive, clip(value))
	case h.Kind == waxseal.KindMilter || h.Modifiers["bypasses"] != "":
		c.passed(h, h.Modifiers["whom"], w)
	case h.Kind == waxseal.KindHosts && strings.HasPrefix(value, "nameserver "):
		w.add(pick(c.reachOf("["+strings.TrimPrefix(value, "nameserver ")+"]") > private, diverted, rewritten), h.Directive, clip(value))
	case h.Directive == "REPLACE" && strings.HasPrefix(h.Scope, "body "):
		w.add(textReplaced, h.Directive, clip(value))
	case h.Has(waxseal.Drop) || h.Has(waxseal.Divert) || h.Has(waxseal.Copy):
		w.add(diverted, h.Directive, clip(value))
	default:
		w.add(rewritten, h.Directive, clip(value))
	}
}

func pick(worse bool, is, isNot sign) sign {
	if worse {
		return is
	}
	return isNot
}

// vitalWords are what decides in SMTP who sends and gets mail, and how safely.
var vitalWords = regexp.MustCompile(`(?i)RCPT|MAIL.{0,4}FROM|AUTH|STARTTLS|BDAT|XCLIENT|XFORWARD|@`)

// changesMeaning reports whether a filter of SMTP turns what is said into
// something else: other addresses, no encryption, a refusal into a success.
func changesMeaning(h waxseal.Hook) bool {
	return vitalWords.MatchString(h.Target.Value) || vitalWords.MatchString(h.Scope) || changesOutcome(h)
}

var (
	firstDigit = regexp.MustCompile(`^\s*\$?([245])`)
	keyDigit   = regexp.MustCompile(`^what matches [^0-9A-Za-z]{0,4}([245]|\[[45]+\])`)
)

// changesOutcome reports whether a reply of one sort becomes one of another:
// success, put off, or refused.
func changesOutcome(h waxseal.Hook) bool {
	now, was := firstDigit.FindStringSubmatch(h.Target.Value), keyDigit.FindStringSubmatch(h.Scope)
	return now != nil && (was == nil || !strings.Contains(was[1], now[1]))
}

var addressIn = regexp.MustCompile(`[A-Za-z0-9._+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)

// foreignIn finds an address outside the own domains in a text.
func (c *Context) foreignIn(text string) string {
	for _, a := range addressIn.FindAllString(text, 16) {
		if c.foreignAddress(a) {
			return a
		}
	}
	return ""
}
