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
	// maxRead bounds what is read of all files in one reading; beyond it only small ones are.
	maxRead = 2 << 30
	small   = 1 << 20
)

// tooLarge reports whether a file is too large to be read, or too large for what is left
// of this reading.
func (c *closer) tooLarge(size int64) bool {
	if size > maxDigested || size > small && c.spent+size > maxRead {
		return true
	}
	c.spent += size
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
