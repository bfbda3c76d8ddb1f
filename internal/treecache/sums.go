package treecache

import (
	"math"

	"waxseal"
	"waxseal/internal/loader"
)

// Sums digests a regular file of any size, and keeps nothing else of it. Who wants
// MD5 of a file must want it from the first, or it is read twice.
func (t *Tree) Sums(p waxseal.Path, want loader.Digests) (waxseal.Sums, error) {
	c, _, err := t.regular(p)
	if err != nil {
		return waxseal.Sums{}, err
	}
	c.Lock()
	defer c.Unlock()
	enough := func(s waxseal.Sums) bool { return s.SHA256 != "" && (want == loader.SHA256 || s.MD5 != "") }
	if c.err != nil || enough(c.sums) {
		return c.sums, c.err
	}
	sums := loader.NewSummer(want)
	if err := t.pour(p, c, sums); err != nil {
		return waxseal.Sums{}, err
	}
	c.sums = sums.Sums()
	c.digest = waxseal.Digest(c.sums.SHA256)
	return c.sums, nil
}

// pour writes a content to a summer; its lock is held.
func (t *Tree) pour(p waxseal.Path, c *content, to *loader.Summer) error {
	if c.data != nil {
		_, err := to.Write(c.data)
		return err
	}
	t.files.Add(1)
	if below, ok := t.below.(copier); ok {
		return below.CopyTo(p, to, math.MaxInt64-1)
	}
	data, err := t.below.ReadFile(p, maxWarm)
	if err == nil {
		_, err = to.Write(data)
	}
	return err
}
