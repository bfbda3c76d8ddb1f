package detect

import (
	"cmp"
	"fmt"
	"time"

	"waxseal"
)

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
		Attack:         []waxseal.TechniqueID{transportAgent, toolsDisabled}, AttackRefs: references([]waxseal.TechniqueID{transportAgent, toolsDisabled}), Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{"See who did it, and what else that login did.", "Compare what is loaded with what should be: auditctl -l, auditctl -s."},
	}
}

// TrafficRule tells of traffic of mail that is led elsewhere below the mail system.
const TrafficRule waxseal.RuleID = "mail-traffic"

// Diverted is the finding that the packet filter, or the routes of this host, lead
// traffic of mail elsewhere than before: "port 25 is sent to another address: …".
func Diverted(severity waxseal.Severity, title, explain string) waxseal.Finding {
	return waxseal.Finding{
		Rule: TrafficRule, Severity: severity, Title: clip(title), Explain: explain,
		Reasons:        []string{"whoever gets the traffic can read mail, change it and answer for the other side, and no file of the mail system says so"},
		NotEstablished: []string{"who changed it: the kernel's tables have no author", "whether any mail went that way"},
		Attack:         []waxseal.TechniqueID{transportAgent}, AttackRefs: references([]waxseal.TechniqueID{transportAgent}),
		Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{"Look at the rules and routes: nft list ruleset, ip rule, ip route.", "If it was not meant, take it away and see who had root then."},
	}
}

// ViewRule tells of a daemon that reads another file than the host shows.
const ViewRule waxseal.RuleID = "mail-view"

// SeenElsewhere is the finding that a daemon in a mount namespace of its own sees another
// content of a file; ch is what that content means against the one here.
func SeenElsewhere(program string, pid int, p waxseal.Path, ch waxseal.Change) waxseal.Finding {
	explain := fmt.Sprintf("%s (process %d) runs in a mount namespace of its own, and %s is another file there than what this host shows under that name.", program, pid, p)
	if ch.Explain != "" {
		explain += " For the daemon this holds: " + ch.Explain
	}
	return waxseal.Finding{
		Rule: ViewRule, Severity: max(waxseal.High, ch.Severity), Title: fmt.Sprintf("process %d sees another %s", pid, p), Explain: explain,
		Reasons:        append([]string{"whoever looks at the file on this host sees a configuration that the daemon does not use"}, ch.Reasons...),
		NotEstablished: []string{"whether the daemon has read the file since"},
		Attack:         []waxseal.TechniqueID{transportAgent}, AttackRefs: references([]waxseal.TechniqueID{transportAgent}),
		Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{fmt.Sprintf("Look through its eyes: nsenter --target %d --mount cat %s", pid, p), "See what is mounted there: findmnt --task " + fmt.Sprint(pid)},
	}
}

// RecordedRule tells of a change that recordings show without its content.
const RecordedRule waxseal.RuleID = "mail-recorded"

// Recorded is the finding that audit records show a change of a file of a mail system,
// whose content they don't have.
func Recorded(severity waxseal.Severity, p waxseal.Path, reasons []string, actor *waxseal.Actor, seen time.Time) waxseal.Finding {
	who := "Somebody whom no record names"
	if l := actor.Login; l.Grade != waxseal.Unknown && l.UID != waxseal.Unset {
		who = l.Name
	} else if p := actor.Process; p.Grade != waxseal.Unknown {
		who = "A process without a login, running as " + cmp.Or(p.User, fmt.Sprintf("uid %d", p.EUID)) + ","
	}
	return waxseal.Finding{
		Rule: RecordedRule, Severity: severity, Title: string(p) + " was changed",
		Explain: fmt.Sprintf("%s changed %s, as audit records show.", who, p), Reasons: reasons,
		NotEstablished: []string{"what was written: audit records have no content", "whether it changed what happens to mail"},
		Attack:         []waxseal.TechniqueID{transportAgent}, AttackRefs: references([]waxseal.TechniqueID{transportAgent}),
		Actor: actor, Seen: seen, Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{"Compare the file with a copy from before: waxseal replay --before DIR --after DIR, or waxseal diff.", "Ask the person who is named, over another way than mail."},
	}
}
