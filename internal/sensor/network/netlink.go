package network

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// dumpTimeout bounds how long the kernel may take for one answer, maxAnswer how much of
// it is read.
const (
	dumpTimeout = 2 * time.Second
	maxAnswer   = 16 << 20
	maxMessage  = 64 << 10
)

var errTooMuch = errors.New("the kernel's answer is larger than is read here")

// socket is one netlink(7) socket.
type socket struct {
	fd  int
	seq uint32
	buf []byte
}

// dial opens a socket of a family, subscribed to groups.
func dial(family int, groups ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(dumpTimeout))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	for _, g := range groups {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g))
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &socket{fd: fd, buf: make([]byte, maxMessage)}, nil
}

func (s *socket) close() error { return unix.Close(s.fd) }

// ask sends a request and gives the body of each answer to take.
func (s *socket) ask(typ, flags uint16, body []byte, take func(typ uint16, body []byte)) error {
	s.seq++
	b := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(body))
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(body)))
	binary.NativeEndian.PutUint16(b[4:], typ)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(b[8:], s.seq)
	if err := unix.Sendto(s.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for read := 0; read < maxAnswer; {
		n, _, err := unix.Recvfrom(s.fd, s.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		read += n
		last, err := s.answers(s.buf[:n], flags&unix.NLM_F_DUMP != unix.NLM_F_DUMP, take)
		if last || err != nil {
			return err
		}
	}
	return errTooMuch
}

// answers reads the messages of one datagram; one is all where it is no dump.
func (s *socket) answers(b []byte, single bool, take func(typ uint16, body []byte)) (last bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true, unix.EBADMSG
		}
		typ, body := binary.NativeEndian.Uint16(b[4:]), b[unix.SizeofNlMsghdr:n]
		ours := binary.NativeEndian.Uint32(b[8:]) == s.seq
		switch {
		case !ours:
		case typ == unix.NLMSG_DONE:
			return true, nil
		case typ == unix.NLMSG_ERROR && len(body) >= 4:
			if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
				return true, unix.Errno(-code)
			}
			return true, nil
		default:
			take(typ, body)
			if single {
				return true, nil
			}
		}
		b = b[min(align(n), len(b)):]
	}
	return false, nil
}

func align(n int) int { return (n + 3) &^ 3 }

// attributes are the parts of a message by type (struct nlattr); of those that come
// several times, the last.
type attributes map[uint16][]byte

func parse(b []byte) attributes {
	found := attributes{}
	each(b, func(typ uint16, value []byte) { found[typ] = value })
	return found
}

func each(b []byte, take func(typ uint16, value []byte)) {
	for len(b) >= unix.SizeofNlAttr {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofNlAttr || n > len(b) {
			return
		}
		take(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofNlAttr:n])
		b = b[min(align(n), len(b)):]
	}
}

func (a attributes) text(typ uint16) string {
	b := a[typ]
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// number is a value in network byte order, as nf_tables has all of them.
func (a attributes) number(typ uint16) (uint32, bool) {
	if b := a[typ]; len(b) == 4 {
		return binary.BigEndian.Uint32(b), true
	}
	return 0, false
}

// attribute encodes one part.
func attribute(typ uint16, value []byte) []byte {
	b := make([]byte, unix.SizeofNlAttr, align(unix.SizeofNlAttr+len(value)))
	binary.NativeEndian.PutUint16(b, uint16(unix.SizeofNlAttr+len(value)))
	binary.NativeEndian.PutUint16(b[2:], typ)
	b = append(b, value...)
	return b[:cap(b)]
}
