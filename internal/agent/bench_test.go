package agent_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
)

// BenchmarkScan reads the mail path of a real Debian with Postfix: in one
// process, as a whole command, and, beside it, what administrators have now:
// postconf -n, which prints the parameters, and sha256sum of the same files,
// the least that a file-integrity check must do.
func BenchmarkScan(b *testing.B) {
	lab.Require(b)
	l, err := lab.New(b.Context(), lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	tree, err := rootfs.Open(l.Root)
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	state := mailpath.NewReader(agent.ThrowAwayMasker()).Read(tree)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			mailpath.NewReader(agent.ThrowAwayMasker()).Read(tree)
		}
		b.ReportMetric(float64(len(state.Hooks)), "hooks")
		b.ReportMetric(float64(len(state.Files)), "files")
	})
	b.Run("read-again", func(b *testing.B) {
		reader := mailpath.NewReader(agent.ThrowAwayMasker())
		for b.Loop() {
			reader.Read(tree)
		}
	})
	bin, err := program()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("command", func(b *testing.B) {
		command(b, bin, "scan", "--root", l.Root, "--format", "json", "--fail-on", "critical")
	})
	b.Run("postconf-n", func(b *testing.B) { command(b, "chroot", l.Root, "postconf", "-n") })
	b.Run("sha256sum", func(b *testing.B) { command(b, "sha256sum", regularFiles(l.Root, state)...) })
}

func command(b *testing.B, name string, args ...string) {
	for b.Loop() {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v: %.300s", name, err, out)
		}
	}
}

func regularFiles(root string, s waxseal.State) []string {
	var list []string
	for _, f := range s.Files {
		if f.Type == waxseal.Regular && !f.Missing {
			list = append(list, filepath.Join(root, string(cmp.Or(f.Resolved, f.Path))))
		}
	}
	return list
}

// BenchmarkLatency measures the time from the end of a write to the finding on
// watch's standard output, over 300 changes one after the other, and beside it, in the
// same run, to inotify's event, which carries no meaning, no process and no proof. How many
// of the findings named a proven process, and what a flush of the disk takes here, is
// reported too: a finding is not told before it is on the disk.
//
// A change writes another value over the one of the last line of main.cf, so that the file
// stays as long as it is and the last change is told as fast as the first. It is measured
// on a tree of the few files that a mail path takes, and on a Debian that is a mail server.
func BenchmarkLatency(b *testing.B) {
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	b.Run("tree", func(b *testing.B) { latency(b, postfixTree(b, nil)) })
	b.Run("debian", func(b *testing.B) {
		latency(b, host{t: b, root: lab.Root(b, lab.Mail), state: filepath.Join(b.TempDir(), "state")})
	})
}

func latency(b *testing.B, h host) {
	const mainCF, line = "/etc/postfix/main.cf", "smtpd_milters = inet:203.0.113.9:%d\n"
	was, err := os.ReadFile(h.path(mainCF))
	if err != nil {
		b.Fatal(err)
	}
	h.append(mainCF, fmt.Sprintf(line, 10000))
	h.must("seal")
	w := h.watch()
	defer w.stop()
	in := newInotify(b, h.path("/etc/postfix"))
	const changes = 300
	var found, seen, flushed []time.Duration
	proven := 0
	for b.Loop() {
		found, seen, flushed, proven = nil, nil, nil, 0
		for i := range changes {
			flushed = append(flushed, flush(b, h.state))
			time.Sleep(20 * time.Millisecond) // what that stirred up has settled
			target := fmt.Sprintf("inet:203.0.113.9:%d", 20000+i)
			overwrite(b, h.path(mainCF), int64(len(was)), fmt.Sprintf(line, 20000+i))
			start := time.Now()
			seen = append(seen, in.wait(b).Sub(start))
			f := w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
			found = append(found, f.at.Sub(start))
			if f.Actor != nil && f.Actor.Process.Grade == waxseal.Proven {
				proven++
			}
		}
	}
	report(b, "finding", found)
	report(b, "inotify", seen)
	report(b, "flush", flushed)
	b.ReportMetric(float64(proven*100)/changes, "proven-%")
}

// overwrite writes a text over a part of a file, and closes it.
func overwrite(b *testing.B, name string, at int64, text string) {
	b.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	_, err = f.WriteAt([]byte(text), at)
	if err := errors.Join(err, f.Close()); err != nil {
		b.Fatal(err)
	}
}

// flush is what the disk takes for a page and its commit (fdatasync(2)).
func flush(b *testing.B, dir string) time.Duration {
	b.Helper()
	f, err := os.CreateTemp(filepath.Dir(dir), "flush")
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// BenchmarkIdle measures what an agent costs while nothing happens, with all sensors, for a
// minute: its processor time and memory, those of the process that reads for it, and the
// memory of both, in which the program that they share counts once.
func BenchmarkIdle(b *testing.B) {
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	h := postfixTree(b, nil)
	h.must("seal")
	w := h.watch()
	time.Sleep(3 * time.Second) // what the start left to do
	for b.Loop() {
		const long = time.Minute
		agent, reader := w.cmd.Process.Pid, w.reader()
		before, readerBefore := processorTime(b, agent), processorTime(b, reader)
		time.Sleep(long)
		share := func(used time.Duration) float64 { return used.Seconds() / long.Seconds() * 100 }
		b.ReportMetric(share(processorTime(b, agent)-before), "%-of-a-core")
		b.ReportMetric(share(processorTime(b, reader)-readerBefore), "reader-%-of-a-core")
		b.ReportMetric(memoryMB(b, agent, "status", "VmRSS:"), "MB")
		b.ReportMetric(memoryMB(b, reader, "status", "VmRSS:"), "reader-MB")
		b.ReportMetric(memoryMB(b, agent, "smaps_rollup", "Pss:")+memoryMB(b, reader, "smaps_rollup", "Pss:"), "both-MB")
	}
}

// processorTime is what a process has run, with the threads that have ended: its clock
// (clock_getcpuclockid(3)).
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &at); err != nil {
		b.Fatalf("the clock of process %d: %v", pid, err)
	}
	return time.Duration(at.Nano())
}

// memoryMB is the memory that a process has now: VmRSS of proc_pid_status(5), or Pss of
// proc_pid_smaps(5), where what processes share counts once among them.
func memoryMB(b *testing.B, pid int, file, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			n, _ := strconv.ParseFloat(f[1], 64)
			return n / 1024
		}
	}
	b.Fatalf("no %s", name)
	return 0
}

// BenchmarkStart measures the time from the start of the agent until everything is read
// and watched, on a Debian with Postfix, Dovecot, rspamd, SpamAssassin and OpenDKIM as
// their packages come, beside sha256sum of the same files.
func BenchmarkStart(b *testing.B) {
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	h := host{t: b, root: lab.Root(b, lab.Stock), state: filepath.Join(b.TempDir(), "state")}
	h.must("seal")
	b.Run("watch", func(b *testing.B) {
		for b.Loop() {
			w := h.watch()
			b.StopTimer()
			w.stop()
			b.StartTimer()
		}
	})
	tree, err := rootfs.Open(h.root)
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	state := mailpath.NewReader(agent.ThrowAwayMasker()).Read(tree)
	b.Run("sha256sum", func(b *testing.B) { command(b, "sha256sum", regularFiles(h.root, state)...) })
}

func report(b *testing.B, name string, list []time.Duration) {
	slices.Sort(list)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(list[len(list)/2]), name+"-p50-ms")
	b.ReportMetric(ms(list[len(list)*99/100]), name+"-p99-ms")
}

// inotify is the plain tool that the latency is compared with (inotify(7)).
type inotify struct{ fd int }

func newInotify(b *testing.B, dir string) inotify { return newInotifyFor(b, dir, unix.IN_CLOSE_WRITE) }

func newInotifyFor(b *testing.B, name string, events uint32) inotify {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, name, events); err != nil {
		b.Fatal(err)
	}
	return inotify{fd}
}

func (i inotify) wait(b *testing.B) time.Time {
	if _, err := unix.Read(i.fd, make([]byte, 4096)); err != nil {
		b.Fatal(err)
	}
	return time.Now()
}
