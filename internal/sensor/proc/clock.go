package proc

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot is how long the kernel has been running, sleep included, by the clock that
// nobody can set (clock_gettime(2) CLOCK_BOOTTIME), and the name of this boot (random(4)).
func SinceBoot() (time.Duration, string, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, "", err
	}
	id, err := bootID()
	return time.Duration(ts.Nano()), id, err
}

// bootID is read once: no process outlives its boot.
var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
})
