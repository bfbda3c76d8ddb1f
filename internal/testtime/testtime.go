// Package testtime measures, for tests, how much work something is. A clock on the
// wall tells a busy machine from an idle one, and nothing about the code.
package testtime

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Spent runs f on a thread of its own and returns the processor time that this
// thread used. What f lets other goroutines do is not counted, nor is the collection
// of garbage that runs beside it.
func Spent(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := used()
	f()
	return used() - before
}

func used() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		panic(fmt.Sprintf("getrusage(2): %v", err)) // it can't fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
