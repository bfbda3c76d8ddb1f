package rpm

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
)

// More tags of a header (rpmtag.h).
const (
	tagRegion       = 63 // HEADERIMMUTABLE: where what was signed ends
	tagDSAHeader    = 267
	tagRSAHeader    = 268
	tagInstallTime  = 1008
	tagFileLinks    = 1036
	tagFileUsers    = 1039
	tagInstallTID   = 1128
	typeBin         = 7
	regionTrailer   = 16
	formatLink      = 0o120000
	flagConfig      = 1 << 0
	maxTransactions = 200_000
)

// Check says who signed a text, by a detached OpenPGP signature; an error says why it
// does not count.
type Check func(signed, signature []byte) (words string, err error)

// Has reports whether a tree has a database.
func Has(tree waxseal.Tree) bool {
	at, _ := find(tree)
	return at != ""
}

// Parcels reads what the database of a tree has of packages: of those that are wanted the
// header as its maker signed it, of all when they were installed. Times and the database
// are root's; what is signed is not.
func Parcels(tree waxseal.Tree, wanted map[string]bool, check Check) ([]parcel.Archive, []translog.Transaction, error) {
	at, _ := find(tree)
	if at == "" {
		return nil, nil, nil
	}
	db := &DB{at: at}
	var archives []parcel.Archive
	var log []translog.Transaction
	err := db.each(tree, func(blob []byte) {
		in, err := parseInstance(blob)
		if err != nil || len(log) > maxTransactions {
			return // Read tells of it
		}
		h, _ := parseHeader(blob)
		log = append(log, h.transaction(in))
		if wanted[in.name] {
			archives = append(archives, signedArchive(blob, in, at, check))
		}
	})
	return archives, log, bareError(err)
}

// transaction is how a package came, as its header has it: the run of rpm is named by
// when it began.
func (h header) transaction(in instance) translog.Transaction {
	t := translog.Transaction{Manager: "rpm", Action: "install", Package: in.name, New: in.version}
	if list := h.ints(tagInstallTime); len(list) > 0 {
		t.From = time.Unix(int64(list[0]), 0)
		t.Until = t.From
	}
	if list := h.ints(tagInstallTID); len(list) > 0 && time.Unix(int64(list[0]), 0).Before(t.From) {
		t.From = time.Unix(int64(list[0]), 0)
	}
	t.Line = in.name + " " + in.version + " installed " + t.Until.UTC().Format(time.RFC3339)
	return t
}

// signedArchive is a package as its signed header has it. What the database added to the
// header is left out before the files are read.
func signedArchive(blob []byte, in instance, at waxseal.Path, check Check) parcel.Archive {
	a := parcel.Archive{Package: in.name, Version: in.version, Where: at, Entries: map[waxseal.Path]parcel.Entry{}}
	whole, err := parseHeader(blob)
	signed := immutable(blob, whole)
	if err != nil || signed == nil {
		a.Voucher = "its header has no part that could be signed"
		return a
	}
	signature := whole.bytes(tagRSAHeader)
	if signature == nil {
		signature = whole.bytes(tagDSAHeader)
	}
	if signature == nil {
		a.Voucher = "nobody signed its header"
		return a
	}
	words, err := check(signed, signature)
	if a.Voucher = words; err != nil {
		a.Voucher = err.Error()
		return a
	}
	h, err := parseHeader(signed[8:])
	if again, problem := parseInstance(signed[8:]); err != nil || problem != nil || again.name != in.name || again.version != in.version {
		a.Voucher = "what was signed is another package"
		return a
	}
	a.Signed, a.Entries = true, h.entriesOf()
	return a
}

// immutable is what the maker of a package signed: the magic of a header, its size, and
// the index and data up to the end of the first region (rpm, lib/header.c).
func immutable(blob []byte, h header) []byte {
	e, ok := h.entries[tagRegion]
	if !ok || e.kind != typeBin || e.count != regionTrailer || uint64(e.offset)+regionTrailer > uint64(len(h.data)) || binary.BigEndian.Uint32(blob[8:]) != tagRegion {
		return nil
	}
	trailer := h.data[e.offset:]
	n := -int64(int32(binary.BigEndian.Uint32(trailer[8:]))) / 16
	if binary.BigEndian.Uint32(trailer) != tagRegion || n < 1 || n > maxEntries || 8+16*n > int64(len(blob)) {
		return nil
	}
	size := e.offset + regionTrailer
	signed := []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}
	signed = binary.BigEndian.AppendUint32(signed, uint32(n))
	signed = binary.BigEndian.AppendUint32(signed, size)
	signed = append(signed, blob[8:8+16*n]...)
	return append(signed, h.data[:size]...)
}

// bytes is an entry of plain bytes.
func (h header) bytes(tag uint32) []byte {
	e, ok := h.entries[tag]
	if !ok || e.kind != typeBin || uint64(e.offset)+uint64(e.count) > uint64(len(h.data)) {
		return nil
	}
	return h.data[e.offset : e.offset+e.count]
}

// entriesOf lists the files of a header whose digests are SHA-256. Users are named there,
// so that only root's number is known.
func (h header) entriesOf() map[waxseal.Path]parcel.Entry {
	entries := map[waxseal.Path]parcel.Entry{}
	if algorithm := h.ints(tagDigestAlgo); len(algorithm) == 0 || algorithm[0] != algorithmSHA256 {
		return entries
	}
	base, dirs, indexes := h.strings(tagBaseNames), h.strings(tagDirNames), h.ints(tagDirIndexes)
	digests, modes, flags := h.strings(tagFileDigests), h.ints(tagFileModes), h.ints(tagFileFlags)
	links, users := h.strings(tagFileLinks), h.strings(tagFileUsers)
	for i, name := range base {
		dir, ok := at(indexes, i)
		mode, known := at(modes, i)
		if !ok || !known || uint64(dir) >= uint64(len(dirs)) {
			continue
		}
		e := parcel.Entry{Mode: mode & 0o7777, UID: waxseal.Unset, GID: waxseal.Unset}
		if user, _ := at(users, i); user == "root" {
			e.UID = 0
		}
		flag, _ := at(flags, i)
		e.Configuration = flag&flagConfig != 0
		digest, _ := at(digests, i)
		switch raw, err := hex.DecodeString(digest); {
		case mode&formatMask == formatLink:
			e.Link, _ = at(links, i)
		case mode&formatMask != formatRegular || flag&flagGhost != 0 || err != nil || len(raw) != 32:
			continue
		default:
			e.SHA256 = waxseal.Digest(digest)
		}
		entries[waxseal.Path(dirs[dir]+name)] = e
	}
	return entries
}
