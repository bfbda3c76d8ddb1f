package mailpath

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// Where Perl and Python look for modules before they look where packages put them:
// Debian's @INC (perl -V) and sys.path (site-packages.txt of python3).
var (
	firstPlaces = []string{"/etc/perl", "/usr/local/share/perl", "/usr/local/lib/site_perl", "/usr/local/lib/*/perl", "/usr/local/share/perl5", "/usr/local/lib64/perl5", "/usr/local/lib"}
	// What stands before the name of a module in a path.
	firstRoot    = regexp.MustCompile(`^(/etc/perl|/usr/local/share/perl/[\d.]+|/usr/local/lib/site_perl|/usr/local/lib/[^/]+/perl/[\d.]+|/usr/local/share/perl5(?:/[\d.]+)?|/usr/local/lib64/perl5(?:/[\d.]+)?|/usr/local/lib/python[\d.]+/(?:dist|site)-packages)/`)
	packagedRoot = regexp.MustCompile(`^(/usr/share/perl5(?:/vendor_perl)?|/usr/share/perl/[\d.]+|/usr/lib/[^/]+/perl5/[\d.]+|/usr/lib/[^/]+/perl/[\d.]+|/usr/lib/[^/]+/perl-base|/usr/lib64/perl5(?:/vendor_perl)?|/usr/lib/python[\d.]+/(?:dist|site)-packages|/usr/lib/python[\d.]+)/`)
)

// shadows makes hooks of modules that are loaded instead of those that packages
// brought, since they lie where the language looks first.
func (c *closer) shadows(code []waxseal.Path) (hooks []waxseal.Hook) {
	var first []waxseal.Path
	for _, place := range firstPlaces {
		for _, dir := range c.expand(place) {
			if dir == "/usr/local/lib" {
				for _, d := range c.named(dir, "python") {
					first = c.walk(d, 0, first)
				}
				continue
			}
			first = c.walk(dir, 0, first)
		}
	}
	if len(first) == 0 {
		return nil
	}
	asked := map[string]bool{} // by what a name ends with: of most nobody has a second one
	for _, p := range first {
		asked[path.Base(string(p))] = true
	}
	instead := map[string]waxseal.Path{}
	for _, p := range code {
		if !asked[path.Base(string(p))] {
			continue
		}
		if root := packagedRoot.FindString(string(p)); root != "" {
			instead[string(p[len(root):])] = p
		}
	}
	for _, p := range first {
		root := firstRoot.FindString(string(p))
		of, ok := instead[string(p[len(root):])]
		if root == "" || !ok || of == p || slices.Contains(code, p) {
			continue
		}
		library := strings.HasSuffix(string(p), ".so")
		part, _ := c.part(waxseal.Part{Path: p, Role: codeRole(library)})
		hooks = append(hooks, moduleHook(part, "it is loaded in place of "+string(of)+", which its package brought"))
	}
	return hooks
}

// expand puts the names that are there in place of one "*".
func (c *closer) expand(place string) []waxseal.Path {
	before, after, ok := strings.Cut(place, "*")
	if !ok {
		return []waxseal.Path{waxseal.Path(place)}
	}
	var dirs []waxseal.Path
	for _, d := range c.named(waxseal.Path(path.Clean(before)), "") {
		dirs = append(dirs, d+waxseal.Path(after))
	}
	return dirs
}

// named lists what in a directory has a name that begins so.
func (c *closer) named(dir waxseal.Path, prefix string) (found []waxseal.Path) {
	names, err := c.tree.ReadDir(dir)
	for _, n := range names {
		if err == nil && strings.HasPrefix(n, prefix) && len(found) < 256 {
			found = append(found, dir+"/"+waxseal.Path(n))
		}
	}
	return found
}
