package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter is classic BPF over struct seccomp_data (seccomp(2)): the number of the
// system call at 0, the architecture at 4, six arguments from 16 on. Both architectures
// are little-endian, so that the low half of an argument comes first.
const (
	atNumber, atArchitecture = 0, 4

	x32 = 0x40000000 // numbers of x86-64's other interface

	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpSet    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	and        = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	giveResult = unix.BPF_RET | unix.BPF_K

	allow = unix.SECCOMP_RET_ALLOW
	// deny is for what a runtime may try and can do without.
	deny = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	// fatal is for what nothing in a reader does: whoever tries it ends, and is noticed.
	fatal = unix.SECCOMP_RET_KILL_PROCESS
)

// reading are the calls that the Go runtime and the reading of files take.
var reading = []uintptr{
	unix.SYS_READ, unix.SYS_OPENAT2, unix.SYS_STATX, unix.SYS_CLOSE, unix.SYS_FUTEX, unix.SYS_LISTXATTR, unix.SYS_GETXATTR, unix.SYS_FLISTXATTR, unix.SYS_FGETXATTR, unix.SYS_READLINKAT, unix.SYS_GETDENTS64,
	unix.SYS_FSTAT, sysStatAt, unix.SYS_LSEEK, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_FCNTL, unix.SYS_FSTATFS,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRUSAGE, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETRANDOM, unix.SYS_UNAME,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// writing are the calls that SQLite takes for a private copy of a database, in the
// scratch directory.
var writing = []uintptr{
	unix.SYS_OPENAT, unix.SYS_PWRITE64, unix.SYS_FTRUNCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_FCHMOD, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
	unix.SYS_GETCWD, unix.SYS_FALLOCATE, unix.SYS_UMASK,
}

// never are calls that end the process.
var never = []uintptr{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_FANOTIFY_INIT, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_MOUNT_SETATTR,
	unix.SYS_SETNS, unix.SYS_UNSHARE, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT,
	unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PIDFD_GETFD,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_CAPSET,
	unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_FCHOWN, unix.SYS_SETXATTR, unix.SYS_FSETXATTR, unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_RENAMEAT2, unix.SYS_MKNODAT, unix.SYS_UTIMENSAT,
}

// program is a filter under construction. No jump is longer than the few steps that the
// helpers below make.
type program []unix.SockFilter

func (p *program) step(code uint16, k uint32, yes, no uint8) {
	*p = append(*p, unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no})
}

// on gives a result for each of some calls.
func (p *program) on(calls []uintptr, result uint32) {
	for _, nr := range calls {
		p.step(jumpEqual, uint32(nr), 0, 1)
		p.step(giveResult, result, 0, 0)
	}
}

// argument allows a call where an argument has this value under a mask, and gives
// another result where it has not.
func (p *program) argument(call uintptr, n int, mask, value, otherwise uint32) {
	p.step(jumpEqual, uint32(call), 0, 5)
	p.step(loadWord, uint32(16+8*n), 0, 0)
	p.step(and, mask, 0, 0)
	p.step(jumpEqual, value, 0, 1)
	p.step(giveResult, allow, 0, 0)
	p.step(giveResult, otherwise, 0, 0)
}

// filter is the program for the calling process.
func filter(mayWrite bool) program {
	var p program
	p.step(loadWord, atArchitecture, 0, 0)
	p.step(jumpEqual, architecture, 1, 0)
	p.step(giveResult, fatal, 0, 0)
	p.step(loadWord, atNumber, 0, 0)
	p.step(jumpSet, x32, 0, 1)
	p.step(giveResult, fatal, 0, 0)
	p.on(reading, allow)
	if mayWrite {
		p.on(writing, allow)
		p.on(alsoWriting, allow)
	}
	const changes = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	const thread = unix.CLONE_VM | unix.CLONE_THREAD
	self := uint32(unix.Getpid())
	p.argument(unix.SYS_OPENAT, 2, changes, unix.O_RDONLY, deny) // of openat2(2) Landlock and the user decide: a filter can't follow its pointer
	p.argument(unix.SYS_MMAP, 2, unix.PROT_EXEC, 0, deny)        // no new code
	p.argument(unix.SYS_MPROTECT, 2, unix.PROT_EXEC, 0, deny)
	p.argument(unix.SYS_CLONE, 0, thread, thread, fatal) // threads, no processes
	p.argument(unix.SYS_TGKILL, 0, ^uint32(0), self, fatal)
	p.argument(unix.SYS_KILL, 0, ^uint32(0), self, fatal)
	p.argument(unix.SYS_PRLIMIT64, 0, ^uint32(0), 0, deny)
	p.argument(unix.SYS_PRCTL, 0, ^uint32(0), unix.PR_SET_VMA, deny)
	p.on([]uintptr{unix.SYS_CLONE3}, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)) // whoever asks for it has another way
	p.on(never, fatal)
	p.on(alsoNever, fatal)
	p.step(giveResult, deny, 0, 0)
	return p
}

var errArchitecture = errors.New("the system calls of this architecture are not listed")

// allowOnly puts the calling process, all of its threads, under a filter. There is no
// way back.
func allowOnly(p program) error {
	if architecture == 0 {
		return errArchitecture
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return errno
	case thread != 0:
		return fmt.Errorf("thread %d can't follow", thread)
	}
	return nil
}

// noSeccomp says why there is no filter here, "" where there is.
func noSeccomp() string {
	action := uint32(fatal)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	switch {
	case architecture == 0:
		return errArchitecture.Error()
	case errno != 0:
		return "this kernel has no seccomp filters: " + errno.Error()
	}
	return ""
}
