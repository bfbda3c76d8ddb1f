// Command hostile is what a parser that was taken over would be: behind the walls, it
// tries to get out. The test starts it with one attempt as its argument; it answers on
// standard output what came of it.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"waxseal/internal/sandbox"
)

var attempts = map[string]func(of []string) error{
	"nothing": func([]string) error { return nil },
	"read":    func(of []string) error { _, err := os.ReadFile(of[0]); return err },
	"list":    func(of []string) error { _, err := os.ReadDir(of[0]); return err },
	"write":   func(of []string) error { return os.WriteFile(of[0], []byte("taken over"), 0o666) },
	"openat2": func(of []string) error { // which seccomp can't look into
		fd, err := unix.Openat2(unix.AT_FDCWD, of[0], &unix.OpenHow{Flags: unix.O_WRONLY | unix.O_TRUNC})
		if err == nil {
			_, err = unix.Write(fd, []byte("taken over"))
		}
		return err
	},
	"create": func(of []string) error {
		_, err := unix.Openat2(unix.AT_FDCWD, of[0], &unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CREAT, Mode: 0o666})
		return err
	},
	"chmod":  func(of []string) error { return unix.Fchmodat(unix.AT_FDCWD, of[0], 0o4755, 0) },
	"unlink": func(of []string) error { return unix.Unlinkat(unix.AT_FDCWD, of[0], 0) },
	"rename": func(of []string) error { return os.Rename(of[0], of[0]+".gone") },
	"exec":   func([]string) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"fork":   func([]string) error { _, err := syscall.ForkExec("/bin/true", []string{"true"}, nil); return err },
	"inet":   func([]string) error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); return err },
	"netlink": func([]string) error {
		_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)
		return err
	},
	"unix":   func([]string) error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"ptrace": func(of []string) error { return unix.PtraceAttach(number(of[0])) },
	"peek": func(of []string) error {
		buf := make([]byte, 8)
		_, err := unix.ProcessVMReadv(number(of[0]), []unix.Iovec{{Base: &buf[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
		return err
	},
	"kill":     func(of []string) error { return unix.Kill(number(of[0]), unix.SIGTERM) },
	"tgkill":   func(of []string) error { return unix.Tgkill(number(of[0]), number(of[0]), unix.SIGTERM) },
	"mount":    func(of []string) error { return unix.Mount("none", of[0], "tmpfs", 0, "") },
	"bpf":      func([]string) error { return call(unix.SYS_BPF) },
	"io_uring": func([]string) error { return call(unix.SYS_IO_URING_SETUP) },
	"fanotify": func([]string) error { return call(unix.SYS_FANOTIFY_INIT) },
	"unshare":  func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"setuid":   func([]string) error { return call(unix.SYS_SETUID) },
	"code": func([]string) error { // new code in memory
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	},
	"memory": func([]string) error {
		var kept [][]byte
		for range 4096 {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
		return fmt.Errorf("%d MiB were had", len(kept))
	},
	"core": func([]string) error { return limit(unix.RLIMIT_CORE) },
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

func call(nr uintptr) error {
	_, _, errno := unix.Syscall(nr, 0, 0, 0)
	if errno == 0 {
		return nil
	}
	return errno
}

// limit tries to raise a bound.
func limit(what int) error {
	r := unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	_, _, errno := unix.Syscall6(unix.SYS_PRLIMIT64, 0, uintptr(what), uintptr(unsafe.Pointer(&r)), 0, 0, 0)
	if errno == 0 {
		return nil
	}
	return errno
}

func main() {
	missing := sandbox.Confine(os.Getenv("SCRATCH") != "", sandbox.MaxMemory)
	err := attempts[os.Args[1]](os.Args[2:])
	var errno syscall.Errno
	switch {
	case err == nil:
		fmt.Print("done")
	case errors.As(err, &errno):
		fmt.Print(unix.ErrnoName(errno))
	default:
		fmt.Print(err)
	}
	for _, m := range missing {
		fmt.Print("\nmissing: ", m)
	}
	fmt.Println()
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test has looked at it
}
