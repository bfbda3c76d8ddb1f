package readroom

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/sandbox"
)

// reader is one process that reads.
type reader struct {
	process *sandbox.Process
	socket  *os.File
	wire    wire
	page    []byte
	dir     *os.File // the root of a guest's tree, nil for the host's
	last    *lastWords
	missing []string
	cpu     time.Duration
	begun   *request    // asked ahead, and the answer to it is to be received
	asked   time.Time   // when it was last asked
	busy    atomic.Bool // somebody waits for its answer
	ended   atomic.Bool // on purpose, or told of already
}

const (
	// startPatience bounds the start of a process, on a host that is very busy.
	startPatience = time.Minute
	exe           = "/proc/self/exe" // this very program, whatever its name stands for by now
)

// newReader starts a process and has it shut itself in.
func newReader(o Options) (*reader, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "reader")
	r := &reader{socket: os.NewFile(uintptr(ends[0]), "reader"), last: &lastWords{}}
	r.wire = wire{rw: r.socket, raw: cleanText, budget: o.budget()}
	memory, page, err := newPage()
	if err != nil {
		theirs.Close()
		r.socket.Close()
		return nil, err
	}
	r.page = page
	err = r.launch(&o, theirs, memory)
	_, _ = theirs.Close(), memory.Close() // else the end of a process that ends at once would not be seen
	if err != nil {
		r.free()
		return nil, fmt.Errorf("start a reader: %w", err)
	}
	if err := r.greet(o); err != nil {
		err = errors.New(r.lost(err))
		r.end()
		return nil, fmt.Errorf("start a reader: %w", err)
	}
	return r, nil
}

// launch starts the process. The options say in the end which tree it has.
func (r *reader) launch(o *Options, socket, page *os.File) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	program := exe
	if o.Program != "" {
		program = o.Program
	}
	cmd := exec.Command(program, cmp.Or(o.verb, Verb))
	cmd.Args[0] = "waxseal"
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = null, null, r.last, []*os.File{socket, page}
	if o.guest != nil {
		if err := r.enter(o); err != nil {
			return err
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, r.dir)
		cmd.Env = []string{"GOMAXPROCS=2"} // there may be several
	}
	cmd.Env = append(cmd.Env, "GOTRACEBACK=none", "TMPDIR="+o.Scratch)
	cmd.WaitDelay = time.Second
	r.process, err = sandbox.Start(cmd, sandbox.Walls{Root: o.Root, Hidden: o.Hidden, Open: r.dir != nil, Only: o.only, Scratch: o.Scratch})
	return err
}

// greet tells the process what it is to read, and hears which walls it has not.
func (r *reader) greet(o Options) error {
	r.asked = time.Now()
	if err := r.socket.SetDeadline(r.asked.Add(startPatience)); err != nil {
		return err
	}
	if err := r.wire.send(hello{version, o.Root, r.dir != nil, o.Key, o.Besides, o.Scratch != ""}); err != nil {
		return err
	}
	var a ready
	if err := r.wire.receive(&a); err != nil {
		return err
	}
	if a.Version != version {
		return fmt.Errorf("it speaks version %d, and not %d", a.Version, version)
	}
	r.missing = a.Missing
	return nil
}

var errAnswer = errors.New("it answered what was not asked")

// exchange receives the answer to a question that was posed.
func (r *reader) exchange(q request, patience time.Duration) (a answer, err error) {
	if err = r.hear(&a, patience); err == nil && a.Number != q.Number {
		err = errAnswer
	}
	return a, err
}

// talk sends a question and receives the answer to it.
func (r *reader) talk(question, answer any, patience time.Duration) error {
	if err := r.pose(question, patience); err != nil {
		return err
	}
	return r.hear(answer, patience)
}

// pose sends a question. Until the answer is heard, whoever hears it is told of the end of
// the process.
func (r *reader) pose(question any, patience time.Duration) error {
	r.busy.Store(true)
	r.asked = time.Now()
	err := r.socket.SetDeadline(r.asked.Add(patience))
	if err == nil {
		err = r.wire.send(question)
	}
	if err != nil {
		r.busy.Store(false)
	}
	return err
}

// hear receives the answer to what was asked last.
func (r *reader) hear(answer any, patience time.Duration) error {
	defer r.busy.Store(false)
	if err := r.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return r.wire.receive(answer)
}

// watch waits for a process that ends while nobody asks it. What says what it reads.
func (r *reader) watch(what string, lost func(waxseal.Gap)) {
	<-r.process.Done()
	if lost == nil || r.busy.Load() || r.ended.Swap(true) {
		return
	}
	now := time.Now()
	lost(waxseal.Gap{Sensor: Sensor, From: now, Until: now, Reason: "the process that reads " + what + " was lost, and another is started: " + r.process.How() + r.last.said()})
}

// lost says why there was no answer. It ends the process.
func (r *reader) lost(err error) string {
	r.ended.Store(true)
	_ = r.socket.Close()
	slow := errors.Is(err, os.ErrDeadlineExceeded)
	gone := errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF)
	if gone {
		select { // how it ended is known in a moment
		case <-r.process.Done():
		case <-time.After(time.Second):
		}
	}
	r.process.Kill()
	switch {
	case slow:
		return fmt.Sprintf("it gave no answer for %s", time.Since(r.asked).Round(time.Second))
	case gone:
		return r.process.How() + r.last.said()
	}
	return err.Error()
}

// isGone reports whether the process has ended.
func (r *reader) isGone() bool {
	select {
	case <-r.process.Done():
		return true
	default:
		return false
	}
}

// end ends the process and lets go of what it had. A second time does nothing.
func (r *reader) end() {
	r.ended.Store(true)
	_ = r.socket.Close()
	r.process.Kill()
	r.free()
}

func (r *reader) free() {
	_ = r.socket.Close()
	if r.dir != nil {
		_ = r.dir.Close() // nothing was written
	}
	if r.page != nil {
		_ = unix.Munmap(r.page)
		r.page = nil
	}
}

// lastWords keeps the beginning of what a process says before it ends.
type lastWords struct {
	text atomic.Pointer[string]
	line []byte // so far
	over bool   // it is whole
}

const maxWords = 200

// Write implements io.Writer.
func (l *lastWords) Write(b []byte) (int, error) {
	n := len(b)
	if !l.over { // it comes in pieces
		b, _, l.over = bytes.Cut(b, []byte("\n"))
		l.line = append(l.line, b...)
		l.line = l.line[:min(len(l.line), maxWords)]
		text := string(l.line)
		l.text.Store(&text)
	}
	return n, nil
}

// said is what the Go runtime says of a crash, and nothing else: what lies in the
// memory of a process is no matter for a record.
func (l *lastWords) said() string {
	text := l.text.Load()
	if text == nil || !strings.HasPrefix(*text, "panic: runtime error: ") && !strings.HasPrefix(*text, "fatal error: ") && !strings.HasPrefix(*text, "runtime: ") {
		return ""
	}
	return fmt.Sprintf(" (%.*q)", maxWords, *text)
}
