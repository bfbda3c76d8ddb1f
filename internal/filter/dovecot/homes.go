package dovecot

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// account is someone whose scripts may run.
type account struct {
	name, home string
	// uid is who may write there by right; waxseal.Unset where it is not known.
	uid uint32
}

// variable is one of Dovecot's, long or short, with modifiers: %u, %Ln, %1n, %{user},
// %{user | username | lower} (doc.dovecot.org, "Variables").
var variable = regexp.MustCompile(`%\{([^}]*)\}|%([0-9.]*)([A-Z]*)([a-z%])`)

// meaning is what a variable stands for: user, username, domain, home, or "" for
// anything else.
func meaning(g []string) string {
	if g[1] != "" {
		words := strings.FieldsFunc(g[1], func(r rune) bool { return r == '|' || r == ' ' })
		if len(words) == 0 {
			return ""
		}
		name := words[0]
		if len(words) > 1 && (words[1] == "username" || words[1] == "domain") {
			name = words[1]
		}
		return map[string]string{"user": "user", "username": "username", "domain": "domain", "home": "home"}[name]
	}
	if g[2] != "" {
		return "" // a part of it
	}
	return map[string]string{"u": "user", "n": "username", "d": "domain", "h": "home"}[g[4]]
}

// expand puts what is known of an account into a path; ok is false where a part
// of it is not known.
func (a account) expand(pattern string) (waxseal.Path, bool) {
	if rest, ok := strings.CutPrefix(pattern, "~"); ok {
		if rest != "" && rest[0] != '/' {
			return "", false
		}
		pattern = a.home + rest
	}
	if !strings.Contains(pattern, "%") {
		return mta.Clean(pattern), path.IsAbs(pattern)
	}
	username, domain, _ := strings.Cut(a.name, "@")
	values := map[string]string{"user": a.name, "username": username, "domain": domain, "home": a.home}
	known := true
	text := variable.ReplaceAllStringFunc(pattern, func(v string) string {
		g := variable.FindStringSubmatch(v)
		if g[4] == "%" {
			return "%"
		}
		value := values[meaning(g)]
		known = known && value != ""
		return value
	})
	return mta.Clean(text), known && path.IsAbs(text)
}

// people are all accounts whose scripts may be in the tree: those of passwd(5),
// those of user files, and those whose directories a setting's pattern leads to.
// None is looked at more closely than by its name.
func (r *reader) people(home string) []account {
	var list []account
	users := r.Accounts()
	seen := make(map[string]bool, len(users))
	add := func(a account) {
		if !seen[a.name] && len(list) < mta.MaxAccounts {
			seen[a.name] = true
			list = append(list, a)
		}
	}
	moved := strings.Contains(home, "%") && r.local(home)
	for _, u := range users {
		a := account{name: u.Name, home: u.Home, uid: u.UID}
		if !u.Listed {
			a.uid = waxseal.Unset
		}
		if moved {
			if p, ok := a.expand(home); ok {
				a.home = string(p)
			}
		}
		add(a)
	}
	for _, u := range r.accounts {
		add(account{u.Name, u.Home, waxseal.Unset})
	}
	for _, pattern := range r.homePatterns(home) {
		for _, a := range r.matching(pattern) {
			add(a)
		}
	}
	return list
}

// local reports whether a pattern of homes is one that users of passwd(5) have:
// it has no domain.
func (r *reader) local(home string) bool {
	for _, g := range variable.FindAllStringSubmatch(home, -1) {
		if meaning(g) == "domain" {
			return false
		}
	}
	return true
}

// homePatterns are where the homes of virtual users lie: mail_home, home= of a
// database, and, with neither, the directory of the mail itself.
func (r *reader) homePatterns(home string) []string {
	var list []string
	if strings.Contains(home, "%") {
		list = append(list, home)
	}
	for _, s := range r.conf.All("userdb") {
		values := unquoted(s.Value("args") + " " + s.Value("override_fields") + " " + s.Value("default_fields"))
		for _, f := range s.Sections {
			if set := f.Get("home"); set != nil && strings.HasSuffix(f.Kind, "fields") {
				values = append(values, "home="+set.Value)
			}
		}
		for _, w := range values {
			if p, ok := strings.CutPrefix(strings.TrimPrefix(w, "userdb_"), "home="); ok && strings.Contains(p, "%") {
				list = append(list, p)
			}
		}
	}
	return list
}

// matching lists the accounts whose directories a pattern such as
// /var/vmail/%d/%n leads to.
func (r *reader) matching(pattern string) []account {
	if !path.IsAbs(pattern) || meaningHome(pattern) {
		return nil
	}
	found := []candidate{{dir: "/"}}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []candidate
		for _, c := range found {
			next = append(next, r.step(c, part)...)
			if len(next) > mta.MaxAccounts {
				r.Problem(r.at.main, 0, "more homes than those whose scripts are looked for: "+mta.Clip(pattern))
				next = next[:mta.MaxAccounts]
				break
			}
		}
		found = next
	}
	var list []account
	for _, c := range found {
		if name := c.name(); name != "" {
			list = append(list, account{name, c.dir, waxseal.Unset})
		}
	}
	return list
}

func meaningHome(pattern string) bool {
	for _, g := range variable.FindAllStringSubmatch(pattern, -1) {
		if meaning(g) == "home" {
			return true
		}
	}
	return false
}

// candidate is a directory on the way to a home, and what its names tell.
type candidate struct{ dir, user, username, domain string }

func (c candidate) name() string {
	switch {
	case c.user != "":
		return c.user
	case c.domain != "" && c.username != "":
		return c.username + "@" + c.domain
	}
	return c.username
}

// step follows one part of a pattern.
func (r *reader) step(c candidate, part string) []candidate {
	groups := variable.FindAllStringSubmatch(part, -1)
	base := strings.TrimSuffix(c.dir, "/") + "/"
	if len(groups) == 0 {
		c.dir = base + part
		return []candidate{c}
	}
	matcher, ok := partMatcher(part)
	names, err := r.Tree.ReadDir(mta.Clean(c.dir))
	if err != nil || !ok {
		return nil
	}
	var out []candidate
	for _, name := range names {
		m := matcher.FindStringSubmatch(name)
		if m == nil || strings.HasPrefix(name, ".") || name == "lost+found" {
			continue
		}
		next := c
		next.dir = base + name
		for i, g := range groups {
			switch meaning(g) {
			case "user":
				next.user = m[i+1]
			case "username":
				next.username = m[i+1]
			case "domain":
				next.domain = m[i+1]
			}
		}
		out = append(out, next)
	}
	return out
}

// partMatcher makes an expression of one part of a pattern.
func partMatcher(part string) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString("^")
	end := 0
	for _, at := range variable.FindAllStringIndex(part, 16) {
		b.WriteString(regexp.QuoteMeta(part[end:at[0]]) + "(.+)")
		end = at[1]
	}
	b.WriteString(regexp.QuoteMeta(part[end:]) + "$")
	m, err := regexp.Compile(b.String())
	return m, err == nil
}
