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
	Status       Status   `json:"status,omitempty"`
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

// Status is where triage of a finding stands.
type Status string

// The stands of triage.
const (
	Open         Status = "open"
	Acknowledged Status = "acknowledged"
)

// Seal is the accepted known-good state.
type Seal struct {
	Time time.Time `json:"time"`
	// Attested is false for a first seal: nothing vouches that the host was
	// clean when it was made.
	Attested bool   `json:"attested"`
	Note     string `json:"note,omitempty"`
	By       Actor  `json:"by"`
	State    State  `json:"state"`
}
