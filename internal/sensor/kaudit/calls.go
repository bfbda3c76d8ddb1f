package kaudit

import (
	"runtime"
	"slices"
)

// table is what the rules on system calls need to know of one system call table.
type table struct {
	arch   uint32   // AUDIT_ARCH of linux/audit.h
	exec   []uint32 // execve, execveat
	mount  []uint32 // mount, umount, umount2, pivot_root; move_mount and mount_setattr are the same everywhere
	ioctl  uint32
	orders []uint32 // of ioctl: FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR
	opens  []uint32 // open, openat, openat2, and socketcall, behind which bind may be
}

// newMount are move_mount(2) and mount_setattr(2).
var newMount = []uint32{429, 442}

const setAttr = 469 // file_setattr(2), Linux 6.17

// FS_IOC_SETFLAGS, its form for 32-bit programs, and FS_IOC_FSSETXATTR (linux/fs.h),
// where the bits of an order are laid out as on x86.
var (
	orders64 = []uint32{0x40086602, 0x401c5820}
	orders32 = []uint32{0x40046602, 0x401c5820}
)

// tables are the native table and, where the kernel has one, the 32-bit table: a
// program may use either.
var tables = map[string][]table{
	"amd64": {
		{0xc000003e, []uint32{59, 322}, []uint32{165, 166, 155}, 16, orders64, []uint32{2, 257, 437}},
		{0x40000003, []uint32{11, 358}, []uint32{21, 22, 52, 217}, 54, orders32, []uint32{5, 295, 437, 102}},
	},
	"arm64": {
		{0xc00000b7, []uint32{221, 281}, []uint32{40, 39, 41}, 29, orders64, []uint32{56, 437}},
		{0x40000028, []uint32{11, 387}, []uint32{21, 52, 218}, 54, orders32, []uint32{5, 322, 437}},
	},
	"riscv64": {{0xc00000f3, []uint32{221, 281}, []uint32{40, 39, 41}, 29, orders64, []uint32{56, 437}}},
	"ppc64le": {{0xc0000015, []uint32{11, 362}, []uint32{21, 22, 52, 203}, 54, []uint32{0x80086602, 0x801c5820}, []uint32{5, 286, 437, 102}}},
	"s390x":   {{0x80000016, []uint32{11, 354}, []uint32{21, 22, 52, 217}, 54, orders64, []uint32{5, 288, 437, 102}}},
}

// The ends of the keys of rules on system calls.
const (
	ExecKey  = "-exec"  // program starts
	MountKey = "-mount" // mounts made, moved, taken away
	FlagsKey = "-flags" // chattr(1): no file notification tells of it
)

const unknownTable = "the system call numbers of " + runtime.GOARCH + " are not known here: program starts, mounts and chattr(1) are not reported"

// execRules are "-a always,exit -F arch=… -S execve -S execveat -k KEY-exec".
func execRules(key string) (rules []rule) {
	for _, t := range tables[runtime.GOARCH] {
		rules = append(rules, newRule(t.exec, field{id: fieldArch, value: t.arch}, field{id: fieldKey, text: key + ExecKey}))
	}
	return rules
}

// mountRules are the like of execRules for all that mounts.
func mountRules(key string) (rules []rule) {
	for _, t := range tables[runtime.GOARCH] {
		calls := append(append([]uint32{}, t.mount...), newMount...)
		rules = append(rules, newRule(calls, field{id: fieldArch, value: t.arch}, field{id: fieldKey, text: key + MountKey}))
	}
	return rules
}

// flagsRules are "-a always,exit -S ioctl -F a1=FS_IOC_SETFLAGS -k KEY-flags" and its
// like. The kernel does not say which file it was. One rule has the number of ioctl in each
// table: what else has that number has no such second argument.
func flagsRules(key string) (rules []rule) {
	var calls, orders []uint32
	for _, t := range tables[runtime.GOARCH] {
		calls, orders = append(calls, t.ioctl), append(orders, t.orders...)
	}
	slices.Sort(orders)
	for _, o := range slices.Compact(orders) {
		rules = append(rules, newRule(calls, field{id: fieldArg1, value: o}, field{id: fieldKey, text: key + FlagsKey}))
	}
	return append(rules, newRule([]uint32{setAttr}, field{id: fieldKey, text: key + FlagsKey}))
}
