package fanotify

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// metadataSize is sizeof(struct fanotify_event_metadata), and infoSize of
// struct fanotify_event_info_header (fanotify(7), "Reading fanotify events").
const (
	metadataSize = 24
	infoSize     = 4
	noPidfd      = -1
)

// place is a name in a directory as an event gives it: the directory's key
// bytes and the name. Both point into the read buffer.
type place struct {
	dir  []byte
	name []byte
}

// raw is one event, pointing into the buffer it was read to.
type raw struct {
	mask     uint64
	pid      int
	pidfd    int
	target   []byte // key bytes of the file itself
	at       place  // where it was accessed or changed
	from, to place  // of a rename
}

func (r raw) has(mask uint64) bool { return r.mask&mask != 0 }

// decode reads the first event of the buffer and returns the rest; ok is false
// at the end and where the bytes are no event.
func decode(b []byte) (e raw, rest []byte, ok bool) {
	if len(b) < metadataSize {
		return e, nil, false
	}
	size := binary.NativeEndian.Uint32(b)
	head := binary.NativeEndian.Uint16(b[6:])
	if int64(size) > int64(len(b)) || size < metadataSize || head < metadataSize || uint32(head) > size || b[4] != unix.FANOTIFY_METADATA_VERSION {
		return e, nil, false
	}
	e.mask = binary.NativeEndian.Uint64(b[8:])
	e.pid = int(int32(binary.NativeEndian.Uint32(b[20:])))
	e.pidfd = noPidfd
	for info := b[head:size]; len(info) >= infoSize; {
		n := int(binary.NativeEndian.Uint16(info[2:]))
		if n < infoSize || n > len(info) {
			break
		}
		e.info(info[0], info[infoSize:n])
		info = info[n:]
	}
	return e, b[size:], true
}

// info takes one information record.
func (e *raw) info(typ byte, b []byte) {
	switch typ {
	case unix.FAN_EVENT_INFO_TYPE_FID:
		if p, ok := parsePlace(b); ok {
			e.target = p.dir
		}
	case unix.FAN_EVENT_INFO_TYPE_DFID_NAME, unix.FAN_EVENT_INFO_TYPE_DFID:
		e.at, _ = parsePlace(b)
	case unix.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
		e.from, _ = parsePlace(b)
	case unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
		e.to, _ = parsePlace(b)
	case unix.FAN_EVENT_INFO_TYPE_PIDFD:
		if len(b) >= 4 {
			e.pidfd = max(noPidfd, int(int32(binary.NativeEndian.Uint32(b))))
		}
	}
}

// parsePlace reads fsid, struct file_handle and, where there is one, the name
// behind it, which ends with a zero byte.
func parsePlace(b []byte) (place, bool) {
	const handle = 16 // fsid, handle_bytes, handle_type
	if len(b) < handle {
		return place{}, false
	}
	n := binary.NativeEndian.Uint32(b[8:])
	if int64(n) > int64(len(b)-handle) {
		return place{}, false
	}
	end := handle + int(n)
	name, _, _ := bytes.Cut(b[end:], []byte{0})
	return place{dir: b[:end], name: name}, true
}
