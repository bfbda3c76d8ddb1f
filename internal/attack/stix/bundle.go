package stix

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxObject bounds one object. The largest of ATT&CK, the list of all objects of a
// release, has three megabytes.
const MaxObject = 32 << 20

// Bundle is what a bundle says of itself.
type Bundle struct {
	ID      string // "" for an object that came without a bundle
	Spec    string // "2.0" or "2.1", "" where nothing said it
	Objects int    // how many were handed on
	Skipped []Skip
}

// Read reads a bundle, or one object that stands by itself, and hands each object
// on in the order of the source. Its Raw is good until emit returns. An error of emit ends the reading and is returned
// as it is. Where Read returns an error, what was handed on must be given up: an
// envelope may show at its end that it is none.
func Read(r io.Reader, emit func(Object) error) (Bundle, error) {
	s := &scanner{in: bufio.NewReaderSize(r, 256<<10), emit: emit}
	if err := s.document(); err != nil {
		return s.bundle, err
	}
	return s.bundle, nil
}

// scanner cuts a source into its objects without unfolding any of them.
type scanner struct {
	in     *bufio.Reader
	at     int64 // offset of the next byte
	emit   func(Object) error
	bundle Bundle
	list   bool // an array "objects" was there
	kind   Value
	raw    []byte // the value under way
}

func (s *scanner) wrong(format string, args ...any) error {
	return &SyntaxError{Offset: s.at, Msg: fmt.Sprintf(format, args...)}
}

// document: an object, and nothing behind it.
func (s *scanner) document() error {
	if mark, _ := s.in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = s.in.Discard(3) // they were peeked
		s.at += 3
	}
	c, err := s.next()
	switch {
	case errors.Is(err, io.EOF):
		return s.wrong("is empty, and no STIX")
	case err != nil:
		return err
	case c != '{':
		return s.wrong("is no STIX: begins with %q, not with an object", c)
	}
	start := s.at - 1
	alone, err := s.envelope()
	if err != nil {
		return err
	}
	if c, err := s.next(); err == nil {
		return s.wrong("something follows the end of the bundle: %q", c)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return s.settle(alone, start)
}

// settle decides what was read, when all of it was.
func (s *scanner) settle(alone []byte, start int64) error {
	if s.kind.Text() == "bundle" {
		return nil // one without objects is a bundle too (STIX 2.1 §8)
	}
	switch {
	case s.list && s.kind.Kind != StringKind:
		return &SyntaxError{Msg: "is no STIX bundle: it has no type"}
	case s.list:
		return &SyntaxError{Msg: fmt.Sprintf("is no STIX bundle: its type is %q", s.kind.Text())}
	}
	o, err := Parse(alone)
	var skip *Skip
	if errors.As(err, &skip) {
		return &SyntaxError{Offset: start, Msg: "is no STIX: neither a bundle nor an object: it " + skip.Reason}
	}
	if err != nil {
		return err
	}
	s.bundle = Bundle{Spec: o.Value.Get("spec_version").Text(), Objects: 1}
	return s.emit(o)
}

// envelope reads the members of the outermost object, whose brace is behind us.
// alone are its bytes where it has no list of objects, and may be one itself.
func (s *scanner) envelope() (alone []byte, err error) {
	alone = []byte{'{'}
	for first := true; ; first = false {
		c, err := s.nextInto(&alone)
		if err != nil {
			return nil, s.cut(err)
		}
		if c == '}' && first {
			return alone, nil
		}
		if !first {
			switch c {
			case '}':
				return alone, nil
			case ',':
			default:
				return nil, s.wrong("want a comma or the end of the bundle, found %q", c)
			}
			if c, err = s.nextInto(&alone); err != nil {
				return nil, s.cut(err)
			}
		}
		if err := s.member(c, &alone); err != nil {
			return nil, err
		}
		if len(alone) > MaxObject {
			return nil, s.wrong("is no STIX bundle: %d MiB and no objects", MaxObject>>20)
		}
	}
}

// member reads one member of the envelope; c is its first character.
func (s *scanner) member(c byte, alone *[]byte) error {
	if c != '"' {
		return s.wrong("want the name of a member, found %q", c)
	}
	name, err := s.small(c)
	if err != nil {
		return err
	}
	*alone = append((*alone)[:len(*alone)-1], s.raw...)
	if c, err = s.nextInto(alone); err != nil {
		return s.cut(err)
	}
	if c != ':' {
		return s.wrong("want a colon after %q", name.Text())
	}
	if c, err = s.nextInto(alone); err != nil {
		return s.cut(err)
	}
	if name.Text() == "objects" && c == '[' {
		if s.list {
			return s.wrong("has the member \"objects\" twice")
		}
		s.list = true
		return s.objects()
	}
	v, err := s.small(c)
	if err != nil {
		return err
	}
	if !s.list {
		*alone = append((*alone)[:len(*alone)-1], s.raw...)
	}
	s.note(name.Text(), v)
	return nil
}

func (s *scanner) note(name string, v Value) {
	switch name {
	case "type":
		s.kind = v
	case "id":
		s.bundle.ID = v.Text()
	case "spec_version":
		s.bundle.Spec = v.Text()
	}
}

// objects reads the elements of the list, whose bracket is behind us.
func (s *scanner) objects() error {
	for first := true; ; first = false {
		c, err := s.next()
		if err != nil {
			return s.cut(err)
		}
		if c == ']' {
			return nil
		}
		if !first {
			if c != ',' {
				return s.wrong("want a comma or the end of the objects, found %q", c)
			}
			if c, err = s.next(); err != nil {
				return s.cut(err)
			}
		}
		if err := s.object(c); err != nil {
			return err
		}
	}
}

// object reads one element and hands it on.
func (s *scanner) object(c byte) error {
	start := s.at - 1
	if err := s.value(c); err != nil {
		return err
	}
	if len(s.raw) > MaxObject {
		s.bundle.Skipped = append(s.bundle.Skipped, Skip{Offset: start, Reason: fmt.Sprintf("is larger than %d MiB", MaxObject>>20)})
		return nil
	}
	o, err := Parse(s.raw)
	var skip *Skip
	var syntax *SyntaxError
	switch {
	case errors.As(err, &skip):
		skip.Offset = start
		s.bundle.Skipped = append(s.bundle.Skipped, *skip)
		return nil
	case errors.As(err, &syntax):
		return &SyntaxError{Offset: start + syntax.Offset, Msg: syntax.Msg}
	case err != nil:
		return err
	}
	s.bundle.Objects++
	if s.bundle.Spec == "" {
		s.bundle.Spec = o.Value.Get("spec_version").Text() // 2.1 says it in each object
	}
	return s.emit(o)
}

// small reads a value of the envelope.
func (s *scanner) small(c byte) (Value, error) {
	start := s.at - 1
	if err := s.value(c); err != nil {
		return Value{}, err
	}
	if len(s.raw) > MaxObject {
		return Value{}, &SyntaxError{Offset: start, Msg: fmt.Sprintf("a member of the bundle is larger than %d MiB", MaxObject>>20)}
	}
	v, err := ParseJSON(s.raw)
	var syntax *SyntaxError
	var skip *Skip
	switch {
	case errors.As(err, &syntax):
		return v, &SyntaxError{Offset: start + syntax.Offset, Msg: syntax.Msg}
	case errors.As(err, &skip):
		return v, &SyntaxError{Offset: start, Msg: "a member of the bundle " + skip.Reason}
	}
	return v, err
}

// value copies one value from its first character to its last into raw. Of one that
// is too large it keeps just so much that this can be told.
func (s *scanner) value(c byte) error {
	s.raw = append(s.raw[:0], c)
	if c != '{' && c != '[' && c != '"' {
		return s.scalar()
	}
	within := nesting{quoted: c == '"'}
	if !within.quoted {
		within.depth = 1
	}
	for {
		if _, err := s.in.Peek(1); err != nil {
			return s.cut(err)
		}
		piece, _ := s.in.Peek(s.in.Buffered())
		n, ended := within.walk(piece)
		s.keep(piece[:n])
		s.at += int64(n)
		_, _ = s.in.Discard(n) // they were peeked
		if ended {
			return nil
		}
	}
}

func (s *scanner) keep(piece []byte) {
	s.raw = append(s.raw, piece[:min(len(piece), max(0, MaxObject+1-len(s.raw)))]...)
}

// nesting is where in a value the scanner is.
type nesting struct {
	depth           int
	quoted, escaped bool
}

// walk goes on through a piece, and says how much of it belongs to the value, and
// whether the value ends there.
func (n *nesting) walk(piece []byte) (used int, ended bool) {
	for i := 0; i < len(piece); i++ {
		switch c := piece[i]; {
		case n.escaped:
			n.escaped = false
		case n.quoted && c == '\\':
			n.escaped = true
		case n.quoted && c == '"':
			n.quoted = false
			if n.depth == 0 {
				return i + 1, true
			}
		case n.quoted:
		case c == '"':
			n.quoted = true
		case c == '{' || c == '[':
			n.depth++
		case c == '}' || c == ']':
			if n.depth--; n.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(piece), false
}

// scalar copies a number or word: all up to what ends it.
func (s *scanner) scalar() error {
	for {
		c, err := s.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if isSpace(c) || c == ',' || c == '}' || c == ']' {
			return s.in.UnreadByte()
		}
		s.at++
		if len(s.raw) <= MaxObject {
			s.raw = append(s.raw, c)
		}
	}
}

// next is the next character that is no white space.
func (s *scanner) next() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return 0, err
		}
		s.at++
		if !isSpace(c) {
			return c, nil
		}
	}
}

// nextInto is next, and keeps what it passes while there is no list of objects.
func (s *scanner) nextInto(alone *[]byte) (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return 0, err
		}
		s.at++
		if !s.list && len(*alone) <= MaxObject {
			*alone = append(*alone, c)
		}
		if !isSpace(c) {
			return c, nil
		}
	}
}

// cut says of an end in the middle that it is one.
func (s *scanner) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.wrong("ends in the middle of the bundle")
	}
	return err
}
