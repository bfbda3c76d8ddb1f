package mailpath

import (
	"waxseal"
	"waxseal/internal/filter/amavis"
	"waxseal/internal/filter/delivery"
	"waxseal/internal/filter/dovecot"
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

// stacks reads every mail system of the tree.
func (r *Reader) stacks(tree waxseal.Tree, around surroundings.Result) mta.Result {
	found := postfix.ReadWith(tree, r.masker, postfix.Options{Version: r.postfixVersion(), Also: directories(around.ConfigDirectories)})
	options := mta.Options{Package: r.packages.Package, Starts: around.Starts}
	for _, read := range []func(waxseal.Tree, *mask.Masker, mta.Options) mta.Result{exim.Read, sendmail.Read, opensmtpd.Read} {
		found.Join(read(tree, r.masker, options))
	}
	for _, s := range found.Stacks {
		options.Domains = append(options.Domains, s.Domains...)
	}
	found.Join(dovecot.Read(tree, r.masker, options))
	found.Join(milters.Read(tree, r.masker, options))
	found.Join(rspamd.Read(tree, r.masker, options))
	found.Join(others.Read(tree, r.masker, options, found.Stacks))
	found.Join(nullclient.Read(tree, r.masker, options))
	found.Join(spamassassin.Read(tree, r.masker, options))
	found.Join(mailman.Read(tree, r.masker, options))
	found.Join(lists.Read(tree, r.masker, options))
	found.Join(policy.Read(tree, r.masker, options))
	found.Join(amavis.Read(tree, r.masker, options))
	found.Join(mimedefang.Read(tree, r.masker, options))
	found.Join(delivery.Read(tree, r.masker, options, delivery.Lead(found.Stacks, found.Hooks, tree)))
	return found
}

// postfixVersion is that of the installed package; none where no package
// database knows one.
func (r *Reader) postfixVersion() (none postconf.Version) {
	vendors := map[string]postconf.Vendor{"dpkg": postconf.Debian, "rpm": postconf.RedHat}
	p := r.packages.Package("postfix")
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
