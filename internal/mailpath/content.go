package mailpath

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"waxseal"
)

// copier is a tree that hands over a file piece by piece.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

// reading is one reading of a file that is no program.
type reading struct {
	sums  waxseal.Sums   // MD5 only where the package database has one
	keyed waxseal.Digest // made with the masker's key, unless that can be made of the text; see keyedOf
	text  string         // where the role is read as text
	// masked is the text without secrets, where whole says that it was masked already.
	masked string
	whole  bool
}

// maxWhole is the largest file of which a tree is asked for all at once: it may
// have it at hand. A larger one goes by, and of a map of a million entries there
// is one copy at a time.
const maxWhole = 4 << 20

// read reads a file that is no program.
func (c *closer) read(state *waxseal.FileState) (reading, error) {
	if r, ok := c.rules[state.Path]; ok && state.Role == waxseal.RoleInclude {
		return r, nil
	}
	if tree, ok := c.tree.(copier); ok && state.Size > maxWhole {
		return c.copied(tree, state)
	}
	raw, err := c.tree.ReadFile(state.Path, maxContent)
	if err != nil {
		return reading{}, err
	}
	return c.reading(state, raw), nil
}

// reading is what is to be known of a content.
func (c *closer) reading(state *waxseal.FileState, raw []byte) reading {
	sum := sha256.Sum256(raw)
	r := reading{sums: waxseal.Sums{SHA256: hex.EncodeToString(sum[:])}}
	if c.needsMD5(state.Path) {
		sum := md5.Sum(raw)
		r.sums.MD5 = hex.EncodeToString(sum[:])
	}
	if state.Role.Text() {
		r.text = string(raw) // few texts hold a secret: the keyed digest is made of it then
	} else {
		r.keyed = c.reader.masker.Digest(raw)
	}
	return r
}

// known is a content as it was read the last time.
type known struct {
	raw  []byte // as the memory of the tree has it
	role waxseal.Role
	reading
}

// readAgain is read, of a content that may be known already: the memory of a tree gives
// the same piece of memory again for a file to which nothing happened.
func (c *closer) readAgain(state *waxseal.FileState) (reading, error) {
	m := c.reader.memos
	if m == nil || c.oneHome != "" || state.Size > maxWhole || c.rules != nil && state.Role == waxseal.RoleInclude {
		return c.read(state)
	}
	raw, err := c.tree.ReadFile(state.Path, maxContent)
	if err != nil {
		return reading{}, err
	}
	was, ok := m.texts[state.Path]
	if ok && onePiece(raw, was.raw) && was.role == state.Role && (was.sums.MD5 != "" || !c.needsMD5(state.Path)) {
		return was.reading, nil
	}
	r := c.reading(state, raw)
	if state.Role.Text() {
		r.masked, r.whole = c.reader.masker.Text(state.Role, r.text), true
	}
	m.texts[state.Path] = known{raw, state.Role, r}
	return r, nil
}

// copied is read of a file that goes by piece by piece.
func (c *closer) copied(tree copier, state *waxseal.FileState) (reading, error) {
	d := digests{sha: sha256.New(), keyed: c.reader.masker.Hash()}
	if c.needsMD5(state.Path) {
		d.md = md5.New()
	}
	if state.Role.Text() {
		d.text = &strings.Builder{}
		d.text.Grow(int(min(state.Size, maxContent)) + 1)
	}
	if err := tree.CopyTo(state.Path, &d, maxContent); err != nil {
		return reading{}, err
	}
	r := d.reading()
	if d.text != nil {
		r.text = d.text.String()
	}
	return r, nil
}

// keyedOf is the digest of a text that was read, made with the masker's key.
func (c *closer) keyedOf(r reading) waxseal.Digest {
	if r.keyed == "" {
		return c.reader.masker.Digest([]byte(r.text))
	}
	return r.keyed
}

// digests is a writer that makes all digests of what goes by, and keeps its text
// where that is wanted.
type digests struct {
	sha, keyed hash.Hash
	md         hash.Hash        // nil where it is not wanted
	text       *strings.Builder // nil where it is not wanted
}

// Write implements io.Writer.
func (d *digests) Write(b []byte) (int, error) {
	d.sha.Write(b)
	d.keyed.Write(b)
	if d.md != nil {
		d.md.Write(b)
	}
	if d.text != nil {
		d.text.Write(b)
	}
	return len(b), nil
}

func (d *digests) reading() reading {
	r := reading{keyed: waxseal.Digest(hex.EncodeToString(d.keyed.Sum(nil)))}
	r.sums.SHA256 = hex.EncodeToString(d.sha.Sum(nil))
	if d.md != nil {
		r.sums.MD5 = hex.EncodeToString(d.md.Sum(nil))
	}
	return r
}
