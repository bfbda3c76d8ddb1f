package agent_test

import (
	"cmp"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
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
// watch's standard output, over 300 changes, and beside it, in the same run, to
// inotify's event, which carries no meaning, no process and no proof.
func BenchmarkLatency(b *testing.B) {
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	h := postfixTree(b, nil)
	h.must("seal")
	w := h.watch()
	in := newInotify(b, h.path("/etc/postfix"))
	const changes = 300
	var found, seen []time.Duration
	for b.Loop() {
		found, seen = nil, nil
		for i := range changes {
			target := fmt.Sprintf("inet:203.0.113.9:%d", 20000+i)
			h.append("/etc/postfix/main.cf", "smtpd_milters = "+target+"\n")
			start := time.Now()
			seen = append(seen, in.wait(b).Sub(start))
			w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
			found = append(found, time.Since(start))
		}
	}
	report(b, "finding", found)
	report(b, "inotify", seen)
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
