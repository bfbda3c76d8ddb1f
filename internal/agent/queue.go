package agent

import (
	"sync/atomic"

	"waxseal"
)

// queueSize bounds what waits for the agent. Ten thousand changes a second fill
// it in six seconds.
const queueSize = 1 << 16

// arrival is one thing that came in by the only door.
type arrival struct {
	waxseal.Observation
	content []byte // what the file held, where the sensor could copy it
	copied  bool
	note    string // why not
	// processes are steps of processes, many in one; the observation is empty then.
	processes []waxseal.ProcessEvent
	own       bool         // it is about a file of Waxseal itself
	network   bool         // the network may lead traffic elsewhere now; there is no observation
	ask       *ask         // a request of a person; the observation is empty then
	parcels   *parcelsRead // archives that were at hand, once they are read
}

// queue carries arrivals from the sensors to the agent. What does not fit is
// counted, and becomes a gap.
type queue struct {
	arrivals chan arrival
	lost     atomic.Int64
}

func newQueue() *queue { return &queue{arrivals: make(chan arrival, queueSize)} }

// put never blocks: a sensor that waits would lose events in the kernel, where
// they can't be counted as well.
func (q *queue) put(in arrival) {
	select {
	case q.arrivals <- in:
	default:
		q.lost.Add(1)
	}
}

// gap is for sensors that tell of a loss.
func (q *queue) gap(g waxseal.Gap) {
	at := g.Until
	if at.IsZero() {
		at = g.From
	}
	q.put(arrival{Observation: waxseal.Observation{Time: at, Sensor: g.Sensor, Gap: &g}})
}
