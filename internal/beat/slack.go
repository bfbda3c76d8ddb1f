package beat

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Slack is how much later than asked the kernel may wake a thread of what stays.
//
// Go's runtime has a thread that looks after the others: from the moment on that one of
// them does anything it sleeps 20 µs at a time, then longer. In a process that has a
// millisecond's work now and then, half as much again is spent on these wake-ups, on the
// processor that the work needs. Nothing here is timed more finely than this.
const Slack = time.Millisecond

// WakeLate sets that slack for all threads, which those that they start inherit, and so does
// a process that reads. Where a service manager has set as much (systemd.exec(5)
// TimerSlackNSec=), it is left. What can't be set costs processor time and nothing else.
func WakeLate(d time.Duration) {
	text, _ := os.ReadFile("/proc/self/timerslack_ns")
	if now, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); now >= d.Nanoseconds() {
		return
	}
	set := map[string]bool{}
	for more := true; more; { // one that was not set yet may have started another
		more = false
		threads, _ := filepath.Glob("/proc/self/task/[0-9]*")
		for _, dir := range threads {
			if id := filepath.Base(dir); !set[id] {
				set[id], more = true, true
				// proc_pid_timerslack_ns(5): of a thread, though it is not listed there.
				_ = os.WriteFile("/proc/"+id+"/timerslack_ns", strconv.AppendInt(nil, d.Nanoseconds(), 10), 0)
			}
		}
	}
}
