package mapfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const lmdbMagic = 0xBEEFC0DE

// Flags of a page and of an item (mdb.c: P_BRANCH, F_BIGDATA and so on).
const (
	lmdbBranch   = 0x01
	lmdbLeaf     = 0x02
	lmdbOverflow = 0x04
	lmdbLeaf2    = 0x20
	lmdbSubPage  = 0x40

	lmdbBig     = 0x01
	lmdbSubData = 0x02
	lmdbDups    = 0x04
)

// Flags of a database (lmdb.h: MDB_REVERSEKEY and so on): keys in an order of
// their own, and values in lists.
const (
	lmdbOwnOrder = 0x02 | 0x08
	lmdbDupSort  = 0x04
)

// lmdb is one LMDB data file. It is written in the byte order of its machine,
// and in its word size: page numbers and sizes have 8 bytes or 4.
type lmdb struct {
	*file
	order    binary.ByteOrder
	word     int
	header   int // where a page's index starts
	pageSize int64
	pages    uint64
	ordered  bool // keys are in the usual order
	seen     marks
	previous []byte
	any      bool // a key has been seen
	value    []byte
}

// lmdbMeta is what one of the two first pages says.
type lmdbMeta struct {
	pageSize uint32
	flags    uint16 // of the main database
	depth    uint16
	root     uint64
	last     uint64 // last page
	txn      uint64
}

func eachLMDB(f *file) error {
	l := &lmdb{file: f}
	meta, err := l.open()
	if err != nil {
		return err
	}
	l.pages = uint64(l.size / l.pageSize)
	l.seen = newMarks(int64(l.pages))
	l.ordered = meta.flags&lmdbOwnOrder == 0
	if meta.last >= l.pages {
		l.problem("the file is truncated: it says its last page is %d, and has %d pages", meta.last, l.pages)
	}
	if meta.flags&lmdbDupSort != 0 {
		return fmt.Errorf("%w: keys with several values (MDB_DUPSORT)", ErrFormat)
	}
	if meta.root == l.none() {
		return nil
	}
	if meta.depth == 0 || meta.depth > maxLevels {
		return fmt.Errorf("%w: a tree of %d levels", ErrFormat, meta.depth)
	}
	err = l.tree(meta.root, int(meta.depth))
	if err != nil && !fatal(err) {
		l.problem("page %d: %v", meta.root, err)
		return nil
	}
	return err
}

// none is the page number that stands for no page.
func (l *lmdb) none() uint64 {
	if l.word == 4 {
		return 1<<32 - 1
	}
	return 1<<64 - 1
}

// open finds out how the file is written and which of its two first pages is
// the newer, which is the one that counts (mdb_env_pick_meta).
func (l *lmdb) open() (lmdbMeta, error) {
	p := make([]byte, 192)
	if err := l.read(p, 0); err != nil {
		return lmdbMeta{}, fmt.Errorf("%w: too short for LMDB", ErrFormat)
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, word := range []int{8, 4} {
			if l.order == nil && order.Uint32(p[word+8:]) == lmdbMagic {
				l.order, l.word, l.header = order, word, word+8
			}
		}
	}
	if l.order == nil {
		return lmdbMeta{}, fmt.Errorf("%w: no magic number of LMDB", ErrFormat)
	}
	if v := l.order.Uint32(p[l.header+4:]); v != 1 {
		return lmdbMeta{}, fmt.Errorf("%w: LMDB data version %d is not known", ErrFormat, v)
	}
	first := l.meta(p)
	l.pageSize = int64(first.pageSize)
	if l.pageSize < 256 || l.pageSize > 64<<10 || l.pageSize&(l.pageSize-1) != 0 {
		return lmdbMeta{}, fmt.Errorf("%w: page size %d", ErrFormat, l.pageSize)
	}
	if err := l.read(p, l.pageSize); err != nil || l.order.Uint32(p[l.header:]) != lmdbMagic {
		l.problem("the second description of the file is missing")
		return first, nil
	}
	if second := l.meta(p); second.txn > first.txn {
		return second, nil
	}
	return first, nil
}

// meta reads an MDB_meta: magic, version, address, size of the map, then an
// MDB_db each for the free list and for the main database.
func (l *lmdb) meta(page []byte) lmdbMeta {
	m := page[l.header:]
	dbSize := 8 + 5*l.word
	free := 8 + 2*l.word
	main := free + dbSize
	return lmdbMeta{
		pageSize: l.order.Uint32(m[free:]),
		flags:    l.order.Uint16(m[main+4:]),
		depth:    l.order.Uint16(m[main+6:]),
		root:     l.uint(m[main+8+4*l.word:]),
		last:     l.uint(m[main+dbSize:]),
		txn:      l.uint(m[main+dbSize+l.word:]),
	}
}

func (l *lmdb) uint(p []byte) uint64 {
	if l.word == 4 {
		return uint64(l.order.Uint32(p))
	}
	return l.order.Uint64(p)
}

// tree reads page n, which is on the given level; leaves are on level 1.
func (l *lmdb) tree(n uint64, level int) error {
	if n >= l.pages {
		return fmt.Errorf("page %d lies beyond the end of the file", n)
	}
	if !l.seen.add(n) {
		return fmt.Errorf("page %d is used twice", n)
	}
	page := make([]byte, l.pageSize)
	if err := l.read(page, int64(n)*l.pageSize); err != nil {
		return err
	}
	want := uint16(lmdbBranch)
	if level == 1 {
		want = lmdbLeaf
	}
	flags := l.order.Uint16(page[l.word+2:])
	if flags&(lmdbBranch|lmdbLeaf|lmdbOverflow|lmdbLeaf2|lmdbSubPage) != want || l.uint(page) != n {
		return fmt.Errorf("page %d is no page of the tree", n)
	}
	lower := int(l.order.Uint16(page[l.word+4:]))
	if lower < l.header || lower > len(page) {
		return fmt.Errorf("page %d is damaged", n)
	}
	for i := l.header; i+1 < lower; i += 2 {
		at := int(l.order.Uint16(page[i:]))
		var err error
		switch {
		case at < lower || at+8 > len(page):
			err = fmt.Errorf("a damaged item")
		case level > 1:
			err = l.tree(l.child(page[at:]), level-1)
		default:
			err = l.item(page[at:])
		}
		if fatal(err) {
			return err
		}
		if err != nil {
			l.problem("page %d: %v", n, err)
		}
	}
	return nil
}

// halves are the two 16-bit numbers that an item starts with; the low one comes
// first where the machine is little-endian.
func (l *lmdb) halves(node []byte) uint64 {
	low, high := uint64(l.order.Uint16(node)), uint64(l.order.Uint16(node[2:]))
	if l.order == binary.BigEndian {
		low, high = high, low
	}
	return low | high<<16
}

// child is the page that an item of a branch leads to.
func (l *lmdb) child(node []byte) uint64 {
	if l.word == 4 {
		return l.halves(node)
	}
	return l.halves(node) | uint64(l.order.Uint16(node[4:]))<<32
}

// item reads one key with its value.
func (l *lmdb) item(node []byte) error {
	size, flags, keySize := l.halves(node), l.order.Uint16(node[4:]), int(l.order.Uint16(node[6:]))
	if 8+keySize > len(node) {
		return fmt.Errorf("a key claims %d bytes", keySize)
	}
	key, rest := node[8:8+keySize], node[8+keySize:]
	if flags&(lmdbSubData|lmdbDups) != 0 {
		return fmt.Errorf("%.80q is a database of its own, which no lookup reads", key)
	}
	if l.ordered && l.any && bytes.Compare(l.previous, key) >= 0 {
		l.problem("key %.80q is out of order: a lookup can miss it", key)
	}
	l.previous, l.any = append(l.previous[:0], key...), true
	switch {
	case flags&lmdbBig != 0:
		value, err := l.big(rest, size)
		if err != nil {
			return err
		}
		return l.emit(key, value)
	case size > uint64(len(rest)):
		return fmt.Errorf("a value claims %d bytes", size)
	}
	return l.emit(key, rest[:size])
}

// big reads a value that has pages of its own, one behind the other.
func (l *lmdb) big(rest []byte, size uint64) ([]byte, error) {
	if len(rest) < l.word {
		return nil, fmt.Errorf("a damaged item")
	}
	n := l.uint(rest)
	if n >= l.pages || size > uint64(l.size) {
		return nil, fmt.Errorf("a value of %d bytes on page %d lies beyond the end of the file", size, n)
	}
	at := int64(n) * l.pageSize
	head := make([]byte, l.header)
	if err := l.read(head, at); err != nil {
		return nil, err
	}
	if l.order.Uint16(head[l.word+2:])&lmdbOverflow == 0 || l.uint(head) != n {
		return nil, fmt.Errorf("page %d holds no long value", n)
	}
	return l.readInto(&l.value, int64(size), at+int64(l.header))
}
