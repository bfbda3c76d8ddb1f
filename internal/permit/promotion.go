package permit

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// Promotion is a person's word that a state is meant, after the fact. It names every
// object with the content that was reviewed; it is for nothing else.
type Promotion struct {
	// Seal is the entry of the seal that it moves on from.
	Seal    waxseal.Index `json:"seal"`
	Objects []Promoted    `json:"objects"`
	// Attest says that a person vouches for the sealed state itself.
	Attest bool   `json:"attest,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	Reason string `json:"reason"`
	// BreakGlass asks to promote alone what one made oneself.
	BreakGlass bool `json:"break_glass,omitempty"`
	// Key is the fingerprint of the key that signed; none where no person has a key.
	Key       string    `json:"key,omitempty"`
	Signed    time.Time `json:"signed,omitzero"`
	Signature []byte    `json:"signature,omitempty"`

	// What follows is added when it is recorded, and is not signed by the person.
	Owner string        `json:"owner,omitempty"` // of the key
	Alone bool          `json:"alone,omitempty"` // who made the change promoted it too
	By    waxseal.Actor `json:"by"`
}

// Promoted is one object of a promotion.
type Promoted struct {
	// Named says that the person named it; the others are listed beside, since they
	// have no effect on mail or a package vouches for them.
	Named   bool              `json:"named,omitempty"`
	Finding waxseal.FindingID `json:"finding,omitempty"`
	Path    waxseal.Path      `json:"path"`
	// After is the reviewed content, "" where the file is gone or only a hook's meaning
	// changed; Before is what was sealed.
	After  waxseal.Digest `json:"after_sha256,omitempty"`
	Before waxseal.Digest `json:"before_sha256,omitempty"`

	Kind     waxseal.ChangeKind   `json:"kind,omitempty"`
	Severity waxseal.Severity     `json:"severity"`
	Rung     waxseal.Rung         `json:"rung"`
	Package  waxseal.PackageState `json:"package_state,omitempty"` // of an attested file
}

// Message is what is signed: what the person knew and said.
func (p Promotion) Message() []byte {
	type object struct {
		Finding waxseal.FindingID `json:"finding,omitempty"`
		Path    waxseal.Path      `json:"path"`
		After   waxseal.Digest    `json:"after_sha256,omitempty"`
	}
	said := struct {
		Seal       waxseal.Index `json:"seal"`
		Objects    []object      `json:"objects"`
		Attest     bool          `json:"attest,omitempty"`
		Ticket     string        `json:"ticket,omitempty"`
		Reason     string        `json:"reason"`
		BreakGlass bool          `json:"break_glass,omitempty"`
		Key        string        `json:"key,omitempty"`
		Signed     time.Time     `json:"signed,omitzero"`
	}{p.Seal, nil, p.Attest, p.Ticket, p.Reason, p.BreakGlass, p.Key, p.Signed}
	for _, o := range p.Objects {
		if o.Named {
			said.Objects = append(said.Objects, object{o.Finding, o.Path, o.After})
		}
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic(err) // it has no type that json can't write
	}
	return append([]byte("waxseal promotion\n"), text...)
}

// ErrUnsigned: people have keys, so their word is signed.
var ErrUnsigned = errors.New("people have keys here, so it has to be signed by one of them")

// Vouch says which person's word something is: that of the key that signed it. Without
// any person's key in use nobody can sign, and the word is that of whoever may write the
// ledger; the key is empty then.
func (b *Book) Vouch(fingerprint string, message, signature []byte) (Key, error) {
	if fingerprint == "" {
		for _, k := range b.keys {
			if k.Role == RolePerson && k.Revoked == nil {
				return Key{Login: waxseal.Unset}, ErrUnsigned
			}
		}
		return Key{Login: waxseal.Unset}, nil
	}
	k, ok := b.keys[fingerprint]
	switch {
	case !ok:
		return k, fmt.Errorf("key %q is not known", fingerprint)
	case k.Revoked != nil:
		return k, fmt.Errorf("%s of %s: %w", k.Fingerprint, k.Owner, ErrRevoked)
	case len(k.Public) != ed25519.PublicKeySize || !ed25519.Verify(k.Public, message, signature):
		return k, fmt.Errorf("%s of %s: %w", k.Fingerprint, k.Owner, ErrSignature)
	case k.Role != RolePerson:
		return k, ErrRole
	}
	return k, nil
}

// Promote says whether a promotion may be recorded, of findings about changes that
// somebody made, and completes it: whose key signed it, and whether one person alone
// made a dangerous change and promoted it.
func (b *Book) Promote(p *Promotion, findings []waxseal.Finding) error {
	if strings.TrimSpace(p.Reason) == "" {
		return errors.New("a promotion needs a reason")
	}
	key, err := b.Vouch(p.Key, p.Message(), p.Signature)
	if err != nil {
		return err
	}
	p.Owner, p.Alone = key.Owner, false
	if p.Key == "" {
		return nil
	}
	for _, f := range findings {
		if f.Change == nil || f.Actor == nil || !b.needsEyes(*f.Change) || f.Actor.Login.UID == waxseal.Unset || f.Actor.Login.UID != key.Login && !key.madeKnownBy(f.Actor.Login.UID) {
			continue
		}
		if !p.BreakGlass {
			return fmt.Errorf("%s: %s made the change%s: another person has to promote it (or --break-glass, which shows)", f.ID, Name(*f.Actor),
				pick(f.Actor.Login.UID == key.Login, "", ", and made the key known by which "+key.Owner+" promotes it"))
		}
		p.Alone = true
	}
	return nil
}

// alone is a finding that the maker of its change promoted too.
type alone struct {
	finding       waxseal.FindingID
	key           string
	at            Moment
	countersigned bool
}

// TakePromotion folds a promotion that entered the ledger: one of the same finding by
// another person countersigns what was promoted alone.
func (b *Book) TakePromotion(p Promotion, at Moment) error {
	if !p.Attest && !slices.ContainsFunc(p.Objects, func(o Promoted) bool { return o.Named }) {
		return nil // nothing that anybody need vouch for
	}
	key, err := b.Vouch(p.Key, p.Message(), p.Signature)
	if err != nil {
		return err
	}
	for _, o := range p.Objects {
		for i, a := range b.alone {
			if a.finding == o.Finding && a.key != key.Fingerprint && !b.keys[a.key].person().same(key.person()) {
				b.alone[i].countersigned = true
			}
		}
		if p.Alone && o.Finding != "" {
			b.alone = append(b.alone, alone{o.Finding, p.Key, at, false})
		}
	}
	return nil
}

// Awaits reports whether a finding was promoted by one person alone, and nobody has
// countersigned yet.
func (b *Book) Awaits(id waxseal.FindingID) bool {
	for _, a := range b.alone {
		if a.finding == id && !a.countersigned {
			return true
		}
	}
	return false
}

// OverduePromotions lists the findings that one person promoted alone, and that nobody
// countersigned in time, with when they were promoted: they open again.
func (b *Book) OverduePromotions(now time.Time) map[waxseal.FindingID]Moment {
	late := map[waxseal.FindingID]Moment{}
	for _, a := range b.alone {
		if !a.countersigned && now.After(a.at.Time.Add(b.rules.CountersignWithin)) {
			late[a.finding] = a.at
		}
	}
	return late
}
