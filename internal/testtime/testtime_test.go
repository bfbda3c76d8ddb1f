package testtime

import (
	"testing"
	"time"
)

// TestSpent: sleep is no work, and a sum is.
func TestSpent(t *testing.T) {
	if d := Spent(func() { time.Sleep(300 * time.Millisecond) }); d > 100*time.Millisecond {
		t.Errorf("sleep took %v of a processor", d)
	}
	var sum uint64
	d := Spent(func() {
		for i := range uint64(500_000_000) {
			sum += i * i
		}
	})
	if d < time.Millisecond || sum == 0 {
		t.Errorf("500 million products took %v of a processor", d)
	}
}

// heard is a test that only remembers whether it failed.
type heard struct {
	testing.TB
	failed bool
}

func (h *heard) Helper()               {}
func (h *heard) Errorf(string, ...any) { h.failed = true }

// TestLinear: a sum is linear, and a sum of sums is not.
func TestLinear(t *testing.T) {
	var sum int
	add := func(n int) {
		for i := range n {
			sum += i ^ n
		}
	}
	for _, tc := range []struct {
		name string
		few  int
		work func(n int)
		want bool
	}{
		{"a sum", 20_000_000, add, false},
		{"a sum of sums", 12_000, func(n int) {
			for range n {
				add(n)
			}
		}, true},
	} {
		h := &heard{TB: t}
		if Linear(h, tc.few, tc.work); h.failed != tc.want {
			t.Errorf("%s fails: %v", tc.name, h.failed)
		}
	}
}

// TestWithin: what takes longer than it may fails.
func TestWithin(t *testing.T) {
	h := &heard{TB: t}
	if Within(h, time.Minute, func() {}); h.failed {
		t.Error("nothing took a minute")
	}
	if Within(h, 0, func() { _ = make([]byte, 64<<20) }); !h.failed {
		t.Error("64 MB took no time at all")
	}
}
