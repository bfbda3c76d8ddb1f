package detect

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"waxseal"
)

// Rank says what to look at first in a tree without a seal: every active hook
// weighed by itself, weightiest first. What documentation tells administrators
// to set up weighs less here than as a change; see standing. Hooks below low are
// left out.
func Rank(s waxseal.State) []waxseal.Finding {
	return RankBeside(s, func(work ...func()) {
		for _, do := range work {
			do()
		}
	})
}

// RankBeside is Rank for a caller that does several pieces of work at once; beside
// returns when all are done.
func RankBeside(s waxseal.State, beside func(work ...func())) []waxseal.Finding {
	pieces := make([][]ranked, (len(s.Hooks)+pieceHooks-1)/pieceHooks)
	work := make([]func(), len(pieces))
	for i := range pieces {
		hooks := s.Hooks[i*pieceHooks : min((i+1)*pieceHooks, len(s.Hooks))]
		work[i] = func() { pieces[i] = newContext(waxseal.State{}, s).worthALook(hooks) }
	}
	beside(work...)
	list := append(slices.Concat(pieces...), newContext(waxseal.State{}, s).openFiles()...)
	order(list)
	findings := make([]waxseal.Finding, len(list))
	work = work[:0]
	for from := 0; from < len(list); from += pieceHooks {
		work = append(work, func() {
			for i := from; i < min(from+pieceHooks, len(list)); i++ {
				findings[i] = list[i].finding()
			}
		})
	}
	beside(work...)
	return findings
}

// pieceHooks is how many hooks are one piece of work.
const pieceHooks = 4096

// worthALook weighs hooks by themselves, and keeps those that are low or more.
func (c *Context) worthALook(hooks []waxseal.Hook) []ranked {
	list := make([]ranked, 0, len(hooks))
	for i := range hooks {
		h := &hooks[i]
		w := c.signs(*h)
		w.stand()
		if w.severity >= waxseal.Low {
			list = append(list, ranked{hook: h, weight: w})
		}
	}
	return list
}

// openFiles weighs configuration that others than root may change: by its own
// owner and mode, or through a directory above it. Where root owns nothing, the
// tree was unpacked by somebody else, and owners say nothing.
func (c *Context) openFiles() []ranked {
	var list []ranked
	trusted := slices.ContainsFunc(c.After.Files, func(f waxseal.FileState) bool { return f.Role == waxseal.RoleConfig && f.UID == 0 && !f.Missing })
	open := map[waxseal.Path]waxseal.FileState{}
	for _, f := range c.After.Files {
		if f.Role == waxseal.RoleDirectory && !f.Missing && f.Mode&0o002 != 0 {
			open[f.Path] = f
		}
	}
	for _, f := range c.After.Files {
		if f.Role != waxseal.RoleConfig || f.Missing {
			continue
		}
		var w weight
		if f.UID != 0 && trusted {
			w.add(givenAway, f.UID)
		}
		if f.Mode&0o002 != 0 {
			w.add(anyoneWrites, f.Path, fmt.Sprintf("%04o", f.Mode))
		}
		for dir := path.Dir(string(f.Path)); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if d, ok := open[waxseal.Path(dir)]; ok {
				w.add(anyoneWrites, d.Path, fmt.Sprintf("%04o", d.Mode))
			}
		}
		if w.settle(); w.severity >= waxseal.Low {
			list = append(list, ranked{hook: configuration(f), weight: w})
		}
	}
	return list
}

// configuration stands for a file that is no hook by itself.
func configuration(f waxseal.FileState) *waxseal.Hook {
	return &waxseal.Hook{Kind: "file", Directive: "configuration", Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(f.Path)},
		Explain: "Others than root can change " + string(f.Path) + ", and with it what happens to mail."}
}

// ranked is one hook with what speaks for looking at it.
type ranked struct {
	hook   *waxseal.Hook
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
	named := make(map[waxseal.Target]bool, len(list))
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
	ids := techniquesOf(*h)
	return waxseal.Finding{
		Rule: ruleOfKind(h.Kind), Severity: r.weight.severity,
		Title: h.Directive + ": " + clip(h.Target.Value), Explain: h.Explain, Reasons: r.weight.words(),
		Attack: ids, AttackRefs: references(ids), Hook: h.ID,
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
