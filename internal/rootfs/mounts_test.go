package rootfs

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/mountinfo"
)

// privately runs a test in a mount namespace of its own, on a thread that ends
// with it.
func privately(t *testing.T, test func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts are the superuser's")
	}
	reason, done := "", make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			reason = "no mount namespace here: " + err.Error()
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			reason = "no right to mount: " + err.Error()
			return
		}
		test()
	}()
	<-done
	if reason != "" {
		t.Skip(reason)
	}
}

func TestMounts(t *testing.T) {
	tr := tree(t, map[string]string{
		"etc/postfix/main.cf": "inside", "etc/postfix/master.cf": "m", "srv/evil.cf": "evil", "etc/aliases": "a", "etc/mail/x": "below",
	})
	dir := tr.Dir()
	at := func(name string) string { return filepath.Join(dir, name) }
	privately(t, func() {
		for _, m := range []struct {
			source, target, kind string
			flags                uintptr
		}{
			{at("srv/evil.cf"), at("etc/postfix/main.cf"), "", unix.MS_BIND},
			{"nothing", at("etc/mail"), "tmpfs", 0},
			{at("srv"), at("srv"), "", unix.MS_BIND},
		} {
			if err := unix.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
				t.Errorf("mount on %s: %v", m.target, err)
				return
			}
		}
		tr, err := Open(dir) // what is open already sees the mounts of before
		if err != nil {
			t.Error(err)
			return
		}
		defer tr.Close()
		mounts, problems := tr.Mounts()
		if len(problems) > 0 {
			t.Error(problems)
		}
		for p, want := range map[waxseal.Path]waxseal.Path{
			"/etc/postfix/main.cf": "/etc/postfix/main.cf", "/etc/postfix/master.cf": "/", "/etc/mail/x": "/etc/mail", "/srv/evil.cf": "/",
		} {
			if m, ok := mountinfo.At(mounts, p); !ok || m.Path != want {
				t.Errorf("%s is on %+v, want %s", p, m, want)
			}
		}
		if m, _ := mountinfo.At(mounts, "/etc/mail"); m.FSType != "tmpfs" || m.Source != "nothing" {
			t.Errorf("%+v", m)
		}
		if got, err := tr.ReadFile("/etc/postfix/main.cf", 10); string(got) != "evil" {
			t.Errorf("through the mount: %q, %v", got, err)
		}
	})
	if mounts, _ := tr.Mounts(); len(mounts) != 1 || mounts[0].Path != "/" {
		t.Errorf("without mounts below: %+v", mounts)
	}
}

// TestJail: what is in a chroot leads nowhere else, whatever its links say.
func TestJail(t *testing.T) {
	tr := tree(t, map[string]string{
		"etc/postfix/main.cf": "jail", "srv/deep/dir/x": "deep", "etc/aliases": "jail",
		"etc/far":   "->/srv/deep/dir",
		"etc/cwd":   "->/proc/self/cwd",
		"etc/root":  "->/proc/self/root/etc/postfix/main.cf",
		"etc/magic": "->/proc/thread-self/fd/0",
		"lib":       "->usr/lib", "usr/lib/a": "merged",
		"etc/top": "->../../..",
	})
	for p, want := range map[waxseal.Path]string{
		"/etc/far/x": "deep", "/lib/a": "merged", "/etc/top/etc/aliases": "jail", "/etc/far/../../../etc/aliases": "jail",
	} {
		if got, err := tr.ReadFile(p, 100); string(got) != want {
			t.Errorf("%s: %q, %v", p, got, err)
		}
	}
	// Behind a link, ".." is the parent of where the link leads (path_resolution(7)).
	st, err := tr.Stat("/etc/far/../dir/x")
	if err != nil || st.Resolved != "/srv/deep/dir/x" {
		t.Errorf("Stat: %+v, %v", st, err)
	}
	for _, p := range []waxseal.Path{"/etc/cwd", "/etc/root", "/etc/magic", "/etc/far/../aliases"} {
		if st, err := tr.Stat(p); err == nil {
			t.Errorf("%s leads to %s", p, st.Resolved)
		}
	}
	privately(t, func() {
		proc := filepath.Join(tr.Dir(), "proc")
		if err := os.Mkdir(proc, 0o755); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
			t.Logf("no proc here: %v", err)
			return
		}
		tr, err := Open(tr.Dir())
		if err != nil {
			t.Error(err)
			return
		}
		defer tr.Close()
		if _, err := tr.ReadFile("/proc/version", 1000); err != nil {
			t.Errorf("the jail's /proc: %v", err)
		}
		for _, p := range []waxseal.Path{"/etc/cwd", "/etc/root", "/etc/magic"} {
			if st, err := tr.Stat(p); err == nil {
				t.Errorf("with /proc in the jail, %s leads to %s", p, st.Resolved)
			}
			if _, err := tr.ReadFile(p, 100); err == nil {
				t.Errorf("with /proc in the jail, %s was read", p)
			}
		}
	})
}

// TestMountsChanged: the kernel tells of each mount once, and of none before the first
// question.
func TestMountsChanged(t *testing.T) {
	tr := tree(t, map[string]string{"etc/x": "x"})
	at := filepath.Join(tr.Dir(), "etc")
	if tr.MountsChanged() {
		t.Error("before anything was mounted")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts are the superuser's")
	}
	if err := unix.Mount("none", at, "tmpfs", 0, ""); err != nil {
		t.Skipf("no right to mount: %v", err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	if !tr.MountsChanged() {
		t.Error("a mount was not told")
	}
	if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if !tr.MountsChanged() {
		t.Error("its end was not told")
	}
}
