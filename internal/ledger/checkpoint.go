package ledger

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrSignature: a checkpoint is not signed by the key given.
var ErrSignature = errors.New("signature is not by this key")

// claim is what one checkpoint says: the tree of the first size entries has
// this root.
type claim struct {
	size int64
	root tlog.Hash
	// elsewhere marks the checkpoint that was kept out of this host's reach.
	elsewhere bool
}

func (c claim) String() string {
	if c.elsewhere {
		return fmt.Sprintf("checkpoint kept elsewhere, of size %d", c.size)
	}
	return fmt.Sprintf("checkpoint of size %d", c.size)
}

// opener turns the bytes of a checkpoint into what it claims. On an error the
// claim holds what could still be read; its size is -1 where nothing could.
type opener func(signed []byte) (claim, error)

// signedBy returns the opener that accepts only checkpoints of the ledger whose
// public key this is.
func signedBy(verifierKey string) (opener, error) {
	v, err := note.NewVerifier(strings.TrimSpace(verifierKey))
	if err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	known := note.VerifierList(v)
	return func(signed []byte) (claim, error) {
		n, err := note.Open(signed, known)
		if err != nil {
			c, _ := unsigned(signed)
			return c, signatureError(err)
		}
		c, origin, err := parseText([]byte(n.Text))
		if err == nil && origin != v.Name() {
			err = fmt.Errorf("it is of ledger %q, not of %q", origin, v.Name())
		}
		return c, err
	}, nil
}

// signatureError is ErrSignature for what note says about signatures, and
// note's own words for what is no signed note at all.
func signatureError(err error) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	if errors.As(err, &unverified) || errors.As(err, &invalid) {
		return ErrSignature
	}
	return err
}

// unsigned is the opener that believes the text of a checkpoint without its
// signature.
func unsigned(signed []byte) (claim, error) {
	c, _, err := parseText(signed)
	return c, err
}

// parseText reads the three lines of a checkpoint.
func parseText(text []byte) (c claim, origin string, err error) {
	c.size = -1
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(text); err != nil {
		return c, "", err
	}
	if cp.Size > math.MaxInt64 || len(cp.Hash) != tlog.HashSize {
		return c, "", errors.New("malformed checkpoint")
	}
	c.size, c.root = int64(cp.Size), tlog.Hash(cp.Hash)
	return c, cp.Origin, nil
}

// ParseCheckpoint reads size and root of a checkpoint signed by the key.
func ParseCheckpoint(signed []byte, verifierKey string) (size int64, root tlog.Hash, err error) {
	open, err := signedBy(verifierKey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	c, err := open(signed)
	if err != nil {
		return 0, tlog.Hash{}, fmt.Errorf("checkpoint: %w", err)
	}
	return c.size, c.root, nil
}

// Short returns the one-line form of a checkpoint, "17:BASE64ROOT", for
// printing beside a finding: whoever keeps the line is a witness. It does not
// check the signature and returns "" for what is no checkpoint.
func Short(signed []byte) string {
	c, err := unsigned(signed)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(c.size, 10) + ":" + c.root.String()
}

// ParseShort reads the one-line form of a checkpoint, for [VerifyRoot].
func ParseShort(s string) (size int64, root tlog.Hash, err error) {
	number, hash, ok := strings.Cut(strings.TrimSpace(s), ":")
	if !ok {
		return 0, root, fmt.Errorf("checkpoint %q: want SIZE:ROOT", s)
	}
	size, err = strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != number {
		return 0, root, fmt.Errorf("checkpoint %q: %q is not a size", s, number)
	}
	root, err = tlog.ParseHash(hash)
	if err != nil {
		return 0, root, fmt.Errorf("checkpoint %q: %q is not a root hash", s, hash)
	}
	return size, root, nil
}
