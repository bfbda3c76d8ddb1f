package opensmtpd_test

import (
	"syscall"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// scanTime is what a scan of a small server may take of a processor where its
// files are in memory; the clock on the wall is the business of others too.
const scanTime = 150 * time.Millisecond

// processor is the time that this program has had of the processors.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestStockRoot scans a real root with OpenSMTPD as its packages come: nothing in
// it is worth a look, and it takes little time.
func TestStockRoot(t *testing.T) {
	tree, err := rootfs.Open(lab.Root(t, lab.OpenSMTPD))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	})
	best, fastest := time.Hour, time.Hour
	var state waxseal.State
	for range 6 {
		started, spent := time.Now(), processor(t)
		state = mailpath.NewReader(mask.New([]byte("0123456789abcdef0123456789abcdef"))).Read(treecache.New(tree))
		best, fastest = min(best, processor(t)-spent), min(fastest, time.Since(started))
	}
	t.Logf("%d hooks, %d settings; the fastest of six scans took %v, %v of a processor", len(state.Hooks), len(state.Settings), fastest.Round(time.Millisecond), best.Round(time.Millisecond))
	if best > scanTime {
		t.Errorf("a scan takes %v, more than %v", best, scanTime)
	}
	for _, f := range detect.Rank(state) {
		if f.Severity >= waxseal.Medium {
			t.Errorf("%s %s: %s", f.Severity, f.Title, f.Explain)
		}
	}
	ours := 0
	for _, h := range state.Hooks {
		if h.MTA == "opensmtpd" {
			ours++
		}
	}
	if ours < 10 {
		t.Errorf("only %d hooks of OpenSMTPD", ours)
	}
	for _, p := range state.Problems {
		t.Errorf("problem: %+v", p)
	}
}
