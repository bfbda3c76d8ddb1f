package proc

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// RootOf is what a process has as its root.
func (r *Reader) RootOf(pid int) (Node, bool) {
	l := lodger{reader: r}
	return l.rootOf(strconv.Itoa(pid))
}

// Lives reports whether the process that has this number now is the one that was described:
// a number is given again.
func (r *Reader) Lives(p waxseal.Process) bool {
	const near = time.Second // clocks count from the start of the host in different steps
	s, ok := parseStat(r.record(strconv.Itoa(p.PID)+"/stat", 4096))
	started := r.boot.Add(time.Duration(s.start) * (time.Second / ticks))
	return ok && (p.Started.IsZero() || started.Sub(p.Started).Abs() < near)
}

// LoginOf is the audit login of a process, [waxseal.Unset] where it has none.
func (r *Reader) LoginOf(pid int) (uint32, bool) {
	text := r.record(strconv.Itoa(pid)+"/loginuid", 32)
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		return waxseal.Unset, false
	}
	return uint32(n), true
}

// End is a process that can be waited for, whatever becomes of its number.
type End struct{ fd int }

// EndOf names a process that lives.
func EndOf(pid int) (*End, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	return &End{fd}, nil
}

// Ended reports whether the process has ended.
func (e *End) Ended() bool { return ended(e.fd) }

// Wait waits until the process has ended, or until something can be read from another
// descriptor.
func (e *End) Wait(other int) {
	fds := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}, {Fd: int32(other), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, -1); err != unix.EINTR && (err != nil || n > 0) {
			return
		}
	}
}

// Close lets go of it. Nobody may be waiting.
func (e *End) Close() error { return unix.Close(e.fd) }
