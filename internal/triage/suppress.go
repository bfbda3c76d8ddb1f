package triage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// Scope says which findings a suppression is for: those that fit everything that is
// said. It says something.
type Scope struct {
	Rule waxseal.RuleID `json:"rule,omitempty"`
	// Path is a file, or a directory with all below it where it ends in a slash.
	Path waxseal.Path   `json:"path,omitempty"`
	Hook waxseal.HookID `json:"hook,omitempty"`
	// Parameter is the directive of a hook, or an effective setting; Value is what it
	// hands mail to, or is set to.
	Parameter string `json:"parameter,omitempty"`
	Value     string `json:"value,omitempty"`
	// Digest is that of the content that the change brings.
	Digest waxseal.Digest `json:"digest,omitempty"`
}

// Request is what a suppression asks for.
type Request struct {
	Scope  Scope     `json:"scope"`
	Reason string    `json:"reason"`
	Owner  string    `json:"owner"` // who answers for it
	Ticket string    `json:"ticket,omitempty"`
	Until  time.Time `json:"until"`
	// Preview is what it would have hidden, as whoever accepted it was shown.
	Preview Preview `json:"preview"`
}

// Preview is what a suppression would have hidden.
type Preview struct {
	Days     int                 `json:"days"`
	Findings []waxseal.FindingID `json:"findings"`
}

// StepKind is what somebody does with a suppression.
type StepKind string

// The kinds of step.
const (
	Add     StepKind = "add"
	Approve StepKind = "approve"
	Revoke  StepKind = "revoke"
)

// Step is one step in the life of a suppression, as the ledger keeps it.
type Step struct {
	Kind        StepKind              `json:"kind"`
	Suppression waxseal.SuppressionID `json:"suppression,omitempty"` // of every step but Add
	Digest      string                `json:"digest,omitempty"`      // of the suppression, of Approve
	Ask         *Request              `json:"request,omitempty"`     // of Add
	Note        string                `json:"note,omitempty"`
	// Key is the fingerprint of the signer's key; where change control is in use there
	// is one.
	Key       string        `json:"key,omitempty"`
	Signed    time.Time     `json:"signed,omitzero"`
	Signature []byte        `json:"signature,omitempty"`
	By        waxseal.Actor `json:"by"` // who asked for it, as the kernel says
}

// Message is what is signed.
func (s Step) Message() []byte {
	s.Signature, s.By = nil, waxseal.Actor{}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has no type that json can't write
	}
	return append([]byte("waxseal suppression step\n"), text...)
}

// Suppression is a request with what came of it.
type Suppression struct {
	ID waxseal.SuppressionID `json:"id"`
	Request
	// Digest is that of the step that added it, as it was signed.
	Digest string        `json:"digest"`
	Added  time.Time     `json:"added"`
	By     waxseal.Actor `json:"by"`
	Key    string        `json:"key,omitempty"`
	// Approver is the second person, without whom it hides nothing dangerous where people
	// have keys.
	Approver *Signer    `json:"approver,omitempty"`
	Approved *time.Time `json:"approved,omitempty"`
	Revoked  *time.Time `json:"revoked,omitempty"`
	// Hits is how many findings it has kept out of the queue.
	Hits int `json:"hits"`

	signer Signer
}

// State is where a suppression stands at a time: "active", "expired", "revoked".
func (s Suppression) State(now time.Time) string {
	switch {
	case s.Revoked != nil:
		return "revoked"
	case now.After(s.Until):
		return "expired"
	}
	return "active"
}

// Rules are what the host's administrators decide.
type Rules struct {
	// Longest bounds the life of a suppression.
	Longest time.Duration
	// FourEyes asks for two persons for every suppression; without it, only what hides
	// dangerous changes needs them, where people have keys.
	FourEyes bool
}

// DefaultRules are those of a host that decides nothing.
func DefaultRules() Rules { return Rules{Longest: 90 * 24 * time.Hour} }

// Book is what the steps in a ledger add up to.
type Book struct {
	rules Rules
	byID  map[waxseal.SuppressionID]*Suppression
	order []waxseal.SuppressionID
}

// NewBook returns a book without suppressions.
func NewBook(r Rules) *Book {
	return &Book{rules: r, byID: map[waxseal.SuppressionID]*Suppression{}}
}

// Suppressions lists them in the order in which they were added.
func (b *Book) Suppressions() []Suppression {
	list := make([]Suppression, 0, len(b.order))
	for _, id := range b.order {
		list = append(list, *b.byID[id])
	}
	return list
}

// Suppression returns one.
func (b *Book) Suppression(id waxseal.SuppressionID) (Suppression, bool) {
	if s, ok := b.byID[id]; ok {
		return *s, true
	}
	return Suppression{}, false
}

// Hit counts a finding that a suppression keeps out of the queue.
func (b *Book) Hit(id waxseal.SuppressionID) {
	if s, ok := b.byID[id]; ok {
		s.Hits++
	}
}

// Take folds one step that entered the ledger, or refuses it. Whether it is signed as
// it must be, and by whom, is the caller's to ask before.
func (b *Book) Take(s Step, who Signer, index waxseal.Index, at time.Time) (waxseal.SuppressionID, error) {
	switch s.Kind {
	case Add:
		if s.Ask == nil {
			return "", errors.New("a step that adds a suppression has no request")
		}
		if err := b.sound(*s.Ask, at); err != nil {
			return "", err
		}
		id := waxseal.SuppressionID(fmt.Sprintf("S%d", index))
		b.byID[id] = &Suppression{ID: id, Request: *s.Ask, Digest: s.digest(), Added: at, By: s.By, Key: s.Key, signer: who}
		b.order = append(b.order, id)
		return id, nil
	case Approve, Revoke:
		have, ok := b.byID[s.Suppression]
		switch {
		case !ok:
			return "", fmt.Errorf("suppression %q is not known", s.Suppression)
		case s.Kind == Approve:
			return have.ID, have.approve(s, who, at)
		case have.Revoked != nil:
			return have.ID, fmt.Errorf("suppression %s is revoked already", have.ID)
		}
		have.Revoked = &at
		return have.ID, nil
	}
	return "", fmt.Errorf("unknown step %q", s.Kind)
}

// sound checks what a suppression asks for.
func (b *Book) sound(r Request, at time.Time) error {
	s := r.Scope
	switch {
	case s == Scope{}:
		return errors.New("a suppression needs a scope: it can't be for everything")
	case strings.TrimSpace(r.Reason) == "":
		return errors.New("a suppression needs a reason")
	case strings.TrimSpace(r.Owner) == "":
		return errors.New("a suppression needs an owner, who answers for it")
	case !r.Until.After(at):
		return errors.New("the suppression ends before it begins")
	case r.Until.Sub(at) > b.rules.Longest+clockSlack:
		return fmt.Errorf("the suppression is longer than %s", days(b.rules.Longest))
	case s.Path != "" && !strings.HasPrefix(string(s.Path), "/"):
		return fmt.Errorf("the path %q is not absolute", s.Path)
	case s.Path == "/":
		return errors.New("a suppression can't be for all files of a host")
	case s.Value != "" && s.Parameter == "" && s.Hook == "":
		return errors.New("a value is that of a parameter or hook: name it")
	case s.Digest != "" && len(s.Digest) != 64:
		return fmt.Errorf("%q is no SHA-256", s.Digest)
	}
	return nil
}

// clockSlack is how far the clock of who asks may lie ahead of that of the ledger.
const clockSlack = time.Minute

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

// Match is the suppression that keeps a finding out of the queue, if there is one.
// Almost says of those that would, and may not, why: the change is dangerous, and they
// are not bound to what it is.
func (b *Book) Match(f waxseal.Finding, now time.Time) (id waxseal.SuppressionID, almost string) {
	for _, s := range b.order {
		have := b.byID[s]
		if have.State(now) != "active" {
			continue
		}
		switch fits, why := b.hides(have, f); {
		case fits:
			return s, ""
		case why != "":
			almost = cmp.Or(almost, fmt.Sprintf("suppression %s (%s) does not hide it: %s", s, have.Owner, why))
		}
	}
	return "", almost
}

// Hides reports whether one suppression, if it is active, keeps a finding out of the
// queue.
func (b *Book) Hides(id waxseal.SuppressionID, f waxseal.Finding, now time.Time) bool {
	have, ok := b.byID[id]
	if !ok || have.State(now) != "active" {
		return false
	}
	fits, _ := b.hides(have, f)
	return fits
}

func (b *Book) hides(s *Suppression, f waxseal.Finding) (bool, string) {
	fits, why := s.Scope.Fits(f)
	if fits {
		why = s.eyes(f, b.rules)
	}
	return fits && why == "", why
}

// Ended lists the suppressions that hide nothing any more.
func (b *Book) Ended(now time.Time) (list []waxseal.SuppressionID) {
	for _, id := range b.order {
		if b.byID[id].State(now) != "active" {
			list = append(list, id)
		}
	}
	return list
}

// Fits reports whether a scope hides a finding. Why is set where it is for the finding,
// and must not hide it.
func (s Scope) Fits(f waxseal.Finding) (fits bool, why string) {
	if s.Rule != "" && s.Rule != f.Rule {
		return false, ""
	}
	if f.Change == nil { // many changes, or none: only the rule tells what it is
		return s == Scope{Rule: s.Rule} && f.Severity < waxseal.High, ""
	}
	if !s.covers(*f.Change) {
		return false, ""
	}
	if !dangerous(f) {
		return true, ""
	}
	return s.bound(*f.Change)
}

// covers reports whether the scope is for a change. A scope of a hook or parameter is
// for nothing else that the same edit does.
func (s Scope) covers(ch waxseal.Change) bool {
	switch {
	case s.Path != "" && s.Path != ch.Path && !(strings.HasSuffix(string(s.Path), "/") && strings.HasPrefix(string(ch.Path), string(s.Path))):
		return false
	case s.Digest != "" && s.Digest != ch.AfterDigest:
		return false
	case s.Hook == "" && s.Parameter == "":
		return true
	}
	hooks := slices.Concat(ch.Hooks.Added, ch.Hooks.Removed)
	for _, h := range ch.Hooks.Changed {
		hooks = append(hooks, h.After)
	}
	for _, h := range hooks {
		if s.Hook != "" && s.Hook != h.ID || s.Parameter != "" && s.Parameter != h.Directive || s.Value != "" && s.Value != h.Target.Value {
			return false
		}
	}
	for _, set := range ch.Settings {
		if s.Hook != "" || set.Name != s.Parameter || s.Value != "" && s.Value != set.After {
			return false
		}
	}
	return len(hooks)+len(ch.Settings) > 0
}

// bound reports whether the scope is bound to what a dangerous change is: to its
// content, or to the values of its hooks where the file that changed is the one that
// says them. Owner, mode and packages are neither.
func (s Scope) bound(ch waxseal.Change) (bool, string) {
	elsewhere := func(h waxseal.Hook) bool { return h.Source.Path != ch.Path }
	switch {
	case ch.Kind == waxseal.Metadata || len(ch.Attributes) > 0:
		return false, "owner, mode or attributes changed too, to which nothing binds it"
	case len(ch.Packages) > 0:
		return false, "packages changed, to which nothing binds it"
	case s.Digest != "":
		return true, ""
	case s.Value == "":
		return false, "the change is dangerous, and the suppression is bound to no content and no value"
	case slices.ContainsFunc(ch.Hooks.Added, elsewhere),
		slices.ContainsFunc(ch.Hooks.Changed, func(c waxseal.HookChange) bool { return elsewhere(c.After) }):
		return false, "what a hook depends on changed, and not the value that the suppression is bound to"
	}
	return true, ""
}
