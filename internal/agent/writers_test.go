package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"waxseal/internal/lab/ring"
)

// The writers are this test's own program, started again as another process: each
// changes a file in one way and says when it was done.

// order is what a writer is told.
type order struct {
	Method string
	Root   string // of the watched tree
	Side   string // a directory beside it, on the same file system
	Lab    string // a root with programs, where there is one
	Text   string // a line that is to be in main.cf
	From   string // the address that its login record names
	Fork   int    // how many unrelated changes a second others make
}

const writerOrder = "WAXSEAL_WRITER"

func (o order) main() string { return filepath.Join(o.Root, "etc/postfix/main.cf") }

// old is what main.cf holds before, and want what it shall hold.
func (o order) old() string {
	b, err := os.ReadFile(o.main())
	check(err)
	return string(b)
}

func (o order) want() string { return o.old() + o.Text }

// command starts the writer as a person would: a shell gets a login uid of its own and
// becomes the program.
func (o order) command(login uint32) *exec.Cmd {
	text, err := json.Marshal(o)
	check(err)
	self, err := os.Executable()
	check(err)
	cmd := exec.Command("/bin/sh", "-c", `echo "$1" >/proc/self/loginuid && exec "$2"`, "sh", fmt.Sprint(login), self)
	cmd.Env = append(os.Environ(), writerOrder+"="+string(text))
	return cmd
}

// write is the whole life of a writer.
func write(text string) {
	runtime.LockOSThread() // some change the namespaces of their thread
	var o order
	check(json.Unmarshal([]byte(text), &o))
	if o.From != "" {
		check(sayLogin(o.From))
	}
	method, ok := writers[o.Method]
	if !ok {
		check(fmt.Errorf("no writer %q", o.Method))
	}
	method(o)
	fmt.Println("done", time.Now().UnixNano())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// sayLogin sends the record that sshd sends when somebody has logged in
// (AUDIT_USER_LOGIN); the kernel adds process, login uid and session.
func sayLogin(from string) error {
	const userLogin = 1112
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	text := fmt.Sprintf("op=login id=0 exe=\"/usr/sbin/sshd\" hostname=%s addr=%s terminal=/dev/pts/7 res=success\x00", from, from)
	b := make([]byte, unix.SizeofNlMsghdr+len(text))
	head := (*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
	head.Len, head.Type, head.Flags = uint32(len(b)), userLogin, unix.NLM_F_REQUEST
	copy(b[unix.SizeofNlMsghdr:], text)
	return unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

func open(name string, flags int) int {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0o644)
	check(err)
	return fd
}

func put(fd int, text string) {
	n, err := unix.Write(fd, []byte(text))
	check(err)
	if n != len(text) {
		check(fmt.Errorf("%d of %d bytes written", n, len(text)))
	}
}

// create makes a file with a content.
func create(name, text string) string {
	fd := open(name, unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY)
	put(fd, text)
	check(unix.Close(fd))
	return name
}

// mapped writes through a memory map, which it leaves as it is.
func mapped(fd int, text string, at int64) {
	check(unix.Ftruncate(fd, at+int64(len(text))))
	b, err := unix.Mmap(fd, 0, int(at)+len(text), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(err)
	copy(b[at:], text)
}

// mapPort writes another port of the filter through a map of a file that has been open
// for a while: nothing of the file changes but its bytes.
func mapPort(o order, fd int) {
	at := strings.Index(o.old(), "8891")
	b, err := unix.Mmap(fd, 0, int(size(o.main())), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(err)
	time.Sleep(700 * time.Millisecond)
	copy(b[at:], o.Text)
}

// stay keeps the writer, with what it has open, until the test has seen enough.
func stay() {
	fmt.Println("done", time.Now().UnixNano())
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}

var writers = map[string]func(o order){
	"truncate": func(o order) { create(o.main(), o.want()) },
	"append": func(o order) {
		fd := open(o.main(), unix.O_APPEND|unix.O_WRONLY)
		put(fd, o.Text)
		check(unix.Close(fd))
	},
	"in-place": func(o order) {
		want := o.want()
		fd := open(o.main(), unix.O_RDWR)
		_, err := unix.Pwrite(fd, []byte(want), 0)
		check(err)
		check(unix.Close(fd))
	},
	"kept-open": func(o order) {
		fd := open(o.main(), unix.O_APPEND|unix.O_WRONLY)
		put(fd, o.Text)
		stay()
	},
	"rename":         func(o order) { check(os.Rename(create(o.main()+".tmp", o.want()), o.main())) },
	"rename-in":      func(o order) { check(os.Rename(create(filepath.Join(o.Side, "new"), o.want()), o.main())) },
	"exchange":       func(o order) { exchange(create(filepath.Join(o.Side, "new"), o.want()), o.main()) },
	"unlink-link":    func(o order) { unlinkLink(o) },
	"hard-link":      func(o order) { appendTo(filepath.Join(o.Side, "alias"), o.Text) },
	"new-link":       func(o order) { newLink(o) },
	"symlink":        func(o order) { swapLink(o) },
	"directory":      func(o order) { replaceDirectory(o, filepath.Join(o.Root, "etc/postfix")) },
	"above":          func(o order) { replaceDirectory(o, filepath.Join(o.Root, "etc")) },
	"mmap":           func(o order) { mapPort(o, open(o.main(), unix.O_RDWR)); stay() },
	"mmap-close":     func(o order) { mapClosed(o) },
	"io_uring":       func(o order) { check(ring.Append(o.main(), o.Text, false)) },
	"io_uring-aside": func(o order) { check(ring.Append(o.main(), o.Text, true)) },
	"sendfile":       func(o order) { bySendfile(o) },
	"copy-range":     func(o order) { byCopyRange(o) },
	"splice":         func(o order) { bySplice(o) },
	"tmpfile":        func(o order) { byTmpfile(o) },
	"heir":           func(o order) { put(3, o.Text) },
	"heir-mmap":      func(o order) { mapPort(o, 3); stay() },
	"bind-file":      func(o order) { bindOver(create(filepath.Join(o.Side, "evil"), o.want()), o.main()) },
	"bind-view":      func(o order) { bindView(o) },
	"bind-dir":       func(o order) { bindDirectory(o) },
	"namespace": func(o order) {
		check(private())
		o.elsewhere()
		appendTo(filepath.Join(o.Side, "mnt/etc/postfix/main.cf"), o.Text)
	},
	"chroot":    func(o order) { check(unix.Chroot(o.Root)); appendTo("/etc/postfix/main.cf", o.Text) },
	"ftruncate": func(o order) { byTruncate(o) },
	"fallocate": func(o order) { byFallocate(o) },
	"chmod":     func(o order) { check(unix.Chmod(o.main(), 0o666)) },
	"chown":     func(o order) { check(unix.Chown(o.main(), 7777, 7777)) },
	"setxattr":  func(o order) { check(unix.Setxattr(o.main(), "user.note", []byte(o.Text), 0)) },
	"time":      func(o order) { setBack(o) },
	"revert":    func(o order) { revert(o) },
	"recreate":  func(o order) { recreate(o) },
	"tool":      func(o order) { o.tool(strings.Fields(o.Text)...) },
	"sed":       func(o order) { o.tool("sed", "-i", "$a"+strings.TrimSpace(o.Text), inLab) },
	"vim": func(o order) {
		o.tool("vim.tiny", "-e", "-s", "-u", "NONE", "-c", "normal Go"+strings.TrimSpace(o.Text), "-c", "wq", inLab)
	},
	"nano":     func(o order) { o.tool("nano", "-I", inLab) },
	"postconf": func(o order) { o.tool("postconf", "-c", filepath.Dir(inLab), "-e", strings.TrimSpace(o.Text)) },
	"dd": func(o order) {
		o.tool("sh", "-c", "exec dd of="+inLab+" conv=notrunc oflag=append status=none if=/mnt/dd.in")
	},
	"setfacl":      func(o order) { o.tool("setfacl", "-m", "u:7777:rw", inLab) },
	"setcap":       func(o order) { o.tool("setcap", "cap_dac_override+ep", "/mnt/root/usr/local/bin/filter") },
	"chattr":       func(o order) { o.tool("chattr", "+i", inLab) },
	"file_setattr": func(o order) { setAttr(o) },
	"debugfs":      func(o order) { byDebugfs(o) },
	"echo":         func(o order) { o.tool("sh", "-c", "echo '"+strings.TrimSpace(o.Text)+"' >>"+inLab) },
}

// inLab is main.cf as programs in the lab see it.
const inLab = "/mnt/root/etc/postfix/main.cf"

// tool becomes a program of the lab, with the tree below /mnt there.
func (o order) tool(words ...string) {
	check(private())
	mnt := filepath.Join(o.Lab, "mnt")
	check(unix.Mount(filepath.Dir(o.Root), mnt, "", unix.MS_BIND|unix.MS_REC, ""))
	check(unix.Chroot(o.Lab))
	check(unix.Chdir("/"))
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/"} {
		if _, err := os.Stat(dir + words[0]); err == nil {
			check(syscall.Exec(dir+words[0], words, []string{"PATH=/usr/sbin:/usr/bin", "TERM=vt100", "HOME=/root"}))
		}
	}
	check(fmt.Errorf("%s is not in the lab", words[0]))
}

// private gives this thread a mount namespace of its own.
func private() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// elsewhere mounts the tree at another place.
func (o order) elsewhere() {
	mnt := filepath.Join(o.Side, "mnt")
	check(os.MkdirAll(mnt, 0o755))
	check(unix.Mount(o.Root, mnt, "", unix.MS_BIND, ""))
}

func appendTo(name, text string) {
	fd := open(name, unix.O_APPEND|unix.O_WRONLY)
	put(fd, text)
	check(unix.Close(fd))
}

func size(name string) int64 {
	info, err := os.Stat(name)
	check(err)
	return info.Size()
}

func exchange(a, b string) {
	check(unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE))
}

func unlinkLink(o order) {
	other := create(filepath.Join(o.Side, "new"), o.want())
	check(unix.Unlink(o.main()))
	check(unix.Link(other, o.main()))
}

func newLink(o order) {
	alias := filepath.Join(o.Side, "made")
	check(unix.Link(o.main(), alias))
	appendTo(alias, o.Text)
}

func swapLink(o order) {
	tmp := filepath.Join(o.Root, "etc/aliases.new")
	check(os.Symlink("mail/other", tmp))
	check(os.Rename(tmp, filepath.Join(o.Root, "etc/aliases")))
}

func replaceDirectory(o order, dir string) {
	main := strings.TrimPrefix(o.main(), dir)
	check(os.CopyFS(dir+".new", os.DirFS(dir)))
	appendTo(dir+".new"+main, o.Text)
	check(os.Rename(dir, dir+".old"))
	check(os.Rename(dir+".new", dir))
}

func mapClosed(o order) {
	fd := open(o.main(), unix.O_RDWR)
	mapped(fd, o.Text, size(o.main()))
	check(unix.Close(fd))
}

func bySendfile(o order) {
	in := open(create(filepath.Join(o.Side, "new"), o.want()), unix.O_RDONLY)
	out := open(o.main(), unix.O_WRONLY)
	_, err := unix.Sendfile(out, in, nil, 1<<16)
	check(err)
	check(unix.Close(out))
}

func byCopyRange(o order) {
	in := open(create(filepath.Join(o.Side, "new"), o.want()), unix.O_RDONLY)
	out := open(o.main(), unix.O_WRONLY)
	_, err := unix.CopyFileRange(in, nil, out, nil, 1<<16, 0)
	check(err)
	check(unix.Close(out))
}

func bySplice(o order) {
	want := o.want()
	var pipe [2]int
	check(unix.Pipe(pipe[:]))
	put(pipe[1], want)
	out := open(o.main(), unix.O_WRONLY)
	_, err := unix.Splice(pipe[0], nil, out, nil, len(want), 0)
	check(err)
	check(unix.Close(out))
}

func byTmpfile(o order) {
	want := o.want()
	fd := open(filepath.Dir(o.main()), unix.O_TMPFILE|unix.O_RDWR)
	put(fd, want)
	check(unix.Unlink(o.main()))
	check(unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, o.main(), unix.AT_SYMLINK_FOLLOW))
	check(unix.Close(fd))
}

func bindOver(from, over string) { check(unix.Mount(from, over, "", unix.MS_BIND, "")) }

func bindDirectory(o order) {
	dir := filepath.Join(o.Side, "evil")
	check(os.CopyFS(dir, os.DirFS(filepath.Dir(o.main()))))
	appendTo(filepath.Join(dir, "main.cf"), o.Text)
	bindOver(dir, filepath.Dir(o.main()))
}

// byTruncate cuts off the last line, which is a filter.
func byTruncate(o order) {
	fd := open(o.main(), unix.O_RDWR)
	check(unix.Ftruncate(fd, int64(strings.Index(o.old(), "smtpd_milters"))))
	check(unix.Close(fd))
}

// byFallocate makes zeroes of the end of the last line.
func byFallocate(o order) {
	fd := open(o.main(), unix.O_RDWR)
	at := int64(strings.Index(o.old(), "inet:localhost"))
	check(unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, 4))
	check(unix.Close(fd))
}

func setBack(o order) {
	var st unix.Stat_t
	check(unix.Stat(o.main(), &st))
	fd := open(o.main(), unix.O_APPEND|unix.O_WRONLY)
	put(fd, o.Text)
	check(unix.Close(fd))
	check(unix.UtimesNanoAt(unix.AT_FDCWD, o.main(), []unix.Timespec{st.Atim, st.Mtim}, 0))
}

func revert(o order) {
	old := o.old()
	create(o.main(), old+o.Text)
	time.Sleep(30 * time.Millisecond)
	create(o.main(), old)
}

func recreate(o order) {
	want := o.want()
	check(unix.Unlink(o.main()))
	create(o.main(), want)
}

// setAttr makes a file immutable by file_setattr(2), which Linux 6.17 brought.
func setAttr(o order) {
	const fileSetattr, immutable = 469, 0x8
	attr := struct {
		flags                          uint64
		extent, nextents, project, cow uint32
	}{flags: immutable}
	name := append([]byte(o.main()), 0)
	_, _, errno := unix.Syscall6(fileSetattr, 0, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0, 0)
	if errno != 0 {
		check(errno)
	}
}

// bindView starts a daemon that sees another main.cf than everybody else.
func bindView(o order) {
	evil := create(filepath.Join(o.Side, "evil"), o.want())
	check(private())
	bindOver(evil, o.main())
	d := exec.Command(filepath.Join(o.Root, "usr/lib/postfix/sbin/master"), "5")
	d.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(d.Start())
	stay()
}
