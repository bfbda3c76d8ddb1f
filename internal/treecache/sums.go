package treecache

import (
	"math"

	"waxseal"
	"waxseal/internal/loader"
)

// Sums digests a regular file of any size, and keeps nothing else of it. Who wants
// another digest later has it read once more.
func (t *Tree) Sums(p waxseal.Path, want loader.Digests) (waxseal.Sums, error) {
	c, _, err := t.regular(p)
	if err != nil {
		return waxseal.Sums{}, err
	}
	c.Lock()
	defer c.Unlock()
	return t.sumsOf(p, c, want)
}

// sumsOf is Sums of a content whose lock is held.
func (t *Tree) sumsOf(p waxseal.Path, c *content, want loader.Digests) (waxseal.Sums, error) {
	if c.err != nil || want.In(c.sums) {
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
