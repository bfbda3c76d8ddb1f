package readroom_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
)

// BenchmarkApart reads a mail server again after one change of it, here and in a process
// of its own: what lies between the two is what that costs.
func BenchmarkApart(b *testing.B) {
	b.Run("small", func(b *testing.B) {
		root := filepath.Join(b.TempDir(), "root")
		for p, text := range map[string]string{"etc/hostname": "mail\n", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/aliases": "postmaster: root\n", "etc/postfix/main.cf": "myhostname = mail.example.test\n",
			"etc/postfix/master.cf": "smtp inet n - y - - smtpd\n"} {
			p = filepath.Join(root, p)
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
				b.Fatal(err)
			}
		}
		benchmarkApart(b, root)
	})
	b.Run("postfix", func(b *testing.B) { benchmarkApart(b, lab.Root(b, lab.Mail)) })
	b.Run("stock", func(b *testing.B) { benchmarkApart(b, lab.Root(b, lab.Stock)) })
}

func benchmarkApart(b *testing.B, root string) {
	tree, err := rootfs.Open(root)
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	bin, err := program()
	if err != nil {
		b.Fatal(err)
	}
	room, err := readroom.Open(readroom.Options{Root: root, Key: key, Program: bin})
	if err != nil {
		b.Fatal(err)
	}
	defer room.Close()
	here := mailpath.NewReader(mask.New(key))
	here.Otherwise(rpm.Open)
	file := filepath.Join(root, "etc/postfix/main.cf")
	was, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.WriteFile(file, was, 0o644) })
	for _, r := range []struct {
		name string
		read func() waxseal.State
	}{
		{"here", func() waxseal.State { return here.ReadLive(tree, mailpath.Live{}) }},
		{"apart", func() waxseal.State { return room.ReadLive(tree, mailpath.Live{}) }},
		{"again", again(b, readroom.NewHere(tree, here), tree)},
		{"again-apart", again(b, room, tree)},
	} {
		b.Run(r.name, func(b *testing.B) {
			state := r.read()
			i, began := 0, processorTime(b, room.PID())
			for b.Loop() {
				i++
				if err := os.WriteFile(file, fmt.Appendf(was[:len(was):len(was)], "always_bcc = box%d@example.net\n", i), 0o644); err != nil {
					b.Fatal(err)
				}
				state = r.read()
			}
			b.ReportMetric(float64((processorTime(b, room.PID())-began).Microseconds())/float64(i), "cpu-µs/op") // of both processes: it tells more on a busy machine
			b.ReportMetric(float64(len(state.Files)), "files")
			b.ReportMetric(float64(len(state.Hooks)), "hooks")
		})
	}
}

// again reads what may be different after the one file was written.
func again(b *testing.B, r interface {
	Forget(waxseal.Path)
	ReadLive(waxseal.Tree, mailpath.Live) waxseal.State
	ReadAgain(mailpath.Live) (waxseal.State, bool)
}, tree waxseal.Tree) func() waxseal.State {
	return func() waxseal.State {
		r.Forget("/etc/postfix/main.cf")
		s, enough := r.ReadAgain(mailpath.Live{})
		if !enough {
			s = r.ReadLive(tree, mailpath.Live{})
		}
		return s
	}
}

// processorTime is what this process and another have used (proc_pid_stat(5): fields 14
// and 15, in hundredths of a second).
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	var user, system int64
	fields := strings.Fields(string(text))
	if _, err := fmt.Sscan(fields[13]+" "+fields[14], &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) + time.Duration(user+system)*10*time.Millisecond
}
