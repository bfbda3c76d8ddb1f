package spamassassin

import (
	"regexp"
	"slices"
	"strings"

	"waxseal/internal/filter/spamassassin/saconf"
)

// effective are the lines that count of settings of which the last one does.
type effective map[string]saconf.Line

func effectiveOf(lines []saconf.Line) effective {
	e := effective{}
	for _, l := range lines {
		if l.Value != "" && !refused(l) {
			e[l.Key] = l
		}
	}
	return e
}

var (
	boolean      = regexp.MustCompile(`(?i)^(?:0|1|yes|no)$`)
	dnsAvailable = regexp.MustCompile(`^(?:0|1|yes|no|test(?::\s*\S.*)?)$`)
)

// refused reports whether SpamAssassin passes a line over for its value: what was set
// before stays.
func refused(l saconf.Line) bool {
	_, isSwitch := off[l.Key]
	switch {
	case l.Key == "required_score", l.Key == "use_razor2":
		return !numeric.MatchString(l.Value)
	case l.Key == "dns_available":
		return !dnsAvailable.MatchString(l.Value)
	case isSwitch:
		return !boolean.MatchString(l.Value)
	case strings.HasPrefix(l.Key, "unwelcomelist_"):
		return false
	case strings.HasSuffix(l.Key, "welcomelist_from_rcvd"):
		return len(words(l.Value)) != 2
	}
	return false
}

// perName are settings of which there is one for each name: the first word.
var perName = strings.Fields(`score describe tflags priority subjprefix rewrite_header shortcircuit body rawbody full uri header meta mimeheader uri_detail replace_tag replace_inter replace_pre
	replace_post askdns uridnsbl uridnssub urirhsbl urirhssub urinsrhsbl urinsrhssub urifullnsrhsbl urifullnsrhssub reuse adsp_override trigger_target extracttext_external hashbl_email_domain_alias uri_block_cidr`)

// manyValued are settings to which each line adds; "clear_…" empties them.
var manyValued = regexp.MustCompile(`^(un)?(def_)?(welcomelist|blocklist)_|^(more|all)_spam_to$|networks$|^(en|de)list_|_skip_domain$|^dns_(server|query_restriction|block_rule|options)$|^(add|remove)_header$|^clear_|` +
	`^(report|unsafe_report|redirector_pattern|bayes_ignore_\w+|originating_ip_headers|report_safe_copy_headers|replace_rules|test|freemail_\w+|util_rb_\w+|url_shortener\w*|extracttext_use|geodb_\w+|enable_compat|bayes_token_sources)$`)

// ordered are those among them whose order counts.
var ordered = regexp.MustCompile(`^(add_header|remove_header|clear_\w+|report|unsafe_report|un\w+)$`)

// settings writes down what the site's lines set, each where it counts: so that an edit
// with an effect is seen, and one without is none.
func (r *reader) settings(instance string, lines []saconf.Line) {
	values := map[string][]string{}
	first := map[string]saconf.Line{}
	var names []string
	for _, l := range lines {
		if l.Stock {
			continue
		}
		if strings.HasSuffix(l.Key, "_password") && l.Value != "" {
			r.secret[l.Source.Path] = true
		}
		name, value, adds := settingOf(l)
		if _, known := first[name]; !known {
			names = append(names, name)
		}
		if !adds {
			values[name] = nil
		}
		values[name] = append(values[name], value)
		first[name] = l
	}
	for _, name := range names {
		list := values[name]
		if !ordered.MatchString(name) {
			slices.Sort(list)
		}
		r.Setting(instance, name, strings.Join(list, " "), first[name].Source)
	}
}

// settingOf says under which name a line counts, and whether it adds to others.
func settingOf(l saconf.Line) (name, value string, adds bool) {
	switch {
	case slices.Contains(perName, l.Key):
		which, rest := firstWord(l.Value)
		kind := l.Key
		if slices.Contains(definitions, l.Key) {
			kind, rest = "test", l.Key+" "+rest
		}
		return which + ":" + kind, strings.Join(strings.Fields(rest), " "), false
	case l.Key == "add_header" || l.Key == "remove_header" || l.Key == "clear_headers":
		return "add_header", strings.TrimSpace(l.Key + " " + l.Value), true
	case manyValued.MatchString(l.Key):
		return l.Key, l.Value, true
	}
	return l.Key, l.Value, false
}

// firstWord cuts a value behind its first word.
func firstWord(s string) (word, rest string) {
	at := strings.IndexAny(s, " \t\v\f\r")
	if at < 0 {
		return s, ""
	}
	return s[:at], strings.TrimSpace(s[at:])
}
