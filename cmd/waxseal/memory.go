package main

import (
	"io/fs"
	"math"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// pace is how the garbage collector weighs memory against time.
type pace struct {
	heap    int64 // it is not collected before it has so many bytes
	pile    int   // per cent of what is in use that may pile up, where the collector has little to do
	percent int   // of what is in use may pile up, where the collector has more than little to do (GOGC)
	room    int64 // a larger heap than this only grows by what is needed
}

const (
	// little is looked at by the collector where a mail server is read that is set up as
	// its packages bring it. It takes a twentieth of the time there, which is not worth
	// memory.
	little = 24 << 20
	// least and most bound the room that ten thousand homes, or a map of a million
	// entries, may take before the collector works harder.
	least, most = 192 << 20, 1 << 30
	// share of the memory that nobody uses is room.
	share = 8
	// smallest is the heap that Go begins with at 100 per cent.
	smallest = 4 << 20
)

// quick is for what reads a host, prints and ends: its garbage goes with it.
func quick(host fs.FS) pace { return pace{heap: 32 << 20, pile: 50, percent: 400, room: room(host)} }

// sparing is for what stays: its start takes longer, and the host has the rest.
func sparing() pace { return pace{heap: smallest, pile: 100, percent: 100, room: least} }

// keep sets the pace, and again after each collection by what is in use then.
func (p pace) keep() {
	debug.SetGCPercent(int(p.atFirst()))
	debug.SetMemoryLimit(least)
	p.again()
}

// atFirst is the per cent for which Go begins with the heap of this pace.
func (p pace) atFirst() int64 { return p.heap * 100 / smallest }

func (p pace) again() {
	runtime.SetFinalizer(new(*int), func(**int) { // it runs after each collection
		of := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
		metrics.Read(of)
		percent, limit := p.of(int64(of[0].Value.Uint64()), int64(of[1].Value.Uint64()))
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		p.again()
	})
}

// of is the pace where so much is in use, of which the collector looks at so much: a
// map of a million entries is read in large pieces, which cost it nothing. The limit
// gives way to what is needed: at one below that it does nothing else any more.
func (p pace) of(live, looked int64) (percent int, limit int64) {
	if looked > little {
		return p.percent, max(p.room, live/2*3)
	}
	return int(max(int64(p.pile), min(p.atFirst(), (p.heap-live)*100/max(live, 1)))), max(least, live/2*3)
}

// room is how much memory may pile up on a host, or in the container that this runs in.
func room(host fs.FS) int64 {
	free := min(available(host), allowed(host))
	return max(least, min(most, free/share))
}

// available is the memory that nobody uses (proc_meminfo(5) MemAvailable).
func available(host fs.FS) int64 {
	text, _ := fs.ReadFile(host, "proc/meminfo") // without it, nothing is known to be free
	_, rest, _ := strings.Cut(string(text), "\nMemAvailable:")
	line, _, _ := strings.Cut(rest, "\n")
	kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	return kilobytes << 10
}

// allowed is the least that the control groups above this process may use (cgroups(7),
// version 2).
func allowed(host fs.FS) int64 {
	least := int64(math.MaxInt64)
	text, _ := fs.ReadFile(host, "proc/self/cgroup") // without it there is no bound
	for line := range strings.Lines(string(text)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		for ; ok; group = path.Dir(group) {
			max, _ := fs.ReadFile(host, path.Join("sys/fs/cgroup", group, "memory.max"))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(max)), 10, 64); err == nil {
				least = min(least, n)
			}
			if group == "" || group == "." {
				break
			}
		}
	}
	return least
}
