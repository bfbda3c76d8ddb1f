package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"waxseal"
)

// Rank says what to look at first in a tree without a seal: every active hook
// weighed by itself, weightiest first. What documentation tells administrators
// to set up weighs less here than as a change; see standing. Hooks below low are
// left out.
func Rank(s waxseal.State) []waxseal.Finding {
	c := NewContext(waxseal.State{}, s)
	var list []ranked
	for _, h := range s.Hooks {
		w := c.signs(h)
		w.stand()
		if w.severity >= waxseal.Low {
			list = append(list, ranked{hook: h, weight: w})
		}
	}
	order(list)
	findings := make([]waxseal.Finding, len(list))
	for i, r := range list {
		findings[i] = r.finding()
	}
	return findings
}

// ranked is one hook with what speaks for looking at it.
type ranked struct {
	hook   waxseal.Hook
	weight weight
	again  bool // another hook with the same target comes first
}

// order puts the weightiest first: by severity, then what says something new
// before what leads to a target already named, then by the number of signs that
// are high by themselves.
func order(list []ranked) {
	heavy := func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.weight.severity, a.weight.severity), cmp.Compare(b.weight.heavy(), a.weight.heavy()))
	}
	slices.SortStableFunc(list, heavy)
	named := map[waxseal.Target]bool{}
	for i := range list {
		target := list[i].hook.Target
		list[i].again = named[target]
		named[target] = true
	}
	slices.SortStableFunc(list, func(a, b ranked) int {
		if again := boolean(a.again) - boolean(b.again); a.weight.severity == b.weight.severity && again != 0 {
			return again
		}
		return heavy(a, b)
	})
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (r ranked) finding() waxseal.Finding {
	h := r.hook
	return waxseal.Finding{
		Rule: waxseal.RuleID("mail-" + strings.ReplaceAll(string(h.Kind), "_", "-")), Severity: r.weight.severity,
		Title: fmt.Sprintf("%s: %s", h.Directive, clip(h.Target.Value)), Explain: h.Explain, Reasons: r.weight.words(),
		Attack: []waxseal.TechniqueID{"T1505.002"}, Hook: h.ID,
	}
}

// stand lowers the signs that mean less where nothing says that anything
// changed, and settles the rest.
func (w *weight) stand() {
	w.severity = waxseal.None
	for i := range w.reasons {
		r := &w.reasons[i]
		if s, ok := standing[r.sign]; ok {
			r.severity = s
		}
		w.severity = max(w.severity, r.severity)
	}
	w.settle()
}

// heavy counts the signs that are high by themselves.
func (w *weight) heavy() int {
	n := 0
	for _, r := range w.reasons {
		if r.severity >= waxseal.High {
			n++
		}
	}
	return n
}
