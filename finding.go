package waxseal

import "time"

// Finding is a judgement with its reasons. Later facts add to it by a new
// ledger entry that points back; an entry once written is never rewritten.
type Finding struct {
	ID       FindingID `json:"id,omitempty"`
	Rule     RuleID    `json:"rule"`
	Severity Severity  `json:"severity"`
	// Title is one line; Explain is the sentence a mail administrator reads.
	Title   string   `json:"title"`
	Explain string   `json:"explain"`
	Reasons []string `json:"reasons"`
	// NotEstablished says what the evidence does not show.
	NotEstablished []string      `json:"not_established,omitempty"`
	Attack         []TechniqueID `json:"attack"`
	// AttackRefs are the objects of ATT&CK that the judgement refers to: the techniques
	// of Attack, and the analytics that are implemented for them.
	AttackRefs []AttackRef `json:"attack_refs,omitempty"`
	// Hook is set on a finding of scan, which has no change to rest on.
	Hook   HookID  `json:"hook,omitempty"`
	Change *Change `json:"change,omitempty"`
	// Gathered is set on a finding that tells many changes together, instead of Change.
	Gathered *Gathering `json:"gathered,omitempty"`
	// Seen is when the change was made, or, for one made unobserved, the end of
	// the time in which it must have been made.
	Seen       time.Time    `json:"seen,omitzero"`
	Unobserved *Gap         `json:"unobserved,omitempty"`
	Actor      *Actor       `json:"actor,omitempty"`
	Activation []Activation `json:"activation,omitempty"`
	Rung       Rung         `json:"rung,omitempty"`
	// Expected says in one line why the change was, or was not, expected. Permit is the
	// permit that explains it or comes closest.
	Expected string `json:"expected,omitempty"`
	Permit   string `json:"permit,omitempty"`
	// Observations are the ledger entries the finding rests on.
	Observations []Index  `json:"observations,omitempty"`
	Next         []string `json:"next,omitempty"` // what to check next
	// Pair is set where a change and its revert belong together.
	Pair *Pair `json:"pair,omitempty"`
	// Status, and what follows it, is where triage stands; an entry of the ledger about
	// the judgement has the status alone, and only where the judgement gives one.
	Status   Status  `json:"status,omitempty"`
	Verdict  Verdict `json:"verdict,omitempty"`
	Assignee string  `json:"assignee,omitempty"`
	Ticket   string  `json:"ticket,omitempty"`
	// Suppression is the one that keeps it out of the queue.
	Suppression SuppressionID `json:"suppression,omitempty"`
	// Unrecorded says that the ledger could not be written when this was judged.
	Unrecorded bool `json:"unrecorded,omitempty"`
}

// AttackRef is an object of ATT&CK as one release has it. Its ID may be another in the
// next release; the STIX id stays.
type AttackRef struct {
	ID      AttackID `json:"id"`
	STIX    string   `json:"stix"`
	Release string   `json:"release"`
}

// Rule is a rule of judgement.
type Rule struct {
	ID     RuleID      `json:"id"`
	About  string      `json:"about"` // what it tells, in one line
	Attack []AttackRef `json:"attack_refs"`
}

// Gathering is many small changes of mailboxes' rules that are told together, since each
// by itself is nobody's concern, or since together they are one deed.
type Gathering struct {
	// Common is what they have in common: "day 2026-11-30", "hand login 0 session 7",
	// "address drop@evil.example.net".
	Common    string `json:"common"`
	Changes   int    `json:"changes"`
	Mailboxes int    `json:"mailboxes"`
	// List are the changes, the first thousand of them.
	List []Gathered `json:"list"`
}

// Gathered is one change of a gathering.
type Gathered struct {
	Time    time.Time `json:"time"`
	Mailbox string    `json:"mailbox"`
	Path    Path      `json:"path"`
	// AfterDigest is that of the change, empty where the file is gone.
	AfterDigest Digest `json:"after_sha256,omitempty"`
	By          string `json:"by"` // whose hand: "the owner of the mailbox"
	Title       string `json:"title"`
}

// Pair is a change and the one that undid it, with how long it was in force. What it
// did in between stays done.
type Pair struct {
	Change FindingID `json:"change"`
	// Revert is the finding about the change that undid it, "" where nobody saw it: the
	// file was found undone.
	Revert FindingID `json:"revert,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Seconds is how long it was in force, or at most was where Revert is "".
	Seconds float64 `json:"seconds"`
}

// Status is where triage of a finding stands.
type Status string

// The stands of triage. New and in progress are open: somebody has to look.
const (
	StatusNew        Status = "new"
	StatusInProgress Status = "in progress"
	StatusResolved   Status = "resolved"
	StatusSuppressed Status = "suppressed"
)

// Open reports whether somebody still has to look.
func (s Status) Open() bool { return s == StatusNew || s == StatusInProgress }

// Verdict is what a person found out about a finding.
type Verdict string

// The verdicts.
const (
	VerdictTruePositive  Verdict = "true positive"
	VerdictExpected      Verdict = "expected"
	VerdictFalsePositive Verdict = "false positive"
	VerdictTest          Verdict = "test"
)

// Seal is the accepted known-good state.
type Seal struct {
	Time time.Time `json:"time"`
	// Attested is false until the state has been checked against package content and a
	// person vouched for the rest: nothing says that the host was clean before.
	Attested bool `json:"attested"`
	// Promotion is the entry that lists what of it was accepted, by whom and why; none
	// for a first seal, and for one that accepts nothing new.
	Promotion *Index `json:"promotion,omitempty"`
	Note      string `json:"note,omitempty"`
	By        Actor  `json:"by"`
	State     State  `json:"state"`
}
