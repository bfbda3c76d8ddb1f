package agent

import (
	"maps"
	"path/filepath"
	"slices"

	"waxseal"
)

const (
	// manyInOne is how many files of the mail set in one directory make a rule on the
	// directory cheaper than one on each.
	manyInOne = 4
	// maxModuleRules bounds the rules on directories of modules. Where there are more,
	// fanotify alone tells of changes in the rest.
	maxModuleRules = 48
	// maxLinkRules bounds the rules on single files that have several names.
	maxLinkRules = 64
)

// AuditPaths are the real paths to put rules on. A rule costs the kernel time at its
// removal, and one on a directory at each system call, so where many files lie in one
// directory the directory is watched, with all that is below it, and what is not of the mail
// set is passed over. Modules, which are thousands, have rules on their directories
// only.
func AuditPaths(root string, s waxseal.State) []string {
	dirs, files := MailSet(s)
	modules := map[waxseal.Path]bool{}
	for _, f := range s.Files {
		modules[f.Path] = f.Role == waxseal.RoleModule
	}
	whole := map[waxseal.Path]bool{}
	for _, d := range dirs {
		whole[d] = true
	}
	single := slices.DeleteFunc(slices.Clone(files), func(p waxseal.Path) bool { return modules[p] })
	for d, n := range perDirectory(single) {
		if n >= manyInOne && d != "/etc" && d != "/" {
			whole[d] = true
		}
	}
	addModuleDirectories(whole, slices.DeleteFunc(files, func(p waxseal.Path) bool { return !modules[p] }))
	paths := map[string]bool{}
	for d := range whole {
		if !covered(d, whole) {
			paths[filepath.Join(root, string(d))] = true
		}
	}
	linked := manyLinks(s)
	for _, p := range single {
		if !covered(p, whole) {
			paths[filepath.Join(root, string(p))] = true
		}
	}
	for _, p := range linked {
		paths[filepath.Join(root, string(p))] = true
	}
	return slices.Sorted(maps.Keys(paths))
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
		all[d] = n >= manyInOne
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
