package loader

import (
	"errors"

	"waxseal"
)

// Image is what one reading of a program tells.
type Image struct {
	Sums waxseal.Sums
	// ELF is nil for what is no ELF file; Damaged says that it could not be read to
	// the end.
	ELF     *Program
	Damaged bool
	// Text is the content of what is no ELF file, nil where it is too large.
	Text []byte
}

// Digests says which digests of a content are wanted.
type Digests int

// MD5 is for package databases that have no better one. It takes twice as long as
// SHA-256 where the processor helps with that.
const (
	SHA256 Digests = 1 << iota
	MD5
	SHA256AndMD5 = SHA256 | MD5
)

// In reports whether sums have all that is wanted.
func (d Digests) In(s waxseal.Sums) bool {
	return (d&SHA256 == 0 || s.SHA256 != "") && (d&MD5 == 0 || s.MD5 != "")
}

// ImageOf describes a program whose content is at hand.
func ImageOf(content []byte, want Digests) Image {
	p := NewProbe(want)
	_, _ = p.Write(content) // it does not fail
	return p.Image(func() []byte { return content })
}

// maxHead is how much of the beginning of an ELF file is kept at most: names of
// libraries lie there, behind the symbols.
const maxHead = 1 << 20

// Probe is a writer that makes an Image of what goes by, and keeps of an ELF file
// only what it needs.
type Probe struct {
	sums      *Summer
	at        uint64
	head      []byte
	most      int // of it
	isELF     bool
	passing   bool // what is no ELF file is not kept
	asked     bool
	dynamicAt uint64
	wanted    uint64
	dynamic   []byte
	whole     []byte
}

// NewProbe returns a Probe to which nothing has been written.
func NewProbe(want Digests) *Probe {
	return &Probe{sums: NewSummer(want)}
}

// NewPassing returns a Probe that gives no text of what is no ELF file.
func NewPassing(want Digests) *Probe {
	return &Probe{sums: NewSummer(want), passing: true}
}

// Write implements io.Writer.
func (p *Probe) Write(b []byte) (int, error) {
	_, _ = p.sums.Write(b) // it does not fail
	if p.at == 0 {
		p.isELF = IsELF(b)
	}
	switch {
	case p.isELF:
		p.keep(b)
	case !p.passing:
		p.whole = append(p.whole, b...)
	}
	p.at += uint64(len(b))
	return len(b), nil
}

// keep keeps the beginning and the dynamic section.
func (p *Probe) keep(b []byte) {
	if !p.asked {
		p.asked = true // the headers are in the first write: they lie at the beginning
		var first uint64
		p.dynamicAt, p.wanted, first = Places(b)
		p.most = maxHead
		if first > 0 {
			p.most = int(min(first, maxHead))
			p.head = make([]byte, 0, p.most) // of many that are read at once
		}
	}
	if room := p.most - len(p.head); room > 0 {
		p.head = append(p.head, b[:min(room, len(b))]...)
	}
	from := max(p.dynamicAt, p.at)
	if end := p.dynamicAt + p.wanted; from < end && from < p.at+uint64(len(b)) {
		p.dynamic = append(p.dynamic, b[from-p.at:min(end-p.at, uint64(len(b)))]...)
	}
}

// Image tells what went by. Whole reads the file once more, where the names of
// its libraries lie somewhere unusual.
func (p *Probe) Image(whole func() []byte) Image {
	im := Image{Sums: p.sums.Sums()}
	if !p.isELF {
		im.Text = p.whole
		return im
	}
	program, err := ParseSpans(p.at, []Span{{0, p.head}, {p.dynamicAt, p.dynamic}})
	if errors.Is(err, ErrMissed) {
		program, err = Parse(whole())
	}
	if errors.Is(err, ErrNotELF) { // it only begins as one
		return im
	}
	im.ELF, im.Damaged = &program, err != nil
	return im
}
