package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
)

// originPrefix starts the name of every Waxseal ledger.
const originPrefix = "waxseal/"

// algEd25519 is the algorithm byte of Ed25519 in a note key (c2sp.org/signed-note).
const algEd25519 = 1

// GenerateKey makes the key pair of a new ledger for the host called name. The
// signer is secret; the verifier is to be kept elsewhere.
//
// The key's name, which is also the first line of every checkpoint, is
// "waxseal/HOST/ID", where ID is the start of the public key's SHA-256: a host
// that is installed again gets another name.
func GenerateKey(name string, rand io.Reader) (signer, verifier string, err error) {
	if err := checkName(name); err != nil {
		return "", "", err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return "", "", fmt.Errorf("make ledger key: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	digest := sha256.Sum256(public)
	origin := originPrefix + name + "/" + hex.EncodeToString(digest[:4])
	verifier, err = note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return "", "", fmt.Errorf("make ledger key: %w", err)
	}
	hash := strings.Split(verifier, "+")[1]
	private := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, seed...))
	return "PRIVATE+KEY+" + origin + "+" + hash + "+" + private, verifier, nil
}

// checkName refuses what a note's key name or one line of a path-like name
// can't hold.
func checkName(name string) error {
	bad := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("+/\uFFFD", r)
	}
	if name == "" || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("ledger name %q: want a host name without spaces, '+' and '/'", name)
	}
	return nil
}

// Log makes what an append must store beside the entry: the entry's canonical
// bytes, the hashes it adds to the tree, and the signed checkpoint after it.
// It holds no state but the key, so it may be used by several goroutines.
type Log struct {
	signer   note.Signer
	verifier string
}

// New returns the Log that signs with the key made by [GenerateKey].
func New(signerKey string) (*Log, error) {
	signerKey = strings.TrimSpace(signerKey)
	signer, err := note.NewSigner(signerKey)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	verifier, err := verifierOf(signerKey)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	return &Log{signer: signer, verifier: verifier}, nil
}

// verifierOf derives the public half of a signer key that note has accepted.
func verifierOf(signerKey string) (string, error) {
	parts := strings.SplitN(signerKey, "+", 5)
	if len(parts) != 5 {
		return "", errors.New("malformed")
	}
	private, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(private) != 1+ed25519.SeedSize || private[0] != algEd25519 {
		return "", errors.New("not an Ed25519 key")
	}
	public := ed25519.NewKeyFromSeed(private[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}

// Origin is the name of the ledger, the first line of its checkpoints.
func (l *Log) Origin() string { return l.signer.Name() }

// Verifier is the public key, in the form that [Verify] takes.
func (l *Log) Verifier() string { return l.verifier }

// Encode is [Encode] in plain types, for a keeper that doesn't know this
// package, and whose bodies encoding/json has written: they are compact.
func (l *Log) Encode(index waxseal.Index, t time.Time, kind string, body []byte) ([]byte, error) {
	return encode(Entry{Index: index, Time: t, Kind: Kind(kind), Body: body}, copied)
}

func copied(b *bytes.Buffer, body []byte) error {
	_, err := b.Write(body)
	return err
}

// Hashes returns the hashes that record adds to the tree as its entry n, to be
// stored from index tlog.StoredHashIndex(0, n) on. It reads at most the hashes
// of the complete subtrees to the left.
func (l *Log) Hashes(n int64, record []byte, r tlog.HashReader) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashes(n, record, r)
	if err != nil {
		return nil, fmt.Errorf("hash entry %d: %w", n, err)
	}
	return hashes, nil
}

// Checkpoint returns the signed note for the tree of the first size entries.
func (l *Log) Checkpoint(size int64, r tlog.HashReader) ([]byte, error) {
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of size %d: %w", size, err)
	}
	text := log.Checkpoint{Origin: l.Origin(), Size: uint64(size), Hash: root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, l.signer)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of size %d: %w", size, err)
	}
	return signed, nil
}
