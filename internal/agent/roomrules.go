package agent

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"waxseal"
	"waxseal/internal/sensor/kaudit"
)

// Audit has room for few rules on inodes (kaudit.MaxInodes), for all containers together.
// They go first where most is changed: a rule on a directory sees what is made, renamed and
// removed there, and who opens a file in it as a shell's >> does (O_CREAT names the
// directory as well), one on a file all that is written to it.

// ruleKind says what a rule is for. Those with a lower number have one first.
type ruleKind int

const (
	ruleDirs     ruleKind = iota // directories of the next two
	ruleConfig                   // configuration, tables and aliases of mail systems
	ruleScripts                  // scripts, keys and passwords
	ruleHost                     // what else decides: accounts, units, log rotation, their directories
	ruleBehind                   // all of these in the directory behind an overlay
	rulePrograms                 // programs, modules and libraries
	ruleKinds
)

var ruleNames = [ruleKinds]string{"directories of configuration", "files of configuration", "scripts and keys", "files of the surroundings", "files behind the overlay", "programs and libraries"}

// roomRules are the inodes of a container on which rules are wanted, by what they are for.
type roomRules [ruleKinds][]kaudit.File

func (r roomRules) same(other roomRules) bool {
	for k := range r {
		if !slices.Equal(r[k], other[k]) {
			return false
		}
	}
	return true
}

// rulesFor says which inodes of a container are to have rules.
func rulesFor(tree waxseal.Tree, s waxseal.State, upper string) (r roomRules) {
	mail := ofMail(s)
	dirs, _ := MailSet(s)
	places := map[waxseal.Path]ruleKind{}
	for _, d := range dirs {
		places[d] = ruleDirs
	}
	for _, f := range s.Files {
		k, wanted := ruleOf(f, mail[f.Path])
		if !wanted {
			continue
		}
		r[k] = append(r[k], kaudit.File{Device: f.Device, Inode: f.Inode})
		if k == rulePrograms {
			continue
		}
		for _, p := range []waxseal.Path{f.Path, f.Resolved} {
			if p == "" {
				continue
			}
			at, known := places[dirOf(p)]
			if in := dirRule(k); !known || in < at {
				places[dirOf(p)] = in
			}
		}
	}
	r.addPlaces(tree, places)
	for k := range ruleBehind {
		r[ruleBehind] = append(r[ruleBehind], behindOf(r[k], upper)...)
	}
	return r
}

// dirRule is what a directory counts as in which there is a file of some kind.
func dirRule(k ruleKind) ruleKind {
	if k == ruleHost {
		return ruleHost
	}
	return ruleDirs
}

func (r *roomRules) addPlaces(tree waxseal.Tree, places map[waxseal.Path]ruleKind) {
	sorted := make([]waxseal.Path, 0, len(places))
	for p := range places {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	var found [ruleKinds][]kaudit.File
	for _, p := range sorted {
		if f, err := tree.Stat(p); err == nil && f.Type == waxseal.Directory {
			k := places[p]
			found[k] = append(found[k], kaudit.File{Device: f.Device, Inode: f.Inode})
		}
	}
	for k, list := range found { // a directory before what is in it
		r[k] = append(list, r[k]...)
	}
}

// ruleOf is what a file counts as, and whether it is to have a rule at all.
func ruleOf(f waxseal.FileState, mail bool) (ruleKind, bool) {
	switch f.Role {
	case waxseal.RoleMailbox, waxseal.RoleSocket, waxseal.RoleDirectory, waxseal.RoleUnused:
		return 0, false
	case waxseal.RoleModule, waxseal.RoleLibrary, waxseal.RoleBinary, waxseal.RoleInterpreter:
		return rulePrograms, !f.Missing
	case waxseal.RoleScript, waxseal.RoleSecret:
		if mail {
			return ruleScripts, !f.Missing
		}
		return ruleHost, !f.Missing
	case waxseal.RoleMap, waxseal.RoleCompiledMap, waxseal.RoleAliases:
		return ruleConfig, !f.Missing
	}
	if mail {
		return ruleConfig, !f.Missing
	}
	return ruleHost, !f.Missing
}

// ofMail are the files of mail systems, and not of what is around them.
func ofMail(s waxseal.State) map[waxseal.Path]bool {
	mail := map[waxseal.Path]bool{}
	for _, stack := range s.Stacks {
		for _, p := range stack.Config {
			mail[p] = stack.MTA != waxseal.HostStack
		}
	}
	for _, h := range s.Hooks {
		if h.MTA == waxseal.HostStack {
			continue
		}
		mail[h.Source.Path] = true
		for _, p := range h.Closure {
			mail[p.Path] = true
		}
	}
	return mail
}

// behindOf are the same files in the directory behind an overlay, where an overlay has the
// numbers of that.
func behindOf(list []kaudit.File, upper string) (behind []kaudit.File) {
	var st syscall.Stat_t
	if upper == "" || syscall.Stat(upper, &st) != nil {
		return nil
	}
	for _, f := range list {
		behind = append(behind, kaudit.File{Device: st.Dev, Inode: f.Inode})
	}
	return behind
}

// shareRules says which inodes of several containers have rules: what matters most of each,
// then what matters less. The second result counts, for each, what has none.
func shareRules(rooms []roomRules) (list []kaudit.File, without [][ruleKinds]int) {
	without = make([][ruleKinds]int, len(rooms))
	has := map[kaudit.File]bool{}
	for k := range ruleKinds {
		for i, more := 0, true; more; i++ {
			more = false
			for n, r := range rooms {
				if i >= len(r[k]) {
					continue
				}
				more = true
				f := r[k][i]
				switch {
				case f.Inode == 0 || has[f]:
				case f.Inode>>32 != 0 || len(list) >= kaudit.MaxInodes: // the kernel compares 32 bits of a number
					without[n][k]++
				default:
					has[f] = true
					list = append(list, f)
				}
			}
		}
	}
	return list, without
}

// unruled says which kinds of files have no rule, of the first kinds only; "" for none.
func unruled(without [ruleKinds]int, kinds ruleKind) string {
	var words []string
	for k, n := range without[:kinds] {
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, ruleNames[k]))
		}
	}
	return strings.Join(words, ", ")
}

// Unruled says, of each of several containers, which of its files would have no rule of
// audit, so that who changes them is inferred; "" where all have one.
func Unruled(list []Dwelt) []string {
	rooms, words := make([]roomRules, len(list)), make([]string, len(list))
	for i, d := range list {
		rooms[i] = d.rules
	}
	_, without := shareRules(rooms)
	for i := range words {
		words[i] = unruled(without[i], ruleKinds)
	}
	return words
}

// ruleRooms puts rules of audit on the files of all containers, and tells where there are
// none for what is configured.
func (a *Agent) ruleRooms() {
	if a.senses.audit == nil {
		return
	}
	rooms := a.dwellings.sorted()
	var wanted []roomRules
	for _, l := range rooms {
		wanted = append(wanted, l.rules)
	}
	list, without := shareRules(wanted)
	a.dwellings.ruled = map[kaudit.File]bool{}
	for _, f := range list {
		a.dwellings.ruled[f] = true
	}
	var words []string
	for i, l := range rooms {
		if w := unruled(without[i], ruleBehind); w != "" {
			words = append(words, l.Name+": "+w)
		}
	}
	why := ""
	if len(words) > 0 {
		why = fmt.Sprintf("in containers %d files and directories at most have an audit rule, and who changes others is inferred: %s", kaudit.MaxInodes, strings.Join(words, "; "))
	}
	if err := a.senses.audit.SetInodes(list); err != nil {
		why = "in containers: " + err.Error()
	}
	if was := a.dwellings.unruled; why != was {
		if a.dwellings.unruled = why; why != "" {
			a.tellContainer(time.Now(), why)
		}
	}
}

// ruledAtAll reports whether a container has rules.
func (l *lodging) ruledAtAll() bool { return len(l.rules[ruleDirs]) > 0 }
