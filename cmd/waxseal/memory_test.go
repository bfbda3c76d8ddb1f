package main

import (
	"testing"
	"testing/fstest"
)

func TestPace(t *testing.T) {
	const mb = 1 << 20
	hurried := pace{heap: 32 * mb, pile: 50, percent: 400, room: 1024 * mb}
	for _, tc := range []struct {
		name    string
		pace    pace
		live    int64
		looked  int64
		percent int
		limit   int64
	}{
		{"nothing yet", hurried, 0, 0, 800, least},
		{"the heap is let grow to its least", hurried, 8 * mb, 5 * mb, 300, least},
		{"a small server", hurried, 18 * mb, 12 * mb, 77, least},
		{"two of them that are compared", hurried, 30 * mb, 20 * mb, 50, least},
		{"ten thousand homes", hurried, 60 * mb, 50 * mb, 400, 1024 * mb},
		{"more than there is room for", hurried, 800 * mb, 600 * mb, 400, 1200 * mb},
		{"a million entries", hurried, 150 * mb, 10 * mb, 50, 225 * mb},
		{"what stays", sparing(), 18 * mb, 12 * mb, 100, least},
		{"what stays and needs more", sparing(), 300 * mb, 200 * mb, 100, 450 * mb},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if percent, limit := tc.pace.of(tc.live, tc.looked); percent != tc.percent || limit != tc.limit {
				t.Errorf("%d %%, %d MB; want %d %%, %d MB", percent, limit/mb, tc.percent, tc.limit/mb)
			}
		})
	}
}

func TestRoom(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const free = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    4194304 kB\n"
	for _, tc := range []struct {
		name string
		host fstest.MapFS
		want int64
	}{
		{"an eighth of what is available", fstest.MapFS{"proc/meminfo": file(free)}, 512 << 20},
		{"nothing is known", fstest.MapFS{}, least},
		{"little is free", fstest.MapFS{"proc/meminfo": file("MemTotal: 1 kB\nMemAvailable:    1000 kB\n")}, least},
		{"much is free", fstest.MapFS{"proc/meminfo": file("MemTotal: 1 kB\nMemAvailable: 400000000 kB\n")}, most},
		{"a unit may have less", fstest.MapFS{"proc/meminfo": file(free), "proc/self/cgroup": file("0::/system.slice/scan.service\n"),
			"sys/fs/cgroup/system.slice/scan.service/memory.max": file("max\n"), "sys/fs/cgroup/system.slice/memory.max": file("2147483648\n")}, 256 << 20},
		{"a container sees its own group as the root", fstest.MapFS{"proc/meminfo": file(free), "proc/self/cgroup": file("4:memory:/x\n0::/\n"), "sys/fs/cgroup/memory.max": file("3221225472\n")}, 384 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := room(tc.host); got != tc.want {
				t.Errorf("%d MB, want %d MB", got>>20, tc.want>>20)
			}
		})
	}
}
