package agent_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// openers counts who opens some files of a container, by process.
type openers struct {
	t     *testing.T
	group *os.File
}

func opensOf(t *testing.T, c *container, files ...string) *openers {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_QUEUE, unix.O_RDONLY|unix.O_CLOEXEC)
	fine(t, err)
	o := &openers{t, os.NewFile(uintptr(fd), "fanotify")}
	t.Cleanup(func() { o.group.Close() })
	for _, f := range files {
		fine(t, unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN, unix.AT_FDCWD, fmt.Sprintf("/proc/%d/root%s", c.pid, f)))
	}
	return o
}

// seen is how often each process opened one of them since it was last asked.
func (o *openers) seen() map[int]int {
	o.t.Helper()
	by, b := map[int]int{}, make([]byte, 64<<10)
	for {
		n, err := unix.Read(int(o.group.Fd()), b)
		if err == unix.EAGAIN || n <= 0 {
			return by
		}
		fine(o.t, err)
		for r := bytes.NewReader(b[:n]); r.Len() > 0; {
			var e unix.FanotifyEventMetadata
			fine(o.t, binary.Read(r, binary.NativeEndian, &e))
			by[int(e.Pid)]++
			_ = unix.Close(int(e.Fd)) // it is -1 where the file has gone
		}
	}
}

// readers are the processes that read for an agent, by the root that they were given; the
// host's was given none.
func (w *watch) readers() map[string]int {
	w.t.Helper()
	found := map[string]int{}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.cmd.Process.Pid))
	for _, file := range children {
		text, _ := os.ReadFile(file) // a thread that has just ended has none
		for _, word := range strings.Fields(string(text)) {
			line, _ := os.ReadFile("/proc/" + word + "/cmdline")
			if pid, err := strconv.Atoi(word); err == nil && strings.Contains(string(line), "read-for-watch") {
				found[rootAt("/proc/"+word+"/fd/5")] = pid
			}
		}
	}
	return found
}

// rootAt names a directory by what it is, "" for none.
func rootAt(p string) string {
	var st unix.Stat_t
	if unix.Stat(p, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return ""
	}
	return fmt.Sprint(st.Dev, " ", st.Ino)
}

// readerOf is the process that reads a container, 0 where there is none.
func (w *watch) readerOf(c *container) int {
	return w.readers()[rootAt(fmt.Sprintf("/proc/%d/root", c.pid))]
}

// readApart: what a container has was read by another process than the agent, which is shut
// in as the host's reader is.
func readApart(t *testing.T, w *watch, c *container, o *openers) {
	w.t = t
	pid := w.readerOf(c)
	seen := o.seen()
	if pid == 0 || seen[pid] == 0 || seen[w.cmd.Process.Pid] > 0 {
		t.Errorf("its files were opened by %v; the agent is %d, its readers are %v", seen, w.cmd.Process.Pid, w.readers())
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	fine(t, err)
	for _, line := range []string{"\nUid:\t65530\t", "\nCapEff:\t0000000000000004\n", "\nCapBnd:\t0000000000000004\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	t.Logf("it takes %s", taken(pid))
}

// taken says what memory and threads a process has.
func taken(pid int) string {
	var words []string
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); slices.Contains([]string{"RssAnon:", "RssFile:", "VmData:", "Threads:"}, f[0]) {
			words = append(words, strings.Join(f, " "))
		}
	}
	return strings.Join(words, ", ")
}

// milter is a hook that is set up in a container, each time another one.
func milter(n int) string { return fmt.Sprintf("inet:203.0.113.7:%d", 9000+n) }

// setMilter changes main.cf in a container, and returns how long it took until it was told.
func (w *watch) setMilter(c *container, n int, most time.Duration) time.Duration {
	w.t.Helper()
	began := time.Now()
	c.exec("echo smtpd_milters = " + milter(n) + " >>/etc/postfix/main.cf")
	f := w.findWithin(most, "the milter "+milter(n), func(f told) bool {
		return f.News == "" && f.Change != nil && f.Change.Container == c.name() && hands(f, milter(n))
	})
	if f.Actor == nil || f.Unobserved != nil {
		w.t.Errorf("nobody saw %s: %+v", milter(n), f.Unobserved)
	}
	return f.at.Sub(began)
}

// withinASecond: the promise is a second from the write to the line on the output. Of
// several edits the middle one is held to it, since others use this machine too.
func withinASecond(t *testing.T, w *watch, c *container) {
	w.t = t
	var took []time.Duration
	for n := range 5 {
		took = append(took, w.setMilter(c, n, 20*time.Second))
	}
	slices.Sort(took)
	t.Logf("told after %v", took)
	if took[2] > time.Second {
		t.Errorf("an edit in a container is told after %v", took)
	}
}

// lostReader: a container whose reader ends or hangs costs the others nothing, and is
// named; its own changes are told when it can be read again.
func lostReader(t *testing.T, w *watch, c, other *container) {
	w.t = t
	w.setMilter(c, 10, 20*time.Second)
	fine(t, syscall.Kill(w.readerOf(c), syscall.SIGKILL))
	t.Logf("with a new reader told after %v", w.setMilter(c, 11, 20*time.Second))
	fine(t, syscall.Kill(w.readerOf(c), syscall.SIGSTOP))
	c.exec("echo smtpd_milters = " + milter(12) + " >>/etc/postfix/main.cf")
	took := w.setMilter(other, 13, 20*time.Second)
	t.Logf("in the other one told after %v", took)
	if strings.Contains(w.errs.String(), "gave no answer") || took > 3*time.Second {
		t.Errorf("the other container waited for %v", took)
	}
	f := w.findWithin(30*time.Second, "word that it can't be read", func(f told) bool { return f.Change != nil && f.Change.Container == c.name() })
	if !slices.ContainsFunc(f.Change.Hooks.Added, func(h waxseal.Hook) bool { return h.Kind == waxseal.KindUnreadable }) {
		t.Errorf("told is %q: %+v", f.Title, f.Change.Hooks)
	}
	time.Sleep(2 * time.Second) // none is started before
	w.setMilter(c, 14, 20*time.Second)
	gap := "the process that reads the mail path of " + c.name() + " was lost"
	if said := w.errs.String(); strings.Count(said, gap) != 2 || strings.Contains(said, "of "+other.name()+" was lost") {
		t.Errorf("the gaps are %s", said)
	}
}

// atRest: readers end when nothing follows. How many stay for how long is in roomreader.go.
func atRest(t *testing.T, w *watch, c *container) {
	w.t = t
	if w.readerOf(c) == 0 {
		t.Error("it ended at once")
	}
	t.Logf("the one that waits takes %s", taken(w.readerOf(c)))
	at := rootAt(fmt.Sprintf("/proc/%d/root", c.pid))
	c.stop()
	wait(t, "the end of its reader", func() bool { return w.readers()[at] == 0 })
}
