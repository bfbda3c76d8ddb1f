// Package lull has the garbage collector work while nobody waits.
//
// Left to itself it works when enough has piled up, and that moment comes while something
// is made: in the middle of a look, which then takes several times as long. Whoever
// answers, and then waits to be asked again, tells this package of both, and what would be
// collected soon is collected in between.
package lull

import (
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// pause is how long nobody has asked before it begins: those who got an answer have
	// work to do with it.
	pause = 5 * time.Millisecond
	// share is the part of what may pile up, as one in so many, from which on it is worth
	// collecting. The collector so works at most so many times as often as by itself,
	// however often it is asked.
	share = 2
)

// Lull is for one goroutine. Its zero value is ready.
type Lull struct {
	timer   *time.Timer
	working atomic.Bool // the collector is
	made    uint64      // bytes that were made when a collection was last seen to have ended
	cycles  uint64      // how many had
}

// Ends says that somebody waits now. A collection that has begun goes on beside.
func (l *Lull) Ends() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// Begins says that nobody waits any more.
func (l *Lull) Begins() {
	switch {
	case !l.piled():
	case l.timer == nil:
		l.timer = time.AfterFunc(pause, l.collect)
	default:
		l.timer.Reset(pause)
	}
}

func (l *Lull) collect() {
	if !l.working.Swap(true) {
		runtime.GC()
		l.working.Store(false)
	}
}

// piled reports whether so much has been made since the last collection that it is worth
// another.
func (l *Lull) piled() bool {
	of := [...]metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/goal:bytes"}}
	metrics.Read(of[:])
	cycles, made, live, goal := of[0].Value.Uint64(), of[1].Value.Uint64(), of[2].Value.Uint64(), of[3].Value.Uint64()
	if cycles != l.cycles {
		l.cycles, l.made = cycles, made
	}
	return goal > live && made-l.made >= (goal-live)/share
}
