package spamassassin

import (
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// How much of a mail stream a setting takes past the filter (Modifiers["lets_pass"]).
const (
	allPasses  = "all"
	partPasses = "some"
)

// passing finds what lets mail pass, or calls all of it spam, whatever is in it. A
// narrow exception is how the filter is meant to be used, and only a setting.
func (r *reader) passing(lines []saconf.Line, w whose) {
	e := effectiveOf(lines)
	r.threshold(e, w)
	r.switches(e, w)
	for _, l := range left(lines) {
		switch {
		case lists[l.Key] != 0:
			r.welcomed(l, w)
		case networks[l.Key]:
			r.trusted(l, w)
		case l.Key == "dns_query_restriction":
			r.noQuestions(l, w)
		}
	}
	r.rulesThatPass(lines, w)
	r.marks(lines, w)
}

// left are the lines of lists without those that a later one takes back: clear_…
// empties a list, and un… removes entries.
func left(lines []saconf.Line) []saconf.Line {
	gone := map[string]map[string]bool{}
	kept := slices.Clone(lines)
	for i, l := range slices.Backward(kept) {
		if list, ok := strings.CutPrefix(l.Key, "clear_"); ok {
			gone[strings.TrimSuffix(list, "s")+"s"] = map[string]bool{"": true}
		}
		if list, ok := strings.CutPrefix(l.Key, "un"); ok && lists[list] != 0 {
			for _, entry := range words(strings.ToLower(l.Value)) {
				for _, key := range []string{list, "def_" + list} {
					if gone[key] == nil {
						gone[key] = map[string]bool{}
					}
					gone[key][entry] = true
				}
			}
		}
		if refused(l) {
			kept[i].Value = ""
		} else if taken := gone[l.Key]; taken != nil {
			kept[i].Value = ""
			if !taken[""] {
				kept[i].Value = strings.Join(slices.DeleteFunc(words(l.Value), func(w string) bool { return taken[strings.ToLower(w)] }), " ")
			}
		}
	}
	return kept
}

// hole emits a hook for mail that is not looked at any more.
func (r *reader) hole(l saconf.Line, w whose, much, place, explain string) {
	h := r.begin(l, w, place)
	h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: l.Value}
	h.Modifiers = map[string]string{"lets_pass": much}
	h.Explain = explain + " (" + in(l) + ")."
	r.Emit(h)
}

var numeric = regexp.MustCompile(`^[+-]?\d+(?:\.\d*)?$`)

func numberOf(s string) (float64, bool) {
	if !numeric.MatchString(s) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

const (
	// highScore is more than providers with many users set (Conf(3) names 8 to 10).
	highScore = 15
	// outOfReach is a score that hardly any message gets.
	outOfReach = 40
)

// threshold weighs the score from which on mail is called spam.
func (r *reader) threshold(e effective, w whose) {
	l, ok := e["required_score"]
	if !ok {
		return
	}
	n, valid := numberOf(l.Value)
	switch {
	case !valid:
	case n >= outOfReach:
		r.hole(l, w, allPasses, "", "SpamAssassin calls nothing spam for "+w.who+": "+l.Value+" points are asked for, which no message gets")
	case n >= highScore:
		r.hole(l, w, partPasses, "", "SpamAssassin calls hardly anything spam for "+w.who+": "+l.Value+" points are asked for instead of 5")
	case n <= 0:
		h := r.begin(l, w, "")
		h.Kind, h.Effects, h.Target = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, waxseal.Target{Type: waxseal.TargetText, Value: l.Value}
		h.Modifiers = map[string]string{"lets_pass": allPasses}
		h.Explain = "SpamAssassin calls " + w.who + " spam, since " + l.Value + " points are enough (" + in(l) + ")."
		r.Emit(h)
	}
}

// off are settings that switch a part of the tests off, with the value that does, and
// what then is not asked. Each is an administrator's choice, and less than before.
var off = map[string]struct{ value, what string }{
	"skip_rbl_checks":   {"1", "the lists of senders in the DNS"},
	"skip_uribl_checks": {"1", "the lists of addresses of web pages in the DNS"},
	"dns_available":     {"no", "the DNS, and so no list, SPF or DKIM"},
	"use_bayes":         {"0", "what was learned from mail"},
	"use_bayes_rules":   {"0", "what was learned from mail"},
	"use_learner":       {"0", "what was learned from mail"},
	"use_razor2":        {"0", "Razor"},
	"use_pyzor":         {"0", "Pyzor"},
	"use_dcc":           {"0", "DCC"},
}

func (r *reader) switches(e effective, w whose) {
	for _, key := range slices.Sorted(maps.Keys(off)) {
		o := off[key]
		l, ok := e[key]
		if !ok {
			continue
		}
		value := strings.ToLower(l.Value)
		switch value {
		case "no":
			value = "0"
		case "yes":
			value = "1"
		}
		if value == o.value || key == "dns_available" && value == "0" {
			r.hole(l, w, partPasses, "", "SpamAssassin does not ask "+o.what+" for "+w.who)
		}
	}
}

// lists are those of addresses whose mail passes, by how many words an entry has.
var lists = map[string]int{
	"welcomelist_from": 1, "welcomelist_from_rcvd": 2, "def_welcomelist_from_rcvd": 2, "welcomelist_auth": 1, "def_welcomelist_auth": 1, "welcomelist_from_spf": 1,
	"def_welcomelist_from_spf": 1, "welcomelist_from_dkim": 2, "def_welcomelist_from_dkim": 2, "welcomelist_to": 1, "more_spam_to": 1, "all_spam_to": 1, "welcomelist_allows_relays": 1,
	"welcomelist_subject": 9,
}

// welcomed weighs the entries of such a list: a pattern that fits every address takes
// everything past the filter.
func (r *reader) welcomed(l saconf.Line, w whose) {
	entries := words(l.Value)
	switch lists[l.Key] {
	case 2:
		entries = entries[:min(len(entries), 1)]
	case 9:
		entries = []string{l.Value}
	}
	for _, entry := range entries {
		much := ""
		switch {
		case fitsAll(entry):
			much = allPasses
		case wide(entry):
			much = partPasses
		case strings.HasSuffix(l.Key, "_to") && r.wholeOwn(entry):
			much = partPasses
		}
		if much == "" {
			continue
		}
		one := l
		one.Value = entry
		whom := "from"
		if strings.HasSuffix(l.Key, "_to") {
			whom = "to"
		}
		subject := capital(w.who) + " " + whom + " " + mta.Clip(entry)
		if much == allPasses {
			subject = capital(w.who)
		}
		r.hole(one, w, much, entry, subject+" passes SpamAssassin, whatever is in it")
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// fitsAll reports whether a pattern has nothing in it that an address could lack: "*",
// "*@*", "*.*".
func fitsAll(pattern string) bool {
	return strings.Trim(pattern, "*?@.") == "" && strings.ContainsAny(pattern, "*?")
}

var (
	// topLevel is a pattern for a whole top-level domain: "*.com", "*@*.example".
	topLevel = regexp.MustCompile(`^[*?]*@?[*?]*\.?[*?]*[A-Za-z]{0,3}[*?]*$|^[*?@]*\*\.[A-Za-z]+$`)
	// provider is all mail of a provider with which anybody can have an address.
	provider = regexp.MustCompile(`(?i)^[*?]+@[*?]*\.?(gmail|googlemail|hotmail|outlook|live|yahoo|gmx|aol|mail|proton|protonmail|icloud|web)\.[a-z.]+$`)
)

// wide reports whether a pattern fits mail of many who have nothing to do with one
// another.
func wide(pattern string) bool {
	return strings.ContainsAny(pattern, "*?") && (topLevel.MatchString(pattern) || provider.MatchString(pattern))
}

// wholeOwn reports whether a pattern is for everybody in an own domain.
func (r *reader) wholeOwn(pattern string) bool {
	local, domain, ok := strings.Cut(pattern, "@")
	return ok && strings.Trim(local, "*?") == "" && local != "" && domain != "" && r.domains.Own(strings.TrimLeft(domain, "*."))
}

var networks = map[string]bool{"trusted_networks": true, "internal_networks": true, "msa_networks": true}

// trusted weighs networks whose hosts are believed: what they hand over is asked of no
// list.
func (r *reader) trusted(l saconf.Line, w whose) {
	for _, net := range words(l.Value) {
		bits, ok := bitsOf(net)
		if !ok || strings.HasPrefix(net, "!") {
			continue
		}
		one := l
		one.Value = net
		switch {
		case bits <= 1:
			r.hole(one, w, allPasses, net, "SpamAssassin believes every host of the Internet, so that "+w.who+" is asked of no list")
		case bits < 8:
			r.hole(one, w, partPasses, net, "SpamAssassin believes a large part of the Internet: "+net)
		}
	}
}

// bitsOf is the length of a network's prefix; "10." and "10.1" stand for networks too
// (Mail::SpamAssassin::NetSet).
func bitsOf(net string) (int, bool) {
	address, length, slash := strings.Cut(strings.Trim(net, "[]"), "/")
	if slash {
		if mask, err := netip.ParseAddr(length); err == nil && mask.Is4() {
			bits := 0
			for _, b := range mask.As4() {
				for ; b&0x80 != 0; b <<= 1 {
					bits++
				}
			}
			return bits, true
		}
		n, err := strconv.Atoi(length)
		return n, err == nil && n >= 0
	}
	if parts := strings.Split(strings.TrimSuffix(address, "."), "."); len(parts) < 4 && !strings.Contains(address, ":") {
		return 8 * len(parts), true
	}
	return 32, true
}

// noQuestions weighs which names are not asked for in the DNS.
func (r *reader) noQuestions(l saconf.Line, w whose) {
	f := words(strings.ToLower(l.Value))
	if len(f) > 1 && f[0] == "deny" {
		r.hole(l, w, partPasses, strings.Join(f[1:], " "), "SpamAssassin does not ask the DNS for "+mta.Clip(strings.Join(f[1:], ", ")))
	}
}

// ownRules weighs whether SpamAssassin still has rules: where sa-update(1) keeps a
// directory for this version, those of the package are not read.
func (r *reader) ownRules() {
	dir := r.conf.System
	if !strings.HasPrefix(string(dir), "/var/lib/spamassassin/") {
		return
	}
	any := false
	for _, f := range r.conf.Files {
		if name := string(f.Path); strings.HasPrefix(name, string(dir)+"/") && strings.HasSuffix(name, ".cf") {
			if path.Base(name) == "updates_spamassassin_org.cf" {
				return
			}
			any = true
		}
	}
	l := saconf.Line{Key: "rules", Value: string(dir), Source: waxseal.Source{Path: dir}}
	r.hole(l, all, pick(any, partPasses, allPasses), "", "SpamAssassin reads its rules from "+string(dir)+", which lacks those of its own channel, and passes over those of its package")
}

// marks weighs whether mail that is called spam still gets a header that says so: what
// files or drops it goes by that.
func (r *reader) marks(lines []saconf.Line, w whose) {
	marks := map[string]bool{"flag": true, "level": true, "status": true} // 10_default_prefs.cf
	var last saconf.Line
	for _, l := range lines {
		f := words(strings.ToLower(l.Value))
		switch {
		case l.Key == "clear_headers" && l.Value == "":
			clear(marks)
			last = l
		case l.Key == "remove_header" && len(f) == 2 && f[0] != "ham":
			if marks[f[1]] {
				last = l
			}
			delete(marks, f[1])
		case l.Key == "add_header" && len(f) > 2 && f[0] != "ham":
			marks[f[1]] = true
		case l.Key == "rewrite_header" && len(f) > 1:
			marks["rewritten "+f[0]] = true
		}
	}
	if len(marks) == 0 {
		r.hole(last, w, partPasses, "", "SpamAssassin adds no header to "+w.who+" that says that it is spam, and no rule that goes by one fits any more")
	}
}
