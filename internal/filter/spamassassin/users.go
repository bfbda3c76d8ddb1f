package spamassassin

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// preferences are a file beside the site's configuration: a user's, or one that a program
// hands over.
type preferences struct {
	file   waxseal.Path
	about  whose
	runsAs string
	// code is which mail the code meets that the file loads.
	code string
	// passed: spamd(8p) reads the file, and passes over what is the administrator's.
	passed bool
}

// handedOver are preferences that a program hands to SpamAssassin with all rights:
// MIMEDefang's own (mimedefang-filter(5)), or those of a command line.
func (r *reader) handedOver() (list []preferences) {
	for _, s := range r.o.Starts {
		if path.Base(s.Argv[0]) != "spamassassin" {
			continue
		}
		if p := parseOptions(s.Argv[1:], spamassassinOptions).one("prefspath"); path.IsAbs(p) && r.Exists(mta.Clean(p)) {
			scope := "all mail that is filtered by " + s.Why
			list = append(list, preferences{file: mta.Clean(p), about: whose{scope, "mail that is filtered by " + s.Why}, code: scope})
		}
	}
	for _, p := range []waxseal.Path{"/etc/mail/spamassassin/sa-mimedefang.cf", "/etc/mail/sa-mimedefang.cf"} {
		if r.Exists(p) {
			const scope = "all mail that MIMEDefang has SpamAssassin look at"
			return append(list, preferences{file: p, about: whose{scope, scope}, code: scope})
		}
	}
	return list
}

// users finds the preferences of users (spamassassin-run(1) "CONFIGURATION FILES").
func (r *reader) users() []preferences {
	var list []preferences
	seen := map[waxseal.Path]bool{}
	for _, a := range r.Accounts() {
		if !r.Reads(a.Home) {
			continue
		}
		if a.Home == "/" || a.Home == "/nonexistent" {
			continue
		}
		p := mta.Clean(path.Join(a.Home, ".spamassassin/user_prefs"))
		if !seen[p] && r.Exists(p) {
			seen[p] = true
			list = append(list, preferences{
				file: p, about: whose{"recipient " + a.Name, "mail of " + a.Name}, runsAs: a.Name, code: "mail that spamassassin(1) filters for " + a.Name, passed: true,
			})
		}
	}
	for _, p := range r.virtual() {
		if !seen[p] {
			seen[p] = true
			name := strings.TrimPrefix(path.Dir(string(p)), r.spamd.fixed())
			list = append(list, preferences{file: p, about: whose{"recipient " + name, "mail of " + name}, code: "mail that spamassassin(1) filters for " + name, runsAs: name, passed: true})
		}
	}
	return list
}

// maxVirtual bounds how many users without accounts are looked for.
const maxVirtual = 10_000

// fixed is what in the directories of users without accounts is the same for all.
func (d daemon) fixed() string {
	before, _, _ := strings.Cut(d.one("virtual-config-dir"), "%")
	return before[:strings.LastIndexByte(before, '/')+1]
}

// virtual lists the preferences of users that have no account (spamd(8p)
// --virtual-config-dir=/var/users/%d/%l/spamassassin).
func (r *reader) virtual() []waxseal.Path {
	pattern := r.spamd.one("virtual-config-dir")
	if !path.IsAbs(pattern) || !strings.Contains(pattern, "%") {
		return nil
	}
	dirs := []string{""}
	for step := range strings.SplitSeq(strings.Trim(pattern, "/")+"/user_prefs", "/") {
		var next []string
		for _, dir := range dirs {
			if !strings.Contains(step, "%") {
				next = append(next, dir+"/"+step)
				continue
			}
			names, err := r.Tree.ReadDir(mta.Clean(dir))
			for _, n := range names[:min(len(names), maxVirtual)] {
				if err == nil && len(next) < maxVirtual {
					next = append(next, dir+"/"+n)
				}
			}
		}
		dirs = next
	}
	var files []waxseal.Path
	for _, p := range dirs {
		if f, err := r.Tree.Stat(mta.Clean(p)); err == nil && f.Type == waxseal.Regular {
			files = append(files, mta.Clean(p))
		}
	}
	return files
}

// preferences makes hooks of such a file. In a user's, spamd(8p) passes over what is the
// administrator's; spamassassin(1) and programs that run as the user take all of it.
func (r *reader) preferences(p preferences) {
	own := r.conf.Preferences(r.Tree, p.file)
	r.AddProblems(own.Problems)
	before, loads, site := r.Take(), r.loads, r.runsAs
	if p.passed {
		r.loads, r.runsAs = p.runsAs, p.runsAs
	}
	r.load(own, p)
	r.rows(own.Lines, p.about)
	r.passing(own.Lines, p.about)
	r.settings(string(p.file), own.Lines)
	r.loads, r.runsAs = loads, site
	hooks := r.Take()
	for i := range hooks {
		if p.passed {
			r.limit(&hooks[i])
		}
	}
	r.Put(append(before, hooks...))
	for _, f := range own.Files {
		r.Part(f.Path, pick(r.secret[f.Path], waxseal.RoleSecret, pick(p.passed, waxseal.RoleInclude, waxseal.RoleConfig)))
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// limit puts to rest what a user's preferences may not say.
func (r *reader) limit(h *waxseal.Hook) {
	if h.Modifiers["lets_pass"] == allPasses { // of one user
		mta.Modify(h, "lets_pass", partPasses)
	}
	switch {
	case h.Kind == waxseal.KindPlugin: // spamassassin(1) loads it
	case r.spamd.has("nouser-config"):
		mta.Inactive(h, "spamd is started with -x and reads no preferences of users")
	case saconf.IsAdmins(h.Directive):
		mta.Modify(h, "read_by", passedOver)
	case saconf.IsRule(h.Directive) && !r.rules:
		mta.Modify(h, "read_by", passedOver+" without allow_user_rules")
	}
}
