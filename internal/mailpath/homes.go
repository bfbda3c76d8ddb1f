package mailpath

import (
	"maps"
	"slices"

	"waxseal"
)

// A state may be read by one reader and kept by another, in another process. Who keeps
// it has to know where people live, and nothing else of what was found on the way.

// Homes lists the homes that the last reading found.
func (r *Reader) Homes() []waxseal.Path { return slices.Sorted(maps.Keys(r.residents.names)) }

// Inhabit tells a reader which homes another one found.
func (r *Reader) Inhabit(homes []waxseal.Path) {
	r.residents = residents{names: make(map[waxseal.Path][]string, len(homes)), people: map[string]bool{}}
	for _, h := range homes {
		r.residents.names[h] = []string{""} // whose it is matters to who reads
	}
}
