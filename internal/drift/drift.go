// Package drift compares two states of one host by meaning: which files
// changed, and which hooks and effective settings are different because of it.
//
// A comment, white space, an order without effect or an equivalent spelling
// changes a file and no hook: such a change is listed with nothing in it. A map
// is compared by its entries, never as a file.
//
// It does not weigh what it finds, and knows nothing of who or when.
package drift

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"waxseal"
)

// Compare lists the changes from before to after, sorted by path.
func Compare(before, after waxseal.State) []waxseal.Change {
	c := compared(before, after)
	list := make([]waxseal.Change, 0, len(c.changes))
	for _, p := range slices.Sorted(maps.Keys(c.changes)) {
		list = append(list, *c.changes[p])
	}
	return list
}

func compared(before, after waxseal.State) *comparison {
	c := &comparison{changes: map[waxseal.Path]*waxseal.Change{}}
	c.files(before.Files, after.Files)
	c.config = c.changedConfig()
	c.hooks(before.Hooks, after.Hooks)
	c.settings(before.Settings, after.Settings)
	c.packages(before.Packages, after.Packages)
	c.fold(before.Packages, after.Packages)
	return c
}

// comparison collects what is different, by file.
type comparison struct {
	changes map[waxseal.Path]*waxseal.Change
	config  waxseal.Path // the first configuration file that changed, "" if none did
}

func (c *comparison) changedConfig() waxseal.Path {
	for _, p := range slices.Sorted(maps.Keys(c.changes)) {
		if ch := c.changes[p]; ch.After != nil && ch.After.Role == waxseal.RoleConfig {
			return p
		}
	}
	return ""
}

// at returns the change of a file, new if the file itself is the same.
func (c *comparison) at(p waxseal.Path, mta waxseal.StackName) *waxseal.Change {
	ch, ok := c.changes[p]
	if !ok {
		ch = &waxseal.Change{Path: p, Kind: waxseal.Modified, Reasons: []string{}, Attack: []waxseal.TechniqueID{},
			Hooks: waxseal.HookChanges{Added: []waxseal.Hook{}, Removed: []waxseal.Hook{}, Changed: []waxseal.HookChange{}}}
		c.changes[p] = ch
	}
	ch.MTA = cmp.Or(ch.MTA, mta)
	return ch
}

func (c *comparison) files(before, after []waxseal.FileState) {
	old := partners(before, after, func(f *waxseal.FileState) waxseal.Path { return f.Path })
	for i := range after {
		now := &after[i]
		was := old.take(i)
		if was == nil {
			was = &waxseal.FileState{File: waxseal.File{Path: now.Path}, Missing: true}
		}
		c.file(was, now)
	}
	gone := old.left()
	slices.SortFunc(gone, func(a, b *waxseal.FileState) int { return cmp.Compare(a.Path, b.Path) })
	for _, was := range gone {
		c.file(was, &waxseal.FileState{File: waxseal.File{Path: was.Path}, Role: was.Role, Missing: true})
	}
}

func byPath(files []waxseal.FileState) map[waxseal.Path]*waxseal.FileState {
	m := make(map[waxseal.Path]*waxseal.FileState, len(files))
	for i := range files {
		m[files[i].Path] = &files[i]
	}
	return m
}

// file compares one file. A file that only began to matter, or ceased to, is the
// business of the hook that names it.
func (c *comparison) file(was, now *waxseal.FileState) {
	kind, attributes := classify(was, now)
	if kind == "" {
		return
	}
	ch := c.at(now.Path, "")
	ch.Kind, ch.Attributes = kind, attributes
	ch.Before, ch.After = was, now
	ch.BeforeDigest, ch.AfterDigest = was.Digest, now.Digest
	ch.Diff = unified(was, now)
}

func classify(was, now *waxseal.FileState) (waxseal.ChangeKind, []string) {
	switch {
	case was.Missing && now.Missing, alike(was, now):
		return "", nil
	case was.Missing:
		return waxseal.Added, nil
	case now.Missing:
		return waxseal.Removed, nil
	}
	attributes := attributes(was, now)
	switch {
	case was.Digest != now.Digest && was.Keyed == now.Keyed, was.Type != now.Type, was.Link != now.Link, was.Resolved != now.Resolved,
		was.Keyed != now.Keyed && (was.Text != now.Text || was.Text == ""):
		return waxseal.Modified, attributes
	case len(attributes) > 0:
		return waxseal.Metadata, attributes
	}
	return "", nil
}

// alike is a quick answer for what nearly all of thousands of files are: the same in
// everything that is compared.
func alike(was, now *waxseal.FileState) bool {
	plain := len(was.Flags)+len(now.Flags)+len(was.XAttrs)+len(now.XAttrs) == 0
	return plain && was.Missing == now.Missing && was.Digest == now.Digest && was.Keyed == now.Keyed && was.Type == now.Type && was.Mode == now.Mode &&
		was.UID == now.UID && was.GID == now.GID && was.Link == now.Link && was.Resolved == now.Resolved && was.Links == now.Links
}

// attributes says in words what of the metadata is different.
func attributes(was, now *waxseal.FileState) []string {
	var words []string
	add := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			words = append(words, fmt.Sprintf("%s %v to %v", name, a, b))
		}
	}
	add("type", was.Type, now.Type)
	add("mode", fmt.Sprintf("%04o", was.Mode), fmt.Sprintf("%04o", now.Mode))
	add("owner", was.UID, now.UID)
	add("group", was.GID, now.GID)
	add("link target", shown(was.Link), shown(now.Link))
	if was.Resolved != now.Resolved {
		add("leads to", shown(string(was.Resolved)), shown(string(now.Resolved)))
	}
	if now.Links > was.Links && was.Links > 0 {
		add("hard links", was.Links, now.Links)
	}
	add("flags", strings.Join(was.Flags, ","), strings.Join(now.Flags, ","))
	for _, name := range attributeNames(was.XAttrs, now.XAttrs) {
		if was.XAttrs[name] != now.XAttrs[name] {
			words = append(words, fmt.Sprintf("extended attribute %q", name))
		}
	}
	return words
}

func shown(s string) string { return cmp.Or(s, "(none)") }

func attributeNames(a, b map[string]waxseal.Digest) []string {
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// maxDiff bounds the text of one difference.
const maxDiff = 64 << 10

// unified is the difference of the masked texts, "" where content is kept by
// digest only.
func unified(was, now *waxseal.FileState) string {
	if was.Text == now.Text || was.Text == "" && !was.Missing && was.Size > 0 || now.Text == "" && !now.Missing && now.Size > 0 {
		return ""
	}
	text := string(diff.Diff("sealed"+string(was.Path), []byte(was.Text), "now"+string(now.Path), []byte(now.Text)))
	if len(text) > maxDiff {
		cut := strings.LastIndexByte(text[:maxDiff], '\n')
		text = text[:cut+1] + fmt.Sprintf("… %d more bytes of difference\n", len(text)-cut-1)
	}
	return text
}

func (c *comparison) hooks(before, after []waxseal.Hook) {
	old := partners(before, after, func(h *waxseal.Hook) waxseal.HookID { return h.ID })
	for i := range after {
		h := &after[i]
		switch was := old.take(i); {
		case was == nil:
			ch := c.home(*h)
			ch.Hooks.Added = append(ch.Hooks.Added, *h)
		case !SameMeaning(*was, *h):
			ch := c.home(*h)
			ch.Hooks.Changed = append(ch.Hooks.Changed, waxseal.HookChange{Before: *was, After: *h})
		default:
			c.closure(was, h)
		}
	}
	for _, h := range old.left() {
		ch := c.home(*h)
		ch.Hooks.Removed = append(ch.Hooks.Removed, *h)
	}
}

// SameMeaning reports whether a hook, read again, does the same to mail as before.
// Where the hook is written and what its files contain do not count, nor that it is
// known now who should answer it; that another should than before does.
func SameMeaning(a, b waxseal.Hook) bool {
	if a.Service != nil && (b.Service == nil || a.Service.Stack != b.Service.Stack) {
		return false
	}
	return a.Kind == b.Kind && a.Stage == b.Stage && slices.Equal(a.Effects, b.Effects) && a.Target == b.Target &&
		a.Scope == b.Scope && a.RunsAs == b.RunsAs && a.Active == b.Active && a.External == b.External &&
		a.Directive == b.Directive && maps.Equal(a.Modifiers, b.Modifiers)
}

// home is the change that a changed hook belongs to: that of the file it is
// written in, or, where that file is the same, of a changed configuration file
// (a service in master.cf comes alive because main.cf now names it).
func (c *comparison) home(h waxseal.Hook) *waxseal.Change {
	if h.Directive == "mount" {
		return c.below(h.Source.Path, h.MTA)
	}
	if _, ok := c.changes[h.Source.Path]; ok {
		return c.at(h.Source.Path, h.MTA)
	}
	return c.at(cmp.Or(c.config, h.Source.Path), h.MTA)
}

// below is the change of the first file at or below a path, else of the path itself:
// what is mounted there is why the file is another one.
func (c *comparison) below(p waxseal.Path, mta waxseal.StackName) *waxseal.Change {
	first := p
	for at, ch := range c.changes {
		if strings.HasPrefix(string(at), string(p)+"/") && ch.Before != nil && (first == p || at < first) {
			first = at
		}
	}
	if _, ok := c.changes[p]; ok {
		first = p
	}
	return c.at(first, mta)
}

// closure gives a hook whose meaning stayed to the changes of the files that it
// depends on: a changed script is a changed hook.
func (c *comparison) closure(was, now *waxseal.Hook) {
	for _, p := range now.Closure {
		ch, changed := c.changes[p.Path]
		if changed && p.Path != now.Source.Path && !isSource(p.Role) && !slices.Contains(was.Closure, p) {
			ch.MTA = cmp.Or(ch.MTA, now.MTA)
			ch.Hooks.Changed = append(ch.Hooks.Changed, waxseal.HookChange{Before: *was, After: *now})
		}
	}
}

// isSource: what these files say is hooks of its own.
func isSource(r waxseal.Role) bool {
	switch r {
	case waxseal.RoleConfig, waxseal.RoleMap, waxseal.RoleCompiledMap, waxseal.RoleAliases, waxseal.RoleInclude, waxseal.RoleList, waxseal.RoleDirectory:
		return true
	default:
		return false
	}
}

func (c *comparison) settings(before, after []waxseal.Setting) {
	type key struct {
		mta            waxseal.StackName
		instance, name string
	}
	old := partners(before, after, func(s *waxseal.Setting) key { return key{s.MTA, s.Instance, s.Name} })
	for i, s := range after {
		switch was := old.take(i); {
		case was == nil:
			c.setting(s, waxseal.SettingChange{Name: s.Name, After: value(s)})
		case was.Value != s.Value:
			c.setting(s, waxseal.SettingChange{Name: s.Name, Before: value(*was), After: value(s)})
		}
	}
	for _, s := range old.left() {
		c.setting(*s, waxseal.SettingChange{Name: s.Name, Before: value(*s)})
	}
}

// value tells a parameter that was set to nothing from one that was not set.
func value(s waxseal.Setting) string { return cmp.Or(s.Value, waxseal.EmptyValue) }

// setting notes a changed setting, unless a hook already tells it.
func (c *comparison) setting(s waxseal.Setting, change waxseal.SettingChange) {
	ch := c.home(waxseal.Hook{MTA: s.MTA, Source: s.Source})
	if !toldByHook(ch.Hooks, change.Name) {
		ch.Settings = append(ch.Settings, change)
	}
}

// toldByHook reports whether a changed hook is made or modified by the setting.
func toldByHook(h waxseal.HookChanges, name string) bool {
	short := name[strings.LastIndexByte(name, ':')+1:]
	tells := func(h waxseal.Hook) bool {
		_, modifier := h.Modifiers[short]
		return h.Directive == short || modifier
	}
	return slices.ContainsFunc(h.Added, tells) || slices.ContainsFunc(h.Removed, tells) ||
		slices.ContainsFunc(h.Changed, func(c waxseal.HookChange) bool { return tells(c.After) || tells(c.Before) })
}

// packages compares what the package database says of the packages that both
// states know. One that only began to matter is told by the files it brought.
func (c *comparison) packages(before, after []waxseal.Package) {
	old := map[string]waxseal.Package{}
	for _, p := range before {
		old[p.Name] = p
	}
	for _, p := range after {
		if was, ok := old[p.Name]; ok && was != p {
			ch := c.at(pick(was.Version == p.Version, databaseOf(p), versionsIn(p)), "")
			ch.Packages = append(ch.Packages, waxseal.PackageChange{Before: was, After: p})
		}
	}
}

func pick(first bool, a, b waxseal.Path) waxseal.Path {
	if first {
		return a
	}
	return b
}

// versionsIn is where the package manager keeps the versions of all packages: those that
// are updated together are one change.
func versionsIn(p waxseal.Package) waxseal.Path {
	if p.Manager == "dpkg" {
		return "/var/lib/dpkg/status"
	}
	return "/var/lib/rpm"
}

// databaseOf is where the package manager keeps the digests of a package's files.
func databaseOf(p waxseal.Package) waxseal.Path {
	if p.Manager == "dpkg" {
		return waxseal.Path("/var/lib/dpkg/info/" + p.Name + ".md5sums")
	}
	return "/var/lib/rpm"
}
