package detect

import (
	"net/netip"
	"slices"
	"strings"

	"waxseal"
)

// passed weighs mail that a filter lets through without looking at it. Whom it is from
// counts: a filter that spares the own users and hosts does what all filters do.
func (c *Context) passed(h waxseal.Hook, whom string, w *weight) {
	switch outsider := c.outsiderIn(whom); {
	case whom == "everyone":
		w.add(uncheckedAll, clip(h.Scope))
	case outsider != "":
		w.add(uncheckedOthers, outsider)
	default:
		w.add(passedBy, h.Directive, clip(h.Scope))
	}
}

// passedAnew weighs a hook that lets more senders through than before.
func (c *Context) passedAnew(before, after waxseal.Hook, w *weight) {
	was := strings.Split(before.Modifiers["whom"], ", ")
	more := slices.DeleteFunc(strings.Split(after.Modifiers["whom"], ", "), func(s string) bool { return s == "" || slices.Contains(was, s) })
	if len(more) > 0 {
		c.passed(after, strings.Join(more, ", "), w)
		w.settle()
	}
}

// outsiderIn finds in a list of addresses, domains, hosts and networks the first that
// is none of the own ones.
func (c *Context) outsiderIn(list string) string {
	for s := range strings.SplitSeq(list, ", ") {
		if c.isOutsider(strings.Trim(s, "/^$\"'")) {
			return s
		}
	}
	return ""
}

func (c *Context) isOutsider(s string) bool {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Bits() == 0 || c.reachOf(p.Addr().String()) > private
	}
	s = strings.ReplaceAll(s, `\.`, ".")
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return c.foreignAddress("x" + s[at:])
	}
	s = strings.TrimLeft(s, "*.")
	return strings.Contains(s, ".") && c.reachOf(s) > private
}
