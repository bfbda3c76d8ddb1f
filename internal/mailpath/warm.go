package mailpath

import (
	"waxseal"
	"waxseal/internal/loader"
)

// programs is a tree that reads a program without keeping all of it.
type programs interface {
	Program(p waxseal.Path, limit int64, want loader.Digests) (loader.Image, error)
}

// warmer is a tree that can read several programs at once, before they are asked
// for, while others read.
type warmer interface {
	Warm(programs, modules []waxseal.Path, want func(waxseal.Path) loader.Digests, more func(waxseal.Path, loader.Image) []waxseal.Path) (wait func())
}

// warm begins to read programs ahead, and the libraries that they load, and what
// packages brought; wait until that has ended before the tree is closed. What was
// read in an earlier reading and is still the same is left alone.
func (c *closer) warm(wave, modules []waxseal.Path) (wait func()) {
	tree, ok := c.tree.(warmer)
	if !ok || len(c.reader.programs) > 0 {
		return func() {}
	}
	return tree.Warm(wave, modules, c.wantedAhead, c.libraryFinder())
}

// whereIs is where a file really lies.
func whereIs(f waxseal.File) waxseal.Path {
	if f.Resolved != "" {
		return f.Resolved
	}
	return f.Path
}

// libraryFinder lists the libraries of a program. It has a search of its own,
// since it is asked while the reading goes on.
func (c *closer) libraryFinder() func(waxseal.Path, loader.Image) []waxseal.Path {
	var search *loader.Search
	return func(p waxseal.Path, image loader.Image) []waxseal.Path {
		f, err := c.tree.Stat(p)
		if err != nil || image.ELF == nil {
			return nil
		}
		if search == nil {
			search = loader.NewSearch(c.tree)
		}
		found, _ := search.Libraries(whereIs(f), *image.ELF)
		return found
	}
}
