package agent

import (
	"testing"
	"time"

	"waxseal"
)

// A loss does not wait behind the flood that it is of, contents that wait are bounded, and
// what does not fit is counted.
func TestQueueInAFlood(t *testing.T) {
	q := newQueue()
	const size = 1 << 20
	for range queueSize + 3 {
		q.put(arrival{Observation: waxseal.Observation{File: &waxseal.FileEvent{}}, content: make([]byte, 0), copied: true})
	}
	if n := q.lost.Load(); n != 3 {
		t.Errorf("%d are lost, not 3", n)
	}
	q.gap(waxseal.Gap{Sensor: "fanotify", From: time.Now()})
	if len(q.gaps) != 1 {
		t.Error("a loss does not fit into a full queue")
	}
	q = newQueue()
	for range 100 {
		q.put(arrival{content: make([]byte, size), copied: true})
	}
	var kept, without int
	for len(q.arrivals) > 0 {
		in := <-q.arrivals
		q.taken(*in)
		if in.copied {
			kept++
		} else if in.note != "" {
			without++
		}
	}
	if kept != maxWaiting/size || without != 100-kept {
		t.Errorf("%d contents were kept, %d not", kept, without)
	}
	if n := q.held.Load(); n != 0 {
		t.Errorf("%d bytes are counted in an empty queue", n)
	}
}
