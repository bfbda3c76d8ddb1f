package agent

import (
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/pkgdb/translog"
)

// offline is what can be asked of a tree that nobody watched: no hand is known there, so
// what a package explains is inferred from the log at best.
type offline struct {
	tree        waxseal.Tree // nil where it is not at hand
	papers      papers.Source
	trust       papers.Trust
	before, now waxseal.State
	since, at   time.Time
	asked       bool
	log         []translog.Transaction
	unread      string // what of it is not known
	archives    map[string]parcel.Archive
}

// parcelCase is what packages are asked about a change that was found.
func (o *offline) parcelCase(ch waxseal.Change) parcel.Case {
	o.ask()
	return parcel.Case{Change: ch, At: o.at, Since: o.since, Transactions: o.log, Unread: o.unread, Archives: o.archives, Packages: o.now.Packages, Files: o.now.Files}
}

// ask reads logs and archives once, and only where a package changed since.
func (o *offline) ask() {
	if o.asked || o.tree == nil {
		return
	}
	o.asked, o.archives = true, map[string]parcel.Archive{}
	installed := map[string]bool{} // by parcel.Key
	wanted := map[string]bool{}
	for _, p := range o.now.Packages {
		wanted[p.Name] = true
		for _, version := range strings.Fields(p.Version) {
			installed[parcel.Key(p.Name, version)] = true
		}
	}
	written, err := o.papers.Transactions()
	headers, log, problem := papers.Headers(o.tree, o.papers, wanted, o.trust)
	o.log = append(written, log...)
	o.unread = unread(err, problem)
	clear(wanted)
	for _, t := range o.log {
		if installed[parcel.Key(t.Package, t.New)] && t.Within(o.since, o.at) {
			wanted[t.Package] = true
		}
	}
	for _, a := range append(headers, papers.Archives(o.tree, o.papers, wanted, map[string]bool{}, o.trust)...) {
		if key := parcel.Key(a.Package, a.Version); installed[key] {
			o.archives[key] = a
		}
	}
}

// SayPackages adds to changes between two trees what packages say of them: a reason, and no
// more, since nobody saw a hand, and the log is what the later tree makes of it. Keys are
// believed that the earlier tree had. A database that contradicts a signed archive is told.
func SayPackages(changes []waxseal.Change, before, after waxseal.Tree, was, now waxseal.State, at time.Time) {
	o := &offline{tree: after, papers: &papers.Here{Tree: after}, trust: papers.Trust{At: at, Limit: at}, before: was, now: now, at: at}
	for _, key := range deb.Keys(before) {
		if o.trust.Since == nil {
			o.trust.Since = map[string]time.Time{}
		}
		o.trust.Since[key.Fingerprint] = at
	}
	for i := range changes {
		ch := &changes[i]
		if ch.Severity == waxseal.None || len(ch.Packages) == 0 && (ch.After == nil || ch.After.Package == "") {
			continue
		}
		switch v := parcel.Judge(o.parcelCase(*ch)); {
		case v.Forged:
			ch.Severity = waxseal.Critical
			ch.Reasons = append([]string{v.Why}, ch.Reasons...)
		case v.Rung != waxseal.RungNone:
			ch.Reasons = append(slices.Clone(ch.Reasons), "a package accounts for it, as far as files tell: "+v.Why)
		}
	}
}
