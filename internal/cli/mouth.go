package cli

import (
	"runtime"
	"sync/atomic"
	"time"
)

// mouth prints for a running agent without ever making it wait: a terminal that
// was stopped with Ctrl-S, or a reader that hangs, must not blind the watch. What
// does not fit is left out of the printing, and said; the ledger has it.
type mouth struct {
	words  chan func()
	unsaid atomic.Int64
	silent chan struct{} // closed when everything is said
}

const (
	// maxWords bounds what waits to be printed.
	maxWords = 1024
	// lastWords is how long the end of a watch waits for its reader.
	lastWords = 2 * time.Second
)

// newMouth starts printing; left is told how much could not be printed.
func newMouth(left func(n int64)) *mouth {
	m := &mouth{words: make(chan func(), maxWords), silent: make(chan struct{})}
	go func() {
		defer close(m.silent)
		for say := range m.words {
			if n := m.unsaid.Swap(0); n > 0 {
				left(n)
			}
			say()
		}
	}()
	return m
}

// say prints, sooner or later.
func (m *mouth) say(f func()) {
	select {
	case m.words <- f:
		runtime.Gosched() // what is printed goes before what else is to be done after a finding
	default:
		m.unsaid.Add(1)
	}
}

// close waits a moment until what was said is printed.
func (m *mouth) close() {
	close(m.words)
	select {
	case <-m.silent:
	case <-time.After(lastWords):
	}
}
