package readroom

import (
	"slices"

	"waxseal"
	"waxseal/internal/mailpath"
)

// What is read ahead is never older than what a look accounts for. A question carries the
// paths of which something was heard, and the reader forgets these before it reads: its
// answer is of a moment after all that was heard before the question was sent. Whatever is
// heard later is forgotten once more, and then the answer does not count.

// Ahead asks what [Room.ReadAgain] will be asked in a moment, and does not wait for the
// answer. It reports whether it did.
func (r *Room) Ahead(live mailpath.Live) bool {
	if r.renew(); r.now == nil || !r.any || r.now.begun != nil || r.now.isGone() {
		return false
	}
	q := request{Verb: readAgain, Mounts: live.Mounts}
	if r.pose(&q) != nil {
		return false
	}
	r.now.begun = &q
	return true
}

// ReadAgain implements the agent's reader. What was read ahead is the answer, unless
// something was forgotten since.
func (r *Room) ReadAgain(live mailpath.Live) (waxseal.State, bool) {
	if s, ok := r.fetch(live); ok {
		return s, true
	}
	if r.renew(); r.now == nil || !r.any {
		return waxseal.State{}, false
	}
	q := request{Verb: readAgain, Mounts: live.Mounts}
	a, err := r.ask(q)
	if err != nil {
		return waxseal.State{}, false // all is read then
	}
	return r.enough(a, q)
}

// enough takes an answer, unless it does not say all.
func (r *Room) enough(a answer, q request) (waxseal.State, bool) {
	if a.Unknown || a.Denied && r.outgrown() {
		return waxseal.State{}, false
	}
	s, err := r.take(a, q)
	if err != nil {
		r.lose(err)
		return waxseal.State{}, false
	}
	return s, true
}

// fetch receives what was asked ahead, if anything was. The state counts only where
// nothing was forgotten since, and nothing mounted.
func (r *Room) fetch(live mailpath.Live) (waxseal.State, bool) {
	if r.now == nil || r.now.begun == nil {
		return waxseal.State{}, false
	}
	q := *r.now.begun
	r.now.begun = nil
	a, err := r.hear(q)
	if err != nil {
		return waxseal.State{}, false
	}
	s, ok := r.enough(a, q) // also where it does not count: the next answer is told by it
	return s, ok && len(r.forget) == 0 && slices.EqualFunc(q.Mounts, live.Mounts, sameMount)
}

func sameMount(a, b waxseal.Mount) bool {
	return a.Path == b.Path && a.Source == b.Source && a.FSType == b.FSType && a.Root == b.Root && slices.Equal(a.Options, b.Options)
}
