package drift

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPartners: each is paired with the one of its key, in whatever order both lists are,
// and who has none, or none any more, is told.
func TestPartners(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		before, after := rnd.Perm(8)[:rnd.IntN(9)], rnd.Perm(8)[:rnd.IntN(9)]
		p := partners(before, after, func(n *int) int { return *n })
		for i, n := range after {
			was := p.take(i)
			if got, want := was != nil, slices.Contains(before, n); got != want || got && *was != n {
				t.Fatalf("before %v, after %v: the partner of %d is %v", before, after, n, was)
			}
		}
		var left, want []int
		for _, n := range p.left() {
			left = append(left, *n)
		}
		for _, n := range before {
			if !slices.Contains(after, n) {
				want = append(want, n)
			}
		}
		if !slices.Equal(left, want) {
			t.Fatalf("before %v, after %v: %v are left, want %v", before, after, left, want)
		}
	}
	if p := partners([]int{1}, []int{1, 1}, func(n *int) int { return *n }); p.take(0) == nil || p.take(1) != nil {
		t.Error("two have one partner")
	}
}
