package detect

import (
	"fmt"
	"strings"

	"waxseal"
)

// Finding states a judged change as a finding. Actor, activation and rung are
// the caller's to add.
func Finding(ch waxseal.Change) waxseal.Finding {
	return waxseal.Finding{
		Rule:           ruleOf(ch),
		Severity:       ch.Severity,
		Title:          titleOf(ch) + inContainer(ch),
		Explain:        ch.Explain,
		Reasons:        ch.Reasons,
		NotEstablished: notEstablished(ch),
		Attack:         ch.Attack,
		AttackRefs:     references(ch.Attack),
		Change:         &ch,
		Rung:           waxseal.RungNone,
		Next:           nextSteps(ch),
		Status:         waxseal.StatusNew,
	}
}

// inContainer says where a change is, if it is not the host's own.
func inContainer(ch waxseal.Change) string {
	if ch.Container == "" {
		return ""
	}
	return " (in " + ch.Container + ")"
}

// ruleOf names the rule by what the change consists of.
func ruleOf(ch waxseal.Change) waxseal.RuleID {
	if h, ok := mainHook(ch); ok {
		return ruleOfKind(h.Kind)
	}
	switch {
	case ch.After != nil && isCode(ch.After.Role):
		return "mail-program"
	case len(ch.Settings) > 0:
		return "mail-setting"
	case ch.Kind == waxseal.Metadata:
		return "mail-metadata"
	default:
		return "mail-file"
	}
}

// mainHook is the hook that a change is mostly about.
func mainHook(ch waxseal.Change) (waxseal.Hook, bool) {
	switch {
	case len(ch.Hooks.Added) > 0:
		return ch.Hooks.Added[0], true
	case len(ch.Hooks.Changed) > 0:
		return ch.Hooks.Changed[0].After, true
	case len(ch.Hooks.Removed) > 0:
		return ch.Hooks.Removed[0], true
	}
	return waxseal.Hook{}, false
}

func titleOf(ch waxseal.Change) string {
	if h, ok := mainHook(ch); ok {
		verb := "changed"
		switch {
		case len(ch.Hooks.Added) > 0:
			verb = "added"
		case len(ch.Hooks.Changed) == 0:
			verb = "removed"
		}
		return fmt.Sprintf("%s %s in %s: %s", h.Directive, verb, ch.Path, clip(orNothing(h.Target.Value)))
	}
	switch {
	case len(ch.Packages) > 0:
		return "package " + clip(strings.Join(packagesOf(ch), ", "))
	case len(ch.Settings) > 0:
		return fmt.Sprintf("%s: setting %s changed", ch.Path, ch.Settings[0].Name)
	case ch.Kind == waxseal.Metadata:
		return fmt.Sprintf("%s: %s", ch.Path, strings.Join(ch.Attributes, ", "))
	default:
		return fmt.Sprintf("%s %s", ch.Path, ch.Kind)
	}
}

// packagesOf names what the package database says otherwise now: "postfix 3.7.11-1".
func packagesOf(ch waxseal.Change) (list []string) {
	for _, p := range ch.Packages {
		if p.After.Name == "" {
			list = append(list, p.Before.Name+" removed")
			continue
		}
		list = append(list, p.After.Name+" "+p.After.Version)
	}
	return list
}

func notEstablished(ch waxseal.Change) []string {
	if ch.Severity < waxseal.Medium {
		return nil
	}
	list := []string{"who is behind the account that made the change"}
	if h, ok := mainHook(ch); ok && (h.Has(waxseal.Observe) || h.Has(waxseal.Copy) || h.Has(waxseal.Divert)) {
		list = append(list, "whether anyone really read mail at "+h.Target.Value)
	}
	return list
}

func nextSteps(ch waxseal.Change) []string {
	if ch.Severity < waxseal.Medium {
		return nil
	}
	steps := []string{"Ask the account's owner, and look for a ticket or a change request."}
	h, ok := mainHook(ch)
	switch {
	case ok && h.Target.Type == waxseal.TargetSocket && !h.Target.Remote:
		steps = append(steps, "See who listens at "+h.Target.Value+": ss -lntxp")
	case ok && h.Target.Remote:
		steps = append(steps, "Look for connections to "+h.Target.Value+" in flow records and with ss -tnp.")
	case ok && h.Target.Type == waxseal.TargetCommand:
		steps = append(steps, "Read "+firstWord(h.Target.Value)+" before it runs again, and keep a copy.")
	}
	return append(steps, "If it was not meant: put the sealed content back and reload the mail system; keep the ledger's checkpoint elsewhere.")
}
