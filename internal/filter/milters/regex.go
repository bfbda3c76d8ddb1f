package milters

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// regex reads milter-regex.conf (milter-regex(8)). Debian has no package of it: what
// is here is held against its grammar, and against no program.
func regex(f *filter) {
	text, ok := f.text(f.main, never)
	if !ok {
		return
	}
	f.user = "_milter-regex"
	for _, s := range f.starts {
		f.user = cmp.Or(s.options["u"], f.user)
	}
	f.listens("unix:/var/spool/milter-regex/sock")
	rules, refusal := milterconf.ParseRegex(text)
	if refusal != nil {
		f.Unreadable(f.main, "the configuration of "+f.title, "line "+strconv.Itoa(refusal.Source.Line)+": "+refusal.Reason+"; milter-regex lets all mail pass with it")
	}
	count := map[string]int{}
	for i, r := range rules {
		count[r.Action]++
		e := milterconf.Entry{Name: r.Action, Value: strings.Join(r.Expressions, "\n"), Source: waxseal.Source{Path: f.main, Line: r.Line}}
		f.Setting(f.name(), "regex "+r.Action+" "+strconv.Itoa(count[r.Action]), strings.TrimSpace(r.Message+" "+e.Value), e.Source)
		f.rule(r, e, i+1 < len(rules))
	}
}

func never(string) bool { return false }

// rule is what one rule does; followed says that others stand below.
func (f *filter) rule(r milterconf.Rule, e milterconf.Entry, followed bool) {
	switch r.Action {
	case "discard", "quarantine":
		held := ""
		if r.Action == "quarantine" {
			held = cmp.Or(r.Message, "quarantine")
		}
		for _, expression := range r.Expressions {
			h := f.hook(e)
			h.Scope = expression
			mta.Modify(&h, "condition", condition(expression))
			f.discard(h, expression, "Mail that matches "+mta.Clip(expression), held)
		}
	case "accept":
		h := f.hook(e)
		if r.All && followed {
			f.passes(h, "all", e.Value, "All mail passes: the rule picks each message, and what stands below it is not asked")
		} else if !r.All {
			h.Scope = strings.Join(r.Expressions, " or ")
			f.passes(h, "some", e.Value, "Mail that matches "+mta.Clip(h.Scope)+" passes, whatever stands below the rule")
		}
	case "ipv4file", "ipv6file":
		f.Part(mta.Clean(r.Message), waxseal.RoleFilterConfig)
	}
}

// headerTerm is an expression that is a single term about a header field.
var headerTerm = regexp.MustCompile(`^header (\S)\^?([A-Za-z0-9-]+)\$?\S[ei]* (\S)(.*)\S[ei]*$`)

// condition is an expression in the words of other rules, where it is as simple:
// header matches "X-Spam-Flag: YES".
func condition(expression string) string {
	g := headerTerm.FindStringSubmatch(expression)
	if g == nil || strings.Contains(g[4], g[3]) || strings.Contains(g[4], `"`) {
		return expression
	}
	return `header matches "` + g[2] + ": " + strings.TrimPrefix(g[4], "^") + `"`
}
