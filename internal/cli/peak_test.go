package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// process runs a command as often as asked, and once more for its peak memory. What was
// made for it is on the disk by then and in the page cache, and nobody reads what it
// prints: a hundred megabytes would take the processor that it needs.
func process(b *testing.B, size int64, name string, args ...string) {
	b.Helper()
	b.SetBytes(size)
	unix.Sync()
	once := func() time.Duration {
		var errs bytes.Buffer
		cmd := exec.Command(name, args...)
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 {
			b.Fatalf("%s: %v: %.500s", name, err, errs.String())
		}
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	once()
	var used time.Duration // of all processors, whatever else the machine does
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		used += once()
		took = append(took, time.Since(start))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(peak(b, name, args...))/1024, "peak-MB")
}

// peak runs a command and tells its peak resident memory in KiB. It looks at
// the high-water mark of its memory every millisecond, since what getrusage(2)
// says of a child begins with the memory of its parent, and a test's is large.
func peak(b *testing.B, name string, args ...string) (kilobytes int) {
	b.Helper()
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil && cmd.ProcessState.ExitCode() != 1 {
				b.Fatalf("%s: %v: %.500s", name, err, errs.String())
			}
			return kilobytes
		case <-time.After(time.Millisecond):
			kilobytes = max(kilobytes, highWater(cmd.Process.Pid))
		}
	}
}

// highWater is VmHWM of proc(5) in KiB, 0 of a process that has ended.
func highWater(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kilobytes, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(line, "kB")))
	return kilobytes
}

// program builds waxseal as it is shipped.
func program(b *testing.B) string {
	b.Helper()
	bin := b.TempDir() + "/waxseal"
	if out, err := exec.Command("go", "build", "-trimpath", "-o", bin, "waxseal/cmd/waxseal").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return bin
}
