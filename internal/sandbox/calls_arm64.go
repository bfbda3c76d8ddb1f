package sandbox

import "golang.org/x/sys/unix"

const (
	architecture = unix.AUDIT_ARCH_AARCH64
	sysStatAt    = unix.SYS_FSTATAT
)

// What only this architecture has, beside what both have.
var (
	alsoWriting []uintptr
	alsoNever   = []uintptr{unix.SYS_KEXEC_FILE_LOAD}
)
