package mailpath

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
)

// Glance tells a reader that its state is shown once, and neither kept nor compared.
// Libraries and modules that a package vouches for, by the digest that its database
// has, get no other then: nobody would see it.
func (r *Reader) Glance() { r.glance, r.once = true, true }

// Twin tells a reader that its tree is read together with another, and the two states are
// compared. Of libraries and modules that a package vouches for it has no other digest
// then either where both trees have the same content; see Level.
func (r *Reader) Twin() { r.glance, r.twin = true, true }

// glances reports whether the package's own digest is enough for a file in this role.
func (c *closer) glances(p waxseal.Path, role waxseal.Role) bool {
	return c.reader.glance && (role == waxseal.RoleLibrary || role == waxseal.RoleModule) && c.needsMD5(p)
}

// wantedOf says which digests of a file in a role to make at first.
func (c *closer) wantedOf(p waxseal.Path, role waxseal.Role) loader.Digests {
	if c.glances(p, role) {
		return loader.MD5
	}
	return c.wanted(p)
}

// wantedAhead guesses the role of a file that is read before anybody asks for it. To
// be wrong means to read it twice.
func (c *closer) wantedAhead(p waxseal.Path) loader.Digests {
	role := waxseal.RoleBinary
	if strings.Contains(path.Base(string(p)), ".") && !strings.Contains(string(p), "bin/") {
		role = waxseal.RoleLibrary
	}
	return c.wantedOf(p, role)
}

// enough reports whether nothing more than MD5 is to be known of a file.
func (c *closer) enough(p waxseal.Path, s waxseal.Sums) bool {
	if s.SHA256 != "" {
		return true
	}
	f, err := c.tree.Stat(p)
	return err == nil && c.reader.packages.State(whereIs(f), s) == waxseal.PackageUnmodified
}

// only reports whether no more than MD5 was made of a program.
func (c *closer) only(known program) bool { return known.digest == "" && known.sums.MD5 != "" }
