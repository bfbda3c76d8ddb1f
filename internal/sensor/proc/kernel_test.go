package proc

import (
	"bufio"
	"fmt"
	"io"
	"net"
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
)

// helper, when set, makes this test binary listen on a port of 127.0.0.1, accept
// one connection and start a shell: what sshd does, for a process tree to look at.
const helper = "WAXSEAL_TEST_LISTEN"

func TestMain(m *testing.M) {
	if os.Getenv(helper) != "" {
		listenAndShell()
		return
	}
	os.Exit(m.Run())
}

func listenAndShell() {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(l.Addr().String() + "\n")
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	cmd := exec.Command("/bin/sh", "-c", "echo $$; read line")
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

// start runs a command until the test ends; it must write one line when it is
// ready.
func start(t *testing.T, cmd *exec.Cmd) (first string, out *bufio.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // ends its read
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	out = bufio.NewReader(stdout)
	return line(t, out), out
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(s)
}

// program copies an executable under another name, as which it then runs.
func programAt(t *testing.T, from, name string) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

func shell(t *testing.T) string {
	t.Helper()
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Skip("no shell")
	}
	return sh
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSnapshot(t *testing.T) {
	before := time.Now()
	cmd := exec.Command("/bin/sh", "-c", "echo $$; read line", "with blank", "")
	cmd.Dir = t.TempDir()
	first, _ := start(t, cmd)
	a := New(Options{Names: func(uint32) string { return "somebody" }}).Snapshot(number(t, first))
	if a == nil {
		t.Fatal("no actor")
	}
	p := a.Process
	if p.PID != cmd.Process.Pid || p.PPID != os.Getpid() || p.Exe != shell(t) || !slices.Equal(p.Argv, cmd.Args) || p.CWD != cmd.Dir {
		t.Errorf("process is %+v", p)
	}
	if p.UID != uint32(os.Getuid()) || p.EUID != uint32(os.Geteuid()) || p.GID != uint32(os.Getgid()) || p.Grade != waxseal.Inferred {
		t.Errorf("process is %+v", p)
	}
	if d := p.Started.Sub(before); d < -2*time.Second || d > 2*time.Second {
		t.Errorf("started %v, that is %v off", p.Started, d)
	}
	if len(a.Ancestors) == 0 || a.Ancestors[0].PID != os.Getpid() || a.Ancestors[len(a.Ancestors)-1].PID != 1 && len(a.Ancestors) < maxAncestors {
		t.Errorf("ancestors are %+v", a.Ancestors)
	}
	if a.Sudo != nil || a.Login.Grade == "" || a.Origin.Grade == "" {
		t.Errorf("actor is %+v", a)
	}
}

func TestNoProcess(t *testing.T) {
	r := New(Options{})
	cmd := exec.Command("/bin/sh", "-c", "exit 0")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{cmd.Process.Pid, 0, -1, 1 << 30} {
		if a := r.Snapshot(pid); a != nil {
			t.Errorf("pid %d is %+v", pid, a)
		}
	}
}

func TestSnapshotPidfd(t *testing.T) {
	r := New(Options{})
	cmd := exec.Command("/bin/sh", "-c", "echo; read line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Skip("no pidfd: " + err.Error())
	}
	defer unix.Close(fd)
	if r.SnapshotPidfd(cmd.Process.Pid, fd) == nil {
		t.Error("a living process is not found")
	}
	_ = in.Close()
	_ = cmd.Wait()
	// The pid may now mean anything; this test's own stands for it.
	if a := r.SnapshotPidfd(os.Getpid(), fd); a != nil {
		t.Errorf("an ended process is %+v", a)
	}
	if r.SnapshotPidfd(os.Getpid(), -1) != nil {
		t.Error("no descriptor, and yet an answer")
	}
}

func TestOriginSSH(t *testing.T) {
	cmd := exec.Command(programAt(t, "/proc/self/exe", "sshd"))
	cmd.Env = append(os.Environ(), helper+"=1")
	addr, out := start(t, cmd)
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := New(Options{}).Snapshot(number(t, line(t, out)))
	if a == nil {
		t.Fatal("no actor")
	}
	want := waxseal.Origin{Kind: waxseal.OriginSSH, Address: "127.0.0.1", Port: c.LocalAddr().(*net.TCPAddr).Port, Grade: waxseal.Inferred}
	want.Basis = a.Origin.Basis
	if os.Getuid() == 0 {
		want.Grade = waxseal.Proven
	}
	if a.Origin != want {
		t.Errorf("origin is %+v, want %+v", a.Origin, want)
	}
	if err := os.Chmod(cmd.Path, 0o777); err != nil {
		t.Fatal(err)
	}
	if a := New(Options{}).Snapshot(a.Process.PID); a.Origin.Kind != waxseal.OriginUnknown {
		t.Errorf("a program that anyone may write is the way in: %+v", a.Origin)
	}
}

func TestOtherOrigins(t *testing.T) {
	for name, want := range map[string]waxseal.OriginKind{
		"cron": waxseal.OriginCron, "login": waxseal.OriginConsole, "dpkg": waxseal.OriginPackage, "sudo": waxseal.OriginSudo, "su": waxseal.OriginSu,
	} {
		t.Run(name, func(t *testing.T) {
			exe := programAt(t, shell(t), name)
			cmd := exec.Command(exe, "-c", "/bin/sh -c 'echo $$; read line'; true")
			first, _ := start(t, cmd)
			a := New(Options{}).Snapshot(number(t, first))
			if a == nil || a.Origin.Kind != want || a.Origin.Grade != waxseal.Inferred {
				t.Fatalf("actor is %+v", a)
			}
			switch name {
			case "sudo", "su":
				if a.Sudo == nil || !slices.Equal(a.Sudo.Argv, cmd.Args) || a.Sudo.UID != uint32(os.Getuid()) {
					t.Errorf("sudo is %+v", a.Sudo)
				}
			default:
				if a.Sudo != nil {
					t.Errorf("sudo is %+v", a.Sudo)
				}
			}
		})
	}
}

func TestRunning(t *testing.T) {
	exe := programAt(t, shell(t), "master")
	first, _ := start(t, exec.Command(exe, "-c", "echo $$; read line"))
	pid := number(t, first)
	if pids := Running("/", "master"); !slices.Contains(pids, pid) {
		t.Errorf("in /: %v, want %d among them", pids, pid)
	}
	if pids := Running(t.TempDir(), "master"); len(pids) != 0 {
		t.Errorf("in an empty tree: %v", pids)
	}
	if pids := Running(filepath.Join(t.TempDir(), "none"), "master"); pids != nil {
		t.Errorf("in no tree: %v", pids)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	r := New(Options{})
	for b.Loop() {
		if r.Snapshot(os.Getpid()) == nil {
			b.Fatal("no actor")
		}
	}
}

func TestOlder(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "30")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	names := New(Options{}).Older()
	want := fmt.Sprintf("sleep %d", cmd.Process.Pid)
	if !slices.Contains(names, want) || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "kthreadd") }) {
		t.Errorf("no %s in %q", want, names)
	}
}

// TestHolders: who has a file open for writing is found, and who has it in memory.
func TestHolders(t *testing.T) {
	name := filepath.Join(t.TempDir(), "main.cf")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, ok := nodeAt(name)
	if !ok {
		t.Fatal("no such file")
	}
	for _, tc := range []struct {
		open string
		held bool
	}{{"3>>", true}, {"3<>", true}, {"3<", false}} {
		cmd := exec.Command("/bin/sh", "-c", "exec "+tc.open+name+"; echo; exec sleep 30")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 1))
		who := New(Options{}).Holders(map[Node]bool{n: true})[n]
		if got := len(who) == 1 && who[0] == (Holder{PID: cmd.Process.Pid}); got != tc.held {
			t.Errorf("opened with %s: %+v", tc.open, who)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

func TestSharedAreas(t *testing.T) {
	maps := "7f00-7f01 rw-s 00000000 fe:00 77 /etc/postfix/main.cf\n7f02-7f03 r--s 00000000 fe:00 77 /etc/postfix/main.cf\n" +
		"7f04-7f05 rw-p 00000000 fe:00 77 /etc/postfix/main.cf\n7f06-7f07 rw-s 00000000 fe:00 78 /x\nshort\n"
	if got := sharedAreas([]byte(maps), map[Node]bool{{1, 77}: true}); !slices.Equal(got, []string{"7f00-7f01", "7f02-7f03"}) {
		t.Errorf("areas are %q", got)
	}
}
