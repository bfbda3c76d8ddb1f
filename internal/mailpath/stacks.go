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
	version, also := r.postfixVersion(), directories(around.ConfigDirectories)
	found := remember(c, "postfix", tree, []any{version, also}, cloned, func(tree waxseal.Tree, _ *record) mta.Result {
		return postfix.ReadWith(tree, r.masker, postfix.Options{Version: version, Also: also, Releases: r.releases})
	})
	options := mta.Options{Package: r.describes(), Starts: around.Starts}
	for _, s := range []namedReader{{"exim", exim.Read}, {"sendmail", sendmail.Read}, {"opensmtpd", opensmtpd.Read}} {
		found.Join(c.stack(s, tree, options))
	}
	for _, s := range found.Stacks {
		options.Domains = append(options.Domains, s.Domains...)
	}
	options.Domains = slices.Clip(options.Domains)
	one := func(name string, read readsStack) func() mta.Result {
		return func() mta.Result { return c.stack(namedReader{name, read}, tree, options) }
	}
	reach := delivery.Lead(found.Stacks, found.Hooks, tree)
	deliver := func() mta.Result { return delivery.Read(tree, r.masker, options, reach) }
	systems := slices.Clip(found.Stacks)
	results := c.sideBySide(
		func() mta.Result { return c.filters(tree, options, systems) }, deliver, one("nullclient", nullclient.Read), one("spamassassin", spamassassin.Read), one("mailman", mailman.Read),
		one("lists", lists.Read), one("policy", policy.Read), one("amavis", amavis.Read), one("mimedefang", mimedefang.Read), one("fetch", fetch.Read),
	)
	room := 0
	for _, more := range results {
		room += len(more.Hooks)
	}
	found.Hooks = slices.Grow(found.Hooks, room+min(room, aroundHooks))
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

type namedReader struct {
	name string
	read readsStack
}

// stack runs a reader of one mail system or filter.
func (c *closer) stack(s namedReader, tree waxseal.Tree, o mta.Options) mta.Result {
	return remember(c, s.name, tree, []any{o.Starts, o.Domains}, cloned, func(tree waxseal.Tree, a *record) mta.Result {
		o.Package = a.packaged(o.Package)
		return s.read(tree, c.reader.masker, o)
	})
}

// filters reads those that answer the mail systems, and then those that are known
// beside all of them.
func (c *closer) filters(tree waxseal.Tree, options mta.Options, systems []waxseal.Stack) mta.Result {
	var found mta.Result
	for _, s := range []namedReader{{"dovecot", dovecot.Read}, {"milters", milters.Read}, {"rspamd", rspamd.Read}} {
		found.Join(c.stack(s, tree, options))
	}
	systems = append(systems, found.Stacks...)
	found.Join(remember(c, "others", tree, []any{options.Starts, options.Domains, systems}, cloned, func(tree waxseal.Tree, a *record) mta.Result {
		options.Package = a.packaged(options.Package)
		return others.Read(tree, c.reader.masker, options, systems)
	}))
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
// Those that take long come first. Where most is taken over from the last reading they go
// one after the other: the agent has use for the other processors then.
func (c *closer) sideBySide(readings ...func() mta.Result) []mta.Result {
	found := make([]mta.Result, len(readings))
	work := make([]func(), len(readings))
	for i, read := range readings {
		work[i] = func() { found[i] = read() }
	}
	if tree, ok := c.tree.(besider); ok && !c.again {
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
