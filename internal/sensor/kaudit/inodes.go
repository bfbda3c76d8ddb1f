package kaudit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

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

// MaxInodes bounds how many inodes have rules: the kernel keeps them in a few short lists,
// which it goes through at each system call that names a file.
const MaxInodes = 256

// inodeRules are the rules on one inode: what is done by io_uring(7) within
// io_uring_enter(2) has one of its own, as for a path.
func inodeRules(f File, key string) []rule {
	where := []field{{id: fieldInode, value: uint32(f.Inode)}, {id: fieldDevMajor, value: unix.Major(f.Device)}, {id: fieldDevMinor, value: unix.Minor(f.Device)}}
	with := func(more ...field) []field { return append(slices.Clone(where), more...) }
	return []rule{
		newRule(nil, with(field{id: fieldPerm, value: permWrite | permAttr}, field{id: fieldKey, text: key})...),
		newRule([]uint32{ringEnter}, with(field{id: fieldKey, text: key})...),
	}
}

// SetInodes makes the inodes that have rules these and no others, and puts back what of
// them somebody took away. Which name leads to one, and in whose mount namespace, is all
// the same. An error says what has no rule.
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
	wanted, err := s.wantedInodes(files)
	errs := []error{err}
	for f, rules := range s.inodes {
		if wanted[f] == nil {
			errs = append(errs, s.removeAll(rules))
		}
	}
	s.inodes = wanted
	listed := map[string]bool{}
	for _, r := range present {
		listed[string(r)] = true
	}
	for _, f := range slices.SortedFunc(maps.Keys(wanted), compareFiles) {
		for _, r := range wanted[f] {
			if listed[string(r)] {
				continue
			}
			if err := s.add(r); err != nil {
				errs = append(errs, fmt.Errorf("audit rule %s: %s", r, explain(err)))
			}
		}
	}
	return errors.Join(errs...)
}

// wantedInodes are the rules for as many of the files as have room. The kernel compares 32
// bits of an inode's number, so one that has more can't be asked for.
func (s *Sensor) wantedInodes(files []File) (map[File][]rule, error) {
	wanted := map[File][]rule{}
	var without int
	for _, f := range files {
		switch {
		case f.Inode == 0 || wanted[f] != nil:
		case f.Inode>>32 != 0 || len(wanted) >= MaxInodes:
			without++
		default:
			wanted[f] = inodeRules(f, s.options.Key)
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
	return s.inodes[f] != nil
}
