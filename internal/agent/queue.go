package agent

import (
	"sync/atomic"
	"time"

	"waxseal"
)

const (
	// queueSize bounds what waits for the agent. Ten thousand changes a second fill
	// it in six seconds.
	queueSize = 1 << 16
	// maxWaiting bounds the contents of files that wait in it; what comes beyond waits
	// without its content.
	maxWaiting = 64 << 20
	// mostGaps bounds the losses that wait; they are few, and each is counted.
	mostGaps = 1 << 10
)

// arrival is one thing that came in by the only door.
type arrival struct {
	waxseal.Observation
	content []byte // what the file held, where the sensor could copy it
	copied  bool
	note    string        // why not
	number  uint64        // that of the hint that there was of it; 0 for none
	late    time.Duration // it may have waited in the kernel so long, with others that it was joined to
	// processes are steps of processes, many in one; the observation is empty then.
	processes []waxseal.ProcessEvent
	own       bool         // it is about a file of Waxseal itself
	network   bool         // the network may lead traffic elsewhere now; there is no observation
	ask       *ask         // a request of a person; the observation is empty then
	dwelt     *dwelt       // news of containers; but for a file event the observation is empty then
	parcels   *parcelsRead // archives that were at hand, once they are read
}

// queue carries arrivals from the sensors to the agent. What does not fit is
// counted, and becomes a gap.
type queue struct {
	arrivals chan *arrival // pointers: most of the room is never used
	// gaps are told before anything that waits: the mail set is read again for each, and
	// that must not wait until a flood is over.
	gaps chan arrival
	lost atomic.Int64
	held atomic.Int64 // bytes of content that wait
}

func newQueue() *queue {
	return &queue{arrivals: make(chan *arrival, queueSize), gaps: make(chan arrival, mostGaps)}
}

// put never blocks: a sensor that waits would lose events in the kernel, where
// they can't be counted as well.
func (q *queue) put(in arrival) {
	size := int64(len(in.content))
	if q.held.Add(size) > maxWaiting {
		q.held.Add(-size)
		size, in.content, in.copied = 0, nil, false
		in.note = "content not captured: too much waits already"
	}
	select {
	case q.arrivals <- &in:
	default:
		q.held.Add(-size)
		q.lost.Add(1)
	}
}

// taken is called for each arrival that has left the queue.
func (q *queue) taken(in arrival) { q.held.Add(-int64(len(in.content))) }

// gap is for sensors that tell of a loss.
func (q *queue) gap(g waxseal.Gap) {
	at := g.Until
	if at.IsZero() {
		at = g.From
	}
	select {
	case q.gaps <- arrival{Observation: waxseal.Observation{Time: at, Sensor: g.Sensor, Gap: &g}}:
	default:
		q.lost.Add(1)
	}
}
