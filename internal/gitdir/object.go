package gitdir

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strconv"
	"strings"

	"waxseal"
)

// pack is one pack with its index.
type pack struct {
	path  waxseal.Path
	index []byte
	data  []byte // read when something in it is asked for
}

var errMissing = errors.New("the object is not there (a partial clone?)")

// object returns kind and content of an object, held against its name.
func (r *Repository) object(id string) (kind string, text []byte, err error) {
	if !isID(id) {
		return "", nil, fmt.Errorf("%q names no object", id)
	}
	kind, text, err = r.loose(id)
	if errors.Is(err, fs.ErrNotExist) {
		kind, text, err = r.packed(id, 0)
	}
	if err == nil && idOf(kind, text) != id {
		err = errors.New("its content is not what its name says")
	}
	return kind, text, err
}

// loose reads an object that is a file of its own.
func (r *Repository) loose(id string) (kind string, text []byte, err error) {
	raw, err := r.tree.ReadFile(waxseal.Path("/.git/objects/"+id[:2]+"/"+id[2:]), maxObject)
	if err != nil {
		return "", nil, err
	}
	plain, err := inflate(bytes.NewReader(raw), maxObject)
	if err != nil {
		return "", nil, err
	}
	header, text, ok := bytes.Cut(plain, []byte{0})
	kind, size, two := strings.Cut(string(header), " ")
	if n, err := strconv.Atoi(size); !ok || !two || err != nil || n != len(text) {
		return "", nil, errors.New("it has no header")
	}
	return kind, text, nil
}

func inflate(r io.Reader, limit int64) ([]byte, error) {
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = waxseal.ErrTooLarge
	}
	return text, err
}

// readPacks reads the indexes of all packs.
func (r *Repository) readPacks() error {
	if r.ready {
		return nil
	}
	r.ready = true
	names, err := r.tree.ReadDir("/.git/objects/pack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		base, ok := strings.CutSuffix(name, ".idx")
		if !ok {
			continue
		}
		index, err := r.tree.ReadFile(waxseal.Path("/.git/objects/pack/"+name), maxPack)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(index) < 8+256*4 || string(index[:8]) != "\xfftOc\x00\x00\x00\x02" {
			return fmt.Errorf("%s: it is no index of version 2", name)
		}
		r.packs = append(r.packs, pack{path: waxseal.Path("/.git/objects/pack/" + base + ".pack"), index: index})
	}
	return nil
}

// packed reads an object out of a pack.
func (r *Repository) packed(id string, depth int) (kind string, text []byte, err error) {
	if err := r.readPacks(); err != nil {
		return "", nil, err
	}
	name, err := hex.DecodeString(id)
	if err != nil {
		return "", nil, err
	}
	for i := range r.packs {
		p := &r.packs[i]
		at, ok := p.find(name)
		if !ok {
			continue
		}
		if p.data == nil {
			if p.data, err = r.tree.ReadFile(p.path, maxPack); err != nil {
				return "", nil, fmt.Errorf("%s: %w", p.path, err)
			}
		}
		return r.inPack(p, at, depth)
	}
	return "", nil, errMissing
}

// find looks an object up in the index: a fan-out table of 256 counts, the sorted names,
// checksums, offsets of 31 bits, and those of 64 (gitformat-pack(5)).
func (p *pack) find(name []byte) (offset int64, ok bool) {
	const head, fan = 8, 256 * 4
	count := func(i int) int { return int(binary.BigEndian.Uint32(p.index[head+4*i:])) }
	n := count(255)
	names := head + fan
	offsets := names + n*sha1.Size + n*4
	if n < 0 || n > 1<<26 || offsets+n*4 > len(p.index) {
		return 0, false
	}
	at := func(i int) []byte { return p.index[names+i*sha1.Size : names+(i+1)*sha1.Size] }
	i := sort.Search(n, func(i int) bool { return bytes.Compare(at(i), name) >= 0 })
	if i == n || !bytes.Equal(at(i), name) {
		return 0, false
	}
	o := binary.BigEndian.Uint32(p.index[offsets+4*i:])
	if o&(1<<31) == 0 {
		return int64(o), true
	}
	large := offsets + n*4 + int(o&^(1<<31))*8
	if large < 0 || large+8 > len(p.index) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(p.index[large:])), true
}

// kinds of objects in a pack.
var kinds = map[byte]string{1: "commit", 2: "tree", 3: "blob", 4: "tag"}

// maxDeltas bounds how many differences are put one upon another.
const maxDeltas = 256

// inPack reads the object at an offset of a pack.
func (r *Repository) inPack(p *pack, offset int64, depth int) (kind string, text []byte, err error) {
	if depth > maxDeltas {
		return "", nil, errors.New("too many differences one upon another")
	}
	if offset < 12 || offset >= int64(len(p.data)) {
		return "", nil, errors.New("its pack is cut off")
	}
	b := p.data[offset:]
	code := b[0] >> 4 & 7
	for b[0]&0x80 != 0 { // the size follows, which inflating tells as well
		if b = b[1:]; len(b) == 0 {
			return "", nil, errors.New("its pack is cut off")
		}
	}
	b = b[1:]
	switch code {
	case 6:
		back, rest, err := offsetOf(b)
		if err != nil {
			return "", nil, err
		}
		kind, text, err = r.inPack(p, offset-back, depth+1)
		return r.patched(kind, text, rest, err)
	case 7:
		if len(b) < sha1.Size {
			return "", nil, errors.New("its pack is cut off")
		}
		kind, text, err = r.packed(hex.EncodeToString(b[:sha1.Size]), depth+1)
		return r.patched(kind, text, b[sha1.Size:], err)
	}
	if kinds[code] == "" {
		return "", nil, fmt.Errorf("it is of an unknown kind (%d)", code)
	}
	text, err = inflate(bytes.NewReader(b), maxObject)
	return kinds[code], text, err
}

// offsetOf reads how far back the base of a difference lies.
func offsetOf(b []byte) (back int64, rest []byte, err error) {
	for i, c := range b {
		if i > 8 {
			break
		}
		if i > 0 {
			back++
		}
		back = back<<7 | int64(c&0x7f)
		if c&0x80 == 0 {
			if back <= 0 {
				break
			}
			return back, b[i+1:], nil
		}
	}
	return 0, nil, errors.New("its base is not in the pack")
}

// patched applies a difference to the base that was read.
func (r *Repository) patched(kind string, base, raw []byte, err error) (string, []byte, error) {
	if err != nil {
		return "", nil, err
	}
	delta, err := inflate(bytes.NewReader(raw), maxObject)
	if err != nil {
		return "", nil, err
	}
	text, err := patch(base, delta)
	return kind, text, err
}

var errDelta = errors.New("a difference of its pack is damaged")

// patch makes a content of its base and a difference: two sizes, then copies and
// insertions.
func patch(base, delta []byte) ([]byte, error) {
	was, delta, ok := varint(delta)
	if !ok || was != len(base) {
		return nil, errDelta
	}
	size, delta, ok := varint(delta)
	if !ok || size > maxObject {
		return nil, errDelta
	}
	var out []byte
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		switch {
		case op == 0:
			return nil, errDelta
		case op&0x80 == 0:
			if int(op) > len(delta) {
				return nil, errDelta
			}
			out, delta = append(out, delta[:op]...), delta[op:]
		default:
			var from, n int
			if from, n, delta, ok = span(op, delta); !ok || from+n > len(base) {
				return nil, errDelta
			}
			out = append(out, base[from:from+n]...)
		}
		if len(out) > size {
			return nil, errDelta
		}
	}
	if len(out) != size {
		return nil, errDelta
	}
	return out, nil
}

// span reads from where and how much a copy takes.
func span(op byte, delta []byte) (from, n int, rest []byte, ok bool) {
	for i := range 7 {
		if op>>i&1 == 0 {
			continue
		}
		if len(delta) == 0 {
			return 0, 0, nil, false
		}
		if i < 4 {
			from |= int(delta[0]) << (8 * i)
		} else {
			n |= int(delta[0]) << (8 * (i - 4))
		}
		delta = delta[1:]
	}
	if n == 0 {
		n = 1 << 16
	}
	return from, n, delta, true
}

func varint(b []byte) (n int, rest []byte, ok bool) {
	for i, c := range b {
		if i > 8 {
			break
		}
		n |= int(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+1:], n >= 0
		}
	}
	return 0, nil, false
}
