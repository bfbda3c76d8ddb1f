package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab"
)

// method is one way of changing a file, and what is to be known of it.
type method struct {
	name   string
	writer string
	text   string                                         // what main.cf gets, a copy to an address that no other has by default
	files  map[string]string                              // of the tree, besides those that every tree has
	before func(t *testing.T, m *method, h host, o order) // what is there before the agent starts
	heir   *os.File                                       // main.cf, if the writer gets it open from its parent
	keys   string                                         // typed at the writer's terminal
	around bool                                           // others change a thousand files a second meanwhile
	raw    bool                                           // past the file system: found by reading again
	fits   func(told) bool
}

// measured is what a cell came to.
type measured struct {
	method                  string
	soon, took              string
	loss                    bool
	person, process, source string
}

const inner = "WAXSEAL_METHODS"

// privately runs the test once more in a mount namespace of its own, which takes all
// mounts with it however the test ends.
func privately(t *testing.T) bool {
	t.Helper()
	needRoot(t)
	if os.Getenv(inner) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v=true", fmt.Sprintf("-update=%v", *update))
	cmd.Env = append(os.Environ(), inner+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
	return false
}

// TestWriteMethods changes files in every way that there is and says what was seen of
// it, in docs/write-methods.md.
func TestWriteMethods(t *testing.T) {
	if !privately(t) {
		return
	}
	tools := lab.Root(t, lab.Tools)
	var page strings.Builder
	page.WriteString(pageHead)
	for _, k := range kinds {
		var rows []measured
		for i, m := range k.methods {
			if only := os.Getenv("WAXSEAL_METHOD"); only != "" && only != m.writer {
				continue
			}
			rows = append(rows, m.cell(t, k, uint32(7001+i), tools))
		}
		k.write(&page, rows)
	}
	const name = "../../docs/write-methods.md"
	if *update {
		if err := os.WriteFile(name, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := os.ReadFile(name)
	if diff := cmp.Diff(untimed(string(want)), untimed(page.String())); diff != "" && os.Getenv("WAXSEAL_METHOD") == "" {
		t.Errorf("%s says something else (go test ./internal/agent -run TestWriteMethods -update):\n%s", name, diff)
	}
}

// untimed leaves out of a page what differs from run to run.
func untimed(page string) string { return milliseconds.ReplaceAllString(page, "N ms") }

var milliseconds = regexp.MustCompile(`(≤ )?\d+ ms`)

// cell tries a method. What was told late is tried again, and so is what came with a loss
// of events that the agent told: this machine may have been busy. What is always so
// stays so.
func (m *method) cell(t *testing.T, k kind, login uint32, tools string) (r measured) {
	for range 3 {
		t.Run(k.name+"/"+m.name, func(t *testing.T) { r = m.try(t, k, login, tools) })
		if r.soon != late && !r.loss {
			return r
		}
	}
	t.Errorf("%s on %s is told late", m.name, k.name)
	return r
}

const late = "later"

// try is one cell: a fresh tree, an agent, one change.
func (m *method) try(t *testing.T, k kind, login uint32, tools string) measured {
	dir, err := os.MkdirTemp("", "waxseal-way-") // no comma: it is an option of overlayfs
	fine(t, err)
	t.Cleanup(func() { fine(t, os.RemoveAll(dir)) })
	h := host{t: t, root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state")}
	o := order{Method: m.writer, Root: h.root, Side: filepath.Join(dir, "side"), Lab: tools, Text: m.text, From: fmt.Sprintf("192.0.2.%d", login%200)}
	if o.Text == "" {
		o.Text = fmt.Sprintf("always_bcc = box%d@evil.example.net\n", login)
	}
	m.build(t, h, o, k, login)
	if m.raw {
		h.config("watch: {poll: 2s}\n")
	}
	w := h.watch()
	if m.around {
		around(t, h)
	}
	from, started, pid := m.start(t, o, login)
	fits := m.fits
	if fits == nil {
		token := strings.TrimSpace(o.Text[strings.Index(o.Text, "=")+1:])
		fits = func(f told) bool { return strings.Contains(f.text(), token) }
	}
	f := w.findWithin(5*time.Second, m.name, func(f told) bool { return f.News == "" && fits(f) })
	took := f.at.Sub(from)
	if from.IsZero() {
		took = f.at.Sub(started) // the program's own time is in it
	}
	f = w.later(f)
	t.Logf("told after %v: %s; unobserved %v", took.Round(100*time.Microsecond), f.Title, f.Unobserved != nil)
	r := m.judge(t, f, took, login, pid, o.From)
	r.took = fmt.Sprintf("%d ms", max(0, took.Milliseconds())) // it may be told before all is done
	if from.IsZero() {
		r.took = "≤ " + r.took
	}
	r.loss = slices.ContainsFunc(strings.Split(w.errs.String(), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "gap: ") && !strings.Contains(line, "renamed or replaced") // which is what happened
	})
	return r
}

// judge is what was known in the end; a wrong name is never accepted.
func (m method) judge(t *testing.T, f told, took time.Duration, login uint32, pid int, from string) measured {
	r := measured{method: m.name, soon: "< 1 s", person: "—", process: "—", source: "—"}
	switch {
	case m.raw:
		r.soon = "when it is read again"
	case took > time.Second:
		r.soon = late
	}
	a := f.Actor
	if a == nil {
		return r
	}
	t.Logf("actor: login %d %s (%s), process %d %s (%s), origin %s %s (%s)", a.Login.UID, a.Login.Name, a.Login.Grade, a.Process.PID, a.Process.Exe, a.Process.Grade, a.Origin.Kind, a.Origin.Address, a.Origin.Grade)
	if a.Login.Grade != waxseal.Unknown && a.Login.UID != waxseal.Unset {
		r.person = string(a.Login.Grade)
		if a.Login.UID != login || a.Login.Name != fmt.Sprintf("p%d", login) {
			t.Errorf("the wrong person is named: %+v", a.Login)
		}
	}
	if a.Process.Grade != waxseal.Unknown {
		r.process = string(a.Process.Grade)
		if a.Process.PID != pid {
			t.Errorf("the wrong process is named: %+v, it was %d", a.Process, pid)
		}
	}
	if a.Origin.Address != "" {
		r.source = string(a.Origin.Grade)
		if a.Origin.Address != from {
			t.Errorf("the wrong source is named: %+v", a.Origin)
		}
	}
	return r
}

func (f told) text() string {
	b, _ := json.Marshal(f.Finding)
	return string(b)
}

// build makes the tree, and what is there before the agent starts.
func (m *method) build(t *testing.T, h host, o order, k kind, login uint32) {
	if err := os.MkdirAll(o.Side, 0o755); err != nil {
		t.Fatal(err)
	}
	k.mount(t, h.root, o)
	all := map[string]string{
		"/etc/hostname": "mail\n",
		"/etc/passwd":   fmt.Sprintf("root:x:0:0::/root:/bin/sh\np%d:x:%d:%d::/:/bin/sh\n", login, login, login),
		"/etc/aliases":  "postmaster: root\n", "/var/log/mail.log": "",
		"/usr/local/bin/filter": "#!/bin/sh\nexec /usr/sbin/sendmail -i \"$@\"\n",
		"/etc/postfix/main.cf":  "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:localhost:8891\n",
		"/etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd -o content_filter=filter:dummy\ncleanup   unix  n       -       y       -       0       cleanup\n" +
			"filter unix - n n - 10 pipe\n  user=nobody argv=/usr/local/bin/filter ${recipient}\n",
	}
	for p, text := range m.files {
		all[p] = text
	}
	for p, text := range all {
		h.write(p, text)
	}
	if err := os.Chmod(h.path("/usr/local/bin/filter"), 0o755); err != nil {
		t.Fatal(err)
	}
	if m.before != nil {
		m.before(t, m, h, o)
	}
}

// start starts the writer; from is when it said that the change was made.
func (m method) start(t *testing.T, o order, login uint32) (from, started time.Time, pid int) {
	t.Helper()
	cmd := o.command(login)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	said := make(chan string, 1)
	cmd.Stdout = writerFunc(func(b []byte) { said <- string(b) })
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if m.heir != nil {
		cmd.ExtraFiles = []*os.File{m.heir}
	}
	if m.keys != "" {
		return m.typed(t, cmd, strings.ReplaceAll(m.keys, "TEXT", o.Text))
	}
	started = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := <-ended; err != nil {
			t.Errorf("the writer: %v\n%s", err, errs.String())
		}
	})
	select {
	case s := <-said:
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(s, "done")), 10, 64)
		if err != nil {
			t.Fatalf("the writer said %q", s)
		}
		from = time.Unix(0, n)
	case err := <-ended:
		ended <- err
	case <-time.After(10 * time.Second):
		t.Fatal("the writer does not come to an end")
	}
	return from, started, cmd.Process.Pid
}

type writerFunc func(b []byte)

func (w writerFunc) Write(b []byte) (int, error) { w(b); return len(b), nil }

// typed runs a program at a terminal of its own, and types.
func (m method) typed(t *testing.T, cmd *exec.Cmd, keys string) (from, started time.Time, pid int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	var n int
	raw, err := master.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			n, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
			_ = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool)
	go func() { // the screen is drawn
		b := make([]byte, 4096)
		for first := true; ; first = false {
			if _, err := master.Read(b); err != nil {
				return
			}
			if first {
				close(ready)
			}
		}
	}()
	<-ready
	time.Sleep(200 * time.Millisecond)
	started = time.Now()
	if _, err := master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	})
	return time.Time{}, started, cmd.Process.Pid
}

// later listens for what is added to a finding.
func (w *watch) later(f told) told {
	for wait := time.After(400 * time.Millisecond); ; {
		select {
		case more := <-w.told:
			if more.ID == f.ID {
				more.at = f.at
				f = more
			}
		case <-wait:
			return f
		}
	}
}

// around changes a thousand files a second that nobody watches.
func around(t *testing.T, h host) {
	t.Helper()
	stop := make(chan bool)
	done := make(chan bool)
	dir := h.path("/var/spool/noise")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = os.WriteFile(filepath.Join(dir, strconv.Itoa(i%50)), nil, 0o600)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// kind is what sort of file system the watched tree is on.
type kind struct {
	name    string
	about   string
	mount   func(t *testing.T, root string, o order)
	methods []method
}

const pageHead = `# Ways of changing a file, and what is seen of each

Written by ` + "`go test ./internal/agent -run TestWriteMethods -update`" + `, which makes each of these changes on a running kernel, each by a
process with a login of its own, beside an agent that watches with fanotify and audit. The test fails where this page says something else,
and wherever a person, a process or a source is named that it was not. The change is told, with what is new in the file, within the time that
the page gives; beside it stands how long it took from the change to the finding's line in the run that wrote this page (≤: with the time that a program took
to start and to come to its change). An edit that is still under way, as of a file kept open, is waited for: [life-of-an-event.md](life-of-an-event.md), 5.

Grades: *proven* by the kernel's own records; *inferred* from ` + "`/proc`" + ` or from what a process said of itself; — where nobody is named. The source
is inferred at most, since what plays sshd here is not sshd, and so is the person, since no login program set the login uid: [hands.md](hands.md) has real logins.
`

func (k kind) write(page *strings.Builder, rows []measured) {
	about := ""
	if k.about != "" {
		about = "\n" + k.about + "\n"
	}
	fmt.Fprintf(page, "\n## %s\n%s\n| way | told | measured | person | process | source |\n|---|---|---|---|---|---|\n", k.name, about)
	for _, r := range rows {
		fmt.Fprintf(page, "| %s | %s | %s | %s | %s | %s |\n", r.method, r.soon, r.took, r.person, r.process, r.source)
	}
}

// fileSystem mounts one at a directory, and takes it away with the test.
func fileSystem(t *testing.T, source, at, typ, options string) {
	t.Helper()
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(source, at, typ, 0, options); err != nil {
		t.Skipf("no right to mount %s: %v", typ, err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
}

func changed(p waxseal.Path, word string) func(told) bool {
	return func(f told) bool {
		return f.Change != nil && f.Change.Path == p && slices.ContainsFunc(f.Change.Attributes, func(a string) bool { return strings.Contains(a, word) })
	}
}

func saying(token string) func(told) bool {
	return func(f told) bool { return strings.Contains(f.text(), token) }
}
