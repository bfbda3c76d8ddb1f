package detect

import "waxseal"

// SilencedRule tells of a sensor that somebody keeps from reporting.
const SilencedRule waxseal.RuleID = "watch-silenced"

// Silenced is the finding that the kernel's audit system was kept from reporting: rules
// removed, records dropped, audit switched off. A service manager that loads rules anew
// does this too, so that it is not by itself an attack.
func Silenced(gap waxseal.Gap) waxseal.Finding {
	return waxseal.Finding{
		Rule: SilencedRule, Severity: waxseal.Medium, Title: "audit was kept from reporting",
		Explain:        "The kernel's audit system, which proves who changes the mail configuration, was kept from reporting: " + clip(gap.Reason) + ".",
		Reasons:        []string{"without audit records, who made a change is inferred at best", "whoever wants to change the configuration unnamed does this first; auditd and augenrules, when they load their rules anew, do it too"},
		NotEstablished: []string{"whether anything was changed meanwhile by a hand that stays unknown: what was changed is found by reading the files"},
		Attack:         []waxseal.TechniqueID{}, Rung: waxseal.RungNone, Status: waxseal.Open,
		Next: []string{"See who did it, and what else that login did.", "Compare what is loaded with what should be: auditctl -l, auditctl -s."},
	}
}
