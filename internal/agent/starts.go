package agent

import (
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/store"
)

// count counts the starts of scripts of the mail path, and tells of one that starts
// more often than the configuration allows.
func (a *Agent) count(o waxseal.Observation) {
	if a.opts.MostStarts == 0 {
		return
	}
	script, n, over := a.starts.Add(o.Audit, a.names.user(o.Audit.EUID))
	if !over {
		return
	}
	f := detect.Frequent(script, n)
	f.Seen = o.Time
	index := a.note(o.Time, o)
	a.record()
	if *index != waxseal.NoIndex {
		f.Observations = []waxseal.Index{*index}
	}
	f.Actor = o.Audit.Actor
	err := a.books.Append(func(tx *store.Tx) (err error) {
		f, _, err = tx.Finding(time.Now(), f)
		return err
	})
	if err != nil {
		f.Unrecorded = true
		a.fails(err)
	}
	a.opts.Tell(f, "", a.books.Checkpoint())
}
