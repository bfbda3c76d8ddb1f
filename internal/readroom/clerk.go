package readroom

import (
	"errors"
	"io"
	"runtime/debug"
	"time"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/pkgdb/translog"
)

// papersVerb is the argument by which a program reads papers, and nothing of the mail path.
const papersVerb = "read-papers-for-watch"

// What is asked of papers.
const (
	askLogs verb = iota + 101 // none of what is asked of a tree
	askArchive
	askHeaders
	askKeys
	askHistory
)

// question asks for papers.
type question struct {
	Number uint64
	Verb   verb
	Path   waxseal.Path
	Wanted map[string]bool
	Trust  papers.Trust
}

// reply is what they say.
type reply struct {
	Number   uint64
	Denied   bool // see answer
	CPU      time.Duration
	Failed   bool   // something could not be read, and Why says what
	Why      string // one line each
	Log      []translog.Transaction
	Archives []parcel.Archive
	Keys     []deb.Key
	Words    string
}

// clerk is the end of the one who reads papers.
type clerk struct {
	tree *watched
	here *papers.Here
}

func newClerk(tree *watched) *clerk { return &clerk{tree, &papers.Here{Tree: tree}} }

// clerkMemory is when what is done with is thrown away more often: lists of packages have
// 50 MB.
const clerkMemory = 256 << 20

func (c *clerk) serve(w *wire) error {
	debug.SetMemoryLimit(clerkMemory)
	for {
		var q question
		err := w.receive(&q)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.send(*c.reply(q)); err != nil {
			return err
		}
	}
}

func (c *clerk) reply(q question) *reply {
	c.tree.denied.Store(false)
	a, err := &reply{Number: q.Number}, error(nil)
	switch q.Verb {
	case askLogs:
		a.Log, err = c.here.Transactions()
	case askArchive:
		var one parcel.Archive
		if one, err = c.here.Archive(q.Path, q.Trust); err == nil {
			a.Archives = []parcel.Archive{one}
		}
	case askHeaders:
		a.Archives, a.Log, err = c.here.Headers(q.Wanted, q.Trust)
	case askKeys:
		a.Keys, err = c.here.Keys()
	case askHistory:
		a.Words, err = c.here.History(q.Path)
	}
	if err != nil {
		a.Failed, a.Why = true, papers.Words(err)
	}
	a.Denied, a.CPU = c.tree.denied.Load(), used()
	return a
}
