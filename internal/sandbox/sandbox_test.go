package sandbox_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal/internal/sandbox"
)

// hostile is testdata/hostile, built once: a program without C, as Waxseal itself is.
var hostile = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "waxseal-sandbox-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // another user is to run it
		return "", err
	}
	bin := filepath.Join(dir, "hostile")
	cmd := exec.Command("go", "build", "-o", bin, "./testdata/hostile")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := hostile(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a process without root has no rights to lose")
	}
}

// start starts one attempt behind walls; the file gives what it says.
func start(t *testing.T, w sandbox.Walls, stdin *os.File, words ...string) (*sandbox.Process, *os.File) {
	t.Helper()
	bin, err := hostile()
	if err != nil {
		t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	t.Cleanup(func() { r.Close() })
	cmd := exec.Command(bin, words...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = stdin, out, out, []string{"GOTRACEBACK=none", "SCRATCH=" + w.Scratch}
	p, err := sandbox.Start(cmd, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if len(p.Missing()) > 0 && os.Geteuid() == 0 {
		t.Errorf("missing: %q", p.Missing())
	}
	return p, r
}

// try runs one attempt, and returns what it said and how it ended.
func try(t *testing.T, w sandbox.Walls, words ...string) (said, how string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p, r := start(t, w, null, words...)
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return string(text), p.How()
}

// house is a tree with a secret in it, and one beside it.
func house(t *testing.T) (w sandbox.Walls, outside string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	for p, mode := range map[string]os.FileMode{"root/etc/main.cf": 0o600, "root/var/lib/mail/aliases": 0o640, "root/var/lib/waxseal/ledger.key": 0o600, "root/tmp/x": 0o666, "outside": 0o644} {
		p = filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("text\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	return sandbox.Walls{Root: root, Hidden: []string{filepath.Join(root, "var/lib/waxseal")}}, filepath.Join(dir, "outside")
}

// TestAttempts: what a parser that was taken over tries is denied, and what reading takes
// is not. SIGSYS means that the kernel ended the process for it.
func TestAttempts(t *testing.T) {
	needRoot(t)
	w, outside := house(t)
	in := func(p string) string { return filepath.Join(w.Root, p) }
	self := fmt.Sprint(os.Getpid())
	for _, tt := range []struct {
		name  string
		words []string
		want  string // what it says, or a word of how it ended
	}{
		{"a file of root's in the tree", []string{"read", in("etc/main.cf")}, "done"},
		{"a directory of the tree", []string{"list", in("etc")}, "done"},
		{"beside a hidden directory", []string{"read", in("var/lib/mail/aliases")}, "done"},
		{"the keys of the ledger", []string{"read", in("var/lib/waxseal/ledger.key")}, "EACCES"},
		{"a file outside of the tree", []string{"read", outside}, "EACCES"},
		{"the environment of the first process", []string{"read", "/proc/1/environ"}, "EACCES"},
		{"the environment of the agent", []string{"read", "/proc/" + self + "/environ"}, "EACCES"},
		{"the memory of the agent", []string{"read", "/proc/" + self + "/mem"}, "EACCES"},
		{"to write what all may write", []string{"write", in("tmp/x")}, "EPERM"},
		{"to write by openat2", []string{"openat2", in("tmp/x")}, "EACCES"},
		{"to create by openat2", []string{"create", in("tmp/new")}, "EACCES"},
		{"to remove", []string{"unlink", in("tmp/x")}, "EPERM"},
		{"to rename", []string{"rename", in("tmp/x")}, "EPERM"},
		{"to change the mode", []string{"chmod", in("tmp/x")}, "SIGSYS"},
		{"to run a program", []string{"exec"}, "SIGSYS"},
		{"to start a process", []string{"fork"}, "SIGSYS"},
		{"the internet", []string{"inet"}, "SIGSYS"},
		{"the kernel's audit", []string{"netlink"}, "SIGSYS"},
		{"a local socket", []string{"unix"}, "SIGSYS"},
		{"to trace the agent", []string{"ptrace", self}, "SIGSYS"},
		{"to read the memory of the agent by process_vm_readv", []string{"peek", self}, "SIGSYS"},
		{"to end the agent", []string{"kill", self}, "SIGSYS"},
		{"to end a thread of the agent", []string{"tgkill", self}, "SIGSYS"},
		{"to mount", []string{"mount", in("etc")}, "SIGSYS"},
		{"to load BPF", []string{"bpf"}, "SIGSYS"},
		{"io_uring, which no filter sees into", []string{"io_uring"}, "SIGSYS"},
		{"to watch files", []string{"fanotify"}, "SIGSYS"},
		{"rights in a namespace of its own", []string{"unshare"}, "SIGSYS"},
		{"to be root", []string{"setuid"}, "SIGSYS"},
		{"new code in memory", []string{"code"}, "EPERM"},
		{"to raise a bound", []string{"core"}, "EPERM"},
		{"more memory than it may have", []string{"memory"}, "exit code 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said, how := try(t, w, tt.words...)
			first, _, _ := strings.Cut(said, "\n")
			if first != tt.want && !strings.Contains(how, tt.want) {
				t.Errorf("said %q, %s; want %s", said, how, tt.want)
			}
			if text, err := os.ReadFile(in("tmp/x")); err != nil || string(text) != "text\n" {
				t.Errorf("the tree is changed: %q, %v", text, err)
			}
		})
	}
	if _, err := os.Stat(in("tmp/new")); err == nil {
		t.Error("a file was made")
	}
}

// TestRights: what the kernel itself says of the process, and of the one that started it.
func TestRights(t *testing.T) {
	needRoot(t)
	w, _ := house(t)
	stdin, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	before := status(t, os.Getpid())
	p, r := start(t, w, stdin, "nothing")
	stdin.Close()
	if said, err := bufio.NewReader(r).ReadString('\n'); err != nil || said != "done\n" {
		t.Fatalf("said %q, %v", said, err)
	}
	said := status(t, p.PID())
	for _, line := range []string{"\nCapInh:\t0000000000000004\n", "\nCapEff:\t0000000000000004\n", "\nCapPrm:\t0000000000000004\n", "\nCapBnd:\t0000000000000004\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n",
		"\nUid:\t65530\t65530\t65530\t65530\n", "\nGid:\t65530\t65530\t65530\t65530\n", "\nGroups:\t \n"} {
		if !strings.Contains(said, line) {
			t.Errorf("%q is missing in\n%s", line, said)
		}
	}
	for _, name := range []string{"CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"} {
		if after := status(t, os.Getpid()); line(before, name) != line(after, name) {
			t.Errorf("who started it gave something up: %q, before %q", line(after, name), line(before, name))
		}
	}
}

func status(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// line is the line of a status that begins with a name.
func line(status, name string) string {
	_, rest, _ := strings.Cut(status, "\n"+name)
	value, _, _ := strings.Cut(rest, "\n")
	return name + value
}

// TestScratch: a directory of its own may be written, and no other.
func TestScratch(t *testing.T) {
	needRoot(t)
	w, outside := house(t)
	w.Scratch = filepath.Join(w.Root, "var/lib/waxseal/scratch")
	if err := os.Mkdir(w.Scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(w.Scratch, sandbox.UID, sandbox.UID); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{filepath.Join(w.Scratch, "x"): "done", filepath.Join(w.Root, "tmp/x"): "EACCES", outside: "EACCES"} {
		if said, how := try(t, w, "write", p); !strings.HasPrefix(said, want+"\n") {
			t.Errorf("%s: said %q, %s; want %s", p, said, how, want)
		}
	}
}

// TestCovers: what came after the start beside a hidden directory can't be read, and that
// is known.
func TestCovers(t *testing.T) {
	w, _ := house(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p, _ := start(t, w, null, "nothing")
	<-p.Done()
	if !p.Covers() {
		t.Error("nothing is new, and not all is covered")
	}
	for _, dir := range []string{"etc/postfix", "var/lib/mail/new", "var/lib/waxseal/new"} {
		if err := os.MkdirAll(filepath.Join(w.Root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if !p.Covers() {
			t.Errorf("%s lies below what is covered, or is hidden", dir)
		}
	}
	if err := os.Mkdir(filepath.Join(w.Root, "var/lib/postfix"), 0o755); err != nil {
		t.Fatal(err)
	}
	if p.Covers() {
		t.Error("a new directory beside a hidden one is not covered")
	}
}

// TestProbe says what this kernel has, as doctor does.
func TestProbe(t *testing.T) {
	h := sandbox.Probe()
	t.Log(h.Detail, h.Missing)
	if os.Geteuid() == 0 && unix.Prctl(unix.PR_GET_SECCOMP, 0, 0, 0, 0) == nil && !strings.Contains(h.Detail, "seccomp") {
		t.Error("seccomp is here, and not found")
	}
}
