package agent

import (
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/store"
)

// configFor is how long a change of audit's configuration may wait for the gap that it
// makes.
const configFor = 3 * time.Second

const maxConfigs = 256

// takeConfig: somebody else changed the configuration of audit.
func (a *Agent) takeConfig(o waxseal.Observation) {
	index := a.note(o.Time, o)
	a.basis.add(touchKey(o.Audit), index)
	if len(a.configs) >= maxConfigs {
		a.configs = slices.Clone(a.configs[maxConfigs/2:])
	}
	a.configs = append(a.configs, *o.Audit)
}

// silenced makes a finding of a gap that somebody caused.
func (a *Agent) silenced(o waxseal.Observation, index *waxseal.Index) {
	f := detect.Silenced(*o.Gap)
	f.Seen = o.Time
	related := []*waxseal.Index{index}
	actor := a.memory.Actor(waxseal.FileEvent{}, time.Time{})
	if e := a.configBy(*o.Gap); e != nil {
		actor = a.memory.Doer(*e, waxseal.Proven)
		related = append(append(related, a.basis[touchKey(e)]...), a.startsOf(actor)...)
	}
	f.Actor = &actor
	f.Observations = a.recorded(related)
	a.tellOf(f)
}

// configBy is the change of audit's configuration behind a gap, nil where there is none
// or where several processes made some.
func (a *Agent) configBy(g waxseal.Gap) (found *waxseal.AuditEvent) {
	for i := range a.configs {
		e := &a.configs[i]
		if e.Time.Before(g.From.Add(-configFor)) || e.Time.After(g.Until) || e.PID == 0 {
			continue
		}
		if found != nil && found.PID != e.PID {
			return nil
		}
		if found == nil || found.Exe == "" {
			found = e
		}
	}
	return found
}

// tellOf keeps and tells a finding that rests on no change of a file.
func (a *Agent) tellOf(f waxseal.Finding) {
	err := a.books.Append(func(tx *store.Tx) (err error) {
		f, _, err = tx.Finding(time.Now(), f)
		return err
	})
	if err != nil {
		f.ID, f.Unrecorded = "", true
		a.fails(err)
	}
	a.opts.Tell(f, "", a.books.Checkpoint())
}
