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
