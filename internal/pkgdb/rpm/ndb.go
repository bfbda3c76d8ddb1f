package rpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
)

// The format of Packages.db, rpm's own database (rpm 4.17, lib/backend/ndb/rpmpkg.c).
const (
	ndbMagic    = 'R' | 'p'<<8 | 'm'<<16 | 'P'<<24
	ndbSlot     = 'S' | 'l'<<8 | 'o'<<16 | 't'<<24
	ndbBlob     = 'B' | 'l'<<8 | 'b'<<16 | 'S'<<24
	ndbBlock    = 16
	ndbPage     = 4096
	ndbTail     = 12
	ndbHeader   = 32 // in the place of the first two slots
	maxNDBSlots = 4096
)

var errNDB = errors.New("not an ndb of packages")

// eachNDB calls do for every package. What is damaged is said, and the rest goes
// on.
func eachNDB(r io.ReaderAt, size int64, do func([]byte), problem func(error)) error {
	head := make([]byte, ndbHeader)
	if _, err := r.ReadAt(head, 0); err != nil || binary.LittleEndian.Uint32(head) != ndbMagic || binary.LittleEndian.Uint32(head[4:]) != 0 {
		return errNDB
	}
	pages := int64(binary.LittleEndian.Uint32(head[12:]))
	if pages == 0 || pages > maxNDBSlots || pages*ndbPage > size {
		return errNDB
	}
	slots := make([]byte, pages*ndbPage-ndbHeader)
	if _, err := r.ReadAt(slots, ndbHeader); err != nil {
		return err
	}
	left := size // the blobs lie side by side: together they are no more than the file
	for i := 0; i+16 <= len(slots); i += 16 {
		word := func(k int) uint32 { return binary.LittleEndian.Uint32(slots[i+4*k:]) }
		if word(0) != ndbSlot {
			return fmt.Errorf("slot %d: %w", i/16, errNDB)
		}
		if word(1) == 0 {
			continue // free
		}
		blob, err := readNDB(r, word(1), int64(word(2))*ndbBlock, min(int64(word(3))*ndbBlock, left))
		if err != nil {
			problem(fmt.Errorf("package %d: %w", word(1), err))
			continue
		}
		left -= int64(len(blob))
		do(blob)
	}
	return nil
}

// readNDB reads the blob of one package from its blocks.
func readNDB(r io.ReaderAt, index uint32, at, room int64) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := r.ReadAt(head, at); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(head[12:]))
	if binary.LittleEndian.Uint32(head) != ndbBlob || binary.LittleEndian.Uint32(head[4:]) != index || length > room || length > maxHeader {
		return nil, errNDB
	}
	// Behind the data there is padding up to a block, and a tail: a checksum of all
	// before it, the length once more, and a mark.
	whole := make([]byte, (16+length+ndbTail+ndbBlock-1)/ndbBlock*ndbBlock)
	if int64(len(whole)) > room {
		return nil, errNDB
	}
	if _, err := r.ReadAt(whole, at); err != nil {
		return nil, err
	}
	if tail := whole[len(whole)-ndbTail:]; binary.LittleEndian.Uint32(tail) != adler32.Checksum(whole[:len(whole)-ndbTail]) {
		return nil, errors.New("its checksum is not that of its content")
	}
	return whole[16 : 16+length], nil
}
