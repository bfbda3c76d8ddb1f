package rpm

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"waxseal"
)

// The tags of a header that are read (rpmtag.h).
const (
	tagSHA1Header   = 269
	tagSHA256Header = 273
	tagName         = 1000
	tagVersion      = 1001
	tagRelease      = 1002
	tagEpoch        = 1003
	tagOldFileNames = 1027
	tagFileStates   = 1029
	tagFileModes    = 1030
	tagFileDigests  = 1035
	tagFileFlags    = 1037
	tagDirIndexes   = 1116
	tagBaseNames    = 1117
	tagDirNames     = 1118
	tagDigestAlgo   = 5011
)

// The types of an entry (rpmtag.h).
const (
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
	typeI18N        = 9
)

const (
	// maxHeader bounds one header, as rpm does (HEADER_DATA_MAX), but tighter.
	maxHeader  = 64 << 20
	maxEntries = 65535 // HEADER_TAGS_MAX
	maxPath    = 4096
)

// header is one package as the database holds it: an index of tags and the data
// that they point into (the header structure of rpm's file format, without magic).
type header struct {
	entries map[uint32]headerEntry
	data    []byte
}

type headerEntry struct{ kind, offset, count uint32 }

var errHeader = errors.New("not a package header")

func parseHeader(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errHeader
	}
	n, size := uint64(binary.BigEndian.Uint32(blob)), uint64(binary.BigEndian.Uint32(blob[4:]))
	if n == 0 || n > maxEntries || 8+16*n+size != uint64(len(blob)) {
		return header{}, errHeader
	}
	h := header{entries: map[uint32]headerEntry{}, data: blob[8+16*n:]}
	for i := range n {
		e := blob[8+16*i:]
		field := func(k int) uint32 { return binary.BigEndian.Uint32(e[4*k:]) }
		h.entries[field(0)] = headerEntry{kind: field(1), offset: field(2), count: field(3)}
	}
	return h, nil
}

// strings returns the texts of an entry, at most max; nil where there are none.
func (h header) strings(tag uint32) []string {
	e, ok := h.entries[tag]
	if !ok || e.kind != typeString && e.kind != typeStringArray && e.kind != typeI18N || uint64(e.offset) > uint64(len(h.data)) {
		return nil
	}
	data := h.data[e.offset:]
	if uint64(e.count) > uint64(len(data)) { // each has at least its NUL
		return nil
	}
	list := make([]string, 0, e.count)
	for range e.count {
		end := bytes.IndexByte(data[:min(len(data), maxPath)], 0)
		if end < 0 {
			return nil
		}
		list = append(list, string(data[:end]))
		data = data[end+1:]
	}
	return list
}

func (h header) string(tag uint32) string {
	if list := h.strings(tag); len(list) > 0 {
		return list[0]
	}
	return ""
}

// ints returns the numbers of an entry; nil where there are none.
func (h header) ints(tag uint32) []uint32 {
	e, ok := h.entries[tag]
	width := map[uint32]uint64{typeInt8: 1, typeInt16: 2, typeInt32: 4}[e.kind]
	if !ok || width == 0 || uint64(e.offset)+width*uint64(e.count) > uint64(len(h.data)) {
		return nil
	}
	list := make([]uint32, e.count)
	for i := range list {
		at := h.data[uint64(e.offset)+width*uint64(i):]
		switch width {
		case 1:
			list[i] = uint32(at[0])
		case 2:
			list[i] = uint32(binary.BigEndian.Uint16(at))
		case 4:
			list[i] = binary.BigEndian.Uint32(at)
		}
	}
	return list
}

// instance is one installed package.
type instance struct {
	name, version string // version is "[epoch:]version-release"
	algorithm     uint32 // of digests
	files         []file
	odd           bool // its header is not as its maker made it
}

// file is one regular file of a package.
type file struct {
	path   waxseal.Path
	digest string // binary; "" where the package has none
	flags  uint32
	state  uint32
}

// The algorithms of file digests (RFC 4880 §9.4, which rpm uses numbers of).
const (
	algorithmMD5    = 1
	algorithmSHA256 = 8
)

const (
	formatMask    = 0o170000 // S_IFMT
	formatRegular = 0o100000
	// States of an installed file (rpmfiles.h) other than "normal": its name holds
	// another package's file, or nothing was installed.
	stateNormal     = 0
	stateNetShared  = 3
	flagGhost       = 1 << 6
	maxVersionField = 256
)

// parseInstance reads the package in a header.
func parseInstance(blob []byte) (instance, error) {
	h, err := parseHeader(blob)
	if err != nil {
		return instance{}, err
	}
	in := instance{name: h.string(tagName), algorithm: algorithmMD5}
	if in.name == "" {
		return instance{}, errHeader
	}
	in.version = h.string(tagVersion) + "-" + h.string(tagRelease)
	if epoch := h.ints(tagEpoch); len(epoch) > 0 {
		in.version = fmt.Sprintf("%d:%s", epoch[0], in.version)
	}
	in.version = in.version[:min(len(in.version), maxVersionField)]
	if a := h.ints(tagDigestAlgo); len(a) > 0 {
		in.algorithm = a[0]
	}
	if in.files, err = h.files(); err != nil {
		return in, err
	}
	in.odd = !h.intact(blob)
	return in, nil
}

// intact reports whether what its maker signed is what the header's own digest says. It is
// no proof: whoever edits the one can edit the other. Headers of before rpm 4.0 have none.
func (h header) intact(blob []byte) bool {
	made := immutable(blob, h)
	switch sha256sum, sha1sum := h.string(tagSHA256Header), h.string(tagSHA1Header); {
	case made == nil:
		return true
	case sha256sum != "":
		return fmt.Sprintf("%x", sha256.Sum256(made)) == sha256sum
	case sha1sum != "":
		return fmt.Sprintf("%x", sha1.Sum(made)) == sha1sum
	}
	return true
}

// files lists the regular files of a package. Names are kept in two parts and a
// number, or whole by very old versions of rpm.
func (h header) files() ([]file, error) {
	base, dirs, indexes := h.strings(tagBaseNames), h.strings(tagDirNames), h.ints(tagDirIndexes)
	if base == nil {
		base = h.strings(tagOldFileNames)
		dirs, indexes = []string{""}, make([]uint32, len(base))
	}
	if len(indexes) != len(base) {
		return nil, fmt.Errorf("%d directories for %d files", len(indexes), len(base))
	}
	digests, modes, flags, states := h.strings(tagFileDigests), h.ints(tagFileModes), h.ints(tagFileFlags), h.ints(tagFileStates)
	list := make([]file, 0, len(base))
	for i, name := range base {
		if uint64(indexes[i]) >= uint64(len(dirs)) || len(dirs[indexes[i]])+len(name) > maxPath {
			return nil, fmt.Errorf("file %d lies in a directory that there is not", i)
		}
		if mode, ok := at(modes, i); ok && mode&formatMask != formatRegular {
			continue
		}
		f := file{path: waxseal.Path(dirs[indexes[i]] + name)}
		f.flags, _ = at(flags, i)
		f.state, _ = at(states, i)
		if text, ok := at(digests, i); ok && f.flags&flagGhost == 0 {
			raw, err := hex.DecodeString(text)
			if err == nil {
				f.digest = string(raw)
			}
		}
		if f.state == stateNormal || f.state == stateNetShared {
			list = append(list, f)
		}
	}
	return list, nil
}

func at[T any](list []T, i int) (v T, ok bool) {
	if i < len(list) {
		return list[i], true
	}
	return v, false
}
