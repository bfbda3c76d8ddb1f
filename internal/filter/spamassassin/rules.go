package spamassassin

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// rule is a test of the site's own, as far as it matters here.
type rule struct {
	defined saconf.Line // body, header, meta …; the last one counts
	score   saconf.Line
	points  float64
	scored  bool
	short   saconf.Line // shortcircuit
}

// manyOff is how many rules are set to nothing before it is more than tuning.
const manyOff = 40

// definitions are the settings that define a rule.
var definitions = []string{"body", "rawbody", "full", "uri", "header", "meta", "mimeheader", "uri_detail"}

// rulesThatPass finds rules of the site that fit all mail and call it none, and rules
// switched off by the dozen.
func (r *reader) rulesThatPass(lines []saconf.Line, w whose) {
	rules, names := rulesOf(lines)
	off := 0
	var lastOff saconf.Line
	for _, name := range names {
		one := rules[name]
		if one.scored && one.points == 0 && !strings.HasPrefix(name, "__") {
			off, lastOff = off+1, one.score
		}
		r.passingRule(name, one, w)
	}
	if off >= manyOff {
		r.hole(lastOff, w, partPasses, "many", strconv.Itoa(off)+" tests count for nothing for "+w.who)
	}
}

// enough is a score that no other test makes up for.
const enough = -20

func (r *reader) passingRule(name string, one rule, w whose) {
	passes := one.scored && one.points <= enough
	ham := one.short.Key != "" && (hasWord(one.short.Value, "ham") || hasWord(one.short.Value, "on") && one.points <= 0 && one.scored)
	if !passes && !ham {
		return
	}
	l := one.score
	if !passes {
		l = one.short
	}
	switch {
	case one.defined.Key != "" && fitsAnything(one.defined):
		r.hole(l, w, allPasses, name, "The rule "+name+" fits every message, and "+w.who+" passes SpamAssassin by it ("+mta.Clip(one.defined.Key+" "+one.defined.Value)+")")
	case !passes && one.defined.Key != "":
		r.hole(l, w, partPasses, name, "What the rule "+name+" fits is taken for no spam before any other test")
	case passes && !strings.Contains(name, "WELCOMELIST") && !strings.Contains(name, "WHITELIST"):
		r.hole(l, w, partPasses, name, "What the rule "+name+" fits passes SpamAssassin, whatever else is in it")
	}
}

func hasWord(s, word string) bool { return slices.Contains(words(strings.ToLower(s)), word) }

// rulesOf collects what is said of rules, with their names in order.
func rulesOf(lines []saconf.Line) (map[string]rule, []string) {
	rules := map[string]rule{}
	var names []string
	for _, l := range lines {
		isRule := slices.Contains(definitions, l.Key)
		if !isRule && l.Key != "score" && l.Key != "shortcircuit" {
			continue
		}
		name, value := firstWord(l.Value)
		one, known := rules[name]
		if !known {
			names = append(names, name)
		}
		switch {
		case isRule:
			one.defined = l
		case l.Key == "shortcircuit":
			one.short = l
		default:
			one = one.withScore(l, value)
		}
		rules[name] = one
	}
	return rules, names
}

// withScore takes a score: one for all cases or one for each of four, of which the
// highest counts here; one in parentheses is added to what a package's rules gave, which
// is not known here and taken for nothing.
func (one rule) withScore(l saconf.Line, value string) rule {
	list := words(value)
	if len(list) != 1 && len(list) != 4 {
		return one
	}
	points := 0.0
	for i, s := range list {
		bare := strings.Trim(s, "()")
		n, ok := numberOf(bare)
		if !ok || strings.HasPrefix(bare, "+") {
			return one
		}
		if bare != s {
			n += one.points
		}
		if i == 0 || n > points {
			points = n
		}
	}
	one.score, one.points, one.scored = l, points, true
	return one
}

var (
	perlMatch = regexp.MustCompile(`(?s)^(?:m\s*)?([/{!#,%|(\[<])(.*)[/}!#,%|)\]>]([a-z]*)$`)
	// usualHeader is one that every message has.
	usualHeader = regexp.MustCompile(`(?i)^(from|to|subject|date|received|message-id|all|tocc|messageid|envelopefrom|all-trusted|x-spam-relays-(un)?trusted)(:[a-z]+)*$`)
	headerTest  = regexp.MustCompile(`^([\w.-]+(?::[a-z]+)*:?)\s*([=!]~)\s*(.+)$`)
	alwaysMeta  = regexp.MustCompile(`^[\s()]*[1-9]\d*(\.\d+)?[\s()]*$|^[\s()!]*!\s*\(?\s*0\s*\)?[\s()]*$`)
)

// fitsAnything reports whether a rule fits every message.
func fitsAnything(l saconf.Line) bool {
	_, test := firstWord(l.Value)
	switch l.Key {
	case "meta":
		return alwaysMeta.MatchString(test)
	case "header":
		if h, ok := strings.CutPrefix(test, "exists:"); ok {
			return usualHeader.MatchString(strings.TrimSuffix(h, ":"))
		}
		g := headerTest.FindStringSubmatch(test)
		if g == nil {
			return false
		}
		return g[2] == "=~" && usualHeader.MatchString(strings.TrimSuffix(g[1], ":")) && matchesAll(g[3])
	case "body", "rawbody", "full", "uri":
		return !strings.HasPrefix(test, "eval:") && matchesAll(test)
	}
	return false
}

// unlike are texts that have nothing in common: what fits all of them fits anything.
var unlike = []string{"alice@example.test", "Quarterly figures, 2nd draft", "7", "<>", "ÄÖ!"}

// matchesAll reports whether an expression of Perl fits texts of all sorts.
func matchesAll(expression string) bool {
	if at := strings.Index(expression, " [if-unset:"); at > 0 {
		expression = expression[:at]
	}
	g := perlMatch.FindStringSubmatch(strings.TrimSpace(expression))
	if g == nil || len(g[2]) > 1000 {
		return false
	}
	re, err := regexp.Compile("(?s)" + g[2])
	if err != nil {
		return false // what Go has not (look-behind, recursion) nobody writes to fit all
	}
	for _, s := range unlike {
		if !re.MatchString(s) {
			return false
		}
	}
	return true
}
