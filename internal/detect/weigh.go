package detect

import (
	"strings"

	"waxseal"
)

// hook weighs what a hook does, as if it had just appeared unexplained.
func (c *Context) hook(h waxseal.Hook) weight {
	w := c.signs(h)
	w.settle()
	return w
}

// signs notes what a hook shows.
func (c *Context) signs(h waxseal.Hook) weight {
	if !h.Active {
		return weighing(unreached, h.Directive, clip(h.Target.Value))
	}
	var w weight
	if h.Modifiers["descriptor"] != "" {
		c.heldOpen(h, &w)
		return w
	}
	switch h.Kind {
	case waxseal.KindUnreadable:
		w.add(unreadable, clip(h.Target.Value))
	case waxseal.KindEnvironment:
		c.environment(h, &w)
	case waxseal.KindModule, waxseal.KindPlugin, waxseal.KindBinary:
		c.code(h, &w)
	case waxseal.KindExpansionExec:
		c.command(h, &w)
	case waxseal.KindUnit:
		c.unit(h, &w)
	case waxseal.KindLog:
		c.logging(h, &w)
	case waxseal.KindDiscard:
		c.discard(h, &w)
	case waxseal.KindMap:
		c.table(h, &w)
	case waxseal.KindRewrite:
		c.rewrite(h, &w)
	default:
		c.byTarget(h, &w)
	}
	c.aggravations(h, &w)
	return w
}

// byTarget weighs a hook by where it hands mail.
func (c *Context) byTarget(h waxseal.Hook, w *weight) {
	switch h.Target.Type {
	case waxseal.TargetSocket:
		c.socket(h, w)
	case waxseal.TargetHost:
		c.nextHop(h, w)
	case waxseal.TargetAddress:
		c.address(h, w)
	case waxseal.TargetCommand:
		c.command(h, w)
	case waxseal.TargetFile:
		c.mailFile(h, w)
	case waxseal.TargetService:
		c.service(h, w)
	case waxseal.TargetTable:
		c.table(h, w)
	default:
		c.rewrite(h, w)
	}
}

// seesAll reports whether a hook meets more than one correspondent's mail.
func seesAll(h waxseal.Hook) bool {
	return h.Scope == "" || strings.HasPrefix(h.Scope, "all") || strings.HasPrefix(h.Scope, "port ") || strings.HasPrefix(h.Scope, "service ")
}

// logging weighs where the mail system writes its log.
func (c *Context) logging(h waxseal.Hook, w *weight) {
	if h.Has(waxseal.Execute) {
		c.code(h, w)
		return
	}
	if h.Target.Type == waxseal.TargetAddress {
		c.told(h, w)
		return
	}
	w.add(logName, h.Directive, clip(h.Target.Value))
	c.whereItLies(waxseal.Part{}, h.Target.Value, w)
	switch {
	case h.Target.Value == "/dev/null":
		w.add(logThrownAway)
	case h.Has(waxseal.Silence):
		w.add(hidesMail, h.Directive, clip(h.Target.Value))
	}
}

// aggravations are reasons that make any dangerous hook worse.
func (c *Context) aggravations(h waxseal.Hook, w *weight) {
	c.above(h, w)
	c.drift(h, w)
	c.privileged(h, w)
	if action := h.Modifiers["milter_default_action"]; action == "accept" && h.Kind == waxseal.KindMilter {
		w.add(failsOpen)
	}
	if p, ok := socketPath(h.Target.Value); ok && h.Target.Type == waxseal.TargetSocket {
		if why := hiding(p); why != "" {
			w.add(hiddenSocket, p, why)
		}
	}
}
