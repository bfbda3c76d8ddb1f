package readroom_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
)

// guest is a small mail server in a mount namespace of its own, as a container has one: no
// path of this namespace leads to its files.
type guest struct {
	t    *testing.T
	root string // through the namespace's process
	room *readroom.Room
	mu   sync.Mutex
	gaps []string
}

func newGuest(t *testing.T, program string) *guest {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", `mount -t tmpfs none "$1" && mkdir "$1/top" && echo ready && read end`, "sh", dir)
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Skip("no mount namespace can be had here")
	}
	g := &guest{t: t, root: fmt.Sprintf("/proc/%d/root%s/top", cmd.Process.Pid, dir)}
	for p, text := range map[string]string{
		"/etc/passwd": "root:x:0:0::/root:/bin/sh\nmailer:x:7000:7000::/home/mailer:/bin/sh\n", "/etc/aliases": "postmaster: root\n",
		"/etc/postfix/main.cf":   "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:localhost:8891\n",
		"/etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd\n",
		"/host/state/ledger.key": "key", "/dev/x": "",
	} {
		g.write(p, text)
	}
	if err := unix.Mknod(filepath.Join(g.root, "dev/disk"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil { // null(4)
		t.Fatal(err)
	}
	enter := func() (*os.File, []waxseal.Path, error) {
		f, err := os.OpenFile(g.root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return f, []waxseal.Path{"/host/state"}, err
	}
	g.room = readroom.Lodge(readroom.Guest{Name: "docker mail", Enter: enter}, readroom.Options{Key: key, Program: program, Lost: func(gap waxseal.Gap) {
		g.mu.Lock()
		g.gaps = append(g.gaps, gap.Reason)
		g.mu.Unlock()
	}})
	t.Cleanup(func() { g.room.Close() })
	return g
}

func guestOf(t *testing.T) *guest {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return newGuest(t, bin)
}

func (g *guest) write(p, text string) {
	g.t.Helper()
	at := filepath.Join(g.root, p)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o600)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) told() string { g.mu.Lock(); defer g.mu.Unlock(); return strings.Join(g.gaps, "\n") }

// same holds what is read apart against what is read here.
func (g *guest) same() {
	g.t.Helper()
	tree, err := rootfs.Open(g.root)
	if err != nil {
		g.t.Fatal(err)
	}
	defer tree.Close()
	want := mailpath.NewReader(mask.New(key)).ReadLive(tree, mailpath.Live{})
	if diff := cmp.Diff(want, g.room.ReadLive(nil, mailpath.Live{})); diff != "" {
		g.t.Fatalf("read apart and read here differ: %s", diff)
	}
}

// TestGuest: a tree in another mount namespace is read by a process that is started for it,
// knows its users, and ends when it is to rest.
func TestGuest(t *testing.T) {
	g := guestOf(t)
	if g.room.Awake() {
		t.Error("there is a process before anything was asked")
	}
	g.same()
	first := g.room.PID()
	if names := g.room.Names(nil); names[7000] != "mailer" {
		t.Errorf("its users are %v", names)
	}
	g.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nalways_bcc = box@example.net\n")
	g.room.Forget("/etc/postfix/main.cf")
	g.same()
	if g.room.PID() != first {
		t.Error("it is another process")
	}
	g.room.Rest()
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(first, 0) == nil && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if g.room.Awake() || syscall.Kill(first, 0) == nil {
		t.Error("it did not end")
	}
	g.write("/srv/more", "x\n") // beside what a new one is granted
	g.same()
	g.write("/opt/more", "alice: box\n") // beside what this one was granted
	g.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nvirtual_alias_maps = texthash:/opt/more\n")
	g.same()
	if told := g.told(); told != "" || g.room.Trouble() != "" {
		t.Errorf("gaps: %s, trouble: %s", told, g.room.Trouble())
	}
}

// TestGuestLost: a reader that ends or hangs is a gap that names the container, and costs a
// bounded time; what was known stays.
func TestGuestLost(t *testing.T) {
	g := guestOf(t)
	g.same()
	if err := syscall.Kill(g.room.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	g.same()
	g.room.Rest()
	g.same()
	if err := syscall.Kill(g.room.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	restore := readroom.HurryGuests(300 * time.Millisecond)
	state := g.room.ReadLive(nil, mailpath.Live{})
	restore()
	if state.Hooks[0].Kind != waxseal.KindUnreadable || len(state.Hooks) < 2 || !strings.Contains(g.room.Trouble(), "gave no answer") {
		t.Errorf("while it hangs: %+v, %q", state.Hooks, g.room.Trouble())
	}
	began := time.Now()
	g.room.ReadLive(nil, mailpath.Live{})
	if g.room.Awake() || time.Since(began) > 200*time.Millisecond {
		t.Error("another is started at once")
	}
	if told := g.told(); strings.Count(told, "reads the mail path of docker mail was lost") != 2 || !strings.Contains(told, "SIGKILL") {
		t.Errorf("gaps: %s", told)
	}
	readroom.Calm(g.room)
	g.same()
	if g.room.Trouble() != "" {
		t.Errorf("trouble stays: %s", g.room.Trouble())
	}
}

// TestGuestsAreShutIn: somebody who has taken over what parses the files of a container has
// these files and nothing else: no file of the host's, nothing that is hidden, no socket,
// no program, and no end of the agent.
func TestGuestsAreShutIn(t *testing.T) {
	needRoot(t)
	bin := buildProbe(t)
	for attempt, want := range map[string]string{
		"socket": "SIGSYS", "exec": "SIGSYS", "agent": "SIGSYS", "host": "exit code 40", "hidden": "exit code 40", "device": "exit code 40", "guest-write": "exit code 40", "guest-memory": "out of memory", "guest": "exit code 41",
	} {
		t.Run(attempt, func(t *testing.T) {
			as := filepath.Join(filepath.Dir(bin), attempt)
			if err := os.Link(bin, as); err != nil {
				t.Fatal(err)
			}
			g := newGuest(t, as)
			for deadline := time.Now().Add(10 * time.Second); g.told() == "" && time.Now().Before(deadline); { // it ends at some moment after the walls are up
				g.room.ReadLive(nil, mailpath.Live{})
				time.Sleep(time.Millisecond)
			}
			if told := g.told(); !strings.Contains(told, want) || !strings.Contains(told, "docker mail") {
				t.Errorf("gaps: %s; want %s", told, want)
			}
			if _, err := os.Stat(filepath.Join(g.root, "etc/x")); err == nil {
				t.Error("it wrote a file")
			}
		})
	}
}

// TestHostileGuest: a tree that was made to keep its reader waiting or to fill its memory is
// read within bounds, and told for what it is.
func TestHostileGuest(t *testing.T) {
	g := guestOf(t)
	at := func(p string) string { return filepath.Join(g.root, p) }
	var many strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&many, "virtual_alias_maps = pcre:/etc/postfix/m%d, $virtual_alias_maps $virtual_alias_maps\n", i)
	}
	g.write("/etc/postfix/main.cf", "alias_maps = hash:/etc/aliases texthash:/etc/postfix/huge hash:/etc/postfix/fifo texthash:/etc/postfix/out\n"+many.String())
	err := errors.Join(os.Remove(at("/etc/postfix/master.cf")), unix.Mkfifo(at("/etc/postfix/master.cf"), 0o600), unix.Mkfifo(at("/etc/postfix/fifo"), 0o600),
		os.Truncate(at("/etc/aliases"), 1<<30), os.WriteFile(at("/etc/postfix/huge"), nil, 0o600), os.Truncate(at("/etc/postfix/huge"), 1<<30),
		os.Symlink("/../../../../../../etc/shadow", at("/etc/postfix/out")), os.Symlink(".", at("/etc/postfix/loop")))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	state := g.room.ReadLive(nil, mailpath.Live{})
	took := time.Since(began)
	if trouble := g.room.Trouble(); trouble != "" {
		t.Logf("it could not be read: %s", trouble)
	} else if mb := peak(t, g.room.PID()); mb > 320 {
		t.Errorf("its reader took %d MB", mb)
	}
	unreadable := 0
	for _, h := range state.Hooks {
		if h.Kind == waxseal.KindUnreadable {
			unreadable++
		}
	}
	if took > 45*time.Second || unreadable != 4 && g.room.Trouble() == "" {
		t.Errorf("read in %v, and %d of 4 are told as unreadable", took, unreadable)
	}
	t.Logf("read in %v: %d hooks, %d problems", took, len(state.Hooks), len(state.Problems))
	for _, f := range state.Files {
		if f.Path == "/etc/shadow" && !f.Missing {
			t.Error("a link led out of it")
		}
	}
}
