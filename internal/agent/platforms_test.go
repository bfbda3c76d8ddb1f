package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"waxseal"
)

// lesser is a kernel, or rights, that lack something: the program is started behind a
// filter of system calls (seccomp(2)) that answers as such a kernel does.
type lesser struct {
	name  string
	about string // where it is so
	lacks string // what the filter refuses, for [lessen]
}

const lesserOrder = "WAXSEAL_LACKS"

const (
	lackTargets = "targets" // fanotify before 5.17
	lackPidfd   = "pidfd"   // … before 5.15
	lackNames   = "names"   // … before 5.9
	lackAudit   = "audit"
	lackBPF     = "bpf"
	lackRights  = "rights"
)

var platforms = []lesser{
	{"nothing", "Linux 5.17 and later, as root", ""},
	{"fanotify's targets and renames", "Linux 5.15 and 5.16", lackTargets},
	{"… and its pidfd", "Linux 5.10 to 5.14", lackTargets + " " + lackPidfd},
	{"… and its names", "Linux 5.6 to 5.8; a container without CAP_SYS_ADMIN", lackTargets + " " + lackPidfd + " " + lackNames},
	{"audit", "audit=0 on the kernel's command line; a container", lackAudit},
	{"BPF", "a kernel without BTF, locked down; a process namespace of its own", lackBPF},
	{"audit and BPF", "most containers with CAP_SYS_ADMIN", lackAudit + " " + lackBPF},
	{"fanotify, audit and BPF", "most containers", lackTargets + " " + lackPidfd + " " + lackNames + " " + lackAudit + " " + lackBPF},
	{"the rights of root", "anybody who may read the files", lackRights},
}

// lessen takes things away from this thread and whatever it starts.
func lessen(lacks string) {
	var f []unix.SockFilter
	load := func(offset uint32) {
		f = append(f, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
	}
	refuse := func(errno syscall.Errno) {
		f = append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	}
	const number, argument = 0, 16 // of struct seccomp_data
	call := func(nr uint32, skip uint8) {
		load(number)
		f = append(f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: skip})
	}
	bits := func(nr, arg, mask uint32, errno syscall.Errno) {
		call(nr, 3)
		load(argument + 8*arg)
		f = append(f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: mask, Jf: 1})
		refuse(errno)
	}
	for _, lack := range strings.Fields(lacks) {
		switch lack {
		case lackTargets:
			bits(unix.SYS_FANOTIFY_INIT, 0, unix.FAN_REPORT_TARGET_FID, unix.EINVAL)
			bits(unix.SYS_FANOTIFY_MARK, 2, unix.FAN_RENAME, unix.EINVAL)
		case lackPidfd:
			bits(unix.SYS_FANOTIFY_INIT, 0, unix.FAN_REPORT_PIDFD, unix.EINVAL)
		case lackNames:
			bits(unix.SYS_FANOTIFY_INIT, 0, unix.FAN_REPORT_NAME, unix.EINVAL)
		case lackBPF:
			call(unix.SYS_BPF, 1)
			refuse(unix.EPERM)
		case lackAudit:
			call(unix.SYS_SOCKET, 5)
			load(argument)
			f = append(f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_NETLINK, Jf: 3})
			load(argument + 16)
			f = append(f, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.NETLINK_AUDIT, Jf: 1})
			refuse(unix.EPROTONOSUPPORT)
		}
	}
	f = append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	check(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0))
}

// startLessened becomes the program that its arguments name, with less than this one has.
func startLessened(lacks string) {
	runtime.LockOSThread()
	fd, err := unix.Open(os.Args[1], unix.O_PATH, 0) // it lies where only root may go
	check(err)
	if strings.Contains(lacks, lackRights) {
		check(syscall.Setgroups(nil))
		check(syscall.Setgid(nobody))
		check(syscall.Setuid(nobody))
	}
	lessen(lacks)
	check(syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", fd), os.Args[1:], os.Environ()))
}

const nobody = 65534

// seenThere is what one of them came to.
type seenThere struct {
	soon, process string
	says          []string
}

// TestPlatforms switches off what kernels and containers lack, and says what is left, in
// docs/platforms.md.
func TestPlatforms(t *testing.T) {
	needRoot(t)
	var page strings.Builder
	page.WriteString("| switched off | as on | a change is told | process | what `watch` says of it at start |\n|---|---|---|---|---|\n")
	for _, l := range platforms {
		t.Run(l.name, func(t *testing.T) {
			s := l.try(t)
			for range 2 {
				if s.soon == late { // this machine may have been busy
					s = l.try(t)
				}
			}
			fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", l.name, l.about, s.soon, s.process, strings.ReplaceAll(strings.Join(s.says, "<br>"), "|", "\\|"))
		})
	}
	const name, from, to = "../../docs/platforms.md", "<!-- TestPlatforms -->\n", "<!-- end -->"
	text, err := os.ReadFile(name)
	fine(t, err)
	head, rest, ok1 := strings.Cut(string(text), from)
	printed, tail, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for what is printed", name)
	}
	if *update {
		fine(t, os.WriteFile(name, []byte(head+from+page.String()+to+tail), 0o644))
		return
	}
	if diff := cmp.Diff(printed, page.String()); diff != "" {
		t.Errorf("%s says something else (go test ./internal/agent -run TestPlatforms -update):\n%s", name, diff)
	}
}

func (l lesser) try(t *testing.T) (s seenThere) {
	h := postfixTree(t, nil)
	if l.lacks == lackRights {
		dir := filepath.Dir(h.root)
		fine(t, os.Chmod(filepath.Dir(dir), 0o755))
		fine(t, filepath.Walk(dir, func(p string, _ os.FileInfo, err error) error {
			fine(t, err)
			return os.Chown(p, nobody, nobody)
		}))
	}
	w := h.watchWith(func(cmd *exec.Cmd) {
		self, err := os.Executable()
		fine(t, err)
		cmd.Args = append([]string{self}, cmd.Args...)
		cmd.Path = self
		cmd.Env = append(os.Environ(), lesserOrder+"=-"+l.lacks)
	})
	const target = "inet:203.0.113.9:21700"
	writer := exec.Command("/bin/sh", "-c", "echo smtpd_milters = "+target+" >> "+h.path("/etc/postfix/main.cf")+"; sleep 1; :") // it is still there when it is looked for
	wrote := time.Now()
	fine(t, writer.Start())
	defer writer.Wait()
	f := w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
	s.soon = "within a second"
	if f.at.Sub(wrote) > time.Second {
		s.soon = late
	}
	f = w.later(f)
	s.process = string(f.Actor.Process.Grade)
	if p := f.Actor.Process; p.Grade == waxseal.Proven && p.PID != writer.Process.Pid {
		t.Errorf("the hand is %+v, and was %d", p, writer.Process.Pid)
	}
	for line := range strings.Lines(w.errs.String()) {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(text, "without ") || strings.HasPrefix(text, "inotify ") {
			s.says = append(s.says, strings.ReplaceAll(text, filepath.Dir(h.root), "…"))
		}
	}
	return s
}
