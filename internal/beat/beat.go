// Package beat lets what is done every so often be done in the same moment.
//
// To wake a sleeping process costs more than most of what its loops do then, so an idle
// agent whose loops wake at times of their own spends most of its processor time on
// waking up. Loops that ask this package when to go on meet on one beat, and the kernel may
// put off what wakes between beats.
package beat

import "time"

var start = time.Now()

// Next is how long it is to the next beat: the next multiple of a time since the process
// began, by the clock that nobody sets. Loops whose times divide each other meet.
func Next(every time.Duration) time.Duration {
	return every - time.Since(start)%every
}

// After is the moment of the first beat that is so much away, or more.
func After(now time.Time, least, every time.Duration) time.Time {
	return now.Add(least + every - (now.Sub(start)+least)%every)
}
