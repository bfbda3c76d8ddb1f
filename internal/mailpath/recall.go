package mailpath

import (
	"waxseal"
	"waxseal/internal/loader"
)

// Recall tells a reader what contents another one has read. Two trees that are
// compared have nearly all contents in common, and for the same SHA-256 the MD5,
// which takes twice as long to make, is the same too.
func (r *Reader) Recall(other *Reader) {
	r.recalled = make(map[string]string, len(other.programs)+len(other.modules))
	for _, p := range other.programs {
		r.recall(p.sums)
	}
	for _, m := range other.modules {
		r.recall(m.sums)
	}
}

func (r *Reader) recall(s waxseal.Sums) {
	if s.MD5 != "" && s.SHA256 != "" {
		r.recalled[s.SHA256] = s.MD5
	}
}

// wanted says which digests of a file to make at first.
func (c *closer) wanted(p waxseal.Path) loader.Digests {
	if c.reader.recalled == nil && c.needsMD5(p) {
		return loader.SHA256AndMD5
	}
	return loader.SHA256
}

// needsMD5 reports whether the package database can't judge a file without its MD5.
func (c *closer) needsMD5(p waxseal.Path) bool {
	f, err := c.tree.Stat(p)
	return err == nil && c.reader.packages.NeedsMD5(whereIs(f))
}

// lacksMD5 reports whether a file must be read once more for its MD5, since nobody
// recalls that of this content.
func (c *closer) lacksMD5(p waxseal.Path, sums *waxseal.Sums) bool {
	if sums.MD5 != "" || !c.needsMD5(p) {
		return false
	}
	sums.MD5 = c.reader.recalled[sums.SHA256]
	return sums.MD5 == ""
}
