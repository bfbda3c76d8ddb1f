package drift_test

import (
	"fmt"
	"testing"

	"waxseal"
	"waxseal/internal/drift"
)

// TestAccept: of three changed files, each with a hook and a setting, every choice is
// taken over, and what is left to be told is the rest.
func TestAccept(t *testing.T) {
	paths := []waxseal.Path{"/etc/a.cf", "/etc/b.cf", "/etc/c.cf"}
	before, after := waxseal.State{Stacks: []waxseal.Stack{{Domains: []string{"own.test"}}}}, waxseal.State{Stacks: []waxseal.Stack{{Domains: []string{"evil.test"}}}}
	for i, p := range paths {
		before.Files = append(before.Files, config(p, "1"))
		before.Settings = append(before.Settings, waxseal.Setting{Name: string(p), Value: "1", Source: waxseal.Source{Path: p}})
		hook := waxseal.Hook{ID: waxseal.HookID(p), Target: waxseal.Target{Value: "1"}, Source: waxseal.Source{Path: p}}
		before.Hooks = append(before.Hooks, hook)
		if i == 2 {
			continue // the last one is gone with all that it said
		}
		after.Files = append(after.Files, config(p, "2"))
		after.Settings = append(after.Settings, waxseal.Setting{Name: string(p), Value: "2", Source: waxseal.Source{Path: p}})
		hook.Target.Value = "2"
		after.Hooks = append(after.Hooks, hook)
	}
	after.Hooks = append(after.Hooks, waxseal.Hook{ID: "new", Source: waxseal.Source{Path: paths[0]}})
	for choice := range 8 {
		accepted, want := map[waxseal.Path]bool{}, ""
		for i, p := range paths {
			if choice>>i&1 == 1 {
				accepted[p] = true
			} else {
				want += string(p) + " "
			}
		}
		state := drift.Accept(before, after, accepted)
		left := ""
		for _, ch := range drift.Compare(state, after) {
			left += string(ch.Path) + " "
		}
		if left != want {
			t.Errorf("%v accepted: %q is left, want %q", accepted, left, want)
		}
		taken := ""
		for _, ch := range drift.Compare(before, state) {
			taken += string(ch.Path) + " "
		}
		if want := fmt.Sprint(len(accepted)); want != fmt.Sprint(len(drift.Compare(before, state))) {
			t.Errorf("%v accepted: %q is taken", accepted, taken)
		}
		if own := state.Stacks[0].Domains[0]; (own == "evil.test") != (len(accepted) == 3) {
			t.Errorf("%v accepted: own domain %s", accepted, own)
		}
	}
}

// TestAcceptScript: a hook whose script is not accepted keeps the sealed one.
func TestAcceptScript(t *testing.T) {
	state := func(cf, sh string) waxseal.State {
		s := waxseal.State{Files: []waxseal.FileState{config(mainCF, cf), with(config(script, sh), func(f *waxseal.FileState) { f.Role = waxseal.RoleScript })}}
		s.Hooks = []waxseal.Hook{{ID: "h", Source: waxseal.Source{Path: mainCF}, Closure: []waxseal.Part{{Path: script, Role: waxseal.RoleScript, Digest: waxseal.Digest(sh)}}}}
		s.Settings = []waxseal.Setting{{Name: "x", Value: cf, Source: waxseal.Source{Path: mainCF}}}
		return s
	}
	before, after := state("1", "good"), state("2", "evil")
	left := drift.Compare(drift.Accept(before, after, map[waxseal.Path]bool{mainCF: true}), after)
	if len(left) != 1 || left[0].Path != script || len(left[0].Hooks.Changed) != 1 {
		t.Errorf("%+v", left)
	}
}
