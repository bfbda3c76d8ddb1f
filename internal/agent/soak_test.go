package agent_test

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSoak lets an agent see changes for WAXSEAL_SOAK ("10m" of make soak and beside other
// tests, "24h" at night; a minute otherwise), as fast as they are told or one every
// WAXSEAL_SOAK_EVERY: neither its memory nor its descriptors grow once it is warm.
func TestSoak(t *testing.T) {
	needRoot(t)
	long, every := setting(t, "WAXSEAL_SOAK", time.Minute), setting(t, "WAXSEAL_SOAK_EVERY", 0)
	ended := make(chan os.Signal, 1) // by who runs it in the background: what was made goes first
	signal.Notify(ended, syscall.SIGTERM)
	defer signal.Stop(ended)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	started, changes := time.Now(), 0
	churn := func(until time.Time) (rss, files int) {
		for ; time.Now().Before(until); changes++ {
			next := time.After(every)
			target := fmt.Sprintf("inet:203.0.113.9:%d", 20000+changes%20000)
			h.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nsmtpd_milters = "+target+"\n")
			w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
			select {
			case <-next:
			case sig := <-ended:
				t.Fatalf("ended by signal %v after %d changes", sig, changes)
			}
		}
		return memoryOf(t, w.cmd.Process.Pid), descriptorsOf(t, w.cmd.Process.Pid)
	}
	warmRSS, warmFiles := churn(started.Add(long / 2))
	rss, files := churn(started.Add(long))
	t.Logf("%d changes in %v: %d KiB and %d descriptors in the middle, %d KiB and %d at the end", changes, long, warmRSS, warmFiles, rss, files)
	if rss > warmRSS*5/4+8<<10 {
		t.Errorf("memory grew from %d to %d KiB", warmRSS, rss)
	}
	if files > warmFiles+2 {
		t.Errorf("descriptors grew from %d to %d", warmFiles, files)
	}
	for line := range strings.Lines(w.errs.String()) {
		switch {
		case !strings.Contains(line, "gap: "):
		case every > 0 && crowdedOut(line):
			t.Logf("a gap beside other tests: %s", line)
		default:
			t.Errorf("a gap: %s", line)
		}
	}
}

// crowdedOut reports whether a gap may be the doing of other tests beside an agent, which
// keep it from running, or start programs faster than it reads of them. That a rule of
// audit is gone, or a sensor or the reader, is not.
func crowdedOut(gap string) bool {
	return strings.Contains(gap, "the agent did not run for") || strings.Contains(gap, "faster than") || strings.Contains(gap, "intermediate content not captured")
}

// setting is a length of time that the environment gives.
func setting(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// memoryOf is the resident memory of a process in KiB (proc_pid_status(5)).
func memoryOf(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, " kB")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// descriptorsOf are those that a process keeps: the fewest within a second, since it opens
// others for a moment.
func descriptorsOf(t testing.TB, pid int) int {
	t.Helper()
	fewest := 0
	for range 20 {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		if fewest == 0 || len(list) < fewest {
			fewest = len(list)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fewest
}
