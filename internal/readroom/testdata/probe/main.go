// Command probe is a process of readroom's with something in it that was taken over: once
// the walls are up it tries what its name says. How it ends says whether it could.
package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"waxseal/internal/readroom"
)

const (
	denied = 40
	done   = 41
)

var attempts = map[string]func() error{
	"socket": func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err },
	"exec":   func() error { return unix.Exec("/bin/true", []string{"true"}, nil) },
	"write":  func() error { return os.WriteFile(filepath.Join(os.TempDir(), "../all/x"), []byte("x"), 0o666) },
	"read": func() error {
		_, err := os.ReadFile(filepath.Join(os.TempDir(), "../root/home/alice/secret"))
		return err
	},
	"log": func() error {
		_, err := os.ReadFile(filepath.Join(os.TempDir(), "../root/var/log/dpkg.log"))
		return err
	},
	"guest-memory": func() error {
		var all [][]byte
		for range 400 {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
		}
		return errors.New(string(all[0][:1]))
	},
	"guest":       func() error { _, err := os.ReadFile("/proc/self/fd/5/etc/passwd"); return err },
	"hidden":      func() error { _, err := os.ReadFile("/proc/self/fd/5/host/state/ledger.key"); return err },
	"device":      func() error { _, err := os.ReadFile("/proc/self/fd/5/dev/disk"); return err },
	"host":        func() error { _, err := os.ReadFile("/etc/passwd"); return err },
	"guest-write": func() error { return os.WriteFile("/proc/self/fd/5/etc/x", []byte("x"), 0o666) },
	"agent":       func() error { return unix.Kill(os.Getppid(), 0) },
}

func main() {
	self, err := os.Executable()
	if err != nil || !readroom.Asked(os.Args) {
		os.Exit(2)
	}
	go attempt(attempts[filepath.Base(self)])
	if readroom.Serve() != nil {
		os.Exit(3)
	}
}

func attempt(try func() error) {
	for unix.Prctl(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != unix.EPERM { // the filter refuses even the question
		time.Sleep(time.Millisecond)
	}
	if try() != nil {
		os.Exit(denied)
	}
	os.Exit(done)
}
