package replay

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/auditrec"
)

func number(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && uint32(n) != waxseal.Unset
}

// file names a file as records do.
type file struct{ device, inode uint64 }

// files are the names that records gave to files so far: operations on descriptors name
// none, nor does a relative name say what it is relative to.
type files struct {
	paths  map[file]waxseal.Path
	modes  map[uint64]uint32 // that chmod(2) gave, by the serial of the event
	owners map[uint64]uint32 // that chown(2) gave
}

const maxFiles = 1 << 18

func newFiles() *files {
	return &files{map[file]waxseal.Path{}, map[uint64]uint32{}, map[uint64]uint32{}}
}

func (f *files) learn(p waxseal.AuditPath, at waxseal.Path) {
	if p.Inode == 0 || at == "" {
		return
	}
	if len(f.paths) > maxFiles {
		clear(f.paths)
	}
	id := file{p.Device, p.Inode}
	switch p.NameType {
	case "DELETE":
		if f.paths[id] == at {
			delete(f.paths, id)
		}
	case "CREATE":
		f.paths[id] = at
	default:
		if _, known := f.paths[id]; !known || p.NameType == "PARENT" {
			f.paths[id] = at
		}
	}
}

// named is the path of one PATH record.
func (f *files) named(e *waxseal.AuditEvent, c auditrec.Call, p waxseal.AuditPath) (at waxseal.Path, certain bool) {
	switch {
	case p.Name == "":
		at, ok := f.paths[file{p.Device, p.Inode}]
		return at, ok
	case path.IsAbs(p.Name):
		return waxseal.Path(path.Clean(p.Name)), true
	case c.FromWorkingDirectory() && e.CWD != "":
		return waxseal.Path(path.Join(e.CWD, p.Name)), true
	}
	if p.NameType != "PARENT" {
		if dir, ok := f.parent(e, p); ok {
			return waxseal.Path(path.Join(string(dir), path.Base(p.Name))), true
		}
	}
	if at, ok := f.paths[file{p.Device, p.Inode}]; ok && p.Inode != 0 && path.Base(string(at)) == path.Base(p.Name) {
		return at, true
	}
	return waxseal.Path(path.Join("/", e.CWD, p.Name)), false
}

// parent is the directory of a name, by the inode of the PARENT record that goes with
// it: the name in that record is the working directory's, whatever the name was relative
// to.
func (f *files) parent(e *waxseal.AuditEvent, p waxseal.AuditPath) (waxseal.Path, bool) {
	var parents []waxseal.AuditPath
	for _, x := range e.Paths {
		if x.NameType == "PARENT" {
			parents = append(parents, x)
		}
	}
	if len(parents) == 0 {
		return "", false
	}
	of := parents[0]
	if p.NameType == "CREATE" { // a rename has the old directory first
		of = parents[len(parents)-1]
	}
	dir, ok := f.paths[file{of.Device, of.Inode}]
	return dir, ok
}

// changes are the operations on files that an event tells of.
func (p *player) changes(e waxseal.AuditEvent) []Change {
	c := auditrec.CallOf(&e)
	if len(e.Paths) == 0 || c.OnlyReads() {
		return nil
	}
	op := c.Operation
	if op == "" {
		op = byTypes(&e)
	}
	if op == "" {
		return nil
	}
	p.files.remember(&e, c)
	return p.finish(p.operations(&e, c, op), &e)
}

// byTypes is what an event does of which the call is not known.
func byTypes(e *waxseal.AuditEvent) (op waxseal.Operation) {
	created, deleted := false, false
	for _, x := range e.Paths {
		created, deleted = created || x.NameType == "CREATE", deleted || x.NameType == "DELETE"
	}
	switch {
	case created && deleted:
		return waxseal.OpRename
	case created:
		return waxseal.OpCreate
	case deleted:
		return waxseal.OpDelete
	}
	return ""
}

// operations are the changes of an event without who made them.
func (p *player) operations(e *waxseal.AuditEvent, c auditrec.Call, op waxseal.Operation) []Change {
	type item struct {
		waxseal.AuditPath
		at      waxseal.Path
		certain bool
	}
	var items []item
	for _, x := range e.Paths {
		at, certain := p.files.named(e, c, x)
		if x.NameType != "PARENT" {
			items = append(items, item{x, at, certain})
		} else if path.IsAbs(x.Name) && c.FromWorkingDirectory() {
			p.files.learn(x, at)
		}
	}
	var list []Change
	var old waxseal.Path
	target := ""
	for _, x := range items {
		at := p.files.real(x.AuditPath, x.at)
		if e.Success {
			p.files.learn(x.AuditPath, x.at)
		}
		ch := Change{Path: at, Operation: op, owner: ownerOf(e, x.AuditPath)}
		if !x.certain {
			ch.Reasons = []string{"the directory is not named in the records, and the path may be another"}
		}
		switch {
		case at == "":
			p.unnamed(e, op)
			continue
		case x.NameType == "UNKNOWN" && strings.HasPrefix(c.Name, "symlink"):
			target = x.Name
			continue
		case op == waxseal.OpRename && x.NameType == "DELETE":
			if old == "" {
				old = at
			}
			continue
		case op == waxseal.OpRename && x.NameType == "CREATE":
			ch.OldPath = old
		case op == waxseal.OpWrite && x.NameType == "CREATE":
			ch.Operation = waxseal.OpCreate
		case op == waxseal.OpLink && x.NameType == "CREATE":
			ch.Path, ch.Target = x.at, string(old)
		case op == waxseal.OpLink && old == "":
			old = at
		}
		ch.Target = firstOf(ch.Target, target)
		list = append(list, ch)
	}
	if op == waxseal.OpRename && len(list) == 0 && old != "" { // a rename that failed, or whose record is lost
		list = append(list, Change{Path: old, Operation: op})
	}
	if op == waxseal.OpMount && len(list) > 1 {
		list = list[len(list)-1:] // the source and the place; the place is what changes
	}
	return list
}

// ownerOf is whose the directory of a file is; the file's own where that is not recorded.
func ownerOf(e *waxseal.AuditEvent, p waxseal.AuditPath) uint32 {
	for _, x := range e.Paths {
		if x.NameType == "PARENT" {
			return x.UID
		}
	}
	return p.UID
}

// real is the name of a file that has a better known one: a hard link leads to the same
// file.
func (f *files) real(p waxseal.AuditPath, at waxseal.Path) waxseal.Path {
	known, ok := f.paths[file{p.Device, p.Inode}]
	if ok && p.Inode != 0 && p.NameType == "NORMAL" && placeOf(at) == nil && placeOf(known) != nil {
		return known
	}
	return at
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func (p *player) unnamed(e *waxseal.AuditEvent, op waxseal.Operation) {
	p.gap(waxseal.Gap{From: e.Time, Until: e.Time, Lost: 1, Reason: fmt.Sprintf("audit record %d: a %s through a descriptor, and no earlier record names the file", e.Serial, op)})
}

// finish adds to the changes of an event who made them.
func (p *player) finish(list []Change, e *waxseal.AuditEvent) []Change {
	if len(list) == 0 {
		return nil
	}
	grade := waxseal.Proven
	if e.Syscall < 0 && e.Type != "URINGOP" {
		grade = waxseal.Unknown
	}
	actor := p.memory.Doer(*e, grade)
	actor.Process.Basis = fmt.Sprintf("audit record %d of this operation", e.Serial)
	if grade == waxseal.Unknown {
		actor.Process.Basis, actor.Login.Basis = "the record that names the process is missing", "the record that names the login is missing"
	}
	for i := range list {
		list[i].Time, list[i].Serial, list[i].Success, list[i].Actor = e.Time, e.Serial, e.Success || grade == waxseal.Unknown, actor
		list[i].Findings = []waxseal.FindingID{}
	}
	return list
}
