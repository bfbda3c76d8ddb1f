package agent

import (
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
	"waxseal/internal/readroom"
)

// parcels is what the agent knows of packages beside their database: the programs that
// bring them, the archives that were at hand, and what was written down.
type parcels struct {
	programs  map[waxseal.Path]programFile
	started   map[int]waxseal.Grade     // by pid: whether it runs the file of its name
	hands     map[int]parcel.Hand       // by pid, of this look
	shelf     map[string]parcel.Archive // by parcel.Key
	noted     map[string]*waxseal.Index // where the ledger has an archive or a line of a log
	read      map[string]bool           // archives that were read, by name, size and time
	papers    papers.Source             // what is asked while a change is judged
	beside    *readroom.Papers          // what archives are asked of, beside that; nil where this process reads them
	log       []translog.Transaction    // of rpm's database, as it was at logAt
	logAt     time.Time
	written   []translog.Transaction // of the logs, as they were at stamp
	stamp     string
	unread    string    // of what is written down
	logUnread string    // of rpm's database
	noKeys    bool      // the keys of repositories could not be read yet
	asked     time.Time // when archives were last asked for
	reading   bool
	held      time.Time // since when looks wait for a transaction to end
}

// programFile is a package manager's own file as it was when the agent began, or as a
// transaction that is explained brought it.
type programFile struct {
	device, inode uint64
	grade         waxseal.Grade
}

func newParcels() parcels {
	return parcels{programs: map[waxseal.Path]programFile{}, started: map[int]waxseal.Grade{}, hands: map[int]parcel.Hand{},
		shelf: map[string]parcel.Archive{}, noted: map[string]*waxseal.Index{}, read: map[string]bool{}}
}

// knowPrograms remembers the files of package managers as they are when watching begins.
// One that the package database says is another proves nothing.
func (a *Agent) knowPrograms() {
	for _, p := range parcel.Programs() {
		if f, err := a.tree.Stat(p); err == nil {
			grade := waxseal.Proven
			if state, _ := a.reader.Vouched(a.tree, p); state == waxseal.PackageModified || state == waxseal.PackageUnowned || !a.intact(f.Path) {
				grade = waxseal.Unknown
			}
			a.parcels.programs[p] = programFile{f.Device, f.Inode, grade}
		}
	}
}

// programStarted notes, as a program starts, whether it is a package manager's own file:
// later the file may be another, as when dpkg is updated.
func (a *Agent) programStarted(e waxseal.ProcessEvent) {
	if e.Inode == 0 {
		return
	}
	if len(a.parcels.started) > maxProcesses {
		clear(a.parcels.started)
	}
	delete(a.parcels.started, e.PID)
	for p, known := range a.parcels.programs {
		if path.Base(string(p)) != path.Base(e.File) && path.Base(string(p)) != path.Base(e.Exe) {
			continue
		}
		switch f, err := a.tree.Stat(p); {
		case known.device == e.Device && known.inode == e.Inode:
			a.parcels.started[e.PID] = known.grade
		case err == nil && f.Device == e.Device && f.Inode == e.Inode:
			a.parcels.started[e.PID] = a.renewed(p, f)
		case err == nil && script(e, p) && f.Device == known.device && f.Inode == known.inode && known.grade != waxseal.Unknown:
			a.parcels.started[e.PID] = waxseal.Inferred
		default:
			continue
		}
		a.fetchParcels(time.Now())
		return
	}
}

// script reports whether a program is started by the name of a script p: BPF tells the
// file of its interpreter only.
func script(e waxseal.ProcessEvent, p waxseal.Path) bool {
	if path.Base(e.File) == path.Base(e.Exe) {
		return false
	}
	name := e.File
	if !path.IsAbs(name) {
		name = path.Join(e.CWD, name)
	}
	return waxseal.Path(name) == p
}

// forked: a child goes on with the program of its parent.
func (a *Agent) forked(e waxseal.ProcessEvent) {
	delete(a.parcels.started, e.PID)
	if grade, ok := a.parcels.started[e.From]; ok {
		a.parcels.started[e.PID] = grade
	}
}

// renewed grades a package manager that was itself replaced since watching began: only a
// signed archive proves it.
func (a *Agent) renewed(p waxseal.Path, f waxseal.File) waxseal.Grade {
	state, digest := a.reader.Vouched(a.tree, p)
	grade := waxseal.Inferred
	if state == waxseal.PackageModified || state == waxseal.PackageUnowned {
		grade = waxseal.Unknown
	}
	for _, archive := range a.parcels.shelf {
		if archive.Signed && archive.Entries[p].SHA256 == digest && digest != "" {
			grade = waxseal.Proven
		}
	}
	a.parcels.programs[p] = programFile{f.Device, f.Inode, grade}
	return grade
}

const maxProcesses = 1 << 14

// genuine is how sure it is that a process runs a package manager's own file.
func (a *Agent) genuine(p waxseal.Process, file waxseal.Path) waxseal.Grade {
	if grade, ok := a.parcels.started[p.PID]; ok {
		return grade
	}
	if o, ok := a.memory.Start(p); ok {
		if start, _ := correlate.Started(o); start.Inode != 0 {
			return waxseal.Unknown // the kernel named the file that was started, and it was another
		}
	}
	if known, ok := a.parcels.programs[file]; !ok || known.grade == waxseal.Unknown || p.Grade == waxseal.Unknown {
		return waxseal.Unknown
	}
	return waxseal.Inferred
}

// packageHand is the package manager behind a process.
func (a *Agent) packageHand(actor waxseal.Actor) parcel.Hand {
	actor.Process = a.asTreeNames(actor.Process)
	actor.Ancestors = slices.Clone(actor.Ancestors)
	for i := range actor.Ancestors {
		actor.Ancestors[i] = a.asTreeNames(actor.Ancestors[i])
	}
	return parcel.HandOf(actor, a.genuine)
}

// asTreeNames names a program as the tree does: /proc shows it from the host's root.
func (a *Agent) asTreeNames(p waxseal.Process) waxseal.Process {
	if dir := strings.TrimSuffix(a.tree.Dir(), "/"); dir != "" && strings.HasPrefix(p.Exe, dir+"/") {
		p.Exe = p.Exe[len(dir):]
	}
	return p
}

// parcelCase is what packages are asked about a change that was seen.
func (a *Agent) parcelCase(t *told, f waxseal.Finding, whole waxseal.State, touched []touch) parcel.Case {
	if t.change.Container != "" {
		return parcel.Case{Change: t.change, At: f.Seen}
	}
	c := parcel.Case{Change: t.change, At: f.Seen, Since: a.since, Files: whole.Files, Packages: whole.Packages, Archives: a.installed(whole.Packages)}
	if t.event != nil && f.Actor != nil {
		c.Seen, c.Hand = true, a.packageHand(*f.Actor)
		t.writes = []touch{t.event.withoutContent()}
	}
	if len(t.change.Packages) > 0 {
		for _, w := range touched { // what audit saw of a process goes for all that it touched
			a.handOfTouch(w)
		}
		if t.writes = writesOf(t.change, touched, a.last, whole); t.writes == nil {
			t.writes = recordsWritten(touched)
		}
		c.Hand, c.Seen = a.weakestHand(t.writes)
		a.readHeaders(t.change.Packages)
		c.Archives = a.installed(whole.Packages)
	}
	if len(t.change.Packages) > 0 || c.Hand.Kind != parcel.Nobody || !c.Seen {
		c.Transactions, c.Unread = a.transactions()
	}
	return c
}

// installed are the archives of packages as they are installed now.
func (a *Agent) installed(packages []waxseal.Package) map[string]parcel.Archive {
	list := map[string]parcel.Archive{}
	for _, p := range packages {
		for _, version := range strings.Fields(p.Version) {
			key := parcel.Key(p.Name, version)
			if archive, ok := a.parcels.shelf[key]; ok {
				list[key] = archive
			}
		}
	}
	return list
}

// writesOf are the events of those files of the packages of a change which are other now.
func writesOf(ch waxseal.Change, touched []touch, before, now waxseal.State) (list []touch) {
	other := otherFiles(ch, before, now)
	for _, t := range touched {
		if other[t.File.Path] {
			list = append(list, t.withoutContent())
		}
	}
	return list
}

// recordsWritten are the events of the package database itself.
func recordsWritten(touched []touch) (list []touch) {
	for _, t := range touched {
		if slices.Contains(packageRecords, dirOf(t.File.Path)) || t.File.Path == packageStatus {
			list = append(list, t.withoutContent())
		}
	}
	return list
}

// weakestHand is the one behind some events of which the least is known.
func (a *Agent) weakestHand(writes []touch) (weakest parcel.Hand, seen bool) {
	for _, t := range writes {
		hand := a.handOfTouch(t)
		if !seen || weaker(hand, weakest) {
			weakest = hand
		}
		seen = true
	}
	return weakest, seen
}

// otherFiles are the files of the packages of a change that have another content now.
func otherFiles(ch waxseal.Change, before, now waxseal.State) map[waxseal.Path]bool {
	names, was, other := map[string]bool{}, map[waxseal.Path]waxseal.Digest{}, map[waxseal.Path]bool{}
	for _, p := range ch.Packages {
		names[p.After.Name], names[p.Before.Name] = true, true
	}
	for _, f := range before.Files {
		was[f.Path] = f.Digest
	}
	for _, f := range now.Files {
		if f.Package != "" && names[f.Package] && was[f.Path] != f.Digest {
			other[f.Path], other[f.Resolved] = true, true
		}
	}
	delete(other, "")
	return other
}

func weaker(h, o parcel.Hand) bool {
	return !o.Other() && (h.Kind == parcel.Nobody || h.Kind == parcel.Pretender || o.Grade == waxseal.Proven && h.Grade != waxseal.Proven)
}

// handOfTouch is the package manager behind a file event, "nobody" where there is none.
func (a *Agent) handOfTouch(t touch) parcel.Hand {
	if hand, ok := a.parcels.hands[t.File.PID]; ok && hand.Grade == waxseal.Proven {
		return hand
	}
	hand := a.packageHand(a.memory.Actor(*t.File, t.Time))
	a.parcels.hands[t.File.PID] = hand
	return hand
}

// packageEvent is the last event of a package manager's hand, which a change of packages
// is told by rather than by whatever came last.
func (a *Agent) packageEvent(touched []touch, ch waxseal.Change) *touch {
	for i := len(touched) - 1; i >= 0 && len(ch.Packages) > 0; i-- {
		if k := a.handOfTouch(touched[i]).Kind; k == parcel.Manager && writerOf(touched, &touched[i]) == &touched[i] {
			return &touched[i]
		}
	}
	return writerOf(touched, lastEvent(touched, ch))
}

// shelve puts archives that were read on the shelf.
func (a *Agent) shelve(found []parcel.Archive, at time.Time) {
	for _, archive := range found {
		key := parcel.Key(archive.Package, archive.Version)
		if was, ok := a.parcels.shelf[key]; ok && (was.Signed || was.SHA256 == archive.SHA256 && !archive.Signed) {
			continue // one that is vouched for is not put aside for another of its name
		}
		if len(a.parcels.shelf) > maxShelf {
			clear(a.parcels.shelf)
		}
		a.parcels.shelf[key] = archive
		a.parcels.noted[key] = a.note(at, waxseal.Observation{Sensor: "agent", Parcel: &waxseal.Parcel{
			Package: archive.Package, Version: archive.Version, Path: archive.Where, Digest: archive.SHA256, Signed: archive.Signed, Voucher: archive.Voucher}})
	}
}

const maxShelf = 500

// startParcels gets ready to judge changes by packages.
func (a *Agent) startParcels(now time.Time) {
	a.books.Tree = a.tree
	a.startPapers()
	a.learnKeys(now)
}

// lineOf notes the line of a log that a transaction begins with.
func (a *Agent) lineOf(v parcel.Verdict, c parcel.Case) *waxseal.Index {
	for _, t := range slices.Backward(c.Transactions) {
		if t.Package != v.Package || t.New != v.New || v.Package == "" {
			continue
		}
		if _, ok := a.parcels.noted[t.Line]; !ok {
			a.parcels.noted[t.Line] = a.note(t.From, waxseal.Observation{Sensor: "agent", Log: &waxseal.LogLine{Path: logOf(t), Text: t.Line}})
		}
		return a.parcels.noted[t.Line]
	}
	return nil
}

func logOf(t translog.Transaction) waxseal.Path {
	if t.Manager == "rpm" {
		return papers.DNFLog
	}
	return papers.DpkgLog
}
