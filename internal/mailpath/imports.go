package mailpath

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
)

// What a line of a script brings in from beside it.
var (
	pythonImport = regexp.MustCompile(`^\s*(?:import\s+([A-Za-z_][\w.]*(?:\s*(?:as\s+\w+)?\s*,\s*[A-Za-z_][\w.]*)*)|from\s+(\.*[A-Za-z_][\w.]*|\.+)\s+import\s+([\w, *()]+))`)
	perlUse      = regexp.MustCompile(`^\s*(?:use|require|no)\s+([A-Z_a-z]\w*(?:::\w+)*)\b`)
	perlFile     = regexp.MustCompile(`\b(?:require|do)\s*\(?\s*["']([^"'$]+\.p[lmh])["']`)
	rubyRequire  = regexp.MustCompile(`^\s*(?:require_relative|load)\s*\(?\s*["']([^"'#]+)["']`)
	// A directory that a script adds to where it looks for modules.
	moduleDir = regexp.MustCompile(`(?:\bsys\.path\b[^#\n]*|\buse\s+lib\b[^#\n]*|@INC[^#\n]*|\bPYTHONPATH=|\bPERL5LIB=)`)
	quotedDir = regexp.MustCompile(`["'=(\s]((?:/|\$FindBin::(?:Real)?Bin|\$\{?RealBin\}?)[^"'()\s:]*)`)
	sourced   = regexp.MustCompile(`^\s*(?:\.|source)\s+([^;&|#]+)`)
	// What a shell puts in at run time.
	substituted = regexp.MustCompile("\\$\\([^()]*\\)|`[^`]*`|\\$\\{[^{}]*\\}")
	execNamed   = regexp.MustCompile(`(?:^|[;&|({]\s*|\s)exec\s+(?:-a\s+\S+\s+|-[cl]+\s+)*([A-Za-z_][\w.+-]*)`)
)

const maxBesides = 64

// besides lists what a script brings in without naming an absolute path: modules
// of python, perl and ruby that lie beside it or in a directory it adds, shell
// files it sources, and the program that it turns into.
func (c *closer) besides(script waxseal.Path, text []byte) []waxseal.Part {
	b := &besides{closer: c, script: script, dirs: []string{path.Dir(string(script))}, seen: map[waxseal.Path]bool{script: true}}
	if f, err := c.tree.Stat(script); err == nil && f.Resolved != "" {
		b.dirs = append(b.dirs, path.Dir(string(f.Resolved))) // python goes by the file that a link leads to
		b.seen[f.Resolved] = true
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if len(b.found) >= maxBesides {
			break
		}
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' || len(line) > 4096 {
			continue
		}
		b.line(line)
	}
	return b.found
}

type besides struct {
	*closer
	script waxseal.Path
	dirs   []string
	seen   map[waxseal.Path]bool
	found  []waxseal.Part
}

// line looks at one line. Regular expressions are slow, so that each is asked
// only where a word is that it needs.
func (b *besides) line(line string) {
	has := func(word string) bool { return strings.Contains(line, word) }
	if (has("sys.path") || has("lib") || has("@INC") || has("PYTHONPATH=") || has("PERL5LIB=")) && moduleDir.MatchString(line) {
		b.directories(line)
	}
	if has("import") {
		if g := pythonImport.FindStringSubmatch(line); g != nil {
			b.python(g)
		}
	}
	b.perl(line)
	if has("require_relative") || has("load") {
		if g := rubyRequire.FindStringSubmatch(line); g != nil {
			b.module(strings.TrimSuffix(g[1], ".rb") + ".rb")
		}
	}
	if first := strings.TrimSpace(line); first[0] == '.' || strings.HasPrefix(first, "source") {
		if g := sourced.FindStringSubmatch(line); g != nil {
			b.source(g[1])
		}
	}
	if has("exec") {
		for _, g := range execNamed.FindAllStringSubmatch(line, 8) {
			b.command(g[1])
		}
	}
}

func (b *besides) perl(line string) {
	first := strings.TrimSpace(line)
	if strings.HasPrefix(first, "use") || strings.HasPrefix(first, "require") || strings.HasPrefix(first, "no") {
		if g := perlUse.FindStringSubmatch(line); g != nil {
			b.module(strings.ReplaceAll(g[1], "::", "/") + ".pm")
		}
	}
	if strings.Contains(line, ".p") {
		for _, g := range perlFile.FindAllStringSubmatch(line, 8) {
			b.module(g[1])
		}
	}
}

// directories notes where else modules are looked for.
func (b *besides) directories(line string) {
	for _, g := range quotedDir.FindAllStringSubmatch(line, 8) {
		dir := g[1]
		if strings.HasPrefix(dir, "$") {
			_, rest, _ := strings.Cut(dir, "/")
			dir = path.Join(b.dirs[0], rest)
		}
		if len(b.dirs) < 16 {
			b.dirs = append(b.dirs, path.Clean(dir))
		}
	}
}

// python looks for the modules of an import statement: "import a.b, c",
// "from .a import b".
func (b *besides) python(g []string) {
	names := strings.Split(g[1], ",")
	if g[2] != "" {
		from := strings.TrimLeft(g[2], ".")
		names = []string{from}
		for _, n := range strings.FieldsFunc(g[3], func(r rune) bool { return strings.ContainsRune(" ,()*", r) }) {
			names = append(names, strings.TrimLeft(from+"."+n, "."))
		}
	}
	for _, n := range names {
		n, _, _ = strings.Cut(strings.TrimSpace(n), " ")
		steps := strings.Split(n, ".")
		for i := range steps { // a package is loaded before what is in it
			at := path.Join(steps[:i+1]...)
			if at == "" || i > 8 {
				break
			}
			b.module(at+".py", at+"/__init__.py", at+".so", at+".pyc")
		}
	}
}

// module takes the first of several names that lies in one of the directories.
func (b *besides) module(names ...string) {
	for _, dir := range b.dirs {
		for _, n := range names {
			if p := waxseal.Path(path.Join("/", dir, n)); b.take(p, waxseal.RoleScript) {
				return
			}
		}
	}
}

// source follows ". FILE arguments". What stands before the last "/" may be made
// at run time ("$(dirname "$0")/lib.sh"): then the file beside the script is meant.
func (b *besides) source(rest string) {
	rest = substituted.ReplaceAllString(strings.NewReplacer(`"`, "", "'", "").Replace(rest), "$$")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return
	}
	name := f[0]
	if strings.HasPrefix(name, "$") {
		_, name, _ = strings.Cut(name, "/")
	}
	switch {
	case name == "" || strings.Contains(name, "$"):
	case strings.HasPrefix(name, "/"):
		b.take(waxseal.Path(path.Clean(name)), waxseal.RoleScript)
	default:
		b.module(name)
	}
}

// command looks for a program named without a path where env(1) would.
func (b *besides) command(name string) {
	for _, dir := range searchPath {
		if b.take(waxseal.Path(path.Join(dir, name)), waxseal.RoleBinary) {
			return
		}
	}
}

func (b *besides) take(p waxseal.Path, role waxseal.Role) bool {
	if b.seen[p] {
		return true
	}
	f, err := b.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular {
		return false
	}
	b.seen[p] = true
	if strings.HasSuffix(string(p), ".so") || strings.HasSuffix(string(p), ".pyc") {
		role = waxseal.RoleLibrary
	}
	if len(b.found) < maxBesides {
		b.found = append(b.found, waxseal.Part{Path: p, Role: role})
	}
	return true
}
