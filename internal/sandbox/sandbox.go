// Package sandbox starts a process that can read one tree and do nothing else, and
// lets that process close the last door behind itself.
//
// The walls, from the outside in: a user of its own without any capability but
// CAP_DAC_READ_SEARCH, no_new_privs, Landlock (landlock(7)) with the tree to read and
// nothing to write, bounds of memory, processor and files (setrlimit(2)), and seccomp(2)
// with a list of the system calls that the Go runtime and the reading of files take.
// Each is had where kernel and rights give it; what is missing is said, never silent.
//
// [Start] is for the process outside, [Confine] for the one inside, [Probe] for whoever
// asks before. It knows nothing of what is read.
package sandbox

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Walls are what a process may reach.
type Walls struct {
	Root   string   // the tree that it may read
	Hidden []string // what it may not read, though it lies in the tree
	// Open says that Root is an open directory of this process ("/proc/self/fd/7"), maybe
	// of another mount namespace: no link in it means here what it means there, and Hidden
	// are paths without any.
	Open bool
	// Only are the parts of the tree that it may read; none for all of it.
	Only []string
	// Scratch is a directory of its own that it may write in, "" for none.
	Scratch string
}

// Process is a process behind walls.
type Process struct {
	cmd     *exec.Cmd
	walls   Walls
	missing []string
	places  map[node]bool
	done    chan struct{}
	err     error // of Wait; valid once done is closed
}

// Start starts a command behind walls. Files that the command is given are open
// already, and go in with it. The process ends with this one.
//
// What a thread gives up its children never had: so a thread of this process walls
// itself in, starts the command, waits for it and ends. All other threads stay as
// they are.
func Start(cmd *exec.Cmd, w Walls) (*Process, error) {
	p := &Process{cmd: cmd, walls: w, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.live(started)
	return p, <-started
}

// live is the life of the thread.
func (p *Process) live(started chan<- error) {
	runtime.LockOSThread()              // and never unlocked: the thread ends with this function
	if unix.Gettid() == unix.Getpid() { // the first thread is what others see of this process
		done := make(chan struct{})
		go func() { defer close(done); p.live(started) }()
		<-done
		runtime.UnlockOSThread()
		return
	}
	defer close(p.done)
	err := p.start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

func (p *Process) start() error {
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL} // of this thread, which waits
	if own, why := user(p.cmd.Path); why != "" {
		p.missing = append(p.missing, why)
	} else {
		p.cmd.SysProcAttr.Credential = own
		p.cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_DAC_READ_SEARCH}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new rights: %w", err)
	}
	places, why, err := restrict(p.walls, p.cmd.Path)
	if err != nil {
		return err
	}
	if why != "" {
		p.missing = append(p.missing, why)
	}
	p.places = places
	if p.cmd.SysProcAttr.Credential != nil {
		if err := dropBounding(); err != nil {
			p.missing = append(p.missing, "the set of capabilities that it could ever have is not bounded: "+err.Error())
		}
	}
	return p.cmd.Start()
}

// PID is its process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Missing says which walls could not be had.
func (p *Process) Missing() []string { return p.missing }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process, and waits until it has.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// How says how the process ended; it is for one that has.
func (p *Process) How() string {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		return fmt.Sprint(p.err)
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return "the kernel ended it for a system call that a reader never makes (SIGSYS)"
	case status.Signaled() && status.Signal() == unix.SIGXCPU:
		return "it used more processor time than it may (SIGXCPU)"
	case status.Signaled():
		return "it was ended by the signal " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("it ended with exit code %d", status.ExitStatus())
}

// Covers reports whether all that the tree has now may be read: a directory that came
// after the start, beside a hidden one, can't be.
func (p *Process) Covers() bool {
	if p.places == nil {
		return true
	}
	for _, at := range p.walls.places() {
		if !p.places[at.node] {
			return false
		}
	}
	return true
}
