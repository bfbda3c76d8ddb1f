package detect

import (
	"regexp"
	"strings"

	"waxseal"
)

var (
	// warnings are words of mail that an intruder wants nobody to see: that an account
	// was used, or that money moves (AN0553).
	warnings = regexp.MustCompile(`(?i)secur|alert|suspicious|unusual|sign.?in|log.?in|passw|\b[2m]fa\b|verif|phish|fraud|breach|compromis|hack|malware|intrusion|incident|unauthori[sz]ed|waxseal|` +
		`invoice|payment|\bwire\b|\biban\b|\bbank|transfer|payroll|remittance|refund|swift|billing|salary|\brechnung|überweis|zahlung|konto\b|facture|virement|factura`)
	// marks are headers and tests by which filters say that mail is spam.
	marks = regexp.MustCompile(`(?i)x-[a-z-]*(?:spam|virus|bogosity|dspam|rspamd?)[a-z-]*|spamtest|virustest|spam.?flag`)
	// outOfSight are folders into which nobody looks.
	outOfSight = regexp.MustCompile(`(?i)^(?:trash|deleted.*|bin|junk.*|spam|rss.*|archives?|conversation history|sync issues|outbox|drafts?|notes|journal|calendar|contacts|papierkorb|gelöschte.*|corbeille|of (?:deleted|seen) mail|[. _-].*|\W*)$`)
)

// warns reports whether a condition picks mail that warns, marks of spam apart.
func warns(when string) bool { return warnings.MatchString(marks.ReplaceAllString(when, "")) }

// isSpam reports whether a condition picks mail that a filter marked, and no other:
// a second test beside it, its opposite, or the mere presence of the mark picks more.
func isSpam(when string) bool { return marked.MatchString(when) }

// folder weighs a rule that puts mail into a folder of the recipient's own.
func (c *Context) folder(h waxseal.Hook, name string, w *weight) {
	when := h.Modifiers["when"]
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	last := name
	if len(parts) > 0 {
		last = parts[len(parts)-1]
	}
	hidden := outOfSight.MatchString(last) || outOfSight.MatchString(last[strings.LastIndexByte(last, '.')+1:])
	switch {
	case hidden && warns(when):
		w.add(hidesWarnings, clip(name), clip(when))
	case hidden && when == "" && !strings.EqualFold(last, "archive"):
		w.add(hidesAll, clip(name))
	default:
		w.add(sorted, clip(name))
	}
}
