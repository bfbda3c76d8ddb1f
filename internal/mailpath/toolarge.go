package mailpath

import (
	"fmt"

	"waxseal"
)

// Whoever may write a file that his rules lead to may make it as large as he likes, and
// with holes in it that costs him nothing. Reading it would take minutes, in which nobody
// reads anything else.
const (
	// maxDigested bounds a file that is read for its digest.
	maxDigested = 512 << 20
	// maxRoot bounds what is read in one reading of all files that are the superuser's,
	// maxOwner of those of anybody else, and maxOthers of theirs together: nobody uses up
	// what others' files need. Beyond it small ones are read.
	maxRoot, maxOwner, maxOthers = 2 << 30, 512 << 20, 2 << 30
	small                        = 1 << 20
)

// spent is what was read in one reading, in bytes.
type spent struct {
	root, others int64
	of           map[uint32]int64 // others, by uid
}

// tooLarge reports whether a file is too large to be read, or too large for what is left
// of this reading.
func (s *spent) tooLarge(f waxseal.File) bool {
	left := maxRoot - s.root
	if f.UID != 0 {
		left = min(maxOwner-s.of[f.UID], maxOthers-s.others)
	}
	if f.Size > maxDigested || f.Size > small && f.Size > left {
		return true
	}
	if f.UID == 0 {
		s.root += f.Size
		return false
	}
	if s.of == nil {
		s.of = map[uint32]int64{}
	}
	s.others, s.of[f.UID] = s.others+f.Size, s.of[f.UID]+f.Size
	return false
}

// unread gives a file that is not read a digest of what every write to it changes, even
// one after which its times are set back: that it changed is seen, and not what.
func (c *closer) unread(p *waxseal.Part, state *waxseal.FileState) {
	delete(c.reader.programs, p.Path) // what it needed when it was smaller
	f := state.File
	stand := fmt.Sprintf("unread %d %d %d %d %d", f.Device, f.Inode, f.Size, f.ModTime.UnixNano(), f.ChangeTime.UnixNano())
	state.Digest, state.Keyed = c.reader.masker.Digest([]byte(stand)), true
	p.Digest, p.Keyed = state.Digest, true
	c.complain(waxseal.Problem{Path: p.Path, Message: fmt.Sprintf("%d bytes are too many to be read: a change of it is seen by its times and size only", f.Size)})
}
