package kaudit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A rule on a path is tied to what that path means in our own mount namespace: the kernel
// refuses one that leads into another (audit_add_tree_rule in kernel/auditfilter.c asks for
// a mount of ours), and to enter a container's namespace for that would let its file
// systems keep all rules of the host waiting. A rule on an inode names no path at all:
// "-a always,exit -F inode=N -F devmajor=M -F devminor=M -F perm=wa" (audit.rules(7)). It
// reports writes to that file, and, for a directory, what is made, renamed and removed
// right in it.

// The fields of a rule on an inode (linux/audit.h).
const (
	fieldDevMajor = 100
	fieldDevMinor = 101
	fieldInode    = 102
)

// MaxInodes bounds how many inodes have rules. One is added in no time; to take one away
// costs the kernel about 12 ms, and all are taken away in the end.
const MaxInodes = 96

// dropEvery is the pause between two rules that are taken away while the sensor runs.
const dropEvery = 100 * time.Millisecond

// inodeRule is the rule on one inode. What is done to it by io_uring(7) has none: with a
// second rule on each there would be half as many.
func inodeRule(f File, key string) rule {
	return newRule(nil, field{id: fieldInode, value: uint32(f.Inode)}, field{id: fieldDevMajor, value: unix.Major(f.Device)}, field{id: fieldDevMinor, value: unix.Minor(f.Device)},
		field{id: fieldPerm, value: permWrite | permAttr}, field{id: fieldKey, text: key})
}

// SetInodes makes the inodes that have rules these and no others, and puts back what of
// them somebody took away. Which name leads to one, and in whose mount namespace, is all
// the same. Rules that are not wanted any more go one by one, later: until then they report
// what nobody asks for. An error says what has no rule.
func (s *Sensor) SetInodes(files []File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.locked && len(files) > 0:
		return errors.New("audit rules are locked until the next boot: who changes files in containers is not proven")
	case len(files) == 0 && len(s.inodes) == 0:
		return nil
	}
	present, err := s.control.rules()
	if err != nil {
		return fmt.Errorf("list audit rules: %s", explain(err))
	}
	wanted, err := wantedInodes(files)
	errs := []error{err}
	for f, w := range s.inodes {
		w.wanted = wanted[f]
	}
	for _, f := range slices.SortedFunc(maps.Keys(wanted), compareFiles) {
		errs = append(errs, s.ruleInode(f, present))
	}
	s.dropLater()
	return errors.Join(errs...)
}

// inodeWatch is an inode that has a rule.
type inodeWatch struct {
	rule   rule
	wanted bool
}

// ruleInode adds the rule of one inode, if it is not there; the lock is held.
func (s *Sensor) ruleInode(f File, present []rule) error {
	r := inodeRule(f, s.options.Key)
	if s.inodes == nil {
		s.inodes = map[File]*inodeWatch{}
	}
	s.inodes[f] = &inodeWatch{r, true}
	if slices.ContainsFunc(present, r.equal) {
		return nil
	}
	if err := s.add(r); err != nil {
		return fmt.Errorf("audit rule %s: %s", r, explain(err))
	}
	return nil
}

// dropLater takes away what is not wanted, one rule at a time, so that nobody waits for
// the lock; the lock is held.
func (s *Sensor) dropLater() {
	if s.dropping {
		return
	}
	s.dropping = true
	go func() {
		for s.dropOne() {
			time.Sleep(dropEvery)
		}
	}()
}

// dropOne takes one rule away, and reports whether there may be more.
func (s *Sensor) dropOne() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f, w := range s.inodes {
		if !s.closed && !w.wanted {
			_ = s.remove(w.rule) // a rule too many does no harm, and doctor --clean knows it by its key
			delete(s.inodes, f)
			return true
		}
	}
	s.dropping = false
	return false
}

// wantedInodes are as many of the files as have room. The kernel compares 32 bits of an
// inode's number, so one that has more can't be asked for.
func wantedInodes(files []File) (map[File]bool, error) {
	wanted := map[File]bool{}
	var without int
	for _, f := range files {
		switch {
		case f.Inode == 0 || wanted[f]:
		case f.Inode>>32 != 0 || len(wanted) >= MaxInodes:
			without++
		default:
			wanted[f] = true
		}
	}
	if without > 0 {
		return wanted, fmt.Errorf("%d files and directories have no audit rule (%d can have one, and inode numbers of 32 bits): who changes these is not proven", without, MaxInodes)
	}
	return wanted, nil
}

func compareFiles(a, b File) int {
	return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Inode, b.Inode))
}

// WatchesInode reports whether a rule of ours is on an inode.
func (s *Sensor) WatchesInode(f File) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.inodes[f]
	return w != nil && w.wanted
}
