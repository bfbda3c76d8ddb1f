package bpf

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring reads a map of type BPF_MAP_TYPE_RINGBUF (kernel/bpf/ringbuf.c): a page with how
// far was read, a page with how far was written, and the data, in which each record has a
// head of eight bytes and is padded to a multiple of them. The kernel offers the data
// twice in a row, so that no record breaks off at the end; each of the two would count as
// memory of this process, so they are mapped once, and a record that goes on at the
// beginning is put together.
type ring struct {
	read, written *uint64 // bytes since the ring was made
	data          []byte  // its length is a power of two
	pages         [2][]byte
	whole         []byte // a record that was put together
}

const (
	recordHead = 8
	busy       = 1 << 31 // BPF_RINGBUF_BUSY_BIT: it is still being written
	discarded  = 1 << 30 // BPF_RINGBUF_DISCARD_BIT
	// patience is how long a record that is being written is waited for: another
	// processor copies it, and those behind it are complete.
	patience = 10 * time.Millisecond
)

var errRing = errors.New("the ring of process records is damaged")

func openRing(fd, size int) (*ring, error) {
	page := os.Getpagesize()
	mine, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ring of process records: %w", err)
	}
	kernels, err := unix.Mmap(fd, int64(page), page+size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map the ring of process records: %w", err), unix.Munmap(mine))
	}
	return &ring{
		read: (*uint64)(unsafe.Pointer(&mine[0])), written: (*uint64)(unsafe.Pointer(&kernels[0])),
		data: kernels[page:], pages: [2][]byte{mine, kernels},
	}, nil
}

func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.pages[0]), unix.Munmap(r.pages[1]))
}

// empty reports whether the kernel has written nothing that was not read.
func (r *ring) empty() bool { return atomic.LoadUint64(r.written) == atomic.LoadUint64(r.read) }

// each hands on every record up to where the kernel has written now. The bytes are valid
// during the call.
func (r *ring) each(take func(record []byte)) error {
	from, until := atomic.LoadUint64(r.read), atomic.LoadUint64(r.written)
	for from < until {
		length, ok := r.length(from)
		if !ok {
			return nil // it comes with the next reading
		}
		n := uint64(length &^ discarded)
		next := from + recordHead + (n+recordHead-1)&^(recordHead-1)
		if next > until || n > uint64(len(r.data)) {
			return errRing
		}
		if length&discarded == 0 {
			take(r.bytes(from+recordHead, n))
		}
		from = next
		atomic.StoreUint64(r.read, from)
	}
	return nil
}

// length is the first word of a record's head, once the record is complete.
func (r *ring) length(at uint64) (length uint32, ok bool) {
	word := (*uint32)(unsafe.Pointer(&r.data[at&uint64(len(r.data)-1)]))
	if length = atomic.LoadUint32(word); length&busy == 0 {
		return length, true
	}
	for end := time.Now().Add(patience); time.Now().Before(end); runtime.Gosched() {
		if length = atomic.LoadUint32(word); length&busy == 0 {
			return length, true
		}
	}
	return 0, false
}

func (r *ring) bytes(at, n uint64) []byte {
	start := at & uint64(len(r.data)-1)
	if start+n <= uint64(len(r.data)) {
		return r.data[start : start+n]
	}
	r.whole = append(append(r.whole[:0], r.data[start:]...), r.data[:n-(uint64(len(r.data))-start)]...)
	return r.whole
}
