// Package permit decides whether a change was expected, by evidence: who announced it,
// who approved it, for which objects, which hand, which time and which content. It
// grades the evidence as a rung, and says in one line why.
//
// A permit never hides a change, and nothing here trusts a path, the name of a process
// or an open window alone. Steps of a permit are signed by people's own keys and kept
// in the ledger; this package folds them, in the ledger's order, and judges.
package permit

import (
	"time"

	"waxseal"
)

// ID names one permit of one ledger: "P17" was requested by ledger entry 17.
type ID string

// State is where a permit stands.
type State string

// The states of a permit.
const (
	Requested State = "requested"
	Approved  State = "approved"
	Used      State = "used"
	Expired   State = "expired"
	Closed    State = "closed"
	Revoked   State = "revoked"
	// Superseded: the same source announced another content.
	Superseded State = "superseded"
)

// Person is who takes a step: by key, and by the login that they change hosts with.
type Person struct {
	Name string `json:"name"`
	// Key is the fingerprint of the key that signed, "SHA256:…".
	Key string `json:"key"`
	// Login is their audit login uid on the hosts, [waxseal.Unset] where they have none.
	Login uint32 `json:"login"`
}

// same reports whether two persons are, or may be, one: keys and logins are enough.
func (p Person) same(o Person) bool {
	return p.Key == o.Key || p.Login != waxseal.Unset && p.Login == o.Login || p.Name != "" && p.Name == o.Name
}

// Request is what a permit asks for. Its zero parts say nothing: a permit without
// objects is only a window.
type Request struct {
	Ticket    string    `json:"ticket"`
	Reason    string    `json:"reason"`
	NotBefore time.Time `json:"not_before"` // UTC
	NotAfter  time.Time `json:"not_after"`
	Scope     Scope     `json:"scope"`
	// MaxChanges is how often each object may change; 0 is once.
	MaxChanges int `json:"max_changes,omitempty"`
	// Expect is the exact state to come, by path: the digest of the whole content,
	// "" for a file that is to be gone.
	Expect map[waxseal.Path]waxseal.Digest `json:"expect,omitempty"`
	// Source is where the announced content comes from. A later announcement of the
	// same source by the same key takes the place of this one.
	Source *Source `json:"source,omitempty"`
	// Announcers are fingerprints of keys of CI that may announce contents within this
	// permit: it is approved in advance, and explains nothing by itself. Under is the
	// permit under which an announcement is made.
	Announcers []string `json:"announcers,omitempty"`
	Under      ID       `json:"under,omitempty"`
}

// Source is where an announced content comes from.
type Source struct {
	Name string `json:"name"`
	// Commit, Author and Committed are those of a checkout, as its author says them.
	Commit    string    `json:"commit,omitempty"`
	Author    string    `json:"author,omitempty"`
	Committed time.Time `json:"committed,omitzero"`
}

// Scope bounds what a permit is for. An empty list is no bound.
type Scope struct {
	Hosts []waxseal.HostID `json:"hosts,omitempty"`
	// Paths are files, or directories with all that is below them where they end in
	// a slash.
	Paths []waxseal.Path `json:"paths,omitempty"`
	// Hooks are places of hooks; Parameters are effective settings: "always_bcc".
	Hooks      []waxseal.HookID     `json:"hooks,omitempty"`
	Parameters []string             `json:"parameters,omitempty"`
	Operations []waxseal.ChangeKind `json:"operations,omitempty"`
	// Actors are audit login uids.
	Actors []uint32 `json:"actors,omitempty"`
}

// names reports whether the scope names any object.
func (s Scope) names() bool { return len(s.Paths)+len(s.Hooks)+len(s.Parameters) > 0 }

// Permit is a request with what came of it.
type Permit struct {
	ID ID `json:"id"`
	Request
	// Digest is that of the request as it was signed. Whoever takes a later step signs
	// it too: an approval is for what was read, and for no other permit of that number.
	Digest    string  `json:"digest"`
	Requester Person  `json:"requester"`
	Opened    Moment  `json:"opened"`
	Approver  *Person `json:"approver,omitempty"`
	Approved  *Moment `json:"approved,omitempty"`
	// Alone says that who asked for it approved it too. BreakGlass says that this was
	// meant, against the four-eyes rule; Countersigned is when another person signed, nil
	// while nobody has.
	Alone         bool    `json:"alone,omitempty"`
	BreakGlass    bool    `json:"break_glass,omitempty"`
	Countersigned *Moment `json:"countersigned,omitempty"`
	Ended         *Moment `json:"ended,omitempty"` // closed or revoked
	Revoked       bool    `json:"revoked,omitempty"`
	Superseded    ID      `json:"superseded,omitempty"` // by this one
	// InAdvance says that nobody approved this content: whoever may announce it was
	// approved before.
	InAdvance bool `json:"in_advance,omitempty"`
	// Uses counts the changes that it has explained, by object.
	Uses map[waxseal.Path]int `json:"uses,omitempty"`
}

// Moment is when something entered the ledger. Its index can't be set back, which its
// time can.
type Moment struct {
	Index waxseal.Index `json:"index"`
	Time  time.Time     `json:"time"`
}

// State is where the permit stands at a time.
func (p Permit) State(now time.Time) State {
	switch {
	case p.Revoked:
		return Revoked
	case p.Superseded != "":
		return Superseded
	case p.Ended != nil:
		return Closed
	case now.After(p.NotAfter):
		return Expired
	case p.Approved == nil:
		return Requested
	case p.usedUp():
		return Used
	}
	return Approved
}

// usedUp reports whether every file that the permit names has changed as often as it
// may. A permit for directories, hooks or parameters is never used up before it ends.
func (p Permit) usedUp() bool {
	files := p.files()
	for _, f := range files {
		if p.Uses[f] < p.most() {
			return false
		}
	}
	return len(files) > 0
}

func (p Permit) most() int { return max(p.MaxChanges, 1) }
