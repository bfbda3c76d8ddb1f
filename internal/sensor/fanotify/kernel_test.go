package fanotify

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// These tests change real files from child processes (the sensor leaves out what
// its own process does) and wait for what the kernel says about it.

type hearing struct {
	mu     sync.Mutex
	events []Event
	gaps   []waxseal.Gap
}

type tree struct {
	t    *testing.T
	root string
	s    *Sensor
	*hearing
}

func newTree(t *testing.T, without uint, paths ...string) *tree {
	t.Helper()
	root := t.TempDir()
	if st := Probe(root); !st.Usable {
		t.Skip("fanotify can't be used here: " + strings.Join(st.Problems, "; "))
	}
	for _, p := range paths {
		p = filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("old\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openAt(Options{Root: root, MaxContent: 1000, Snapshot: func(pid, pidfd int) *waxseal.Actor {
		return &waxseal.Actor{Process: waxseal.Process{PID: pid, PPID: pidfd}}
	}}, levels, without)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tree{t: t, root: root, s: s, hearing: &hearing{}}
}

func (tr *tree) targets(dirs, files []waxseal.Path) {
	tr.t.Helper()
	if err := tr.s.SetTargets(dirs, files); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- tr.s.Run(ctx,
			func(e Event) { tr.mu.Lock(); tr.events = append(tr.events, e); tr.mu.Unlock() },
			func(g waxseal.Gap) { tr.mu.Lock(); tr.gaps = append(tr.gaps, g); tr.mu.Unlock() })
	}()
	tr.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tr.t.Error(err)
		}
	})
}

func (tr *tree) shell(script string) int {
	tr.t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir = tr.root
	if out, err := cmd.CombinedOutput(); err != nil {
		tr.t.Fatalf("%s: %v: %s", script, err, out)
	}
	return cmd.Process.Pid
}

func (tr *tree) await(op waxseal.Operation, p waxseal.Path, like func(Event) bool) Event {
	tr.t.Helper()
	for range 400 {
		tr.mu.Lock()
		for _, e := range tr.events {
			if e.Path == p && (op == "" || slices.Contains(e.Operations, op)) && (like == nil || like(e)) {
				tr.mu.Unlock()
				return e
			}
		}
		tr.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var got []string
	for _, e := range tr.events {
		got = append(got, fmt.Sprintf("%v %s (from %q) captured %v %q note %q", e.Operations, e.Path, e.OldPath, e.Captured, e.Content, e.Note))
	}
	tr.t.Fatalf("no %s of %s; got:\n%s", op, p, strings.Join(got, "\n"))
	return Event{}
}

func captured(e Event) bool { return e.Captured }

func content(t *testing.T, e Event, want string) {
	t.Helper()
	if !e.Captured || string(e.Content) != want {
		t.Errorf("content is %q (captured: %v, note %q), want %q", e.Content, e.Captured, e.Note, want)
	}
}

const postfix = "/etc/postfix"

func watchPostfix(t *testing.T) *tree {
	tr := newTree(t, 0, "etc/postfix/main.cf", "etc/other", "home/alice/note")
	tr.targets([]waxseal.Path{postfix}, nil)
	tr.run()
	return tr
}

func TestWriteInPlace(t *testing.T) {
	tr := watchPostfix(t)
	pid := tr.shell("printf 'relayhost =\\n' > etc/postfix/main.cf; echo noise > etc/other")
	e := tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured)
	content(t, e, "relayhost =\n")
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(tr.root, "etc/postfix/main.cf"), &st); err != nil {
		t.Fatal(err)
	}
	if e.PID != pid || e.Actor == nil || e.Actor.Process.PID != pid || e.Inode != st.Ino || e.Device != st.Dev {
		t.Errorf("event is %+v; pid %d, stat %d %d", e, pid, st.Dev, st.Ino)
	}
	time.Sleep(20 * time.Millisecond)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, e := range tr.events {
		if e.Path != "/etc/postfix/main.cf" {
			t.Errorf("event outside the targets: %+v", e)
		}
	}
}

func TestAppend(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("echo new >> etc/postfix/main.cf")
	content(t, tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured), "old\nnew\n")
}

func TestRenameIntoPlace(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("echo new > home/alice/tmp; mv home/alice/tmp etc/postfix/main.cf")
	e := tr.await(waxseal.OpRename, "/etc/postfix/main.cf", nil)
	content(t, e, "new\n")
	if e.OldPath != "" || !strings.Contains(e.Note, "not watched") {
		t.Errorf("old path is %q, note %q", e.OldPath, e.Note)
	}
}

func TestRenameBeside(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("echo new > etc/postfix/tmp; mv etc/postfix/tmp etc/postfix/main.cf; echo sly > home/x; ln etc/postfix/main.cf home/alias; sleep 0.05; echo sly >> home/alias")
	e := tr.await(waxseal.OpRename, "/etc/postfix/main.cf", nil)
	content(t, e, "new\n")
	if e.OldPath != "/etc/postfix/tmp" {
		t.Errorf("old path is %q", e.OldPath)
	}
	e = tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured) // the new file has a mark of its own
	content(t, e, "new\nsly\n")
	if !strings.Contains(e.Note, "/home/alias") {
		t.Errorf("note is %q", e.Note)
	}
}

// TestMarks: only what is watched, and what leads there, has a mark; beyond the limit
// the filesystem has one.
func TestMarks(t *testing.T) {
	tr := newTree(t, 0, "etc/postfix/main.cf", "etc/aliases", "var/spool/postfix/active/1", "var/mail/new/2")
	marks := func() (inodes, filesystems int) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", tr.s.fd)) // proc_pid_fdinfo(5)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "fanotify ino:"), strings.Count(string(text), "fanotify sdev:")
	}
	tr.targets([]waxseal.Path{postfix}, []waxseal.Path{"/etc/aliases"})
	if inodes, filesystems := marks(); inodes != 5 || filesystems != 0 { // root, etc, etc/postfix and the two files
		t.Errorf("%d inodes and %d filesystems are marked", inodes, filesystems)
	}
	tr.targets(nil, []waxseal.Path{"/etc/aliases"})
	if inodes, _ := marks(); inodes != 3 {
		t.Errorf("%d inodes are marked still", inodes)
	}
	for _, m := range tr.s.marks {
		m.most = 4
	}
	tr.targets([]waxseal.Path{postfix}, nil)
	if _, filesystems := marks(); filesystems != 1 {
		t.Errorf("%d filesystems are marked", filesystems)
	}
	tr.run()
	tr.shell("echo new > etc/postfix/main.cf")
	content(t, tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured), "new\n")
}

func TestRenameFromOutsideTheTree(t *testing.T) {
	tr := watchPostfix(t)
	outside := filepath.Join(filepath.Dir(tr.root), filepath.Base(tr.root)+".out")
	t.Cleanup(func() { _ = os.Remove(outside) })
	tr.shell("echo new > " + outside + "; mv " + outside + " etc/postfix/main.cf")
	e := tr.await(waxseal.OpRename, "/etc/postfix/main.cf", nil)
	content(t, e, "new\n")
	if e.OldPath != "" || !strings.Contains(e.Note, "not watched") {
		t.Errorf("old path is %q, note %q", e.OldPath, e.Note)
	}
}

func TestMovedAway(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("mv etc/postfix/main.cf home/alice/")
	if e := tr.await(waxseal.OpRename, "/etc/postfix/main.cf", nil); e.OldPath != "/etc/postfix/main.cf" || !strings.Contains(e.Note, "not watched") {
		t.Errorf("old path is %q, note %q", e.OldPath, e.Note)
	}
}

func TestHardLinkAliasOutside(t *testing.T) {
	tr := newTree(t, 0, "etc/postfix/main.cf", "home/alice/note")
	tr.shell("ln etc/postfix/main.cf home/alice/alias")
	tr.targets([]waxseal.Path{postfix}, nil)
	tr.run()
	tr.shell("echo sly >> home/alice/alias")
	e := tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured)
	content(t, e, "old\nsly\n")
	if !strings.Contains(e.Note, "/home/alice/alias") {
		t.Errorf("note is %q", e.Note)
	}
}

func TestHardLinkIsMade(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("ln etc/postfix/main.cf home/alice/alias")
	if e := tr.await(waxseal.OpMetadata, "/etc/postfix/main.cf", nil); !strings.Contains(e.Note, "2 names") {
		t.Errorf("note is %q", e.Note)
	}
	tr.shell("ln home/alice/note etc/postfix/linked")
	content(t, tr.await(waxseal.OpLink, "/etc/postfix/linked", nil), "old\n")
}

func TestChmod(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("chmod 666 etc/postfix/main.cf; chmod 777 etc/postfix")
	tr.await(waxseal.OpMetadata, "/etc/postfix/main.cf", nil)
	tr.await(waxseal.OpMetadata, "/etc/postfix", nil)
}

func TestCreateAndDelete(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("echo x > etc/postfix/new.cf; sleep 0.05; rm etc/postfix/new.cf")
	tr.await(waxseal.OpCreate, "/etc/postfix/new.cf", nil)
	tr.await(waxseal.OpWrite, "/etc/postfix/new.cf", nil)
	tr.await(waxseal.OpDelete, "/etc/postfix/new.cf", nil)
}

func TestDirectoryRenamed(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("mv etc/postfix etc/postfix.x")
	if e := tr.await(waxseal.OpRename, "/etc/postfix.x", nil); e.OldPath != postfix {
		t.Errorf("old path is %q", e.OldPath)
	}
	tr.shell("mkdir etc/postfix; echo evil > etc/postfix/main.cf")
	content(t, tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured), "evil\n")
}

func TestParentOfParentRenamed(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("mv etc etc.x")
	tr.await(waxseal.OpRename, "/etc.x", nil)
}

func TestMissingPathIsAwaited(t *testing.T) {
	tr := newTree(t, 0, "etc/other")
	tr.targets([]waxseal.Path{"/etc/exim4/conf.d"}, []waxseal.Path{"/home/bob/.forward"})
	tr.run()
	tr.shell("mkdir -p etc/exim4/conf.d home/bob; echo router > etc/exim4/conf.d/200; echo pipe > home/bob/.forward; echo x > home/bob/other")
	tr.await(waxseal.OpWrite, "/etc/exim4/conf.d/200", holding("router\n"))
	tr.await(waxseal.OpWrite, "/home/bob/.forward", holding("pipe\n"))
}

func TestLinkedFile(t *testing.T) {
	tr := newTree(t, 0, "etc/mail/aliases", "etc/mail/evil")
	tr.shell("ln -s /etc/mail/aliases etc/aliases")
	tr.targets(nil, []waxseal.Path{"/etc/aliases"})
	tr.run()
	tr.shell("echo root: bob > etc/mail/aliases")
	content(t, tr.await(waxseal.OpWrite, "/etc/mail/aliases", captured), "root: bob\n")
	tr.shell("ln -sfn mail/evil etc/aliases; sleep 0.05; echo x >> etc/mail/evil")
	tr.await(waxseal.OpRename, "/etc/aliases", nil)
	content(t, tr.await(waxseal.OpWrite, "/etc/mail/evil", captured), "old\nx\n")
}

func TestFIFOAndLargeFile(t *testing.T) {
	tr := watchPostfix(t)
	tr.shell("head -c 2000 /dev/zero > etc/postfix/large; mkfifo etc/postfix/fifo; (echo x > etc/postfix/fifo &) ; cat etc/postfix/fifo > /dev/null")
	e := tr.await(waxseal.OpWrite, "/etc/postfix/large", func(e Event) bool { return strings.Contains(e.Note, "larger than 1000") })
	if e.Captured {
		t.Error("content above the limit was kept")
	}
	tr.await(waxseal.OpWrite, "/etc/postfix/fifo", func(e Event) bool { return strings.Contains(e.Note, "not a regular file") })
}

func TestOldKernel(t *testing.T) {
	tr := newTree(t, 0, "etc/postfix/main.cf", "home/note")
	if err := tr.s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, l := range levels[1:] {
		t.Run(l.name, func(t *testing.T) {
			s, err := openAt(Options{Root: tr.root}, []level{l}, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			old := &tree{t: t, root: tr.root, s: s, hearing: &hearing{}}
			old.targets([]waxseal.Path{postfix}, nil)
			old.run()
			old.shell("echo new > home/tmp; mv home/tmp etc/postfix/main.cf")
			content(t, old.await(waxseal.OpRename, "/etc/postfix/main.cf", nil), "new\n")
			if len(s.Notes()) == 0 {
				t.Error("nothing is said about what is lost")
			}
		})
	}
}

func TestOverflowIsTold(t *testing.T) {
	tr := newTree(t, 0, "etc/postfix/main.cf")
	tr.targets([]waxseal.Path{postfix}, nil)
	limit, err := os.ReadFile("/proc/sys/fs/fanotify/max_queued_events")
	if err != nil || strings.TrimSpace(string(limit)) != "16384" {
		t.Skip("the queue's limit is not the default")
	}
	name := filepath.Join(tr.root, "etc/noise0")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 17000 { // each with a name of its own, so that none are merged
		next := filepath.Join(tr.root, fmt.Sprint("etc/noise", i+1))
		if err := os.Rename(name, next); err != nil {
			t.Fatal(err)
		}
		name = next
	}
	tr.run()
	for range 6000 {
		tr.mu.Lock()
		n := len(tr.gaps)
		tr.mu.Unlock()
		if n > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	tr.mu.Lock()
	if len(tr.gaps) == 0 || !strings.Contains(tr.gaps[0].Reason, "overflowed") || tr.gaps[0].Until.IsZero() {
		t.Errorf("gaps are %+v", tr.gaps)
	}
	tr.mu.Unlock()
	tr.shell("echo after > etc/postfix/main.cf")
	content(t, tr.await(waxseal.OpWrite, "/etc/postfix/main.cf", captured), "after\n")
}

// TestOtherFilesystem: a tmpfs mounted inside the tree is marked too.
func TestOtherFilesystem(t *testing.T) {
	tr := newTree(t, 0, "etc/postfix/main.cf")
	spool := filepath.Join(tr.root, "spool")
	if err := os.Mkdir(spool, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", spool, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no right to mount: " + err.Error())
	}
	t.Cleanup(func() {
		_ = tr.s.Close() // it holds a directory there
		if err := unix.Unmount(spool, 0); err != nil {
			t.Error(err)
			_ = unix.Unmount(spool, unix.MNT_DETACH)
		}
	})
	tr.targets([]waxseal.Path{"/spool"}, nil)
	tr.run()
	tr.shell("echo x > spool/file")
	content(t, tr.await(waxseal.OpWrite, "/spool/file", captured), "x\n")
}

func BenchmarkSetTargets(b *testing.B) {
	root := b.TempDir()
	var dirs, files []waxseal.Path
	for d := range 20 {
		dir := fmt.Sprintf("/etc/mail/d%d", d)
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range 20 {
			name := fmt.Sprintf("%s/f%d", dir, f)
			if err := os.WriteFile(root+name, nil, 0o600); err != nil {
				b.Fatal(err)
			}
			files = append(files, waxseal.Path(name))
		}
		dirs = append(dirs, waxseal.Path(dir))
	}
	s, err := Open(Options{Root: root})
	if err != nil {
		b.Skip(err)
	}
	defer s.Close()
	time.Sleep(settled)
	for b.Loop() {
		if err := s.SetTargets(dirs, files); err != nil {
			b.Fatal(err)
		}
	}
}

func holding(text string) func(Event) bool {
	return func(e Event) bool { return string(e.Content) == text }
}

// TestHomes: what comes up by one of the names that matter in a home is told, however it
// comes there, with its content; what is written in other files there is not even asked for.
func TestHomes(t *testing.T) {
	for _, l := range levels {
		t.Run(l.name, func(t *testing.T) {
			tr := newTree(t, 0, "home/al/mbox", "side/full/.forward")
			if err := tr.s.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := openAt(Options{Root: tr.root, MaxContent: 1000, Snapshot: func(pid, _ int) *waxseal.Actor { return nil }}, []level{l}, 0)
			if err != nil {
				t.Skip(err) // this kernel has no such group
			}
			t.Cleanup(func() { _ = s.Close() })
			tr.s = s
			tr.homes()
		})
	}
}

func (tr *tree) homes() {
	t := tr.t
	t.Helper()
	tr.s.SetHomes([]waxseal.Path{"/home/al", "/home/new", "/home/moved"}, []string{".forward*", "sieve"})
	tr.targets([]waxseal.Path{"/home"}, nil)
	tr.run()
	if asked := tr.asked("home/al"); asked&unix.FAN_CREATE == 0 || tr.s.level.flags&unix.FAN_REPORT_TARGET_FID != 0 && asked&contents != 0 {
		t.Errorf("of a home %#x is asked", asked)
	}
	pid := tr.shell("echo mail >>home/al/mbox; exec /bin/sh -c 'echo one >home/al/.forward'")
	if e := tr.await("", "/home/al/.forward", holding("one\n")); e.PID != pid {
		t.Errorf("process %d wrote it, told is %d", pid, e.PID)
	}
	tr.shell("echo two >side/x; mv side/x home/al/.forward+ext")
	tr.await(waxseal.OpRename, "/home/al/.forward+ext", holding("two\n"))
	tr.shell("mkdir home/new; echo three >home/new/.forward")
	tr.await("", "/home/new/.forward", holding("three\n")) // made before or after the mark
	tr.shell("mv side/full home/moved")
	tr.await(waxseal.OpRename, "/home/moved", nil)
	if tr.s.level.flags&unix.FAN_REPORT_TARGET_FID != 0 { // else it is found by reading
		tr.shell("mkdir -p home/al/sieve/deep; echo four >home/al/sieve/deep/x.sieve")
		tr.await("", "/home/al/sieve/deep/x.sieve", holding("four\n"))
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, e := range tr.events {
		if strings.Contains(string(e.Path), "mbox") {
			t.Errorf("a mailbox is told: %+v", e)
		}
	}
}

// asked is with which events a directory is marked.
func (tr *tree) asked(name string) uint64 {
	tr.t.Helper()
	k := tr.key(name)
	tr.s.mu.Lock()
	defer tr.s.mu.Unlock()
	return tr.s.marks[k.filesystem()].have[k]
}

// key is that of a directory.
func (tr *tree) key(name string) key {
	tr.t.Helper()
	fd, err := unix.Open(filepath.Join(tr.root, name), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer unix.Close(fd)
	id, err := fsidOf(fd)
	if err != nil {
		tr.t.Fatal(err)
	}
	k, err := keyOf(fd, id)
	if err != nil {
		tr.t.Fatal(err)
	}
	return k
}

// TestAdoptHasBounds: of a directory that comes up full no more is looked at than there is
// room for.
func TestAdoptHasBounds(t *testing.T) {
	tr := newTree(t, 0, "home/al/x")
	tr.shell("mkdir -p home/al/sieve/a; cd home/al/sieve; i=0; while [ $i -lt 700 ]; do : >$i; : >a/$i; i=$((i+1)); done")
	tr.targets([]waxseal.Path{"/home/al"}, nil)
	k := tr.key("home/al/sieve")
	tr.s.mu.Lock()
	defer tr.s.mu.Unlock()
	found := tr.s.adopt(k, "/home/al/sieve", &spot{all: true})
	if len(found) < 700 || len(found) > maxMissed {
		t.Errorf("%d files are told, of 1,400", len(found))
	}
}
