package mailpath

import (
	"slices"

	"waxseal"
)

// Within is the state of a root of its own on a host, a container's, as the host tells of
// it: every path and every place has its name in front, "docker 3f5a9c0e1b2d:/etc/postfix/main.cf",
// and so has what is said of them.
func Within(name string, s waxseal.State) waxseal.State {
	w := inner(name)
	s.Stacks = each(s.Stacks, w.stack)
	s.Hooks = each(s.Hooks, w.hook)
	s.Files = each(s.Files, w.file)
	s.Problems = each(s.Problems, w.problem)
	s.Settings = each(s.Settings, func(x waxseal.Setting) waxseal.Setting {
		x.Instance, x.Source.Path = w.words(x.Instance), w.path(x.Source.Path)
		return x
	})
	return s
}

// PathWithin is a path there.
func PathWithin(name string, p waxseal.Path) waxseal.Path { return inner(name).path(p) }

// ChangeWithin is a change there.
func ChangeWithin(name string, ch waxseal.Change) waxseal.Change {
	w := inner(name)
	ch.Path, ch.Container, ch.Explain = w.path(ch.Path), name, w.sentence(ch.Explain)
	ch.Hooks.Added, ch.Hooks.Removed = each(ch.Hooks.Added, w.hook), each(ch.Hooks.Removed, w.hook)
	ch.Hooks.Changed = each(ch.Hooks.Changed, func(c waxseal.HookChange) waxseal.HookChange {
		return waxseal.HookChange{Before: w.hook(c.Before), After: w.hook(c.After)}
	})
	for _, f := range []**waxseal.FileState{&ch.Before, &ch.After} {
		if *f != nil {
			moved := w.file(**f)
			*f = &moved
		}
	}
	ch.Personal = nil // whose mailbox it is is known by accounts of the host
	return ch
}

// FindingWithin is a finding about what is there.
func FindingWithin(name string, f waxseal.Finding) waxseal.Finding {
	w := inner(name)
	f.Title, f.Explain = f.Title+" (in "+name+")", w.sentence(f.Explain)
	if f.Hook != "" {
		f.Hook = waxseal.HookID(name + ":" + string(f.Hook))
	}
	return f
}

// inner puts a name in front.
type inner string

func (w inner) path(p waxseal.Path) waxseal.Path {
	if p == "" {
		return ""
	}
	return waxseal.Path(string(w) + ":" + string(p))
}

func (w inner) words(s string) string {
	if s == "" {
		return string(w)
	}
	return string(w) + " " + s
}

func (w inner) sentence(s string) string {
	if s == "" {
		return ""
	}
	return "In " + string(w) + ": " + s
}

func (w inner) stack(s waxseal.Stack) waxseal.Stack {
	s.Container, s.Config, s.Logs = string(w), each(s.Config, w.path), each(s.Logs, w.path)
	return s
}

func (w inner) hook(h waxseal.Hook) waxseal.Hook {
	h.ID, h.Source.Path, h.Explain = waxseal.HookID(string(w)+":"+string(h.ID)), w.path(h.Source.Path), w.sentence(h.Explain)
	h.Closure = each(h.Closure, func(p waxseal.Part) waxseal.Part { p.Path = w.path(p.Path); return p })
	return h
}

func (w inner) file(f waxseal.FileState) waxseal.FileState {
	f.Path, f.Resolved = w.path(f.Path), w.path(f.Resolved)
	return f
}

func (w inner) problem(p waxseal.Problem) waxseal.Problem {
	p.Path = w.path(p.Path)
	return p
}

// each is a list of its own with what becomes of each.
func each[T any](list []T, f func(T) T) []T {
	list = slices.Clone(list)
	for i := range list {
		list[i] = f(list[i])
	}
	return list
}
