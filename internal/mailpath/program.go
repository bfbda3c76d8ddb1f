package mailpath

import (
	"bytes"
	"errors"
	"iter"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/loader"
)

// isProgram reports whether a part in this role is run or loaded.
func isProgram(r waxseal.Role) bool {
	switch r {
	case waxseal.RoleBinary, waxseal.RoleScript, waxseal.RoleInterpreter, waxseal.RoleLibrary:
		return true
	default:
		return false
	}
}

// program completes a part that is run: its digest, whether it is a script, and
// what the script needs. The answer is remembered until the file changes.
func (c *closer) program(p *waxseal.Part, state *waxseal.FileState) []waxseal.Part {
	now := stampOf(state.File)
	known, ok := c.reader.programs[p.Path]
	// A tree without change times (an archive) can't tell two versions apart.
	if !ok || known.stamp != now || state.ChangeTime.IsZero() || known.without && c.needsMD5(p.Path) || c.only(known) && !c.glances(p.Path, p.Role) {
		// One library has many names: it is read under the first.
		if known, ok = c.inodes[now]; !ok || now.inode == 0 || state.ChangeTime.IsZero() || known.without || c.only(known) && (c.reader.twin || !c.glances(p.Path, p.Role)) {
			known = c.readProgram(*p, state)
			known.stamp = now
		}
		if known.elf != nil {
			c.inodes[now] = known
		}
		c.reader.programs[p.Path] = known
	}
	if known.damaged {
		c.complain(waxseal.Problem{Path: p.Path, Message: loader.ErrDamaged.Error() + ": which libraries it loads is not known"})
	}
	c.packageOf(p, state.File, known.sums)
	if known.elf == nil { // a script is one, whatever it was taken for
		p.Role, state.Role = known.role, known.role
	}
	p.Digest, state.Digest = known.digest, known.digest
	p.Keyed, state.Keyed = known.keyed, known.keyed
	state.Text = known.text
	return known.needs
}

func (c *closer) readProgram(p waxseal.Part, state *waxseal.FileState) program {
	known := program{role: p.Role}
	image, err := c.image(p.Path, p.Role)
	if errors.Is(err, waxseal.ErrTooLarge) {
		known.digest, err = c.tree.Digest(p.Path)
		known.sums.SHA256 = string(known.digest)
	}
	if err != nil {
		c.problem(p.Path, err)
		return known
	}
	if image.Sums == (waxseal.Sums{}) {
		return known
	}
	known.sums = image.Sums
	known.without = image.Sums.MD5 == ""
	known.digest = waxseal.Digest(known.sums.SHA256)
	raw := image.Text
	switch {
	case image.Damaged:
		known.damaged = true
	case image.ELF != nil:
		known.elf = image.ELF
	case p.Role == waxseal.RoleInterpreter:
	case p.Role == waxseal.RoleBinary && bytes.HasPrefix(raw, []byte("#!")) || p.Role == waxseal.RoleScript:
		c.script(p.Path, raw, &known)
	case p.Role == waxseal.RoleLibrary && raw != nil: // what a script reads may be its password
		known.digest, known.keyed = c.reader.masker.Digest(raw), true
	}
	return known
}

// image reads a program, without keeping it where the tree can do that.
func (c *closer) image(p waxseal.Path, role waxseal.Role) (loader.Image, error) {
	image, err := c.imageWith(p, c.wantedOf(p, role))
	if err == nil && (c.lacksMD5(p, &image.Sums) || !c.enough(p, image.Sums)) {
		return c.imageWith(p, loader.SHA256AndMD5)
	}
	return image, err
}

func (c *closer) imageWith(p waxseal.Path, want loader.Digests) (loader.Image, error) {
	if tree, ok := c.tree.(programs); ok {
		return tree.Program(p, maxContent, want)
	}
	raw, err := c.tree.ReadFile(p, maxContent)
	if err != nil {
		return loader.Image{}, err
	}
	return loader.ImageOf(raw, want), nil
}

// script adds what is known of a program because it is a script.
func (c *closer) script(p waxseal.Path, raw []byte, known *program) {
	known.role = waxseal.RoleScript
	known.needs = c.scriptNeeds(p, raw)
	text := c.reader.masker.Text(waxseal.RoleScript, string(raw))
	if text != string(raw) {
		known.digest, known.keyed = c.reader.masker.Digest(raw), true
	}
	if len(text) <= maxText && !bytes.ContainsRune(raw, 0) {
		known.text = text
	}
}

var (
	// Where env(1) finds an interpreter named without a path.
	searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
)

const (
	maxScript      = 512 << 10 // longer scripts are not searched for paths
	maxScriptNames = 64
)

// scriptNeeds lists the interpreter of a script and the regular files it names.
// Names that the script puts together at run time are not found.
func (c *closer) scriptNeeds(script waxseal.Path, raw []byte) []waxseal.Part {
	var needs []waxseal.Part
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	if line, ok := strings.CutPrefix(string(first), "#!"); ok {
		for _, in := range c.interpreters(strings.Fields(line)) {
			needs = append(needs, waxseal.Part{Path: in, Role: waxseal.RoleInterpreter})
		}
	} else {
		rest = raw // a module that a script brings in has no such line
	}
	if len(rest) > maxScript {
		return needs
	}
	needs = append(needs, c.besides(script, rest)...)
	for name := range absolute(rest) {
		if len(needs) > maxScriptNames {
			break
		}
		p := waxseal.Path(path.Clean(name))
		if p == script {
			continue
		}
		if f, err := c.tree.Stat(p); err == nil && f.Type == waxseal.Regular && !c.isNumber(p, f) {
			needs = append(needs, waxseal.Part{Path: p, Role: roleNamed(f)})
		}
	}
	return needs
}

// isNumber reports whether a file that a script names holds a number and nothing else, as
// those do in which daemons leave their process id: another after each start. A file that
// ceases to be one is a part from then on.
func (c *closer) isNumber(p waxseal.Path, f waxseal.File) bool {
	const longest = 64
	if !strings.HasSuffix(string(p), ".pid") || f.Size > longest || f.Mode&0o111 != 0 {
		return false
	}
	text, err := c.tree.ReadFile(p, longest)
	return err == nil && len(bytes.Trim(text, " \t\n0123456789")) == 0
}

// absolute gives the absolute paths in a script: what it runs, sources or reads.
// It is written by hand since a regular expression took most of a scan.
func absolute(text []byte) iter.Seq[string] {
	const before, inside, least, most = " \t\n\f\r\"'=(<>|;&:@{", "_.+@%,/-", 2, 255
	return func(yield func(string) bool) {
		for at := 0; at < len(text); {
			slash := bytes.IndexByte(text[at:], '/')
			if slash < 0 {
				return
			}
			slash += at
			at = slash + 1
			if slash > 0 && strings.IndexByte(before, text[slash-1]) < 0 {
				continue
			}
			end := slash + 1
			for end < len(text) && end-slash-1 < most && (isAlphanumeric(text[end]) || strings.IndexByte(inside, text[end]) >= 0) {
				end++
			}
			if end-slash-1 < least {
				continue
			}
			if at = end; !yield(string(text[slash:end])) {
				return
			}
		}
	}
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// roleNamed guesses the role of a file that a script names: what may be executed
// is a program, anything else is kept by digest only, since it may be anything.
func roleNamed(f waxseal.File) waxseal.Role {
	if f.Mode&0o111 != 0 {
		return waxseal.RoleBinary
	}
	return waxseal.RoleLibrary
}

// interpreters resolves the words of a "#!" line: what the kernel runs, and what
// env(1) then finds.
func (c *closer) interpreters(words []string) []waxseal.Path {
	if len(words) == 0 {
		return nil
	}
	first := waxseal.Path(path.Clean("/" + words[0]))
	if path.Base(words[0]) != "env" {
		return []waxseal.Path{first}
	}
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "-") || strings.Contains(w, "=") {
			continue
		}
		for _, dir := range searchPath {
			p := waxseal.Path(path.Join(dir, w))
			if _, err := c.tree.Stat(p); err == nil {
				return []waxseal.Path{first, p}
			}
		}
		break
	}
	return []waxseal.Path{first}
}
