package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var aliasFiles = map[string]string{"/etc/mail/aliases": "postmaster: root\n", "/etc/mail/other": "postmaster: spy@evil.example.net\n"}

// kinds are the file systems, each with the ways that are tried on it.
var kinds = []kind{
	{"ext4", "Everything that is possible on a file system of the disk.", func(t *testing.T, root string, o order) { mkdir(t, root) }, []method{
		{name: "truncate and write", writer: "truncate"},
		{name: "append", writer: "append"},
		{name: "write in place, not truncated", writer: "in-place"},
		{name: "write, file kept open", writer: "kept-open"},
		{name: "`sed -i`", writer: "sed"},
		{name: "vim", writer: "vim"},
		{name: "nano", writer: "nano", keys: "TEXT\x0f\r\x18"},
		{name: "`postconf -e`", writer: "postconf"},
		{name: "`echo … >>`, the shell ends at once", writer: "echo"},
		{name: "rename over it, from the same directory", writer: "rename"},
		{name: "rename over it, from elsewhere", writer: "rename-in"},
		{name: "renameat2 `RENAME_EXCHANGE`", writer: "exchange"},
		{name: "unlink, and link another there", writer: "unlink-link"},
		{name: "write through a hard link outside the tree, made before", writer: "hard-link", before: func(t *testing.T, _ *method, _ host, o order) {
			fine(t, os.Link(o.main(), filepath.Join(o.Side, "alias")))
		}},
		{name: "write through a hard link outside the tree, made now", writer: "new-link"},
		{name: "symbolic link turned elsewhere", writer: "symlink", files: aliasFiles, fits: saying("spy@evil"), before: func(t *testing.T, _ *method, h host, _ order) {
			fine(t, os.Remove(h.path("/etc/aliases")))
			fine(t, os.Symlink("mail/aliases", h.path("/etc/aliases")))
		}},
		{name: "directory renamed and replaced", writer: "directory"},
		{name: "directory above renamed and replaced", writer: "above"},
		{name: "memory map, file closed", writer: "mmap-close"},
		{name: "memory map, file kept open", writer: "mmap", text: "9991", fits: saying("9991")},
		{name: "io_uring: open, write, close", writer: "io_uring"},
		{name: "io_uring, by threads of the kernel", writer: "io_uring-aside"},
		{name: "sendfile", writer: "sendfile"},
		{name: "copy_file_range", writer: "copy-range"},
		{name: "splice", writer: "splice"},
		{name: "`O_TMPFILE` and linkat", writer: "tmpfile"},
		{name: "descriptor opened before the agent started: write", writer: "heir", before: inherit},
		{name: "descriptor opened before the agent started: memory map", writer: "heir-mmap", text: "9991", fits: saying("9991"), before: inherit},
		{name: "bind mount over the file", writer: "bind-file", before: unbind("main.cf")},
		{name: "bind mount over the directory", writer: "bind-dir", before: unbind("")},
		{name: "bind mount over the file, in the daemon's mount namespace", writer: "bind-view", before: daemon, fits: func(f told) bool { return f.Rule == "mail-view" && strings.Contains(f.text(), "evil.example.net") }},
		{name: "write in another mount namespace", writer: "namespace"},
		{name: "write in a chroot", writer: "chroot"},
		{name: "`dd conv=notrunc`", writer: "dd", before: func(t *testing.T, _ *method, h host, o order) {
			fine(t, os.WriteFile(filepath.Join(filepath.Dir(h.root), "dd.in"), []byte(o.Text), 0o600))
		}},
		{name: "ftruncate", writer: "ftruncate", fits: saying("smtpd_milters")},
		{name: "fallocate `PUNCH_HOLE`", writer: "fallocate", fits: saying("smtpd_milters")},
		{name: "chmod", writer: "chmod", fits: changed("/etc/postfix/main.cf", "mode")},
		{name: "chown", writer: "chown", fits: changed("/etc/postfix/main.cf", "owner")},
		{name: "setfacl", writer: "setfacl", fits: changed("/etc/postfix/main.cf", "posix_acl_access")},
		{name: "setxattr", writer: "setxattr", fits: changed("/etc/postfix/main.cf", "user.note")},
		{name: "setcap", writer: "setcap", fits: changed("/usr/local/bin/filter", "security.capability")},
		{name: "`chattr +i`", writer: "chattr", fits: changed("/etc/postfix/main.cf", "immutable"), before: unflag},
		{name: "file_setattr(2)", writer: "file_setattr", fits: changed("/etc/postfix/main.cf", "immutable"), before: unflag},
		{name: "modification time set back", writer: "time"},
		{name: "changed and reverted within 50 ms", writer: "revert"},
		{name: "deleted and made again", writer: "recreate"},
		{name: "append, beside a thousand other changes a second", writer: "append", around: true},
	}},
	{"ext4 in a file, written past it", "`debugfs -w` writes on the device. The kernel tells nobody; what it holds in memory of the file hides it until that is dropped.",
		func(t *testing.T, root string, o order) { image(t, root) }, []method{
			{name: "`debugfs -w` on the device", writer: "debugfs", text: "9999", fits: saying("9999"), raw: true},
		}},
	{"tmpfs", "", func(t *testing.T, root string, o order) { fileSystem(t, "none", root, "tmpfs", "size=8m"); o.side(t) }, elsewhere},
	{"overlayfs", "The watched root is the merged one.", func(t *testing.T, root string, o order) {
		dir := filepath.Dir(root)
		for _, d := range []string{"lower", "upper", "work"} {
			mkdir(t, filepath.Join(dir, d))
		}
		fileSystem(t, "overlay", root, "overlay", "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work")
	}, elsewhere},
	{"FUSE", "The watched root is a bindfs(1).", func(t *testing.T, root string, o order) { bindfs(t, root, o) }, elsewhere},
}

// elsewhere are the ways that are tried on other file systems.
var elsewhere = []method{
	{name: "truncate and write", writer: "truncate"},
	{name: "append", writer: "append"},
	{name: "rename over it", writer: "rename"},
	{name: "memory map, file kept open", writer: "mmap", text: "9991", fits: saying("9991")},
	{name: "`postconf -e`", writer: "postconf"},
	{name: "chmod", writer: "chmod", fits: changed("/etc/postfix/main.cf", "mode")},
}

func fine(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) { fine(t, os.MkdirAll(dir, 0o755)) }

// side is for writers that need no directory of the same file system.
func (o order) side(t *testing.T) { mkdir(t, o.Side) }

// unbind takes a mount away again with the test.
func unbind(name string) func(*testing.T, *method, host, order) {
	return func(t *testing.T, _ *method, _ host, o order) {
		t.Cleanup(func() { _ = unix.Unmount(filepath.Join(filepath.Dir(o.main()), name), unix.MNT_DETACH) })
	}
}

// unflag lets the tree be removed again.
func unflag(t *testing.T, _ *method, _ host, o order) {
	t.Cleanup(func() {
		f, err := os.Open(o.main())
		fine(t, err)
		defer f.Close()
		fine(t, unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0))
	})
}

// image mounts an ext4 of its own.
func image(t *testing.T, root string) {
	name := filepath.Join(filepath.Dir(root), "image")
	mkdir(t, root)
	for _, c := range [][]string{{"truncate", "-s", "16M", name}, {"mkfs.ext4", "-q", name}, {"mount", "-o", "loop", name, root}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no right to mount an image: %v: %v: %s", c, err, out)
		}
	}
	t.Cleanup(func() { fine(t, unix.Unmount(root, 0)) })
}

// byDebugfs fills four bytes of the file's block with another digit, and has the kernel
// forget what it held of the file.
func byDebugfs(o order) {
	image := filepath.Join(filepath.Dir(o.Root), "image")
	at := strings.Index(o.old(), "8891")
	unix.Sync()
	out, err := exec.Command("debugfs", "-w", "-R", fmt.Sprintf("zap_block -f /etc/postfix/main.cf -o %d -l 4 -p 0x39 0", at), image).CombinedOutput()
	if err != nil {
		check(fmt.Errorf("%w: %s", err, out))
	}
	fd := open(o.main(), unix.O_RDONLY)
	check(unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
	unix.Close(fd)
}

// bindfs shows a directory once more, by a program of the lab.
func bindfs(t *testing.T, root string, o order) {
	mkdir(t, root)
	below := filepath.Join(filepath.Dir(root), "below")
	mkdir(t, below)
	lib := filepath.Join(o.Lab, "usr/lib/x86_64-linux-gnu")
	cmd := exec.Command(filepath.Join(lib, "ld-linux-x86-64.so.2"), "--library-path", lib, filepath.Join(o.Lab, "usr/bin/bindfs"), "-f", below, root)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Unmount(root, unix.MNT_DETACH)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		var st unix.Statfs_t
		if unix.Statfs(root, &st) == nil && st.Type == unix.FUSE_SUPER_MAGIC {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Skipf("no right to mount with FUSE: %s", said.String())
}

// inherit opens main.cf before the agent starts.
func inherit(t *testing.T, m *method, _ host, o order) {
	f, err := os.OpenFile(o.main(), os.O_RDWR, 0)
	fine(t, err)
	_, err = f.Seek(0, 2)
	fine(t, err)
	t.Cleanup(func() { f.Close() })
	m.heir = f
}

// daemon puts a program there that plays Postfix's master.
func daemon(t *testing.T, _ *method, h host, _ order) {
	program, err := os.ReadFile("/bin/sleep")
	fine(t, err)
	h.write("/usr/lib/postfix/sbin/master", string(program))
	fine(t, os.Chmod(h.path("/usr/lib/postfix/sbin/master"), 0o755))
}
