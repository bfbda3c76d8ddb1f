package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// The layout of journal files (systemd, "Journal File Format"). Numbers are little
// endian, and offsets count from the beginning of the file.
const (
	signature  = "LPKSHHRH"
	headerSize = 208 // of the oldest version, which has all that is read here

	compactFlag = 1 << 4
	// knownFlags are the incompatible ones: XZ, LZ4, keyed hashes, ZSTD, compact.
	knownFlags = 1<<0 | 1<<1 | 1<<2 | 1<<3 | compactFlag

	dataObject       = 1
	entryObject      = 3
	entryArrayObject = 6

	objectHeader = 16
	dataHeader   = 64
	entryHeader  = 64
	arrayHeader  = 24
)

const (
	// maxField is how much of one field is read, packed or not; the rest is dropped.
	maxField = 64 << 10
	// maxItems bounds the fields of one entry: journald takes 1024 (ENTRY_FIELD_COUNT_MAX).
	maxItems = 1024
)

var errNoJournal = errors.New("it is no journal file, nor an export of one")

// header is what is read of the header of a file.
type header struct {
	compact bool
	entries uint64
	array   uint64 // of the first entry array
	tail    time.Time
}

func readHeader(f io.ReaderAt) (header, error) {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return header{}, fmt.Errorf("its header can't be read: %w", err)
	}
	if string(b[:8]) != signature {
		return header{}, errNoJournal
	}
	flags := binary.LittleEndian.Uint32(b[12:])
	if unknown := flags &^ knownFlags; unknown != 0 {
		return header{}, fmt.Errorf("it is of a form that is not known here (incompatible flags %#x)", unknown)
	}
	number := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	return header{compact: flags&compactFlag != 0, entries: number(152), array: number(176), tail: micro(number(192))}, nil
}

// micro is a time in microseconds since 1970.
func micro(n uint64) time.Time {
	const most = 1 << 53 // 285 years
	return time.UnixMicro(int64(min(n, most))).UTC()
}

// object reads what stands at an offset: at most so much of it as is asked for.
func object(f io.ReaderAt, at uint64, kind byte, most int) (flags byte, body []byte, err error) {
	const far = 1 << 60
	if at < headerSize || at%8 != 0 || at > far {
		return 0, nil, fmt.Errorf("an offset leads to %d, where no object can be", at)
	}
	const usual = 512 // most are read at once
	body = make([]byte, min(usual, max(most, objectHeader)))
	n, err := f.ReadAt(body, int64(at))
	if n < objectHeader {
		return 0, nil, fmt.Errorf("the object at %d can't be read: %w", at, err)
	}
	size := binary.LittleEndian.Uint64(body[8:])
	if body[0] != kind || size < objectHeader {
		return 0, nil, fmt.Errorf("the object at %d is of another kind than what leads to it says", at)
	}
	if whole := int(min(size, uint64(most))); whole > n {
		body = append(body[:n], make([]byte, whole-n)...)
		if n, err = f.ReadAt(body, int64(at)); n < whole {
			return 0, nil, fmt.Errorf("the object at %d can't be read: %w", at, err)
		}
	} else {
		body = body[:whole]
	}
	return body[1], body, nil
}

// cursor goes through the entries of a file in their order, along the chain of entry
// arrays.
type cursor struct {
	array uint64 // the present array, 0 before the first
	index uint64 // in it
	done  uint64 // entries passed
}

// length is how many entries an array has room for, and where the next one is.
func (h header) length(f io.ReaderAt, at uint64) (n, next uint64, err error) {
	_, b, err := object(f, at, entryArrayObject, arrayHeader)
	if err != nil {
		return 0, 0, err
	}
	if len(b) < arrayHeader {
		return 0, 0, fmt.Errorf("the array at %d is cut short", at)
	}
	next = binary.LittleEndian.Uint64(b[16:])
	if next != 0 && next <= at { // journald only appends: else it is a ring
		return 0, 0, fmt.Errorf("the array at %d leads back to %d", at, next)
	}
	return (binary.LittleEndian.Uint64(b[8:]) - arrayHeader) / h.width(), next, nil
}

// width is the size of one item of an array.
func (h header) width() uint64 {
	if h.compact {
		return 4
	}
	return 8
}

// next gives the offset of the next entry; ok is false where there is none yet.
func (c *cursor) next(f io.ReaderAt, h header) (at uint64, ok bool, err error) {
	if c.done >= h.entries {
		return 0, false, nil
	}
	if c.array == 0 {
		if h.array == 0 {
			return 0, false, nil
		}
		c.array = h.array
	}
	for {
		n, next, err := h.length(f, c.array)
		if err != nil {
			return 0, false, err
		}
		if c.index < n {
			break
		}
		if next == 0 {
			return 0, false, nil // it is being made
		}
		c.array, c.index = next, 0
	}
	if at, err = h.item(f, c.array+arrayHeader+c.index*h.width()); err != nil || at == 0 {
		return 0, false, err
	}
	c.index++
	c.done++
	return at, true, nil
}

func (h header) item(f io.ReaderAt, at uint64) (uint64, error) {
	var b [8]byte
	if _, err := f.ReadAt(b[:h.width()], int64(at)); err != nil {
		return 0, fmt.Errorf("the array item at %d can't be read: %w", at, err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// skip passes entries without reading them, until so many are left.
func (c *cursor) skip(f io.ReaderAt, h header, left uint64) error {
	for c.done+left < h.entries {
		if c.array == 0 {
			if h.array == 0 {
				return nil
			}
			c.array = h.array
		}
		n, next, err := h.length(f, c.array)
		if err != nil {
			return err
		}
		step := min(n-min(c.index, n), h.entries-left-c.done)
		c.index, c.done = c.index+step, c.done+step
		if c.index < n || next == 0 {
			return nil
		}
		c.array, c.index = next, 0
	}
	return nil
}

// Entry is one entry of a journal: its fields by name, each with its first value.
type Entry struct {
	Time   time.Time
	Fields map[string]string
}

// wanted are the fields that are kept.
var wanted = map[string]bool{
	"MESSAGE": true, "SYSLOG_IDENTIFIER": true, "SYSLOG_PID": true, "SYSLOG_FACILITY": true, "_PID": true, "_UID": true, "_EXE": true, "_COMM": true,
	"_AUDIT_SESSION": true, "_AUDIT_LOGINUID": true, "_SYSTEMD_UNIT": true, "_TRANSPORT": true, "_HOSTNAME": true, "UNIT": true,
}

// entry reads the entry at an offset.
func (r *reader) entry(h header, at uint64) (Entry, error) {
	width := uint64(16) // offset and hash
	if h.compact {
		width = 4
	}
	_, b, err := object(r.f, at, entryObject, entryHeader+maxItems*int(width))
	if err != nil {
		return Entry{}, err
	}
	if len(b) < entryHeader {
		return Entry{}, fmt.Errorf("the entry at %d is cut short", at)
	}
	e := Entry{Time: micro(binary.LittleEndian.Uint64(b[24:])), Fields: map[string]string{}}
	var failed error
	for items := b[entryHeader:]; uint64(len(items)) >= width; items = items[width:] {
		var data uint64
		if h.compact {
			data = uint64(binary.LittleEndian.Uint32(items))
		} else {
			data = binary.LittleEndian.Uint64(items)
		}
		if data == 0 {
			continue
		}
		name, value, err := r.field(h, data)
		if err != nil {
			failed = err // the other fields are still worth having
			continue
		}
		if _, twice := e.Fields[name]; !twice && wanted[name] {
			e.Fields[name] = value
		}
	}
	return e, failed
}

// data reads a data object.
func (r *reader) data(h header, at uint64) (name, value string, err error) {
	begin := dataHeader
	if h.compact {
		begin += 8
	}
	flags, b, err := object(r.f, at, dataObject, begin+maxField)
	if err != nil {
		return "", "", err
	}
	if len(b) < begin {
		return "", "", fmt.Errorf("the field at %d is cut short", at)
	}
	if b, err = r.unpack(flags, b[begin:]); err != nil {
		return "", "", fmt.Errorf("the field at %d: %w", at, err)
	}
	key, text, ok := bytes.Cut(b, []byte("="))
	if !ok {
		return "", "", fmt.Errorf("the field at %d has no name", at)
	}
	return string(key), string(text), nil
}
