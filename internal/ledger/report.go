package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
)

// What a report says about trust. The first is for a ledger checked against
// itself alone.
const (
	TrustItself = "consistent with itself; not proven against root: the signing key lies on this host, " +
		"so only a checkpoint kept elsewhere proves that nothing was rewritten"
	TrustBroken = "not consistent with itself: it was changed by someone who could not sign, or it is damaged"
	TrustDenied = "not the ledger of which the checkpoint kept elsewhere was made: " +
		"entries were rewritten or removed since then"
)

// maxProblems bounds a report: after the first few, more of the same help
// nobody.
const maxProblems = 32

// Report is what a verification found.
type Report struct {
	Entries     int64     `json:"entries"`     // entries read
	Checkpoints int       `json:"checkpoints"` // checkpoints of the ledger itself that could be relied on
	Root        tlog.Hash `json:"root"`        // computed from the entries read
	// Problems are in the order of the ledger: the first one is where to look.
	Problems []Problem `json:"problems"`
	// Omitted counts problems beyond those listed.
	Omitted int `json:"omitted"`
	// Trust is one sentence: what the result proves and against whom.
	Trust string `json:"trust"`
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// Problem is one thing that is wrong with a ledger.
type Problem struct {
	// Index is the first bad entry, or waxseal.NoIndex where the entries are not
	// what is wrong.
	Index waxseal.Index `json:"index"`
	// Until is the last entry that may be bad; Index where it is that one alone.
	Until waxseal.Index `json:"until"`
	// Checkpoint is the size of the checkpoint that shows it; -1 where none does.
	Checkpoint int64 `json:"checkpoint"`
	// Time and Kind are those the bad entry claims, where it can be read.
	Time    time.Time `json:"time,omitzero"`
	Kind    Kind      `json:"kind,omitempty"`
	Message string    `json:"message"`
}

// String is the message, with what the bad entry claims to be.
func (p Problem) String() string {
	if p.Kind == "" {
		return p.Message
	}
	return fmt.Sprintf("%s (it reads as %s of %s)", p.Message, p.Kind, p.Time.UTC().Format(time.RFC3339))
}

// position is where in the ledger the problem belongs.
func (p Problem) position() int64 {
	if p.Index != waxseal.NoIndex {
		return int64(p.Index)
	}
	return p.Checkpoint - 1
}

func (r *Report) add(p Problem) {
	if len(r.Problems) >= maxProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
}

func (r *Report) sort() {
	if r.Problems == nil {
		r.Problems = []Problem{} // a list in JSON, never null
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Compare(a.position(), b.position()) })
}

// entries names a range as people do.
func entries(from, to int64) string {
	if from == to {
		return fmt.Sprintf("entry %d", from)
	}
	return fmt.Sprintf("entries %d to %d", from, to)
}

// were is the verb for a range.
func were(from, to int64) string {
	if from == to {
		return "was"
	}
	return "were"
}
