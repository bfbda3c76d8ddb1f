package mailpath

import (
	"maps"
	"reflect"
	"slices"
	"sync"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/surroundings"
)

// What a reader finds depends on nothing but what it is given and what the tree tells it.
// So who reads a tree again after one file was written need not run all of them: what a
// reader found the last time stands where each of its questions has the same answer now.
// The questions are asked of a memory of the tree (treecache.Kept), in which only what
// somebody heard of is asked of the disk; and who reads all reads all.

// memos are what the readers found the last time, by reader.
type memos struct {
	mu    sync.Mutex // readers work side by side
	found map[string]any
	// reading counts those that may read again.
	reading int
	// What follows is of the reading itself.
	texts   map[waxseal.Path]known
	modules map[waxseal.Path]*completedModule
	parts   map[askedPart]*completedPart
	search  *searched
	owned   map[waxseal.Path]owned // by directory
	needed  map[string][]string    // by the packages that were asked about
	brought map[string]brought     // likewise
}

func newMemos() *memos {
	return &memos{found: map[string]any{}, texts: map[waxseal.Path]known{}, modules: map[waxseal.Path]*completedModule{}, parts: map[askedPart]*completedPart{}, owned: map[waxseal.Path]owned{}, needed: map[string][]string{}, brought: map[string]brought{}}
}

// forget is for what is behind all answers: the package database, the names of accounts.
func (m *memos) forget() {
	if m != nil {
		clear(m.found)
		clear(m.modules)
		clear(m.parts)
		clear(m.owned)
		clear(m.needed)
		clear(m.brought)
	}
}

// anew is for who reads all.
func (m *memos) anew() {
	if m != nil {
		clear(m.texts)
		clear(m.modules)
		clear(m.parts)
		clear(m.owned)
		m.search = nil
	}
}

// memo is what one reader found, with everything that it asked.
type memo[T any] struct {
	given any // besides the tree
	asked *record
	found T
	stood moment
}

// maxAsked bounds what is remembered of one reader. One that asks more runs again.
const maxAsked = 50_000

// remember runs a reader, or returns what it found the last time. The clone that it is
// given makes is a copy of what the caller may change.
func remember[T any](c *closer, name string, tree waxseal.Tree, given any, clone func(T) T, read func(waxseal.Tree, *record) T) T {
	m := c.reader.memos
	if m == nil || c.oneHome != "" {
		return read(tree, &record{closer: c})
	}
	m.mu.Lock()
	last, _ := m.found[name].(*memo[T])
	delete(m.found, name)
	m.mu.Unlock()
	if !c.again || last == nil || !reflect.DeepEqual(last.given, given) || !last.asked.same(c, tree, c.doubt(last.stood)) {
		a := &record{closer: c, keeps: true}
		if last != nil {
			a.like(last.asked)
		}
		last = &memo[T]{given: given, asked: a, found: read(a.over(tree), a)}
		if a.n > maxAsked || a.unsure {
			return last.found
		}
		a.closer = nil
	}
	last.stood = c.now()
	m.mu.Lock()
	m.found[name] = last
	m.mu.Unlock()
	return clone(last.found)
}

// cloned is what a reader found, apart from what is remembered of it: whoever joins what
// several found changes it.
func cloned(r mta.Result) mta.Result {
	r.Stacks, r.Settings, r.Problems, r.Parts, r.Services = slices.Clone(r.Stacks), slices.Clone(r.Settings), slices.Clone(r.Problems), slices.Clone(r.Parts), slices.Clone(r.Services)
	r.Hooks = clonedHooks(r.Hooks)
	return r
}

func clonedAround(r surroundings.Result) surroundings.Result {
	r.Settings, r.Problems, r.Parts = slices.Clone(r.Settings), slices.Clone(r.Problems), slices.Clone(r.Parts)
	r.ConfigDirectories, r.Starts = slices.Clip(r.ConfigDirectories), slices.Clip(r.Starts)
	r.Hooks = clonedHooks(r.Hooks)
	return r
}

func clonedHooks(list []waxseal.Hook) []waxseal.Hook {
	list = slices.Clone(list)
	for i := range list {
		h := &list[i]
		h.Effects, h.LoadedBy, h.Closure, h.Modifiers = slices.Clone(h.Effects), slices.Clip(h.LoadedBy), slices.Clip(h.Closure), maps.Clone(h.Modifiers)
	}
	return list
}
