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
	t.lock(c)
	defer c.Unlock()
	return t.sumsOf(p, c, want)
}

// sumsOf is Sums of a content whose lock is held.
func (t *Tree) sumsOf(p waxseal.Path, c *content, want loader.Digests) (waxseal.Sums, error) {
	if c.err != nil || want.In(c.sums) {
		return c.sums, c.err
	}
	if c.data == nil {
		if o := t.otherOf(p, c); o != nil {
			sums := loader.NewSummer(want)
			err := t.both(p, o, sums)
			c.sumsAre(sums.Sums())
			if o.end(c, err) {
				return c.sums, nil
			}
		}
	}
	sums := loader.NewSummer(t.atLeast(want))
	if err := t.pour(p, c, sums); err != nil {
		return waxseal.Sums{}, err
	}
	c.sumsAre(sums.Sums())
	return c.sums, nil
}

func (c *content) sumsAre(s waxseal.Sums) { c.sums, c.digest = s, waxseal.Digest(s.SHA256) }

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
