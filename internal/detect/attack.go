package detect

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// attackRelease is the release of ATT&CK that the rules were written against. What a
// newer one makes of their references "waxseal attack check" says; a finding says what
// held when it was made, so that the same record always gives the same finding.
const attackRelease = "19.1"

// The techniques that rules refer to, and the analytics that are implemented for them.
const (
	transportAgent   = "T1505.002"
	forwardingRule   = "T1114.003"
	hidingRule       = "T1564.008"
	linkerHijacking  = "T1574.006"
	toolsDisabled    = "T1685"
	logsCleared      = "T1685.006"
	analyticAgent    = "AN0473"
	analyticForward  = "AN1592"
	analyticHide     = "AN0553"
	attackPattern    = "attack-pattern--"
	xMitreAnalyticID = "x-mitre-analytic--"
)

// attackObjects are the STIX ids, which a release does not change.
var attackObjects = map[waxseal.AttackID]string{
	transportAgent:  attackPattern + "35187df2-31ed-43b6-a1f5-2f1d3d58d3f1",
	forwardingRule:  attackPattern + "7d77a07d-02fe-4e88-8bd9-e9c008c01bf0",
	hidingRule:      attackPattern + "0cf55441-b176-4332-89e7-2c4c7799d0ff",
	linkerHijacking: attackPattern + "633a100c-b2c9-41bf-9be5-905c1b16c825",
	toolsDisabled:   attackPattern + "bbde9781-60aa-4b8a-a911-895b0c1b3872",
	logsCleared:     attackPattern + "5e29d64d-2b14-4f92-875e-4c9c498e213c",
	analyticAgent:   xMitreAnalyticID + "2c64ece9-c40f-4d1a-babf-106f587454d0",
	analyticForward: xMitreAnalyticID + "22e6f5f4-e4cc-449c-9dba-280788935ce5",
	analyticHide:    xMitreAnalyticID + "487d9ddf-a790-4adc-9be4-ec5651e790f1",
}

// analytics are those that are implemented, by technique.
var analytics = map[waxseal.TechniqueID]waxseal.AttackID{transportAgent: analyticAgent, forwardingRule: analyticForward, hidingRule: analyticHide}

// references are techniques, and the analytics implemented for them, as objects of a
// release.
func references(ids []waxseal.TechniqueID) []waxseal.AttackRef {
	list := slices.Grow([]waxseal.AttackRef(nil), 2*len(ids))
	add := func(id waxseal.AttackID) {
		list = append(list, waxseal.AttackRef{ID: id, STIX: attackObjects[id], Release: attackRelease})
	}
	for _, id := range ids {
		add(waxseal.AttackID(id))
		if a, ok := analytics[id]; ok {
			add(a)
		}
	}
	return list
}

// techniques names the ATT&CK techniques that a change of this kind serves.
func techniques(ch *waxseal.Change) []waxseal.TechniqueID {
	if ch.Severity <= waxseal.Info {
		return []waxseal.TechniqueID{}
	}
	hooks := slices.Clone(ch.Hooks.Added)
	for _, hc := range ch.Hooks.Changed {
		hooks = append(hooks, hc.After)
	}
	return techniquesOf(hooks...)
}

// techniquesOf names the techniques that hooks serve.
func techniquesOf(hooks ...waxseal.Hook) []waxseal.TechniqueID {
	ids := []waxseal.TechniqueID{transportAgent}
	add := func(id waxseal.TechniqueID) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, h := range hooks {
		if (h.Has(waxseal.Copy) || h.Has(waxseal.Divert)) && h.Target.Type == waxseal.TargetAddress {
			add(forwardingRule)
		}
		if h.Kind == waxseal.KindDiscard {
			add(hidingRule)
		}
		if h.Kind == waxseal.KindEnvironment || h.Kind == waxseal.KindModule {
			add(linkerHijacking)
		}
		if h.Has(waxseal.Silence) {
			add(logsCleared)
		}
	}
	return ids
}

// ruleOfKind names the rule that judges hooks of a kind.
func ruleOfKind(k waxseal.HookKind) waxseal.RuleID {
	return waxseal.RuleID("mail-" + strings.ReplaceAll(string(k), "_", "-"))
}

// kindRules say what each kind of hook is told as, and the techniques besides
// transportAgent that such a hook can serve.
var kindRules = []struct {
	kind  waxseal.HookKind
	about string
	also  []waxseal.TechniqueID
}{
	{waxseal.KindMilter, "a filter that is handed mail while it comes in", nil},
	{waxseal.KindContentFilter, "a filter that mail passes in the queue", nil},
	{waxseal.KindPolicy, "a program that is asked for a verdict", nil},
	{waxseal.KindTransport, "by which way mail is delivered", []waxseal.TechniqueID{forwardingRule}},
	{waxseal.KindPipe, "a command that mail is piped into", nil},
	{waxseal.KindRedirect, "mail that goes to another instead of its recipient", []waxseal.TechniqueID{forwardingRule}},
	{waxseal.KindCopy, "mail that goes to another as well", []waxseal.TechniqueID{forwardingRule}},
	{waxseal.KindRewrite, "headers, bodies or addresses that are rewritten", []waxseal.TechniqueID{forwardingRule}},
	{waxseal.KindDiscard, "mail that is thrown away", []waxseal.TechniqueID{hidingRule}},
	{waxseal.KindRelay, "the next hop of mail that leaves", []waxseal.TechniqueID{forwardingRule}},
	{waxseal.KindScript, "a script of the mail path", nil},
	{waxseal.KindExpansionExec, "code that runs while configuration is evaluated", nil},
	{waxseal.KindMap, "a table that decides what happens to mail", nil},
	{waxseal.KindModule, "code that a program of the mail path loads", []waxseal.TechniqueID{linkerHijacking}},
	{waxseal.KindPlugin, "a plug-in of a filter or delivery program", nil},
	{waxseal.KindBinary, "a program of the mail path", nil},
	{waxseal.KindUnit, "how a daemon of the mail path is started", nil},
	{waxseal.KindEnvironment, "the environment of the daemons", []waxseal.TechniqueID{linkerHijacking}},
	{waxseal.KindHosts, "names that lead elsewhere", nil},
	{waxseal.KindLog, "what becomes of the mail log", []waxseal.TechniqueID{logsCleared}},
	{waxseal.KindUnreadable, "what can't be read, so that nothing vouches for it", nil},
}

// FrequencyRule tells of a script that starts more often than it may.
const FrequencyRule waxseal.RuleID = "mail-exec-frequency"

// ForgedLoginRule tells of a login uid that no login program set.
const ForgedLoginRule waxseal.RuleID = "mail-login-forged"

// Rules are all rules of judgement, with what of ATT&CK each refers to.
func Rules() []waxseal.Rule {
	var list []waxseal.Rule
	add := func(id waxseal.RuleID, about string, also ...waxseal.TechniqueID) {
		list = append(list, waxseal.Rule{ID: id, About: about, Attack: references(append([]waxseal.TechniqueID{transportAgent}, also...))})
	}
	for _, r := range kindRules {
		add(ruleOfKind(r.kind), r.about, r.also...)
	}
	add("mail-program", "a program or script of the mail path has other content")
	add("mail-setting", "an effective setting changed that is no hook")
	add("mail-metadata", "owner, mode or attributes of a file of the mail path changed")
	add("mail-file", "another file of the mail path changed, or others than root may change it")
	list = append(list, waxseal.Rule{ID: OwnRule, About: "somebody changed what Waxseal itself is made of: program, configuration, unit or state", Attack: []waxseal.AttackRef{}})
	add(FrequencyRule, "a script of the mail path starts more often than ExecFrequencyThreshold allows")
	add(SilencedRule, "the kernel's audit system was kept from reporting who changes what", toolsDisabled)
	add(ViewRule, "a daemon sees another file under a name than the host does")
	add(TrafficRule, "the network leads mail traffic elsewhere than the configuration of the mail system says")
	add(ForgedLoginRule, "a process gave itself another's login, which no login program set")
	return list
}

// Frequent is the finding that a script started more often than it may since its mail
// system was last started or reloaded.
func Frequent(script waxseal.Path, starts int) waxseal.Finding {
	return waxseal.Finding{
		Rule: FrequencyRule, Severity: waxseal.Medium, Title: string(script) + " starts unusually often",
		Explain:        string(script) + " has started " + strconv.Itoa(starts) + " times since the mail system was last started or reloaded, more than ExecFrequencyThreshold allows.",
		Reasons:        []string{"the configuration says how often a script of the mail path may start in one run of the mail system, and this one started more often"},
		NotEstablished: []string{"whether there simply was more mail than usual"},
		Attack:         []waxseal.TechniqueID{transportAgent}, AttackRefs: references([]waxseal.TechniqueID{transportAgent}),
		Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{"Compare with the number of messages in the mail log.", "See what starts it: waxseal findings show, and the configuration that names the script."},
	}
}

// ForgedLogin is the finding that a process wrote a login uid that is not its own; how
// says which record tells that.
func ForgedLogin(name, how string) waxseal.Finding {
	return waxseal.Finding{
		Rule: ForgedLoginRule, Severity: waxseal.High, Title: "a process gave itself the login of " + name,
		Explain:        "What is done from here on in this session carries the login uid of " + name + ", who need not have done it.",
		Reasons:        []string{how, "login uids are set by login programs such as sshd and cron; only a privileged process can set one"},
		NotEstablished: []string{"who is behind it, where the login uid had been taken off before", "whether an unusual login program is at work, which Waxseal does not know"},
		Attack:         []waxseal.TechniqueID{transportAgent}, AttackRefs: references([]waxseal.TechniqueID{transportAgent}),
		Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Next: []string{"Look at the program and its parents: waxseal findings show.", "Take nothing in this session for the deed of " + name + "."},
	}
}
