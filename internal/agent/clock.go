package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/store"
)

// Windows are held against the kernel's time of an event, and root can set that clock: back
// into a window that has ended, or forward into one that is to come. The time since boot
// nobody can set, so that the distance of the two tells.

// clock is what is known of the clock during one boot.
type clock struct {
	Boot string    `json:"boot"`
	Zero time.Time `json:"zero"` // when the boot began, by the clock as it was at first
	Sets []set     `json:"sets,omitempty"`
}

// set is one time that somebody set the clock.
type set struct {
	After time.Duration `json:"after"` // since boot
	By    time.Duration `json:"by"`
}

const (
	clockValue = "clock" // where the state directory keeps it
	// setFor is how long a clock that was set is held against what it was before.
	setFor  = 24 * time.Hour
	maxSets = 64
)

// look notes whether the clock was set since the last look, and by how much.
func (c *clock) look(wall time.Time, boot string, since time.Duration) (by time.Duration) {
	zero := wall.Round(0).Add(-since)
	if c.Boot != boot {
		*c = clock{Boot: boot, Zero: zero}
		return 0
	}
	if by = zero.Sub(c.Zero); by.Abs() <= clockSlack {
		return 0 // as NTP keeps it
	}
	c.Zero = zero
	c.Sets = append(c.Sets, set{since, by})
	c.Sets = c.Sets[max(0, len(c.Sets)-maxSets):]
	return by
}

// setBy is by how much the clock was set lately, in all.
func (c *clock) setBy(since time.Duration) (by time.Duration) {
	for _, s := range c.Sets {
		if since-s.After < setFor {
			by += s.By
		}
	}
	return by
}

// lookAtClock brings what is known of the clock up to date, and remembers it where it was
// set. It returns by how much it was just set, and lately in all.
func (b *Books) lookAtClock() (just, lately time.Duration, err error) {
	since, boot, err := proc.SinceBoot()
	if err != nil {
		return 0, 0, err
	}
	if b.clock == nil {
		b.clock = &clock{}
		if text, err := b.Value(clockValue); err == nil {
			_ = json.Unmarshal([]byte(text), b.clock) // a damaged one is begun anew
		}
	}
	was := b.clock.Boot
	if just = b.clock.look(time.Now(), boot, since); just != 0 || was != boot {
		text, err := json.Marshal(b.clock)
		if err == nil {
			err = b.Append(func(tx *store.Tx) error { return tx.SetValue(clockValue, string(text)) })
		}
		if err != nil {
			return just, b.clock.setBy(since), err
		}
	}
	return just, b.clock.setBy(since), nil
}

// watchClock tells, once, that the clock was set.
func (a *Agent) watchClock(now time.Time) {
	by, lately, err := a.books.lookAtClock()
	if err != nil && !errors.Is(err, store.ErrStale) && !a.book.broken() && !a.clockless {
		a.clockless = true
		a.opts.Warn("whether somebody sets the clock can't be told: " + err.Error())
	}
	a.setBy = lately
	if by == 0 {
		return
	}
	reason := fmt.Sprintf("the clock was set %s by %s: when things happened is not certain, and no window counts that only the new time lies in", pick(by > 0, "forward", "back"), long(by.Abs()))
	from, until := now.Add(-by), now
	if by < 0 {
		from, until = until, from
	}
	a.take(arrival{Observation: waxseal.Observation{Time: now, Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: from, Until: until, Reason: reason}}})
}
