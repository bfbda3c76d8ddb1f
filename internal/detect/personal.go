package detect

import (
	"slices"
	"strings"

	"waxseal"
)

// ownHand is the severity of signs where the owner of the mailbox made the change. To
// forward, sort, answer and throw away one's own mail is everybody's right; to hide
// warnings from oneself, or to run a program that no package vouches for, is what
// others do with somebody's password.
var ownHand = map[sign]waxseal.Severity{
	foreignAddress:   waxseal.Low,
	remoteSeesAll:    waxseal.None,
	ownCopy:          waxseal.Low,
	computedAddress:  waxseal.Low,
	droppedSome:      waxseal.Low,
	droppedUnread:    waxseal.Low,
	answersForeign:   waxseal.Low,
	rewritten:        waxseal.Low,
	sentBack:         waxseal.Low,
	systemMailbox:    waxseal.Low,
	textTool:         waxseal.Low,
	deliveryProgram:  waxseal.Low,
	unreadable:       waxseal.Low,
	modifierChanged:  waxseal.Low,
	copyGone:         waxseal.Low,
	importantGone:    waxseal.Low,
	filterConfigured: waxseal.Low,
	leadsElsewhere:   waxseal.Low, // ManageSieve activates a script by a link (RFC 5804)
}

// personal says what a change weighs if the owner of the mailbox made it; nil where it
// is about more than the rules of one mailbox.
func (c *Context) personal(ch *waxseal.Change, w weight) *waxseal.Personal {
	box := mailboxOf(ch)
	if box == "" {
		return nil
	}
	own := weight{reasons: slices.Clone(w.reasons)}
	for i := range own.reasons {
		r := &own.reasons[i]
		if s, ok := ownHand[r.sign]; ok {
			r.severity = s
		}
		own.severity = max(own.severity, r.severity)
	}
	return &waxseal.Personal{Mailbox: box, Severity: own.severity, Reasons: own.words(), Foreign: c.foreign(ch)}
}

// mailboxOf is the one mailbox whose mail all hooks of a change meet, "" where there is
// none or the change does more than that.
func mailboxOf(ch *waxseal.Change) string {
	if len(ch.Settings) > 0 || len(ch.Packages) > 0 {
		return ""
	}
	hooks := slices.Concat(ch.Hooks.Added, ch.Hooks.Removed)
	for _, hc := range ch.Hooks.Changed {
		hooks = append(hooks, hc.Before, hc.After)
	}
	box := ""
	for _, h := range hooks {
		whose := Mailbox(h)
		if whose == "" || box != "" && whose != box {
			return ""
		}
		box = whose
	}
	return box
}

// Mailbox is the one mailbox whose mail a hook meets, without an extension of its
// address; "" where it meets other mail.
func Mailbox(h waxseal.Hook) string {
	whose, _ := where(h.Scope)
	name, ok := strings.CutPrefix(whose, "recipient ")
	local, domain, _ := strings.Cut(name, "@")
	local, _, _ = strings.Cut(local, "+")
	if !ok || local == "" || strings.ContainsAny(name, " *,;:()") {
		return ""
	}
	if domain != "" {
		local += "@" + strings.ToLower(domain)
	}
	return local
}

// foreign are the addresses outside the own domains to which hooks of a change hand
// mail now.
func (c *Context) foreign(ch *waxseal.Change) (list []string) {
	hooks := slices.Clone(ch.Hooks.Added)
	for _, hc := range ch.Hooks.Changed {
		hooks = append(hooks, hc.After)
	}
	for _, h := range hooks {
		if h.Active && h.Target.Type == waxseal.TargetAddress && c.foreignAddress(h.Target.Value) {
			list = append(list, h.Target.Value)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
