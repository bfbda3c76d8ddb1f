package bpf

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// head is struct head of program/process.c.
type head struct {
	Kind, PID, Parent, From      uint32
	At, Started                  uint64 // nanoseconds since boot
	UID, EUID, GID               uint32
	Login, Session               uint32
	Exit                         int32
	CGroup, Inode                uint64
	Comm, TTY                    [16]byte
	ExeLen, CWDLen, FileLen, Arg uint16
	Flags, Reserved              uint32
	Device, Owner, Mode, Unused  uint32 // of the program's file; the kernel's own dev_t
}

const headSize = 136

// The flags of head.
const (
	exeCut = 1 << iota
	cwdCut
	argsCut
	argsUnread
	noLogin
	deleted
)

var steps = map[uint32]waxseal.ProcessStep{1: waxseal.ProcessFork, 2: waxseal.ProcessExec, 3: waxseal.ProcessExit}

// minorBits is how many bits of the kernel's dev_t are the minor number
// (include/linux/kdev_t.h).
const minorBits = 20

// maxArgs bounds how many arguments are kept.
const maxArgs = 256

// decode reads one record. boot is when the clock of the records was zero.
func decode(b []byte, boot time.Time) (waxseal.ProcessEvent, bool) {
	if len(b) < headSize {
		return waxseal.ProcessEvent{}, false
	}
	h, text := readHead(b), b[headSize:]
	step, ok := steps[h.Kind]
	if !ok || len(text) < int(h.ExeLen)+int(h.CWDLen)+int(h.FileLen)+int(h.Arg) {
		return waxseal.ProcessEvent{}, false
	}
	e := waxseal.ProcessEvent{
		Step: step, Time: boot.Add(time.Duration(h.At)), PID: int(h.PID), PPID: int(h.Parent), From: int(h.From),
		Started: boot.Add(time.Duration(h.Started)), UID: h.UID, EUID: h.EUID, GID: h.GID, AUID: h.Login, Session: h.Session,
		TTY: zeroEnded(h.TTY[:]), Comm: zeroEnded(h.Comm[:]), CGroup: h.CGroup, Exit: int(h.Exit),
	}
	if step != waxseal.ProcessExec {
		return e, true
	}
	exe, text := text[:h.ExeLen], text[h.ExeLen:]
	cwd, text := text[:h.CWDLen], text[h.CWDLen:]
	file, args := text[:h.FileLen], text[h.FileLen:][:h.Arg]
	e.Exe, e.CWD = pathOf(exe, h.Flags&exeCut != 0), pathOf(cwd, h.Flags&cwdCut != 0)
	if h.Flags&deleted != 0 {
		e.Exe += " (deleted)"
	}
	e.File = zeroEnded(file)
	e.Device, e.Inode = unix.Mkdev(h.Device>>minorBits, h.Device&(1<<minorBits-1)), h.Inode
	e.Owner, e.Mode = h.Owner, h.Mode
	e.Argv, e.Cut = argvOf(args)
	e.Cut = e.Cut || h.Flags&(argsCut|argsUnread) != 0
	return e, true
}

// readHead is binary.Read without its price: there are thousands a second.
func readHead(b []byte) head {
	u32, u64, u16 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64, binary.NativeEndian.Uint16
	return head{
		Kind: u32(b), PID: u32(b[4:]), Parent: u32(b[8:]), From: u32(b[12:]), At: u64(b[16:]), Started: u64(b[24:]),
		UID: u32(b[32:]), EUID: u32(b[36:]), GID: u32(b[40:]), Login: u32(b[44:]), Session: u32(b[48:]), Exit: int32(u32(b[52:])),
		CGroup: u64(b[56:]), Inode: u64(b[64:]), Comm: [16]byte(b[72:88]), TTY: [16]byte(b[88:104]),
		ExeLen: u16(b[104:]), CWDLen: u16(b[106:]), FileLen: u16(b[108:]), Arg: u16(b[110:]), Flags: u32(b[112:]),
		Device: u32(b[120:]), Owner: u32(b[124:]), Mode: u32(b[128:]),
	}
}

func zeroEnded(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// pathOf puts together the names of a path, which come last one first. A path that
// has more of them than are read begins with "…".
func pathOf(names []byte, cut bool) string {
	list := strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00")
	slices.Reverse(list)
	p := "/" + strings.Join(list, "/")
	if cut {
		return "…" + p
	}
	return p
}

// argvOf reads arguments, each with a zero behind it.
func argvOf(b []byte) (argv []string, cut bool) {
	if len(b) == 0 {
		return []string{}, false
	}
	argv = strings.SplitN(strings.TrimSuffix(string(b), "\x00"), "\x00", maxArgs+1)
	if len(argv) > maxArgs {
		return argv[:maxArgs], true
	}
	return argv, false
}

// bootTime is when CLOCK_BOOTTIME was zero.
func bootTime() time.Time {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(since.Nano())).Round(0)
}
