// Package readroom reads a tree in a process of its own, which can do nothing else: what
// parses the files of a host that somebody may have written to take the parser over has
// no socket, starts nothing, writes nothing and reaches no sensor.
//
// [Room] is the end of the one who asks, [Serve] the whole life of the one who reads:
// the same program, started anew behind the walls of package sandbox. Requests and
// answers go over one socket. Each is a frame: its length in four bytes, little-endian,
// and a value as codec.go writes it. Secrets are masked by who reads, so that none
// leaves; what is remembered between two readings stays there.
//
// Whoever asks believes no answer further than what it could have read: sizes, lengths,
// references and texts are checked, memory is paid from a budget, and time is bounded.
// A reader that crashes, hangs, is killed or answers nonsense is a gap; another one is
// started, and where that fails the state says that the tree can't be read.
package readroom

import (
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
)

// version is that of what goes over the socket. Both ends are one program; a reader that
// says another is none of ours.
const version = 1

const (
	// maxMessage bounds one frame, and budget the memory that one answer may take when
	// it is read: a server of ten thousand homes stays below a quarter.
	maxMessage = 256 << 20
	budget     = 512 << 20
	// maxNames bounds the homes of an answer's budget; they are read with it.
	keptBuffer = 4 << 20
)

// hello is the first request.
type hello struct {
	Version  int
	Root     string
	Guest    bool           // the root is an open descriptor, and the tree is another's than the host's
	Key      []byte         // to mask secrets with
	Besides  []waxseal.Path // see mailpath.Reader.Besides
	MayWrite bool           // in the directory that TMPDIR names
}

// ready answers it: from here on the reader is shut in.
type ready struct {
	Version int
	Missing []string
}

// verb says what is asked.
type verb uint8

const (
	readTree verb = iota + 1
	readHome
	readAgain
	vouch
	names
)

// request asks for one thing. What is to be known before comes with it.
type request struct {
	Number  uint64
	Verb    verb
	Forget  []waxseal.Path
	Settle  bool   // the home of the last answer is part of the state that homes are read against
	Index   uint64 // the state of this answer is that state from now on; 0 for as it was
	Mounts  []waxseal.Mount
	Over    []object       // contents that lie over the tree
	Touched []waxseal.Path // in one home
	Path    waxseal.Path   // to be vouched for
}

// object is a content over the tree.
type object struct {
	File    waxseal.File
	Content []byte
}

// answer is what was read.
type answer struct {
	Number uint64
	// Denied says that something was not opened for want of rights.
	Denied bool
	CPU    time.Duration // that the process has used
	State  delta
	// Unknown says that more may be different than was forgotten: all is to be read.
	Unknown bool
	Homes   *[]waxseal.Path // where they are others than at the last answer
	Home    *home
	Vouch   waxseal.PackageState
	Digest  waxseal.Digest
	Names   map[uint32]string // of users
}

// home is mailpath.Home.
type home struct {
	Path          waxseal.Path
	Before, After waxseal.State
}

func homeOf(h mailpath.Home) *home { return &home{h.Path, h.Before, h.After} }

// wire is one end of the socket.
type wire struct {
	rw     io.ReadWriter
	out    []byte // kept from message to message
	in     []byte
	raw    rawTexts
	budget int
}

// send writes one message.
func (w *wire) send(v any) error {
	b := appendValue(append(w.out[:0], 0, 0, 0, 0), reflect.ValueOf(v))
	if len(b) > maxMessage {
		return fmt.Errorf("a message of %d bytes: %w", len(b), errBudget)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	w.out = nil
	if cap(b) <= keptBuffer {
		w.out = b
	}
	_, err := w.rw.Write(b)
	return err
}

// receive reads one message. Its memory grows as it comes, not as it says.
func (w *wire) receive(v any) error {
	var head [4]byte
	if _, err := io.ReadFull(w.rw, head[:]); err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n > maxMessage {
		return fmt.Errorf("a message of %d bytes: %w", n, errBudget)
	}
	b := w.in[:0]
	for len(b) < n {
		from := len(b)
		b = append(b, make([]byte, min(n-from, max(64<<10, from)))...)
		if _, err := io.ReadFull(w.rw, b[from:]); err != nil {
			return err
		}
	}
	w.in = nil
	if cap(b) <= keptBuffer {
		w.in = b
	}
	return decode(b, w.budget, w.raw, v)
}
