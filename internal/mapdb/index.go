package mapdb

import (
	"cmp"
	"slices"
)

// index finds entries by their folded keys. It takes 16 bytes an entry, and no
// choice of keys makes it slow.
type index struct {
	entries []Entry
	slots   []slot // sorted by hash, then key; each key once
}

type slot struct {
	hash uint64
	at   int32
}

// winner says which of the entries with one key counts.
type winner int

const (
	firstWins winner = iota // postmap(1), postalias(1), texthash
	lastWins                // inline
)

func newIndex(entries []Entry, wins winner) *index {
	x := &index{entries: entries, slots: make([]slot, len(entries))}
	for i, e := range entries {
		x.slots[i] = slot{hashOf(Fold(e.Key)), int32(i)}
	}
	slices.SortFunc(x.slots, func(a, b slot) int {
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		if c := cmp.Compare(x.key(a), x.key(b)); c != 0 {
			return c
		}
		if wins == lastWins {
			return cmp.Compare(b.at, a.at)
		}
		return cmp.Compare(a.at, b.at)
	})
	x.slots = slices.CompactFunc(x.slots, func(a, b slot) bool { return a.hash == b.hash && x.key(a) == x.key(b) })
	return x
}

func (x *index) key(s slot) string { return Fold(x.entries[s.at].Key) }

// slotOf finds the slot of a folded key; -1 where there is none.
func (x *index) slotOf(key []byte) int {
	hash := hashOf(key)
	n, found := slices.BinarySearchFunc(x.slots, hash, func(s slot, hash uint64) int {
		if c := cmp.Compare(s.hash, hash); c != 0 {
			return c
		}
		return cmp.Compare(x.key(s), string(key))
	})
	if !found {
		return -1
	}
	return n
}

func (x *index) find(key []byte) (Entry, bool) {
	n := x.slotOf(key)
	if n < 0 {
		return Entry{}, false
	}
	return x.entries[x.slots[n].at], true
}

// hashOf is FNV-1a of 64 bits.
func hashOf[T string | []byte](key T) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(key); i++ {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
