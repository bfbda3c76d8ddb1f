package mailpath

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// system is a mail system as far as others on the host have to do with it.
type system struct {
	name  waxseal.StackName
	title string
	// packages are those that bring its programs; so do those whose names begin with
	// one of them and a dash.
	packages []string
	// programs are those without which nothing reads its configuration.
	programs []waxseal.Path
}

// systems are the mail systems that can stand for sendmail(8) on a host. Those
// without programs are not read, and known by their packages alone.
var systems = []system{
	{"postfix", "Postfix", []string{"postfix"}, []waxseal.Path{"/usr/sbin/postfix", "/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master", "/usr/local/sbin/postfix"}},
	{"exim", "Exim", []string{"exim4-daemon-heavy", "exim4-daemon-light", "exim4-daemon-custom", "exim"}, []waxseal.Path{"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim", "/usr/local/exim/bin/exim", "/usr/local/bin/exim", "/usr/local/sbin/exim"}},
	{"sendmail", "Sendmail", []string{"sendmail-bin", "sendmail"}, []waxseal.Path{"/usr/libexec/sendmail/sendmail", "/usr/lib/sm.bin/sendmail", "/usr/sbin/sendmail.sendmail", "/usr/sbin/sendmail-mta", "/usr/local/sbin/sendmail"}},
	{"opensmtpd", "OpenSMTPD", []string{"opensmtpd"}, []waxseal.Path{"/usr/sbin/smtpd", "/usr/local/sbin/smtpd"}},
	{"courier", "Courier", []string{"courier-mta"}, []waxseal.Path{"/usr/sbin/courier", "/usr/sbin/courierd"}},
	{"nullmailer", "nullmailer", []string{"nullmailer"}, []waxseal.Path{"/usr/sbin/nullmailer-send"}},
	{"msmtp", "msmtp", []string{"msmtp"}, []waxseal.Path{"/usr/bin/msmtp", "/usr/local/bin/msmtp"}},
	{"ssmtp", "sSMTP", []string{"ssmtp"}, []waxseal.Path{"/usr/sbin/ssmtp"}},
	{"dma", "DragonFly Mail Agent", []string{"dma"}, []waxseal.Path{"/usr/sbin/dma", "/usr/libexec/dma"}},
	{"esmtp", "esmtp", []string{"esmtp"}, []waxseal.Path{"/usr/bin/esmtp"}},
}

// submitters are the names under which everything on a host hands mail over.
var submitters = []waxseal.Path{"/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases", "/usr/sbin/newaliases"}

// together adds what only shows where mail systems are seen side by side: which of
// them gets the mail that programs on this host submit, and which are remains.
func (c *closer) together(found *mta.Result) {
	for _, s := range systems {
		if s.programs != nil && c.isRemains(s) {
			c.leave(s, found)
		}
	}
	owners := map[waxseal.StackName]bool{}
	for _, s := range found.Stacks {
		if slices.ContainsFunc(systems, func(known system) bool { return known.name == s.MTA }) {
			owners[s.MTA] = true
		}
	}
	if h, ok := c.submission(owners); ok {
		found.Hooks = append(found.Hooks, h)
	}
}

// isRemains reports whether a mail system is gone and left its configuration: the
// package database has no package of it, and the tree none of its programs. Where
// no database tells, or none of the programs of a host are there, the tree may be
// a part of one.
func (c *closer) isRemains(s system) bool {
	if _, none := c.reader.packages.(nobody); none {
		return false
	}
	if names, err := c.tree.ReadDir("/usr/sbin"); err != nil || len(names) == 0 {
		return false
	}
	if slices.ContainsFunc(s.packages, func(name string) bool { return c.reader.packages.Describe(name).Version != "" }) {
		return false
	}
	return !slices.ContainsFunc(s.programs, func(p waxseal.Path) bool {
		_, err := c.tree.Stat(p)
		return err == nil || !mta.IsMissing(err)
	})
}

// leave marks the hooks of a mail system that is gone: nothing reads what they
// stand in, until it is installed again.
func (c *closer) leave(s system, found *mta.Result) {
	for i := range found.Hooks {
		if h := &found.Hooks[i]; h.MTA == s.name {
			mta.Inactive(h, s.title+" is not installed: its configuration is what a removed package left")
		}
	}
	for _, stack := range found.Stacks {
		if stack.MTA == s.name && len(stack.Config) > 0 {
			c.problems = append(c.problems, waxseal.Problem{Path: stack.Config[0], Message: s.title + " is not installed, and its configuration is still here: nothing reads it"})
		}
	}
}

// submission says which mail system gets the mail that programs on this host
// submit, where that is a question: there are several, or it is one that is not
// set up here.
func (c *closer) submission(set map[waxseal.StackName]bool) (waxseal.Hook, bool) {
	for _, p := range submitters[:2] {
		f, err := c.tree.Stat(p)
		if err != nil || f.Type != waxseal.Regular {
			continue
		}
		to, ok := c.systemOf(cmp.Or(f.Resolved, p))
		if !ok || len(set) == 0 || len(set) == 1 && set[to.name] {
			return waxseal.Hook{}, false
		}
		return c.submits(p, cmp.Or(f.Resolved, p), to, set), true
	}
	return waxseal.Hook{}, false
}

// systemOf finds the mail system that a program belongs to: by its package, else
// by where it lies.
func (c *closer) systemOf(program waxseal.Path) (system, bool) {
	if pkg := c.reader.packages.Owner(program); pkg != "" {
		for _, s := range systems {
			if slices.ContainsFunc(s.packages, func(prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"-") }) {
				return s, true
			}
		}
	}
	for _, s := range systems {
		if slices.Contains(s.programs, program) {
			return s, true
		}
	}
	by := map[string]waxseal.StackName{"sendmail.postfix": "postfix", "exim4": "exim", "exim": "exim", "smtpctl": "opensmtpd", "sendmail.sendmail": "sendmail", "sendmail.exim": "exim",
		"msmtp": "msmtp", "ssmtp": "ssmtp", "dma": "dma", "sendmail.ssmtp": "ssmtp", "sendmail.dma": "dma", "esmtp": "esmtp"}
	i := slices.IndexFunc(systems, func(s system) bool { return s.name == by[path.Base(string(program))] })
	if i < 0 {
		return system{}, false
	}
	return systems[i], true
}

func (c *closer) submits(command, program waxseal.Path, to system, set map[waxseal.StackName]bool) waxseal.Hook {
	var others []string
	for _, s := range systems {
		if set[s.name] && s.name != to.name {
			others = append(others, s.title)
		}
	}
	h := waxseal.Hook{
		ID: waxseal.HookID("host:" + string(command) + ":submission"), MTA: waxseal.HostStack, Kind: waxseal.KindTransport, Stage: waxseal.StageConnect,
		Effects: []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop}, Directive: "submission",
		Target: waxseal.Target{Type: waxseal.TargetService, Value: to.title}, Scope: "all mail that programs on this host submit", RunsAs: "", Active: true,
		Source: waxseal.Source{Path: command}, Closure: []waxseal.Part{{Path: program, Role: waxseal.RoleBinary}},
		Explain: "Mail that programs on this host submit goes to " + to.title + " (" + string(command) + " leads to " + string(program) + "), while " + strings.Join(others, " and ") + " is set up here too.",
	}
	if !set[to.name] {
		h.Explain = "Mail that programs on this host submit goes to " + to.title + " (" + string(command) + " leads to " + string(program) + "), and not to " + strings.Join(others, " or ") + ", which is set up here; what " + to.title + " does with it is not read."
	}
	return h
}
