// Package mta is the ground on which the readers of all mail systems stand: the
// result that each gives, the book in which it writes hooks, settings, problems
// and parts, and what they all have to know of a host: its users, how a command
// line names programs, and which addresses and hosts are its own.
//
// It knows no configuration language and gives no judgement.
package mta

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"waxseal"
)

// Result is everything that a reader found of its mail system in a tree.
type Result struct {
	Stacks   []waxseal.Stack
	Hooks    []waxseal.Hook // in the order in which mail meets them
	Settings []waxseal.Setting
	Problems []waxseal.Problem
	// Parts are files of the mail system that are in no hook's closure: its
	// configuration, its daemons and commands.
	Parts []waxseal.Part
	// Services are programs beside the mail systems that mail is handed to.
	Services []Service
}

// Join adds what another reader found behind what is there, and takes it over.
func (r *Result) Join(o Result) {
	r.Stacks = joined(r.Stacks, o.Stacks)
	r.Hooks = joined(r.Hooks, o.Hooks)
	r.Settings = joined(r.Settings, o.Settings)
	r.Problems = joined(r.Problems, o.Problems)
	r.Parts = joined(r.Parts, o.Parts)
	r.Services = joined(r.Services, o.Services)
}

// joined is a list with another one behind it, which is not copied where it is all.
func joined[T any](list, more []T) []T {
	if len(list) == 0 && cap(list) < len(more) {
		return more
	}
	return append(list, more...)
}

// Clean makes an absolute path inside the tree.
func Clean(p string) waxseal.Path {
	if strings.HasPrefix(p, "/") { // nearly always, and clean: it is not copied
		return waxseal.Path(path.Clean(p))
	}
	return waxseal.Path(path.Clean("/" + p))
}

// IsMissing reports whether an error of a tree says that there is no such file.
func IsMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Clip shortens a value for a sentence.
func Clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// OrUnknown names the account that a command runs as.
func OrUnknown(user string) string {
	if user == "" {
		return "an unknown user"
	}
	return user
}

// Modify notes a setting that changes what the hook does; an empty one is none.
// The map is never shared with another hook.
func Modify(h *waxseal.Hook, name, value string) {
	if value == "" {
		return
	}
	modifiers := make(map[string]string, len(h.Modifiers)+1)
	for k, v := range h.Modifiers {
		modifiers[k] = v
	}
	modifiers[name] = value
	h.Modifiers = modifiers
}

// Inactive notes that nothing leads mail to a hook, and why. The first reason
// stands.
func Inactive(h *waxseal.Hook, why string) {
	h.Active = false
	if h.Modifiers["inactive"] == "" {
		Modify(h, "inactive", why)
	}
}
