package loader

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"waxseal"
)

// Summer is a writer that makes digests of what goes by, and keeps nothing of it. Each
// is nil where it is not wanted.
type Summer struct{ sha, md hash.Hash }

// NewSummer returns a Summer to which nothing has been written.
func NewSummer(want Digests) *Summer {
	s := &Summer{}
	if want&SHA256 != 0 {
		s.sha = sha256.New()
	}
	if want&MD5 != 0 {
		s.md = md5.New()
	}
	return s
}

// Write implements io.Writer.
func (s *Summer) Write(b []byte) (int, error) {
	if s.sha != nil {
		s.sha.Write(b)
	}
	if s.md != nil {
		s.md.Write(b)
	}
	return len(b), nil
}

// Sums are the digests of what went by.
func (s *Summer) Sums() waxseal.Sums {
	var sums waxseal.Sums
	if s.sha != nil {
		sums.SHA256 = hex.EncodeToString(s.sha.Sum(nil))
	}
	if s.md != nil {
		sums.MD5 = hex.EncodeToString(s.md.Sum(nil))
	}
	return sums
}
