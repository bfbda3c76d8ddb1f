// Package host reads what else on a host can get between mail and its daemons: who
// is believed when somebody signs in to send or read mail (PAM, SASL), who may work
// on the mail system as root (sudo), and what runs as root when a log is rotated, an
// address is banned, a device appears, or an interpreter starts.
//
// It follows pam.conf(5), saslauthd(8), sudoers(5), logrotate(8), jail.conf(5),
// udev(7), binfmt.d(5) and Python's site module. What a package brought and nobody
// changed is no hook.
//
// It reads files only, expands no shell, and gives no judgement. Units, cron and the
// loader are read by package surroundings.
package host

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// About completes a part: owner, mode, digest and what the package database says
// of it.
type About func(waxseal.Part) waxseal.Part

// Options are what is known of a host besides its files.
type Options struct {
	// About may be nil: then no package vouches for anything.
	About About
	// Services are the PAM services that mail systems name in their configuration,
	// besides those of usual names.
	Services []string
}

// Read reads the host around the mail systems of a tree.
func Read(tree waxseal.Tree, m *mask.Masker, o Options) mta.Result {
	r := &reader{Book: mta.NewBook(waxseal.HostStack, within(tree), m), complete: o.About, states: map[waxseal.Path]waxseal.Part{}}
	r.pam(o.Services)
	r.sasl()
	r.sudo()
	r.rotation()
	r.fail2ban()
	r.devices()
	r.startup()
	return r.Result()
}

const (
	maxFile  = 1 << 20
	maxNames = 5_000 // entries of one directory
	maxPath  = 4096  // PATH_MAX
)

// reader holds what is shared by all places of one tree.
type reader struct {
	*mta.Book
	complete About
	states   map[waxseal.Path]waxseal.Part
}

// list gives the names in a directory, sorted; one that is not there has none.
func (r *reader) list(dir waxseal.Path) []string {
	names, err := r.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		if f, there := r.Tree.Stat(dir); there == nil && f.Type == waxseal.Directory {
			r.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed, so files in it may be missed: " + err.Error(), Unreadable: true}})
		}
	}
	if len(names) > maxNames {
		r.Problem(dir, 0, "more files than are listed")
		names = names[:maxNames]
	}
	return names
}

// read gives the text of a file of configuration, "" where there is none.
func (r *reader) read(p waxseal.Path, what string) (string, bool) {
	if f, err := r.Tree.Stat(p); err != nil || f.Type != waxseal.Regular {
		return "", false
	}
	return r.ReadUpTo(p, what, maxFile)
}

// partial reports whether the tree is only a part of a host, such as a copy of its
// /etc: that a program or library is not in it says nothing then.
func (r *reader) partial() bool { return !r.Exists("/usr/bin") && !r.Exists("/bin") }

func (r *reader) regular(p waxseal.Path) bool {
	f, err := r.Tree.Stat(p)
	return err == nil && f.Type == waxseal.Regular
}

// about asks once for each file.
func (r *reader) about(p waxseal.Path, role waxseal.Role) waxseal.Part {
	if known, ok := r.states[p]; ok {
		return known
	}
	part := waxseal.Part{Path: p, Role: role, PackageState: waxseal.PackageUnknown}
	if r.complete != nil {
		part = r.complete(part)
	}
	r.states[p] = part
	return part
}

// vendors reports whether a file is as its package brought it.
func (r *reader) vendors(p waxseal.Path, role waxseal.Role) bool {
	return r.about(p, role).PackageState == waxseal.PackageUnmodified
}

// packaged are the directories that only packages write to.
var packaged = []string{"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/lib64/", "/lib64/", "/usr/libexec/", "/usr/share/", "/etc/init.d/"}

// unvouched reports whether nothing vouches for a program or module: the package
// database speaks against it, or none tells and it lies, or would lie, where no package puts one.
func (r *reader) unvouched(p waxseal.Path, role waxseal.Role) bool {
	switch state := r.about(p, role).PackageState; {
	case state == waxseal.PackageUnmodified:
		return false
	case state != waxseal.PackageUnknown && r.Exists(p):
		return true
	}
	return !slices.ContainsFunc(packaged, func(d string) bool { return strings.HasPrefix(string(p), d) })
}

// hook starts a hook of the host that stands in a file.
func (r *reader) hook(kind waxseal.HookKind, directive string, source waxseal.Source, names ...string) waxseal.Hook {
	id := append([]string{string(waxseal.HostStack), string(source.Path), directive}, names...)
	return waxseal.Hook{
		ID: waxseal.HookID(strings.Join(id, ":")), Kind: kind, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute},
		Scope: "all", RunsAs: "root", Active: true, Source: source, Directive: directive,
	}
}

// runs makes the hook of a command that root runs at an occasion.
func (r *reader) runs(directive string, source waxseal.Source, command string, names ...string) waxseal.Hook {
	h := r.hook(waxseal.KindScript, directive, source, append(names, mta.Clip(command))...)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = append(errand.Files(r.Tree, command), waxseal.Part{Path: source.Path, Role: waxseal.RoleConfig})
	return h
}

// within bounds a tree; one that lists the accounts once for all readers still does.
func within(tree waxseal.Tree) waxseal.Tree {
	if d, ok := tree.(mta.Dwelling); ok {
		return struct {
			bounded
			mta.Dwelling
		}{bounded{tree}, d}
	}
	return bounded{tree}
}

// bounded is a tree in which no path is longer than the kernel would take: what a
// hostile file names can be.
type bounded struct{ waxseal.Tree }

func (b bounded) Lstat(p waxseal.Path) (waxseal.File, error) {
	if len(p) > maxPath {
		return waxseal.File{}, tooLong(p)
	}
	return b.Tree.Lstat(p)
}

func (b bounded) Stat(p waxseal.Path) (waxseal.File, error) {
	if len(p) > maxPath {
		return waxseal.File{}, tooLong(p)
	}
	return b.Tree.Stat(p)
}

func (b bounded) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if len(p) > maxPath {
		return nil, tooLong(p)
	}
	return b.Tree.ReadFile(p, limit)
}

func (b bounded) ReadDir(p waxseal.Path) ([]string, error) {
	if len(p) > maxPath {
		return nil, tooLong(p)
	}
	return b.Tree.ReadDir(p)
}

func tooLong(p waxseal.Path) error {
	return &fs.PathError{Op: "open", Path: string(p[:64]) + "…", Err: fs.ErrNotExist}
}

func clean(p string) waxseal.Path { return waxseal.Path(path.Clean("/" + p)) }

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
