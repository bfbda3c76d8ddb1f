package surroundings

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
)

// loader reads the files of the dynamic loader: libraries that every program on
// the host loads, and directories that are searched before the system's.
func (r *reader) loader() {
	r.preload("/etc/ld.so.preload")
	for i, d := range loader.Directories(r.tree) {
		r.note("ld.so.conf", string(d.Path), "position "+number(i+1), d.Source)
		r.part(d.Source.Path, waxseal.RoleConfig)
		r.libraryDirectory(d)
	}
	if r.exists("/etc/ld.so.conf") {
		r.part("/etc/ld.so.conf", waxseal.RoleConfig)
	}
}

// preload reads ld.so.preload (ld.so(8)): libraries separated by blanks or
// colons; "#" begins a comment.
func (r *reader) preload(p waxseal.Path) {
	if !r.exists(p) {
		return
	}
	r.part(p, waxseal.RoleConfig)
	text, ok := r.read(p)
	if !ok {
		return
	}
	for _, l := range parsePreload(text) {
		source := waxseal.Source{Path: p, Line: l.line}
		h := r.hook(waxseal.KindEnvironment, source, clip(l.name))
		h.Directive, h.Effects = "ld.so.preload", runs
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: l.name}
		h.Closure = []waxseal.Part{}
		if path.IsAbs(l.name) {
			h.Closure = append(h.Closure, waxseal.Part{Path: clean(l.name), Role: waxseal.RoleLibrary})
			h.Active = r.exists(clean(l.name))
		}
		h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleConfig})
		h.Explain = "Every program on the host loads " + clip(l.name) + " before anything else, mail daemons and root's commands too (ld.so.preload)."
		if !h.Active {
			h.Explain = "Every program on the host would load " + clip(l.name) + ", which is not there (ld.so.preload)."
		}
		r.emit(h)
	}
}

// named is a word of a file with its line.
type named struct {
	name string
	line int
}

const maxPreload = 256

func parsePreload(content string) []named {
	var list []named
	number := 0
	for line := range strings.SplitSeq(content, "\n") {
		number++
		line, _, _ = strings.Cut(line, "#")
		for w := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ':' || c == ' ' || c == '\t' || c == '\r' || c == 0 }) {
			if len(list) < maxPreload {
				list = append(list, named{w, number})
			}
		}
	}
	return list
}

// systemLibraries are the directories that only packages write to.
var systemLibraries = []string{"/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/libx32", "/lib", "/lib64", "/lib32", "/usr/local/lib", "/usr/local/lib64", "/usr/libexec"}

// libraryDirectory makes a hook of a directory that is searched before the
// system's own and that neither a package nor custom puts there.
func (r *reader) libraryDirectory(d loader.Directory) {
	if r.vendors(d.Source.Path, waxseal.RoleConfig) && !r.disowned(d.Source.Path, waxseal.RoleConfig) {
		return
	}
	for _, known := range systemLibraries {
		if p := string(d.Path); p == known || strings.HasPrefix(p, known+"/") && (!strings.HasPrefix(p, "/usr/local") || strings.HasSuffix(p, "-linux-gnu")) {
			return
		}
	}
	f, err := r.tree.Stat(d.Path)
	h := r.hook(waxseal.KindEnvironment, d.Source, string(d.Path))
	h.Directive, h.Effects, h.Active = "ld.so.conf", runs, err == nil && f.Type == waxseal.Directory
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(d.Path)}
	h.Closure = append(r.shadows(d.Path), waxseal.Part{Path: d.Source.Path, Role: waxseal.RoleConfig})
	h.Explain = "Every program on the host looks for its libraries in " + clip(string(d.Path)) + " before the system's directories (ld.so.conf)."
	if len(h.Closure) > 1 {
		h.Explain += " It holds a library of a name that the system has too."
	}
	r.emit(h)
}

// shadows lists libraries in a directory under names that the system's
// directories have as well.
func (r *reader) shadows(dir waxseal.Path) []waxseal.Part {
	var parts []waxseal.Part
	for _, n := range r.list(dir) {
		if !strings.Contains(n, ".so") || len(parts) >= maxVariableParts {
			continue
		}
		for _, system := range []string{"/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/", "/usr/lib64/", "/usr/lib/", "/lib64/", "/lib/"} {
			if r.exists(waxseal.Path(system + n)) {
				parts = append(parts, waxseal.Part{Path: dir + "/" + waxseal.Path(n), Role: waxseal.RoleLibrary})
				break
			}
		}
	}
	return parts
}
