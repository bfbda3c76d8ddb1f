package mapfile

import "fmt"

// The kinds of item in a btree (db_page.h: B_KEYDATA and so on).
const (
	treePlain     = 1
	treeDuplicate = 2
	treeOverflow  = 3
	treeDeleted   = 0x80
)

// maxLevels bounds how deep a tree may be; real ones have less than ten levels.
const maxLevels = 40

// tree reads the page n and what is below it. level is that which the page must
// have; -1 for the root.
func (d *berkeley) tree(n uint32, level int) error {
	var buf []byte
	page, err := d.once(&buf, n)
	if err != nil {
		return err
	}
	found := int(page[pageLevel])
	switch {
	case level >= 0 && found != level, found > maxLevels:
		return fmt.Errorf("page %d is on level %d", n, found)
	case page[pageType] == typeLeaf && found <= 1:
		return d.leaf(n, page)
	case page[pageType] != typeInternal || found < 2:
		return fmt.Errorf("page %d is no page of a tree", n)
	}
	offsets, err := d.index(page)
	if err != nil {
		return err
	}
	for _, o := range offsets {
		if o == 0 || o+12 > len(page) {
			d.problem("page %d: a damaged item", n)
			continue
		}
		child := d.order.Uint32(page[o+4:])
		if err := d.tree(child, found-1); fatal(err) {
			return err
		} else if err != nil {
			d.problem("page %d: %v", child, err)
		}
	}
	return nil
}

func (d *berkeley) leaf(n uint32, page []byte) error {
	offsets, err := d.index(page)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(offsets); i += 2 {
		if i > 1 && offsets[i] == offsets[i-2] {
			d.problem("a key has several values: the first counts")
			continue
		}
		key, deleted, err := d.treeItem(&d.key, page, offsets[i])
		var value []byte
		if err == nil {
			value, deleted, err = d.treeItem(&d.value, page, offsets[i+1])
		}
		if err == nil && deleted {
			continue
		}
		if err == nil {
			if !d.inOrder(key, d.previous == nil) {
				d.problem("key %.80q is out of order: a lookup can miss it", key)
			}
			err = d.emit(key, value)
		}
		if fatal(err) {
			return err
		}
		if err != nil {
			d.problem("page %d: %v", n, err)
		}
	}
	return nil
}

// treeItem is the content of the item at offset o.
func (d *berkeley) treeItem(buf *[]byte, page []byte, o int) (content []byte, deleted bool, err error) {
	if o == 0 || o+3 > len(page) {
		return nil, false, fmt.Errorf("a damaged item")
	}
	kind := page[o+2]
	deleted = kind&treeDeleted != 0
	kind &^= treeDeleted
	if kind == treePlain {
		n := int(d.order.Uint16(page[o:]))
		if o+3+n > len(page) {
			return nil, deleted, fmt.Errorf("an item claims %d bytes", n)
		}
		return page[o+3 : o+3+n], deleted, nil
	}
	if o+12 > len(page) {
		return nil, deleted, fmt.Errorf("a damaged item")
	}
	first, length := d.order.Uint32(page[o+4:]), d.order.Uint32(page[o+8:])
	switch {
	case deleted:
		return nil, true, nil
	case kind == treeOverflow:
		content, err = d.overflow(buf, first, length)
	case kind == treeDuplicate:
		d.problem("a key has several values: the first counts")
		content, err = d.firstDuplicate(buf, first)
	default:
		err = fmt.Errorf("an item of unknown kind %d", kind)
	}
	return content, deleted, err
}

// firstDuplicate is the first of the values that a key keeps in a tree of their
// own.
func (d *berkeley) firstDuplicate(buf *[]byte, n uint32) ([]byte, error) {
	var pageBuf []byte
	for range maxLevels {
		page, err := d.once(&pageBuf, n)
		if err != nil {
			return nil, err
		}
		offsets, err := d.index(page)
		if err != nil || len(offsets) == 0 || offsets[0] == 0 || offsets[0]+8 > len(page) {
			return nil, fmt.Errorf("page %d holds no values", n)
		}
		switch page[pageType] {
		case typeInternal:
			n = d.order.Uint32(page[offsets[0]+4:])
		case typeInternalRecs: // RINTERNAL starts with the page number
			n = d.order.Uint32(page[offsets[0]:])
		case typeLeafDup, typeLeafRecs:
			if page[offsets[0]+2]&^treeDeleted == treeDuplicate {
				return nil, fmt.Errorf("page %d: values within values", n)
			}
			content, _, err := d.treeItem(buf, page, offsets[0])
			return append((*buf)[:0], content...), err
		default:
			return nil, fmt.Errorf("page %d holds no values", n)
		}
	}
	return nil, fmt.Errorf("the tree of values at page %d is too deep", n)
}
