package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
)

// Source is a stored ledger, as a verifier reads it. Nothing that a Source
// returns is believed.
//
// A Source may grow while it is read. What it has returned once must not
// change: that is what the verification is about.
type Source interface {
	// Len is one more than the highest index stored, 0 for an empty ledger.
	Len() (int64, error)
	// Record returns the bytes of one entry; fs.ErrNotExist where there is none.
	Record(waxseal.Index) ([]byte, error)
	// Hash returns one hash by its stored-hash index (tlog.StoredHashIndex);
	// fs.ErrNotExist where there is none.
	Hash(index int64) (tlog.Hash, error)
	// Checkpoints returns every signed checkpoint, in any order.
	Checkpoints() iter.Seq2[[]byte, error]
}

// Verify checks a ledger against itself: every entry, every hash, and every
// checkpoint with the key. What is wrong with the ledger is in the Report; the
// error says only that the ledger could not be read or the key is none.
//
// It proves nothing against who holds the signing key; Report.Trust says so.
func Verify(src Source, verifierKey string) (Report, error) {
	open, err := signedBy(verifierKey)
	if err != nil {
		return Report{}, err
	}
	return verify(src, open, nil)
}

// VerifyAgainst is [Verify], and checks that the ledger is the one of which the
// checkpoint was made. Checkpoint and key are to come from where nobody on this
// host could have changed them. A checkpoint that is not signed by the key is
// an error, [ErrSignature]: it is no evidence about the ledger.
func VerifyAgainst(src Source, verifierKey string, checkpoint []byte) (Report, error) {
	open, err := signedBy(verifierKey)
	if err != nil {
		return Report{}, err
	}
	c, err := open(checkpoint)
	if err != nil {
		return Report{}, fmt.Errorf("checkpoint kept elsewhere: %w", err)
	}
	c.elsewhere = true
	return verify(src, open, &c)
}

// VerifyRoot checks a ledger against size and root of a checkpoint kept
// elsewhere, without any key: for the one-line form, see [ParseShort]. The
// signatures of the ledger's own checkpoints are not checked, their roots are.
func VerifyRoot(src Source, size int64, root tlog.Hash) (Report, error) {
	if size < 0 {
		return Report{}, fmt.Errorf("checkpoint kept elsewhere: size %d is negative", size)
	}
	return verify(src, unsigned, &claim{size: size, root: root, elsewhere: true})
}

// verify reads the checkpoints between two readings of the length: a ledger
// that grows meanwhile is neither too short nor uncovered.
func verify(src Source, open opener, elsewhere *claim) (Report, error) {
	a := audit{src: src, edge: edge{}, elsewhere: elsewhere}
	before, err := src.Len()
	if err != nil {
		return Report{}, fmt.Errorf("length of the ledger: %w", err)
	}
	if err := a.collect(open); err != nil {
		return Report{}, err
	}
	after, err := src.Len()
	if err != nil {
		return Report{}, fmt.Errorf("length of the ledger: %w", err)
	}
	a.checkEnd(before, after)
	if err := a.walk(max(before, min(a.covered, after))); err != nil {
		return Report{}, err
	}
	if err := a.checkLeftover(after); err != nil {
		return Report{}, err
	}
	a.report.sort()
	a.report.Trust = a.trust()
	return a.report, nil
}

// audit is one verification under way.
type audit struct {
	src       Source
	elsewhere *claim
	claims    []claim // by size; those still to be met come last
	covered   int64   // size of the largest checkpoint of the ledger itself
	edge      edge
	doubt     *doubt
	held      claim         // the last one whose root matched
	broken    bool          // a checkpoint of the ledger itself did not hold
	refuted   waxseal.Index // the first bad entry by that checkpoint
	proven    bool          // the checkpoint kept elsewhere held
	report    Report
}

// collect reads all checkpoints. A bad one is a problem and claims nothing.
func (a *audit) collect(open opener) error {
	for signed, err := range a.src.Checkpoints() {
		if err != nil {
			return fmt.Errorf("checkpoints: %w", err)
		}
		c, err := open(signed)
		switch {
		case err == nil:
			a.claims = append(a.claims, c)
			a.covered = max(a.covered, c.size)
		case c.size < 0:
			a.report.add(Problem{Index: waxseal.NoIndex, Until: waxseal.NoIndex, Checkpoint: -1,
				Message: fmt.Sprintf("a checkpoint is not readable: %v", err)})
		default:
			a.report.add(Problem{Index: waxseal.NoIndex, Until: waxseal.NoIndex, Checkpoint: c.size,
				Message: fmt.Sprintf("%v: %v", c, err)})
		}
	}
	a.report.Checkpoints = len(a.claims)
	if a.elsewhere != nil {
		a.claims = append(a.claims, *a.elsewhere)
	}
	slices.SortStableFunc(a.claims, func(x, y claim) int { return cmp.Compare(x.size, y.size) })
	return nil
}

// checkEnd compares the length with what the checkpoints cover. Every append
// signs a checkpoint with its entries, so both must be equal; before and after
// are the lengths before and after the checkpoints were read.
func (a *audit) checkEnd(before, after int64) {
	if c := a.elsewhere; c != nil && c.size > after {
		a.report.add(Problem{Index: waxseal.Index(after), Until: waxseal.Index(c.size - 1), Checkpoint: c.size,
			Message: missingAtEnd(*c, after)})
	}
	if a.covered > after {
		a.report.add(Problem{Index: waxseal.Index(after), Until: waxseal.Index(a.covered - 1), Checkpoint: a.covered,
			Message: missingAtEnd(claim{size: a.covered}, after)})
	}
	if a.covered < before {
		a.report.add(Problem{Index: waxseal.Index(a.covered), Until: waxseal.Index(before - 1), Checkpoint: -1,
			Message: "no valid checkpoint covers " + entries(a.covered, before-1)})
	}
}

func missingAtEnd(c claim, length int64) string {
	which, verb := "the checkpoint of the ledger itself", "are"
	if c.elsewhere {
		which = "the checkpoint kept elsewhere"
	}
	n := fmt.Sprintf("%d entries", c.size-length)
	if c.size-length == 1 {
		n, verb = "1 entry", "is"
	}
	return fmt.Sprintf("%s %s missing at the end: %s covers %d entries, the ledger has %d", n, verb, which, c.size, length)
}

// checkLeftover looks for hashes after the end: those of entries that were
// taken away without them. A writer may be adding some right now, so only a
// ledger that has not grown is judged.
func (a *audit) checkLeftover(length int64) error {
	_, err := a.src.Hash(tlog.StoredHashCount(length))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hash after the end: %w", err)
	}
	now, err := a.src.Len()
	if err != nil {
		return fmt.Errorf("length of the ledger: %w", err)
	}
	if now == length {
		a.report.add(Problem{Index: waxseal.Index(length), Until: waxseal.Index(length), Checkpoint: -1,
			Message: fmt.Sprintf("there are hashes of entries after the last one: entry %d and perhaps more are missing at the end", length)})
	}
	return nil
}

func (a *audit) trust() string {
	switch {
	case a.elsewhere != nil && !a.proven:
		return TrustDenied
	case !a.report.OK():
		return TrustBroken
	case a.elsewhere == nil || a.elsewhere.size == 0:
		return TrustItself
	}
	c := a.elsewhere
	text := fmt.Sprintf("%s: as when the checkpoint kept elsewhere was made, if nobody on this host could change that one",
		entries(0, c.size-1))
	if last := a.report.Entries - 1; last >= c.size {
		text += fmt.Sprintf("; %s: %s", entries(c.size, last), TrustItself)
	}
	return text
}
