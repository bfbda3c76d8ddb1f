package dovecot

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

func itoa(n int) string { return strconv.Itoa(n) }

// usualPlace is where each user's script is if nothing says (doc.dovecot.org,
// "sieve"): scripts that ManageSieve stores in ~/sieve, and a link to the active one.
const usualPlace = "file:~/sieve;active=~/.dovecot.sieve"

// personalPlace is where users have their scripts.
func (r *reader) personalPlace() (place, *doveconf.Setting) {
	v := r.conf.View("lmtp")
	if r.conf.Grammar == doveconf.Grammar24 {
		for _, s := range r.conf.All("sieve_script") {
			if cmp.Or(s.Value("sieve_script_type"), "personal") == "personal" && !inMailbox(s) {
				p := placeOf(s)
				p.path = cmp.Or(p.path, "~/sieve")
				p.active = cmp.Or(p.active, "~/.dovecot.sieve")
				return p, s.Get("sieve_script_path")
			}
		}
		return parsePlace(usualPlace), nil
	}
	set := v.Plugin("sieve")
	p := parsePlace(usualPlace)
	if set != nil && set.Value != "" {
		p = parsePlace(set.Value)
	}
	if dir := v.Plugin("sieve_dir"); dir != nil && p.active == "" && p.elsewhere == "" {
		p = place{path: dir.Value, active: p.path}
	}
	return p, set
}

// personal reads the active script of each user who has one.
func (r *reader) personal(i *interpreter) {
	p, set := r.personalPlace()
	if p.elsewhere != "" {
		s := script{when: "personal", directive: "sieve", name: "sieve", scope: "all mail that is delivered", inactive: r.noSieve()}
		if set != nil {
			s.source = set.Source
		}
		r.elsewhere(s, p)
		return
	}
	i.store = p.path
	for _, a := range r.everyone {
		r.Lives(a.name, a.home)
		if !r.Reads(a.home) {
			continue
		}
		if found, ok := r.active(p, a); ok {
			i.personal(script{path: found, when: "personal", directive: "sieve", scope: "recipient " + a.name, user: a, name: string(found), inactive: r.noSieve()})
		}
		if r.Full() {
			return
		}
	}
	if !strings.HasPrefix(p.active+p.path, "~") && strings.Contains(p.active+p.path, "%") {
		r.byPath(i, p)
	}
}

// active finds a user's active script: the link, or the one file that is named.
func (r *reader) active(p place, a account) (waxseal.Path, bool) {
	for _, pattern := range []string{p.active, p.path} {
		found, ok := a.expand(pattern)
		if !ok || pattern == "" {
			continue
		}
		f, err := r.Tree.Lstat(found)
		if err != nil && mta.IsMissing(err) || f.Type == waxseal.Directory {
			if p.active == "" && f.Type == waxseal.Directory {
				continue
			}
			if pattern == p.active {
				return "", false
			}
			continue
		}
		return found, true
	}
	return "", false
}

// byPath finds scripts where the setting itself says whose they are, and no home
// does: /var/lib/sieve/%d/%n/active.sieve.
func (r *reader) byPath(i *interpreter, p place) {
	pattern := cmp.Or(p.active, p.path)
	seen := map[string]bool{}
	for _, a := range r.matching(path.Dir(pattern)) {
		a.home = ""
		found, ok := a.expand(pattern)
		if ok && r.Reads(string(found)) && !seen[a.name] && r.Exists(found) && !i.run["recipient "+a.name+string(found)] {
			seen[a.name] = true
			i.personal(script{path: found, when: "personal", directive: "sieve", scope: "recipient " + a.name, user: a, name: string(found), inactive: r.noSieve()})
		}
	}
	for _, c := range r.matching(pattern) {
		if found := mta.Clean(c.home); r.Reads(c.home) && !seen[c.name] && !i.run["recipient "+c.name+string(found)] {
			c.home = ""
			i.personal(script{path: found, when: "personal", directive: "sieve", scope: "recipient " + c.name, user: c, name: string(found), inactive: r.noSieve()})
		}
	}
}
