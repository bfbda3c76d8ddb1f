// Package bpf hears from the kernel of every process: when it is forked, which
// program it starts with which arguments, and when it ends.
//
// Three small programs on the scheduler's tracepoints (tp_btf, Linux 5.8 and
// later with BTF) write records into a ring buffer. A record is there before the
// process runs its first instruction, so a writer that lives for a millisecond
// is known as surely as a daemon, and the kernel itself says who it is, who
// forked it and when it started. A record wakes the reader only where it makes the ring an
// eighth full: else they wait until Drain asks for what is there now, which is a look into
// memory.
//
// The programs are held by descriptors only: nothing is pinned, so however the
// agent ends, they end with it. They change nothing, block nothing, and need
// neither fentry nor kprobes nor LSM. program/process.c is compiled by go generate,
// on any machine that has clang, and committed as process.o.
//
// What it does not do: it says nothing about files, sees no thread, and can't be
// had in a pid namespace of its own, since the kernel's numbers are those of the
// first one.
package bpf

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"waxseal"
)

//go:generate sh program/build.sh program process.o

// Name is the sensor's name in observations.
const Name waxseal.SensorName = "bpf"

//go:embed process.o
var object []byte

// Sensor is three running programs and their ring. Drain may be called from any
// goroutine; Run only once.
type Sensor struct {
	programs *ebpf.Collection
	links    []link.Link
	boot     time.Time // when the clock of the records was zero

	mu   sync.Mutex // guards what follows, and the order in which records are emitted
	ring *ring
	read time.Time // the last time that the ring was empty
	lost uint64    // as told
	emit func([]waxseal.ProcessEvent)
	gap  func(waxseal.Gap)
}

// Open loads the programs and lets them run. The error says in plain words why
// this kernel, or these rights, don't allow it.
func Open() (*Sensor, error) {
	if err := possible(); err != nil {
		return nil, err
	}
	s := &Sensor{boot: bootTime(), read: time.Now()}
	if err := s.open(); err != nil {
		return nil, errors.Join(errors.New(explain(err)), s.Close())
	}
	return s, nil
}

func (s *Sensor) open() error {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return err
	}
	if s.programs, err = load(spec); err != nil {
		return err
	}
	events := s.programs.Maps["events"]
	if s.ring, err = openRing(events.FD(), int(events.MaxEntries())); err != nil {
		return err
	}
	for _, p := range s.programs.Programs {
		l, err := link.AttachTracing(link.TracingOptions{Program: p, AttachType: ebpf.AttachTraceRawTp})
		if err != nil {
			return err
		}
		s.links = append(s.links, l)
	}
	return nil
}

// load tries once more with room for locked memory, which kernels before 5.11
// count maps as.
func load(spec *ebpf.CollectionSpec) (*ebpf.Collection, error) {
	c, err := ebpf.NewCollection(spec)
	if !errors.Is(err, unix.EPERM) {
		return c, err
	}
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited) != nil {
		return nil, err
	}
	return ebpf.NewCollection(spec)
}

// Run reads records whenever the ring fills up, until the context ends, and returns nil
// then; else they wait for Drain. emit gets them in the order in which the kernel wrote
// them, gap how many did not fit into the ring. Both are also called from Drain, never at
// the same time.
func (s *Sensor) Run(ctx context.Context, emit func([]waxseal.ProcessEvent), gap func(waxseal.Gap)) error {
	s.mu.Lock()
	s.emit, s.gap = emit, gap
	s.mu.Unlock()
	fills, err := s.fills()
	if err != nil {
		return fmt.Errorf("wait for process records: %w", err)
	}
	defer fills.Close()
	raw, err := fills.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for process records: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = fills.SetReadDeadline(time.Unix(1, 0)) }) // wakes the read below
	defer stop()
	var fault error
	err = raw.Read(func(uintptr) bool {
		fault = s.Drain()
		return fault != nil // false waits until the ring fills again
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return errors.Join(fault, err)
}

// fills is a descriptor of the ring on which can be waited.
func (s *Sensor) fills() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(s.programs.Maps["events"].FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "process records"), nil
}

// maxBatch bounds how many records are handed on at once.
const maxBatch = 1024

// Drain hands on every record that the kernel has written by now: what has
// happened before the call is emitted when it returns.
func (s *Sensor) Drain() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.emit == nil || s.ring == nil {
		return nil
	}
	now := time.Now()
	if !s.ring.empty() {
		if err := s.readAll(); err != nil {
			s.emit = nil // it is told once
			return err
		}
		s.tellLost(now) // what was lost found a full ring
	}
	s.read = now
	return nil
}

// readAll empties the ring; the lock is held.
func (s *Sensor) readAll() error {
	var batch []waxseal.ProcessEvent
	broken := 0
	err := s.ring.each(func(record []byte) {
		if e, ok := decode(record, s.boot); ok {
			batch = append(batch, e)
		} else {
			broken++
		}
		if len(batch) == maxBatch {
			s.emit(batch)
			batch = nil
		}
	})
	if len(batch) > 0 {
		s.emit(batch)
	}
	if broken > 0 {
		s.gap(waxseal.Gap{Sensor: Name, From: s.read, Until: time.Now(), Lost: int64(broken), Reason: "process records could not be understood"})
	}
	return err
}

// tellLost makes a gap of records that did not fit; the lock is held.
func (s *Sensor) tellLost(now time.Time) {
	var lost uint64
	if s.programs.Variables["lost"].Get(&lost) != nil || lost == s.lost {
		return
	}
	s.gap(waxseal.Gap{Sensor: Name, From: s.read, Until: now, Lost: int64(lost - s.lost),
		Reason: "processes started and ended faster than their records were read: which program made a change of this time may stay unknown"})
	s.lost = lost
}

// Close takes the programs away. It may be called twice.
func (s *Sensor) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	s.links = nil
	if s.ring != nil {
		errs = append(errs, s.ring.close())
		s.ring = nil
	}
	if s.programs != nil {
		s.programs.Close()
	}
	return errors.Join(errs...)
}

// Status is what Probe found out.
type Status struct {
	Usable   bool
	Problems []string
}

// Probe loads the programs, without letting them run, and takes them away again.
func Probe() Status {
	err := possible()
	if err == nil {
		s := &Sensor{}
		if err = s.open(); err != nil {
			err = errors.New(explain(err))
		}
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		return Status{Problems: []string{err.Error()}}
	}
	return Status{Usable: true}
}

// firstPIDs is the inode of the first pid namespace (PROC_PID_INIT_INO in
// linux/proc_ns.h).
const firstPIDs = 0xEFFFFFFC

// possible says what is missing before anything is tried.
func possible() error {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &st); err == nil && st.Ino != firstPIDs {
		return errors.New("this is a container with process numbers of its own: the kernel's records have those of the host")
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); errors.Is(err, os.ErrNotExist) {
		return errors.New("this kernel brings no description of its types (CONFIG_DEBUG_INFO_BTF), or /sys is not mounted")
	}
	return nil
}

func explain(err error) string {
	var refused *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES) && !errors.As(err, &refused):
		return "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, are missing, or the kernel is locked down"
	case errors.As(err, &refused):
		return "this kernel refuses the programs: " + firstLine(refused.Error())
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return "this kernel lacks what is needed (Linux 5.8 and later have it): " + firstLine(err.Error())
	}
	return firstLine(err.Error())
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
