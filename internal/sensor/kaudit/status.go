package kaudit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// smallBacklog is the limit below which a burst is felt: the kernel's default is
// 64, what distributions configure for auditd is 8192.
const smallBacklog = 1024

// Status is what the kernel says about its audit system (AUDIT_GET).
type Status struct {
	// Usable is false where the sensor could not be opened; Problems say why.
	Usable bool
	// Enabled is 0 off, 1 on, 2 on with its configuration locked until reboot.
	Enabled  uint32
	Failure  uint32 // what the kernel does when it loses records: 0 nothing, 1 log, 2 panic
	Daemon   int    // pid of the auditd that is registered, 0 where there is none
	Rate     uint32 // most records a second, 0 without limit
	Limit    uint32 // most records that may wait for a daemon
	Lost     uint32 // records lost since boot
	Backlog  uint32 // records waiting now
	Features uint32
	// Problems keep the sensor from working; Notes are worth knowing.
	Problems []string
	Notes    []string
}

// Locked reports whether rules can't be changed until the next boot.
func (s Status) Locked() bool { return s.Enabled == enabledLocked }

// Probe asks for the state of audit. It changes nothing and joins nothing.
func Probe() Status {
	c, err := dialControl()
	if err != nil {
		return Status{Problems: []string{withCommandLine(err)}}
	}
	s, err := c.status()
	if err = errors.Join(err, c.close()); err != nil {
		return Status{Problems: []string{withCommandLine(err)}}
	}
	s.Problems, s.Notes = append(s.Problems, missingRights()...), s.notes()
	s.Usable = len(s.Problems) == 0
	return s
}

func withCommandLine(err error) string {
	if line, readErr := os.ReadFile("/proc/cmdline"); readErr == nil && slices.ContainsFunc(strings.Fields(string(line)), switchedOff) {
		return "audit is switched off on the kernel's command line (audit=0)"
	}
	return explain(err)
}

func switchedOff(word string) bool { return word == "audit=0" || word == "audit=off" }

// missingRights names the capabilities that the sensor needs and this process
// lacks (capabilities(7)).
func missingRights() []string {
	var missing []string
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return []string{fmt.Sprintf("capabilities can't be read: %v", err)}
	}
	for _, c := range []struct {
		number int
		name   string
		use    string
	}{
		{unix.CAP_AUDIT_CONTROL, "CAP_AUDIT_CONTROL", "rules can't be added"},
		{unix.CAP_AUDIT_READ, "CAP_AUDIT_READ", "records can't be received"},
	} {
		if data[c.number/32].Effective&(1<<(c.number%32)) == 0 {
			missing = append(missing, c.name+" is missing: "+c.use)
		}
	}
	if walledOff() {
		missing = append(missing, walled)
	}
	return missing
}

const walled = "this process has a network namespace of its own: the kernel sends audit records to the first one only"

// walledOff reports whether this thread, which opens the socket, is in a network
// namespace of its own.
// The kernel multicasts records in the first one alone, and joining the group
// elsewhere succeeds and hears nothing. The kernel's own threads live in the
// first; where process 2 is none, as in a container, it stays unnoticed.
func walledOff() bool {
	name, err := os.ReadFile("/proc/2/comm")
	if err != nil || strings.TrimSpace(string(name)) != "kthreadd" {
		return false
	}
	first, err := os.Readlink("/proc/2/ns/net")
	own, ownErr := os.Readlink("/proc/thread-self/ns/net")
	return err == nil && ownErr == nil && first != own
}

func (s Status) notes() []string {
	var notes []string
	switch s.Enabled {
	case 0:
		notes = append(notes, "audit is off; the sensor switches it on while it runs")
	case enabledLocked:
		notes = append(notes, "audit rules are locked until the next boot (auditctl -e 2): watches can't be added")
	}
	if s.Daemon == 0 {
		notes = append(notes, "no auditd runs: the kernel also prints audit records to its own log, rate limited")
	}
	if s.Rate != 0 {
		notes = append(notes, fmt.Sprintf("the kernel drops audit records above %d a second (auditctl -r)", s.Rate))
	}
	if s.Limit != 0 && s.Limit < smallBacklog {
		notes = append(notes, fmt.Sprintf("only %d audit records may wait in the kernel (auditctl -b): in a burst, writers are held up until records have been read", s.Limit))
	}
	if s.Lost != 0 {
		notes = append(notes, fmt.Sprintf("%d audit records have been lost since boot", s.Lost))
	}
	if s.Failure == 2 {
		notes = append(notes, "the kernel is set to panic when it loses audit records (auditctl -f 2)")
	}
	return notes
}

// status reads struct audit_status: mask, enabled, failure, pid, rate_limit,
// backlog_limit, lost, backlog, feature_bitmap, … An older kernel's is shorter.
func (c *control) status() (Status, error) {
	var s Status
	err := c.ask(msgGet, 0, nil, func(typ uint16, body []byte) bool {
		if typ != msgGet {
			return false
		}
		s = parseStatus(body)
		return true
	})
	return s, err
}

func parseStatus(b []byte) Status {
	word := func(i int) uint32 {
		if len(b) < 4*i+4 {
			return 0
		}
		return binary.NativeEndian.Uint32(b[4*i:])
	}
	return Status{
		Enabled: word(1), Failure: word(2), Daemon: int(word(3)), Rate: word(4),
		Limit: word(5), Lost: word(6), Backlog: word(7), Features: word(8),
	}
}
