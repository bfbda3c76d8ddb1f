package kaudit

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// watch is one path that should have a rule.
type watch struct {
	rules    []rule // the first is that of the watch, the other that of io_uring
	added    bool
	dev, ino uint64 // what the path named when the rule was added
	err      error
}

// ofEntries ends the path of a directory of which only the entries are watched.
const ofEntries = "/."

// Entries is a path to watch: what is made, renamed and removed right in a directory, and
// not what is written in the files that are there. Such a rule costs nothing elsewhere,
// while one on a directory with all that is below it costs each system call of the host.
func Entries(dir string) string { return dir + ofEntries }

// SetWatches makes the watched paths these and no others. A path that can't be
// watched now is in Check until it can.
func (s *Sensor) SetWatches(paths []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return s.setWatches(s.wanted(paths))
}

// wanted are the paths with that of the probe, unless it lies below one of them: each rule
// on a directory costs time.
func (s *Sensor) wanted(paths []string) []string {
	probe := s.options.Probe
	if probe == "" || slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(probe, p+"/") }) {
		return paths
	}
	return append(slices.Clone(paths), probe)
}

// File names a file whatever its names are.
type File struct{ Device, Inode uint64 }

// SetFiles says which files are watched: where another product's rule is before ours,
// or a name is not one that we know, they are recognised by this.
func (s *Sensor) SetFiles(files map[File]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
}

// setWatches is SetWatches; the lock is held.
func (s *Sensor) setWatches(paths []string) error {
	var errs []error
	for path, w := range s.watches {
		if slices.Contains(paths, path) {
			continue
		}
		if w.added {
			if err := s.removeAll(w.rules); err != nil {
				errs = append(errs, fmt.Errorf("remove audit rule for %q: %s", path, explain(err)))
				continue
			}
		}
		delete(s.watches, path)
	}
	for _, path := range paths {
		if err := validPath(path); err != nil {
			errs = append(errs, err)
			continue
		}
		w := s.watches[path]
		if w == nil {
			w = &watch{}
			s.watches[path] = w
		}
		if w.added && !w.same(path) { // another directory has the name
			_ = s.removeAll(w.rules) // they are dead either way
			w.added = false
		}
		if !w.added { // it may be there by now
			s.place(path, w)
		}
	}
	return errors.Join(errs...)
}

func validPath(path string) error {
	path = strings.TrimSuffix(path, ofEntries)
	if !strings.HasPrefix(path, "/") || len(path) > 1 && strings.HasSuffix(path, "/") || len(path) >= unix.PathMax {
		return fmt.Errorf("audit watch %q is not a clean absolute path", path)
	}
	return nil
}

// place adds the rule of one path, if there is something to watch.
func (s *Sensor) place(path string, w *watch) {
	if s.locked {
		return
	}
	path, entries := strings.CutSuffix(path, ofEntries)
	var st unix.Stat_t
	if w.err = unix.Stat(path, &st); w.err != nil {
		return
	}
	var link unix.Stat_t // the kernel does not follow the last name: a link to a directory is a single file
	directory := unix.Lstat(path, &link) == nil && link.Mode&unix.S_IFMT == unix.S_IFDIR && !entries
	watch := watchRule(path, s.options.Key, directory).limited(s.writes)
	w.rules = []rule{watch}
	if w.err = s.add(watch); w.err != nil {
		return
	}
	w.added, w.dev, w.ino = true, st.Dev, st.Ino
	s.placeRing(path, directory, w)
}

// placeRing adds to a watch the rule on what io_uring does to its path.
func (s *Sensor) placeRing(path string, directory bool, w *watch) {
	if s.ringless {
		return
	}
	r := enterRule(path, s.options.Key, directory)
	if directory && !s.older {
		r = ringRule(path, s.options.Key)
	}
	err := s.add(r)
	if err != nil && directory && !s.older {
		s.older, r = true, enterRule(path, s.options.Key, directory)
		err = s.add(r)
	}
	if err != nil {
		s.ringless = true
		s.notes = append(s.notes, "who changes files by io_uring is not reported: "+explain(err))
		return
	}
	w.rules = append(w.rules, r)
}

func (s *Sensor) removeAll(rules []rule) error {
	var errs []error
	for _, r := range rules {
		errs = append(errs, s.remove(r))
	}
	return errors.Join(errs...)
}

// Watches reports whether a rule of ours is on a path, on the entries of its directory, or
// on a directory above it.
func (s *Sensor) Watches(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watches[Entries(path.Dir(path.Clean(name)))]; w != nil && w.added {
		return true
	}
	for at := path.Clean(name); ; at = path.Dir(at) {
		if w := s.watches[at]; w != nil && w.added {
			return true
		}
		if at == "/" || at == "." {
			return false
		}
	}
}
