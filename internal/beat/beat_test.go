package beat

import (
	"testing"
	"time"
)

func TestBeatsMeet(t *testing.T) {
	now := time.Now()
	if d := Next(time.Hour); d <= 0 || d > time.Hour {
		t.Errorf("the next beat of an hour is in %v", d)
	}
	a, b := After(now, 0, 500*time.Millisecond), After(now.Add(time.Millisecond), 0, 500*time.Millisecond)
	if b.Sub(a)%(500*time.Millisecond) != 0 {
		t.Errorf("two loops of one pace wake %v apart", b.Sub(a))
	}
	for _, least := range []time.Duration{0, time.Millisecond, 10 * time.Second} {
		if at := After(now, least, time.Second).Sub(now); at < least || at > least+time.Second {
			t.Errorf("a beat that is to be %v away is in %v", least, at)
		}
	}
}
