package mailpath

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
	"waxseal/internal/mta"
)

// programs is a tree that reads a program without keeping all of it.
type programs interface {
	Program(p waxseal.Path, limit int64, want loader.Digests) (loader.Image, error)
}

// warmer is a tree that can read several programs at once, before they are asked
// for, while others read.
type warmer interface {
	Warm(programs, modules []waxseal.Path, want, ofModule func(waxseal.Path) loader.Digests, more func(waxseal.Path, loader.Image) []waxseal.Path) (help, wait func())
}

// warm begins to read programs ahead, and the libraries that they load, and what
// packages brought. Who needs them all may help; wait until that has ended before the tree
// is closed. What was read in an earlier reading and is still the same is left alone.
func (c *closer) warm(wave, modules []waxseal.Path) (help, wait func()) {
	tree, ok := c.tree.(warmer)
	if !ok || len(c.reader.programs) > 0 || len(wave)+len(modules) == 0 {
		return func() {}, func() {}
	}
	// An interpreter that a package brought is read once, as the program that it is.
	interpreters, others := apart(modules, isInterpreter)
	ofModule := func(p waxseal.Path) loader.Digests { return c.wantedOf(p, waxseal.RoleModule) }
	return tree.Warm(slices.Concat(wave, interpreters), others, c.wantedAhead, ofModule, c.libraryFinder())
}

func isInterpreter(p waxseal.Path) bool {
	base := path.Base(string(p))
	return base == "perl" || strings.HasPrefix(base, "python3.")
}

// apart parts a list by what is said of its elements.
func apart[T any](list []T, is func(T) bool) (those, others []T) {
	for _, e := range list {
		if is(e) {
			those = append(those, e)
		} else {
			others = append(others, e)
		}
	}
	return those, others
}

// whereIs is where a file really lies.
func whereIs(f waxseal.File) waxseal.Path {
	if f.Resolved != "" {
		return f.Resolved
	}
	return f.Path
}

// libraryFinder lists the libraries of a program. It has a search of its own,
// since it is asked while the reading goes on, and has read all that it reads before.
func (c *closer) libraryFinder() func(waxseal.Path, loader.Image) []waxseal.Path {
	search := loader.NewSearch(c.tree)
	return func(p waxseal.Path, image loader.Image) []waxseal.Path {
		f, err := c.tree.Stat(p)
		if err != nil || image.ELF == nil {
			return nil
		}
		found, _ := search.Libraries(whereIs(f), *image.ELF)
		return found
	}
}

// looker is a tree that can read files ahead that have one of some names.
type looker interface {
	Ahead(dirs []waxseal.Path, names []string) (end func())
}

// usualRules are the files of users that the readers look for, in their order.
var usualRules = []string{".forward", ".dovecot.sieve", ".procmailrc", ".mailfilter"}

// manyHomes is how many users make it worth while to look ahead.
const manyHomes = 500

// lookAhead has the tree look for the rules of users while other things are read.
func (c *closer) lookAhead() (end func()) {
	tree, ok := c.tree.(looker)
	if !ok || len(c.users) < manyHomes {
		return func() {}
	}
	text, err := c.tree.ReadFile("/etc/passwd", 16<<20)
	if err != nil {
		return func() {}
	}
	var homes []waxseal.Path
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == 7 && strings.HasPrefix(f[5], "/") {
			homes = append(homes, mta.Clean(f[5]))
		}
	}
	return tree.Ahead(homes, usualRules)
}
