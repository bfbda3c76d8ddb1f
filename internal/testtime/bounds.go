package testtime

import (
	"testing"
	"time"
)

// Within fails where f takes more processor time than limit, or ten times that under
// the race detector, and returns what it took. It is for what must end at all; where
// the question is how work grows, ask Linear.
func Within(t testing.TB, limit time.Duration, f func()) time.Duration {
	t.Helper()
	spent := Spent(f)
	if spent > limit*slower {
		t.Errorf("it took %v of a processor, want at most %v", spent, limit*slower)
	}
	return spent
}

// Linear fails where four times the input takes much more than four times the work:
// a square would take sixteen times. Work of less than 30 milliseconds says nothing.
func Linear(t testing.TB, few int, work func(n int)) {
	t.Helper()
	const times, most = 4, 10
	cost := func(n int) time.Duration { return Spent(func() { work(n) }) }
	for try := 0; ; try++ {
		small, large := max(cost(few), 30*time.Millisecond), cost(few*times)
		if large <= most*small {
			return
		}
		if try == 2 { // a collection of garbage in between is not the work's
			t.Errorf("%d took %v, %d took %v", few, small, few*times, large)
			return
		}
	}
}
