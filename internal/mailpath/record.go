package mailpath

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"

	"waxseal"
	"waxseal/internal/mta"
)

// record is the questions of one reader with the answers it had.
type record struct {
	closer   *closer // while it reads
	keeps    bool
	n        int
	unsure   bool // something was asked that can't be asked again for little
	stats    []question[waxseal.File]
	links    []question[waxseal.File]
	files    []question[[]byte]
	dirs     []question[[]string]
	digests  []question[waxseal.Digest]
	parts    []completed
	packages []question[waxseal.Package]
	accounts *residence // nil where nobody asked who lives on the host
}

type question[T any] struct {
	path  waxseal.Path
	limit int64
	value T
	err   error
}

// completed is a part, as it was asked about and as it was completed.
type completed struct{ part, done waxseal.Part }

// residence is which list of accounts was seen.
type residence struct {
	passwd, homes stamp
	list          *mta.Account // the first
	n             int
}

// like makes room for as many questions as another had.
func (a *record) like(b *record) {
	a.stats, a.links, a.files = slices.Grow(a.stats, len(b.stats)), slices.Grow(a.links, len(b.links)), slices.Grow(a.files, len(b.files))
	a.dirs, a.digests = slices.Grow(a.dirs, len(b.dirs)), slices.Grow(a.digests, len(b.digests))
	a.parts, a.packages = slices.Grow(a.parts, len(b.parts)), slices.Grow(a.packages, len(b.packages))
}

func (a *record) add() bool {
	a.n++
	return a.keeps && a.n <= maxAsked
}

// over lays the record over a tree.
func (a *record) over(tree waxseal.Tree) waxseal.Tree {
	r := recorder{tree, a}
	if d, ok := tree.(dwelling); ok {
		return recordedDwelling{r, d}
	}
	return r
}

// about answers for closer.about.
func (a *record) about(p waxseal.Part) waxseal.Part {
	done := a.closer.about(p)
	if a.add() {
		a.parts = append(a.parts, completed{p, done})
	}
	return done
}

// packaged answers for Reader.describes.
func (a *record) packaged(describe func(string) waxseal.Package) func(string) waxseal.Package {
	return func(name string) waxseal.Package {
		p := describe(name)
		if a.add() {
			a.packages = append(a.packages, question[waxseal.Package]{path: waxseal.Path(name), value: p})
		}
		return p
	}
}

// same reports whether every question has the answer now that it had. Those are asked of
// which there is a doubt.
func (a *record) same(c *closer, tree waxseal.Tree, doubt remembering) bool {
	relisted := doubt.Relisted()
	listed := func(p waxseal.Path, _ error) bool { return relisted || doubt.Touched(p) }
	told := func(p waxseal.Path, err error) bool { return relisted && err != nil || doubt.Touched(p) }
	return a.sameAccounts(tree) &&
		stand(a.dirs, listed, func(q *question[[]string]) ([]string, error) { return tree.ReadDir(q.path) }, sameList) &&
		stand(a.stats, told, func(q *question[waxseal.File]) (waxseal.File, error) { return tree.Stat(q.path) }, equalFiles) &&
		stand(a.links, told, func(q *question[waxseal.File]) (waxseal.File, error) { return tree.Lstat(q.path) }, equalFiles) &&
		stand(a.files, told, func(q *question[[]byte]) ([]byte, error) { return tree.ReadFile(q.path, q.limit) }, sameBytes) &&
		stand(a.digests, told, func(q *question[waxseal.Digest]) (waxseal.Digest, error) { return tree.Digest(q.path) }, sameDigest) &&
		a.samePackages(c) && a.sameParts(c)
}

// stand reports whether questions have the answers that they had, as far as these are in
// doubt.
func stand[T any](list []question[T], doubted func(waxseal.Path, error) bool, ask func(*question[T]) (T, error), same func(a, b T) bool) bool {
	for i := range list { // of many, which are large
		q := &list[i]
		if !doubted(q.path, q.err) {
			continue
		}
		if now, err := ask(q); !sameError(err, q.err) || !same(now, q.value) {
			return false
		}
	}
	return true
}

func sameDigest(a, b waxseal.Digest) bool { return a == b }

func (a *record) sameAccounts(tree waxseal.Tree) bool {
	if a.accounts == nil {
		return true
	}
	d, ok := tree.(dwelling)
	return ok && a.accounts.n >= 0 && *a.accounts == d.residence()
}

func (a *record) samePackages(c *closer) bool {
	for i := range a.packages {
		if q := &a.packages[i]; c.reader.packages.Describe(string(q.path)) != q.value {
			return false
		}
	}
	return true
}

// sameParts takes the parts into the state as well, as asking did.
func (a *record) sameParts(c *closer) bool {
	for i := range a.parts {
		if q := &a.parts[i]; c.about(q.part) != q.done {
			return false
		}
	}
	return true
}

// recorder is a tree that remembers what it was asked.
type recorder struct {
	below waxseal.Tree
	asked *record
}

// Lstat implements waxseal.Tree.
func (r recorder) Lstat(p waxseal.Path) (waxseal.File, error) {
	f, err := r.below.Lstat(p)
	if r.asked.add() {
		r.asked.links = append(r.asked.links, question[waxseal.File]{path: p, value: f, err: err})
	}
	return f, err
}

// Stat implements waxseal.Tree.
func (r recorder) Stat(p waxseal.Path) (waxseal.File, error) {
	f, err := r.below.Stat(p)
	if r.asked.add() {
		r.asked.stats = append(r.asked.stats, question[waxseal.File]{path: p, value: f, err: err})
	}
	return f, err
}

// ReadFile implements waxseal.Tree.
func (r recorder) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	b, err := r.below.ReadFile(p, limit)
	if r.asked.add() {
		r.asked.files = append(r.asked.files, question[[]byte]{path: p, limit: limit, value: b, err: err})
	}
	r.asked.unsure = r.asked.unsure || len(b) > maxWhole // it would be kept for this alone
	return b, err
}

// Digest implements waxseal.Tree.
func (r recorder) Digest(p waxseal.Path) (waxseal.Digest, error) {
	d, err := r.below.Digest(p)
	if r.asked.add() {
		r.asked.digests = append(r.asked.digests, question[waxseal.Digest]{path: p, value: d, err: err})
	}
	return d, err
}

// ReadDir implements waxseal.Tree.
func (r recorder) ReadDir(p waxseal.Path) ([]string, error) {
	names, err := r.below.ReadDir(p)
	if r.asked.add() {
		r.asked.dirs = append(r.asked.dirs, question[[]string]{path: p, value: names, err: err})
	}
	return names, err
}

// recordedDwelling is a recorder over a dwelling.
type recordedDwelling struct {
	recorder
	dwelling dwelling
}

var _ mta.Dwelling = recordedDwelling{}

// Accounts implements mta.Dwelling.
func (r recordedDwelling) Accounts(list func() ([]mta.Account, bool)) []mta.Account {
	found := r.dwelling.Accounts(list)
	r.lives()
	return found
}

// Reads implements mta.Dwelling.
func (r recordedDwelling) Reads(p waxseal.Path) bool { return r.dwelling.Reads(p) }

// Lives implements mta.Dwelling.
func (r recordedDwelling) Lives(name, home string) {
	r.dwelling.Lives(name, home)
	r.lives()
}

func (r recordedDwelling) lives() {
	now := r.dwelling.residence()
	r.asked.accounts = &now
}

func sameError(a, b error) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case errors.Is(a, fs.ErrNotExist):
		return errors.Is(b, fs.ErrNotExist)
	}
	return a.Error() == b.Error()
}

// sameBytes knows two contents as one where the memory of the tree gave the same twice.
func sameBytes(a, b []byte) bool {
	return onePiece(a, b) || bytes.Equal(a, b)
}

func sameList(a, b []string) bool {
	return onePiece(a, b) || slices.Equal(a, b)
}

// onePiece reports whether two lists are the same piece of memory.
func onePiece[T any](a, b []T) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// equalFiles compares all that a tree says of a file.
func equalFiles(a, b waxseal.File) bool {
	return a.Path == b.Path && a.Resolved == b.Resolved && a.Link == b.Link && a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID &&
		stampOf(a) == stampOf(b) && a.Links == b.Links && maps.Equal(a.XAttrs, b.XAttrs) && slices.Equal(a.Flags, b.Flags)
}

// residence is the list of accounts as it is known.
func (d dwelling) residence() residence {
	d.reader.homes.Lock()
	defer d.reader.homes.Unlock()
	l := &d.reader.residents
	passwd, homes := d.stamps()
	if !l.known || passwd != l.passwd || homes != l.homes {
		return residence{n: -1} // which is like no other
	}
	r := residence{passwd: passwd, homes: homes, n: len(l.accounts)}
	if r.n > 0 {
		r.list = &l.accounts[0]
	}
	return r
}

// CopyTo hands over a file piece by piece, as far as the tree below can. It is not asked
// again: such a file is too large to be kept.
func (r recordedDwelling) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	r.asked.unsure = true
	return r.dwelling.CopyTo(p, w, limit)
}
