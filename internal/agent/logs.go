package agent

import (
	"context"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/sensor/journal"
	"waxseal/internal/sensor/tail"
)

// defaultLogs are where Linux distributions write mail and login logs.
var defaultLogs = []waxseal.Path{"/var/log/mail.log", "/var/log/maillog", "/var/log/auth.log", "/var/log/secure", "/var/log/cron", "/var/log/cron.log"}

// startTail follows some logs, if there are any.
func (a *Agent) startTail(ctx context.Context, logs []waxseal.Path, ask <-chan chan struct{}) {
	if len(logs) == 0 {
		return
	}
	emit := func(l waxseal.LogLine, at time.Time) {
		if correlate.Heeds(l.Text) {
			a.queue.put(arrival{Observation: waxseal.Observation{Time: at, Sensor: tail.Sensor, Log: &l}})
		}
	}
	follow := tail.Options{Root: a.tree.Dir(), Paths: logs, Ask: ask}
	a.run(tail.Sensor, "whether a change was loaded and used is not seen", func() error {
		return tail.Follow(ctx, follow, emit, a.queue.gap)
	})
}

// readLogs has the logs read before a file event is handed on: who writes as soon as he is
// in would be told before sshd's line about his key. In a flood that is done now and then.
func (s *senses) readLogs() {
	const seldom, late = 20 * time.Millisecond, 20 * time.Millisecond
	if time.Since(s.logsAt) < seldom {
		return
	}
	enough := time.Now().Add(late)
	askToRead(s.logs, enough)
	askToRead(s.journal, enough)
	s.logsAt = time.Now()
}

// askToRead has a sensor read what there is, and waits until it has, or until a time: it
// may have ended, or be at work.
func askToRead(sensor chan<- chan struct{}, until time.Time) {
	done, enough := make(chan struct{}), time.After(time.Until(until))
	select {
	case sensor <- done:
		select {
		case <-done:
		case <-enough:
		}
	case <-enough:
	}
}

// startJournal follows the journal, where there is one.
func (a *Agent) startJournal(ctx context.Context) {
	emit := func(l waxseal.LogLine, at time.Time) {
		a.queue.put(arrival{Observation: waxseal.Observation{Time: at, Sensor: journal.Sensor, Log: &l}})
	}
	follow := journal.Options{Root: a.tree.Dir(), Ask: a.senses.journal}
	a.run(journal.Sensor, "how logins were authenticated is inferred at best", func() error {
		return journal.Follow(ctx, follow, emit, a.queue.gap)
	})
}
