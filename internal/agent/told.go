package agent

import (
	"fmt"
	"slices"

	"waxseal"
)

// alreadyTold finds the latest finding about the same file in the same end
// state.
func alreadyTold(known []waxseal.Finding, ch waxseal.Change) (waxseal.Finding, bool) {
	for i := len(known) - 1; i >= 0; i-- {
		if told, same := gatheredIn(known[i], ch); told {
			return known[i], same
		}
		if c := known[i].Change; c != nil && c.Path == ch.Path {
			return known[i], !undone(known[i]) && sameEnd(*c, ch)
		}
	}
	return waxseal.Finding{}, false
}

// undone reports whether a finding's change was found undone: where it is there again,
// that is news.
func undone(f waxseal.Finding) bool { return f.Pair != nil && f.Pair.Change == f.ID }

// sameEnd reports whether two changes of one file end in the same: its content, and,
// where that tells nothing, its metadata or the meaning of its hooks.
func sameEnd(a, b waxseal.Change) bool {
	if a.AfterDigest != b.AfterDigest || (a.Kind == waxseal.Metadata) != (b.Kind == waxseal.Metadata) || !slices.Equal(a.Attributes, b.Attributes) {
		return false
	}
	return a.AfterDigest != "" || a.Kind == waxseal.Removed || slices.Equal(meaning(a), meaning(b))
}

// meaning is what the hooks, settings and packages of a change are now.
func meaning(ch waxseal.Change) (list []string) {
	for _, h := range slices.Concat(ch.Hooks.Added, ch.Hooks.Removed) {
		list = append(list, string(h.ID)+" "+h.Target.Value)
	}
	for _, h := range ch.Hooks.Changed {
		list = append(list, fmt.Sprintf("%s %s %t", h.After.ID, h.After.Target.Value, h.After.Active))
	}
	for _, s := range ch.Settings {
		list = append(list, s.Name+" = "+s.After)
	}
	for _, p := range ch.Packages {
		list = append(list, fmt.Sprintf("%+v", p.After))
	}
	slices.Sort(list)
	return list
}

// chain lists the findings that lead to a change from where it begins, the last first: an
// agent judges each step by itself, and a seal may lie several steps back. It is whole
// where no step is missing.
func chain(known []waxseal.Finding, ch waxseal.Change, teller waxseal.Finding) (steps []waxseal.Finding, whole bool) {
	steps = []waxseal.Finding{teller}
	if teller.Change == nil || ch.Kind == waxseal.Metadata || teller.Change.BeforeDigest == teller.Change.AfterDigest {
		return steps, true // many changes told together; metadata and meaning are compared as a whole
	}
	i := slices.IndexFunc(known, func(f waxseal.Finding) bool { return f.ID == teller.ID })
	for at := teller.Change.BeforeDigest; at != ch.BeforeDigest; at = steps[len(steps)-1].Change.BeforeDigest {
		for i--; i >= 0; i-- {
			if c := known[i].Change; c != nil && c.Path == ch.Path && c.AfterDigest == at && c.BeforeDigest != at {
				break
			}
		}
		if i < 0 {
			return steps, false
		}
		steps = append(steps, known[i])
	}
	return steps, true
}

// gatheredIn reports whether a finding tells of a file among many changes, and whether
// it tells of the same end state.
func gatheredIn(f waxseal.Finding, ch waxseal.Change) (told, same bool) {
	if f.Gathered == nil {
		return false, false
	}
	for _, g := range f.Gathered.List {
		if g.Path == ch.Path {
			told, same = true, g.AfterDigest == ch.AfterDigest
		}
	}
	return told, same
}
