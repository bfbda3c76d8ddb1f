package permit

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// StepKind is what somebody does with a permit.
type StepKind string

// The kinds of step.
const (
	Open        StepKind = "open"
	Approve     StepKind = "approve"
	Countersign StepKind = "countersign"
	Close       StepKind = "close"
	Revoke      StepKind = "revoke"
)

// Step is one signed step in the life of a permit, as the ledger keeps it.
type Step struct {
	Kind   StepKind `json:"kind"`
	Permit ID       `json:"permit,omitempty"`  // of every step but Open
	Digest string   `json:"digest,omitempty"`  // of the permit's request, likewise
	Ask    *Request `json:"request,omitempty"` // of Open
	// BreakGlass asks to approve alone.
	BreakGlass bool      `json:"break_glass,omitempty"`
	Note       string    `json:"note,omitempty"`
	Key        string    `json:"key"`    // fingerprint of the signer's key
	Signed     time.Time `json:"signed"` // by the signer's clock: shown, and never judged by
	Signature  []byte    `json:"signature"`
}

// Message is what is signed: the step without its signature.
func (s Step) Message() []byte {
	s.Signature = nil
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has no type that json can't write
	}
	return append([]byte("waxseal permit step\n"), text...)
}

// digest names a step and who signed it.
func (s Step) digest() string {
	sum := sha256.Sum256(append(s.Message(), s.Signature...))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// TakeUse folds a finding that rests on a permit.
func (b *Book) TakeUse(f waxseal.Finding) {
	if p, ok := b.permits[ID(f.Permit)]; ok && f.Rung != waxseal.RungNone && f.Change != nil {
		p.Uses[f.Change.Path]++
	}
}

// Rules are what the host's administrators decide.
type Rules struct {
	// FourEyes asks for two persons for every permit; without it, only changes with
	// dangerous effects need them.
	FourEyes bool
	// CountersignWithin is how long an approval by one alone stands.
	CountersignWithin time.Duration
	// Longest bounds a window.
	Longest time.Duration
	// InAdvance allows permits under which a key of CI announces contents that nobody
	// approves one by one.
	InAdvance bool
}

// DefaultRules are those of a host that decides nothing.
func DefaultRules() Rules {
	return Rules{CountersignWithin: 24 * time.Hour, Longest: 31 * 24 * time.Hour}
}

// Book is what the steps in a ledger add up to.
type Book struct {
	rules   Rules
	keys    map[string]Key
	permits map[ID]*Permit
	order   []ID
	alone   []alone // promotions by one person alone
}

// NewBook returns a book in which nothing has happened.
func NewBook(r Rules) *Book {
	return &Book{rules: r, keys: map[string]Key{}, permits: map[ID]*Permit{}}
}

// AddKey notes a key; one fingerprint is one key for ever.
func (b *Book) AddKey(k Key) error {
	if _, ok := b.keys[k.Fingerprint]; ok {
		return fmt.Errorf("key %s is known already", k.Fingerprint)
	}
	if err := k.sound(); err != nil {
		return err
	}
	b.keys[k.Fingerprint] = k
	return nil
}

// RevokeKey ends a key: what it signs from then on is refused.
func (b *Book) RevokeKey(fingerprint string, at Moment) error {
	k, ok := b.keys[fingerprint]
	switch {
	case !ok:
		return fmt.Errorf("key %s is not known", fingerprint)
	case k.Revoked != nil:
		return fmt.Errorf("key %s is revoked already", fingerprint)
	}
	k.Revoked = &at
	b.keys[fingerprint] = k
	return nil
}

// Keys lists the keys by owner.
func (b *Book) Keys() []Key {
	return slices.SortedFunc(maps.Values(b.keys), func(x, y Key) int {
		return cmp.Or(strings.Compare(x.Owner, y.Owner), strings.Compare(x.Fingerprint, y.Fingerprint))
	})
}

// Permits lists the permits in the order in which they were opened.
func (b *Book) Permits() []Permit {
	list := make([]Permit, 0, len(b.order))
	for _, id := range b.order {
		list = append(list, *b.permits[id])
	}
	return list
}

// Permit returns one permit.
func (b *Book) Permit(id ID) (Permit, bool) {
	if p, ok := b.permits[id]; ok {
		return *p, true
	}
	return Permit{}, false
}

// Errors of steps that are refused.
var (
	ErrSignature = errors.New("the signature is not that of the key")
	ErrRevoked   = errors.New("the key is revoked")
	ErrRole      = errors.New("a key of CI can announce, and can't approve")
	ErrFourEyes  = errors.New("who asked for a change can't approve it: another person must")
	ErrOther     = errors.New("what was signed is not for this request")
	ErrBackDated = errors.New("the window begins before the permit was asked for")
)

// Take folds one step that entered the ledger, or refuses it. What is refused changes
// nothing. It returns the permit that the step is about.
func (b *Book) Take(s Step, at Moment) (ID, error) {
	key, err := b.signer(s)
	if err != nil {
		return "", err
	}
	if s.Kind == Open {
		return b.open(s, key, at)
	}
	p, ok := b.permits[s.Permit]
	if !ok {
		return "", fmt.Errorf("permit %q is not known", s.Permit)
	}
	if s.Digest != p.Digest {
		return p.ID, fmt.Errorf("permit %s: %w", p.ID, ErrOther)
	}
	switch s.Kind {
	case Approve:
		err = b.approve(p, s, key, at)
	case Countersign:
		err = b.countersign(p, key, at)
	case Close, Revoke:
		err = b.end(p, s.Kind, key, at)
	default:
		err = fmt.Errorf("unknown step %q", s.Kind)
	}
	return p.ID, err
}

// signer checks a signature.
func (b *Book) signer(s Step) (Key, error) {
	k, ok := b.keys[s.Key]
	switch {
	case !ok:
		return Key{}, fmt.Errorf("key %q is not known", s.Key)
	case k.Revoked != nil:
		return Key{}, fmt.Errorf("%s of %s: %w", k.Fingerprint, k.Owner, ErrRevoked)
	case len(k.Public) != ed25519.PublicKeySize || !ed25519.Verify(k.Public, s.Message(), s.Signature):
		return Key{}, fmt.Errorf("%s of %s: %w", k.Fingerprint, k.Owner, ErrSignature)
	}
	return k, nil
}

func (b *Book) open(s Step, key Key, at Moment) (ID, error) {
	if s.Ask == nil {
		return "", errors.New("a step that opens a permit has no request")
	}
	if err := b.sound(*s.Ask, at); err != nil {
		return "", err
	}
	p := &Permit{ID: ID(fmt.Sprintf("P%d", at.Index)), Digest: s.digest(), Request: *s.Ask, Requester: key.person(), Opened: at, Uses: map[waxseal.Path]int{}}
	if len(p.Announcers) > 0 && key.Role != RolePerson {
		return "", ErrRole
	}
	if p.Under != "" {
		if err := b.approveInAdvance(p, at); err != nil {
			return "", err
		}
	}
	b.supersede(p, at)
	b.permits[p.ID] = p
	b.order = append(b.order, p.ID)
	return p.ID, nil
}

// sound checks what a request asks for.
func (b *Book) sound(r Request, at Moment) error {
	switch {
	case strings.TrimSpace(r.Ticket) == "":
		return errors.New("a permit needs a ticket")
	case strings.TrimSpace(r.Reason) == "":
		return errors.New("a permit needs a reason")
	case !r.NotAfter.After(r.NotBefore):
		return errors.New("the window ends before it begins")
	case r.NotBefore.Before(at.Time.Add(-clockSlack)):
		return fmt.Errorf("%w (%s, asked for at %s)", ErrBackDated, stamp(r.NotBefore), stamp(at.Time))
	case r.NotAfter.Sub(r.NotBefore) > b.rules.Longest:
		return fmt.Errorf("the window is longer than %s", days(b.rules.Longest))
	case r.MaxChanges < 0:
		return errors.New("the number of changes is negative")
	case len(r.Announcers) > 0 && (len(r.Scope.Paths) == 0 || len(r.Expect) > 0 || r.Under != ""):
		return errors.New("a permit for announcers names the paths that they may announce, and no content")
	}
	for _, f := range r.Scope.Paths {
		if err := soundPath(f); err != nil {
			return err
		}
	}
	for f, d := range r.Expect {
		if err := soundPath(f); err != nil {
			return err
		}
		if strings.HasSuffix(string(f), "/") || d != "" && !isDigest(d) {
			return fmt.Errorf("the content to come of %q is no SHA-256 (%q)", f, d)
		}
	}
	return nil
}

func isDigest(d waxseal.Digest) bool {
	return len(d) == 2*sha256.Size && strings.Trim(string(d), "0123456789abcdef") == ""
}

// clockSlack is how far the clock of who asks may lie behind that of the ledger.
const clockSlack = time.Minute

func (b *Book) approve(p *Permit, s Step, key Key, at Moment) error {
	who := key.person()
	switch {
	case key.Role != RolePerson:
		return ErrRole
	case p.Approved != nil:
		return fmt.Errorf("permit %s is approved already", p.ID)
	case p.State(at.Time) != Requested:
		return fmt.Errorf("permit %s is %s", p.ID, p.State(at.Time))
	case who.same(p.Requester) && !s.BreakGlass && b.rules.FourEyes:
		return ErrFourEyes
	}
	p.Approver, p.Approved, p.Alone = &who, &at, who.same(p.Requester)
	p.BreakGlass = p.Alone && s.BreakGlass
	return nil
}

// countersign is the second pair of eyes on what one person approved alone.
func (b *Book) countersign(p *Permit, key Key, at Moment) error {
	switch {
	case key.Role != RolePerson:
		return ErrRole
	case !p.BreakGlass:
		return fmt.Errorf("permit %s was not approved by one person alone", p.ID)
	case p.Countersigned != nil:
		return fmt.Errorf("permit %s is countersigned already", p.ID)
	case key.person().same(p.Requester):
		return ErrFourEyes
	}
	p.Countersigned = &at
	return nil
}

func (b *Book) end(p *Permit, how StepKind, key Key, at Moment) error {
	switch {
	case p.Ended != nil:
		return fmt.Errorf("permit %s has ended already", p.ID)
	case key.Role != RolePerson && !key.person().same(p.Requester):
		return ErrRole
	}
	p.Ended, p.Revoked = &at, how == Revoke
	return nil
}

// Overdue lists permits that one person approved alone, and that nobody else signed in
// time: findings that rested on them open again.
func (b *Book) Overdue(now time.Time) (list []ID) {
	for _, id := range b.order {
		if b.permits[id].overdue(now, b.rules) {
			list = append(list, id)
		}
	}
	return list
}

func (p Permit) overdue(now time.Time, r Rules) bool {
	return p.BreakGlass && p.Countersigned == nil && now.After(p.Approved.Time.Add(r.CountersignWithin))
}

// files are those that the permit names, one by one.
func (p Permit) files() (list []waxseal.Path) {
	for _, f := range p.Scope.Paths {
		if !strings.HasSuffix(string(f), "/") {
			list = append(list, f)
		}
	}
	for f := range p.Expect {
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	slices.Sort(list)
	return list
}
