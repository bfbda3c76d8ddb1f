package exim

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// manualRoute makes a hook of each host of route_list and route_data (spec
// chapter 20).
func (x *router) manualRoute() {
	if o, ok := x.Get("route_list"); ok {
		for n, rule := range ruleList(o.Value) {
			pattern, rest := cutWord(rule)
			hosts, _ := cutWord(rest)
			scope := x.scope
			if word := fixed(pattern); word != "" {
				scope = "recipient @" + word
			}
			x.hostsFor("route_list:"+strconv.Itoa(n+1), o.Place, hosts, whoseMail(scope), scope)
		}
	}
	if o, ok := x.Get("route_data"); ok {
		x.routeData(o)
	}
}

// ruleList splits route_list at semicolons, or at another separator that it names.
func ruleList(s string) []string {
	s = strings.TrimLeft(s, " \t")
	separator := byte(';')
	if len(s) > 1 && s[0] == '<' {
		separator, s = s[1], s[2:]
	}
	return eximconf.SplitAt(s, separator)
}

// cutWord takes a word off a string, which may be quoted.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end], s[end+2:]
		}
	}
	word, rest, _ = strings.Cut(s, " ")
	return word, rest
}

// routeData reads the hosts of route_data: a string, or the entries of the tables
// that it asks.
func (x *router) routeData(o eximconf.Option) {
	e, _ := expand.Parse(o.Value)
	if text, o2 := x.work(e); o2 == expand.Known {
		hosts, _ := cutWord(text)
		x.hostsFor("route_data", o.Place, hosts, whoseMail(x.scope), x.scope)
		return
	}
	x.eachEntry(e, func(t lookedUp, row entry) {
		hosts, _ := cutWord(row.Value)
		scope := "recipient @" + mta.Clip(row.Key)
		if strings.Contains(row.Key, "@") {
			scope = "recipient " + mta.Clip(row.Key)
		} else if row.Key == "*" {
			scope = x.scope
		}
		x.hostsFor("route_data:"+clipKey(row.Key), eximconf.Place{Path: t.path, Line: row.Line}, hosts, whoseMail(scope), scope)
	})
}

func (x *router) hosts(place string, at eximconf.Place, hosts, whose string) {
	x.hostsFor(place, at, hosts, whose, x.scope)
}

func (x *router) hostsFor(place string, at eximconf.Place, hosts, whose, scope string) {
	for n, host := range hostList(hosts) {
		if strings.ContainsAny(host, "$") || host == "" {
			continue
		}
		h := x.hook(":" + place + ":host:" + strconv.Itoa(n+1))
		h.Source = waxseal.Source{Path: at.Path, Line: at.Line}
		h.Directive, h.Scope = x.Kind(), scope
		x.nextHop(&h, host)
		if x.unseen {
			h.Kind, h.Effects, h.Directive = waxseal.KindCopy, copies, "unseen"
			h.Explain = whose + " is delivered and copied to the host " + host + mta.Where(h.Target) + " (" + x.where + ")."
			x.emit(h)
			continue
		}
		h.Explain = whose + " is sent to " + host + mta.Where(h.Target) + " (" + x.where + ")."
		x.emit(h)
	}
}

// hostList splits a list of hosts. "+" alone stands between groups, and a colon
// that is doubled before a port.
func hostList(list string) []string {
	var hosts []string
	for _, item := range eximconf.Split(list) {
		if item = strings.TrimSuffix(strings.TrimSpace(item), "/MX"); item != "+" && item != "" {
			hosts = append(hosts, item)
		}
	}
	return hosts
}

// nextHop makes a hook one of mail that is sent on to a host: "relay.example:587",
// "203.0.113.9:25", "[2001:db8::1]:25".
func (in *instance) nextHop(h *waxseal.Hook, host string) {
	h.Kind, h.Effects = waxseal.KindTransport, routes
	if h.Scope == "all mail" || h.Scope == "all mail that leaves" {
		h.Kind = waxseal.KindRelay
	}
	name, port := mta.SplitHostPort(host)
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(name)}
	if isAddress(name) {
		h.Target.Value = "[" + name + "]"
		if port != "" {
			h.Target.Value += ":" + port
		}
	}
}
