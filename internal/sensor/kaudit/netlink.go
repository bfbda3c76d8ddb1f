package kaudit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// This file speaks netlink(7) by itself. A general library sizes its buffer by
// peeking at every message, which doubles the system calls on the hottest path,
// hides ENOBUFS among other errors, and trusts nlmsg_len, which on audit's
// records has at times been short by a header (kauditd_send_multicast_skb); here
// one datagram is one record.

// Message types of the audit family (linux/audit.h).
const (
	msgGet       = 1000
	msgSet       = 1001
	msgAddRule   = 1011
	msgDelRule   = 1012
	msgListRules = 1013
)

const (
	headSize      = unix.SizeofNlMsghdr
	maxMessage    = 64 << 10
	answerTimeout = 5 * time.Second
	statusEnabled = 1 // AUDIT_STATUS_ENABLED
	enabledLocked = 2
)

var errTimeout = errors.New("the kernel did not answer")

// control is a socket for questions and orders, one at a time.
type control struct {
	fd  int
	seq uint32
	buf []byte
}

func dialControl() (*control, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(answerTimeout))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &control{fd: fd, buf: make([]byte, maxMessage)}, nil
}

func (c *control) close() error { return unix.Close(c.fd) }

// message encodes one request.
func message(typ, flags uint16, seq uint32, payload []byte) []byte {
	b := make([]byte, headSize, headSize+len(payload))
	binary.NativeEndian.PutUint32(b, uint32(headSize+len(payload)))
	binary.NativeEndian.PutUint16(b[4:], typ)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	return append(b, payload...)
}

// ask sends a request and gives each answer to take, until take says that it was
// the last, the kernel says it is done, or an error comes.
func (c *control) ask(typ, flags uint16, payload []byte, take func(typ uint16, body []byte) (last bool)) error {
	c.seq++
	if err := unix.Sendto(c.fd, message(typ, flags, c.seq, payload), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for deadline := time.Now().Add(answerTimeout); time.Now().Before(deadline); {
		n, err := unix.Read(c.fd, c.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return errTimeout
		case err != nil:
			return err
		case n < headSize || binary.NativeEndian.Uint32(c.buf[8:]) != c.seq:
			continue // the answer to a question that was given up
		}
		last, err := answer(c.buf[:n], take)
		if last || err != nil {
			return err
		}
	}
	return errTimeout
}

// answer reads one datagram of answers.
func answer(b []byte, take func(typ uint16, body []byte) (last bool)) (last bool, err error) {
	typ, body := binary.NativeEndian.Uint16(b[4:]), b[headSize:]
	switch {
	case typ == unix.NLMSG_DONE:
		return true, nil
	case typ == unix.NLMSG_ERROR && len(body) >= 4:
		code := int32(binary.NativeEndian.Uint32(body))
		if code != 0 {
			return true, unix.Errno(-code)
		}
		return take == nil, nil
	case take != nil:
		return take(typ, body), nil
	}
	return false, nil
}

// order sends a request that has no answer but success or an error.
func (c *control) order(typ uint16, payload []byte) error {
	return c.ask(typ, unix.NLM_F_ACK, payload, nil)
}

func (c *control) addRule(r rule) error    { return c.order(msgAddRule, r) }
func (c *control) deleteRule(r rule) error { return c.order(msgDelRule, r) }

func (c *control) rules() ([]rule, error) {
	var rules []rule
	err := c.list(func(body []byte) { rules = append(rules, slices.Clone(rule(body))) })
	return rules, err
}

// list hands on each rule that is loaded, in the kernel's order. The bytes are valid
// during the call.
func (c *control) list(take func(body []byte)) error {
	return c.ask(msgListRules, 0, nil, func(typ uint16, body []byte) bool {
		if typ == msgListRules && len(body) >= ruleHead {
			n := min(int64(len(body)), ruleHead+int64(binary.NativeEndian.Uint32(body[ruleHead-4:])))
			take(body[:n])
		}
		return false
	})
}

// setEnabled sends a struct audit_status in which only the flag counts.
func (c *control) setEnabled(value uint32) error {
	b := make([]byte, 40)
	binary.NativeEndian.PutUint32(b, statusEnabled)
	binary.NativeEndian.PutUint32(b[4:], value)
	return c.order(msgSet, b)
}

// dialReadLog joins the multicast group with a queue of the wanted size. short
// is the size that was got where it is less.
func dialReadLog(size int) (f *os.File, inode uint64, short int, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_AUDIT)
	if err != nil {
		return nil, 0, 0, err
	}
	f = os.NewFile(uintptr(fd), "audit")
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size) // what came of it is read back
		// The kernel doubles the value for its own bookkeeping (socket(7)).
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && got/2 < size {
			short = got / 2
		}
	}
	group := uint32(1) << (unix.AUDIT_NLGRP_READLOG - 1)
	var st unix.Stat_t
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: group})
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	if err != nil {
		return nil, 0, 0, errors.Join(err, f.Close())
	}
	return f, st.Ino, short, nil
}

// explain says in plain words what the kernel's answer to audit means
// (audit_netlink_ok in kernel/audit.c).
func explain(err error) string {
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return "audit belongs to the initial user namespace, and this process runs in another (a container)"
	case errors.Is(err, unix.EPERM):
		return "CAP_AUDIT_CONTROL is missing, or the rules are locked, or this process is not in the initial pid namespace"
	case errors.Is(err, unix.EPROTONOSUPPORT):
		return "this kernel has no audit, or it was started with audit=0"
	default:
		return fmt.Sprint(err)
	}
}

func explainRead(err error) string {
	if errors.Is(err, unix.EPERM) {
		return "CAP_AUDIT_READ is missing"
	}
	return explain(err)
}
