package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// limit is a reason that excuses a skip, when it is true of this machine.
type limit struct {
	text  string // part of the reason that the test gives
	holds bool
}

// The capabilities that tests need beyond root's name (capabilities(7)).
const (
	capSysAdmin     = 21
	capAuditControl = 30
	capBPF          = 39
)

// netlinkAudit is NETLINK_AUDIT of linux/netlink.h.
const netlinkAudit = 9

func limits() []limit {
	root := os.Geteuid() == 0
	admin := root && capable(capSysAdmin)
	audit := root && capable(capAuditControl) && auditInKernel()
	return []limit{
		{"needs root", !root},
		{"fanotify can't be used here", !admin},
		{"audit can't be used here", !audit},
		// Only a boot unlocks them (auditctl(8) -e 2).
		{"audit rules are locked until the next boot", true},
		{"BPF can't be used here", !admin || !capable(capBPF) || !exists("/sys/kernel/btf/vmlinux")},
		// Debian has one release of clang for each of its own.
		{"needs clang 14", !clang14()},
		{"no right to mount", !admin},
		{"no mount namespace here", !admin},
		{"the queue's limit is not the default", setting("/proc/sys/fs/fanotify/max_queued_events") != "16384"},
	}
}

// excused reports whether a true limit of the machine is the reason.
func excused(reason string, limits []limit) bool {
	for _, l := range limits {
		if l.holds && strings.Contains(reason, l.text) {
			return true
		}
	}
	return false
}

func capable(capability uint) bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "CapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	effective, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && effective&(1<<capability) != 0
}

func auditInKernel() bool {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, netlinkAudit)
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// clang14 reports whether clang of this release is here, or could be: scripts/setup.sh
// installs what Debian has, which is 14 on Debian 12.
func clang14() bool {
	if release, err := os.ReadFile("/etc/debian_version"); err == nil && strings.HasPrefix(string(release), "12.") {
		return true
	}
	version, _ := exec.Command("clang", "--version").Output()
	return strings.Contains(string(version), "clang version 14.")
}

func setting(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}
