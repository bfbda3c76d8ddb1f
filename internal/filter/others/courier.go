package others

import (
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mta"
)

const courierDir = "/etc/courier"

// courier looks in /etc/courier. That directory alone may be of its IMAP server,
// which delivers nothing.
func courier(x *other) {
	here := x.Exists(courierDir + "/courierd")
	d := delivery{manual: "dot-courier(5)", addressSignal: "!&", inactive: "no Courier is set up here"}
	if here || x.alone {
		d.inactive = ""
	}
	if here {
		x.directory(courierDir, 2, secretive)
		x.own = mta.NewDomains()
		for _, name := range []string{"me", "locals", "hosteddomains", "defaultdomain"} {
			if text, err := x.Tree.ReadFile(waxseal.Path(courierDir+"/"+name), maxFile); err == nil {
				for word := range strings.FieldsSeq(string(text)) {
					x.own.Add(word)
					x.domains.Add(word)
				}
			}
		}
		x.courierFilters()
		x.courierDelivery(d)
		x.courierAliases(d)
	}
	x.homes(".courier", here, d)
}

// courierFilters are programs that courierfilter(8) starts: links that filterctl
// makes. They see all mail.
func (x *other) courierFilters() {
	const dir = courierDir + "/filters/active"
	for n, name := range x.names(dir) {
		p := mta.Clean(dir + "/" + name)
		f, err := x.Tree.Stat(p)
		if err != nil {
			x.Problem(p, 0, "a filter of Courier that leads nowhere")
			continue
		}
		program := f.Resolved
		if program == "" {
			program = p
		}
		h := x.hook(p, 0, "filters/active", name)
		h.Stage, h.Scope, h.RunsAs = waxseal.StageData, "all mail", "root"
		if n < 1000 {
			x.command(h, waxseal.KindContentFilter, string(program), "All mail goes by the filter "+mta.Clip(string(program))+" (filterctl(8)).")
		}
	}
}

var defaultDelivery = regexp.MustCompile(`(?m)^DEFAULTDELIVERY=(?:"([^"\n]*)"|'([^'\n]*)'|(\S*))`)

// courierDelivery is what Courier does for users without a .courier file
// (courier(8) DEFAULTDELIVERY); of several lines the shell takes the last.
func (x *other) courierDelivery(d delivery) {
	const p = waxseal.Path(courierDir + "/courierd")
	text, ok := x.ReadUpTo(p, "the configuration of Courier", maxFile)
	if !ok {
		return
	}
	all := defaultDelivery.FindAllStringSubmatchIndex(text, 100)
	if len(all) == 0 {
		return
	}
	g := all[len(all)-1]
	value := ""
	for i := 2; i < len(g); i += 2 {
		if g[i] >= 0 {
			value = text[g[i]:g[i+1]]
		}
	}
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	h := x.hook(p, 1+strings.Count(text[:g[0]], "\n"), "DEFAULTDELIVERY", "1")
	h.Scope, h.RunsAs = "all mail for users without a .courier file", "recipient"
	d.path, d.whose, d.runsAs, d.home, d.manual = p, "Mail for users without a .courier file", "recipient", "~", "DEFAULTDELIVERY"
	x.instruction(h, d, value, false)
}

// courierAliases reads /etc/courier/aliases and aliasdir (makealiases(8)).
func (x *other) courierAliases(d delivery) {
	for _, name := range x.names(courierDir + "/aliases") {
		p := mta.Clean(courierDir + "/aliases/" + name)
		text, ok := x.ReadUpTo(p, "aliases of Courier", maxFile)
		if !ok {
			continue
		}
		entries, _ := aliases.Parse(text) // makealiases takes some lines that aliases(5) does not
		for _, e := range entries {
			for n, to := range e.Destinations {
				h := x.hook(p, e.Line, "aliases", e.Key+":"+strconv.Itoa(n+1))
				h.Scope = "recipient " + mta.Clip(e.Key)
				one := d
				one.path, one.whose, one.manual = p, "Mail for "+mta.Clip(e.Key), "makealiases(8)"
				line := to.Text
				if to.Kind == aliases.Command {
					line = "|" + line
				}
				if line != "" {
					x.instruction(h, one, line, len(e.Destinations) > 1)
				}
			}
		}
	}
	const dir = courierDir + "/aliasdir"
	for _, name := range x.names(dir) {
		if key, ok := strings.CutPrefix(name, ".courier-"); ok {
			one := d
			one.path, one.home, one.whose, one.scope = mta.Clean(dir+"/"+name), dir, "Mail for "+mta.Clip(key), "recipient "+mta.Clip(key)
			x.deliveries(one)
		}
	}
}
