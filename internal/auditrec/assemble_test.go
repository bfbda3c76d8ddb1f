package auditrec

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func record(t testing.TB, typ string, at float64, serial int, rest string) Record {
	t.Helper()
	r, err := ParseLine(fmt.Sprintf("type=%s msg=audit(%.3f:%d): %s", typ, at, serial, rest))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInterleaved(t *testing.T) {
	var a Assembler
	for _, r := range []Record{
		record(t, "SYSCALL", 1, 1, "pid=1"), record(t, "SYSCALL", 1, 2, "pid=2"),
		record(t, "CWD", 1, 2, `cwd="/b"`), record(t, "CWD", 1, 1, `cwd="/a"`),
	} {
		if out := a.Add(r); len(out) != 0 {
			t.Fatalf("complete too early: %+v", out)
		}
	}
	second := a.Add(record(t, "EOE", 1, 2, ""))
	first := a.Add(record(t, "PROCTITLE", 1, 1, `proctitle="x"`))
	if len(first) != 1 || first[0].CWD != "/a" || first[0].PID != 1 || len(second) != 1 || second[0].CWD != "/b" {
		t.Errorf("events are %+v, %+v", first, second)
	}
	if out := a.Add(record(t, "EOE", 1, 1, "")); len(out) != 0 || a.Pending() != 0 {
		t.Errorf("the end of a finished event makes %+v", out)
	}
}

func TestStaleEventIsGivenUp(t *testing.T) {
	var a Assembler
	a.Add(record(t, "SYSCALL", 10, 1, "pid=1"))
	if out := a.Add(record(t, "SYSCALL", 11.9, 2, "pid=2")); len(out) != 0 {
		t.Fatalf("given up too early: %+v", out)
	}
	if out := a.Add(record(t, "CWD", 12.1, 3, `cwd="/"`)); len(out) != 1 || out[0].Serial != 1 {
		t.Errorf("events are %+v", out)
	}
	if out := a.Drain(); len(out) != 2 || out[0].Serial != 2 || out[1].Serial != 3 {
		t.Errorf("events are %+v", out)
	}
}

func TestFlush(t *testing.T) {
	var a Assembler
	a.Add(record(t, "SYSCALL", 10, 2, "pid=1"))
	a.Add(record(t, "SYSCALL", 10.5, 1, "pid=2"))
	if out := a.Flush(time.Unix(10, 4e8)); len(out) != 1 || out[0].Serial != 2 {
		t.Errorf("events are %+v", out)
	}
	if out := a.Flush(time.Unix(11, 0)); len(out) != 1 || out[0].Serial != 1 {
		t.Errorf("events are %+v", out)
	}
}

func TestOutOfOrderAndTwice(t *testing.T) {
	var a Assembler
	a.Add(record(t, "CWD", 10, 5, `cwd="/"`))
	a.Add(record(t, "CWD", 10, 5, `cwd="/"`))
	a.Add(record(t, "SYSCALL", 9, 4, "pid=1")) // late
	a.Add(record(t, "SYSCALL", 10, 5, "pid=2"))
	out := a.Add(record(t, "EOE", 10, 5, ""))
	if len(out) != 1 || len(out[0].Raw) != 2 || out[0].PID != 2 {
		t.Errorf("event is %+v", out)
	}
	if again := a.Add(record(t, "SYSCALL", 10, 5, "pid=2")); len(again) != 0 || a.Pending() != 1 {
		t.Errorf("a duplicate makes %+v; pending %d", again, a.Pending())
	}
}

// After 2³² events, and at every boot, serials start again.
func TestRollover(t *testing.T) {
	var a Assembler
	a.Add(record(t, "SYSCALL", 10, 4294967295, "pid=1"))
	a.Add(record(t, "SYSCALL", 10, 0, "pid=2"))
	a.Add(record(t, "SYSCALL", 11, 0, "pid=3")) // another boot
	out := a.Drain()
	if len(out) != 3 || out[0].PID != 1 || out[1].PID != 2 || out[2].PID != 3 {
		t.Errorf("events are %+v", out)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var a Assembler
	emitted, records := 0, 0
	for i := range 3 * maxPending {
		emitted += len(a.Add(record(t, "SYSCALL", 10, i, "pid=1")))
	}
	if emitted != 2*maxPending || a.Pending() != maxPending || len(a.order) > 2*maxPending || len(a.done) > remembered {
		t.Errorf("%d emitted, %d pending, %d in order, %d remembered", emitted, a.Pending(), len(a.order), len(a.done))
	}
	a.Drain()
	for i := range maxRecords + 1 {
		for _, e := range a.Add(record(t, "PATH", 11, 1, fmt.Sprint("item=", i))) {
			records += len(e.Raw)
		}
	}
	if records != maxRecords || a.Pending() != 1 {
		t.Errorf("event of %d records, %d pending", records, a.Pending())
	}
	a.Drain()
	big := "x=" + strings.Repeat("y", maxRecord-200)
	for i := range 3 * maxBytes / maxRecord {
		a.Add(record(t, "SYSCALL", 12, i, big))
	}
	if a.bytes > maxBytes || a.Pending() == 0 {
		t.Errorf("%d bytes in %d events are pending", a.bytes, a.Pending())
	}
	a.Drain()
	if a.bytes != 0 {
		t.Errorf("%d bytes are left over", a.bytes)
	}
}

// A login must be known before what is done with it, and it has a SYSCALL record
// only where the process is audited.
func TestLoginComesBeforeItsChanges(t *testing.T) {
	login := record(t, "LOGIN", 10, 1, "pid=7 uid=0 auid=1000 ses=2 res=1")
	for _, tc := range []struct {
		name string
		next Record
		want int // events that the record completes
	}{
		{"later record", record(t, "CWD", 10.004, 2, `cwd="/"`), 1},
		{"same process, same moment", record(t, "SYSCALL", 10, 2, "pid=7"), 1},
		{"another process, same moment", record(t, "SYSCALL", 10, 2, "pid=8"), 0},
		{"its own SYSCALL record", record(t, "SYSCALL", 10, 1, "pid=7"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a Assembler
			a.Add(login)
			if out := a.Add(tc.next); len(out) != tc.want {
				t.Errorf("events are %+v", out)
			}
		})
	}
}
