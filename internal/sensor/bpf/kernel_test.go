package bpf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"waxseal"
)

// TestObject: the committed object is what the source gives.
func TestObject(t *testing.T) {
	version, err := exec.Command("clang", "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("clang version 14.")) {
		t.Skipf("needs clang 14, with which the object was made; this is %.60s %v", version, err)
	}
	out := filepath.Join(t.TempDir(), "process.o")
	if text, err := exec.Command("sh", "program/build.sh", "program", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	built, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(built, object) {
		t.Error("process.o is not what program/process.c gives: go generate ./internal/sensor/bpf")
	}
}

// history collects what a sensor tells.
type history struct {
	mu     sync.Mutex
	events []waxseal.ProcessEvent
	gaps   []waxseal.Gap
}

func (h *history) of(pid int) (list []waxseal.ProcessEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.PID == pid {
			list = append(list, e)
		}
	}
	return list
}

// listen opens a sensor and collects what it tells until the test ends.
func listen(t *testing.T) (*Sensor, *history) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: BPF is the superuser's")
	}
	s, err := Open()
	if err != nil {
		t.Skipf("BPF can't be used here: %v", err)
	}
	h := &history{}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.Run(ctx, func(batch []waxseal.ProcessEvent) {
			h.mu.Lock()
			h.events = append(h.events, batch...)
			h.mu.Unlock()
		}, func(g waxseal.Gap) { h.mu.Lock(); h.gaps = append(h.gaps, g); h.mu.Unlock() }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	for !s.emits() {
		time.Sleep(time.Millisecond)
	}
	return s, h
}

func (s *Sensor) emits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emit != nil
}

// TestLife: a process is told from its fork to its end.
func TestLife(t *testing.T) {
	s, h := listen(t)
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 7\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./script", "one", "", "two words")
	cmd.Dir = dir
	before := time.Now()
	_ = cmd.Run()
	if err := s.Drain(); err != nil {
		t.Fatal(err)
	}
	life := h.of(cmd.Process.Pid)
	if len(life) != 3 || life[0].Step != waxseal.ProcessFork || life[1].Step != waxseal.ProcessExec || life[2].Step != waxseal.ProcessExit {
		t.Fatalf("life %+v", life)
	}
	fork, start, end := life[0], life[1], life[2]
	if fork.From != os.Getpid() || fork.PPID != os.Getpid() {
		t.Errorf("fork %+v", fork)
	}
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if start.Exe != sh || start.File != "./script" || start.CWD != dir || start.Comm != "script" || start.Cut {
		t.Errorf("exec %+v, want %s in %s", start, sh, dir)
	}
	var file unix.Stat_t
	if err := unix.Stat(sh, &file); err != nil {
		t.Fatal(err)
	}
	if start.Device != file.Dev || start.Inode != file.Ino || start.Owner != file.Uid || start.Mode != file.Mode {
		t.Errorf("device %d, inode %d, owner %d, mode %o; %s is %+v", start.Device, start.Inode, start.Owner, start.Mode, sh, file)
	}
	if want := []string{"/bin/sh", "./script", "one", "", "two words"}; !slices.Equal(start.Argv, want) {
		t.Errorf("argv %q, want %q", start.Argv, want)
	}
	if end.Exit>>8 != 7 {
		t.Errorf("exit %#x, want 7<<8", end.Exit)
	}
	for _, e := range life {
		if !e.Started.Equal(fork.Started) || e.Started.Before(before.Add(-20*time.Millisecond)) || e.Time.Before(e.Started) || e.Time.After(time.Now().Add(20*time.Millisecond)) {
			t.Errorf("%s: started %s, at %s", e.Step, e.Started, e.Time)
		}
		if e.UID != 0 || e.EUID != 0 || e.CGroup == 0 {
			t.Errorf("%s: %+v", e.Step, e)
		}
	}
}

// TestWords: what a process can do to its arguments and its place.
func TestWords(t *testing.T) {
	s, h := listen(t)
	run := func(cmd *exec.Cmd) waxseal.ProcessEvent {
		t.Helper()
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if err := s.Drain(); err != nil {
			t.Fatal(err)
		}
		for _, e := range h.of(cmd.Process.Pid) {
			if e.Step == waxseal.ProcessExec {
				return e
			}
		}
		t.Fatal("no program start")
		return waxseal.ProcessEvent{}
	}
	long := exec.Command("true", strings.Repeat("x", 100_000))
	if e := run(long); !e.Cut || len(e.Argv) != 2 || len(e.Argv[1]) > 4096 || !strings.HasPrefix(e.Argv[1], "xxx") {
		t.Errorf("long: cut %v, %d words", e.Cut, len(e.Argv))
	}
	many := exec.Command("true", slices.Repeat([]string{"y"}, 5000)...)
	if e := run(many); !e.Cut || len(e.Argv) != maxArgs {
		t.Errorf("many: cut %v, %d words", e.Cut, len(e.Argv))
	}
	none := exec.Command("/bin/true")
	none.Args = []string{}
	if e := run(none); e.Exe == "" {
		t.Errorf("no argument: %+v", e)
	}
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 60))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	below := exec.Command("true")
	below.Dir = deep
	if e := run(below); !strings.HasPrefix(e.CWD, "…/") || !strings.HasSuffix(e.CWD, "/deep/deep") || e.Exe != trueProgram(t) || e.File == "" || len(e.Argv) != 1 {
		t.Errorf("deep: %+v", e)
	}
	wide := t.TempDir()
	for range 12 {
		wide = filepath.Join(wide, strings.Repeat("w", 240))
	}
	if err := os.MkdirAll(wide, 0o755); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(wide, "copied")
	if out, err := exec.Command("cp", trueProgram(t), copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if e := run(exec.Command(copied, "a", "b")); e.Exe != copied || len(e.Argv) != 3 {
		t.Errorf("wide: %d bytes, %d words", len(e.Exe), len(e.Argv))
	}
}

func trueProgram(t *testing.T) string {
	t.Helper()
	p, err := exec.LookPath("true")
	if err == nil {
		p, err = filepath.EvalSymlinks(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMounted: a path goes on above a mount, as /proc/PID/exe does.
func TestMounted(t *testing.T) {
	s, h := listen(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Skipf("no right to mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	program := filepath.Join(dir, "program")
	if out, err := exec.Command("cp", trueProgram(t), program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(); err != nil {
		t.Fatal(err)
	}
	if life := h.of(cmd.Process.Pid); len(life) < 2 || life[1].Exe != program {
		t.Errorf("%+v", life)
	}
}

// TestOneShotWriters: of 300 shells that write a line and are gone, on a machine
// whose processors are all busy, each is known, with what it ran, who started it
// and when.
func TestOneShotWriters(t *testing.T) {
	s, h := listen(t)
	file := filepath.Join(t.TempDir(), "file")
	var enough atomic.Bool
	var burning sync.WaitGroup
	for range 4 {
		burning.Go(func() {
			for !enough.Load() {
			}
		})
	}
	const writers = 300
	pids := map[int]int{}
	for i := range writers {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("echo %d >> %s", i, file))
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		pids[cmd.Process.Pid] = i
	}
	enough.Store(true)
	burning.Wait()
	if err := s.Drain(); err != nil {
		t.Fatal(err)
	}
	known := 0
	for pid, i := range pids {
		want := fmt.Sprintf("echo %d >> %s", i, file)
		if slices.ContainsFunc(h.of(pid), func(e waxseal.ProcessEvent) bool {
			return e.Step == waxseal.ProcessExec && e.PPID == os.Getpid() && len(e.Argv) == 3 && e.Argv[2] == want
		}) {
			known++
		}
	}
	if known != len(pids) || len(h.gaps) > 0 {
		t.Errorf("%d of %d known, gaps %+v", known, len(pids), h.gaps)
	}
}

// TestWakes: a ring that fills up is read though nobody asks.
func TestWakes(t *testing.T) {
	_, h := listen(t)
	h.mu.Lock()
	before := len(h.events)
	h.mu.Unlock()
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 2500 ]; do (:); i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		n := len(h.events) - before
		h.mu.Unlock()
		if n > 2500 { // two records each, of which less than an eighth of the ring waits
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d records of 5,000 without being asked", n)
		}
	}
}

// TestLost: a ring that nobody reads loses records, counts them, and says so.
func TestLost(t *testing.T) {
	s, h := listen(t)
	s.mu.Lock() // the reader stands still
	for range 10 {
		_ = exec.Command("sh", "-c", "i=0; while [ $i -lt 2500 ]; do (:); i=$((i+1)); done").Run()
	}
	s.mu.Unlock()
	if err := s.Drain(); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.gaps) != 1 || h.gaps[0].Lost == 0 || h.gaps[0].Sensor != Name || !h.gaps[0].Until.After(h.gaps[0].From) {
		t.Errorf("25,000 processes into a ring of 4 MiB: %d records, gaps %+v", len(h.events), h.gaps)
	}
}

// ours are the ids of the loaded programs with our names.
func ours(t *testing.T) map[ebpf.ProgramID]bool {
	t.Helper()
	ids := map[ebpf.ProgramID]bool{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return ids
		}
		if err != nil {
			t.Fatalf("programs can't be listed: %v", err)
		}
		id = next
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it has gone meanwhile
		}
		if info, err := p.Info(); err == nil && strings.HasPrefix(info.Name, "waxseal_") {
			ids[id] = true
		}
		_ = p.Close()
	}
}

// others are ids that were not there before.
func others(now, before map[ebpf.ProgramID]bool) (list []ebpf.ProgramID) {
	for id := range now {
		if !before[id] {
			list = append(list, id)
		}
	}
	return list
}

// gone waits until programs have gone: the kernel frees them a moment later.
func gone(t *testing.T, ids []ebpf.ProgramID) {
	t.Helper()
	if len(ids) != 3 {
		t.Errorf("%d programs while open", len(ids))
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		now := ours(t)
		if !slices.ContainsFunc(ids, func(id ebpf.ProgramID) bool { return now[id] }) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("programs are left")
		}
	}
}

// TestNothingStays: after Close and after SIGKILL no program is left.
func TestNothingStays(t *testing.T) {
	if os.Getenv("WAXSEAL_BPF_HOLD") != "" { // the child below
		if _, err := Open(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("open")
		select {}
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: BPF is the superuser's")
	}
	before := ours(t)
	s, err := Open()
	if err != nil {
		t.Skipf("BPF can't be used here: %v", err)
	}
	mine := others(ours(t), before)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	gone(t, mine)
	if p := Probe(); !p.Usable {
		t.Errorf("probe: %+v", p)
	}
	before = ours(t)
	child := exec.Command(os.Args[0], "-test.run=TestNothingStays")
	child.Env = append(os.Environ(), "WAXSEAL_BPF_HOLD=1")
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 5)
	if _, err := out.Read(line); err != nil || string(line) != "open\n" {
		t.Errorf("the child says %q: %v", line, err)
	}
	mine = others(ours(t), before)
	_ = child.Process.Kill()
	_ = child.Wait()
	gone(t, mine)
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s, err := Open()
		if err != nil {
			b.Skip(err)
		}
		_ = s.Close()
	}
}
