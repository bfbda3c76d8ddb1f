package papers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
)

const maxArchive = 512 << 20

// copier is a tree that hands a file over without keeping it.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

var errOther = errors.New("it was another one while it was read")

// Archive implements Source. One that no signed index names is not unpacked: it vouches
// for nothing, and whoever made it may have meant the unpacking.
func (h *Here) Archive(p waxseal.Path, t Trust) (parcel.Archive, error) {
	a, ok := named(path.Base(string(p)))
	if !ok {
		return a, errors.New("its name is none of an archive")
	}
	a.Where = p
	f, err := h.Tree.Stat(p)
	if err == nil && f.Size > maxArchive {
		err = waxseal.ErrTooLarge
	}
	if err == nil {
		a.SHA256, err = h.Tree.Digest(p)
	}
	if err != nil {
		return a, err
	}
	lists := h.open(t)
	if why := lists.Knows(a.SHA256); why != nil {
		a.Voucher = why.Error()
		return clean(a), nil
	}
	is, err := unpacked(h.Tree, p)
	if err == nil && is.SHA256 != a.SHA256 {
		err = errOther
	}
	if err != nil {
		return a, err
	}
	lists.Vouch(&is)
	return clean(is), nil
}

func unpacked(tree waxseal.Tree, p waxseal.Path) (parcel.Archive, error) {
	c, ok := tree.(copier)
	if !ok {
		content, err := tree.ReadFile(p, maxArchive)
		if err != nil {
			return parcel.Archive{}, err
		}
		a, err := deb.Read(bytes.NewReader(content))
		a.Where = p
		return a, err
	}
	out, in := io.Pipe()
	go func() { in.CloseWithError(c.CopyTo(p, in, maxArchive)) }()
	a, err := deb.Read(out)
	out.CloseWithError(fmt.Errorf("%s: no more is wanted", p))
	a.Where = p
	return a, err
}
