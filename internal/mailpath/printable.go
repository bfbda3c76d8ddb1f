package mailpath

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"waxseal"
)

// printable makes every text of a state valid UTF-8. A state is stored as JSON,
// which has no other text (RFC 8259 §8.1): bytes that are none would come back as
// something else, and look like a change that nobody made. They are written as
// "\xff", so that two different bytes stay different.
func printable(s waxseal.State) waxseal.State {
	s.Host = text(s.Host)
	for i := range s.Stacks {
		st := &s.Stacks[i]
		st.Version, st.Instance = text(st.Version), text(st.Instance)
		texts(st.Config)
		texts(st.Domains)
		texts(st.Logs)
	}
	for i := range s.Hooks {
		printableHook(&s.Hooks[i])
	}
	for i := range s.Settings {
		v := &s.Settings[i]
		v.Instance, v.Name, v.Value, v.Source.Path = text(v.Instance), text(v.Name), text(v.Value), text(v.Source.Path)
	}
	for i := range s.Problems {
		p := &s.Problems[i]
		p.Path, p.Message = text(p.Path), text(p.Message)
	}
	for i := range s.Files {
		printableFile(&s.Files[i])
	}
	return s
}

func printableHook(h *waxseal.Hook) {
	h.ID, h.Directive, h.Scope, h.RunsAs, h.Explain = text(h.ID), text(h.Directive), text(h.Scope), text(h.RunsAs), text(h.Explain)
	h.Target.Value, h.Source.Path = text(h.Target.Value), text(h.Source.Path)
	for i := range h.Closure {
		p := &h.Closure[i]
		p.Path, p.Owner, p.Package = text(p.Path), text(p.Owner), text(p.Package)
	}
	h.Modifiers = printableMap(h.Modifiers)
	if l := h.Listener; l != nil {
		l.Address, l.Exe, l.Comm, l.User, l.Package = text(l.Address), text(l.Exe), text(l.Comm), text(l.User), text(l.Package)
	}
}

func printableFile(f *waxseal.FileState) {
	f.Path, f.Resolved, f.Link, f.Text = text(f.Path), text(f.Resolved), text(f.Link), text(f.Text)
	f.XAttrs = printableMap(f.XAttrs)
}

// printableMap leaves a map alone that has no such text: it may be the tree's.
func printableMap[V ~string](m map[string]V) map[string]V {
	odd := false
	for k, v := range m {
		odd = odd || !utf8.ValidString(k) || !utf8.ValidString(string(v))
	}
	if !odd {
		return m
	}
	clean := make(map[string]V, len(m))
	for k, v := range m {
		clean[text(k)] = text(v)
	}
	return clean
}

func texts[T ~string](list []T) {
	for i := range list {
		list[i] = text(list[i])
	}
}

func text[T ~string](s T) T {
	if utf8.ValidString(string(s)) {
		return s
	}
	var b strings.Builder
	for i, r := range string(s) {
		if _, size := utf8.DecodeRuneInString(string(s[i:])); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return T(b.String())
}
