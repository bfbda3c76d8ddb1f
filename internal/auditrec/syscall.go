package auditrec

import (
	"strconv"
	"strings"

	"waxseal"
)

// calls are the system calls that change files, by architecture as an event names it:
// the tables of Linux (arch/x86/entry/syscalls, arch/arm/tools, include/uapi/asm-generic
// for aarch64 and those that came later).
var calls = map[string]map[int]string{
	"x86_64": {
		2: "open", 76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
		90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown", 94: "lchown", 132: "utime", 133: "mknod", 155: "pivot_root", 165: "mount", 166: "umount2",
		188: "setxattr", 189: "lsetxattr", 190: "fsetxattr", 197: "removexattr", 198: "lremovexattr", 199: "fremovexattr", 235: "utimes",
		257: "openat", 258: "mkdirat", 259: "mknodat", 260: "fchownat", 261: "futimesat", 263: "unlinkat", 264: "renameat", 265: "linkat", 266: "symlinkat",
		268: "fchmodat", 280: "utimensat", 285: "fallocate", 316: "renameat2",
	},
	"i386": {
		5: "open", 8: "creat", 9: "link", 10: "unlink", 14: "mknod", 15: "chmod", 16: "lchown", 21: "mount", 22: "umount", 30: "utime", 38: "rename",
		39: "mkdir", 40: "rmdir", 52: "umount2", 83: "symlink", 92: "truncate", 93: "ftruncate", 94: "fchmod", 95: "fchown", 182: "chown",
		193: "truncate64", 194: "ftruncate64", 198: "lchown32", 207: "fchown32", 212: "chown32", 217: "pivot_root", 226: "setxattr", 227: "lsetxattr",
		228: "fsetxattr", 235: "removexattr", 236: "lremovexattr", 237: "fremovexattr", 271: "utimes", 295: "openat", 296: "mkdirat", 297: "mknodat",
		298: "fchownat", 299: "futimesat", 301: "unlinkat", 302: "renameat", 303: "linkat", 304: "symlinkat", 306: "fchmodat", 320: "utimensat",
		324: "fallocate", 353: "renameat2",
	},
	"arm": {
		5: "open", 8: "creat", 9: "link", 10: "unlink", 14: "mknod", 15: "chmod", 16: "lchown", 21: "mount", 30: "utime", 38: "rename",
		39: "mkdir", 40: "rmdir", 52: "umount2", 83: "symlink", 92: "truncate", 93: "ftruncate", 94: "fchmod", 95: "fchown", 182: "chown",
		193: "truncate64", 194: "ftruncate64", 198: "lchown32", 207: "fchown32", 212: "chown32", 218: "pivot_root", 226: "setxattr", 227: "lsetxattr",
		228: "fsetxattr", 235: "removexattr", 236: "lremovexattr", 237: "fremovexattr", 269: "utimes", 322: "openat", 323: "mkdirat", 324: "mknodat",
		325: "fchownat", 326: "futimesat", 328: "unlinkat", 329: "renameat", 330: "linkat", 331: "symlinkat", 333: "fchmodat", 348: "utimensat",
		352: "fallocate", 382: "renameat2",
	},
	"aarch64": generic, "riscv64": generic, "loongarch64": generic,
}

var generic = map[int]string{
	5: "setxattr", 6: "lsetxattr", 7: "fsetxattr", 14: "removexattr", 15: "lremovexattr", 16: "fremovexattr", 33: "mknodat", 34: "mkdirat", 35: "unlinkat",
	36: "symlinkat", 37: "linkat", 38: "renameat", 39: "umount2", 40: "mount", 41: "pivot_root", 45: "truncate", 46: "ftruncate", 47: "fallocate",
	52: "fchmod", 53: "fchmodat", 54: "fchownat", 55: "fchown", 56: "openat", 88: "utimensat", 276: "renameat2",
}

// newCalls have one number in every table: those since Linux 5.1.
var newCalls = map[int]string{
	428: "open_tree", 429: "move_mount", 437: "openat2", 442: "mount_setattr", 452: "fchmodat2", 463: "setxattrat", 466: "removexattrat", 469: "file_setattr",
}

// ringCalls are operations of io_uring(7) under the name of the system call that does
// the same (enum io_uring_op of linux/io_uring.h).
var ringCalls = map[string]string{
	"17": "fallocate", "18": "openat", "28": "openat2", "35": "renameat", "36": "unlinkat", "37": "mkdirat", "38": "symlinkat", "39": "linkat",
	"41": "fsetxattr", "42": "setxattr", "55": "ftruncate",
}

// operations are what the calls do to the file that they name.
var operations = map[string]waxseal.Operation{
	"open": waxseal.OpWrite, "openat": waxseal.OpWrite, "openat2": waxseal.OpWrite, "creat": waxseal.OpWrite, "fallocate": waxseal.OpWrite,
	"truncate": waxseal.OpTruncate, "ftruncate": waxseal.OpTruncate, "truncate64": waxseal.OpTruncate, "ftruncate64": waxseal.OpTruncate,
	"rename": waxseal.OpRename, "renameat": waxseal.OpRename, "renameat2": waxseal.OpRename,
	"link": waxseal.OpLink, "linkat": waxseal.OpLink,
	"mkdir": waxseal.OpCreate, "mkdirat": waxseal.OpCreate, "mknod": waxseal.OpCreate, "mknodat": waxseal.OpCreate, "symlink": waxseal.OpCreate, "symlinkat": waxseal.OpCreate,
	"unlink": waxseal.OpDelete, "unlinkat": waxseal.OpDelete, "rmdir": waxseal.OpDelete,
	"chmod": waxseal.OpChmod, "fchmod": waxseal.OpChmod, "fchmodat": waxseal.OpChmod, "fchmodat2": waxseal.OpChmod,
	"chown": waxseal.OpChown, "fchown": waxseal.OpChown, "lchown": waxseal.OpChown, "fchownat": waxseal.OpChown,
	"chown32": waxseal.OpChown, "fchown32": waxseal.OpChown, "lchown32": waxseal.OpChown,
	"setxattr": waxseal.OpXattr, "lsetxattr": waxseal.OpXattr, "fsetxattr": waxseal.OpXattr, "setxattrat": waxseal.OpXattr,
	"removexattr": waxseal.OpXattr, "lremovexattr": waxseal.OpXattr, "fremovexattr": waxseal.OpXattr, "removexattrat": waxseal.OpXattr,
	"utime": waxseal.OpMetadata, "utimes": waxseal.OpMetadata, "futimesat": waxseal.OpMetadata, "utimensat": waxseal.OpMetadata, "file_setattr": waxseal.OpMetadata,
	"mount": waxseal.OpMount, "move_mount": waxseal.OpMount, "mount_setattr": waxseal.OpMount, "umount": waxseal.OpMount, "umount2": waxseal.OpMount, "pivot_root": waxseal.OpMount,
}

// Call is the system call of an event with what its records say of the arguments.
type Call struct {
	Name      string            // "openat", "" where it is not known
	Operation waxseal.Operation // "" where it changes no file
	args      map[string]string
	word      int // bits of an argument that count: a 32-bit program has 32
}

// CallOf finds the call that an event is about: by its number or, where the table is not
// known here, by the name that auditd resolved.
func CallOf(e *waxseal.AuditEvent) Call {
	c := Call{word: 64}
	for _, line := range e.Raw {
		if !strings.HasPrefix(line, "type=SYSCALL ") && !strings.HasPrefix(line, "type=URINGOP ") && !strings.HasPrefix(line, "node=") {
			continue
		}
		r, err := ParseLine(line)
		if err != nil || r.Type != "SYSCALL" && r.Type != "URINGOP" {
			continue
		}
		c.args = r.Fields
		if c.Name = ringCalls[r.Fields["uring_op"]]; r.Type == "SYSCALL" {
			c.Name = nameOf(e, r.Names["SYSCALL"])
			break
		}
	}
	if e.Arch == "i386" || e.Arch == "arm" {
		c.word = 32
	}
	c.Operation = operations[c.Name]
	return c
}

func nameOf(e *waxseal.AuditEvent, resolved string) string {
	table, known := calls[e.Arch]
	switch {
	case newCalls[e.Syscall] != "":
		return newCalls[e.Syscall]
	case known:
		return table[e.Syscall]
	}
	return resolved
}

// Arg is an argument of the call, by its number; it is not known for io_uring(7), nor of
// the fifth on.
func (c Call) Arg(n int) (value uint64, known bool) {
	v, err := strconv.ParseUint(c.args["a"+strconv.Itoa(n)], 16, 64)
	if err != nil {
		return 0, false
	}
	if c.word == 32 {
		v &= 0xffffffff
	}
	return v, true
}

// directories are the arguments with the descriptor of the directory that the first and
// the second name of a call are relative to.
var directories = map[string][2]int{
	"openat": {0, 0}, "openat2": {0, 0}, "mkdirat": {0, 0}, "mknodat": {0, 0}, "fchownat": {0, 0}, "unlinkat": {0, 0}, "fchmodat": {0, 0}, "fchmodat2": {0, 0},
	"renameat": {0, 2}, "renameat2": {0, 2}, "linkat": {0, 2}, "symlinkat": {1, 1}, "utimensat": {0, 0}, "futimesat": {0, 0}, "setxattrat": {0, 0}, "removexattrat": {0, 0},
}

// FromWorkingDirectory reports whether relative names of the call count from the working
// directory, and not from a descriptor, which no record names (AT_FDCWD in openat(2)).
func (c Call) FromWorkingDirectory() bool {
	at, ok := directories[c.Name]
	if !ok {
		return true
	}
	for _, n := range at {
		if v, known := c.Arg(n); known && int32(uint32(v)) != -100 {
			return false
		}
	}
	return true
}

// OnlyReads reports whether the call opens a file for reading: no rule for writes reports
// that, and one of another product may.
func (c Call) OnlyReads() bool {
	n, ok := map[string]int{"open": 1, "openat": 2}[c.Name]
	if !ok {
		return false // openat2(2) passes its flags in memory
	}
	const access, create, truncate = 0o3, 0o100, 0o1000 // O_ACCMODE, O_CREAT, O_TRUNC: the same on all of them
	flags, known := c.Arg(n)
	return known && flags&(access|create|truncate) == 0
}
