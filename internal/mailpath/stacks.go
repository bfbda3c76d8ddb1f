package mailpath

import (
	"slices"
	"sync"

	"waxseal"
	"waxseal/internal/filter/amavis"
	"waxseal/internal/filter/delivery"
	"waxseal/internal/filter/dovecot"
	"waxseal/internal/filter/fetch"
	"waxseal/internal/filter/lists"
	"waxseal/internal/filter/mailman"
	"waxseal/internal/filter/milters"
	"waxseal/internal/filter/mimedefang"
	"waxseal/internal/filter/nullclient"
	"waxseal/internal/filter/others"
	"waxseal/internal/filter/policy"
	"waxseal/internal/filter/rspamd"
	"waxseal/internal/filter/spamassassin"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim"
	"waxseal/internal/mta/opensmtpd"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/mta/postfix/postconf"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/surroundings"
)

// aroundHooks is room for hooks of what lies around the mail systems, so that those of
// ten thousand users are not moved for them.
const aroundHooks = 1000

// stacks reads every mail system of the tree. First come those that say which domains
// are the host's own: to the others mail for these is not foreign. The others are read
// side by side where the tree lets several read it; what they found is joined in the
// same order always.
func (c *closer) stacks(tree waxseal.Tree, around surroundings.Result) mta.Result {
	r := c.reader
	found := postfix.ReadWith(tree, r.masker, postfix.Options{Version: r.postfixVersion(), Also: directories(around.ConfigDirectories), Releases: r.releases})
	options := mta.Options{Package: r.describes(), Starts: around.Starts}
	for _, read := range []readsStack{exim.Read, sendmail.Read, opensmtpd.Read} {
		found.Join(read(tree, r.masker, options))
	}
	for _, s := range found.Stacks {
		options.Domains = append(options.Domains, s.Domains...)
	}
	options.Domains = slices.Clip(options.Domains)
	one := func(read readsStack) func() mta.Result {
		return func() mta.Result { return read(tree, r.masker, options) }
	}
	reach := delivery.Lead(found.Stacks, found.Hooks, tree)
	deliver := func() mta.Result { return delivery.Read(tree, r.masker, options, reach) }
	systems := slices.Clip(found.Stacks)
	results := c.sideBySide(
		func() mta.Result { return r.filters(tree, options, systems) }, deliver, one(nullclient.Read), one(spamassassin.Read), one(mailman.Read), one(lists.Read), one(policy.Read), one(amavis.Read), one(mimedefang.Read), one(fetch.Read),
	)
	room := aroundHooks
	for _, more := range results {
		room += len(more.Hooks)
	}
	found.Hooks = slices.Grow(found.Hooks, room)
	found.Join(results[0])
	for _, more := range results[2:] {
		found.Join(more)
	}
	// A filter may hand mail to a delivery agent as well, which is rare.
	if all := delivery.Lead(found.Stacks, found.Hooks, tree); !all.Same(reach) {
		reach = all
		results[1] = deliver()
	}
	found.Join(results[1])
	return found
}

// readsStack is a reader of one mail system or filter.
type readsStack func(waxseal.Tree, *mask.Masker, mta.Options) mta.Result

// filters reads those that answer the mail systems, and then those that are known
// beside all of them.
func (r *Reader) filters(tree waxseal.Tree, options mta.Options, systems []waxseal.Stack) mta.Result {
	var found mta.Result
	for _, read := range []readsStack{dovecot.Read, milters.Read, rspamd.Read} {
		found.Join(read(tree, r.masker, options))
	}
	found.Join(others.Read(tree, r.masker, options, append(systems, found.Stacks...)))
	return found
}

// describes describes installed packages to several readers.
func (r *Reader) describes() func(name string) waxseal.Package {
	var one sync.Mutex // the database remembers what it was asked
	return func(name string) waxseal.Package {
		one.Lock()
		defer one.Unlock()
		return r.packages.Describe(name)
	}
}

// besider is a tree that several may read at once, and that lets them: each piece of
// work is done once when Beside returns.
type besider interface{ Beside(work ...func()) }

// sideBySide returns what each reading found, in the order in which they are given.
// Those that take long come first.
func (c *closer) sideBySide(readings ...func() mta.Result) []mta.Result {
	found := make([]mta.Result, len(readings))
	work := make([]func(), len(readings))
	for i, read := range readings {
		work[i] = func() { found[i] = read() }
	}
	if tree, ok := c.tree.(besider); ok {
		tree.Beside(work...)
		return found
	}
	for _, do := range work {
		do()
	}
	return found
}

// postfixVersion is that of the installed package; none where no package
// database knows one.
func (r *Reader) postfixVersion() (none postconf.Version) {
	vendors := map[string]postconf.Vendor{"dpkg": postconf.Debian, "rpm": postconf.RedHat}
	p := r.packages.Describe("postfix")
	if vendor, ok := vendors[p.Manager]; ok && p.Version != "" {
		return postconf.Packaged(p.Version, vendor)
	}
	return none
}

// directories tells the reader of Postfix which further configurations something
// on the host gives to it.
func directories(found []surroundings.ConfigDirectory) []postfix.Directory {
	var list []postfix.Directory
	for _, d := range found {
		list = append(list, postfix.Directory{Path: d.Path, Why: d.Why, Source: d.Source, Active: d.Active})
	}
	return list
}
