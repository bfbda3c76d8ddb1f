// Package sendmail reads a whole Sendmail out of a tree: what it would do with
// mail, in the order in which mail meets it, as sendmail.cf and submit.cf, the
// tables they name and the files they are built from say.
//
// It follows the "Sendmail Installation and Operation Guide" (op.me), cf/README,
// aliases(5), smrsh(8) and the source where those are silent. What Sendmail reads
// counts: the .cf, not the .mc, and the compiled map, not its source; where the
// two differ is told. An .mc is expanded as m4(1) would, with no command run.
//
// It runs nothing and asks nobody: LDAP, DNS, sockets and programs that maps name
// are listed, not asked. It digests no file and gives no judgement.
package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// MTA is the name under which Sendmail appears in stacks and hooks.
const MTA waxseal.StackName = "sendmail"

const settingsDirectory = "/etc/mail"

// maxInstances bounds how many configuration files are read.
const maxInstances = 16

// Read reads the Sendmail of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	r := &reader{Book: mta.NewBook(MTA, tree, m), options: o, tables: map[string]*table{}, seen: map[waxseal.HookID]bool{}}
	if o.Package == nil {
		r.options.Package = mta.NoPackages
	}
	if !r.present() {
		return r.Result()
	}
	r.host()
	var hooks []waxseal.Hook
	for n, f := range r.configurations() {
		if n >= maxInstances {
			r.Problem(f.source.Path, f.source.Line, "more configurations than are read")
			break
		}
		if in := r.instance(f); in != nil {
			hooks = append(hooks, in.read()...)
		}
	}
	r.smrshes()
	r.scripts()
	r.Put(mta.InMailOrder(append(hooks, r.Take()...)))
	return r.Result()
}

// present reports whether the tree has a Sendmail, or what is left of one.
func (r *reader) present() bool {
	for _, p := range []waxseal.Path{"/etc/mail/sendmail.cf", "/etc/mail/submit.cf", "/etc/mail/sendmail.mc", "/etc/mail/submit.mc", "/etc/sendmail.cf", "/etc/mail/sendmail.conf"} {
		if r.Exists(p) {
			return true
		}
	}
	return r.Exists("/etc/mail/Makefile") && r.Exists("/etc/mail/access")
}

// reader holds what all configurations of one tree share.
type reader struct {
	*mta.Book
	options  mta.Options
	given    cf.Given
	names    []string // of the host
	accounts []mta.Account
	tables   map[string]*table
	seen     map[waxseal.HookID]bool
	// shells are the prog mailers in use: smrsh is asked for by one of them.
	smrsh     bool
	instances []*instance
}

// found is a configuration file to be read.
type found struct {
	path   waxseal.Path
	source waxseal.Source
	why    string // a clause, for one that is not at its usual place
	active bool
	// built is the .mc it is made from.
	built waxseal.Path
}

// configurations are the files that Sendmail starts with: at their usual places,
// and where something on the host says -C.
func (r *reader) configurations() []found {
	list := []found{
		{path: "/etc/mail/sendmail.cf", built: "/etc/mail/sendmail.mc", active: true},
		{path: "/etc/mail/submit.cf", built: "/etc/mail/submit.mc", active: true},
	}
	if !r.Exists("/etc/mail/sendmail.cf") && !r.Exists("/etc/mail/sendmail.mc") && r.Exists("/etc/sendmail.cf") {
		list[0] = found{path: "/etc/sendmail.cf", active: true}
	}
	for _, s := range r.options.Starts {
		if p, ok := otherConfiguration(s.Argv); ok {
			list = join(list, found{path: p, source: s.Source, why: s.Why, active: s.Active})
		}
	}
	for _, s := range r.confStarts() {
		if p, ok := otherConfiguration(s.Argv); ok {
			list = join(list, found{path: p, source: s.Source, why: s.Why, active: s.Active})
		}
	}
	return list
}

func join(list []found, f found) []found {
	for _, have := range list {
		if have.path == f.path {
			return list
		}
	}
	return append(list, f)
}

// otherConfiguration finds -C in a command line of sendmail.
func otherConfiguration(argv []string) (waxseal.Path, bool) {
	if len(argv) == 0 || !strings.Contains(path.Base(argv[0]), "sendmail") {
		return "", false
	}
	for i, w := range argv[1:] {
		switch {
		case w == "-C" && i+2 < len(argv):
			w = argv[i+2]
		case strings.HasPrefix(w, "-C"):
			w = w[2:]
		default:
			continue
		}
		if path.IsAbs(w) {
			return mta.Clean(w), true
		}
	}
	return "", false
}

// host works out the macros that Sendmail sets from the name of the host:
// $j is its full name, $w the part before the first dot, $m the rest.
func (r *reader) host() {
	name := ""
	if text, err := r.Tree.ReadFile("/etc/hostname", 4096); err == nil {
		name = firstWord(string(text))
	}
	full := name
	if text, err := r.Tree.ReadFile("/etc/hosts", mta.MaxFile); err == nil && name != "" && !strings.Contains(name, ".") {
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			f := strings.Fields(line)
			for i, w := range f {
				if i > 0 && strings.EqualFold(w, name) && strings.Contains(f[1], ".") && full == name {
					full = f[1]
				}
			}
		}
	}
	r.given = cf.Given{"b": "", "v": r.options.Version("sendmail-bin", "sendmail")}
	if full == "" {
		return
	}
	short, domain, _ := strings.Cut(full, ".")
	r.given["j"], r.given["w"], r.given["m"], r.given["k"] = full, short, domain, name
	r.names = []string{full, name}
	if text, err := r.Tree.ReadFile("/etc/mailname", 4096); err == nil {
		r.names = append(r.names, firstWord(string(text)))
	}
}

func firstWord(s string) string {
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) > 0 && f[0][0] != '#' {
			return f[0]
		}
	}
	return ""
}

// users are the accounts, looked up once.
func (r *reader) users() []mta.Account {
	if r.accounts == nil {
		r.accounts = r.Accounts()
	}
	return r.accounts
}

var clip = mta.Clip

// What hooks do, in the words of waxseal.Effect.
var (
	runs    = []waxseal.Effect{waxseal.Execute}
	runsAll = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	filters = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	decides = []waxseal.Effect{waxseal.Divert, waxseal.Drop}
	diverts = []waxseal.Effect{waxseal.Divert}
	copies  = []waxseal.Effect{waxseal.Copy}
	drops   = []waxseal.Effect{waxseal.Drop}
	changes = []waxseal.Effect{waxseal.Modify}
	hides   = []waxseal.Effect{waxseal.Silence}
)
