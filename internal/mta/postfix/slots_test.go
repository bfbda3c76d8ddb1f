package postfix

import (
	"math/rand/v2"
	"testing"
)

func TestSlots(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 8, 9, 100, 5000} {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		s := slots{}
		first := map[uint64]slot{}
		doubles := 0
		for i := range n {
			x := slot{key: random.Uint64(), value: random.Uint64(), line: int32(i + 1)}
			if i > 0 && i%5 == 0 {
				x.key = s.list[random.IntN(i)].key
				doubles++
			}
			if _, ok := first[x.key]; !ok {
				first[x.key] = x
			}
			s.list = append(s.list, x)
		}
		random.Shuffle(n, func(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] })
		later := s.sort()
		if len(later) != doubles || len(s.list) != len(first) {
			t.Errorf("%d: %d later ones, want %d; %d kept, want %d", n, len(later), doubles, len(s.list), len(first))
		}
		for key, want := range first {
			if got := s.find(key); got == nil || *got != want {
				t.Errorf("%d: find(%x) = %v, want %v", n, key, got, want)
			}
		}
		for _, x := range later {
			if !x.other || first[x.key].line >= x.line {
				t.Errorf("%d: %v is later than %v", n, x, first[x.key])
			}
		}
		if _, known := first[42]; !known && s.find(42) != nil {
			t.Errorf("%d: found what is not there", n)
		}
	}
}
