package triage

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"waxseal"
)

// Signer is the person whose key signed a step; without a key it is nobody by name.
type Signer struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Login uint32 `json:"login"` // on the hosts, [waxseal.Unset] for none
	// MadeKnownBy is who made the key known, and may have its secret half too.
	MadeKnownBy waxseal.Login `json:"-"`
}

// same reports whether two persons are, or may be, one.
func (s Signer) same(o Signer) bool {
	return s.Key == o.Key || s.Name == o.Name || s.Login != waxseal.Unset && s.Login == o.Login
}

// Errors of steps that are refused.
var (
	ErrOther = errors.New("what was signed is not for this suppression")
	ErrSame  = errors.New("who added a suppression can't approve it: another person must")
)

// Digest names a step and who signed it: an approval is for what was read.
func (s Step) digest() string {
	sum := sha256.Sum256(append(s.Message(), s.Signature...))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// approve notes the second person's word.
func (s *Suppression) approve(step Step, who Signer, at time.Time) error {
	switch {
	case who.Key == "":
		return errors.New("an approval is signed by a person's key")
	case step.Digest != s.Digest:
		return fmt.Errorf("suppression %s: %w", s.ID, ErrOther)
	case s.State(at) != "active":
		return fmt.Errorf("suppression %s is %s", s.ID, s.State(at))
	case s.Approver != nil:
		return fmt.Errorf("suppression %s is approved already", s.ID)
	case s.Key != "" && who.same(s.signer):
		return ErrSame
	}
	s.Approver, s.Approved = &who, &at
	return nil
}

// Awaits reports whether a second person has to approve a suppression before it hides
// dangerous changes: where people have keys, or the rules ask for it.
func (s Suppression) Awaits(r Rules) bool { return s.Approver == nil && (s.Key != "" || r.FourEyes) }

// eyes says why a suppression that is for a finding may not hide it yet: by one person's
// word no dangerous change is hidden, nor by that of who made it. It is "" where it may.
func (s Suppression) eyes(f waxseal.Finding, r Rules) string {
	if !r.FourEyes && !dangerous(f) {
		return ""
	}
	if s.Awaits(r) {
		return "the change is dangerous, and nobody but who added it has approved it"
	}
	if f.Actor == nil || s.Approver == nil || f.Actor.Login.UID == waxseal.Unset || f.Actor.Login.Grade == waxseal.Unknown {
		return ""
	}
	switch uid, by := f.Actor.Login.UID, s.Approver.MadeKnownBy; {
	case uid == s.signer.Login:
		return s.signer.Name + " made the change, and added it"
	case uid == s.Approver.Login:
		return s.Approver.Name + " made the change, and approved it"
	case uid == by.UID && (by.Grade == waxseal.Proven || by.Grade == waxseal.Inferred):
		return "who made the change made the key known by which " + s.Approver.Name + " approved it"
	}
	return ""
}

// dangerous reports whether a finding is never hidden by its place alone.
func dangerous(f waxseal.Finding) bool {
	return f.Change != nil && (f.Change.Dangerous() || max(f.Severity, f.Change.Severity) >= waxseal.High)
}
