package dovecot

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// script is a Sieve script that Dovecot would run, and for whose mail.
type script struct {
	path waxseal.Path // as the setting names it; it may be a link
	// when is before, after, personal, default, discard or imapsieve; also included.
	when      string
	directive string
	// scope is whose mail it sees: "all mail that is delivered", "recipient alice".
	scope string
	user  account // of a personal script
	// name is the place in the configuration, for the identity of its hooks.
	name     string
	source   waxseal.Source
	inactive string
}

// place is where a script is kept: "file:~/sieve;active=~/.dovecot.sieve".
type place struct {
	path, active string
	// elsewhere is the store where it is no file: "ldap", "dict".
	elsewhere string
}

// parsePlace reads the location of a script (doc.dovecot.org, "Sieve script
// locations").
func parsePlace(value string) place {
	parts := strings.Split(value, ";")
	kind, rest, ok := strings.Cut(parts[0], ":")
	p := place{path: parts[0]}
	switch {
	case ok && (kind == "ldap" || kind == "dict"):
		return place{elsewhere: kind, path: value}
	case ok && kind == "file":
		p.path = rest
	}
	for _, option := range parts[1:] {
		if v, ok := strings.CutPrefix(option, "active="); ok {
			p.active = v
		}
	}
	return p
}

// sieve finds all scripts that run, in their order, and makes hooks of what each
// does.
func (r *reader) sieve() {
	i := &interpreter{reader: r, run: map[string]bool{}}
	i.prepare()
	for _, s := range r.globalScripts("before") {
		i.global(s)
	}
	r.personal(i)
	for _, s := range r.globalScripts("after") {
		i.global(s)
	}
	for _, s := range r.imapScripts() {
		i.global(s)
	}
	i.programs()
}

// noSieve says why no delivery runs Sieve at all, "" where one does or where the
// tree can't tell.
func (r *reader) noSieve() string { return r.unplugged("sieve", delivering...) }

// globalScripts are those that the administrator has run before or after each
// user's own, and in their stead.
func (r *reader) globalScripts(when string) []script {
	if r.conf.Grammar == doveconf.Grammar24 {
		return r.namedScripts(when)
	}
	var list []script
	seen := map[*doveconf.Setting]bool{}
	for _, v := range r.deliveryViews() {
		for _, set := range inSequence(v, "sieve_"+when) {
			if seen[set] {
				continue
			}
			seen[set] = true
			s := script{when: when, directive: "sieve_" + when, source: set.Source, name: set.Key, inactive: r.noSieve()}
			s.scope = r.scope(r.sectionOf(set), "delivered")
			list = append(list, r.files(s, parsePlace(set.Value))...)
		}
		if when != "before" {
			continue
		}
		for _, key := range []string{"sieve_default", "sieve_global_path", "sieve_discard"} {
			set := v.Plugin(key)
			if set == nil || set.Value == "" || seen[set] {
				continue
			}
			seen[set] = true
			s := script{when: strings.TrimPrefix(key, "sieve_"), directive: strings.Replace(key, "global_path", "default", 1), source: set.Source, name: key, inactive: r.noSieve(), scope: "all mail of users without a script of their own"}
			if key == "sieve_discard" {
				s.scope = "all mail that Sieve discards"
			}
			list = append(list, r.files(s, parsePlace(set.Value))...)
		}
	}
	return list
}

// deliveryViews are what the protocols that deliver see.
func (r *reader) deliveryViews() []doveconf.View {
	var list []doveconf.View
	for _, p := range delivering {
		list = append(list, r.conf.Views(p)...)
	}
	return list
}

// inSequence are key, key2, key3 …: reading stops at the first that is missing.
func inSequence(v doveconf.View, key string) []*doveconf.Setting {
	var list []*doveconf.Setting
	for n := 1; n < 100; n++ {
		name := key
		if n > 1 {
			name += itoa(n)
		}
		set := v.Plugin(name)
		if (set == nil || set.Value == "") && n == 1 {
			continue // both "sieve_before" and "sieve_before1" may be the first
		}
		if set == nil || set.Value == "" {
			if first := v.Plugin(key + "1"); n == 2 && first != nil {
				list = append(list, first)
			}
			break
		}
		list = append(list, set)
	}
	return list
}

// namedScripts are those of 2.4: sieve_script NAME { type = before … }.
func (r *reader) namedScripts(when string) []script {
	var list []script
	for _, s := range r.conf.All("sieve_script") {
		sort := cmp.Or(s.Value("sieve_script_type"), "personal")
		if inMailbox(s) || sort != when && (when != "before" || sort != "default" && sort != "discard" && sort != "global") {
			continue
		}
		made := script{when: sort, directive: "sieve_" + sort, source: s.Source, name: s.Path(), inactive: r.noSieve(), scope: r.scope(s, "delivered")}
		switch sort {
		case "default":
			made.scope = "all mail of users without a script of their own"
		case "discard":
			made.scope = "all mail that Sieve discards"
		case "global":
			continue // only where a script includes it
		}
		list = append(list, r.files(made, placeOf(s))...)
	}
	return list
}

// inMailbox reports whether a script of 2.4 is one of IMAPSieve.
func inMailbox(s *doveconf.Section) bool {
	for ; s != nil; s = s.Parent {
		if s.Kind == "mailbox" || s.Kind == "imapsieve_from" {
			return true
		}
	}
	return false
}

func placeOf(s *doveconf.Section) place {
	p := place{path: s.Value("sieve_script_path"), active: s.Value("sieve_script_active_path")}
	if driver := s.Value("sieve_script_driver"); driver != "" && driver != "file" {
		p.elsewhere, p.path = driver, driver+" "+s.Name
	}
	return p
}

// files lists the scripts of a place: a file, or all of a directory by name.
func (r *reader) files(s script, p place) []script {
	if p.elsewhere != "" {
		r.elsewhere(s, p)
		return nil
	}
	if !path.IsAbs(p.path) || strings.Contains(p.path, "%") {
		r.ofEachUser(s, p)
		return nil
	}
	s.path = mta.Clean(p.path)
	f, err := r.Tree.Stat(s.path)
	if err != nil || f.Type != waxseal.Directory {
		return []script{s}
	}
	names, err := r.Tree.ReadDir(s.path)
	if err != nil {
		r.Unreadable(s.path, "a directory of Sieve scripts", err.Error())
	}
	var list []script
	for _, name := range names {
		if strings.HasSuffix(name, ".sieve") && len(list) < 200 {
			one := s
			one.path, one.name = mta.Clean(string(s.path)+"/"+name), s.name+":"+name
			list = append(list, one)
		}
	}
	return list
}

// elsewhere notes scripts that are no files: what they do is not known.
func (r *reader) elsewhere(s script, p place) {
	h := r.scriptHook(s)
	h.External, h.Target.Value = true, p.path
	h.Explain = "A Sieve script from " + p.elsewhere + ", which is not seen from here, sees " + s.scope + " (" + s.directive + ")."
	r.Emit(h)
}

// ofEachUser notes scripts whose place differs from user to user.
func (r *reader) ofEachUser(s script, p place) {
	h := r.scriptHook(s)
	h.Target.Value = p.path
	h.Explain = "A Sieve script that each user has at " + mta.Clip(p.path) + " sees " + s.scope + " (" + s.directive + ")."
	r.Emit(h)
}

// scriptHook is the hook of a script as such.
func (r *reader) scriptHook(s script) waxseal.Hook {
	h := waxseal.Hook{
		ID: r.id(r.conf.Root, s.name), Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Directive: s.directive, Scope: s.scope, Active: true, Source: s.source,
		Effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}, Target: waxseal.Target{Type: waxseal.TargetTable, Value: string(s.path)},
	}
	if s.inactive != "" {
		mta.Inactive(&h, s.inactive)
	}
	return h
}

// imapScripts are those that IMAPSieve runs when a user moves, appends or flags
// mail (doc.dovecot.org, "IMAPSieve").
func (r *reader) imapScripts() []script {
	why := r.noIMAPSieve()
	if r.conf.Grammar == doveconf.Grammar24 {
		return r.mailboxScripts(why)
	}
	var list []script
	v := r.conf.View("imap")
	for n := 1; n < 1000; n++ {
		key := "imapsieve_mailbox" + itoa(n) + "_"
		name := v.Plugin(key + "name")
		if name == nil {
			break
		}
		for _, when := range []string{"before", "after"} {
			set := v.Plugin(key + when)
			if set == nil || set.Value == "" {
				continue
			}
			s := script{when: "imapsieve", directive: "imapsieve", source: set.Source, name: set.Key, inactive: why}
			s.scope = imapScope(value(v.Plugin(key+"causes")), name.Value, value(v.Plugin(key+"from")))
			list = append(list, r.files(s, parsePlace(set.Value))...)
		}
	}
	return list
}

func value(set *doveconf.Setting) string {
	if set == nil {
		return ""
	}
	return set.Value
}

func imapScope(causes, into, from string) string {
	verb := cmp.Or(strings.ToLower(strings.Join(strings.Fields(causes), ", ")), "append, copy or flag")
	out := "mail that users put into " + into + " by IMAP (" + verb + ")"
	if from != "" && from != "*" {
		out += " from " + from
	}
	return out
}

// mailboxScripts are the scripts of 2.4 in mailbox X { } and imapsieve_from X { }.
func (r *reader) mailboxScripts(why string) []script {
	var list []script
	for _, s := range r.conf.All("sieve_script") {
		if !inMailbox(s) {
			continue
		}
		into, from := "any mailbox", ""
		for up := s.Parent; up != nil; up = up.Parent {
			switch up.Kind {
			case "mailbox":
				into = up.Name
			case "imapsieve_from":
				from = up.Name
			}
		}
		made := script{when: "imapsieve", directive: "imapsieve", source: s.Source, name: s.Path(), inactive: why, scope: imapScope(s.Value("sieve_script_cause"), into, from)}
		list = append(list, r.files(made, placeOf(s))...)
	}
	return list
}

// noIMAPSieve says why IMAPSieve is not run.
func (r *reader) noIMAPSieve() string {
	if why := r.unplugged("imap_sieve", "imap"); why != "" || r.partial() {
		return why
	}
	words := r.conf.View("imap").Words("sieve_plugins")
	if !slices.ContainsFunc(words, func(w doveconf.Word) bool { return w.Text == "sieve_imapsieve" }) {
		return "sieve_plugins does not name sieve_imapsieve"
	}
	return ""
}
