// Package control is the door through which people speak to a running agent: a
// unix socket in the state directory.
//
// While an agent runs it is the only writer of the ledger, so commands that
// write (triage of findings, sealing, permits) are asked of it. The kernel says who
// asks (SO_PEERCRED, unix(7)); the directory's mode keeps everyone but the owner
// out. One request and one answer, both one line of JSON, make a connection.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Name is the socket's file name in the state directory.
const Name = "control.sock"

const (
	maxLine = 16 << 20 // an announcement names thousands of files
	// slow bounds how long a peer may take to ask, and a request to be answered.
	slow = 60 * time.Second
)

// Request is what is asked.
type Request struct {
	Verb string `json:"verb"` // "triage", "seal", "permit", "key", "suppression"
	// Body is what is to be recorded.
	Body json.RawMessage `json:"body,omitempty"`
}

// Answer is what comes back. Error is for people; Code tells kinds apart.
type Answer struct {
	Error string          `json:"error,omitempty"`
	Code  string          `json:"code,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// Socket is a listening socket.
type Socket struct {
	listener *net.UnixListener
	path     string
	done     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	waiting map[*net.UnixConn]bool // peers that have not asked yet
}

// Listen opens the socket in the state directory. handle is called for each
// request, with the pid of the process that asks, from many goroutines.
func Listen(ctx context.Context, dir string, handle func(r Request, pid int) Answer) (*Socket, error) {
	path := filepath.Join(dir, Name)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // the state's lock is ours, so nobody listens there
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Socket{listener: l, path: path, waiting: map[*net.UnixConn]bool{}}
	s.done.Go(func() { s.serve(ctx, handle) })
	return s, nil
}

func (s *Socket) serve(ctx context.Context, handle func(Request, int) Answer) {
	for ctx.Err() == nil {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		s.done.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(slow))
			answer := s.ask(conn, handle)
			_ = json.NewEncoder(conn).Encode(answer) // the peer may have gone
		})
	}
}

func (s *Socket) ask(conn *net.UnixConn, handle func(Request, int) Answer) Answer {
	pid, err := peer(conn)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	if !s.wait(conn) {
		return Answer{Error: ErrNobody.Error()}
	}
	defer s.asked(conn)
	line, err := bufio.NewReader(io.LimitReader(conn, maxLine)).ReadBytes('\n')
	if err != nil {
		return Answer{Error: "no request: " + err.Error()}
	}
	s.asked(conn)
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return Answer{Error: "request: " + err.Error()}
	}
	return handle(r, pid)
}

// wait notes a peer that has not asked yet, so that one who never does can't
// keep the agent from ending. It is false when the socket is closing.
func (s *Socket) wait(conn *net.UnixConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.waiting[conn] = true
	}
	return !s.closed
}

func (s *Socket) asked(conn *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, conn)
}

func peer(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid, errors.Join(ctlErr, err)
}

// Close stops listening and waits for answers under way.
func (s *Socket) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.waiting {
		_ = conn.SetReadDeadline(time.Now())
	}
	s.mu.Unlock()
	s.done.Wait()
	return err
}

// ErrNobody: no agent listens in this state directory.
var ErrNobody = errors.New("no agent is running")

// Call asks the agent of a state directory.
func Call(dir string, r Request) (Answer, error) {
	conn, err := net.DialTimeout("unix", filepath.Join(dir, Name), slow)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return Answer{}, ErrNobody
	}
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(slow))
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return Answer{}, fmt.Errorf("ask the agent: %w", err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return Answer{}, fmt.Errorf("the agent did not answer: %w", err)
	}
	var answer Answer
	if err := json.Unmarshal(line, &answer); err != nil {
		return Answer{}, fmt.Errorf("answer of the agent: %w", err)
	}
	return answer, nil
}
