// Package auditrec turns the kernel's audit records, as they stand in
// /var/log/audit/audit.log or come from the kernel itself, into events that say
// who did what to which file.
//
// The format is a line of key=value pairs behind a time and a serial number:
//
//	type=SYSCALL msg=audit(1795420044.189:1791): arch=c000003e syscall=59 success=yes …
//
// auditd.conf(5) calls it RAW; ENRICHED is the same with names resolved by
// auditd behind one byte 0x1d. Several records with one time and serial are one
// event; an [Assembler] puts them together.
//
// What it does not do: it opens no file and no socket, resolves no name and
// judges nothing. A record that it can't read is an error for the caller, who
// holds the line and can keep it.
package auditrec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxRecord bounds one record. The kernel writes at most 8,970 bytes
// (MAX_AUDIT_MESSAGE_LENGTH), auditd adds the resolved names.
const maxRecord = 64 << 10

// enriched separates what the kernel wrote from the names that auditd resolved
// (log_format in auditd.conf(5)).
const enriched = "\x1d"

// Record is one line of the audit system.
type Record struct {
	Type   string // "SYSCALL"; "UNKNOWN[1399]" where the name is not known
	Time   time.Time
	Serial uint64
	Raw    string // the line as it was given
	// Fields are the kernel's own pairs, decoded; "(null)" is the empty string
	// where the kernel writes a string of someone else's choice.
	Fields map[string]string
	// Claims are the pairs inside msg='…' of a user-space message: what the
	// process says, which the kernel only passes on. They are kept apart so that a
	// claimed pid can never stand for the kernel's.
	Claims map[string]string
	// Names are the pairs behind 0x1d, resolved by auditd at the time: AUID="alice".
	Names map[string]string
}

// ParseLine reads one line of an audit log, RAW or ENRICHED.
func ParseLine(line string) (Record, error) {
	line = strings.TrimRight(line, "\r\n")
	if len(line) > maxRecord {
		return Record{}, fmt.Errorf("audit record of %d bytes is longer than %d", len(line), maxRecord)
	}
	rest := line
	if after, ok := strings.CutPrefix(rest, "node="); ok { // name_format in auditd.conf(5)
		_, rest, _ = strings.Cut(after, " ")
	}
	rest, ok := strings.CutPrefix(rest, "type=")
	if !ok {
		return Record{}, errors.New("audit record does not begin with type=")
	}
	name, body, ok := strings.Cut(rest, " msg=")
	if !ok || name == "" || strings.ContainsAny(name, " =") {
		return Record{}, errors.New("audit record has no msg= after its type")
	}
	// The names come last, and a process may have put the byte into its own
	// message: the last one counts.
	names := ""
	if i := strings.LastIndex(body, enriched); i >= 0 {
		body, names = body[:i], body[i+1:]
	}
	return parseBody(name, line, body, names)
}

// ParseMessage reads the payload of one netlink message of the audit family,
// such as "audit(1795420044.189:1791): arch=c000003e …". Raw becomes the line
// that auditd would have written in its RAW format.
func ParseMessage(typ uint16, body string) (Record, error) {
	body = strings.TrimRight(body, "\x00\n")
	if len(body) > maxRecord {
		return Record{}, fmt.Errorf("audit record of %d bytes is longer than %d", len(body), maxRecord)
	}
	name := typeName(typ)
	return parseBody(name, "type="+name+" msg="+body, body, "")
}

func parseBody(name, raw, body, names string) (Record, error) {
	stamp, rest, ok := strings.Cut(body, ":")
	serial := ""
	if ok {
		serial, rest, ok = strings.Cut(rest, "):")
	}
	stamp, isAudit := strings.CutPrefix(stamp, "audit(")
	if !ok || !isAudit {
		return Record{}, errors.New("audit record has no audit(time:serial)")
	}
	when, err := parseTime(stamp)
	if err != nil {
		return Record{}, err
	}
	number, err := strconv.ParseUint(serial, 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("serial %q: %w", serial, err)
	}
	r := Record{Type: name, Time: when, Serial: number, Raw: raw}
	r.Fields, r.Claims = parseFields(name, rest)
	if names != "" {
		r.Names, _ = parseFields("", names)
	}
	return r, nil
}

// parseTime reads seconds and their decimal fraction; the kernel always writes
// three digits.
func parseTime(stamp string) (time.Time, error) {
	sec, frac, _ := strings.Cut(stamp, ".")
	if frac == "" {
		frac = "0"
	}
	s, err := strconv.ParseUint(sec, 10, 40)
	if err != nil || len(frac) > 9 {
		return time.Time{}, fmt.Errorf("time %q is not seconds and a fraction", stamp)
	}
	n, err := strconv.ParseUint(frac, 10, 32)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is not seconds and a fraction", stamp)
	}
	for range 9 - len(frac) {
		n *= 10
	}
	return time.Unix(int64(s), int64(n)).UTC(), nil
}
