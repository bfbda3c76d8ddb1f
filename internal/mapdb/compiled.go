package mapdb

import (
	"bytes"
	"fmt"
	"io"

	"waxseal/internal/mapdb/mapfile"
)

var mapFormats = map[string]mapfile.Format{
	"hash": mapfile.Hash, "btree": mapfile.Btree, "lmdb": mapfile.LMDB, "cdb": mapfile.CDB, "sdbm": mapfile.SDBM, "dbm": mapfile.SDBM,
}

// EachCompiled calls yield with each entry of a compiled table that a lookup
// can find, until it returns false; typ is that of its reference ("hash"). The
// slices are only valid during the call.
//
// What postmap(1) and postalias(1) add is left out: the NUL byte behind keys and
// values, and the entries @, YP_LAST_MODIFIED and YP_MASTER_NAME. Keys come as
// they are stored, which is folded unless somebody made the table otherwise; an
// unfolded key is one that no daemon finds.
//
// The problems are what is damaged or odd; the error, that no more could be
// read.
func EachCompiled(typ string, r io.ReaderAt, size int64, yield func(key, value []byte) bool) ([]Problem, error) {
	format, ok := mapFormats[typ]
	if !ok {
		return nil, fmt.Errorf("%w: %s tables are not compiled into a file", mapfile.ErrFormat, typ)
	}
	// A daemon asks for a key with a NUL byte first, so those go first.
	bare, ended, more := 0, 0, true
	texts, err := mapfile.Each(format, r, size, func(key, value []byte) bool {
		switch {
		case !bytes.HasSuffix(key, nul):
			if !signature(key, value) {
				bare++
			}
		default:
			key, value = key[:len(key)-1], bytes.TrimSuffix(value, nul)
			if !signature(key, value) {
				ended++
				more = yield(key, value)
			}
		}
		return more
	})
	if more && bare > 0 {
		_, err = mapfile.Each(format, r, size, func(key, value []byte) bool {
			return bytes.HasSuffix(key, nul) || signature(key, value) || yield(key, value)
		})
	}
	var problems []Problem
	for _, text := range texts {
		problems = append(problems, Problem{Message: text})
	}
	if bare > 0 && ended > 0 {
		problems = append(problems, Problem{Message: fmt.Sprintf(
			"%d keys end with a NUL byte and %d do not: a daemon finds the latter only until it has found one of the former", ended, bare)})
	}
	return problems, err
}

var nul = []byte{0}

// signature reports whether postalias(1) adds this entry to every table, for
// NIS and for Sendmail.
func signature(key, value []byte) bool {
	switch string(key) {
	case "@":
		return string(value) == "@"
	case "YP_LAST_MODIFIED", "YP_MASTER_NAME":
		return true
	}
	return false
}

// CompiledEntries reads a compiled table whole, as [EachCompiled] does. The
// entries have no lines.
func CompiledEntries(typ string, r io.ReaderAt, size int64) ([]Entry, []Problem, error) {
	var entries []Entry
	problems, err := EachCompiled(typ, r, size, func(key, value []byte) bool {
		entries = append(entries, Entry{Key: string(key), Value: string(value)})
		return true
	})
	return entries, problems, err
}
