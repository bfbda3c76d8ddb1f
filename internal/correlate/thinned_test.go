package correlate

import (
	"testing"
	"time"

	"waxseal"
)

// A flood of operations on other files does not push out who wrote the one that matters.
func TestFloodOfTouches(t *testing.T) {
	m := NewMemory(func(uint32) string { return "" })
	m.Matter(func(p waxseal.AuditPath) bool { return p.Inode == 7 })
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	add := func(pid int, inode uint64) {
		m.Add(waxseal.Observation{Time: at, Audit: &waxseal.AuditEvent{Time: at, Type: "SYSCALL", Syscall: 257, Success: true, PID: pid,
			Paths: []waxseal.AuditPath{{Name: "x", Inode: inode, Device: 1}}}})
	}
	add(41, 7)
	for i := range 10 * maxTouches {
		add(99, uint64(100+i))
	}
	if e, same, ok := m.Touch(waxseal.FileEvent{Path: "/etc/postfix/main.cf", Inode: 7, Device: 1, PID: 41}, at); !ok || !same || e.PID != 41 {
		t.Errorf("the operation is %+v, %v, %v", e, same, ok)
	}
	if len(m.touches) > maxTouches {
		t.Errorf("%d operations are remembered", len(m.touches))
	}
}
