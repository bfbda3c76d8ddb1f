package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// MaxMemory bounds what a process behind walls writes in memory.
	MaxMemory = 1 << 30
	// MaxCPU bounds the processor time, in seconds, of one process behind walls. Who
	// uses one for long starts another before.
	MaxCPU   = 1200
	maxOpen  = 256
	maxWrite = 2 << 30 // of one file, where there is a scratch directory
)

// Confine closes the last door of the calling process, behind the walls in which it was
// started: from here on it has bounds, and only the system calls that reading takes. It
// says what could not be had. mayWrite says that it has a scratch directory, and memory is
// what it may write in memory, MaxMemory at most.
func Confine(mayWrite bool, memory uint64) (missing []string) {
	limit := func(what int, name string, n uint64) {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			missing = append(missing, fmt.Sprintf("the bound of %s is missing: %v", name, err))
		}
	}
	largest := uint64(0)
	if mayWrite {
		largest = maxWrite
	}
	limit(unix.RLIMIT_CORE, "core dumps", 0)
	limit(unix.RLIMIT_FSIZE, "files", largest)
	limit(unix.RLIMIT_DATA, "memory", min(memory, MaxMemory))
	limit(unix.RLIMIT_NOFILE, "open files", maxOpen)
	limit(unix.RLIMIT_CPU, "processor time", MaxCPU)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil { // nobody of its user looks into it
		missing = append(missing, "it can be looked into: "+err.Error())
	}
	if err := allowOnly(filter(mayWrite)); err != nil {
		missing = append(missing, "system calls are not bounded (seccomp): "+err.Error())
	}
	return missing
}

// self is the program of this process, whatever has become of its name.
const self = "/proc/self/exe"

// Health says which walls can be had here.
type Health struct {
	Detail  string
	Missing []string
}

// Probe asks for each wall without building one.
func Probe() Health {
	var h Health
	if _, why := user(self); why != "" {
		h.Missing = append(h.Missing, why)
	} else {
		h.Detail = fmt.Sprintf("user %d with CAP_DAC_READ_SEARCH alone, ", UID)
	}
	if abi := landlockABI(); abi == 0 {
		h.Missing = append(h.Missing, noLandlock)
	} else {
		h.Detail += fmt.Sprintf("Landlock (ABI %d), ", abi)
	}
	if why := noSeccomp(); why != "" {
		h.Missing = append(h.Missing, why)
	} else {
		h.Detail += "seccomp, "
	}
	h.Detail += fmt.Sprintf("%d MiB of memory", MaxMemory>>20)
	return h
}
