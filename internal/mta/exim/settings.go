package exim

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta/exim/eximconf"
)

// settings writes down every effective setting. One that says what would count
// anyway is left out, so that it may come and go without a change.
func (in *instance) settings() {
	for _, o := range in.conf.Main {
		if !eximconf.IsDefault("main", "", o) {
			in.set(o.Name, eximconf.Show(o), o.Place)
		}
	}
	for _, l := range in.conf.Lists {
		in.set(l.Kind+" "+l.Name, spaced(l.Value), l.Place)
	}
	for _, list := range [][]eximconf.Driver{in.conf.Routers, in.conf.Transports, in.conf.Authenticators} {
		in.drivers(list)
	}
	for n, l := range in.conf.Retries {
		in.set("retry:"+strconv.Itoa(n+1), strings.Join(strings.Fields(l.Text), " "), l.Place)
	}
	for _, o := range in.conf.LocalScan {
		in.set("local_scan:"+o.Name, o.Value, o.Place)
	}
}

func (in *instance) drivers(list []eximconf.Driver) {
	var names []string
	for _, d := range list {
		names = append(names, d.Name)
		for _, o := range d.Options {
			if o.Name != "debug_print" && !eximconf.IsDefault(d.Class, d.Kind(), o) {
				in.set(d.Class+" "+d.Name+":"+o.Name, eximconf.Show(o), o.Place)
			}
		}
	}
	if len(list) > 0 && list[0].Class == "router" { // the order of the others means nothing
		in.set("routers", strings.Join(names, ", "), eximconf.Place{Path: in.conf.Path})
	}
}

// spaced writes a list so that white space around its items does not count.
func spaced(list string) string {
	if strings.ContainsAny(list, "${<") {
		return list
	}
	return strings.Join(eximconf.Split(list), " : ")
}

// authenticators finds what their strings run and ask.
func (in *instance) authenticators() {
	for _, d := range in.conf.Authenticators {
		for _, o := range d.Options {
			in.scan(spot{
				place: "authenticator:" + d.Name + ":" + o.Name, at: o.Place, stage: waxseal.StageSession, runsAs: in.user,
				where: "authenticator " + d.Name + ", " + o.Name, scope: "users who log in to send mail",
			}, o.Value)
		}
		in.authSocket(d)
	}
}
