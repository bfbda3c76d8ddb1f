package mailpath

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
)

// Whole is a state with what makes it quick to read one home of it again.
type Whole struct {
	State    waxseal.State
	settings map[settingID]int                 // place in State.Settings
	set      map[waxseal.Path]int              // how many settings are written in a home
	hooks    map[waxseal.HookID]int            // place in State.Hooks
	files    map[waxseal.Path]int              // place in State.Files
	outside  []waxseal.HookID                  // hooks that are written in no home
	inHome   map[waxseal.Path][]waxseal.HookID // hooks that are written in a home, by the home
	users    map[waxseal.Path][]waxseal.HookID // hooks that depend on a file in a home
}

type settingID struct {
	mta            waxseal.StackName
	instance, name string
}

func idOf(s waxseal.Setting) settingID { return settingID{s.MTA, s.Instance, s.Name} }

// Index prepares a state that this reader has just read.
func (r *Reader) Index(s waxseal.State) *Whole {
	w := &Whole{State: s, settings: make(map[settingID]int, len(s.Settings)), set: map[waxseal.Path]int{}, hooks: make(map[waxseal.HookID]int, len(s.Hooks)), files: make(map[waxseal.Path]int, len(s.Files)), inHome: map[waxseal.Path][]waxseal.HookID{}, users: map[waxseal.Path][]waxseal.HookID{}}
	for i, f := range s.Files {
		w.files[f.Path] = i
	}
	w.indexSettings(r)
	for i, h := range s.Hooks {
		w.hooks[h.ID] = i
		w.note(r, h)
	}
	return w
}

func (w *Whole) indexSettings(r *Reader) {
	clear(w.settings)
	clear(w.set)
	for i, s := range w.State.Settings {
		w.settings[idOf(s)] = i
		if home := r.residents.homeOf(s.Source.Path); home != "" {
			w.set[home]++
		}
	}
}

func (w *Whole) note(r *Reader, h waxseal.Hook) {
	if home := r.residents.homeOf(h.Source.Path); home != "" {
		w.inHome[home] = append(w.inHome[home], h.ID)
	} else {
		w.outside = append(w.outside, h.ID)
	}
	for _, p := range h.Closure {
		if r.residents.homeOf(p.Path) != "" {
			w.users[p.Path] = append(w.users[p.Path], h.ID)
		}
	}
}

// Home is what of a state belongs to one home, before and after it was read again.
type Home struct {
	Path          waxseal.Path
	Before, After waxseal.State
}

// ReadHome reads the one home again in which all of these files lie. The second result
// is false where more than that home may be different: then all is to be read. What
// decides outside of homes is read with it, and must be as it was.
func (r *Reader) ReadHome(tree waxseal.Tree, live Live, w *Whole, touched []waxseal.Path) (Home, bool) {
	home := r.onlyHome(tree, touched)
	if home == "" || !r.itsOwn(w, home, touched) {
		return Home{}, false
	}
	now := r.read(tree, live, home, false)
	h := Home{Path: home, Before: w.part(home, now), After: now}
	h.After.Hooks = slices.DeleteFunc(slices.Clone(now.Hooks), func(x waxseal.Hook) bool { return !within(x.Source.Path, home) })
	h.After.Files = slices.DeleteFunc(slices.Clone(now.Files), func(f waxseal.FileState) bool { return !within(f.Path, home) })
	h.After.Settings = slices.DeleteFunc(slices.Clone(now.Settings), func(s waxseal.Setting) bool { return !within(s.Source.Path, home) })
	h.After.Packages = nil
	if !r.nothingGone(w, now, home) || !w.unchangedOutside(now, home) || !r.complete(w, h) {
		return Home{}, false
	}
	return h, true
}

// InOneHome reports whether all of these files may lie in one home; ReadHome says whether
// they do.
func (r *Reader) InOneHome(touched []waxseal.Path) bool { return r.sharedHome(touched) != "" }

// sharedHome is the home that all of these files lie in, "" where it is none or not one.
func (r *Reader) sharedHome(touched []waxseal.Path) (home waxseal.Path) {
	for _, p := range touched {
		at := r.residents.homeOf(p)
		if at == "" || home != "" && at != home {
			return ""
		}
		home = at
	}
	return home
}

// onlyHome is the home that all of these files lie in, "" where there is none, or where
// the list of accounts is another one.
func (r *Reader) onlyHome(tree waxseal.Tree, touched []waxseal.Path) waxseal.Path {
	passwd, homes := dwelling{Tree: tree}.stamps()
	if len(touched) == 0 || !r.residents.known || passwd != r.residents.passwd || homes != r.residents.homes {
		return ""
	}
	return r.sharedHome(touched)
}

// itsOwn reports whether what is written in a home, and what depends on the files that
// were touched, is about mail of those who live there and of nobody else.
func (r *Reader) itsOwn(w *Whole, home waxseal.Path, touched []waxseal.Path) bool {
	names := r.residents.names[home]
	about := func(id waxseal.HookID) bool {
		h := w.State.Hooks[w.hooks[id]]
		return within(h.Source.Path, home) && slices.Contains(names, recipient(h))
	}
	for _, id := range w.inHome[home] {
		if !about(id) {
			return false
		}
	}
	for _, p := range touched {
		for _, id := range w.users[p] {
			if !about(id) {
				return false
			}
		}
	}
	for other := range r.residents.names {
		if other != home && within(other, home) {
			return false // somebody else lives below
		}
	}
	return true
}

// recipient is the one whose mail a hook meets, without an extension of the address; ""
// where it meets other mail.
func recipient(h waxseal.Hook) string {
	whose, _ := strings.CutPrefix(h.Scope, "recipient ")
	if len(whose) == len(h.Scope) {
		return ""
	}
	if i := strings.IndexAny(whose, " +"); i >= 0 {
		whose = whose[:i]
	}
	return whose
}

// nothingGone reports whether each hook outside of homes is there still: in the reading
// of one home, or made by what is written in another, which was not read.
func (r *Reader) nothingGone(w *Whole, now waxseal.State, home waxseal.Path) bool {
	there := make(map[waxseal.HookID]bool, len(now.Hooks))
	for _, h := range now.Hooks {
		there[h.ID] = true
	}
	for _, id := range w.outside {
		if there[id] {
			continue
		}
		whose := recipient(w.State.Hooks[w.hooks[id]])
		if !r.residents.people[whose] || slices.Contains(r.residents.names[home], whose) {
			return false
		}
	}
	return true
}

// part is what a state has of a home.
func (w *Whole) part(home waxseal.Path, now waxseal.State) waxseal.State {
	s := waxseal.State{Host: w.State.Host, Stacks: now.Stacks}
	for _, id := range w.inHome[home] {
		s.Hooks = append(s.Hooks, w.State.Hooks[w.hooks[id]])
	}
	if w.set[home] > 0 {
		for _, x := range w.State.Settings {
			if within(x.Source.Path, home) {
				s.Settings = append(s.Settings, x)
			}
		}
	}
	from, _ := slices.BinarySearchFunc(w.State.Files, string(home)+"/", func(f waxseal.FileState, p string) int { return strings.Compare(string(f.Path), p) })
	for _, f := range w.State.Files[from:] {
		if !strings.HasPrefix(string(f.Path), string(home)+"/") {
			break
		}
		s.Files = append(s.Files, f)
	}
	if i, ok := w.files[home]; ok {
		s.Files = append(s.Files, w.State.Files[i])
	}
	return s
}

// unchangedOutside reports whether everything that a reading of one home found outside
// of it is in the state as it is now.
func (w *Whole) unchangedOutside(now waxseal.State, home waxseal.Path) bool {
	for _, h := range now.Hooks {
		if within(h.Source.Path, home) {
			continue
		}
		i, ok := w.hooks[h.ID]
		if !ok || !sameHook(w.State.Hooks[i], h) {
			return false
		}
	}
	for _, f := range now.Files {
		if within(f.Path, home) {
			continue
		}
		i, ok := w.files[f.Path]
		if !ok || w.State.Files[i].Digest != f.Digest || w.State.Files[i].Missing != f.Missing || w.State.Files[i].Mode != f.Mode || w.State.Files[i].UID != f.UID {
			return false
		}
	}
	for _, s := range now.Settings {
		i, ok := w.settings[idOf(s)]
		if !within(s.Source.Path, home) && (!ok || w.State.Settings[i] != s) {
			return false
		}
	}
	return slices.Equal(now.Packages, w.State.Packages)
}

func sameHook(a, b waxseal.Hook) bool {
	return a.Kind == b.Kind && a.Target == b.Target && a.Scope == b.Scope && a.RunsAs == b.RunsAs && a.Active == b.Active && slices.Equal(a.Effects, b.Effects) &&
		maps.Equal(a.Modifiers, b.Modifiers) && slices.Equal(a.Closure, b.Closure)
}

// complete reports whether a home's hooks, as they were and as they are, concern its own
// people and depend on nothing that nobody else depended on before.
func (r *Reader) complete(w *Whole, h Home) bool {
	names := r.residents.names[h.Path]
	for _, x := range h.After.Hooks {
		if i, had := w.hooks[x.ID]; !slices.Contains(names, recipient(x)) || had && !within(w.State.Hooks[i].Source.Path, h.Path) {
			return false
		}
	}
	for _, list := range [][]waxseal.Hook{h.Before.Hooks, h.After.Hooks} {
		for _, x := range list {
			for _, p := range x.Closure {
				if _, known := w.files[p.Path]; !known && !within(p.Path, h.Path) {
					return false
				}
			}
		}
	}
	return true
}

// Settle puts a home into the state as it was read now. Hooks of it stand where there is
// room: their order is right again at the next reading of all.
func (r *Reader) Settle(w *Whole, h Home) {
	hooks := w.State.Hooks
	free := []int{}
	for _, id := range w.inHome[h.Path] {
		free = append(free, w.hooks[id])
		delete(w.hooks, id)
		w.users = without(w.users, hooks[free[len(free)-1]])
	}
	delete(w.inHome, h.Path)
	slices.Sort(free)
	free = slices.Compact(free) // two hooks of one name have one place
	for _, x := range h.After.Hooks {
		at := len(hooks)
		if len(free) > 0 {
			at, free = free[0], free[1:]
			hooks[at] = x
		} else {
			hooks = append(hooks, x)
		}
		w.hooks[x.ID] = at
		w.note(r, x)
	}
	for i := len(free) - 1; i >= 0; i-- { // the last moves into the hole
		last := len(hooks) - 1
		if free[i] != last {
			hooks[free[i]] = hooks[last]
			w.hooks[hooks[last].ID] = free[i]
		}
		hooks = hooks[:last]
	}
	w.State.Hooks = hooks
	w.settleFiles(h)
	if !slices.Equal(h.Before.Settings, h.After.Settings) {
		w.State.Settings = slices.DeleteFunc(slices.Clone(w.State.Settings), func(s waxseal.Setting) bool { return within(s.Source.Path, h.Path) })
		w.State.Settings = sortedSettings(append(w.State.Settings, h.After.Settings...))
		w.indexSettings(r)
	}
}

// without takes a hook out of the lists of those that depend on files.
func without(users map[waxseal.Path][]waxseal.HookID, h waxseal.Hook) map[waxseal.Path][]waxseal.HookID {
	for _, p := range h.Closure {
		if list, ok := users[p.Path]; ok {
			users[p.Path] = slices.DeleteFunc(slices.Clone(list), func(id waxseal.HookID) bool { return id == h.ID })
		}
	}
	return users
}

func (w *Whole) settleFiles(h Home) {
	same := len(h.Before.Files) == len(h.After.Files)
	for _, f := range h.After.Files {
		_, had := w.files[f.Path]
		same = same && had
	}
	if same { // the usual case: nothing moves
		for _, f := range h.After.Files {
			w.State.Files[w.files[f.Path]] = f
		}
		return
	}
	files := slices.DeleteFunc(slices.Clone(w.State.Files), func(f waxseal.FileState) bool { return within(f.Path, h.Path) })
	at, _ := slices.BinarySearchFunc(files, h.Path, func(f waxseal.FileState, p waxseal.Path) int { return strings.Compare(string(f.Path), string(p)) })
	w.State.Files = slices.Insert(files, at, h.After.Files...)
	slices.SortFunc(w.State.Files, func(a, b waxseal.FileState) int { return strings.Compare(string(a.Path), string(b.Path)) })
	clear(w.files)
	for i, f := range w.State.Files {
		w.files[f.Path] = i
	}
}
