package rpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The parts of Berkeley DB's hash format that rpm's Packages uses (libdb 4.3 to
// 5.3, dbinc/db_page.h).
const (
	bdbMagic        = 0x061561
	bdbHashMeta     = 8
	bdbHashUnsorted = 2
	bdbHash         = 13
	bdbOverflow     = 7
	bdbLast         = 13
	bdbOffPage      = 3 // an item that lies on overflow pages
	bdbKeyData      = 1 // an item that lies on its page
	bdbPageHeader   = 26
)

var errBDB = errors.New("not a Berkeley DB hash of packages")

// bdb is an open Berkeley DB hash.
type bdb struct {
	r     io.ReaderAt
	order binary.ByteOrder
	page  int64 // size of one
	pages int64
	left  int64 // pages that may still be read: each item has its own
	short bool  // the file has fewer pages than it says
}

func openBDB(r io.ReaderAt, size int64) (*bdb, error) {
	meta := make([]byte, 72)
	if _, err := r.ReadAt(meta, 0); err != nil {
		return nil, errBDB
	}
	db := &bdb{r: r, order: binary.LittleEndian}
	if binary.BigEndian.Uint32(meta[12:]) == bdbMagic {
		db.order = binary.BigEndian
	}
	db.page = int64(db.order.Uint32(meta[20:]))
	switch {
	case db.order.Uint32(meta[12:]) != bdbMagic || meta[25] != bdbHashMeta:
		return nil, errBDB
	case meta[24] != 0:
		return nil, errors.New("an encrypted database")
	case db.page < 512 || db.page > 64<<10 || db.page&(db.page-1) != 0:
		return nil, errBDB
	}
	db.pages = min(size/db.page, int64(db.order.Uint32(meta[32:]))+1)
	db.left = 2 * (size / db.page)
	db.short = size/db.page < int64(db.order.Uint32(meta[32:]))+1
	return db, nil
}

// each calls do for every value. What is damaged is said, and the rest goes on.
func (db *bdb) each(do func([]byte), problem func(error)) {
	page := make([]byte, db.page)
	if db.short {
		problem(errors.New("it is cut off: pages that it counts are not there"))
	}
	for n := range db.pages {
		if _, err := db.r.ReadAt(page, n*db.page); err != nil {
			problem(fmt.Errorf("page %d: %w", n, err))
			return
		}
		if kind := page[25]; kind == bdbHash || kind == bdbHashUnsorted {
			if err := db.values(page, do); err != nil {
				problem(fmt.Errorf("page %d: %w", n, err))
			}
		} else if kind > bdbLast {
			problem(fmt.Errorf("page %d is of a kind that there is not", n))
		}
	}
}

// values reads the second of each pair of items of a hash page.
func (db *bdb) values(page []byte, do func([]byte)) error {
	count := int(db.order.Uint16(page[20:]))
	if bdbPageHeader+2*count > len(page) {
		return errBDB
	}
	item := func(i int) int { return int(db.order.Uint16(page[bdbPageHeader+2*i:])) }
	for i := 1; i < count; i += 2 {
		start, end := item(i), item(i-1)
		if start >= end || end > len(page) || start < bdbPageHeader {
			return errBDB
		}
		switch it := page[start:end]; {
		case it[0] == bdbOffPage && len(it) >= 12:
			value, err := db.overflow(db.order.Uint32(it[4:]), int64(db.order.Uint32(it[8:])))
			if err != nil {
				return err
			}
			do(value)
		case it[0] == bdbKeyData && len(it) > 16: // less is the counter in record 0
			do(append([]byte(nil), it[1:]...))
		}
	}
	return nil
}

// overflow puts together an item from its chain of pages.
func (db *bdb) overflow(next uint32, length int64) ([]byte, error) {
	if length > maxHeader || length > db.pages*db.page {
		return nil, fmt.Errorf("an item of %d bytes", length)
	}
	value := make([]byte, 0, length)
	page := make([]byte, db.page)
	for next != 0 && int64(len(value)) < length {
		if db.left--; db.left < 0 || int64(next) >= db.pages {
			return nil, errors.New("its pages run in circles, or out of the file")
		}
		if _, err := db.r.ReadAt(page, int64(next)*db.page); err != nil {
			return nil, err
		}
		used := int(db.order.Uint16(page[22:]))
		if page[25] != bdbOverflow || bdbPageHeader+used > len(page) {
			return nil, errBDB
		}
		value = append(value, page[bdbPageHeader:bdbPageHeader+used]...)
		next = db.order.Uint32(page[16:])
	}
	if int64(len(value)) != length {
		return nil, errors.New("an item that is cut short")
	}
	return value, nil
}
