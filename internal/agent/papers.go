package agent

import (
	"errors"
	"io"
	"path/filepath"
	"time"

	"waxseal/internal/papers"
	"waxseal/internal/readroom"
	"waxseal/internal/store"
)

// startPapers says who reads what the host has on paper of its changes: a process of its
// own, once something is asked, or this one where the agent reads itself. Archives take
// long, so that a second one reads these, and no judgement waits for it.
func (a *Agent) startPapers() {
	p := &a.parcels
	if a.room == nil {
		p.papers = &papers.Here{Tree: a.tree}
	} else {
		p.beside = readroom.NewPapers(a.paperOptions("parcels"))
		p.papers = readroom.NewPapers(a.paperOptions("papers"))
	}
	a.books.Papers = p.papers
}

func (a *Agent) paperOptions(name string) readroom.Options {
	o := a.roomOptions()
	if o.Scratch != "" {
		o.Scratch = filepath.Join(filepath.Dir(o.Scratch), "scratch-"+name)
	}
	return o
}

// learnKeys remembers the keys of repositories that the host believes now. What comes later
// is not believed; so nothing is while they can't be read.
func (a *Agent) learnKeys(now time.Time) {
	keys, err := a.parcels.papers.Keys()
	a.parcels.noKeys = err != nil
	if err == nil {
		err = a.books.rememberKeys(keys, now)
	}
	if err != nil && !errors.Is(err, store.ErrStale) {
		a.opts.Warn("the keys of package repositories can't be remembered, so no signature is believed: " + papers.Words(err))
	}
	if r, ok := a.parcels.papers.(interface{ Rest() }); ok {
		r.Rest()
	}
}

// trust is what signatures are held against now.
func (a *Agent) trust(now time.Time) papers.Trust {
	t := a.books.trust(now)
	if a.parcels.noKeys && t.Since == nil {
		t.Since = map[string]time.Time{}
	}
	return t
}

// close ends the processes that read papers.
func (p parcels) close() error {
	var errs []error
	if c, ok := p.papers.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	if p.beside != nil {
		errs = append(errs, p.beside.Close())
	}
	return errors.Join(errs...)
}
