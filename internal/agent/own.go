package agent

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/fanotify"
	"waxseal/internal/store"
)

// own is what Waxseal itself is made of: its program, configuration, unit and state.
// They lie in the host's root, whatever tree is watched, and are no part of the mail
// path, so that they have a sensor of their own.
type own struct {
	tree    *rootfs.Tree
	sensor  *fanotify.Sensor
	state   waxseal.Path
	files   map[waxseal.Path]detect.OwnKind
	dirs    map[waxseal.Path]detect.OwnKind // all that lies in them, the state apart
	known   map[waxseal.Path]waxseal.FileState
	touched []touch
	due     time.Time
}

// ownFiles is the value that keeps what was known of the own files.
const ownFiles = "own files"

// unitName is the unit of docs/install.md.
const unitName = "waxseal.service"

// unitDirs are where systemd looks for units (systemd.unit(5)).
var unitDirs = []waxseal.Path{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
}

// findOwn lists what Waxseal is made of here.
func findOwn(state, config string) (*own, error) {
	tree, err := rootfs.Open("/")
	if err != nil {
		return nil, err
	}
	o := &own{tree: tree, files: map[waxseal.Path]detect.OwnKind{}, dirs: map[waxseal.Path]detect.OwnKind{}}
	if dir, err := filepath.EvalSymlinks(state); err == nil {
		dir, _ = filepath.Abs(dir)
		o.state = waxseal.Path(dir)
	}
	if exe, err := os.Executable(); err == nil {
		o.files[waxseal.Path(strings.TrimSuffix(exe, " (deleted)"))] = detect.OwnProgram
	}
	if config, err := filepath.Abs(config); err == nil {
		o.files[waxseal.Path(config)] = detect.OwnConfiguration
	}
	for _, d := range unitDirs {
		if real, err := filepath.EvalSymlinks(string(d)); err == nil {
			d = waxseal.Path(real) // /lib may be /usr/lib
		}
		o.files[d+"/"+unitName] = detect.OwnUnit
		o.dirs[d+"/"+unitName+".d"] = detect.OwnUnit
		o.dirs[d+"/service.d"] = detect.OwnUnit // for all services
	}
	return o, nil
}

// startOwn watches the own files, and tells what changed since the last run.
func (a *Agent) startOwn(ctx context.Context) {
	o, err := findOwn(a.opts.State, a.opts.Config)
	if err != nil {
		a.opts.Warn("changes of Waxseal's own files are not seen: " + err.Error())
		return
	}
	a.own = o
	if a.opts.Fanotify {
		a.watchOwn(ctx)
	}
	a.ownSince(time.Now())
}

func (a *Agent) watchOwn(ctx context.Context) {
	s, err := fanotify.Open(fanotify.Options{Root: "/", Snapshot: a.senses.people.SnapshotPidfd, MaxContent: 1})
	if err != nil {
		return // the sensor of the mail path says why
	}
	dirs := []waxseal.Path{}
	for d := range a.own.dirs {
		dirs = append(dirs, d)
	}
	if a.own.state != "" {
		dirs = append(dirs, a.own.state)
	}
	files := []waxseal.Path{}
	for f := range a.own.files {
		files = append(files, f)
	}
	if err := s.SetTargets(dirs, files); err != nil {
		a.without(fanotify.Name, err.Error(), "a change of Waxseal's own files may be found later only")
	}
	a.own.sensor = s
	a.run(fanotify.Name, "a change of Waxseal's own files is found at the next start only", func() error {
		return s.Run(ctx, func(e fanotify.Event) {
			event := e.FileEvent
			event.Note = "Waxseal's own file"
			a.queue.put(arrival{Observation: waxseal.Observation{Time: e.Time, Sensor: fanotify.Name, File: &event}, own: true})
		}, a.queue.gap)
	})
}

// takeOwn lets in an event about an own file.
func (a *Agent) takeOwn(o waxseal.Observation) {
	if !a.own.counts(*o.File) {
		return
	}
	t := touch{Observation: o}
	t.index = a.note(o.Time, o)
	a.own.touched = append(a.own.touched, t)
	a.own.due = time.Now().Add(patience) // audit may name the process
}

// counts reports whether an event is about more than what commands that read the state
// beside the agent do. They open its lock, the WAL and the index of that for writing, and
// SQLite gives the last two to the owner of the database whenever root opens it.
func (o *own) counts(e waxseal.FileEvent) bool {
	if o.kind(e.Path) == "" && o.kind(e.OldPath) == "" {
		return false // a directory above one of them
	}
	if dirOf(e.Path) != o.state {
		return true
	}
	for _, op := range e.Operations {
		if op != waxseal.OpWrite && op != waxseal.OpMetadata {
			return true
		}
	}
	switch name := path.Base(string(e.Path)); {
	case name == "lock" || name == "control.sock" || strings.HasSuffix(name, "-shm"):
		return false
	case strings.HasSuffix(name, "-wal"):
		return slices.Contains(e.Operations, waxseal.OpWrite) && !e.Closed
	}
	return true
}

// kind says what a path is to Waxseal, "" if nothing.
func (o *own) kind(p waxseal.Path) detect.OwnKind {
	if k := o.files[p]; k != "" {
		return k
	}
	if k := o.dirs[p]; k != "" {
		return k
	}
	if p != "" && (p == o.state || dirOf(p) == o.state) {
		return detect.OwnState
	}
	return o.dirs[dirOf(p)]
}

// read looks at the own files; the state is known by its events only, since it changes
// all the time by our own hand.
func (o *own) read() map[waxseal.Path]waxseal.FileState {
	now := map[waxseal.Path]waxseal.FileState{}
	for p := range o.files {
		now[p] = o.look(p)
	}
	for d := range o.dirs {
		names, _ := o.tree.ReadDir(d) // most are not there
		for _, n := range names[:min(len(names), 100)] {
			now[d+"/"+waxseal.Path(n)] = o.look(d + "/" + waxseal.Path(n))
		}
	}
	return now
}

func (o *own) look(p waxseal.Path) waxseal.FileState {
	gone := waxseal.FileState{File: waxseal.File{Path: p}, Role: waxseal.RoleConfig, Missing: true}
	f, err := o.tree.Stat(p)
	if err != nil {
		return gone
	}
	s := waxseal.FileState{File: f, Role: waxseal.RoleConfig}
	if o.kind(p) == detect.OwnState || f.Type != waxseal.Regular {
		return s
	}
	if was, ok := o.known[p]; ok && was.ChangeTime.Equal(f.ChangeTime) && was.Inode == f.Inode && was.Device == f.Device {
		s.Digest = was.Digest
	} else if s.Digest, err = o.tree.Digest(p); err != nil {
		return gone
	}
	return s
}

func sameOwn(a, b waxseal.FileState) bool {
	return a.Missing == b.Missing && a.Digest == b.Digest && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Resolved == b.Resolved
}

// ownSince compares with what the last run knew.
func (a *Agent) ownSince(now time.Time) {
	text, err := a.books.Value(ownFiles)
	first := err != nil || json.Unmarshal([]byte(text), &a.own.known) != nil
	a.lookAtOwn(now, first)
}

// lookAtOwn tells what is other than it was.
func (a *Agent) lookAtOwn(now time.Time, first bool) {
	o := a.own
	touched := o.touched
	o.touched, o.due = nil, time.Time{}
	current := o.read()
	changed := false
	for _, p := range sortedPaths(o.known, current) {
		before, had := o.known[p]
		after, has := current[p]
		if !had || !has {
			gone := waxseal.FileState{File: waxseal.File{Path: p}, Role: waxseal.RoleConfig, Missing: true}
			if !had {
				before = gone
			}
			if !has {
				after = gone
			}
		}
		if sameOwn(before, after) {
			continue
		}
		changed = true
		if !first {
			a.tellOwn(before, after, touched, now)
		}
	}
	told := map[waxseal.Path]bool{}
	for _, t := range touched {
		if p := t.File.Path; o.kind(p) == detect.OwnState && !told[p] {
			told[p] = true
			a.tellOwn(o.look(p), o.look(p), touched, now)
		}
	}
	o.known = current
	if changed || first {
		a.keepOwn()
	}
}

func (a *Agent) keepOwn() {
	text, err := json.Marshal(a.own.known)
	if err == nil {
		err = a.books.Append(func(tx *store.Tx) error { return tx.SetValue(ownFiles, string(text)) })
	}
	if err != nil {
		a.fails(err)
	}
}

func sortedPaths(a, b map[waxseal.Path]waxseal.FileState) []waxseal.Path {
	var list []waxseal.Path
	for p := range a {
		list = append(list, p)
	}
	for p := range b {
		list = append(list, p)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tellOwn makes one change of an own file known.
func (a *Agent) tellOwn(before, after waxseal.FileState, touched []touch, now time.Time) {
	f := detect.Own(a.own.kind(after.Path), before, after)
	t := &told{change: *f.Change, at: now}
	for i := len(touched) - 1; i >= 0 && t.event == nil; i-- {
		if touched[i].File.Path == after.Path || touched[i].File.OldPath == after.Path {
			t.event = &touched[i]
		}
	}
	a.record()
	if t.event != nil {
		a.explain(t, version{touched: touched}, &f)
	} else {
		unknown := a.memory.Actor(waxseal.FileEvent{}, now)
		f.Seen, f.Actor = now, &unknown
		f.Unobserved = &waxseal.Gap{Sensor: "agent", From: a.lastSeen(), Until: now, Reason: "no sensor told of this change: it was found by looking at the files again"}
	}
	f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: f.Seen, Evidence: "it is on the disk", Grade: waxseal.Proven}}
	expect(a.office, &f, permit.Case{Host: a.last.Host, Change: t.change, At: permit.Moment{Index: a.nextIndex(), Time: f.Seen}, Actor: *f.Actor})
	a.keep(t, f)
	a.opts.Tell(t.Finding, "", a.books.Checkpoint())
}

// auditPaths are those of the own files that are there, for rules that name the hand.
func (o *own) auditPaths() []string {
	var list []string
	for p := range o.known {
		if !o.known[p].Missing && dirOf(p) != o.state {
			list = append(list, string(p))
		}
	}
	if o.state != "" {
		list = append(list, string(o.state))
	}
	slices.Sort(list)
	return list
}

// stop ends the watch of the own files.
func (o *own) stop() error {
	if o == nil {
		return nil
	}
	var err error
	if o.sensor != nil {
		err = o.sensor.Close()
	}
	if closing := o.tree.Close(); err == nil {
		err = closing
	}
	return err
}
