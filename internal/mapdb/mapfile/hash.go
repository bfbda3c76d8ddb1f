package mapfile

import "fmt"

// The kinds of item on a page of a hash (db_page.h: H_KEYDATA and so on).
const (
	hashPlain     = 1
	hashDuplicate = 2
	hashOffPage   = 3
	hashOffDup    = 4
)

// buckets says where the buckets of a hash are (db_page.h: HMETA).
type buckets struct {
	last, high, low uint32
	spares          [32]uint32
	hash            func([]byte) uint32 // nil where it is none of the known ones
}

// probe is what Berkeley DB hashes to recognise the hash function of a file.
const probe = "%$sniglet^&\x00"

// hashTable reads all buckets.
func (d *berkeley) hashTable(meta []byte) error {
	b := buckets{last: d.order.Uint32(meta[72:]), high: d.order.Uint32(meta[76:]), low: d.order.Uint32(meta[80:])}
	for i := range b.spares {
		b.spares[i] = d.order.Uint32(meta[96+4*i:])
	}
	for _, h := range []func([]byte) uint32{hashFNV, hashLarson} {
		if h([]byte(probe)) == d.order.Uint32(meta[92:]) {
			b.hash = h
		}
	}
	if b.last >= d.pages {
		d.problem("the table claims %d buckets and has %d pages", uint64(b.last)+1, d.pages)
		b.last = max(d.pages, 1) - 1
	}
	for n := uint32(0); n <= b.last; n++ {
		if err := d.bucket(b, n); err != nil {
			if fatal(err) {
				return err
			}
			d.problem("bucket %d: %v", n, err)
		}
	}
	return nil
}

// page is where bucket n starts (hash.h: BUCKET_TO_PAGE).
func (b *buckets) page(n uint32) uint32 {
	doubling := 0
	for limit := uint64(1); limit < uint64(n)+1; limit <<= 1 {
		doubling++
	}
	return n + b.spares[min(doubling, 31)]
}

// of is the bucket that a lookup of key goes to.
func (b *buckets) of(key []byte) uint32 {
	n := b.hash(key) & b.high
	if n > b.last {
		n &= b.low
	}
	return n
}

func (d *berkeley) bucket(b buckets, n uint32) error {
	var buf []byte
	for p := b.page(n); ; {
		page, err := d.once(&buf, p)
		if err != nil {
			return err
		}
		switch page[pageType] {
		case typeInvalid:
			return nil // a bucket that was never written to
		case typeHash, typeHashUnsorted:
		default:
			return fmt.Errorf("page %d is no page of a hash", p)
		}
		if err := d.hashPage(b, n, page); err != nil {
			if fatal(err) {
				return err
			}
			d.problem("page %d: %v", p, err)
		}
		if p = d.order.Uint32(page[pageNext:]); p == 0 {
			return nil
		}
	}
}

func (d *berkeley) hashPage(b buckets, bucket uint32, page []byte) error {
	offsets, err := d.index(page)
	if err != nil {
		return err
	}
	end := func(i int) int { // where item i ends: items grow downwards
		if i == 0 {
			return len(page)
		}
		return offsets[i-1]
	}
	for i := 0; i+1 < len(offsets); i += 2 {
		k, v := offsets[i], offsets[i+1]
		if k == 0 || v == 0 || k >= end(i) || v >= k {
			d.problem("a damaged item in bucket %d", bucket)
			continue
		}
		key, err := d.hashItem(&d.key, page[k:end(i)])
		if err == nil && b.hash != nil && b.of(key) != bucket {
			err = fmt.Errorf("key %.80q stands where no lookup finds it", key)
		}
		var value []byte
		if err == nil {
			value, err = d.hashItem(&d.value, page[v:k])
		}
		if err == nil {
			if page[pageType] == typeHash && !d.inHashOrder(key, i == 0) {
				d.problem("key %.80q is out of order: a lookup can miss it", key)
			}
			err = d.emit(key, value)
		}
		if fatal(err) {
			return err
		}
		if err != nil {
			d.problem("bucket %d: %v", bucket, err)
		}
	}
	return nil
}

// hashItem is the content of a key or value.
func (d *berkeley) hashItem(buf *[]byte, item []byte) ([]byte, error) {
	long := len(item) >= 12
	switch kind := item[0]; {
	case kind == hashPlain:
		return item[1:], nil
	case kind == hashDuplicate && len(item) >= 5:
		n := int(d.order.Uint16(item[1:]))
		if 5+n > len(item) {
			return nil, fmt.Errorf("a damaged set of values")
		}
		d.problem("a key has several values: the first counts")
		return item[3 : 3+n], nil
	case kind == hashOffPage && long:
		return d.overflow(buf, d.order.Uint32(item[4:]), d.order.Uint32(item[8:]))
	case kind == hashOffDup && len(item) >= 8:
		d.problem("a key has several values: the first counts")
		return d.firstDuplicate(buf, d.order.Uint32(item[4:]))
	default:
		return nil, fmt.Errorf("an item of unknown kind %d", kind)
	}
}

// hashFNV is __ham_func5, the usual one.
func hashFNV(key []byte) uint32 {
	h := uint32(0)
	for _, c := range key {
		h = h*16777619 ^ uint32(c)
	}
	return h
}

// hashLarson is __ham_func4, of files that older versions made.
func hashLarson(key []byte) uint32 {
	h := uint32(0)
	for _, c := range key {
		h = h<<5 + h + uint32(c)
	}
	return h
}
