package mailpath

import (
	"fmt"
	"slices"

	"waxseal"
)

// strangers makes a hook of each library that a program of the mail system loads
// and that nothing vouches for. Where a hook's own program loads it, it stands in
// that hook's closure; most daemons are no hook, and a library of theirs sees
// mail all the same.
func (c *closer) strangers(programs []waxseal.Part) []waxseal.Hook {
	users := map[waxseal.Path][]waxseal.Path{}
	var order []waxseal.Part
	for _, p := range programs {
		if !isProgram(p.Role) {
			continue
		}
		for _, l := range c.libraries(p.Path) {
			if l.Missing { // from a tree that is a part of a host: nothing loads it
				continue
			}
			if len(users[l.Path]) == 0 {
				order = append(order, l)
			}
			if !slices.Contains(users[l.Path], p.Path) {
				users[l.Path] = append(users[l.Path], p.Path)
			}
		}
	}
	var hooks []waxseal.Hook
	for _, l := range order {
		by := string(users[l.Path][0])
		if more := len(users[l.Path]) - 1; more > 0 {
			by = fmt.Sprintf("%s and %d more", by, more)
		}
		hooks = append(hooks, waxseal.Hook{
			ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(l.Path) + ":library"), MTA: waxseal.HostStack,
			Kind: waxseal.KindModule, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute},
			Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(l.Path)}, Scope: "all", RunsAs: "root", Active: true,
			Source: waxseal.Source{Path: l.Path}, Directive: "library", Closure: []waxseal.Part{l},
			Explain: "The library " + string(l.Path) + " is loaded by programs of the mail system (" + by + "), and nothing vouches for it.",
		})
	}
	return hooks
}
