// Package surroundings reads what lies around a mail system and decides what
// runs in it: systemd's units, init scripts and the scripts of interfaces, cron
// and package managers, the dynamic loader's files, environments, the commands
// that stand for the MTA, log rules, and hosts(5).
//
// It follows systemd.unit(5), systemd.exec(5), systemd.service(5),
// systemd.syntax(7), ld.so(8), crontab(5), rsyslog.conf(5), journald.conf(5),
// dpkg-divert(1), hosts(5) and nsswitch.conf(5). What a package brought and
// nobody changed is a part of the mail set and no hook; what differs is a hook.
//
// It reads files only: what a generator makes at boot, what systemctl has
// loaded since, and what a shell script puts together while it runs are not
// known. It gives no judgement.
package surroundings

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// Result is everything read.
type Result struct {
	Hooks    []waxseal.Hook
	Settings []waxseal.Setting
	Problems []waxseal.Problem
	// Parts are the files that decide what runs and stand in no hook's closure.
	Parts []waxseal.Part
	// ConfigDirectories are directories that something on the host gives to Postfix
	// as its configuration, in the order in which they were found, each once.
	ConfigDirectories []ConfigDirectory
	// Starts are the command lines by which something on the host gives another
	// mail system a configuration of its own, in the order in which they were found.
	Starts []mta.Start
}

// ConfigDirectory is a configuration directory of Postfix that something other
// than main.cf names: MAIL_CONFIG in an environment, or "-c DIR" of a command
// (postfix(1)).
type ConfigDirectory struct {
	Path   waxseal.Path
	Why    string // "MAIL_CONFIG in postfix@-.service"
	Source waxseal.Source
	Active bool
}

// About completes a part: owner, mode, digest and what the package database says
// of it.
type About func(waxseal.Part) waxseal.Part

const (
	maxFile  = 4 << 20
	maxHooks = 20_000
	maxNames = 5_000 // entries of one directory
)

// Read reads the surroundings of the mail systems in a tree. About may be nil:
// then no package vouches for anything, and files in the directories of vendors
// count as theirs.
func Read(tree waxseal.Tree, m *mask.Masker, about About) Result {
	r := &reader{tree: sane{tree}, mask: m, complete: about, ids: map[waxseal.HookID]int{}, parts: map[waxseal.Path]int{}, settings: map[string]int{}}
	r.units()
	r.initScripts()
	r.jobs()
	r.loader()
	r.environments()
	r.commands()
	r.diversions()
	r.plugins()
	r.syslog()
	r.journal()
	r.nameService()
	r.finish()
	return r.result
}

// maxPath is the longest path that the kernel takes (PATH_MAX).
const maxPath = 4096

// sane is a tree in which no path is longer than the kernel would take: what a
// hostile file names can be.
type sane struct{ waxseal.Tree }

func tooLong(p waxseal.Path) error {
	if len(p) > maxPath {
		return &fs.PathError{Op: "open", Path: string(p[:64]) + "…", Err: fs.ErrNotExist}
	}
	return nil
}

func (s sane) Lstat(p waxseal.Path) (waxseal.File, error) {
	if err := tooLong(p); err != nil {
		return waxseal.File{}, err
	}
	return s.Tree.Lstat(p)
}

func (s sane) Stat(p waxseal.Path) (waxseal.File, error) {
	if err := tooLong(p); err != nil {
		return waxseal.File{}, err
	}
	return s.Tree.Stat(p)
}

func (s sane) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if err := tooLong(p); err != nil {
		return nil, err
	}
	return s.Tree.ReadFile(p, limit)
}

func (s sane) ReadDir(p waxseal.Path) ([]string, error) {
	if err := tooLong(p); err != nil {
		return nil, err
	}
	return s.Tree.ReadDir(p)
}

// reader holds what is shared by all places of one tree.
type reader struct {
	tree     waxseal.Tree
	mask     *mask.Masker
	complete About
	result   Result
	ids      map[waxseal.HookID]int
	parts    map[waxseal.Path]int // position in result.Parts
	settings map[string]int       // how often a name was noted
	states   map[waxseal.Path]waxseal.Part
	// libraryDirs are where libraries are looked for, once they have been asked for.
	libraryDirs []waxseal.Path
}

// read returns the content of a file, and notes why it could not be read.
func (r *reader) read(p waxseal.Path) (string, bool) {
	content, err := r.tree.ReadFile(p, maxFile)
	if err == nil {
		return string(content), true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		message := err.Error()
		var where *fs.PathError
		if errors.As(err, &where) {
			message = where.Err.Error()
		}
		r.addProblem(waxseal.Problem{Path: p, Message: message, Unreadable: true})
	}
	return "", false
}

func (r *reader) addProblem(p waxseal.Problem) {
	const most = 2_000
	if len(r.result.Problems) < most {
		r.result.Problems = append(r.result.Problems, p)
	}
}

// list returns the names in a directory; one that is not there has none.
func (r *reader) list(dir waxseal.Path) []string {
	names, err := r.tree.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, waxseal.ErrNotRegular) {
		r.addProblem(waxseal.Problem{Path: dir, Message: "the directory can't be listed, so files in it may be missed: " + err.Error(), Unreadable: true})
	}
	if len(names) > maxNames {
		r.addProblem(waxseal.Problem{Path: dir, Message: "more files than are listed"})
		names = names[:maxNames]
	}
	return names
}

// exists also says yes to what is there but can't be looked at.
func (r *reader) exists(p waxseal.Path) bool {
	_, err := r.tree.Lstat(p)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// partial reports whether the tree is only a part of a host, such as a copy of
// its /etc: that a program or library is not in it says nothing then.
func (r *reader) partial() bool { return !r.exists("/usr/bin") && !r.exists("/bin") }

func (r *reader) regular(p waxseal.Path) bool {
	f, err := r.tree.Stat(p)
	return err == nil && f.Type == waxseal.Regular
}

// about asks once for each file.
func (r *reader) about(p waxseal.Path, role waxseal.Role) waxseal.Part {
	if known, ok := r.states[p]; ok {
		return known
	}
	part := waxseal.Part{Path: p, Role: role, PackageState: waxseal.PackageUnknown}
	if r.complete != nil && len(p) <= maxPath {
		part = r.complete(part)
	}
	if r.states == nil {
		r.states = map[waxseal.Path]waxseal.Part{}
	}
	r.states[p] = part
	return part
}

var vendorDirs = []string{"/usr/lib/", "/lib/", "/usr/share/", "/usr/libexec/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/lib64/"}

// vendors reports whether a file is as its package brought it. Where no database
// tells, a file in a directory that only packages write to counts as theirs.
func (r *reader) vendors(p waxseal.Path, role waxseal.Role) bool {
	part := r.about(p, role)
	switch part.PackageState {
	case waxseal.PackageUnmodified:
		return true
	case waxseal.PackageModified, waxseal.PackageUnowned:
		return false
	}
	return part.Package != "" || slices.ContainsFunc(vendorDirs, func(d string) bool { return strings.HasPrefix(string(p), d) })
}

// disowned reports whether the package database speaks against a file: it is not
// as its package brought it, or no package brought it.
func (r *reader) disowned(p waxseal.Path, role waxseal.Role) bool {
	s := r.about(p, role).PackageState
	return s == waxseal.PackageModified || s == waxseal.PackageUnowned
}

// part notes a file of the mail set.
func (r *reader) part(p waxseal.Path, role waxseal.Role) {
	if _, ok := r.parts[p]; !ok && len(p) <= maxPath {
		r.parts[p] = len(r.result.Parts)
		r.result.Parts = append(r.result.Parts, waxseal.Part{Path: p, Role: role})
	}
}

// hook starts a hook of the host that stands in a file.
func (r *reader) hook(kind waxseal.HookKind, source waxseal.Source, names ...string) waxseal.Hook {
	return waxseal.Hook{
		ID:  waxseal.HookID(strings.Join(append([]string{string(waxseal.HostStack), string(source.Path)}, names...), ":")),
		MTA: waxseal.HostStack, Kind: kind, Stage: waxseal.StageConnect, Scope: "all", RunsAs: "root", Active: true, Source: source,
	}
}

// emit finishes a hook: unique identity, secrets masked, nothing nil.
func (r *reader) emit(h waxseal.Hook) {
	if len(r.ids) > maxHooks {
		return
	}
	if len(r.ids) == maxHooks {
		r.addProblem(waxseal.Problem{Path: h.Source.Path, Line: h.Source.Line, Message: "more hooks than are listed: what follows is not read"})
		h = waxseal.Hook{ID: "host:too many hooks", MTA: waxseal.HostStack, Kind: waxseal.KindUnreadable, Stage: h.Stage, Scope: "all", Active: true,
			Source: h.Source, Explain: "The host has more hooks than can be listed; from here on they are not known."}
	}
	r.ids[h.ID]++
	if n := r.ids[h.ID]; n > 1 {
		h.ID += waxseal.HookID("#" + strconv.Itoa(n))
		r.ids[h.ID]++
	}
	if h.Effects == nil {
		h.Effects = []waxseal.Effect{}
	}
	h.Closure = unique(h.Closure)
	plain := h.Target.Value
	h.Target.Value = r.mask.Setting("", plain)
	if plain != "" && plain != h.Target.Value {
		h.Explain = strings.ReplaceAll(h.Explain, plain, h.Target.Value)
	}
	h.Explain = r.mask.Setting("", h.Explain)
	for name, value := range h.Modifiers {
		h.Modifiers[name] = r.mask.Setting(name, value)
	}
	r.result.Hooks = append(r.result.Hooks, h)
}

func unique(parts []waxseal.Part) []waxseal.Part {
	out := []waxseal.Part{}
	seen := map[waxseal.Path]bool{}
	for _, p := range parts {
		if !seen[p.Path] && len(p.Path) <= maxPath {
			seen[p.Path] = true
			out = append(out, p)
		}
	}
	return out
}

// note records a setting; of several of one name the later ones are numbered.
func (r *reader) note(instance, name, value string, source waxseal.Source) {
	const most = 50_000
	if len(r.result.Settings) >= most {
		return
	}
	key := name
	r.settings[instance+"\x00"+name]++
	if n := r.settings[instance+"\x00"+name]; n > 1 {
		key = name + ":" + strconv.Itoa(n)
	}
	r.result.Settings = append(r.result.Settings, waxseal.Setting{
		MTA: waxseal.HostStack, Instance: instance, Name: key, Value: r.mask.Setting(name, value), Source: source,
	})
}

// configDirectory notes a configuration directory of Postfix.
func (r *reader) configDirectory(dir, why string, source waxseal.Source, active bool) {
	if !path.IsAbs(dir) || len(r.result.ConfigDirectories) >= 256 {
		return
	}
	p := clean(dir)
	for i, c := range r.result.ConfigDirectories {
		if c.Path == p {
			r.result.ConfigDirectories[i].Active = c.Active || active
			return
		}
	}
	r.result.ConfigDirectories = append(r.result.ConfigDirectories, ConfigDirectory{Path: p, Why: why, Source: source, Active: active})
}

// finish takes from Parts what a hook's closure already names.
func (r *reader) finish() {
	seen := map[waxseal.Path]bool{}
	for _, h := range r.result.Hooks {
		for _, p := range h.Closure {
			seen[p.Path] = true
		}
	}
	r.result.Parts = slices.DeleteFunc(r.result.Parts, func(p waxseal.Part) bool { return seen[p.Path] })
	slices.SortFunc(r.result.Parts, func(a, b waxseal.Part) int { return strings.Compare(string(a.Path), string(b.Path)) })
}

// clean makes an absolute path inside the tree.
func clean(p string) waxseal.Path { return waxseal.Path(path.Clean("/" + p)) }

// clip shortens a text from the host for one sentence or identity.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
