// Package utmp reads what a host keeps about who is logged in: utmp(5), and the files
// of systemd-logind below /run/systemd/sessions.
//
// Both are written by login programs as sessions open, so that one that is older than the
// agent is still known. Whoever is root writes them as he likes, and so does every program
// of group utmp: nothing learned here is ever more than inferred. It opens nothing.
package utmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"waxseal"
)

// Record is what was written down about one session.
type Record struct {
	User    string
	PID     int    // the process that opened it
	Session uint32 // of audit; waxseal.Unset where it is not written down
	TTY     string // "pts/0"
	Host    string // where it came from: an address or a name, "" on this host
	Service string // "sshd", of logind only
	Source  waxseal.Path
}

// The layout of utmp records on x86 and wherever time is kept in 32 bits for it (struct
// utmp of bits/utmp.h in glibc).
const (
	recordSize  = 384
	userProcess = 7
	maxRecords  = 10000
)

// ParseUtmp reads the users that utmp(5) has.
func ParseUtmp(b []byte) (list []Record, err error) {
	if len(b)%recordSize != 0 {
		return nil, fmt.Errorf("%d bytes are no whole number of records of %d: it is of another machine, or damaged", len(b), recordSize)
	}
	for ; len(b) >= recordSize && len(list) < maxRecords; b = b[recordSize:] {
		if binary.LittleEndian.Uint16(b) != userProcess {
			continue
		}
		r := Record{PID: int(int32(binary.LittleEndian.Uint32(b[4:]))), TTY: text(b[8:40]), User: text(b[44:76]), Host: text(b[76:332]), Session: waxseal.Unset}
		if a := address(b[348:364]); a != "" {
			r.Host = a
		}
		if r.PID > 0 && r.User != "" {
			list = append(list, r)
		}
	}
	return list, nil
}

// text is a field that ends at its first zero byte. What can't be printed is left out.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, string(b))
}

// address is ut_addr_v6: an IPv4 address has the first four bytes alone.
func address(b []byte) string {
	var a [16]byte
	copy(a[:], b)
	switch {
	case a == [16]byte{}:
		return ""
	case bytes.Equal(a[4:], make([]byte, 12)):
		return netip.AddrFrom4([4]byte(a[:4])).String()
	}
	return netip.AddrFrom16(a).Unmap().String()
}

// ParseLogind reads one file of /run/systemd/sessions: lines of NAME=value.
func ParseLogind(content string) (r Record, ok bool) {
	r.Session = waxseal.Unset
	for line := range strings.Lines(content) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		value = text([]byte(value))
		switch name {
		case "USER":
			r.User = value
		case "LEADER":
			r.PID, _ = strconv.Atoi(value) // 0: no process
		case "AUDIT":
			if n, err := strconv.ParseUint(value, 10, 32); err == nil {
				r.Session = uint32(n)
			}
		case "TTY":
			r.TTY = value
		case "REMOTE_HOST":
			r.Host = value
		case "SERVICE":
			r.Service = value
		}
	}
	return r, r.User != "" && r.PID > 0
}
