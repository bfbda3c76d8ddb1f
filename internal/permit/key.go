package permit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"waxseal"
)

// KeyRole is what a key may do.
type KeyRole string

// The roles of keys. What runs without a person can announce a change, and can't
// approve one.
const (
	RolePerson KeyRole = "person"
	RoleCI     KeyRole = "ci"
)

// Key is a public key that steps are signed with.
type Key struct {
	Fingerprint string            `json:"fingerprint"`
	Public      ed25519.PublicKey `json:"public"`
	Role        KeyRole           `json:"role"`
	Owner       string            `json:"owner"`
	Login       uint32            `json:"login"` // the owner's login uid, [waxseal.Unset] for none
	Added       Moment            `json:"added"`
	Revoked     *Moment           `json:"revoked,omitempty"`

	by waxseal.Login // of who made it known
}

// Fingerprint names a public key, as ssh-keygen(1) -l does for its own.
func Fingerprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func (k Key) sound() error {
	switch {
	case k.Role != RolePerson && k.Role != RoleCI:
		return fmt.Errorf("key of %q: unknown role %q: want %s or %s", k.Owner, k.Role, RolePerson, RoleCI)
	case strings.TrimSpace(k.Owner) == "" || len(k.Owner) > 200:
		return errors.New("a key needs an owner")
	case len(k.Public) != ed25519.PublicKeySize || k.Fingerprint != Fingerprint(k.Public):
		return fmt.Errorf("key of %q: it is not what its fingerprint says", k.Owner)
	}
	return nil
}

// madeKnownBy reports whether a login made the key known, so that it may have the secret
// half as well.
func (k Key) madeKnownBy(uid uint32) bool {
	return k.by.UID == uid && (k.by.Grade == waxseal.Proven || k.by.Grade == waxseal.Inferred)
}

// MadeKnownBy is the login of who made the key known.
func (k Key) MadeKnownBy() waxseal.Login { return k.by }

func (k Key) person() Person { return Person{Name: k.Owner, Key: k.Fingerprint, Login: k.Login} }

// KeyStep makes a key known, or ends it, as the ledger keeps it. Whoever may write the
// ledger may do so: it is signed by the ledger alone, and By says who it was.
type KeyStep struct {
	Add    *Key          `json:"add,omitempty"`
	Revoke string        `json:"revoke,omitempty"` // fingerprint
	Note   string        `json:"note,omitempty"`
	By     waxseal.Actor `json:"by"`
}

// TakeKey folds one step about a key.
func (b *Book) TakeKey(s KeyStep, at Moment) error {
	switch {
	case s.Add != nil && s.Revoke == "":
		k := *s.Add
		k.Added, k.Revoked, k.by = at, nil, s.By.Login
		return b.AddKey(k)
	case s.Add == nil && s.Revoke != "":
		return b.RevokeKey(s.Revoke, at)
	}
	return errors.New("a step about a key adds one or revokes one")
}
