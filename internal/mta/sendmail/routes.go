package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// Route is where the rules send mail for an address: "$#mailer $@ host $: user".
type Route struct {
	Mailer, Host, User string
	// Blind are the maps that only a network or a program could answer.
	Blind []string
}

// routeOf sends an address through rulesets 3 and 0, as "3,0 address" does in
// sendmail -bt.
func (in *instance) routeOf(address string) (Route, error) {
	e := cf.Engine{Config: in.Config, Given: in.given, Lookup: in.lookup, Macros: map[string]string{}}
	tokens, err := e.Rewrite(address, "3", "0")
	if err != nil || len(tokens) < 2 || tokens[0] != "\x00#" {
		return Route{Blind: e.Blind()}, err
	}
	return Route{Mailer: tokens[1], Host: joined(between(tokens[2:], "\x00@")), User: joined(between(tokens[2:], "\x00:")), Blind: e.Blind()}, nil
}

// lookup answers for maps that lie in files.
func (in *instance) lookup(m cf.Map, key string) (string, cf.Answer) {
	if _, ok := fileClasses[m.Class]; !ok || !path.IsAbs(m.File) {
		return "", cf.Unknown
	}
	t := in.entries(m)
	if t.missing {
		return "", cf.Missing
	}
	if t.index == nil {
		t.index = make(map[string]string, len(t.kept))
		for _, e := range t.kept {
			if k := strings.ToLower(e.key); e.unused == "" {
				t.index[k] = e.value
			}
		}
	}
	if v, ok := t.index[key]; ok {
		return v, cf.Found
	}
	return "", cf.Missing
}

// probes are addresses that stand for all of their sort: no table has them.
var probes = []struct{ address, scope, says string }{
	{"waxseal-probe@waxseal-probe.invalid", "all mail that leaves", "All mail that leaves this host"},
	{"waxseal-probe", "all mail for users of this host", "All mail for users of this host"},
}

// routes asks the rules where mail goes, so that no way of writing them is missed:
// a hop that neither the address nor a macro of a known name tells is a hook.
func (in *instance) routes() {
	for _, p := range probes {
		r, err := in.routeOf(p.address)
		if err != nil {
			in.Problem(in.path, 0, "where "+p.scope[4:]+" goes can not be told: "+err.Error())
			continue
		}
		_, domain, _ := strings.Cut(p.address, "@")
		host := strings.Trim(r.Host, ".")
		if r.Mailer == "" || strings.EqualFold(r.Mailer, "error") || host == "" || strings.EqualFold(host, domain) || in.macroHost(host) {
			continue
		}
		in.note("route of "+p.scope, r.Mailer+" "+host, 0)
		if in.literalHost(host) {
			continue // a rule names it, and has a hook of its own
		}
		h := in.hook(waxseal.KindRelay, waxseal.StageRoute, "R rule", "route:"+p.scope, 0)
		h.Effects, h.Scope = diverts, p.scope
		m, _ := in.Mailer(r.Mailer)
		h.Target = hostTarget(host, portOf(m))
		mta.Modify(&h, "mailer", r.Mailer)
		h.Explain = p.says + " is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + ", as the rules have it (R)."
		in.Emit(h)
	}
}

// literalHost reports whether a rule that mail gets to names a host itself.
func (in *instance) literalHost(host string) bool {
	for _, s := range in.Rulesets {
		for _, r := range s.Rules {
			result := r.Result
			for len(result) > 0 && result[0] != "\x00#" {
				result = result[1:]
			}
			if len(result) > 2 && strings.EqualFold(literal(between(result[2:], "\x00@")), host) {
				return true
			}
		}
	}
	return false
}

// stranger is a client that nothing in the configuration knows.
var stranger = map[string]string{
	"client_addr": "203.0.113.254", "client_name": "[203.0.113.254]", "client_resolve": "FAIL", "client_ptr": "", "client_flags": "", "daemon_flags": "", "auth_type": "",
	"auth_authen": "", "deliveryMode": "b", "verify": "NONE", "f": "<waxseal-probe@waxseal-probe.invalid>", "s": "waxseal-probe.invalid", "r": "ESMTP", "addr_type": "e r", "nrcpts": "1",
}

// openRelay asks the rules whether a stranger may send to somebody elsewhere
// (check_rcpt, cf/README "ALLOWING RELAYING").
func (in *instance) openRelay() {
	s := in.Ruleset("check_rcpt")
	if s == nil || len(s.Rules) == 0 {
		return
	}
	macros := make(map[string]string, len(stranger))
	for name, value := range stranger {
		macros[name] = value
	}
	e := cf.Engine{Config: in.Config, Given: in.given, Lookup: in.lookup, Macros: macros}
	tokens, err := e.Rewrite("<waxseal-probe@waxseal-probe.invalid>", "check_rcpt")
	if err != nil {
		in.Problem(in.path, s.Line, "who may send mail through this host can not be told: "+err.Error())
		return
	}
	if len(tokens) > 1 && tokens[0] == "\x00#" {
		switch strings.ToLower(tokens[1]) {
		case "error", "discard", "temp":
			return
		}
	}
	h := in.hook(waxseal.KindPolicy, waxseal.StageSession, "check_rcpt", "check_rcpt", s.Line)
	h.Effects = decides
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "every client may send mail anywhere"}
	h.Explain = "Every client may send mail anywhere through this host: the ruleset check_rcpt refuses no recipient elsewhere (open relay)."
	in.Emit(h)
}
