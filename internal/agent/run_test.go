package agent_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"waxseal"
)

// These helpers run the real program, built once, against a tree.

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "waxseal-test-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "waxseal")
	cmd := exec.Command("go", "build", "-o", bin, "waxseal/cmd/waxseal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return bin, nil
})

// TestMain lets one package at a time use the kernel's audit system, which a
// host has only one of: the other is internal/sensor/kaudit.
func TestMain(m *testing.M) {
	if text := os.Getenv(writerOrder); text != "" {
		write(text)
		os.Exit(0)
	}
	if lacks := os.Getenv(lesserOrder); lacks != "" {
		os.Unsetenv(lesserOrder)
		startLessened(lacks[1:])
	}
	if os.Getenv(inner) != "" { // the turn is taken
		os.Exit(finish(m))
	}
	turn, err := os.Open(os.TempDir())
	if err == nil {
		err = syscall.Flock(int(turn.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lock for audit:", err)
		os.Exit(1)
	}
	code := finish(m)
	runtime.KeepAlive(turn) // a file that nobody can reach any more is closed, and the turn over
	os.Exit(code)
}

func finish(m *testing.M) int {
	code := m.Run()
	if bin, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	return code
}

// host is a tree with a state directory.
type host struct {
	t                  testing.TB
	root, state, extra string // extra: a configuration file, "" for none
}

func (h host) args(words ...string) []string {
	args := append(words, "--root", h.root, "--state", h.state)
	if h.extra != "" {
		args = append(args, "--config", h.extra)
	}
	return args
}

// run runs one command and returns its standard output and exit code.
func (h host) run(words ...string) (string, int) {
	h.t.Helper()
	bin, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(bin, h.args(words...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		h.t.Fatal(err)
	}
	if errs.Len() > 0 {
		h.t.Logf("waxseal %s: %s", strings.Join(words, " "), strings.TrimSpace(errs.String()))
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// must is run for commands that are to succeed.
func (h host) must(words ...string) string {
	h.t.Helper()
	out, code := h.run(words...)
	if code != 0 {
		h.t.Fatalf("waxseal %s: exit code %d\n%s", strings.Join(words, " "), code, out)
	}
	return out
}

// told is one line that watch printed.
type told struct {
	Schema, News, Checkpoint string
	waxseal.Finding
	at time.Time
}

// watch is a running agent.
type watch struct {
	host
	cmd  *exec.Cmd
	told chan told
	errs *lines
	done chan struct{}
}

// lines collects what a process prints.
type lines struct {
	mu   sync.Mutex
	text []string
	at   []time.Time // when each was
}

func (l *lines) add(s string) {
	l.mu.Lock()
	l.text, l.at = append(l.text, s), append(l.at, time.Now())
	l.mu.Unlock()
}
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "\n")
}

// watch starts the agent and waits until it watches.
func (h host) watch() *watch { h.t.Helper(); return h.watchWith(func(*exec.Cmd) {}) }

// watchWith is watch, started in another way.
func (h host) watchWith(start func(*exec.Cmd)) *watch {
	h.t.Helper()
	bin, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	w := &watch{host: h, cmd: exec.Command(bin, h.args("watch", "--format", "json")...), told: make(chan told, 4096), errs: &lines{}, done: make(chan struct{})}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	errs, err := w.cmd.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	start(w.cmd)
	if err := w.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ready := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for s := bufio.NewScanner(errs); s.Scan(); {
			w.errs.add(s.Text())
			if strings.HasPrefix(s.Text(), "watching ") {
				close(ready)
			}
		}
	})
	readers.Go(func() {
		came := &clocked{Reader: out}
		dec := json.NewDecoder(came)
		for {
			var f told
			if dec.Decode(&f) != nil {
				return
			}
			f.at = came.at // to take it apart takes time too
			w.told <- f
		}
	})
	go func() { readers.Wait(); close(w.done) }()
	h.t.Cleanup(func() { w.stop() })
	select {
	case <-ready:
	case <-w.done:
		h.t.Fatalf("watch ended: %s", w.errs)
	case <-time.After(30 * time.Second):
		h.t.Fatalf("watch is not ready: %s", w.errs)
	}
	return w
}

// clocked knows when the last of what was read came.
type clocked struct {
	io.Reader
	at time.Time
}

func (c *clocked) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.at = time.Now()
	return n, err
}

// find waits for a finding that fits.
func (w *watch) find(what string, fits func(told) bool) told {
	w.t.Helper()
	return w.findWithin(20*time.Second, what, fits)
}

func (w *watch) findWithin(d time.Duration, what string, fits func(told) bool) told {
	w.t.Helper()
	var seen []string
	timeout, since := time.After(d), time.Now()
	for {
		select {
		case f := <-w.told:
			if fits(f) {
				if took := time.Since(since); took > 5*time.Second { // it should not: what did it wait for?
					w.t.Logf("%s: found after %v; the agent says:\n%s", what, took, w.errs)
				}
				return f
			}
			seen = append(seen, fmt.Sprintf("%s / %s (%s, %s: %s)", f.Title, f.News, f.Severity, f.Rung, f.Expected))
		case <-timeout:
			w.t.Fatalf("no finding: %s; told were %q\n%s", what, seen, w.errs)
		}
	}
}

// stop ends the agent as a person would, and waits.
func (w *watch) stop() int { return w.end(syscall.SIGTERM) }

func (w *watch) end(sig syscall.Signal) int {
	if w.cmd.ProcessState == nil {
		_ = w.cmd.Process.Signal(sig)
		<-w.done
		_ = w.cmd.Wait()
	}
	return w.cmd.ProcessState.ExitCode()
}

// postfixTree writes a small Postfix configuration and returns its root.
func postfixTree(t testing.TB, files map[string]string) host {
	t.Helper()
	dir := t.TempDir()
	h := host{t: t, root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state")}
	all := map[string]string{
		"/etc/hostname":          "mail\n",
		"/etc/passwd":            "root:x:0:0::/root:/bin/sh\n",
		"/etc/aliases":           "postmaster: root\n",
		"/etc/postfix/main.cf":   "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:localhost:8891\n",
		"/etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd\ncleanup   unix  n       -       y       -       0       cleanup\n",
		"/var/log/mail.log":      "",
	}
	for p, text := range files {
		all[p] = text
	}
	for p, text := range all {
		h.write(p, text)
	}
	return h
}

func (h host) path(p string) string { return filepath.Join(h.root, p) }

func (h host) write(p, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(p)), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.path(p), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h host) append(p, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(p), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// config writes a configuration file for the agent.
func (h *host) config(text string) {
	h.t.Helper()
	h.extra = filepath.Join(filepath.Dir(h.root), "waxseal.yaml")
	if err := os.WriteFile(h.extra, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	if !hasRoot() {
		t.Skip("needs root: fanotify, audit and mounts are the superuser's")
	}
}

func hasRoot() bool { return os.Geteuid() == 0 }

func isNew(rule waxseal.RuleID) func(told) bool {
	return func(f told) bool { return f.News == "" && f.Rule == rule }
}
