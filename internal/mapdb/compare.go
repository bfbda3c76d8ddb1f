package mapdb

import (
	"bytes"
	"slices"
	"strings"
)

// Lacks says which side of a comparison has no such key.
type Lacks string

// The sides.
const (
	LacksNeither  Lacks = ""         // both have the key, with other values
	LacksSource   Lacks = "source"   // only the compiled table has it
	LacksCompiled Lacks = "compiled" // only the source has it
)

// Difference is one key on which a source and what was compiled from it differ.
type Difference struct {
	Key           string // folded where the source has it, else as compiled
	Line          int    // of the source's entry; 0 where it lacks
	SourceValue   string
	CompiledValue string
	Lacks         Lacks
	// Later is the line of a later entry for the key which has the compiled value:
	// the table was made with postmap -r. 0 where there is none.
	Later int
}

// Disagreement compares the entries of a source with those that each yields of
// the compiled table, in time linear in both. At most limit differences are
// returned, those of the compiled side first; total counts all.
//
// Keys are folded as postmap(1) folds them, and of equal keys in the source the
// first counts, as there. Values are equal when they differ in nothing but white
// space at which lists and words are split. Alias entries must have the key and
// value that postalias(1) writes.
func Disagreement(source []Entry, each func(yield func(key, value []byte) bool), limit int) (list []Difference, total int) {
	x := newIndex(source, firstWins)
	seen := make([]uint64, len(x.slots)/64+1)
	found := func(d Difference) {
		if total++; len(list) < limit {
			list = append(list, d)
		}
	}
	each(func(key, value []byte) bool {
		n := x.slotOf(key)
		switch {
		case n < 0:
			found(Difference{Key: string(key), CompiledValue: string(value), Lacks: LacksSource})
		case seen[n/64]&(1<<(n%64)) != 0:
			// The compiled table has the key twice, and the first counts.
		default:
			seen[n/64] |= 1 << (n % 64)
			e := x.entries[x.slots[n].at]
			if !SameValue(value, e.Value) {
				found(Difference{Key: string(key), Line: e.Line, SourceValue: e.Value, CompiledValue: string(value)})
			}
		}
		return true
	})
	for n, s := range x.slots {
		if e := x.entries[s.at]; seen[n/64]&(1<<(n%64)) == 0 {
			found(Difference{Key: Fold(e.Key), Line: e.Line, SourceValue: e.Value, Lacks: LacksCompiled})
		}
	}
	findLater(source, list)
	return list, total
}

// findLater looks for what postmap -r would have kept.
func findLater(source []Entry, list []Difference) {
	open := map[string]*Difference{}
	for i := range list {
		if list[i].Lacks == LacksNeither {
			open[list[i].Key] = &list[i]
		}
	}
	if len(open) == 0 {
		return
	}
	for _, e := range source {
		if d := open[Fold(e.Key)]; d != nil && e.Line > d.Line && SameValue([]byte(d.CompiledValue), e.Value) {
			d.Later = e.Line
		}
	}
}

// SameValue reports whether two values mean the same: they may differ in how
// much white space separates words, and in white space around commas, outside
// quotes.
func SameValue(compiled []byte, source string) bool {
	return string(compiled) == source || bytes.Equal(plainSpaces(compiled), plainSpaces([]byte(source)))
}

// plainSpaces writes a value with single blanks, and none around commas.
func plainSpaces(value []byte) []byte {
	out := make([]byte, 0, len(value))
	quoted, pending := false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		if !quoted && isSpace(c) {
			pending = true
			continue
		}
		if pending && c != ',' && len(out) > 0 && out[len(out)-1] != ',' {
			out = append(out, ' ')
		}
		pending = false
		out = append(out, c)
		switch {
		case c == '\\' && i+1 < len(value):
			i++
			out = append(out, value[i])
		case c == '"':
			quoted = !quoted
		}
	}
	return out
}

// SortDifferences puts them in the order of their keys.
func SortDifferences(list []Difference) {
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Key, b.Key) })
}
