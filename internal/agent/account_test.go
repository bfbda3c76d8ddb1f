package agent

import (
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
)

// TestLateStart: audit tells what dpkg did before it tells that dpkg was started. Until
// then its hand is inferred; with that, the change is judged again, once.
func TestLateStart(t *testing.T) {
	h := newHosting(t)
	a, now := h.agent, h.now
	const script, pid = waxseal.Path("/usr/lib/mailtool/deliver"), 77
	a.parcels.programs["/usr/bin/dpkg"] = programFile{1, 2, waxseal.Proven}
	a.parcels.reading = true // there is no archive to fetch

	write := waxseal.AuditEvent{Time: now, Type: "SYSCALL", Arch: "x86_64", Syscall: 82, Success: true, PID: pid, PPID: 1, AUID: waxseal.Unset, Session: waxseal.Unset,
		Comm: "dpkg", Exe: "/usr/bin/dpkg", Paths: []waxseal.AuditPath{{Name: string(script), Inode: 9, NameType: "CREATE"}}}
	a.memory.Add(waxseal.Observation{Time: now, Sensor: "kaudit", Audit: &write})
	none := waxseal.NoIndex
	event := touch{Observation: waxseal.Observation{Time: now, Sensor: "fanotify", File: &waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpRename}, Path: script, Inode: 9, PID: pid}}, index: &none}

	file := func(d waxseal.Digest) *waxseal.FileState {
		return &waxseal.FileState{File: waxseal.File{Path: script, Type: waxseal.Regular, Mode: 0o755}, Digest: d, Package: "mailtool", PackageState: waxseal.PackageUnmodified}
	}
	ch := waxseal.Change{Path: script, Kind: waxseal.Modified, Severity: waxseal.High, Before: file("aa"), After: file("bb"), BeforeDigest: "aa", AfterDigest: "bb"}
	state := waxseal.State{Packages: []waxseal.Package{{Name: "mailtool", Version: "1.1", Manager: "dpkg"}}}
	a.parcels.shelf["mailtool 1.1"] = parcel.Archive{Package: "mailtool", Version: "1.1", Signed: true, Voucher: "Example", Entries: map[waxseal.Path]parcel.Entry{script: {SHA256: "bb", Mode: 0o755}}}
	a.parcels.log = []translog.Transaction{{Manager: "dpkg", Action: "upgrade", Package: "mailtool", Old: "1.0", New: "1.1", From: now.Add(-time.Second), Until: now.Add(time.Second)}}

	told := &told{change: ch, event: &event, at: now}
	f := detect.Finding(ch)
	a.explain(told, version{touched: []touch{event}}, &f)
	a.account(told, &f, version{state: state, touched: []touch{event}})
	if f.Rung != waxseal.RungWindow || told.parcel.Hand.Grade != waxseal.Inferred {
		t.Fatalf("before the start is known: %s, hand %+v", f.Rung, told.parcel.Hand)
	}
	a.keep(told, f)
	a.remember(told)
	a.accountWithHands(now)
	if told.Rung != waxseal.RungWindow {
		t.Errorf("nothing new, and it is %s", told.Rung)
	}

	start := waxseal.AuditEvent{Time: now.Add(-time.Second), Type: "SYSCALL", Arch: "x86_64", Syscall: 59, Success: true, PID: pid, PPID: 1, AUID: waxseal.Unset, Session: waxseal.Unset,
		Comm: "dpkg", Exe: "/usr/bin/dpkg", Argv: []string{"dpkg", "--unpack"}, Paths: []waxseal.AuditPath{{Name: "/usr/bin/dpkg", Device: 1, Inode: 2, NameType: "NORMAL"}}}
	a.memory.Add(waxseal.Observation{Time: start.Time, Sensor: "kaudit", Audit: &start})
	started, _ := correlate.Started(waxseal.Observation{Audit: &start})
	a.programStarted(started)
	a.accountWithHands(now.Add(2 * handLate))
	if told.Rung != waxseal.RungWindow {
		t.Errorf("long after, and it is %s", told.Rung)
	}
	a.accountWithHands(now.Add(time.Second))
	if told.Rung != waxseal.RungPackageVerified || told.Severity != waxseal.Info {
		t.Errorf("with the start: %s, %s: %s", told.Severity, told.Rung, told.Expected)
	}
	entries, err := a.books.Len()
	if err != nil {
		t.Fatal(err)
	}
	a.accountWithHands(now.Add(2 * time.Second))
	if n, err := a.books.Len(); err != nil || n != entries {
		t.Errorf("it was judged once more: %d entries, then %d, %v", entries, n, err)
	}
}
