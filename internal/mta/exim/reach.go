package exim

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// reach says by what an ACL is reached.
type reach struct {
	option string // "acl_smtp_rcpt", or that of the ACL that calls it
	stage  waxseal.Stage
}

// aclOptions are the options that name ACLs, with the stage at which they are
// asked (spec 44.2).
var aclOptions = []struct {
	name  string
	stage waxseal.Stage
}{
	{"acl_smtp_connect", waxseal.StageConnect}, {"acl_smtp_helo", waxseal.StageSession}, {"acl_smtp_starttls", waxseal.StageSession}, {"acl_smtp_auth", waxseal.StageSession}, {"acl_smtp_mailauth", waxseal.StageSession},
	{"acl_smtp_mail", waxseal.StageSession}, {"acl_smtp_rcpt", waxseal.StageSession}, {"acl_smtp_vrfy", waxseal.StageSession}, {"acl_smtp_expn", waxseal.StageSession}, {"acl_smtp_etrn", waxseal.StageSession}, {"acl_smtp_atrn", waxseal.StageSession},
	{"acl_smtp_predata", waxseal.StageData}, {"acl_smtp_dkim", waxseal.StageData}, {"acl_smtp_mime", waxseal.StageData}, {"acl_smtp_data", waxseal.StageData}, {"acl_smtp_data_prdr", waxseal.StageData}, {"acl_smtp_wellknown", waxseal.StageSession},
	{"acl_smtp_notquit", waxseal.StageData}, {"acl_smtp_quit", waxseal.StageData}, {"acl_not_smtp_start", waxseal.StageSession}, {"acl_not_smtp_mime", waxseal.StageData}, {"acl_not_smtp", waxseal.StageData},
}

// usage says by what a transport is used.
type usage struct {
	scope string
	user  string
	why   string // why none of the routers that name it get mail
}

// reach finds out which ACLs are asked.
func (in *instance) reach() {
	for _, o := range aclOptions {
		if option, ok := in.conf.Get(o.name); ok {
			in.reachACL(option.Value, reach{o.name, o.stage}, 0)
		}
	}
	in.calledFromStrings()
}

// reachACL follows the name of an ACL, or each name in a string that is expanded
// to one.
func (in *instance) reachACL(value string, by reach, depth int) {
	name, _, _ := strings.Cut(value, " ")
	acl, ok := in.acl(name)
	if !ok && strings.Contains(value, "$") {
		for _, word := range wordsIn(value) {
			if _, ok := in.acl(word); ok {
				in.reachACL(word, by, depth+1)
			}
		}
		return
	}
	if _, seen := in.reached[name]; !ok || seen || depth > 100 {
		return
	}
	in.reached[name] = by
	for _, st := range acl.Statements {
		for _, item := range st.Items {
			if item.Name == "acl" {
				in.reachACL(item.Value, by, depth+1)
			}
			in.callsIn(item.Value, by, depth)
		}
	}
}

func (in *instance) acl(name string) (eximconf.ACL, bool) {
	i, ok := in.named.acls[name]
	if !ok {
		return eximconf.ACL{}, false
	}
	return in.conf.ACLs[i], true
}

// callsIn follows ${acl…} in a string.
func (in *instance) callsIn(text string, by reach, depth int) {
	if !strings.Contains(text, "acl") || !strings.Contains(text, "$") {
		return
	}
	e, _ := expand.Parse(text)
	e.Walk(func(p expand.Part) {
		if (p.Name == "acl" || p.Name == "if acl") && p.Kind == expand.Item && len(p.Args) > 0 {
			in.reachACL(p.Args[0].String(), by, depth+1)
		}
	})
}

// calledFromStrings follows ${acl…} in the options of routers and transports.
func (in *instance) calledFromStrings() {
	for _, o := range in.conf.Main {
		in.callsIn(o.Value, reach{o.Name, waxseal.StageSession}, 0)
	}
	for _, d := range slices.Concat(in.conf.Routers, in.conf.Transports, in.conf.Authenticators) {
		stage := map[string]waxseal.Stage{"router": waxseal.StageRoute, "transport": waxseal.StageDeliver, "authenticator": waxseal.StageSession}[d.Class]
		for _, o := range d.Options {
			in.callsIn(o.Value, reach{d.Class + " " + d.Name, stage}, 0)
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// checks reports whether some ACL that is asked has a condition: "spam", "malware".
func (in *instance) checks(name string) bool {
	for _, a := range in.conf.ACLs {
		if _, ok := in.reached[a.Name]; !ok {
			continue
		}
		for _, st := range a.Statements {
			if slices.ContainsFunc(st.Items, func(i eximconf.Item) bool { return i.Name == name }) {
				return true
			}
		}
	}
	return false
}
