package agent

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/mailpath"
	"waxseal/internal/sensor/fanotify"
	"waxseal/internal/sensor/inotify"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/surroundings"
)

// aim points the sensors at the mail set of the last state.
func (a *Agent) aim() {
	if a.ended {
		return
	}
	a.aimAtFiles()
	a.aimAudit()
}

func (a *Agent) aimAtFiles() {
	homes := a.homes()
	a.aimed, a.housed = a.last, homes
	dirs, files := MailSet(a.last)
	newDirs, newFiles := a.surroundings()
	dirs, files = append(dirs, newDirs...), append(files, newFiles...)
	if s := a.senses.files; s != nil {
		s.SetHomes(homes, mailpath.OwnFiles(a.last))
		if err := s.SetTargets(dirs, files); err != nil {
			a.without(fanotify.Name, err.Error(), withoutFiles)
		}
	}
	if s := a.senses.hints; s != nil {
		if err := s.SetTargets(dirs, append(files, a.ownFiles(homes)...)); err != nil {
			a.without(inotify.Name, err.Error(), "what changes there is found when the files are read again")
		}
	}
}

func (a *Agent) aimAudit() {
	if s := a.senses.audit; s != nil {
		s.SetFiles(a.mailFiles())
		if err := s.SetWatches(a.auditPaths()); err != nil {
			a.without(kaudit.Name, err.Error(), withoutAudit)
		}
	}
}

// aimAfter points them anew after a look that found other files, or directories made,
// renamed or removed. A write into a file that was there leaves everything as it is, but
// for the list of users.
func (a *Agent) aimAfter(touched []touch) {
	for _, t := range touched {
		if t.File.Path == accounts || slices.ContainsFunc(t.File.Operations, func(op waxseal.Operation) bool {
			return op != waxseal.OpWrite && op != waxseal.OpTruncate && op != waxseal.OpMetadata
		}) {
			a.aim()
			return
		}
	}
	if !sameFiles(a.aimed, a.last) || a.newHomes() {
		a.aim()
	}
}

// sameFiles reports whether two states have the same files, whatever is in them.
func sameFiles(a, b waxseal.State) bool {
	return slices.EqualFunc(a.Files, b.Files, func(x, y waxseal.FileState) bool {
		return x.Path == y.Path && x.Resolved == y.Resolved && x.Role == y.Role && x.Missing == y.Missing &&
			x.Inode == y.Inode && x.Device == y.Device && x.Links == y.Links
	}) && slices.EqualFunc(a.Stacks, b.Stacks, func(x, y waxseal.Stack) bool { return slices.Equal(x.Config, y.Config) })
}

// surroundings are the places around the mail system where something new would
// count, though no file of the state is there yet: a drop-in, a job, a rule.
func (a *Agent) surroundings() (dirs, files []waxseal.Path) {
	for _, p := range slices.Concat(surroundings.Places(), host.Places(), mailpath.Places(), a.opts.Scripts) {
		switch f, err := a.tree.Stat(p); {
		case err == nil && f.Type == waxseal.Directory:
			dirs = below(a.tree, p, 0, dirs)
		case err != nil: // whatever comes up there
			dirs = append(dirs, p)
		default:
			files = append(files, p)
		}
	}
	if files = append(files, accounts); !a.notAwaited()(allHomes) {
		dirs = append(dirs, allHomes)
	}
	moreDirs, moreFiles := a.packageState()
	return append(dirs, moreDirs...), append(files, moreFiles...)
}

const (
	maxPlaces     = 1000
	maxPlaceDepth = 2 // /etc/systemd/system/postfix.service.d
)

// packageRecords is where package managers keep what is installed and with which digests
// (dpkg(1), rpm(8)): who edits that alone changes what everything else is judged by.
var packageRecords = []waxseal.Path{"/var/lib/dpkg/info", "/var/lib/rpm", "/usr/lib/sysimage/rpm"}

const packageStatus waxseal.Path = "/var/lib/dpkg/status"

// packageState is what to watch of the package database of this tree.
func (a *Agent) packageState() (dirs, files []waxseal.Path) {
	for _, p := range packageRecords {
		if f, err := a.tree.Stat(p); err == nil && f.Type == waxseal.Directory {
			dirs = append(dirs, p)
		}
	}
	if _, err := a.tree.Stat(packageStatus); err == nil {
		files = append(files, packageStatus)
	}
	return dirs, files
}

// below adds a directory and those in it.
func below(tree waxseal.Tree, dir waxseal.Path, depth int, dirs []waxseal.Path) []waxseal.Path {
	if len(dirs) >= maxPlaces {
		return dirs
	}
	dirs = append(dirs, dir)
	names, err := tree.ReadDir(dir)
	if err != nil || depth == maxPlaceDepth {
		return dirs
	}
	for _, n := range names {
		p := dir + "/" + waxseal.Path(n)
		if f, err := tree.Lstat(p); err == nil && f.Type == waxseal.Directory {
			dirs = below(tree, p, depth+1, dirs)
		}
	}
	return dirs
}

// mailFiles are the files of the last state, by what names them for audit.
func (a *Agent) mailFiles() map[kaudit.File]bool {
	files := map[kaudit.File]bool{}
	for _, f := range a.last.Files {
		if f.Inode != 0 && !busy(a.last, f) {
			files[kaudit.File{Device: f.Device, Inode: f.Inode}] = true
		}
	}
	return files
}

func (a *Agent) auditPaths() []string {
	paths := AuditPaths(a.tree.Dir(), a.last)
	dirs, files := a.packageState()
	for _, p := range append(dirs, files...) {
		paths = append(paths, filepath.Join(a.tree.Dir(), string(p)))
	}
	for _, p := range a.firstHomes() {
		paths = append(paths, kaudit.Entries(filepath.Join(a.tree.Dir(), string(p))))
	}
	if a.own != nil {
		paths = append(paths, a.own.auditPaths()...)
	}
	return paths
}

func dirOf(p waxseal.Path) waxseal.Path { return waxseal.Path(path.Dir(string(p))) }

// MailSet says what to watch of a state: configuration directories whole, and
// every other file of a closure by itself. Mailboxes, sockets and logs change with
// every message and are not watched.
func MailSet(s waxseal.State) (dirs, files []waxseal.Path) {
	for _, stack := range s.Stacks {
		for _, p := range stack.Config {
			dirs = append(dirs, waxseal.Path(path.Dir(string(p))))
		}
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	for _, f := range s.Files {
		if busy(s, f) {
			continue
		}
		for _, p := range []waxseal.Path{f.Path, f.Resolved} {
			if p != "" && !slices.ContainsFunc(dirs, func(d waxseal.Path) bool { return within(p, d) }) {
				files = append(files, p)
			}
		}
	}
	slices.Sort(files)
	return dirs, slices.Compact(files)
}

// largestLibrary is beyond what a library has: such a file is digested without looking
// what it is.
const largestLibrary = 64 << 20

// busy reports whether a file changes with every message. A mail system's own log is one
// that a script reads, too; elsewhere than where logs are, it could be any file that
// somebody has it write to, and what is run there is a program as anywhere.
func busy(s waxseal.State, f waxseal.FileState) bool {
	switch f.Role {
	case waxseal.RoleMailbox, waxseal.RoleSocket, waxseal.RoleDirectory:
		return true
	case waxseal.RoleScript, waxseal.RoleBinary, waxseal.RoleInterpreter, waxseal.RoleModule:
		return false
	case waxseal.RoleLibrary: // what a script reads counts as one, with a keyed digest since it is no program
		if !f.Keyed && f.Size <= largestLibrary {
			return false
		}
	}
	return within(f.Path, "/var/log") && within(cmp.Or(f.Resolved, f.Path), "/var/log") &&
		slices.ContainsFunc(s.Stacks, func(st waxseal.Stack) bool { return slices.Contains(st.Logs, f.Path) })
}

// within reports whether a path lies in or below a directory.
func within(p, dir waxseal.Path) bool {
	return len(p) > len(dir) && p[:len(dir)] == dir && (p[len(dir)] == '/' || dir == "/")
}
