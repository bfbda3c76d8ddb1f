// Package ring writes files by io_uring(7), for tests: without a system call on the file
// by which audit could know it.
package ring

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is the smallest use of io_uring(7): one operation at a time, no system call
// for any of them but io_uring_enter(2).
type ring struct {
	fd                  int
	submit, complete, e []byte
	p                   ringParams
}

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	resv                                                                   [3]uint32
	sq                                                                     struct {
		head, tail, ringMask, ringEntries, flags, dropped, array, resv1 uint32
		userAddr                                                        uint64
	}
	cq struct {
		head, tail, ringMask, ringEntries, overflow, cqes, flags, resv1 uint32
		userAddr                                                        uint64
	}
}

// entry is struct io_uring_sqe, result struct io_uring_cqe.
type entry struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	length, extra uint32
	userData      uint64
	pad           [3]uint64
}

type result struct {
	userData uint64
	res      int32
	flags    uint32
}

// The operations of io_uring (linux/io_uring.h).
const (
	ringOpenat = 18
	ringClose  = 19
	ringWrite  = 23
)

func newRing() (*ring, error) {
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring: %w", errno)
	}
	r.fd = int(fd)
	var errs [3]error
	part := func(i int, offset int64, size uint32) (b []byte) {
		b, errs[i] = unix.Mmap(r.fd, offset, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		return b
	}
	r.submit = part(0, 0, r.p.sq.array+4*r.p.sqEntries)
	r.complete = part(1, 0x8000000, r.p.cq.cqes+16*r.p.cqEntries)
	r.e = part(2, 0x10000000, 64*r.p.sqEntries)
	if err := errors.Join(errs[:]...); err != nil {
		r.close()
		return nil, fmt.Errorf("io_uring: %w", err)
	}
	return r, nil
}

func (r *ring) close() {
	for _, b := range [][]byte{r.submit, r.complete, r.e} {
		_ = unix.Munmap(b)
	}
	_ = unix.Close(r.fd)
}

func word(b []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

// do has one operation done and waits for it.
func (r *ring) do(e entry) (int32, error) {
	*(*entry)(unsafe.Pointer(&r.e[0])) = e
	*word(r.submit, r.p.sq.array+4*(*word(r.submit, r.p.sq.tail)&*word(r.submit, r.p.sq.ringMask))) = 0
	atomic.AddUint32(word(r.submit, r.p.sq.tail), 1)
	const getEvents = 1
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 1, 1, getEvents, 0, 0)
	if errno != 0 {
		return 0, fmt.Errorf("io_uring_enter: %w", errno)
	}
	head := atomic.LoadUint32(word(r.complete, r.p.cq.head))
	c := (*result)(unsafe.Pointer(&r.complete[r.p.cq.cqes+16*(head&*word(r.complete, r.p.cq.ringMask))]))
	res := c.res
	atomic.StoreUint32(word(r.complete, r.p.cq.head), head+1)
	if res < 0 {
		return 0, fmt.Errorf("operation %d of io_uring: %w", e.opcode, unix.Errno(-res))
	}
	return res, nil
}

// aside is IOSQE_ASYNC: one of the kernel's own threads does it.
const aside = 1 << 4

// Append opens, writes and closes a file without a system call of that kind. By the kernel,
// not even io_uring_enter(2) does it, but one of the kernel's threads. Those make the file too,
// if there is none: io_openat_force_async of the kernel gives them each open that may.
func Append(name, text string, byKernel bool) error {
	r, err := newRing()
	if err != nil {
		return err
	}
	defer r.close()
	path, body := append([]byte(name), 0), []byte(text)
	var pin runtime.Pinner
	pin.Pin(&path[0])
	pin.Pin(&body[0])
	defer pin.Unpin()
	address := func(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }
	flags, mode := uint8(0), uint32(unix.O_WRONLY|unix.O_APPEND)
	if byKernel {
		flags, mode = aside, mode|unix.O_CREAT
	}
	fd, err := r.do(entry{opcode: ringOpenat, flags: flags, fd: unix.AT_FDCWD, addr: address(path), length: 0o600, extra: mode})
	if err != nil {
		return err
	}
	_, err = r.do(entry{opcode: ringWrite, flags: flags, fd: fd, addr: address(body), length: uint32(len(body)), off: ^uint64(0)})
	_, closing := r.do(entry{opcode: ringClose, flags: flags, fd: fd})
	return errors.Join(err, closing)
}
