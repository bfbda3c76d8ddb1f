package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/snapshot"
)

// A daemon in a mount namespace of its own may read another configuration than the one
// that this host shows under the same name.

const (
	// viewEvery is how often daemons are asked for what they see, and viewSeldom where audit
	// tells of each mount.
	viewEvery  = 5 * time.Second
	viewSeldom = 30 * time.Second
	maxViewed  = 1 << 20 // of one file
	maxViews   = 1024
)

// view is a file as a daemon sees it.
type view struct {
	path   waxseal.Path
	digest waxseal.Digest
}

// seeViews looks through the eyes of the daemons that live apart.
func (a *Agent) seeViews(now time.Time) {
	if now.Before(a.viewAt) {
		return
	}
	a.viewAt = now.Add(viewEvery)
	if a.senses.audit != nil {
		a.viewAt = now.Add(viewSeldom)
	}
	programs := map[proc.Node]bool{}
	for _, f := range a.last.Files {
		if f.Role == waxseal.RoleBinary && f.Inode != 0 {
			programs[proc.Node{Device: f.Device, Inode: f.Inode}] = true
		}
	}
	for _, pid := range a.senses.people.Apart(programs) {
		a.seeView(pid, now)
	}
}

func (a *Agent) seeView(pid int, now time.Time) {
	tree, err := rootfs.Open(filepath.Join("/proc", fmt.Sprint(pid), "root", a.tree.Dir()))
	if err != nil {
		return // it has gone, or has no such directory: another host
	}
	defer tree.Close()
	here, err := os.Stat(a.tree.Dir())
	if err != nil {
		return
	}
	there, err := os.Stat(filepath.Join("/proc", fmt.Sprint(pid), "root", a.tree.Dir()))
	if err != nil || !os.SameFile(here, there) {
		return // it has another root altogether: a chroot, a container
	}
	for _, f := range a.last.Files {
		if !f.Role.Text() || f.Type != waxseal.Regular || f.Size > maxViewed {
			continue
		}
		seen, err := tree.Stat(f.Path)
		if err != nil || seen.Inode == f.Inode && seen.Device == f.Device || seen.Type != waxseal.Regular {
			continue
		}
		if content, err := tree.ReadFile(f.Path, maxViewed); err == nil {
			a.judgeView(pid, f.Path, seen, content, now)
		}
	}
}

// judgeView tells of a file that a daemon sees with another content, once.
func (a *Agent) judgeView(pid int, p waxseal.Path, seen waxseal.File, content []byte, now time.Time) {
	v := view{p, digestOf(string(content))}
	if digest, err := a.tree.Digest(p); err != nil || digest == v.digest || a.viewed[v] {
		return
	}
	if a.viewed == nil || len(a.viewed) > maxViews {
		a.viewed = map[view]bool{}
	}
	a.viewed[v] = true
	over := snapshot.Over(a.tree, map[waxseal.Path]snapshot.Object{p: {File: seen, Content: content}})
	changes := Differences(a.last, a.readOver(over))
	a.forgetFile(p)
	var worst waxseal.Change
	for _, ch := range changes {
		if ch.Severity > worst.Severity || worst.Path == "" {
			worst = ch
		}
	}
	name := "a daemon"
	if who := a.senses.people.Snapshot(pid); who != nil {
		name = who.Process.Exe
	}
	f := detect.SeenElsewhere(name, pid, p, worst)
	f.Seen = now
	actor := a.memory.Actor(waxseal.FileEvent{}, now)
	if e := a.mountedAt(p); e != nil {
		actor = a.memory.Doer(*e, waxseal.Inferred)
	}
	f.Actor = &actor
	f.Observations = a.recorded([]*waxseal.Index{a.note(now, waxseal.Observation{Sensor: "proc", File: &waxseal.FileEvent{
		Operations: []waxseal.Operation{waxseal.OpMount}, Path: p, Device: seen.Device, Inode: seen.Inode,
		Note: fmt.Sprintf("as process %d sees it, in a mount namespace of its own", pid),
	}})})
	a.tellOf(f)
}

// mountedAt is the call that mounted something over a path lately, in whatever
// namespace; nil where several processes did.
func (a *Agent) mountedAt(p waxseal.Path) (found *waxseal.AuditEvent) {
	for i := range a.calls {
		e := &a.calls[i]
		if !hasEnd(e.Key, kaudit.MountKey) || len(e.Paths) == 0 {
			continue
		}
		if at := a.pathOf(e, e.Paths[0]); at != p && !within(p, at) || at == "/" {
			continue
		}
		if found != nil && found.PID != e.PID {
			return nil
		}
		found = e
	}
	return found
}
