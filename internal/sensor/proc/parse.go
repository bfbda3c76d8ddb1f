package proc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"waxseal"
)

const (
	// maxArgv and maxArgs bound a command line: a process may make its own as long
	// as it likes.
	maxArgv = 4 << 10
	maxArgs = 64
)

// stat is what matters of /proc/PID/stat.
type stat struct {
	comm  string
	ppid  int
	tty   int
	start uint64
	stack uint64 // where it begins, which each execve(2) chooses anew; 0 where that is kept from us
}

// parseStat reads /proc/PID/stat. The second field is the process's own choice
// and may hold blanks, brackets and newlines: it ends at the last ")".
func parseStat(b []byte) (stat, bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3
	if len(f) < 20 {
		return stat{}, false
	}
	ppid, err1 := strconv.Atoi(f[1])
	tty, err2 := strconv.Atoi(f[4])
	start, err3 := strconv.ParseUint(f[19], 10, 63)
	if err1 != nil || err2 != nil || err3 != nil {
		return stat{}, false
	}
	s := stat{comm: string(b[open+1 : end]), ppid: ppid, tty: tty, start: start}
	if len(f) > 25 {
		s.stack, _ = strconv.ParseUint(f[25], 10, 64)
	}
	return s, true
}

// parseBootTime reads btime of /proc/stat, in seconds.
func parseBootTime(b []byte) time.Time {
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(rest)), 10, 64); err == nil {
				return time.Unix(n, 0).UTC()
			}
		}
	}
	return time.Time{}
}

// ids are the owners of a process.
type ids struct {
	uid, euid, gid uint32
	known          bool
	tracer         int // who has it under ptrace(2); 0 for nobody
}

// parseStatus reads the Uid, Gid and TracerPid lines of /proc/PID/status. The first line
// is Name, whose newlines the kernel escapes.
func parseStatus(b []byte) ids {
	i := ids{uid: waxseal.Unset, euid: waxseal.Unset, gid: waxseal.Unset}
	for line := range bytes.Lines(b) {
		key, rest, _ := bytes.Cut(line, []byte(":"))
		f := strings.Fields(string(rest))
		switch {
		case string(key) == "Uid" && len(f) >= 2:
			u, err1 := strconv.ParseUint(f[0], 10, 32)
			e, err2 := strconv.ParseUint(f[1], 10, 32)
			if err1 == nil && err2 == nil {
				i.uid, i.euid, i.known = uint32(u), uint32(e), true
			}
		case string(key) == "TracerPid" && len(f) == 1:
			i.tracer, _ = strconv.Atoi(f[0])
		case string(key) == "Gid" && len(f) >= 1:
			if g, err := strconv.ParseUint(f[0], 10, 32); err == nil {
				i.gid = uint32(g)
			}
		}
	}
	return i
}

// parseCmdline splits /proc/PID/cmdline into at most maxArgs arguments and
// maxArgv bytes.
func parseCmdline(b []byte) []string {
	b = bytes.TrimSuffix(b[:min(len(b), maxArgv)], []byte{0})
	if len(b) == 0 {
		return nil // a kernel thread, or a zombie
	}
	parts := bytes.SplitN(b, []byte{0}, maxArgs+1)
	args := make([]string, 0, maxArgs)
	for _, p := range parts[:min(len(parts), maxArgs)] {
		args = append(args, string(p))
	}
	return args
}

// parseExe splits what the kernel appends to the name of a program whose file
// is gone.
func parseExe(link string) (exe string, deleted bool) {
	return strings.CutSuffix(link, " (deleted)")
}

// parseID reads loginuid or sessionid.
func parseID(b []byte) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	return uint32(n), err == nil
}

// ttyName names a controlling terminal by its device number as in field 7 of
// stat: minor in bits 0-7 and 20-31, major in 8-15 (proc(5),
// Documentation/admin-guide/devices.txt).
func ttyName(dev int) string {
	u := uint32(dev)
	major, minor := u>>8&0xfff, u&0xff|u>>12&^0xff
	switch {
	case u == 0:
		return ""
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8|minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	case major == 5 && minor == 1:
		return "console"
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

// parseUnit finds the service unit in /proc/PID/cgroup, version 1 or 2
// (cgroups(7)): the last component that is a service, "postfix@-.service".
func parseUnit(b []byte) string {
	for line := range bytes.Lines(b) {
		f := strings.SplitN(strings.TrimSuffix(strings.TrimSpace(string(line)), gone), ":", 3)
		if len(f) != 3 || f[1] != "" && f[1] != "name=systemd" {
			continue
		}
		parts := strings.Split(f[2], "/")
		for i := len(parts) - 1; i >= 0; i-- {
			if strings.HasSuffix(parts[i], ".service") {
				return parts[i]
			}
		}
	}
	return ""
}

// peer is the far end of an established TCP connection, by socket inode.
type peer struct {
	inode uint64
	addr  netip.AddrPort
	local uint16
}

const established = "01" // TCP_ESTABLISHED in the st column

// parsePeers reads /proc/PID/net/tcp or tcp6. Addresses are hexadecimal, each
// group of four bytes in host order, which is little-endian on every machine
// that Waxseal is built for. IPv4 addresses in IPv6 form become plain ones.
func parsePeers(b []byte) []peer {
	var peers []peer
	for line := range bytes.Lines(b) {
		f := strings.Fields(string(line))
		if len(f) < 10 || f[3] != established {
			continue
		}
		remote, ok := parseAddr(f[2])
		local, ok2 := parseAddr(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok && ok2 && err == nil && inode != 0 {
			peers = append(peers, peer{inode, remote, local.Port()})
		}
	}
	return peers
}

func parseAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.LittleEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), true
}

// parseSocket reads the link of a descriptor that is a socket, "socket:[1234]".
func parseSocket(link string) (uint64, bool) {
	s, ok := strings.CutPrefix(link, "socket:[")
	s, ok2 := strings.CutSuffix(s, "]")
	n, err := strconv.ParseUint(s, 10, 64)
	return n, ok && ok2 && err == nil
}
