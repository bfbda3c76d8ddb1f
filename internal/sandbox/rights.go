package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// UID is whom a process behind walls runs as: a user that owns no file and no other
// process. systemd leaves 65520 to 65533 to nobody (UIDS-GIDS.md), and 16 bits hold it
// where a container has no more.
const UID = 65530

// user is the credential of a process behind walls that runs a program, or why it must
// stay that of this one.
func user(program string) (*syscall.Credential, string) {
	const costs = ": it keeps the user of this process"
	switch {
	case os.Geteuid() != 0:
		return nil, "without root it can't have a user of its own" + costs
	case !may(unix.CAP_SETUID) || !may(unix.CAP_SETGID):
		return nil, "CAP_SETUID or CAP_SETGID is missing" + costs
	case !may(unix.CAP_KILL):
		return nil, "CAP_KILL is missing, and one that hangs could not be ended" + costs
	case !mapped("/proc/self/uid_map") || !mapped("/proc/self/gid_map"):
		return nil, fmt.Sprintf("this user namespace has no user %d", UID) + costs
	case !forAll(program):
		return nil, "its program can't be run by other users (mode 0755 is meant)" + costs
	}
	return &syscall.Credential{Uid: UID, Gid: UID}, ""
}

// forAll reports whether any user may run a program: its last capability takes effect
// only then.
func forAll(program string) bool {
	st, err := os.Stat(program)
	return err == nil && st.Mode()&0o001 != 0
}

// may reports whether the calling thread has a capability.
func may(c uint) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[c/32].Effective&(1<<(c%32)) != 0
}

// mapped reports whether the user namespace has a number for UID (user_namespaces(7)).
func mapped(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var inside, outside, length uint64
		if n, _ := fmt.Sscan(s.Text(), &inside, &outside, &length); n == 3 && UID >= inside && UID-inside < length {
			return true
		}
	}
	return false
}

// dropBounding takes every other capability from the set that the thread's children
// could ever get (capabilities(7)).
func dropBounding() error {
	for c := uintptr(0); ; c++ {
		if c == unix.CAP_DAC_READ_SEARCH {
			continue
		}
		switch err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err {
		case nil:
		case unix.EINVAL: // this kernel has no more
			return nil
		default:
			return err
		}
	}
}
