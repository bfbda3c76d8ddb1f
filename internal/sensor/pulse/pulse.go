// Package pulse notices that the agent itself did not run, or that the clock was set.
//
// It compares three clocks (clock_gettime(2)) twice a second: CLOCK_MONOTONIC, which
// goes on while a process is stopped; CLOCK_BOOTTIME, which also goes on while the
// host sleeps; and CLOCK_REALTIME, which anybody with the right may set. By which of
// them jumped, a process that was stopped, a host that slept and a clock that was set are
// told apart.
//
// It sees neither a stop shorter than two seconds nor a step shorter than half of one, and
// does not know whose hand it was: audit may.
package pulse

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/beat"
)

// Sensor is the sensor's name in observations.
const Sensor waxseal.SensorName = "pulse"

const (
	every = 500 * time.Millisecond
	// late is from when on a beat that did not come is told; a busy host delays one.
	late = 2 * time.Second
	// slept and stepped are from when on clocks that went apart are told.
	slept   = time.Second
	stepped = 500 * time.Millisecond
)

// Reading is what the clocks show at one moment.
type Reading struct {
	Wall       time.Time // CLOCK_REALTIME
	Mono, Boot time.Duration
}

// Read reads the clocks.
func Read() Reading {
	return Reading{Wall: time.Now().Round(0), Mono: clock(unix.CLOCK_MONOTONIC), Boot: clock(unix.CLOCK_BOOTTIME)}
}

func clock(id int32) time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(id, &t) // these clocks are there since Linux 2.6.39
	return time.Duration(t.Nano())
}

// Judge says what happened between two beats; continued that a stopped process was told
// to go on (SIGCONT).
func Judge(before, after Reading, continued bool) []waxseal.Gap {
	mono, boot, wall := after.Mono-before.Mono, after.Boot-before.Boot, after.Wall.Sub(before.Wall)
	var gaps []waxseal.Gap
	add := func(from, until time.Time, reason string) {
		gaps = append(gaps, waxseal.Gap{Sensor: Sensor, From: from, Until: until, Reason: reason})
	}
	step := wall - boot
	ran := after.Wall.Add(-boot) // when the last beat was, by the clock as it is now
	if asleep := boot - mono; asleep >= slept {
		add(ran, after.Wall, fmt.Sprintf("the host was suspended for %s", words(asleep)))
	}
	switch {
	case mono < late:
	case continued:
		add(ran, after.Wall, fmt.Sprintf("the agent was stopped (SIGSTOP) for %s and then continued: what changed is known, what was there for a moment is not", words(mono)))
	default:
		add(ran, after.Wall, fmt.Sprintf("the agent did not run for %s: the host was too busy, or somebody froze it (a debugger, a control group)", words(mono)))
	}
	if step.Abs() >= stepped {
		way := "forward"
		if step < 0 {
			way = "back"
		}
		add(before.Wall, after.Wall, fmt.Sprintf("the clock was set %s by %s: times before and after can't be compared", way, words(step.Abs())))
	}
	return gaps
}

func words(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// Run beats until the context ends.
func Run(ctx context.Context, gap func(waxseal.Gap)) error {
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, unix.SIGCONT)
	defer signal.Stop(goOn)
	next := time.NewTimer(beat.Next(every))
	defer next.Stop()
	last, continued := Read(), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-goOn:
			continued = true
		case <-next.C:
			now := Read()
			if now.Mono-last.Mono >= late && !continued { // the signal may be a moment behind the clock
				continued = arrives(goOn)
			}
			for _, g := range Judge(last, now, continued) {
				gap(g)
			}
			last, continued = now, false
			next.Reset(beat.Next(every))
		}
	}
}

func arrives(c <-chan os.Signal) bool {
	select {
	case <-c:
		return true
	case <-time.After(50 * time.Millisecond):
		return false
	}
}
