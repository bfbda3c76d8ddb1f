// Package deb reads package archives (deb(5)) and asks the lists of apt whether somebody
// signed for them.
//
// An archive is an ar(5) file with a control archive, which has name and version, and a
// data archive with the files, packed by gzip, xz or zstd or not at all. Of each file
// the SHA-256 is kept, of the archive as a whole too: by that one a signed index names
// it ([Lists]).
//
// Nothing is unpacked to the disk and no maintainer script is run or looked at. It
// stands on the edges because unpacking and signatures are other people's code.
package deb

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"waxseal"
	"waxseal/internal/parcel"
)

const (
	// maxUnpacked bounds the files of one archive. The largest that bring something of
	// mail, clamav's and perl's, have 60 MB.
	maxUnpacked = 1 << 30
	maxEntries  = 200_000
	maxControl  = 1 << 20
	maxWindow   = 64 << 20 // of zstd and xz
)

var (
	errFormat = errors.New("not a Debian package archive")
	errLarge  = errors.New("the archive unpacks to more than is read")
)

// Read reads an archive whole.
func Read(r io.Reader) (parcel.Archive, error) {
	h := sha256.New()
	in := bufio.NewReader(io.TeeReader(r, h))
	a := parcel.Archive{Entries: map[waxseal.Path]parcel.Entry{}}
	if err := readMembers(in, &a); err != nil {
		return a, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what is behind the members counts for the digest
		return a, err
	}
	a.SHA256 = waxseal.Digest(hex.EncodeToString(h.Sum(nil)))
	return a, nil
}

// readMembers goes through the ar archive: "debian-binary", "control.tar.*", "data.tar.*".
func readMembers(in io.Reader, a *parcel.Archive) error {
	magic := make([]byte, 8)
	if _, err := io.ReadFull(in, magic); err != nil || string(magic) != "!<arch>\n" {
		return errFormat
	}
	var conffiles string
	control, data := false, false
	for !data {
		name, size, err := member(in)
		if err != nil {
			return err
		}
		body := io.LimitReader(in, size)
		kind, _, _ := strings.Cut(name, ".tar")
		switch {
		case kind == "control" && !control:
			control = true
			conffiles, err = readControl(name, body, a)
		case kind == "data" && control:
			data = true
			err = readData(name, body, a)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := io.Copy(io.Discard, io.MultiReader(body, io.LimitReader(in, size%2))); err != nil {
			return err
		}
	}
	for line := range strings.Lines(conffiles) {
		p := waxseal.Path(strings.TrimSpace(strings.TrimPrefix(line, "remove-on-upgrade ")))
		if e, ok := a.Entries[p]; ok {
			e.Configuration = true
			a.Entries[p] = e
		}
	}
	return nil
}

// member reads a header of ar(5): name, three numbers, mode, size and an end mark.
func member(in io.Reader) (name string, size int64, err error) {
	head := make([]byte, 60)
	if _, err := io.ReadFull(in, head); err != nil || string(head[58:]) != "`\n" {
		return "", 0, errFormat
	}
	size, err = strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
	if err != nil || size < 0 {
		return "", 0, errFormat
	}
	return strings.TrimSuffix(strings.TrimSpace(string(head[:16])), "/"), size, nil
}

// unpack opens a member by the ending of its name.
func unpack(name string, r io.Reader) (io.Reader, func(), error) {
	nothing := func() {}
	switch path.Ext(name) {
	case ".tar":
		return r, nothing, nil
	case ".gz":
		z, err := gzip.NewReader(r)
		return z, nothing, err
	case ".xz":
		z, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(r)
		return z, nothing, err
	case ".lz4":
		return newLZ4(r), nothing, nil
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nothing, err
		}
		return z, z.Close, nil
	}
	return nil, nothing, errors.New("packed in a way that is not known")
}

// limited fails where there is more than is read, instead of ending quietly.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLarge
	}
	n, err := l.r.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

// eachEntry goes through a packed tar archive.
func eachEntry(name string, r io.Reader, limit int64, visit func(*tar.Header, io.Reader) error) error {
	z, done, err := unpack(name, r)
	defer done()
	if err != nil {
		return err
	}
	t := tar.NewReader(&limited{z, limit})
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n == maxEntries:
			return errLarge
		}
		if err := visit(h, t); err != nil {
			return err
		}
	}
}

func readControl(name string, r io.Reader, a *parcel.Archive) (conffiles string, err error) {
	err = eachEntry(name, r, maxControl*4, func(h *tar.Header, t io.Reader) error {
		switch path.Clean("/" + h.Name) {
		case "/control":
			text, err := io.ReadAll(io.LimitReader(t, maxControl))
			a.Package, a.Version = field(text, "Package"), field(text, "Version")
			return err
		case "/conffiles":
			text, err := io.ReadAll(io.LimitReader(t, maxControl))
			conffiles = string(text)
			return err
		}
		return nil
	})
	if err == nil && (a.Package == "" || a.Version == "") {
		err = errFormat
	}
	return conffiles, err
}

// field is a field of a stanza of deb822(5), the first of its name.
func field(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(key), name) {
			return strings.TrimSpace(string(value))
		}
	}
	return ""
}

func readData(name string, r io.Reader, a *parcel.Archive) error {
	return eachEntry(name, r, maxUnpacked, func(h *tar.Header, t io.Reader) error {
		p := waxseal.Path(path.Clean("/" + h.Name))
		e := parcel.Entry{Mode: uint32(h.Mode & 0o7777), UID: uint32(h.Uid), GID: uint32(h.Gid)}
		switch h.Typeflag {
		case tar.TypeReg:
			sum := sha256.New()
			if _, err := io.Copy(sum, t); err != nil {
				return err
			}
			e.SHA256 = waxseal.Digest(hex.EncodeToString(sum.Sum(nil)))
		case tar.TypeLink:
			e = a.Entries[waxseal.Path(path.Clean("/"+h.Linkname))]
		case tar.TypeSymlink:
			e.Link = h.Linkname
		default:
			return nil
		}
		a.Entries[p] = e
		return nil
	})
}
