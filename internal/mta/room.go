package mta

import (
	"fmt"
	"path"

	"waxseal"
)

const (
	// maxHooks bounds the hooks of one mail system; what is beyond is reported as
	// not read.
	maxHooks = 200_000
	// maxOfUser bounds those in the files of one user who can log in, so that nobody hides
	// what others' files do, or fills the memory, with what his own do. An account of a
	// service may have the scripts of all its mailboxes, or the lists of a list manager.
	maxOfUser, maxOfService = 5_000, 50_000
)

// room is how many hooks there are, by the files that they are written in.
type room struct {
	full   bool // no more are taken
	in     map[waxseal.Path]int
	logins map[uint32]bool // who can log in
	owners map[waxseal.Path]uint32
	of     map[uint32]int // by the owner of the file; nil until one user may have too many
	told   map[uint32]bool
}

// Full reports whether no more hooks are taken.
func (b *Book) Full() bool { return b.room.full }

// admit decides what becomes of a hook: it is taken, or another stands for it and for those
// that follow, or nothing does.
func (b *Book) admit(h waxseal.Hook) (waxseal.Hook, bool) {
	switch {
	case b.room.full:
		return h, false
	case len(b.ids) >= maxHooks:
		b.room.full = true
		return b.overflow(h, "too many hooks", "more hooks than are listed: what follows is not read", "The configuration has more hooks than can be listed; from here on they are not known."), true
	}
	uid, n := b.countOf(h.Source.Path)
	most := maxOfService
	if b.room.logins[uid] {
		most = maxOfUser
	}
	if n > most && !b.room.told[uid] {
		b.room.told[uid] = true
		return b.overflow(h, fmt.Sprintf("too many hooks of uid %d", uid), fmt.Sprintf("more hooks in the files of uid %d than are listed of one user: what follows in them is not read", uid),
			"The files of this user have more hooks than are listed of one user; from here on they are not known."), true
	}
	return h, n <= most
}

// countOf counts a hook, and says how many are in the files of the user who owns its file;
// 0 for the superuser's, and while nobody can have too many.
func (b *Book) countOf(p waxseal.Path) (uid uint32, n int) {
	r := &b.room
	if r.in == nil {
		r.in, r.owners, r.told = map[waxseal.Path]int{}, map[waxseal.Path]uint32{}, map[uint32]bool{}
	}
	r.in[p]++
	if len(b.ids) < maxOfUser {
		return 0, 0
	}
	if uid = b.ownerOf(p); uid == 0 {
		return 0, 0
	}
	if r.of == nil {
		r.of, r.logins = map[uint32]int{}, b.canLogIn()
		for file, n := range r.in {
			r.of[b.ownerOf(file)] += n
		}
		return uid, r.of[uid]
	}
	r.of[uid]++
	return uid, r.of[uid]
}

// canLogIn are the uids of passwd(5) with a shell; none is /bin/sh.
func (b *Book) canLogIn() map[uint32]bool {
	content, _ := b.Tree.ReadFile("/etc/passwd", maxPassword) // without it nobody is known
	can := map[uint32]bool{}
	for _, u := range parsePasswd(string(content)) {
		if name := path.Base(u.Shell); name != "nologin" && name != "false" && u.UID != 0 {
			can[u.UID] = true
		}
	}
	return can
}

// ownerOf is the owner of a file; the superuser where that is not known.
func (b *Book) ownerOf(p waxseal.Path) uint32 {
	uid, known := b.room.owners[p]
	if !known {
		if f, err := b.Tree.Stat(p); err == nil {
			uid = f.UID
		}
		b.room.owners[p] = uid
	}
	return uid
}

// overflow stands for all hooks that are not listed.
func (b *Book) overflow(at waxseal.Hook, id, problem, explain string) waxseal.Hook {
	b.AddProblems([]waxseal.Problem{{Path: at.Source.Path, Line: at.Source.Line, Message: problem, Unreadable: true}})
	return waxseal.Hook{ID: waxseal.HookID(string(b.Stack) + ":" + id), Kind: waxseal.KindUnreadable, Stage: at.Stage, Scope: "all", Active: true, Directive: at.Directive,
		Source: at.Source, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(at.Source.Path)}, Explain: explain}
}
