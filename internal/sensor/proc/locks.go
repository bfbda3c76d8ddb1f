package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Locked reports whether some process holds a lock on a file (proc_locks(5)):
//
//	1: POSIX  ADVISORY  WRITE 2341 fe:01:131090 0 EOF
//
// Who that is the kernel tells too; whoever may open the file can be it.
func Locked(device, inode uint64) bool {
	text, err := os.ReadFile("/proc/locks")
	return err == nil && lockedIn(text, device, inode)
}

func lockedIn(text []byte, device, inode uint64) bool {
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), inode)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) > 5 && f[1] != "->" && f[5] == want {
			return true
		}
	}
	return false
}
