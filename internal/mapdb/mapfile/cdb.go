package mapfile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// cdbHeader is the size of the pointers to the 256 hash tables of a CDB.
const cdbHeader = 256 * 8

// cdbSlot is one place of a hash table.
type cdbSlot struct{ hash, at uint32 }

// eachCDB reads the records that the hash tables of a CDB lead to.
func eachCDB(f *file) error {
	var head [cdbHeader]byte
	if err := f.read(head[:], 0); err != nil {
		return fmt.Errorf("%w: too short for CDB", ErrFormat)
	}
	// A CDB has no magic number: this is what every one fulfils.
	for i := 0; i < len(head); i += 8 {
		at, slots := int64(le32(head[i:])), int64(le32(head[i+4:]))
		if at < cdbHeader || at+8*slots > f.size {
			return fmt.Errorf("%w: hash table %d lies outside of the file", ErrFormat, i/8)
		}
	}
	if f.size > math.MaxUint32 {
		f.problem("the file is longer than a CDB can be")
	}
	c := &cdb{file: f}
	for i := 0; i < len(head); i += 8 {
		if err := c.table(uint32(i/8), int64(le32(head[i:])), int64(le32(head[i+4:]))); err != nil {
			return err
		}
	}
	return nil
}

func le32(p []byte) uint32 { return binary.LittleEndian.Uint32(p) }

type cdb struct {
	*file
	raw    []byte
	slots  []cdbSlot
	record []byte
}

// table reads one hash table and its records. A lookup starts at a slot that
// the hash gives and goes on, round the end, until it meets an empty slot.
func (c *cdb) table(number uint32, at, n int64) error {
	raw, err := c.readInto(&c.raw, 8*n, at)
	if err != nil {
		return err
	}
	c.slots = c.slots[:0]
	empty := -1
	for i := 0; i < len(raw); i += 8 {
		s := cdbSlot{le32(raw[i:]), le32(raw[i+4:])}
		if s.at == 0 {
			empty = i / 8
		}
		c.slots = append(c.slots, s)
	}
	// Beginning behind an empty slot, each run of slots is met in the order that
	// a lookup has, and steps counts those since the last empty slot.
	for i, steps := 1, 0; i <= len(c.slots); i++ {
		slot := (empty + i) % len(c.slots)
		s := c.slots[slot]
		if s.at == 0 {
			steps = 0
			continue
		}
		start := int(s.hash>>8) % len(c.slots)
		distance := (slot - start + len(c.slots)) % len(c.slots)
		reachable := s.hash&255 == number && (empty < 0 || distance <= steps)
		steps++
		if err := c.pair(s, reachable); fatal(err) {
			return err
		} else if err != nil {
			c.problem("record at %d: %v", s.at, err)
		}
	}
	return nil
}

func (c *cdb) pair(s cdbSlot, reachable bool) error {
	var head [8]byte
	if err := c.read(head[:], int64(s.at)); err != nil {
		return err
	}
	keySize, valueSize := int64(le32(head[:])), int64(le32(head[4:]))
	record, err := c.readInto(&c.record, keySize+valueSize, int64(s.at)+8)
	if err != nil {
		return err
	}
	key := record[:keySize]
	if !reachable || cdbHash(key) != s.hash {
		return fmt.Errorf("key %.80q stands where no lookup finds it", key)
	}
	return c.emit(key, record[keySize:])
}

func cdbHash(key []byte) uint32 {
	h := uint32(5381)
	for _, b := range key {
		h = (h<<5 + h) ^ uint32(b)
	}
	return h
}
