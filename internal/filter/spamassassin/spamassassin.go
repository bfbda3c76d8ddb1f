// Package spamassassin reads what SpamAssassin does with mail: the code that it loads,
// the programs and servers that it asks, the addresses that it reports to, and by what
// it lets mail pass unseen. Beside it stand those who hand mail to it, spamass-milter
// and sa-exim.
//
// Its configuration is that of Mail::SpamAssassin::Conf(3), read by package saconf;
// how it is started is told by spamd(8p), spamassassin-run(1), spamc(1) and
// /etc/default. Rules that packages and sa-update(1) bring are looked through for what
// makes a hook, and are no hooks themselves.
//
// It runs no Perl: what a plug-in does is told by calls in its text.
package spamassassin

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the programs appear in stacks and hooks.
const (
	MTA    waxseal.StackName = "spamassassin"
	Milter waxseal.StackName = "spamass-milter"
	SAExim waxseal.StackName = "sa-exim"
)

// scope of what every message meets that is given to SpamAssassin.
const everything = "all mail that SpamAssassin sees"

// Read reads all three.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	found := readMain(tree, m, o)
	found.Join(readMilter(tree, m, o))
	found.Join(readSAExim(tree, m, o))
	return found
}

// reader is the reading of SpamAssassin itself.
type reader struct {
	*mta.Book
	o       mta.Options
	domains mta.Domains
	spamd   daemon
	conf    *saconf.Config
	plugins map[string]bool // that are loaded
	config  []waxseal.Path
	secret  map[waxseal.Path]bool // files that hold a password
	loads   string                // who code is loaded as, and
	runsAs  string                // who looks at mail
	code    map[waxseal.Path]bool // whose calls are told
	// whole: the tree has SpamAssassin's own code, and what it lacks is missing on the
	// host.
	whole bool
	// rules: users may have tests of their own (allow_user_rules).
	rules bool
}

func readMain(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(MTA, tree, m)
	r := &reader{Book: b, o: o, domains: ownDomains(b, o), plugins: map[string]bool{}, secret: map[waxseal.Path]bool{}, code: map[waxseal.Path]bool{}}
	r.spamd = r.findDaemon()
	r.conf = saconf.Read(tree, saconf.Options{
		Version: saconf.Version(o.Version("spamassassin", "spamd")), Site: r.spamd.one("siteconfigpath"), System: r.spamd.one("configpath"),
		Before: r.spamd.lines("pre"), After: r.spamd.lines("cf"), Keep: kept,
	})
	users := r.users()
	if !r.isThere(users) {
		return mta.Result{}
	}
	r.loads, r.runsAs = r.account(), r.spamd.one("username")
	r.whole, r.rules = r.conf.Whole(), effectiveOf(r.conf.Lines)["allow_user_rules"].Value == "1"
	r.AddProblems(r.conf.Problems)
	r.load(r.conf, preferences{code: everything})
	r.rows(r.conf.Lines, all)
	r.passing(r.conf.Lines, all)
	r.ownRules()
	r.settings("", r.conf.Lines)
	r.daemonHooks()
	for _, f := range r.handedOver() {
		r.preferences(f)
	}
	for _, u := range users {
		r.preferences(u)
	}
	r.client()
	r.updates()
	r.parts()
	r.AddStack(waxseal.Stack{MTA: MTA, Version: o.Version("spamassassin", "spamd"), Config: r.config})
	result := r.Result()
	result.Services = []mta.Service{r.service()}
	return result
}

// whose says whose mail settings are about.
type whose struct {
	scope string
	who   string // a clause: "all mail", "mail of alice"
}

var all = whose{everything, "all mail"}

// isThere reports whether the tree has anything of SpamAssassin.
func (r *reader) isThere(users []preferences) bool {
	return len(r.conf.Files) > 0 && (r.conf.Site != "" || r.conf.System != "") || len(users) > 0 || r.spamd.known || r.Exists(spamcFile) || len(r.hookNames()) > 0
}

// hookNames are the scripts that run when there are new rules.
func (r *reader) hookNames() []string {
	if r.conf.Site == "" {
		return nil
	}
	names, err := r.Tree.ReadDir(r.conf.Site + "/sa-update-hooks.d")
	if err != nil {
		return nil
	}
	return names[:min(len(names), maxBeside)]
}

// service is SpamAssassin as others meet it.
func (r *reader) service() mta.Service {
	s := mta.Service{
		Stack: MTA, Title: "SpamAssassin", Sockets: r.spamd.sockets(), Programs: []string{"spamc", "spamassassin", "sa-learn", "spamd"}, User: r.spamd.one("username"), Source: r.spamd.source,
	}
	for _, p := range []waxseal.Path{"/usr/sbin/spamd", "/usr/bin/spamd"} {
		if s.Daemon == "" && r.Exists(p) {
			s.Daemon = p
		}
	}
	if s.Source.Path == "" && len(r.config) > 0 {
		s.Source.Path = r.config[0]
	}
	return s
}

// account is who the code runs as, "" where nothing tells: spamd(8p) loads all of it as
// root before it becomes the user whose mail it looks at.
func (r *reader) account() string {
	if user := r.spamd.one("username"); user != "" {
		return user
	}
	if r.spamd.known {
		return "root"
	}
	return ""
}

// parts are the files of the configuration and those beside it.
func (r *reader) parts() {
	named := map[waxseal.Path]bool{}
	for _, f := range r.conf.Files {
		named[f.Path] = true
		switch {
		case f.Digest != "": // changes with each update: what counts is told
			r.Part(f.Path, waxseal.RoleInclude)
			r.Setting("", "rules:"+path.Base(string(f.Path)), f.Digest, waxseal.Source{Path: f.Path})
		case f.Stock:
		case r.secret[f.Path]:
			r.config = append(r.config, f.Path)
			r.Part(f.Path, waxseal.RoleSecret)
		default:
			r.config = append(r.config, f.Path)
			r.Part(f.Path, waxseal.RoleConfig)
		}
	}
	for _, dir := range []string{"", "/sa-update-hooks.d", "/channel.d", "/certs", "/sa-update-keys"} {
		if r.conf.Site != "" {
			r.beside(string(r.conf.Site)+dir, named)
		}
	}
	for _, p := range []waxseal.Path{"/usr/sbin/spamd", "/usr/bin/spamc", "/usr/bin/spamassassin", "/usr/bin/sa-learn"} {
		if r.Exists(p) {
			r.Part(p, waxseal.RoleBinary)
		}
	}
}

// maxBeside bounds the files of one directory that are noted.
const maxBeside = 2_000

// beside notes files of a directory that nothing reads.
func (r *reader) beside(dir string, named map[waxseal.Path]bool) {
	names, err := r.Tree.ReadDir(mta.Clean(dir))
	if err != nil {
		return
	}
	for _, n := range names[:min(len(names), maxBeside)] {
		p := mta.Clean(dir + "/" + n)
		if f, err := r.Tree.Stat(p); err != nil || f.Type != waxseal.Regular || named[p] {
			continue
		}
		r.config = append(r.config, p)
		switch {
		case strings.Contains(n, "key") || strings.HasSuffix(n, ".gpg") || strings.HasSuffix(n, ".pem"):
			r.Part(p, waxseal.RoleSecret)
		case p == spamcFile:
			r.Part(p, waxseal.RoleConfig)
		default:
			r.Part(p, waxseal.RoleUnused)
		}
	}
}

// ownDomains are those of the host's mail systems, and the host's own name.
func ownDomains(b *mta.Book, o mta.Options) mta.Domains {
	d := mta.NewDomains(o.Domains...)
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
		if content, err := b.Tree.ReadFile(p, 4096); err == nil {
			name, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
			if strings.Contains(name, ".") && !strings.HasPrefix(name, "localhost") {
				d.Add(name)
			}
		}
	}
	return d
}

// id names a hook by its place.
func id(stack waxseal.StackName, p waxseal.Path, words ...string) waxseal.HookID {
	return waxseal.HookID(string(stack) + ":" + string(p) + ":" + strings.Join(words, ":"))
}

// begin begins a hook for a line.
func (r *reader) begin(l saconf.Line, w whose, place string) waxseal.Hook {
	h := waxseal.Hook{
		ID: id(MTA, l.Source.Path, l.Key, place), Stage: waxseal.StageData, Scope: w.scope, RunsAs: r.runsAs, Active: true, Source: l.Source, Directive: l.Key,
	}
	if place == "" {
		h.ID = id(MTA, l.Source.Path, l.Key)
	}
	return h
}

// in says where a setting stands.
func in(l saconf.Line) string { return l.Key + " in " + string(l.Source.Path) }

func words(s string) []string { return strings.Fields(s) }
