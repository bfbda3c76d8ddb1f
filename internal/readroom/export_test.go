package readroom

import (
	"maps"
	"testing"
	"time"
)

// Hurry bounds how long papers may take to be read, for one test.
func Hurry(t *testing.T, d time.Duration) {
	before := maps.Clone(patienceFor)
	for v := range patienceFor {
		patienceFor[v] = d
	}
	t.Cleanup(func() { patienceFor = before })
}

// Tire says how long a process of papers waits for more questions.
func Tire(p *Papers, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = d
}

// HurryGuests bounds how long the tree of a guest may take to be read, until the bound is
// restored.
func HurryGuests(d time.Duration) (restore func()) {
	before := guestPatience
	guestPatience = d
	return func() { guestPatience = before }
}

// Calm has a reader started again at once.
func Calm(r *Room) { r.again = time.Time{} }
