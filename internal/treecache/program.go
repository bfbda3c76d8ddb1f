package treecache

import (
	"io/fs"

	"waxseal"
	"waxseal/internal/loader"
)

// Program reads a regular file as a program, from one reading of it: of an ELF
// file only what matters is kept. More than limit bytes give ErrTooLarge. Who
// wants another digest later has it read once more.
func (t *Tree) Program(p waxseal.Path, limit int64, want loader.Digests) (loader.Image, error) {
	c, size, err := t.regular(p)
	if err != nil {
		return loader.Image{}, err
	}
	t.lock(c)
	defer c.Unlock()
	return t.program(p, c, size, limit, want)
}

// program is Program for one whose lock is held.
func (t *Tree) program(p waxseal.Path, c *content, size, limit int64, want loader.Digests) (loader.Image, error) {
	if c.err != nil || c.image != nil && want.In(c.image.Sums) {
		return deref(c.image), c.err
	}
	if size > limit && c.data == nil {
		return loader.Image{}, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	if c.data == nil {
		if o := t.otherOf(p, c); o != nil {
			probe := loader.NewProbe(want)
			err := t.both(p, o, probe)
			image, err := t.keepImage(c, t.imageOf(p, probe, limit), err)
			if o.end(c, err) {
				return image, nil
			}
		}
	}
	return t.alone(p, c, limit, want)
}

// alone reads a program without its twin.
func (t *Tree) alone(p waxseal.Path, c *content, limit int64, want loader.Digests) (loader.Image, error) {
	image, err := t.probe(p, c, limit, t.atLeast(want))
	return t.keepImage(c, image, err)
}

// keepImage remembers what the reading of a program gave; its lock is held.
func (t *Tree) keepImage(c *content, image loader.Image, err error) (loader.Image, error) {
	c.done, c.err, c.digest, c.sums = true, err, waxseal.Digest(image.Sums.SHA256), image.Sums
	if err != nil {
		return loader.Image{}, err
	}
	// A text that finds no room is read again when it is asked for again.
	if image.ELF != nil || c.data != nil || t.keep(int64(len(image.Text))) {
		c.image = &image
		c.data = image.Text
	}
	return image, nil
}

func deref(image *loader.Image) loader.Image {
	if image == nil {
		return loader.Image{}
	}
	return *image
}

// probe reads a program for the first time.
func (t *Tree) probe(p waxseal.Path, c *content, limit int64, want loader.Digests) (loader.Image, error) {
	below, ok := t.below.(copier)
	switch {
	case c.data != nil:
		return loader.ImageOf(c.data, want), nil
	case !ok:
		t.files.Add(1)
		data, err := t.below.ReadFile(p, limit)
		return loader.ImageOf(data, want), err
	}
	t.files.Add(1)
	probe := loader.NewProbe(want)
	if err := below.CopyTo(p, givingWay{probe, t}, limit); err != nil {
		return loader.Image{}, err
	}
	return t.imageOf(p, probe, limit), nil
}

// imageOf is what a probe saw; it is read once more where its parts lie somewhere
// unusual.
func (t *Tree) imageOf(p waxseal.Path, probe *loader.Probe, limit int64) loader.Image {
	return probe.Image(func() []byte {
		whole, _ := t.below.ReadFile(p, limit) // an error leaves nothing: damaged
		return whole
	})
}
