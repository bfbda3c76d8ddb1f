package postfix

import (
	"cmp"
	"math/bits"
	"slices"
)

// slot stands for one entry of a source.
type slot struct {
	key, value uint64
	line       int32 // a table has at most maxTable of them
	seen       bool
	// other is true of a later entry for a key, with another value than the first.
	other bool
}

// slots finds entries by key in constant time. Keys are digests, so that they are
// spread evenly: their first bits tell where to look.
type slots struct {
	list   []slot
	starts []int32 // where the slots with these first bits begin, one more than there are
	shift  int
}

// perBucket is about how many slots have the same first bits.
const perBucket = 8

// sort puts the slots in order, keeps of equal keys the first, as postmap(1) and
// postalias(1) do, and returns the others.
func (s *slots) sort() (later []slot) {
	width := bits.Len(uint(len(s.list) / perBucket))
	s.shift = 64 - width
	s.partition(1 << width)
	kept, begin := s.list[:0], int32(0)
	for i, end := range s.starts[1:] {
		bucket := s.list[begin:end]
		slices.SortFunc(bucket, func(a, b slot) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.line, b.line)) })
		s.starts[i], begin = int32(len(kept)), end
		for _, x := range bucket {
			last := len(kept) - 1
			if last < 0 || kept[last].key != x.key {
				kept = append(kept, x)
				continue
			}
			x.other = kept[last].value != x.value
			later = append(later, x)
		}
	}
	s.starts[len(s.starts)-1] = int32(len(kept))
	s.list = kept
	return later
}

// partition moves each slot to those with the same first bits (a radix sort in
// place), and notes where they begin.
func (s *slots) partition(buckets int) {
	s.starts = make([]int32, buckets+1)
	for _, x := range s.list {
		s.starts[x.key>>s.shift+1]++
	}
	for i := range buckets {
		s.starts[i+1] += s.starts[i]
	}
	next := slices.Clone(s.starts)
	for i := range buckets {
		for next[i] < s.starts[i+1] {
			x := s.list[next[i]]
			for to := int(x.key >> s.shift); to != i; to = int(x.key >> s.shift) {
				s.list[next[to]], x = x, s.list[next[to]]
				next[to]++
			}
			s.list[next[i]] = x
			next[i]++
		}
	}
}

// find returns nil where no slot has the key.
func (s *slots) find(key uint64) *slot {
	i := key >> s.shift
	for n := s.starts[i]; n < s.starts[i+1]; n++ {
		if s.list[n].key == key {
			return &s.list[n]
		}
	}
	return nil
}
