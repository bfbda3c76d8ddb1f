package agent

import (
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
)

// offline is what can be asked of a tree that nobody watched: no hand is known there, so
// what a package explains is inferred from the log at best.
type offline struct {
	books       *Books
	before, now waxseal.State
	since, at   time.Time
	asked       bool
	log         []translog.Transaction
	archives    map[string]parcel.Archive
}

// parcelCase is what packages are asked about a change that was found.
func (o *offline) parcelCase(ch waxseal.Change) parcel.Case {
	o.ask()
	return parcel.Case{Change: ch, At: o.at, Since: o.since, Transactions: o.log, Archives: o.archives, Packages: o.now.Packages, Files: o.now.Files}
}

// ask reads logs and archives once, and only where a package changed since.
func (o *offline) ask() {
	if o.asked || o.books.Tree == nil {
		return
	}
	o.asked, o.archives = true, map[string]parcel.Archive{}
	installed := map[string]string{}
	wanted := map[string]bool{}
	for _, p := range o.now.Packages {
		installed[p.Name] = p.Version
	}
	o.log = Transactions(o.books.Tree)
	keys := o.books.packageKeys()
	for name := range installed {
		wanted[name] = true
	}
	headers, log := signedHeaders(o.books.Tree, wanted, o.at, keys)
	o.log = append(o.log, log...)
	clear(wanted)
	for _, t := range o.log {
		if version, ok := installed[t.Package]; ok && version == t.New && t.Within(o.since, o.at) {
			wanted[t.Package] = true
		}
	}
	for _, a := range append(headers, Archives(o.books.Tree, wanted, map[string]bool{}, o.at, keys)...) {
		if a.Version == installed[a.Package] {
			o.archives[a.Package] = a
		}
	}
}
