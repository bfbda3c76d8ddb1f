package mailpath

import (
	"bytes"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// closer completes the parts of one reading.
type closer struct {
	reader   *Reader
	tree     waxseal.Tree
	oneHome  waxseal.Path // the one home that is read, "" for all
	again    bool         // what was found the last time may stand
	users    map[uint32]string
	groups   map[uint32]string
	files    map[waxseal.Path]waxseal.FileState
	parts    map[waxseal.Path]waxseal.Part
	problems []waxseal.Problem
	// complaints counts those about parts, whether somebody said the same before or not.
	complaints int
	rules      map[waxseal.Path]reading // of users, read before they are completed
	inodes     map[stamp]program        // ELF files read in this reading
	search     *searched
	loads      map[waxseal.Path][]waxseal.Part // program -> libraries that nothing vouches for
	unsafe     map[waxseal.Path][]waxseal.Path // directory -> unsafe ones from / down to it
	spent      spent                           // on the files that were read
}

// maxClosure bounds one closure: a script that names more files is not followed
// further, and a problem says so.
const maxClosure = 256

// complete fills in every part, and adds what the parts depend on themselves.
func (c *closer) complete(parts []waxseal.Part) []waxseal.Part {
	if len(parts) == 0 { // most rules of users depend on nothing else
		return []waxseal.Part{}
	}
	done := make([]waxseal.Part, 0, len(parts)+1) // most have a home that its owner may write
	seen := map[waxseal.Path]bool{}
	for queue := slices.Clip(parts); len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if seen[p.Path] {
			continue
		}
		if len(done) == maxClosure && len(parts) <= maxClosure {
			c.problems = append(c.problems, waxseal.Problem{Path: p.Path, Message: "more files than are followed from one hook; the rest is not watched"})
			break
		}
		seen[p.Path] = true
		part, needs := c.part(p)
		done = append(done, part)
		queue = append(queue, needs...)
		if isProgram(part.Role) && c.reader.programs[part.Path].elf != nil {
			queue = append(queue, c.libraries(part.Path)...)
		}
	}
	return append(done, c.chains(done)...)
}

// part completes one part; needs are the further parts it depends on.
func (c *closer) part(p waxseal.Part) (done waxseal.Part, needs []waxseal.Part) {
	if have, ok := c.parts[p.Path]; ok && !c.overrules(p, have) {
		return have, c.reader.programs[p.Path].needs
	}
	if was, ok := c.partBefore(p); ok {
		if was.state.Type == waxseal.Regular {
			c.spent.tooLarge(was.state.File) // it counts as it did: what had no room then has none now
		}
		c.parts[p.Path], c.files[p.Path] = was.done, was.state
		return was.done, c.reader.programs[p.Path].needs
	}
	complaints := c.complaints
	done, needs = c.partAnew(p)
	c.keepPart(p, done, complaints)
	return done, needs
}

// partAnew completes a part by what the tree says.
func (c *closer) partAnew(p waxseal.Part) (done waxseal.Part, needs []waxseal.Part) {
	file, err := c.tree.Stat(p.Path)
	if err != nil {
		return c.absent(p, err), nil
	}
	if link, err := c.tree.Lstat(p.Path); err == nil {
		file.Link = link.Link
	}
	p.Owner = nameOf(c.users, file.UID) + ":" + nameOf(c.groups, file.GID)
	p.Mode = octal(file.Mode)
	p.PackageState = waxseal.PackageUnknown
	state := waxseal.FileState{File: file, Role: p.Role}
	if file.Type == waxseal.Regular {
		needs = c.content(&p, &state)
		state.Package, state.PackageState = p.Package, p.PackageState
	}
	c.parts[p.Path] = p
	c.files[p.Path] = state
	return p, needs
}

// overrules reports whether a file that is known in one role is something else:
// what is run is a program, whatever else reads it. But a script also names files
// that it only looks at (an init script asks whether main.cf is there), and to be
// named makes no program of a configuration.
func (c *closer) overrules(p, have waxseal.Part) bool {
	switch {
	case p.Role == have.Role:
		return false
	case have.Role == waxseal.RoleUnused:
		return true // beside the configuration of one program, and that of another
	case isProgram(p.Role) && isProgram(have.Role):
		return true
	case have.Role == waxseal.RoleLibrary || have.Role == waxseal.RoleBinary:
		return !have.Missing && !c.runs(p.Path)
	case p.Role == waxseal.RoleLibrary || p.Role == waxseal.RoleBinary:
		return c.runs(p.Path)
	}
	return isProgram(p.Role)
}

// makefile matches the first line of a Makefile that can be run. Its commands are
// read by meaning where it belongs to a mail system, and it is no script of a shell.
var makefile = regexp.MustCompile(`^#!\s*/\S*/make\b`)

// runs reports whether a file is something that the kernel or the loader runs.
func (c *closer) runs(p waxseal.Path) bool {
	if known, ok := c.reader.programs[p]; ok && known.elf != nil {
		return true
	}
	image, err := c.image(p, waxseal.RoleLibrary)
	return err == nil && (image.ELF != nil || image.Damaged || bytes.HasPrefix(image.Text, []byte("#!")) && !makefile.Match(image.Text))
}

// absent notes a part that is not there; a part that is there and can't be read
// is a problem too.
func (c *closer) absent(p waxseal.Part, err error) waxseal.Part {
	p.PackageState = waxseal.PackageUnknown
	p.Missing = true
	if !errors.Is(err, fs.ErrNotExist) {
		c.problem(p.Path, err)
	} else if p.Role.Text() {
		c.dangling(p)
	}
	c.parts[p.Path] = p
	c.files[p.Path] = waxseal.FileState{File: waxseal.File{Path: p.Path}, Role: p.Role, Missing: true}
	return p
}

// dangling tells of a symbolic link that leads nowhere: to whoever lists the
// directory the file is there, and nothing of it was read. The configuration
// itself counts as unreadable then; a table may be linked to a part of the host
// that the tree lacks.
func (c *closer) dangling(p waxseal.Part) {
	link, err := c.tree.Lstat(p.Path)
	if err != nil || link.Type != waxseal.Symlink {
		return
	}
	c.complain(waxseal.Problem{Path: p.Path, Unreadable: p.Role == waxseal.RoleConfig,
		Message: "a symbolic link to " + link.Link + ", which is not in this tree: nothing of it was read"})
}

// complain notes a problem of a part, once.
func (c *closer) complain(p waxseal.Problem) {
	c.complaints++
	if !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// problem notes what could not be read, unless the reader of the mail system
// has said the same.
func (c *closer) problem(p waxseal.Path, err error) {
	c.complaints++
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	said := func(q waxseal.Problem) bool {
		return q.Unreadable && q.Path == p && strings.HasSuffix(q.Message, err.Error())
	}
	if !slices.ContainsFunc(c.problems, said) {
		c.problems = append(c.problems, waxseal.Problem{Path: p, Message: err.Error(), Unreadable: true})
	}
}

const (
	// maxContent bounds what is read into memory; larger files are hashed as a
	// stream.
	maxContent = 64 << 20
	// maxText bounds the text kept of one file for showing differences.
	maxText = 1 << 20
)

// content digests a regular file, and keeps its text where the role allows it.
func (c *closer) content(p *waxseal.Part, state *waxseal.FileState) []waxseal.Part {
	if c.spent.tooLarge(state.File) {
		c.unread(p, state)
		return nil
	}
	if isProgram(p.Role) {
		return c.program(p, state)
	}
	r, err := c.readAgain(state)
	if errors.Is(err, waxseal.ErrTooLarge) {
		state.Digest, err = c.tree.Digest(p.Path)
		p.Digest = state.Digest
		if err == nil {
			return nil
		}
	}
	if err != nil {
		c.problem(p.Path, err)
		return nil
	}
	c.packageOf(p, state.File, r.sums)
	c.digest(state, r)
	p.Digest, p.Keyed = state.Digest, state.Keyed
	return nil
}

// digest sets the digest and text of a file that is no program. Where the
// content holds a secret the digest is keyed, so that nobody can try passwords
// against it.
func (c *closer) digest(state *waxseal.FileState, r reading) {
	state.Digest = waxseal.Digest(r.sums.SHA256)
	if !state.Role.Text() {
		if secretive(state.Role) {
			state.Digest, state.Keyed = r.keyed, true
		}
		return
	}
	masked := r.masked
	if !r.whole {
		masked = strings.Clone(c.reader.masker.Text(state.Role, r.text))
	}
	if masked != r.text {
		state.Digest, state.Keyed = c.keyedOf(r), true
	}
	if !c.reader.once && len(masked) <= maxText && strings.IndexByte(masked, 0) < 0 {
		state.Text = masked
	}
}

// secretive reports whether a content is never read as text, since it may be, or
// hold, a password.
func secretive(r waxseal.Role) bool {
	return r == waxseal.RoleSecret || r == waxseal.RoleUnused || r == waxseal.RoleCompiledMap
}
