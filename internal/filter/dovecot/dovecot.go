// Package dovecot reads a whole Dovecot out of a tree: what it does with mail when
// it delivers it, when users read it, and what runs on the way.
//
// It puts the configuration together (package doveconf), of 2.3 and of 2.4, and
// makes hooks of what can copy, divert, drop or change mail, run a program, let
// somebody else read it or keep it out of the log: plugins, services that start
// scripts, password and user databases, master users, replication, indexes on other
// hosts, logs, and the Sieve scripts that run, the administrator's and each user's.
// What nothing reaches is inactive, with the reason.
//
// It does not judge, runs nothing, and never looks into a mailbox.
package dovecot

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which Dovecot appears in stacks and hooks.
const MTA waxseal.StackName = "dovecot"

// mainFiles are where packages and a build from source put the configuration.
var mainFiles = []waxseal.Path{"/etc/dovecot/dovecot.conf", "/usr/local/etc/dovecot/dovecot.conf"}

// Read reads the Dovecot of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	book := mta.NewBook(MTA, tree, m)
	version := o.Version("dovecot-core", "dovecot")
	for _, at := range configurations(book, o) {
		readOne(book, at, version, o)
	}
	result := book.Result()
	result.Hooks = mta.InMailOrder(result.Hooks)
	if version == "" && isGone(book) {
		for i := range result.Hooks {
			mta.Inactive(&result.Hooks[i], "Dovecot is not installed")
		}
	}
	return result
}

// isGone reports whether a host has programs and a package database, and Dovecot is
// in neither: its configuration is what a removed package left, and scripts are
// files of users.
func isGone(b *mta.Book) bool {
	names, err := b.Tree.ReadDir("/usr/sbin")
	if err != nil || len(names) == 0 || !b.Exists("/var/lib/dpkg/status") {
		return false
	}
	return !slices.ContainsFunc([]waxseal.Path{"/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/opt/dovecot/sbin/dovecot"}, b.Exists)
}

// configuration is one that a Dovecot starts with.
type configuration struct {
	main     waxseal.Path
	instance string // "" for the usual one
	// partial: the file itself is not in the tree, which may be part of a host.
	partial bool
	start   *mta.Start
}

// configurations are the usual one and those that command lines name (dovecot(1)
// -c).
func configurations(b *mta.Book, o mta.Options) []configuration {
	var list []configuration
	for _, p := range mainFiles {
		if b.Exists(p) {
			list = append(list, configuration{main: p})
			break
		}
	}
	if len(list) == 0 && (hasParts(b) || userScripts(b)) {
		list = append(list, configuration{main: mainFiles[0], partial: true})
	}
	for _, s := range o.Starts {
		at := slices.IndexFunc(s.Argv, func(w string) bool { return strings.HasPrefix(w, "-c") })
		if at < 0 || path.Base(s.Argv[0]) != "dovecot" {
			continue
		}
		name := strings.TrimPrefix(s.Argv[at], "-c")
		if name == "" && at+1 < len(s.Argv) {
			name = s.Argv[at+1]
		}
		known := func(c configuration) bool { return c.main == mta.Clean(name) }
		if path.IsAbs(name) && !slices.ContainsFunc(list, known) && len(list) < 16 {
			list = append(list, configuration{main: mta.Clean(name), instance: name, start: &s})
		}
	}
	return list
}

// hasParts reports whether the tree has files of a configuration without the main
// one.
func hasParts(b *mta.Book) bool {
	names, err := b.Tree.ReadDir("/etc/dovecot/conf.d")
	return b.Exists("/etc/dovecot/local.conf") || err == nil && slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".conf") })
}

// userScripts reports whether a user has an active Sieve script, which nothing but
// Dovecot reads under this name.
func userScripts(b *mta.Book) bool {
	return slices.ContainsFunc(b.Accounts(), func(u mta.Account) bool { return b.Exists(mta.Clean(u.Home + "/.dovecot.sieve")) })
}

// reader reads one configuration.
type reader struct {
	*mta.Book
	at      configuration
	conf    *doveconf.Config
	version string
	domains mta.Domains
	// loads are the plugins that each protocol loads.
	loads    map[string]map[string]bool
	accounts []mta.Account
	everyone []account // all whose scripts may be in the tree
	// where is the section in which each setting stands; made when it is asked for.
	where    map[*doveconf.Setting]*doveconf.Section
	part     *bool
	services map[string]service // by the socket on which each listens
}

func readOne(b *mta.Book, at configuration, version string, o mta.Options) {
	r := &reader{Book: b, at: at, version: version, domains: mta.NewDomains(o.Domains...), loads: map[string]map[string]bool{}}
	r.conf = r.configure()
	r.AddProblems(r.conf.Problems)
	r.parts()
	r.settings()
	r.findServices()
	r.plugins()
	r.rows()
	r.serviceHooks()
	r.databases()
	own := r.ownDomains()
	r.AddStack(waxseal.Stack{MTA: MTA, Version: cmp.Or(version, r.conf.Version), Instance: at.instance, Config: r.configFiles(), Logs: r.logs(), Domains: own})
	r.sieve()
}

// ownDomains are those of the virtual users: a directory or an entry of a user file
// says that mail for them is kept here.
func (r *reader) ownDomains() []string {
	home := cmp.Or(value(r.conf.View("lmtp").Get("mail_home")), "~")
	r.everyone = r.people(home)
	names := mta.NewDomains(r.conf.View("").Value("auth_default_realm"))
	for _, a := range r.everyone {
		if _, domain, ok := strings.Cut(a.name, "@"); ok {
			names.Add(domain)
		}
	}
	list := names.List()
	for _, name := range list {
		r.domains.Add(name)
	}
	return list
}

// named notes a file that a setting names: in 2.4 the values of keys and
// certificates are names of files.
func (r *reader) named(set *doveconf.Setting) {
	part, ok := file(set.Value, waxseal.RoleInclude)
	if !ok || !strings.HasSuffix(set.Key, "_file") || set.File != "" {
		return
	}
	if strings.Contains(set.Key, "key") || strings.Contains(set.Key, "password") || strings.Contains(set.Key, "dh_") {
		part.Role = waxseal.RoleSecret
	}
	r.Part(part.Path, part.Role)
}

// configure reads the configuration, or what a tree has of it: without the main
// file, the files that it includes as packages bring it.
func (r *reader) configure() *doveconf.Config {
	if !r.at.partial {
		return doveconf.Read(r.Tree, r.at.main, r.version)
	}
	return doveconf.Read(withMain{r.Tree, r.at.main}, r.at.main, r.version)
}

// withMain is a tree that has a main file which includes the others.
type withMain struct {
	waxseal.Tree
	main waxseal.Path
}

func (t withMain) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if p == t.main {
		return []byte("!include_try conf.d/*.conf\n!include_try local.conf\n"), nil
	}
	return t.Tree.ReadFile(p, limit)
}

// partial is whether the tree may lack files that say what loads a plugin.
func (r *reader) partial() bool {
	if r.part == nil {
		part := r.isPartial()
		r.part = &part
	}
	return *r.part
}

// isPartial reports whether the files that say what loads a plugin may be missing
// from the tree rather than from the host: packages bring one for each protocol, and
// no Dovecot starts with an include that finds nothing.
func (r *reader) isPartial() bool {
	if r.at.partial {
		return true
	}
	var dir string
	for _, f := range r.conf.Files {
		switch path.Base(string(f.Path)) {
		case "15-lda.conf", "20-lmtp.conf", "20-imap.conf":
			return f.Missing
		case "*.conf":
			return f.Missing
		case "90-sieve.conf", "90-sieve-extprograms.conf", "10-mail.conf", "90-plugin.conf", "90-quota.conf":
			dir = path.Dir(string(f.Path))
		}
	}
	return dir != ""
}

func (r *reader) configFiles() []waxseal.Path {
	var list []waxseal.Path
	for _, f := range r.conf.Files {
		if f.Use != doveconf.Value && !f.Missing && !slices.Contains(list, f.Path) {
			list = append(list, f.Path)
		}
	}
	return list
}

// parts are the files of the configuration, those beside it that nothing includes,
// and the programs.
func (r *reader) parts() {
	named := map[waxseal.Path]bool{}
	for _, f := range r.conf.Files {
		named[f.Path] = true
		switch {
		case f.Use == doveconf.Value:
			r.Part(f.Path, waxseal.RoleSecret)
		case f.Use == doveconf.Main && r.at.partial:
		default:
			r.Part(f.Path, waxseal.RoleConfig)
		}
	}
	for _, dir := range []string{path.Dir(string(r.at.main)), path.Dir(string(r.at.main)) + "/conf.d"} {
		r.unused(dir, named)
	}
	for _, p := range []waxseal.Path{"/usr/sbin/dovecot", "/usr/lib/dovecot/dovecot-lda", "/usr/lib/dovecot/lmtp", "/usr/libexec/dovecot/dovecot-lda", "/usr/libexec/dovecot/lmtp"} {
		if r.Exists(p) {
			r.Part(p, waxseal.RoleBinary)
		}
	}
}

func (r *reader) unused(dir string, named map[waxseal.Path]bool) {
	names, err := r.Tree.ReadDir(mta.Clean(dir))
	if err != nil {
		return
	}
	for i, name := range names {
		p := mta.Clean(dir + "/" + name)
		if f, err := r.Tree.Lstat(p); err == nil && f.Type == waxseal.Regular && !named[p] && i < 500 && !strings.HasSuffix(name, ".sieve") && !strings.HasSuffix(name, ".svbin") {
			r.Part(p, waxseal.RoleUnused)
		}
	}
}

// settings writes every setting down, so that an edit with an effect is seen.
func (r *reader) settings() {
	seen := map[string]int{}
	var walk func(s *doveconf.Section, path string)
	walk = func(s *doveconf.Section, path string) {
		for _, set := range s.Settings {
			value := mta.Clip(set.Value)
			if set.File != "" { // it may be a key: the file is a part
				value = "<" + string(set.File)
			}
			r.Setting(r.at.instance, path+set.Key, value, set.Source)
			r.named(set)
		}
		for _, sub := range s.Sections {
			name := path + strings.TrimSpace(sub.Kind+" "+sub.Name)
			if seen[name]++; seen[name] > 1 {
				name += "#" + string(rune('0'+min(seen[name], 9)))
			}
			if len(sub.Settings)+len(sub.Sections) == 0 && sub.Kind != "plugin" {
				r.Setting(r.at.instance, name, "{ }", sub.Source)
			}
			walk(sub, name+":")
		}
	}
	walk(r.conf.Root, "")
}
