package kaudit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// TestInodeInOtherNamespace: a file on an overlay that is mounted in another mount namespace
// alone, as a container's are, and that no path of ours leads to. The kernel names who
// writes to it, with the inode that stat(2) gives.
func TestInodeInOtherNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	s := openTest(t, Options{})
	h := run(t, s)
	dir, pid := overlayElsewhere(t)
	inside := fmt.Sprintf("/proc/%d/root%s/merged/etc", pid, dir)
	etc, file := nodeOf(t, inside), nodeOf(t, inside+"/main.cf")
	if err := s.SetWatches([]string{inside}); err != nil {
		t.Error(err)
	}
	if s.Watches(inside) {
		t.Error("the kernel took a path into another mount namespace: rules on inodes are not needed any more")
	}
	if err := s.SetInodes([]File{etc, file}); err != nil {
		t.Fatal(err)
	}
	do := func(script string) {
		t.Helper()
		if out, err := exec.Command("nsenter", "-t", fmt.Sprint(pid), "-m", "sh", "-c", "cd "+dir+"/merged/etc && "+script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	told := func(name string, f File) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.ContainsFunc(h.events, func(e waxseal.AuditEvent) bool {
			return e.Success && hasKey(e.Key, s.options.Key) && slices.ContainsFunc(e.Paths, func(p waxseal.AuditPath) bool {
				return filepath.Base(p.Name) == name && p.Device == f.Device && (p.Inode == f.Inode || f.Inode == 0)
			})
		})
	}
	do("echo one >>main.cf")
	wait(t, "the write that copies it up", func() bool { return told("main.cf", file) })
	do("cp main.cf new && mv new other.cf")
	wait(t, "the rename in the directory", func() bool { return told("other.cf", File{Device: etc.Device}) })
	if err := s.SetInodes(nil); err != nil {
		t.Error(err)
	}
	wait(t, "that its rules are taken away", func() bool { return len(Leftovers(s.options.Key)) == 0 })
}

// wait waits for what the kernel tells.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not told: " + what)
		}
	}
}

// overlayElsewhere mounts an overlay in a mount namespace of its own, and names a process
// that lives there.
func overlayElsewhere(t *testing.T) (dir string, pid int) {
	t.Helper()
	dir = t.TempDir()
	for _, d := range []string{"lower/etc", "upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower/etc/main.cf"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged && echo ready && read x")
	cmd.Dir = dir
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), cmd.Wait() })
	if n, _ := out.Read(make([]byte, 8)); n == 0 {
		t.Skip("no overlay can be mounted here")
	}
	return dir, cmd.Process.Pid
}

func nodeOf(t *testing.T, name string) File {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	return File{st.Dev, st.Ino}
}
