package mailpath

import (
	"waxseal"
	"waxseal/internal/loader"
)

// programs is a tree that reads a program without keeping all of it.
type programs interface {
	Program(p waxseal.Path, limit int64) (loader.Image, error)
}

// warmer is a tree that can read several programs at once, before they are asked
// for.
type warmer interface {
	programs
	Warm([]waxseal.Path)
}

// maxWaves is how deep libraries of libraries are read ahead; deeper ones are
// read as they are met.
const maxWaves = 4

// warm reads programs ahead, and the libraries that they load. What was read in
// an earlier reading and is still the same is left alone.
func (c *closer) warm(wave []waxseal.Path) {
	tree, ok := c.tree.(warmer)
	if !ok || len(c.reader.programs) > 0 {
		return
	}
	seen := map[waxseal.Path]bool{}
	for range maxWaves {
		tree.Warm(wave)
		wave = c.librariesOf(tree, wave, seen)
		if len(wave) == 0 {
			return
		}
	}
}

// librariesOf lists the libraries of a wave that were not seen yet.
func (c *closer) librariesOf(tree programs, wave []waxseal.Path, seen map[waxseal.Path]bool) []waxseal.Path {
	if c.search == nil {
		c.search = loader.NewSearch(c.tree)
	}
	var next []waxseal.Path
	for _, p := range wave {
		st, err := c.tree.Stat(p)
		if err != nil || st.Type != waxseal.Regular {
			continue
		}
		image, err := tree.Program(p, maxContent)
		if err != nil || image.ELF == nil {
			continue
		}
		at := p
		if st.Resolved != "" {
			at = st.Resolved
		}
		found, _ := c.search.Libraries(at, *image.ELF)
		for _, l := range found {
			if !seen[l] {
				seen[l] = true
				next = append(next, l)
			}
		}
	}
	return next
}
