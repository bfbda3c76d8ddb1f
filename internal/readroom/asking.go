package readroom

import (
	"cmp"
	"io"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
)

// ask asks the reader, and waits. Whoever gives no answer is ended.
func (r *Room) ask(q request) (answer, error) {
	r.fetch(mailpath.Live{}) // one answer after the other
	if r.now != nil && r.now.isGone() {
		r.lose(io.EOF)
	}
	if r.now == nil {
		if err := r.start(); err != nil {
			r.why, r.at = "no reader could be started: "+err.Error(), "/"
			return answer{}, err
		}
	}
	if err := r.pose(&q); err != nil {
		return answer{}, err
	}
	return r.hear(q)
}

// pose sends a question, with what is to be known before.
func (r *Room) pose(q *request) error {
	r.number++
	q.Number, q.Forget, q.Settle, q.Index = r.number, r.forget, r.settle, r.index
	if err := r.now.pose(*q, r.patience()); err != nil {
		r.lose(err)
		return err
	}
	r.forget, r.settle, r.index = nil, false, 0
	return nil
}

// hear waits for the answer to what was asked.
func (r *Room) hear(q request) (answer, error) {
	began := time.Now()
	a, err := r.now.exchange(q, r.patience())
	if err != nil {
		r.lose(err)
		return answer{}, err
	}
	r.slow, r.now.cpu = max(r.slow, time.Since(began)), a.CPU
	return a, nil
}

const (
	firstPatience = 4 * time.Minute // a large server, from a slow disk
	maxPatience   = 50 * time.Second
	leastPatience = 10 * time.Second
)

// What somebody else has may be there to keep a reader waiting.
var guestPatience, guestFirstPatience = 10 * time.Second, 20 * time.Second

// patience is how long an answer may take.
func (r *Room) patience() time.Duration {
	switch guest := r.opts.guest != nil; {
	case guest && !r.any:
		return guestFirstPatience
	case guest:
		return guestPatience
	case !r.any:
		return firstPatience
	}
	return min(max(leastPatience, 10*r.slow), maxPatience)
}

// lose ends a reader that gave no answer, or a wrong one, and tells of it.
func (r *Room) lose(err error) {
	gone := r.now
	r.now = nil
	told := gone.ended.Swap(true)
	r.why, r.at = gone.lost(err), cmp.Or(noted(gone.page), "/")
	if r.opts.Lost != nil && !told {
		reason := "the process that reads " + r.opts.what() + " was lost, and another is started: " + r.why
		if r.at != "/" {
			reason += "; it had last opened " + string(r.at)
		}
		r.opts.Lost(waxseal.Gap{Sensor: Sensor, From: gone.asked, Until: time.Now(), Reason: reason})
	}
	gone.end()
}
