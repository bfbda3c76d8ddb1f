// Package opensmtpd reads a whole OpenSMTPD out of a tree: what it would do with mail, in the
// order in which mail meets it, as smtpd.conf and the files that it names say.
//
// It follows smtpd.conf(5), table(5), aliases(5), forward(5) and smtpd-filters(7),
// and the OpenSMTPD source where those are silent. The first match that takes a
// message decides: what no match leads to, or only one that an earlier match
// hides, is listed as inactive, with the reason.
//
// It runs nothing and asks nobody: tables of programs (SQL, LDAP, redis) are
// listed with the program and its configuration, not read. It gives no judgement.
package opensmtpd

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// MTA is the name under which OpenSMTPD appears in stacks and hooks.
const MTA waxseal.StackName = "opensmtpd"

// standardConfigs are where packages have smtpd.conf: Debian, EPEL, and the
// layout of OpenBSD.
var standardConfigs = []waxseal.Path{"/etc/smtpd.conf", "/etc/opensmtpd/smtpd.conf", "/etc/mail/smtpd.conf"}

// Read reads the OpenSMTPD of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	if o.Package == nil {
		o.Package = mta.NoPackages
	}
	r := &reader{Book: mta.NewBook(MTA, tree, m), o: o}
	for _, f := range r.configs() {
		if !r.Exists(f.path) {
			if f.why != "" {
				r.Problem(f.source.Path, f.source.Line, "smtpd is led to "+mta.Clip(string(f.path))+", which is not there: "+mta.Clip(f.why))
			}
			continue
		}
		if f.unused {
			r.Part(f.path, waxseal.RoleUnused)
			continue
		}
		r.readInstance(f)
	}
	return r.Result()
}

// reader holds what all instances of one tree share.
type reader struct {
	*mta.Book
	o        mta.Options
	accounts []mta.Account
	asked    bool
}

// everyone are the users of the host.
func (r *reader) everyone() []mta.Account {
	if !r.asked {
		r.asked, r.accounts = true, r.Accounts()
	}
	return r.accounts
}

// found is a configuration that smtpd may be started with.
type found struct {
	path   waxseal.Path
	macros []smtpdconf.Macro
	why    string // a clause, "" for the standard one
	source waxseal.Source
	idle   string // why nothing that is in use starts it, "" if something does
	unused bool
}

// configs lists the standard configuration, and those that something else on the
// host starts smtpd with (smtpd(8) -f and -D).
func (r *reader) configs() []found {
	var list []found
	for _, p := range r.standard() {
		list = append(list, found{path: p, unused: len(list) > 0})
	}
	for _, s := range r.o.Starts {
		f, ok := startOf(s)
		if !ok || len(list) >= maxInstances {
			continue
		}
		if f.path == "" && len(list) > 0 {
			f.path = list[0].path
		}
		if i := slices.IndexFunc(list, func(have found) bool { return have.path == f.path && sameMacros(have.macros, f.macros) }); i >= 0 {
			if f.idle == "" {
				list[i].idle = ""
			}
			list[i].unused = list[i].unused && f.idle != ""
			continue
		}
		if f.path != "" {
			list = append(list, f)
		}
	}
	return list
}

const maxInstances = 16

func sameMacros(a, b []smtpdconf.Macro) bool {
	return slices.EqualFunc(a, b, func(a, b smtpdconf.Macro) bool { return a.Name == b.Name && a.Value == b.Value })
}

// standard are the standard places that exist, the one that is read first: that
// of the package where a package is known.
func (r *reader) standard() []waxseal.Path {
	order := slices.Clone(standardConfigs)
	if r.o.Package("opensmtpd").Manager == "rpm" {
		order[0], order[1] = order[1], order[0]
	}
	return slices.DeleteFunc(order, func(p waxseal.Path) bool { return !r.Exists(p) })
}

// startOf reads the options of a command that starts smtpd. A file named by a
// variable is taken for the standard one: init scripts write -f "${CONFIG}".
func startOf(s mta.Start) (found, bool) {
	if len(s.Argv) == 0 || path.Base(s.Argv[0]) != "smtpd" {
		return found{}, false
	}
	f := found{why: s.Why, source: s.Source}
	if !s.Active {
		f.idle = "nothing that is in use starts smtpd with it: " + s.Why
	}
	args := s.Argv[1:]
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if !strings.HasPrefix(word, "-") || word == "--" || word == "-" {
			break
		}
		for i := 1; i < len(word); i++ {
			if word[i] == 'n' {
				return found{}, false // it only checks
			}
			if !strings.ContainsRune("BDfTPx", rune(word[i])) {
				continue
			}
			value := word[i+1:]
			if value == "" && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			f.option(word[i], value)
			break
		}
	}
	return f, true
}

func (f *found) option(letter byte, value string) {
	switch letter {
	case 'f':
		if path.IsAbs(value) && !strings.Contains(value, "$") {
			f.path = mta.Clean(value)
		}
	case 'D':
		if i := strings.LastIndexByte(value, '='); i > 0 {
			f.macros = append(f.macros, smtpdconf.Macro{Name: value[:i], Value: value[i+1:], Pos: smtpdconf.Pos{Path: string(f.source.Path), Line: f.source.Line}})
		}
	}
}
