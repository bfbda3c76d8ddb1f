package mailpath

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
	"waxseal/internal/mta/postfix"
)

// module is what is remembered of a module's content.
type module struct {
	stamp   stamp
	sums    waxseal.Sums
	without bool // no package listed it when it was read, so it has no MD5
}

// summer is a tree that digests a file without keeping it.
type summer interface {
	Sums(p waxseal.Path, want loader.Digests) (waxseal.Sums, error)
}

// modules takes what mail packages brought into the state, and makes hooks of the
// code among it for which nothing vouches: not as its package brought it, of no
// package, or in a place that comes before the package's.
func (c *closer) modules(b brought, found postfix.Result) []waxseal.Hook {
	more := c.broughtBy(c.ofScripts(found.Hooks, b))
	b.code, b.config = append(b.code, more.code...), append(b.config, more.config...)
	for name := range more.packages {
		b.packages[name] = true
	}
	var odd []waxseal.Hook
	dirs := newPlacesMet()
	for _, p := range b.code {
		part, ok := c.module(p, dirs)
		if ok && part.PackageState == waxseal.PackageModified {
			odd = append(odd, moduleHook(part, "it is not as package "+part.Package+" brought it"))
		}
	}
	for _, p := range dirs.list {
		odd = append(odd, c.beside(p, b.packages)...)
	}
	odd = append(odd, c.shadows(b.code)...)
	odd = append(odd, c.filterConfig(b, found.Stacks)...)
	told := map[waxseal.Path]bool{} // as a daemon or plug-in, with better words
	for _, h := range found.Hooks {
		told[h.Source.Path] = true
	}
	return slices.DeleteFunc(odd, func(h waxseal.Hook) bool { return told[h.Source.Path] })
}

// ofScripts names the packages whose scripts hooks run, and that are not known yet:
// a script loads its modules by name.
func (c *closer) ofScripts(hooks []waxseal.Hook, b brought) (names []string) {
	if len(b.packages) == 0 {
		return nil
	}
	for _, h := range hooks {
		for _, p := range h.Closure {
			if h.Active && p.Role == waxseal.RoleScript && p.Package != "" && !b.packages[p.Package] && !slices.Contains(names, p.Package) {
				names = append(names, p.Package)
			}
		}
	}
	all := c.mailPackages(names)
	return slices.DeleteFunc(all, func(n string) bool { return b.packages[n] })
}

// placesMet are those that modules lie in, in the order in which they were met.
type placesMet struct {
	list []waxseal.Path
	seen map[waxseal.Path]bool
}

func newPlacesMet() *placesMet { return &placesMet{seen: map[waxseal.Path]bool{}} }

func (d *placesMet) add(p waxseal.Path) {
	if !d.seen[p] {
		d.seen[p] = true
		d.list = append(d.list, p)
	}
}

// module takes one file of a package into the state, unless it is there in another
// role: a daemon, a library, a script of a hook.
func (c *closer) module(p waxseal.Path, dirs *placesMet) (waxseal.Part, bool) {
	if _, ok := c.files[p]; ok {
		dirs.add(dirOf(p))
		return waxseal.Part{}, false
	}
	if was, ok := c.moduleBefore(p); ok {
		dirs.add(dirOf(p))
		c.parts[p], c.files[p] = was.part, was.state
		return was.part, true
	}
	f, err := c.tree.Lstat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return waxseal.Part{}, false // as dpkg's path-exclude leaves it
	case err != nil:
		c.problem(p, err)
		return waxseal.Part{}, false
	case f.Type == waxseal.Directory:
		dirs.add(p)
		return waxseal.Part{}, false
	case f.Type != waxseal.Regular:
		return waxseal.Part{}, false // where a link leads is a file of its own
	}
	dirs.add(dirOf(p))
	sums, err := c.sums(f)
	if err != nil {
		c.problem(p, err)
		return waxseal.Part{}, false
	}
	part := waxseal.Part{
		Path: p, Role: waxseal.RoleModule, Digest: waxseal.Digest(sums.SHA256), Owner: c.ownerOf(f), Mode: octal(f.Mode),
		Package: c.reader.packages.Owner(p), PackageState: c.reader.packages.State(p, sums),
	}
	c.parts[p] = part
	c.files[p] = waxseal.FileState{File: f, Role: part.Role, Digest: part.Digest, Package: part.Package, PackageState: part.PackageState}
	if m := c.reader.memos; m != nil {
		m.modules[p] = &completedModule{part, c.files[p], c.now()}
	}
	return part, true
}

// sums digests a file; the answer is remembered until the file changes.
func (c *closer) sums(f waxseal.File) (waxseal.Sums, error) {
	now := stampOf(f)
	if known, ok := c.reader.modules[f.Path]; ok && known.stamp == now && !f.ChangeTime.IsZero() && !(known.without && c.needsMD5(f.Path)) {
		return known.sums, nil
	}
	sums, err := c.digestsOf(f.Path, c.wantedOf(f.Path, waxseal.RoleModule))
	if err == nil && (c.lacksMD5(f.Path, &sums) || !c.enough(f.Path, sums)) {
		sums, err = c.digestsOf(f.Path, loader.SHA256AndMD5)
	}
	if err == nil {
		c.reader.modules[f.Path] = module{now, sums, sums.MD5 == ""}
	}
	return sums, err
}

func (c *closer) digestsOf(p waxseal.Path, want loader.Digests) (waxseal.Sums, error) {
	if tree, ok := c.tree.(summer); ok {
		return tree.Sums(p, want)
	}
	content, err := c.tree.ReadFile(p, maxContent)
	if err != nil {
		return waxseal.Sums{}, err
	}
	s := loader.NewSummer(want)
	_, _ = s.Write(content) // it does not fail
	return s.Sums(), nil
}

func (c *closer) ownerOf(f waxseal.File) string {
	return nameOf(c.users, f.UID) + ":" + nameOf(c.groups, f.GID)
}

// moduleHook is code that programs of the mail path load, or would load, and for
// which nothing vouches.
func moduleHook(p waxseal.Part, why string) waxseal.Hook {
	return waxseal.Hook{
		ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(p.Path) + ":plugin"), MTA: waxseal.HostStack,
		Kind: waxseal.KindPlugin, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute},
		Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p.Path)}, Scope: "all", Active: true,
		Source: waxseal.Source{Path: p.Path}, Directive: "plugin", Closure: []waxseal.Part{p},
		Explain: string(p.Path) + " is code that programs of the mail path load by its name, and " + why + ".",
	}
}

// beside makes hooks of code that no package brought, in a directory that only mail
// packages have files in: a filter loads it as it loads what lies beside it.
func (c *closer) beside(dir waxseal.Path, ours map[string]bool) (hooks []waxseal.Hook) {
	if len(ours) == 0 {
		return nil
	}
	names, err := c.tree.ReadDir(dir)
	if err != nil || len(names) > maxBeside {
		return nil
	}
	var strange []waxseal.Path
	kinds := map[string]bool{}
	for i, owner := range c.ownersIn(dir, names) {
		n := names[i]
		p := dir + "/" + waxseal.Path(n)
		switch {
		case ours[owner]:
			kinds[path.Ext(n)] = true
		case owner != "":
			return nil // a directory of many: /usr/bin, /usr/share/perl5
		default:
			strange = append(strange, p)
		}
	}
	for _, p := range strange {
		if part, ok := c.loadable(p, kinds); ok {
			hooks = append(hooks, moduleHook(part, "no package brought it"))
		}
	}
	return hooks
}

// maxBeside bounds the directories in which strangers are looked for.
const maxBeside = 10_000

// loadable completes a file that a program would load because of where it lies: it
// can be executed, is a library, or has an ending that packaged code beside it has.
func (c *closer) loadable(p waxseal.Path, kinds map[string]bool) (waxseal.Part, bool) {
	f, err := c.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular {
		return waxseal.Part{}, false
	}
	name := path.Base(string(p))
	ext := path.Ext(name)
	library := strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
	if slices.Contains(forBrowsers, ext) {
		return waxseal.Part{}, false
	}
	if !library && f.Mode&0o111 == 0 && (ext == "" || !kinds[ext]) {
		return waxseal.Part{}, false
	}
	part, _ := c.part(waxseal.Part{Path: p, Role: codeRole(library)})
	return part, part.PackageState == waxseal.PackageUnowned
}

// forBrowsers are endings of what a filter's web page has: no program of the mail
// path runs it, and packages copy others' files there when they are installed.
var forBrowsers = []string{".js", ".css", ".html", ".png", ".svg", ".gif", ".ico", ".woff", ".woff2", ".ttf", ".eot", ".map"}

func codeRole(library bool) waxseal.Role {
	if library {
		return waxseal.RoleLibrary
	}
	return waxseal.RoleScript
}
