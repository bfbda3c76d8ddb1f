package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/sensor/control"
	"waxseal/internal/sensor/proc"
)

// ask is a request of a person that waits for its answer.
type ask struct {
	control.Request
	pid    int
	answer chan control.Answer
}

// startControl opens the door for people. Approvals come in by the same queue as
// everything else, so that they stand in the ledger in the order in which they
// took effect.
func (a *Agent) startControl(ctx context.Context) {
	s, err := control.Listen(ctx, a.opts.State, func(r control.Request, pid int) control.Answer {
		q := &ask{Request: r, pid: pid, answer: make(chan control.Answer, 1)}
		select {
		case a.queue.arrivals <- &arrival{ask: q}:
		case <-ctx.Done():
			return control.Answer{Error: "the agent is stopping"}
		}
		select {
		case answer := <-q.answer:
			return answer
		case <-ctx.Done():
			return control.Answer{Error: "the agent is stopping"}
		}
	})
	if err != nil {
		a.opts.Warn("no control socket: findings can't be triaged and nothing sealed while the agent runs: " + err.Error())
		return
	}
	a.senses.control = s
}

// answer serves one request.
func (a *Agent) answer(q *ask) {
	by := a.person(q.pid)
	now := time.Now()
	switch q.Verb {
	case "triage":
		q.answer <- a.takeDecisions(q.Request, by, now)
	case "seal":
		q.answer <- a.reseal(q.Request, by, now)
	case "permit", "key", "suppression":
		q.answer <- a.takeOffice(q.Request, by, now)
	default:
		q.answer <- control.Answer{Error: "unknown request " + q.Verb}
	}
}

// person is who asks: the kernel named the process.
func (a *Agent) person(pid int) waxseal.Actor {
	if actor := a.senses.people.Snapshot(pid); actor != nil {
		return a.memory.Complete(*actor)
	}
	return a.memory.Actor(waxseal.FileEvent{PID: pid}, time.Now())
}

// reseal accepts the present state, after a look at it.
func (a *Agent) reseal(r control.Request, by waxseal.Actor, now time.Time) control.Answer {
	a.all = true // what is accepted was looked at as a whole
	a.look(now)
	var ask SealAsk
	if err := strictly(r.Body, &ask); err != nil {
		return control.Answer{Error: err.Error()}
	}
	a.record()
	sealed, err := a.books.Seal(a.last, now, ask, by)
	answer := control.Answer{}
	if err != nil {
		answer.Error = err.Error()
	}
	switch {
	case errors.Is(err, ErrUnreviewed):
		answer.Code = "unreviewed"
	case errors.Is(err, ErrContradicted):
		answer.Code = "contradicted"
	case err != nil:
		answer.Code = "refused"
	}
	for _, o := range sealed.Promoted {
		if f, err := a.books.Finding(o.Finding); err == nil {
			a.amend(f)
		}
	}
	if err == nil {
		a.sealed = &sealed.Seal
		s := &a.sealed.State // of its own: homes are put into the last state where that stands
		s.Hooks, s.Files, s.Settings = slices.Clone(s.Hooks), slices.Clone(s.Files), slices.Clone(s.Settings)
	}
	body, err := json.Marshal(sealed)
	if err != nil {
		answer.Error = err.Error()
	}
	answer.Body = body
	return answer
}

// Caller describes this process, for commands that write without an agent.
func Caller(pid int, names func(uint32) string) waxseal.Actor {
	if actor := proc.New(proc.Options{Names: names}).Snapshot(pid); actor != nil {
		return *actor
	}
	return waxseal.Actor{Process: waxseal.Process{PID: pid, Grade: waxseal.Unknown}}
}

// strictly decodes a request: a field that is not known may be one that must not be
// overlooked.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return nil
}
