package agent

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
	"waxseal/internal/store"
)

// startPapers says who reads what the host has on paper of its changes: a process of its
// own, once something is asked, or this one where the agent reads itself. Archives take
// long, so that a second one reads these, and no judgement waits for it.
func (a *Agent) startPapers() {
	p := &a.parcels
	if a.room == nil {
		p.papers = &papers.Here{Tree: a.tree}
	} else {
		p.beside = readroom.NewPapers(a.paperOptions("parcels"))
		p.papers = readroom.NewPapers(a.paperOptions("papers"))
	}
	a.books.Papers = p.papers
}

// papers are those of the watched tree.
func (a *Agent) papers() papers.Source {
	if a.parcels.papers == nil { // nothing is watched yet
		return &papers.Here{Tree: a.tree}
	}
	return a.parcels.papers
}

func (a *Agent) paperOptions(name string) readroom.Options {
	o := a.roomOptions()
	if o.Scratch != "" {
		o.Scratch = filepath.Join(filepath.Dir(o.Scratch), "scratch-"+name)
	}
	return o
}

// learnKeys remembers the keys of repositories that the host believes now. What comes later
// is not believed; so nothing is while they can't be read.
func (a *Agent) learnKeys(now time.Time) {
	keys, err := a.papers().Keys()
	a.parcels.noKeys = err != nil
	if err == nil {
		err = a.books.rememberKeys(keys, now)
	}
	if err != nil && !errors.Is(err, store.ErrStale) {
		a.opts.Warn("the keys of package repositories can't be remembered, so no signature is believed: " + papers.Words(err))
	}
	if r, ok := a.parcels.papers.(interface{ Rest() }); ok {
		r.Rest()
	}
}

// trust is what signatures are held against now.
func (a *Agent) trust(now time.Time) papers.Trust {
	t := a.books.trust(now)
	if a.parcels.noKeys && t.Since == nil {
		t.Since = map[string]time.Time{}
	}
	return t
}

// close ends the processes that read papers.
func (p parcels) close() error {
	var errs []error
	if c, ok := p.papers.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	if p.beside != nil {
		errs = append(errs, p.beside.Close())
	}
	return errors.Join(errs...)
}

// transactions are all that is written down, read again where a log has grown, and what is
// not known of it.
func (a *Agent) transactions() ([]translog.Transaction, string) {
	stamp := ""
	for _, p := range []waxseal.Path{papers.DpkgLog, papers.HistoryLog, papers.DNFLog} {
		if f, err := a.tree.Stat(p); err == nil {
			stamp += fmt.Sprintf("%s %d %d %d\n", p, f.Inode, f.Size, f.ModTime.UnixNano())
		}
	}
	if stamp != a.parcels.stamp {
		written, err := a.papers().Transactions()
		a.parcels.written, a.parcels.stamp = written, stamp
		if errors.Is(err, papers.ErrLost) {
			a.parcels.stamp = "" // it is asked again
		}
		a.parcels.unread = unread(err)
	}
	return slices.Concat(a.parcels.written, a.parcels.log), strings.Trim(a.parcels.unread+"; "+a.parcels.logUnread, "; ")
}

// unread is what some errors say that is not known.
func unread(errs ...error) string {
	if err := errors.Join(errs...); err != nil {
		return papers.Words(err)
	}
	return ""
}

// readHeaders asks rpm's database for packages that it has in another version now: it has
// their signed headers, and what was read beside may be from before the change.
func (a *Agent) readHeaders(changed []waxseal.PackageChange) {
	now, names := time.Now(), map[string]bool{}
	for _, p := range changed {
		names[p.After.Name] = true
	}
	found, log, err := papers.Headers(a.tree, a.papers(), names, a.trust(now))
	if err != nil {
		a.parcels.logUnread = unread(err)
		return
	}
	if log != nil {
		a.parcels.log, a.parcels.logAt, a.parcels.logUnread = log, now, ""
		a.shelve(found, now)
	}
}

// fetchParcels reads, beside the agent's goroutine, the archives that are at hand: some
// front ends throw them away as soon as they are done.
func (a *Agent) fetchParcels(now time.Time) {
	if a.parcels.reading {
		return
	}
	a.parcels.asked, a.parcels.reading = now, true
	wanted := map[string]bool{}
	for _, p := range a.last.Packages {
		wanted[p.Name] = true
	}
	root, trust, beside, read := a.opts.Root, a.trust(now), a.parcels.beside, maps.Clone(a.parcels.read)
	a.senses.done.Go(func() {
		in := parcelsRead{read: read, begun: now}
		if tree, err := rootfs.Open(root); err == nil {
			from := archivesFrom(beside, tree)
			in.found = papers.Archives(tree, from, wanted, read, trust)
			headers, log, err := papers.Headers(tree, from, wanted, trust)
			in.found, in.log, in.unread = append(in.found, headers...), log, unread(err)
			_ = tree.Close() // it was only read from
		}
		a.queue.put(arrival{Observation: waxseal.Observation{Time: time.Now()}, parcels: &in})
	})
}

func archivesFrom(apart *readroom.Papers, tree waxseal.Tree) papers.Source {
	if apart != nil {
		return apart
	}
	return &papers.Here{Tree: tree}
}

// parcelsRead are archives that were read, beside those that had been before.
type parcelsRead struct {
	found []parcel.Archive
	read  map[string]bool
	log   []translog.Transaction // of rpm's database
	begun time.Time
	// unread says why that is not known.
	unread string
}

// takeParcels takes archives and transactions that were read beside the agent's goroutine.
func (a *Agent) takeParcels(in parcelsRead, at time.Time) {
	a.parcels.reading, a.parcels.read = false, in.read
	if in.begun.After(a.parcels.logAt) {
		a.parcels.log, a.parcels.logAt, a.parcels.logUnread = in.log, in.begun, in.unread
	}
	a.shelve(in.found, at)
	if len(in.found) > 0 {
		a.accountWithArchives()
	}
}
