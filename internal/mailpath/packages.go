package mailpath

import (
	"maps"
	"slices"

	"waxseal"
	"waxseal/internal/pkgdb/dpkg"
)

// Packages is what is asked of a package database.
type Packages interface {
	// Owner names the package that brought a file, "" where none did.
	Owner(waxseal.Path) string
	// State judges a file by digests of its content.
	State(waxseal.Path, waxseal.Sums) waxseal.PackageState
	// NeedsMD5 reports whether State needs the MD5 of a file, which takes long to
	// make. It may be called by several goroutines.
	NeedsMD5(waxseal.Path) bool
	// Package describes an installed package; the zero value is none. Describe leaves
	// the fingerprint out, which takes long to make.
	Package(name string) waxseal.Package
	Describe(name string) waxseal.Package
	// Brought lists the files of an installed package, and Needs the packages that it
	// depends on; names of packages that are not there may be among them.
	Brought(name string) []waxseal.Path
	Needs(name string) []string
	// Current reports whether the database in a tree is still the one that was
	// read, without reading it.
	Current(waxseal.Tree) bool
}

// OpenPackages reads a package database of another kind than Debian's, which
// can't be read as a value: rpm's is a database of its own. It returns nil for a
// tree that has none.
type OpenPackages func(waxseal.Tree) (Packages, []waxseal.Problem)

// Otherwise says how to read the packages of a tree that has none of dpkg.
func (r *Reader) Otherwise(open OpenPackages) { r.others = open }

// debian is dpkg's database, as Packages wants it.
type debian struct{ *dpkg.DB }

// State implements Packages. dpkg has MD5 only.
func (d debian) State(p waxseal.Path, sums waxseal.Sums) waxseal.PackageState {
	return d.DB.State(p, sums.MD5)
}

// NeedsMD5 implements Packages.
func (d debian) NeedsMD5(p waxseal.Path) bool { return d.Lists(p) }

// nobody is the database of a tree without one: everything is unknown, which
// makes nothing worse.
type nobody struct{}

func (nobody) Owner(waxseal.Path) string { return "" }
func (nobody) State(waxseal.Path, waxseal.Sums) waxseal.PackageState {
	return waxseal.PackageUnknown
}
func (nobody) NeedsMD5(waxseal.Path) bool      { return false }
func (nobody) Package(string) waxseal.Package  { return waxseal.Package{} }
func (nobody) Describe(string) waxseal.Package { return waxseal.Package{} }
func (nobody) Brought(string) []waxseal.Path   { return nil }
func (nobody) Needs(string) []string           { return nil }
func (nobody) Current(waxseal.Tree) bool       { return false }

// refreshPackages reads the package database if it is new or has changed.
func (r *Reader) refreshPackages(tree waxseal.Tree, c *closer) {
	if r.packages != nil && r.packages.Current(tree) {
		if d, ok := r.packages.(debian); ok {
			d.ReadFrom(tree)
		}
		return
	}
	was := r.packages
	defer func() {
		if was != (nobody{}) || r.packages != (nobody{}) {
			r.memos.forget()
		}
	}()
	db, problems := dpkg.Read(tree)
	c.problems = append(c.problems, problems...)
	r.packages = debian{db}
	if !db.Present() {
		r.packages = nobody{}
		if r.others != nil {
			other, problems := r.others(tree)
			c.problems = append(c.problems, problems...)
			if other != nil {
				r.packages = other
			}
		}
	}
}

// packageProblems adds what could not be read when it was asked for.
func (c *closer) packageProblems() {
	if d, ok := c.reader.packages.(debian); ok {
		c.problems = append(c.problems, d.Problems()...)
	}
}

// packageOf asks the package database about a file, under the name it was found
// by and the name it resolved to.
func (c *closer) packageOf(p *waxseal.Part, f waxseal.File, sums waxseal.Sums) {
	at := whereIs(f)
	p.Package = c.reader.packages.Owner(at)
	p.PackageState = c.reader.packages.State(at, sums)
}

// installed lists the packages that brought a file of the mail set. A seal holds
// them, so that who edits the database to suit a changed file is seen. A state that is
// compared with none needs no fingerprints of the database.
func (c *closer) installed() []waxseal.Package {
	if c.reader.once {
		return nil
	}
	names := map[string]bool{}
	for _, p := range c.parts {
		names[p.Package] = true
	}
	delete(names, "")
	var list []waxseal.Package
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if p := c.described(name); p.Name != "" {
			list = append(list, p)
		}
	}
	return list
}

// described describes a package; LevelPackages adds what is left out where two trees are
// compared.
func (c *closer) described(name string) waxseal.Package {
	d, ok := c.reader.packages.(debian)
	if !ok || !c.reader.twin {
		return c.reader.packages.Package(name)
	}
	d.Gather(name)
	return d.Describe(name)
}
