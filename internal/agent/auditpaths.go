package agent

import (
	"maps"
	"path"
	"path/filepath"
	"slices"

	"waxseal"
	"waxseal/internal/sensor/kaudit"
)

const (
	// manyInOne is how many files of the mail set in one directory make a rule on the
	// directory, with all that is below it, cheaper than one on each.
	manyInOne = 20
	// someInOne is how many make a rule on the entries of the directory worth while: it
	// tells who makes another one there.
	someInOne = 4
	// maxModuleRules bounds the rules on directories of modules. Where there are more,
	// fanotify alone tells of changes in the rest.
	maxModuleRules = 48
	// maxLinkRules bounds the rules on single files that have several names.
	maxLinkRules = 64
)

// AuditPaths are the real paths to put rules on. A rule takes the kernel 12 ms to remove,
// and one on a directory costs every process of the host time at each system call: fifteen
// took 2 % of a busy mail server's processor. So a directory is watched, with all that is
// below it, only where many files lie in it, and what is not of the mail set is passed over.
// Modules, which are thousands, have rules on their directories only.
func AuditPaths(root string, s waxseal.State) []string {
	dirs, files := MailSet(s)
	real, modules := realDirectories(s), map[waxseal.Path]bool{}
	for _, f := range s.Files {
		modules[f.Path] = f.Role == waxseal.RoleModule
	}
	single := slices.DeleteFunc(slices.Clone(files), func(p waxseal.Path) bool { return modules[p] })
	for i, p := range single {
		single[i] = really(p, real)
	}
	slices.Sort(single)
	single = slices.Compact(single)
	whole, entries := directoriesOf(single)
	for _, d := range dirs {
		whole[d] = true
	}
	addModuleDirectories(whole, slices.DeleteFunc(files, func(p waxseal.Path) bool { return !modules[p] }))
	paths := map[string]bool{}
	for d := range whole {
		if !covered(d, whole) {
			paths[filepath.Join(root, string(d))] = true
		}
	}
	for d := range entries {
		if !whole[d] && !covered(d, whole) {
			paths[kaudit.Entries(filepath.Join(root, string(d)))] = true
		}
	}
	for _, p := range files { // a module among what is single is single too
		if p = really(p, real); entries[dirOf(p)] {
			single = append(single, p)
		}
	}
	for _, p := range single {
		if !covered(p, whole) {
			paths[filepath.Join(root, string(p))] = true
		}
	}
	for _, p := range manyLinks(s) {
		paths[filepath.Join(root, string(p))] = true
	}
	return slices.Sorted(maps.Keys(paths))
}

// directoriesOf are the directories of files that are watched with all that is below them,
// and those of which the entries are.
func directoriesOf(files []waxseal.Path) (whole, entries map[waxseal.Path]bool) {
	whole, entries = map[waxseal.Path]bool{}, map[waxseal.Path]bool{}
	for d, n := range perDirectory(files) {
		switch {
		case d == "/etc", d == "/":
		case n >= manyInOne:
			whole[d] = true
		case n >= someInOne:
			entries[d] = true
		}
	}
	return whole, entries
}

// realDirectories are where the directories of files really lie, of those that have another
// name by a link above them, as /lib has on most systems.
func realDirectories(s waxseal.State) map[waxseal.Path]waxseal.Path {
	real := map[waxseal.Path]waxseal.Path{}
	for _, f := range s.Files {
		if f.Resolved != "" && f.Link == "" && path.Base(string(f.Resolved)) == path.Base(string(f.Path)) && dirOf(f.Resolved) != dirOf(f.Path) {
			real[dirOf(f.Path)] = dirOf(f.Resolved)
		}
	}
	return real
}

// really is where a file lies, whatever the links above it are.
func really(p waxseal.Path, real map[waxseal.Path]waxseal.Path) waxseal.Path {
	if d := real[dirOf(p)]; d != "" {
		return d + "/" + waxseal.Path(path.Base(string(p)))
	}
	return p
}

// manyLinks are the files that have another name somewhere: a rule on a directory does
// not report a write through that one, and a rule on the file does, by its inode.
func manyLinks(s waxseal.State) (linked []waxseal.Path) {
	for _, f := range s.Files {
		if f.Links > 1 && f.Type == waxseal.Regular && f.Role != waxseal.RoleModule && f.Role != waxseal.RoleMailbox && len(linked) < maxLinkRules {
			linked = append(linked, f.Path)
		}
	}
	return linked
}

func perDirectory(files []waxseal.Path) map[waxseal.Path]int {
	in := map[waxseal.Path]int{}
	for _, f := range files {
		in[dirOf(f)]++
	}
	return in
}

// addModuleDirectories adds the topmost directories of modules, those with the most
// files first.
func addModuleDirectories(whole map[waxseal.Path]bool, modules []waxseal.Path) {
	in := perDirectory(modules)
	all := map[waxseal.Path]bool{}
	for d, n := range in {
		all[d] = n >= someInOne
	}
	var top []waxseal.Path
	for d, many := range all {
		if many && !covered(d, all) && !covered(d, whole) {
			top = append(top, d)
		}
	}
	slices.SortFunc(top, func(a, b waxseal.Path) int {
		if in[a] != in[b] {
			return in[b] - in[a]
		}
		return compare(a, b)
	})
	for _, d := range top[:min(len(top), maxModuleRules)] {
		whole[d] = true
	}
}

func compare(a, b waxseal.Path) int {
	if a < b {
		return -1
	}
	return 1
}

// covered reports whether a directory above a path is watched with all below it.
func covered(p waxseal.Path, whole map[waxseal.Path]bool) bool {
	for d := dirOf(p); d != p; p, d = d, dirOf(d) {
		if whole[d] {
			return true
		}
	}
	return false
}
