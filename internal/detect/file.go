package detect

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// packages weighs what the package database says otherwise than before.
func (c *Context) packages(ch *waxseal.Change, w *weight) {
	for _, p := range ch.Packages {
		if p.Files > 0 {
			w.add(filesWithIt, cmp.Or(p.After.Name, p.Before.Name), p.Files)
		}
		switch {
		case p.Before.Name == "":
			w.add(packageCame, p.After.Name, p.After.Version)
			continue
		case p.After.Name == "":
			w.add(packageWent, p.Before.Name, p.Before.Version)
			continue
		}
		if p.Before.Version == p.After.Version && p.Before.Fingerprint != p.After.Fingerprint && p.Before.State == "" && p.After.State == "" {
			w.add(digestsForged, p.After.Name, p.After.Version)
			continue
		}
		w.add(packageChanged, p.After.Name, p.After.Version, p.Before.Version)
	}
}

// file weighs what happened to the file itself, beside what it says.
func (c *Context) file(ch *waxseal.Change, w *weight) {
	if ch.After == nil || ch.Before == nil {
		return
	}
	if ch.After.Role == waxseal.RoleUnused || ch.Before.Role == waxseal.RoleUnused && ch.After.Missing {
		return
	}
	switch ch.Kind {
	case waxseal.Removed:
		c.removedFile(ch, w)
	case waxseal.Modified:
		c.content(ch, w)
		c.metadata(ch, w)
	case waxseal.Metadata:
		c.metadata(ch, w)
	case waxseal.Added:
		c.addedFile(ch, w)
	}
	c.times(ch, w)
}

func (c *Context) removedFile(ch *waxseal.Change, w *weight) {
	switch ch.Before.Role {
	case waxseal.RoleConfig, waxseal.RoleBinary, waxseal.RoleScript, waxseal.RoleLibrary, waxseal.RoleModule, waxseal.RoleFilterConfig:
		w.add(importantGone, ch.Path)
	case waxseal.RoleSocket, waxseal.RoleMailbox, waxseal.RoleCompiledMap, waxseal.RoleDirectory:
		w.add(thingGone, ch.Path)
	default:
		w.add(fileGone, ch.Path)
	}
}

// addedFile weighs a part that the configuration named before it was there.
func (c *Context) addedFile(ch *waxseal.Change, w *weight) {
	if ch.After.Role == waxseal.RoleDirectory {
		c.opened(ch, w)
		return
	}
	named := slices.ContainsFunc(c.Before.Hooks, func(h waxseal.Hook) bool {
		return h.Active && slices.ContainsFunc(h.Closure, func(p waxseal.Part) bool { return p.Path == ch.Path })
	})
	switch {
	case named && isCode(ch.After.Role):
		w.add(namedProgramCame)
		c.whereItLies(c.partNow(ch.Path), string(ch.Path), w)
	case ch.After.Role == waxseal.RoleFilterConfig:
		w.add(filterConfigured)
	case ch.After.Role == waxseal.RoleModule && ch.After.PackageState == waxseal.PackageUnmodified:
		w.add(packagedUpdate, ch.After.Package)
	case ch.After.Role == waxseal.RoleModule:
		w.add(moduleCame)
	}
}

// opened weighs a directory that stands above what a hook depends on, and that
// others than root can write since: safe ones are in no closure.
func (c *Context) opened(ch *waxseal.Change, w *weight) {
	for _, h := range users(c.After.Hooks, ch.Path) {
		if below := firstBelow(h.Closure, ch.Path); below != "" && len(users(c.Before.Hooks, below)) > 0 {
			w.add(nowUnsafeAbove, ch.Path, c.partNow(ch.Path).Owner, fmt.Sprintf("%04o", ch.After.Mode), below)
			return
		}
	}
	for _, f := range c.Before.Files { // main.cf is in no hook's closure
		if f.Role == waxseal.RoleConfig && !f.Missing && strings.HasPrefix(string(f.Path), string(ch.Path)+"/") {
			w.add(nowUnsafeAbove, ch.Path, fmt.Sprintf("%d:%d", ch.After.UID, ch.After.GID), fmt.Sprintf("%04o", ch.After.Mode), f.Path)
			return
		}
	}
}

func isCode(r waxseal.Role) bool {
	return r == waxseal.RoleModule || r == waxseal.RoleBinary || r == waxseal.RoleScript || r == waxseal.RoleInterpreter || r == waxseal.RoleLibrary
}

// content weighs changed content that no hook of its own tells about.
func (c *Context) content(ch *waxseal.Change, w *weight) {
	switch {
	case isCode(ch.Before.Role) || isCode(ch.After.Role):
		c.codeContent(ch, w)
	case ch.After.Role == waxseal.RoleCompiledMap:
		c.compiledMap(ch, w)
	case ch.After.Role == waxseal.RoleFilterConfig && ch.Before.Text+ch.After.Text != "":
		c.filterConfig(ch, w)
	case ch.After.Role == waxseal.RoleSecret:
		w.add(secretChanged)
	case ch.After.Text == "" && ch.After.Role.Text() && ch.After.Size > 0 && ch.Hooks.Empty() && len(ch.Settings) == 0 && ch.Before.Digest != ch.After.Digest:
		w.add(tooOdd)
	}
	if ch.Before.Resolved != ch.After.Resolved || ch.Before.Link != ch.After.Link {
		c.relinked(ch, w)
	}
}

// codeContent weighs a program of the mail path whose content changed.
func (c *Context) codeContent(ch *waxseal.Change, w *weight) {
	part := c.partNow(ch.Path)
	if part.PackageState == waxseal.PackageUnmodified {
		w.add(packagedUpdate, part.Package)
		return
	}
	w.add(sealedProgramChanged)
	c.whereItLies(part, string(ch.Path), w)
	for _, h := range users(c.After.Hooks, ch.Path) {
		if runsAsRoot(h) {
			w.add(runsAsRootBy, h.Directive)
		}
	}
	if ch.Before.Role == waxseal.RoleBinary && ch.After.Role == waxseal.RoleScript {
		w.add(scriptForBinary)
	}
}

// filterConfig weighs configuration that is kept as text and not read by meaning. A
// line that begins with "#" is a comment in all of them (rspamd's UCL, Dovecot,
// Mail::SpamAssassin::Conf, opendkim.conf(5)), and an empty one is nothing.
func (c *Context) filterConfig(ch *waxseal.Change, w *weight) {
	if ch.Before.Digest == ch.After.Digest || slices.Equal(effective(ch.Before.Text), effective(ch.After.Text)) {
		return
	}
	w.add(filterConfigured)
	if ch.After.PackageState == waxseal.PackageUnmodified && ch.After.Package != "" {
		w.add(packagedUpdate, ch.After.Package)
	}
}

// effective are the lines of a text that are no comment.
func effective(text string) (lines []string) {
	for l := range strings.SplitSeq(text, "\n") {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			lines = append(lines, l)
		}
	}
	return lines
}

// partNow finds a path among the closures, else among the files, for its package
// state and mode.
func (c *Context) partNow(p waxseal.Path) waxseal.Part {
	for _, h := range c.After.Hooks {
		for _, part := range h.Closure {
			if part.Path == p {
				return part
			}
		}
	}
	if f, ok := fileAt(c.After.Files, p); ok {
		return waxseal.Part{Path: p, Role: f.Role, Mode: fmt.Sprintf("%04o", f.Mode), Package: f.Package, PackageState: f.PackageState}
	}
	return waxseal.Part{}
}

func users(hooks []waxseal.Hook, p waxseal.Path) []waxseal.Hook {
	var found []waxseal.Hook
	for _, h := range hooks {
		if h.Active && slices.ContainsFunc(h.Closure, func(part waxseal.Part) bool { return part.Path == p }) {
			found = append(found, h)
		}
	}
	return found
}

// compiledMap weighs a compiled map with other content. What its entries say is
// hooks, unless it can't be read.
func (c *Context) compiledMap(ch *waxseal.Change, w *weight) {
	blind := slices.ContainsFunc(c.After.Hooks, func(h waxseal.Hook) bool {
		return h.Kind == waxseal.KindUnreadable && h.Source.Path == ch.Path
	})
	if !blind {
		w.add(recompiled)
		return
	}
	source := waxseal.Path(strings.TrimSuffix(string(ch.Path), path.Ext(string(ch.Path))))
	if old, had := fileAt(c.Before.Files, source); had && c.differs(source) && old.Digest != "" {
		w.add(recompiledBlind)
		return
	}
	w.add(mapDrift, source)
}

func fileAt(files []waxseal.FileState, p waxseal.Path) (waxseal.FileState, bool) {
	for _, f := range files {
		if f.Path == p && !f.Missing {
			return f, true
		}
	}
	return waxseal.FileState{}, false
}

// relinked weighs a name that leads elsewhere now.
func (c *Context) relinked(ch *waxseal.Change, w *weight) {
	to := string(ch.After.Resolved)
	if to == "" {
		to = string(ch.Path)
	}
	w.add(leadsElsewhere, to)
	if why := hiding(to); why != "" {
		w.add(badPlace, to, why)
	}
}

// metadata weighs owners, modes, flags and attributes.
func (c *Context) metadata(ch *waxseal.Change, w *weight) {
	was, now := ch.Before, ch.After
	if ch.After.Role == waxseal.RoleSocket || ch.After.Role == waxseal.RoleMailbox || ch.After.Role == waxseal.RoleDirectory {
		if len(ch.Attributes) > 0 {
			w.add(harmlessMetadata, strings.Join(ch.Attributes, ", "))
		}
		return
	}
	loosened := now.Mode &^ was.Mode
	switch {
	case loosened&0o002 != 0:
		w.add(writableNow, was.Mode, now.Mode)
	case loosened&0o6000 != 0:
		w.add(becameSetuid, was.Mode, now.Mode)
	case loosened&0o020 != 0 && now.GID != 0:
		w.add(groupWritable, was.Mode, now.Mode)
	case was.Mode != now.Mode:
		w.add(modeChanged, was.Mode, now.Mode)
	}
	if was.UID == 0 && now.UID != 0 {
		w.add(givenAway, now.UID)
	} else if was.UID != now.UID || was.GID != now.GID {
		w.add(ownerChanged, was.UID, was.GID, now.UID, now.GID)
	}
	for _, a := range ch.Attributes {
		if strings.HasPrefix(a, "hard links") {
			w.add(hardLinked, a)
		}
		if strings.HasPrefix(a, "flags") || strings.HasPrefix(a, "extended attribute") {
			w.add(attributeChanged, a)
		}
	}
}

// times notices a modification time that was set back to hide an edit: the
// kernel's change time can't be set.
func (c *Context) times(ch *waxseal.Change, w *weight) {
	const tolerated = 24 * time.Hour
	was, now := ch.Before, ch.After
	if ch.Kind != waxseal.Modified || was.Digest == now.Digest || now.ModTime.IsZero() || now.ChangeTime.IsZero() || was.ChangeTime.IsZero() {
		return
	}
	if was.Inode == now.Inode && !now.ModTime.After(was.ModTime) && now.ChangeTime.Sub(now.ModTime) > tolerated && w.severity > waxseal.Info {
		w.add(timeSetBack,
			now.ModTime.Format(time.RFC3339), now.ChangeTime.Format(time.RFC3339))
	}
}
