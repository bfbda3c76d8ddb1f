package detect

import (
	"slices"
	"strings"

	"waxseal"
)

// othersMay are the signs of what somebody may do with mailboxes that are not his.
var othersMay = map[string]sign{"read every mailbox": mastersRead, "change every mailbox": othersChange, "use some folders": othersUse}

// table weighs a lookup table as a whole; what its entries do is hooks of their
// own.
func (c *Context) table(h waxseal.Hook, w *weight) {
	if says := h.Modifiers["generated"]; says != "" {
		w.add(generatedDrift, clip(h.Target.Value), says)
		return
	}
	if h.Modifiers["reads"] != "" {
		w.add(mastersRead, clip(h.Target.Value))
	}
	if s, ok := othersMay[h.Modifiers["others_may"]]; ok {
		w.add(s, clip(h.Target.Value))
	}
	if !h.External {
		w.add(localTable, clip(h.Target.Value))
		c.whereTableLies(h, w)
		return
	}
	if r := c.reachOfTable(h); h.Target.Remote && r > private {
		w.add(remoteTable, clip(h.Target.Value), r)
		return
	}
	w.add(blindTable, clip(h.Target.Value))
	c.whereTableLies(h, w)
}

// reachOfTable is how far the farthest server of a table is. The name of a
// database table is a file or a prefix of parameters, and no host.
func (c *Context) reachOfTable(h waxseal.Hook) reach {
	hosts, ok := h.Modifiers["hosts"]
	if !ok || hosts == "" {
		return c.reachOf(h.Target.Value)
	}
	farthest := onHost
	for server := range strings.SplitSeq(hosts, ", ") {
		farthest = max(farthest, c.reachOf(server))
	}
	return farthest
}

func (c *Context) whereTableLies(h waxseal.Hook, w *weight) {
	for _, p := range h.Closure {
		c.whereItLies(waxseal.Part{Mode: p.Mode}, string(p.Path), w)
	}
}

// drift weighs an entry that a compiled map and its source say differently.
// Whoever edits a source and has not compiled it yet leaves the same difference
// as one who changes the map behind the source's back: which it was is told by
// which of the two files changed, or, where nobody saw that, by their times.
func (c *Context) drift(h waxseal.Hook, w *weight) {
	says, ok := h.Modifiers["drift"]
	if !ok {
		return
	}
	source, compiled := c.halves(h)
	switch {
	case len(c.Before.Stacks) > 0 && !c.differs(compiled):
		w.add(entryLater, says)
	case len(c.Before.Stacks) > 0 || !c.newer(source, compiled):
		w.add(entryDrift, says)
	default:
		w.add(entryMaybeLater, says)
	}
}

// halves finds the source and the compiled map that an entry stands in: the
// table that names the one names the other.
func (c *Context) halves(h waxseal.Hook) (source, compiled waxseal.Path) {
	if from := h.Modifiers["built_from"]; from != "" {
		return waxseal.Path(from), h.Source.Path // sendmail.cf and its sendmail.mc
	}
	for _, other := range c.After.Hooks {
		if other.Kind != waxseal.KindMap || !slices.ContainsFunc(other.Closure, func(p waxseal.Part) bool { return p.Path == h.Source.Path }) {
			continue
		}
		for _, p := range other.Closure {
			switch p.Role {
			case waxseal.RoleMap, waxseal.RoleAliases:
				source = p.Path
			case waxseal.RoleCompiledMap:
				compiled = p.Path
			}
		}
		return source, compiled
	}
	return "", ""
}

// differs reports whether a file has other content than before.
func (c *Context) differs(p waxseal.Path) bool {
	was, had := fileAt(c.Before.Files, p)
	now, has := fileAt(c.After.Files, p)
	return had != has || was.Digest != now.Digest
}

// newer reports whether one file was written after another.
func (c *Context) newer(p, than waxseal.Path) bool {
	a, hasA := fileAt(c.After.Files, p)
	b, hasB := fileAt(c.After.Files, than)
	return hasA && hasB && a.ModTime.After(b.ModTime)
}
