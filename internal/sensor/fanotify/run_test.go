package fanotify

import (
	"testing"
	"time"
)

// TestLate: how long what was read may have waited, by what was known of the queue before.
func TestLate(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	r := &reader{last: start, empty: start}
	for _, tc := range []struct {
		name         string
		now          time.Time
		waited, full bool
		want         time.Duration
	}{
		{"it came while the reader waited", at(time.Hour), true, false, 0},
		{"it came while the one before was handled", at(time.Hour + 30*time.Millisecond), false, false, 30 * time.Millisecond},
		{"more than fits", at(time.Hour + 50*time.Millisecond), false, true, 20 * time.Millisecond},
		{"and more", at(time.Hour + 90*time.Millisecond), false, true, 60 * time.Millisecond},
		{"the rest", at(time.Hour + 100*time.Millisecond), false, false, 70 * time.Millisecond},
		{"nothing is left", at(time.Hour + 110*time.Millisecond), false, false, 10 * time.Millisecond},
		{"so much at once that the reader can't have run", at(2 * time.Hour), true, true, 2 * time.Second},
	} {
		if got := r.late(tc.now, tc.waited, tc.full); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		r.last = tc.now
	}
}
