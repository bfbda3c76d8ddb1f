package detect

import (
	"slices"

	"waxseal"
)

// OwnRule is the rule about changes of what Waxseal itself is made of.
const OwnRule waxseal.RuleID = "waxseal-itself"

// OwnKind says what a file is to Waxseal.
type OwnKind string

// What Waxseal is made of.
const (
	OwnProgram       OwnKind = "program"
	OwnConfiguration OwnKind = "configuration"
	OwnUnit          OwnKind = "systemd unit"
	OwnState         OwnKind = "state"
)

// ownMeaning is what a change of each kind can lead to.
var ownMeaning = map[OwnKind]string{
	OwnProgram:       "the next start runs what lies there now, and believes what it says",
	OwnConfiguration: "it decides what is watched and told; the running agent goes on with what it read at its start",
	OwnUnit:          "it decides whether, and with which rights, the agent is started",
	OwnState:         "the ledger, its key and the last known state lie there: verify the ledger against a checkpoint that is kept elsewhere",
}

// Own states that somebody has changed what Waxseal itself is made of. Before and
// after are the file as it was and is.
func Own(kind OwnKind, before, after waxseal.FileState) waxseal.Finding {
	ch := waxseal.Change{
		Path: after.Path, Kind: ownChange(before, after), Severity: waxseal.High, Attack: []waxseal.TechniqueID{transportAgent, toolsDisabled},
		Hooks:        waxseal.HookChanges{Added: []waxseal.Hook{}, Removed: []waxseal.Hook{}, Changed: []waxseal.HookChange{}},
		BeforeDigest: before.Digest, AfterDigest: after.Digest, Before: &before, After: &after,
		Explain: "Somebody changed Waxseal's own " + string(kind) + " (" + string(after.Path) + "): " + ownMeaning[kind] + ".",
		Reasons: []string{"nobody but an upgrade or an administrator of Waxseal has a reason to change it"},
	}
	return waxseal.Finding{
		Rule: OwnRule, Severity: ch.Severity, Change: &ch, Explain: ch.Explain, Reasons: ch.Reasons, Attack: ch.Attack, AttackRefs: references(ch.Attack), Rung: waxseal.RungNone, Status: waxseal.StatusNew,
		Title: "somebody changed Waxseal's own " + string(kind) + ": " + string(after.Path),
		Next:  []string{"waxseal ledger verify --key KEY --checkpoint CHECKPOINT, with both from elsewhere", "compare the file with the one of the package or of a backup"},
	}
}

func ownChange(before, after waxseal.FileState) waxseal.ChangeKind {
	switch {
	case before.Missing && !after.Missing:
		return waxseal.Added
	case after.Missing:
		return waxseal.Removed
	case before.Digest == after.Digest && slices.Equal(attributes(before), attributes(after)):
		return waxseal.Modified // of a file that is kept without digest, such as the database
	case before.Digest == after.Digest:
		return waxseal.Metadata
	}
	return waxseal.Modified
}

func attributes(f waxseal.FileState) []uint32 { return []uint32{uint32(f.Mode), f.UID, f.GID} }
