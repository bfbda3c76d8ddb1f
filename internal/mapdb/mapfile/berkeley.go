package mapfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Fields of every Berkeley DB page, and of its first, which describes the file
// (db_page.h: PAGE, DBMETA).
const (
	pageNext     = 16
	pageEntries  = 20
	pageHFOffset = 22 // of an overflow page: how many bytes it holds
	pageLevel    = 24
	pageType     = 25

	metaMagic    = 12
	metaVersion  = 16
	metaPageSize = 20
	metaEncrypt  = 24
	metaFlags    = 26
	metaDBFlags  = 48
	metaSize     = 512

	hashMagic  = 0x061561
	btreeMagic = 0x053162

	flagChecksum  = 0x01
	flagPartition = 0x06
	hashSubDB     = 0x02
	btreeSubDB    = 0x20
)

// Page types.
const (
	typeInvalid      = 0
	typeHashUnsorted = 2
	typeInternal     = 3
	typeInternalRecs = 4
	typeLeaf         = 5
	typeLeafRecs     = 6
	typeOverflow     = 7
	typeLeafDup      = 12
	typeHash         = 13
)

// berkeley is one Berkeley DB file.
type berkeley struct {
	*file
	order    binary.ByteOrder
	pageSize int64
	pages    uint32 // whole pages in the file
	header   int    // where a page's index starts
	seen     marks
	key      []byte // of overflow items
	value    []byte
	previous []byte // the last key, to see the order
}

func eachBerkeley(f *file, want Format) error {
	meta := make([]byte, metaSize)
	if err := f.read(meta, 0); err != nil {
		return fmt.Errorf("%w: too short for Berkeley DB", ErrFormat)
	}
	d := &berkeley{file: f}
	found, err := d.describe(meta)
	switch {
	case err != nil:
		return err
	case found != want:
		return fmt.Errorf("%w: it is a Berkeley DB %s, not a %s", ErrFormat, found, want)
	case found == Hash:
		return d.hashTable(meta)
	}
	root := d.order.Uint32(meta[88:])
	err = d.tree(root, -1)
	if err != nil && !fatal(err) {
		d.problem("page %d: %v", root, err)
		return nil
	}
	return err
}

// describe reads the first page.
func (d *berkeley) describe(meta []byte) (Format, error) {
	var format Format
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(meta[metaMagic:]) {
		case hashMagic:
			d.order, format = order, Hash
		case btreeMagic:
			d.order, format = order, Btree
		}
	}
	if format == "" {
		return "", fmt.Errorf("%w: no magic number of Berkeley DB", ErrFormat)
	}
	version, flags := d.order.Uint32(meta[metaVersion:]), d.order.Uint32(meta[metaDBFlags:])
	if format == Hash && (version < 7 || version > 10) || format == Btree && (version < 8 || version > 10) {
		return "", fmt.Errorf("%w: Berkeley DB %s version %d is not known", ErrFormat, format, version)
	}
	d.pageSize = int64(d.order.Uint32(meta[metaPageSize:]))
	if d.pageSize < 512 || d.pageSize > 64<<10 || d.pageSize&(d.pageSize-1) != 0 {
		return "", fmt.Errorf("%w: page size %d", ErrFormat, d.pageSize)
	}
	switch {
	case meta[metaEncrypt] != 0:
		return "", ErrEncrypted
	case meta[metaFlags]&flagPartition != 0:
		return "", fmt.Errorf("%w: it is partitioned over several files", ErrFormat)
	case format == Hash && flags&hashSubDB != 0, format == Btree && flags&btreeSubDB != 0:
		return "", fmt.Errorf("%w: it holds several databases, and no mail server asks for one by name", ErrFormat)
	}
	d.header = 26
	if meta[metaFlags]&flagChecksum != 0 {
		d.header = 32 // the checksum stands before the index; it isn't verified
	}
	d.pages = uint32(min(d.size/d.pageSize, 1<<32-1))
	d.seen = newMarks(int64(d.pages))
	if rest := d.size % d.pageSize; rest != 0 {
		d.problem("the file ends with %d bytes of an incomplete page", rest)
	}
	if last := d.order.Uint32(meta[32:]); last >= d.pages {
		d.problem("the file is truncated: it says its last page is %d, and has %d pages", last, d.pages)
	}
	return format, nil
}

// page reads page n into buf.
func (d *berkeley) page(buf *[]byte, n uint32) ([]byte, error) {
	if n >= d.pages {
		return nil, fmt.Errorf("page %d lies beyond the end of the file", n)
	}
	return d.readInto(buf, d.pageSize, int64(n)*d.pageSize)
}

// once reads page n, which belongs to one place only.
func (d *berkeley) once(buf *[]byte, n uint32) ([]byte, error) {
	if n < d.pages && !d.seen.add(uint64(n)) {
		return nil, fmt.Errorf("page %d is used twice", n)
	}
	return d.page(buf, n)
}

// index returns the offsets of the items of a page; those that can't be are 0.
func (d *berkeley) index(page []byte) ([]int, error) {
	n := int(d.order.Uint16(page[pageEntries:]))
	if d.header+2*n > len(page) {
		return nil, fmt.Errorf("%d items do not fit on a page", n)
	}
	offsets := make([]int, n)
	for i := range offsets {
		if o := int(d.order.Uint16(page[d.header+2*i:])); o >= d.header+2*n && o < len(page) {
			offsets[i] = o
		}
	}
	return offsets, nil
}

// overflow reads an item that has pages of its own.
func (d *berkeley) overflow(buf *[]byte, first, length uint32) ([]byte, error) {
	if int64(length) > d.size {
		return nil, fmt.Errorf("an item claims %d bytes", length)
	}
	out := (*buf)[:0]
	var page []byte
	for n := first; int64(len(out)) < int64(length); {
		p, err := d.page(&page, n)
		if err != nil {
			return nil, err
		}
		held := int(d.order.Uint16(p[pageHFOffset:]))
		if p[pageType] != typeOverflow || held == 0 || d.header+held > len(p) {
			return nil, fmt.Errorf("page %d is no part of a long item", n)
		}
		out = append(out, p[d.header:d.header+held]...)
		n = d.order.Uint32(p[pageNext:])
		if n == 0 {
			break
		}
	}
	*buf = out
	if len(out) != int(length) {
		return nil, fmt.Errorf("a long item has %d bytes and claims %d", len(out), length)
	}
	return out, nil
}

// inOrder reports whether key sorts behind the last one, and remembers it.
func (d *berkeley) inOrder(key []byte, first bool) bool {
	ok := first || bytes.Compare(d.previous, key) < 0
	d.previous = append(d.previous[:0], key...)
	return ok
}

// inHashOrder is inOrder on a page of a hash, where a key comes behind those that it
// is the start of (__ham_getindex_sorted in hash_page.c). Keys that end in a NUL,
// as those of postmap(1), are the start of no other; those of makemap(8) may be.
func (d *berkeley) inHashOrder(key []byte, first bool) bool {
	n := min(len(d.previous), len(key))
	order := bytes.Compare(d.previous[:n], key[:n])
	ok := first || order < 0 || order == 0 && len(d.previous) > len(key)
	d.previous = append(d.previous[:0], key...)
	return ok
}
