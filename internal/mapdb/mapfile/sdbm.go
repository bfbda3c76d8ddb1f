package mapfile

import (
	"encoding/binary"
	"fmt"
)

// sdbmPage is the size of a page of the .pag file (sdbm.h: PBLKSIZ), the same
// that ndbm had.
const sdbmPage = 1024

// eachSDBM reads all pages of a .pag file. Each starts with the number of its
// offsets, two for a pair, in the byte order of the machine that wrote it; keys
// and values grow downwards from the end. Which page a key is looked up on is
// said by the .dir file, which is not read.
func eachSDBM(f *file) error {
	if f.size%sdbmPage != 0 {
		return fmt.Errorf("%w: not a whole number of pages of %d bytes", ErrFormat, sdbmPage)
	}
	order := binary.ByteOrder(nil)
	page := make([]byte, sdbmPage)
	for at := int64(0); at < f.size; at += sdbmPage {
		if err := f.read(page, at); err != nil {
			return err
		}
		for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			if order == nil && o.Uint16(page) != 0 && soundSDBM(page, o) {
				order = o
			}
		}
		switch {
		case page[0] == 0 && page[1] == 0:
			continue
		case order == nil && at == 0:
			return fmt.Errorf("%w: its first page is none of sdbm", ErrFormat)
		case order == nil || !soundSDBM(page, order):
			f.problem("page %d is damaged", at/sdbmPage)
			continue
		}
		end := sdbmPage
		for i := 1; i < int(order.Uint16(page)); i += 2 {
			k, v := int(order.Uint16(page[2*i:])), int(order.Uint16(page[2*i+2:]))
			if err := f.emit(page[k:end], page[v:k]); err != nil {
				return err
			}
			end = v
		}
	}
	return nil
}

// soundSDBM is chkpage of sdbm.
func soundSDBM(page []byte, order binary.ByteOrder) bool {
	n := int(order.Uint16(page))
	if n%2 != 0 || 2*(n+1) > len(page) {
		return false
	}
	end := len(page)
	for i := 1; i <= n; i++ {
		at := int(order.Uint16(page[2*i:]))
		if at > end || at < 2*(n+1) {
			return false
		}
		end = at
	}
	return true
}
