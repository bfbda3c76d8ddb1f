package readroom

import (
	"errors"
	"maps"
	"slices"
	"unsafe"

	"waxseal"
)

// From one reading to the next nearly all of a state stays as it was. What goes between
// the processes is a state as it differs from the one before, which both have.

// piece is a part of a list: elements of the list before, and new ones behind them.
type piece[T any] struct {
	From, Count int
	New         []T
}

// delta is a state, by the one before.
type delta struct {
	Host     waxseal.HostID
	Stacks   []waxseal.Stack
	Problems []waxseal.Problem
	Hooks    []piece[waxseal.Hook]
	Settings []piece[waxseal.Setting]
	Files    []piece[waxseal.FileState]
	Packages []piece[waxseal.Package]
}

func deltaOf(was, now waxseal.State) delta {
	return delta{
		Host: now.Host, Stacks: now.Stacks, Problems: now.Problems,
		Hooks:    pieces(was.Hooks, now.Hooks, func(h *waxseal.Hook) waxseal.HookID { return h.ID }, sameHook),
		Settings: pieces(was.Settings, now.Settings, nameOf, func(a, b *waxseal.Setting) bool { return *a == *b }),
		Files:    pieces(was.Files, now.Files, func(f *waxseal.FileState) waxseal.Path { return f.Path }, sameFile),
		Packages: pieces(was.Packages, now.Packages, func(p *waxseal.Package) string { return p.Name }, func(a, b *waxseal.Package) bool { return *a == *b }),
	}
}

// settingName is what a setting is known by.
type settingName struct {
	mta            waxseal.StackName
	instance, name string
}

func nameOf(s *waxseal.Setting) settingName { return settingName{s.MTA, s.Instance, s.Name} }

// pieces writes a list by the one before. Elements mostly follow each other as they did;
// where they don't, they are found by their key.
func pieces[T any, K comparable](was, now []T, key func(*T) K, same func(a, b *T) bool) []piece[T] {
	if now == nil {
		return nil
	}
	list := []piece[T]{}
	var places map[K]int
	next := 0
	for i := range now {
		at := next
		if at >= len(was) || !same(&was[at], &now[i]) {
			if places == nil {
				places = make(map[K]int, len(was))
				for j := range was {
					places[key(&was[j])] = j
				}
			}
			j, ok := places[key(&now[i])]
			if ok && !same(&was[j], &now[i]) {
				ok, next = false, j+1 // it is another, and the next stands behind it
			}
			at = j
			if !ok {
				list = addNew(list, now[i])
				continue
			}
		}
		list = addOld(list, at)
		next = at + 1
	}
	return list
}

func addNew[T any](list []piece[T], v T) []piece[T] {
	if len(list) == 0 {
		list = append(list, piece[T]{})
	}
	last := &list[len(list)-1]
	last.New = append(last.New, v)
	return list
}

func addOld[T any](list []piece[T], at int) []piece[T] {
	if len(list) > 0 {
		last := &list[len(list)-1]
		if len(last.New) == 0 && last.From+last.Count == at {
			last.Count++
			return list
		}
	}
	return append(list, piece[T]{From: at, Count: 1})
}

var errPiece = errors.New("it refers to what is not there")

// state puts a state together again. What it makes is paid from the budget.
func (d delta) state(was waxseal.State, budget int) (waxseal.State, error) {
	s := waxseal.State{Host: d.Host, Stacks: d.Stacks, Problems: d.Problems}
	var errs [4]error
	s.Hooks, errs[0] = join(was.Hooks, d.Hooks, &budget)
	s.Settings, errs[1] = join(was.Settings, d.Settings, &budget)
	s.Files, errs[2] = join(was.Files, d.Files, &budget)
	s.Packages, errs[3] = join(was.Packages, d.Packages, &budget)
	return s, errors.Join(errs[:]...)
}

func join[T any](was []T, list []piece[T], budget *int) ([]T, error) {
	if list == nil {
		return nil, nil
	}
	n := 0
	for _, p := range list {
		if p.From < 0 || p.Count < 0 || p.From > len(was) || p.Count > len(was)-p.From {
			return nil, errPiece
		}
		if n += p.Count + len(p.New); n > *budget/int(unsafe.Sizeof(*new(T))) {
			return nil, errBudget
		}
	}
	*budget -= n * int(unsafe.Sizeof(*new(T)))
	now := make([]T, 0, n)
	for _, p := range list {
		now = append(append(now, was[p.From:p.From+p.Count]...), p.New...)
	}
	return now, nil
}

func sameHook(a, b *waxseal.Hook) bool {
	return a.ID == b.ID && a.MTA == b.MTA && a.Kind == b.Kind && a.Stage == b.Stage && a.Target == b.Target && a.Scope == b.Scope && a.RunsAs == b.RunsAs &&
		a.Active == b.Active && a.Source == b.Source && a.Directive == b.Directive && a.External == b.External && a.Explain == b.Explain &&
		sameList(a.Effects, b.Effects) && sameList(a.LoadedBy, b.LoadedBy) && sameList(a.Closure, b.Closure) && sameMap(a.Modifiers, b.Modifiers) &&
		sameAt(a.Listener, b.Listener) && sameAt(a.Service, b.Service)
}

func sameFile(a, b *waxseal.FileState) bool {
	return a.Path == b.Path && a.Resolved == b.Resolved && a.Link == b.Link && a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size &&
		a.ModTime.Equal(b.ModTime) && a.ChangeTime.Equal(b.ChangeTime) && a.Device == b.Device && a.Inode == b.Inode && a.Links == b.Links &&
		sameMap(a.XAttrs, b.XAttrs) && sameList(a.Flags, b.Flags) &&
		a.Role == b.Role && a.Digest == b.Digest && a.Keyed == b.Keyed && a.Missing == b.Missing && a.Package == b.Package && a.PackageState == b.PackageState &&
		a.Text == b.Text && a.TextDigest == b.TextDigest
}

func sameList[T comparable](a, b []T) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }

func sameMap[V comparable](a, b map[string]V) bool {
	return (a == nil) == (b == nil) && maps.Equal(a, b)
}

func sameAt[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
