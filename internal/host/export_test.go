package host

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// Bans gives the commands by which each jail that is enabled bans, by jail and action,
// with what is known put in.
func Bans(tree waxseal.Tree) map[string]string {
	r := &reader{Book: mta.NewBook(waxseal.HostStack, bounded{tree}, mask.New([]byte("key"))), states: map[waxseal.Path]waxseal.Part{}}
	f := &fail2ban{reader: r, jails: r.load(r.jailFiles()...), used: map[string]bool{}, actions: map[string]*ini{}, left: maxCommands}
	bans := map[string]string{}
	for _, jail := range f.jails.order {
		if enabled, _ := f.jails.get(jail, "enabled"); jail == "DEFAULT" || jail == "INCLUDES" || enabled != "true" {
			continue
		}
		text, _ := f.jails.get(jail, "action")
		for _, a := range parseActions(text) {
			c := r.load()
			r.loadBoth(c, clean(fail2banDirectory+"/action.d/"+a.name+".conf"), 0)
			text, _ := c.get("Definition", "actionban")
			bans[jail+" "+a.name] = f.withTags(c, a.in(jail), text)
		}
	}
	return bans
}

// Believes reports whether a PAM service lets somebody in whose password is wrong: who
// is not named by any module that asks who it is, and who is by all.
func Believes(tree waxseal.Tree, service string) (unnamed, named bool) {
	r := &reader{Book: mta.NewBook(waxseal.HostStack, bounded{tree}, mask.New([]byte("key"))), states: map[waxseal.Path]waxseal.Part{}}
	p := &pamReader{reader: r, files: map[string][]pamLine{}, used: map[waxseal.Path][]string{}}
	return p.grants(service, fails), p.grants(service, succeeds)
}

func (p *pamReader) grants(service string, depends outcome) bool {
	_, yes := p.through(service, depends)
	return yes
}

// Rotated is what logrotate does with some logs, by their names.
type Rotated struct{ Mail, Scripts string }

// Rotations are those of a configuration, and of the files that it includes.
func Rotations(tree waxseal.Tree, main waxseal.Path) map[string]Rotated {
	r := &reader{Book: mta.NewBook(waxseal.HostStack, bounded{tree}, mask.New([]byte("key"))), states: map[waxseal.Path]waxseal.Part{}}
	all := map[string]Rotated{}
	l := &logrotate{reader: r, seen: map[waxseal.Path]bool{}, each: func(_ waxseal.Path, s section) {
		var scripts []string
		for _, name := range s.order {
			scripts = append(scripts, name+": "+flat(s.scripts[name]))
		}
		slices.Sort(scripts)
		all[strings.Join(s.logs, " ")] = Rotated{s.mail, strings.Join(scripts, "\n")}
	}}
	l.file(main, 0)
	return all
}
