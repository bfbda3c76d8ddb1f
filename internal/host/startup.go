package host

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"waxseal"
	"waxseal/internal/mta"
)

// SiteDirective is that of hooks by which code gets into every program of Python's.
const SiteDirective = "site"

// startup reads what Python runs by itself before any program (site, in its library
// reference): lines of *.pth files that begin with "import", sitecustomize and
// usercustomize.
func (r *reader) startup() {
	s := &site{reader: r, seen: map[string]bool{}}
	for _, dir := range r.sitePackages() {
		for _, n := range r.list(dir) {
			s.file(dir+"/"+waxseal.Path(n), n)
		}
	}
}

type site struct {
	*reader
	seen map[string]bool // modules of which the first is loaded
}

// sitePackages are the directories where Python looks for modules, as far as packages
// and administrators add some, in the order of sys.path: the library itself, where
// Debian keeps a sitecustomize, local packages, packages of the distribution, those of
// the accounts of services.
func (r *reader) sitePackages() []waxseal.Path {
	var library, local, packaged []waxseal.Path
	below := func(root waxseal.Path, into *[]waxseal.Path, names ...string) {
		for _, n := range r.list(root) {
			if strings.HasPrefix(n, "python") && len(*into) < 64 {
				for _, name := range names {
					if p := waxseal.Path(path.Join(string(root), n, name)); r.Exists(p) {
						*into = append(*into, p)
					}
				}
			}
		}
	}
	below("/usr/lib", &library, "")
	below("/usr/local/lib", &local, "dist-packages", "site-packages")
	below("/usr/local/lib64", &local, "site-packages")
	below("/usr/lib", &packaged, "dist-packages", "site-packages")
	below("/usr/lib64", &packaged, "site-packages")
	for _, a := range r.Accounts() {
		if !r.Reads(a.Home) {
			continue
		}
		if a.Listed && a.UID > 0 && a.UID < 1000 && len(a.Home) > 1 {
			below(clean(a.Home+"/.local/lib"), &packaged, "site-packages")
		}
	}
	return slices.Concat(library, local, packaged)
}

func (s *site) file(p waxseal.Path, name string) {
	switch {
	case strings.HasSuffix(name, ".pth"):
		s.paths(p)
	case name == "sitecustomize.py" || name == "usercustomize.py" || name == "sitecustomize" || name == "usercustomize":
		module := strings.TrimSuffix(name, ".py")
		if inLibrary := path.Base(path.Dir(string(p))); !strings.HasSuffix(inLibrary, "-packages") && !strings.HasPrefix(inLibrary, "python3.") && !strings.HasPrefix(inLibrary, "python2.") {
			return // no directory of sys.path
		}
		first := !s.seen[module]
		s.seen[module] = true
		s.custom(p, module, first)
	}
}

// known are lines that setuptools and namespace packages write (their own sources):
// with pip they come without a package. It is a large pattern, and few hosts have any.
var known = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^import (?:os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(?:stdlib|local)'\) == 'local'; enabled and __import__\('_distutils_hack'\)(?:\.add_shim\(\))?;?|` +
		`sys, types, os;has_mfs = sys\.version_info > \(3, 5\);p = os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], \*\('[\w.]+',(?: ?'[\w.]+',?)*\)\);importlib = has_mfs and __import__\('importlib\.util'\);.{0,600}|` +
		`__editable___[\w]+_finder; __editable___[\w]+_finder\.install\(\)|_virtualenv|sys; sys\.__plen = len\(sys\.path\)|sys; new=sys\.path\[sys\.__plen:\];.{0,200}|apport_python_hook)$`)
})

// paths reads a .pth file: a line that begins with "import" is run, another is a
// directory in which modules are looked for too.
func (s *site) paths(p waxseal.Path) {
	if s.vendors(p, waxseal.RoleScript) {
		return
	}
	text, ok := s.read(p, "a .pth file of Python")
	if !ok {
		return
	}
	s.Part(p, waxseal.RoleScript)
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSpace(strings.TrimRight(line, "\r"))
		if runs := strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t"); n > 1000 || !runs || known().MatchString(line) {
			continue
		}
		h := s.code(p, n, "runs what "+string(p)+" says: "+mta.Clip(line))
		mta.Modify(&h, "runs", mta.Clip(line))
		s.Emit(h)
	}
}

func (s *site) code(p waxseal.Path, line int, what string) waxseal.Hook {
	h := s.hook(waxseal.KindModule, SiteDirective, waxseal.Source{Path: p, Line: line})
	h.RunsAs = "" // whoever runs a program
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
	h.Explain = "Every program in Python, filters too, first " + what + "."
	return h
}

// apport is what Debian's sitecustomize says, with one space for all layout.
const apport = "try: import apport_python_hook except ImportError: pass else: apport_python_hook.install()"

// isDebians reports whether a module is the one that Debian's Python comes with, a link
// to a conffile, where no package database tells.
func (s *site) isDebians(p waxseal.Path, f waxseal.File) bool {
	if f.Size > 400 || !strings.HasPrefix(string(cmp.Or(f.Resolved, p)), "/etc/python3") || s.unvouched(p, waxseal.RoleScript) {
		return false
	}
	content, err := s.Tree.ReadFile(p, 4096)
	if err != nil {
		return false
	}
	var words []string
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(line, "#")
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " ") == apport
}

// custom makes the hook of a module that Python loads because of its name.
func (s *site) custom(p waxseal.Path, module string, first bool) {
	f, err := s.Tree.Stat(p)
	if err != nil || s.vendors(p, waxseal.RoleScript) {
		return
	}
	if f.Type == waxseal.Directory {
		if p += "/__init__.py"; !s.regular(p) || s.vendors(p, waxseal.RoleScript) {
			return
		}
	} else if f.Resolved != "" && s.vendors(f.Resolved, waxseal.RoleScript) {
		return
	}
	if s.isDebians(p, f) {
		return
	}
	h := s.code(p, 0, "loads "+string(p)+", and no package vouches for it ("+module+")")
	if !first {
		mta.Inactive(&h, "another "+module+" is found before it")
	}
	s.Emit(h)
}
