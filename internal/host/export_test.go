package host

import (
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
