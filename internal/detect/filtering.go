package detect

import (
	"strings"

	"waxseal"
)

// letsPass are the ways in which a filter can be set to let mail pass.
var letsPass = map[string]sign{"all": allPass, "infected": infectedPasses, "some": somePass}

// filtering weighs what a filter is set to do less, or for more people, than it is
// there for. It reports whether a hook is of that sort.
func (c *Context) filtering(h waxseal.Hook, w *weight) bool {
	value := clip(h.Target.Value)
	if s, ok := letsPass[h.Modifiers["lets_pass"]]; ok {
		w.add(s, h.Directive, value)
		return true
	}
	switch h.Modifiers["signs_for"] {
	case "anyone":
		w.add(signsForAnyone, h.Directive, value)
	case "others":
		domain := h.Target.Value[strings.LastIndexByte(h.Target.Value, '@')+1:]
		if !c.foreignAddress("@" + strings.TrimPrefix(domain, ".")) {
			w.add(rewritten, h.Directive, value)
			break
		}
		w.add(signsForOthers, value, h.Directive)
	default:
		return false
	}
	return true
}
