package beat

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWakeLate: all threads that there are have the slack, those that come, and a process
// that is started.
func TestWakeLate(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the slack of another thread takes CAP_SYS_NICE")
	}
	WakeLate(Slack)
	const want = "1000000"
	threads, err := filepath.Glob("/proc/self/task/[0-9]*")
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads: %v", len(threads), err)
	}
	for _, dir := range threads {
		if got, err := os.ReadFile("/proc/" + filepath.Base(dir) + "/timerslack_ns"); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("thread %s: %s, %v", filepath.Base(dir), got, err)
		}
	}
	if got, err := exec.Command("sh", "-c", "read n </proc/self/timerslack_ns; echo $n").Output(); err != nil || strings.TrimSpace(string(got)) != want {
		t.Errorf("a process that was started: %s, %v", got, err)
	}
}
