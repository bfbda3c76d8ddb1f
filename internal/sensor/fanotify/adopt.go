package fanotify

import (
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	// maxAdopted bounds the directories that are watched because they came up, until the
	// targets are set again, and maxAdoptedDepth how deep below each other.
	maxAdopted      = 256
	maxAdoptedDepth = 3
	// maxMissed bounds the entries that are looked at in one that came up, and in those below
	// it. No event is read meanwhile; what is beyond is found by reading.
	maxMissed = 1024
)

// markEarly marks a directory that has just been made, whatever it turns out to be: whoever
// makes one mostly writes a file in it at once. The lock is held.
func (s *Sensor) markEarly(k key, p waxseal.Path) {
	m := s.marks[k.filesystem()]
	if m == nil {
		return
	}
	fd, err := s.openDirectory(m, k)
	if err != nil {
		return // it has gone, or this kernel told no handle
	}
	_ = m.add(k, m.maskOf(!slices.Contains(s.homes, p)), fd, ".") // the next SetTargets says why not
	_ = unix.Close(fd)
}

// adopt watches a directory that came up where all that comes up matters, or by the name of
// a user's own, with what is in it, until the targets are set again. It returns the files that
// were in there already, as far as there is room. The lock is held.
func (s *Sensor) adopt(k key, p waxseal.Path, above *spot) []change {
	if known := s.index.dirs[k]; known != nil {
		above = known
	}
	if above == nil || !above.all && !above.owns(path.Base(string(p))) {
		return nil
	}
	a := adoption{s: s, left: maxMissed}
	a.take(k, p, 0)
	return a.missed
}

// adoption is one directory that came up, with those below it.
type adoption struct {
	s      *Sensor
	left   int // entries that may still be looked at
	missed []change
}

func (a *adoption) take(k key, p waxseal.Path, depth int) {
	s, m := a.s, a.s.marks[k.filesystem()]
	if m == nil || len(s.came) >= maxAdopted || depth > maxAdoptedDepth || a.left <= 0 {
		return
	}
	fd, err := s.openDirectory(m, k)
	if err != nil {
		return // it has gone, or this kernel told no handle
	}
	d := os.NewFile(uintptr(fd), string(p))
	defer d.Close()
	if err := m.add(k, m.maskOf(true), fd, "."); err != nil {
		return // the next SetTargets says why
	}
	here := &spot{path: p, all: true, children: true, names: map[string]bool{}}
	if s.index.dirs[k] == nil {
		s.index.dirs[k] = here
		s.came = append(s.came, p)
	}
	entries, _ := d.ReadDir(a.left)
	a.left -= len(entries)
	for _, e := range entries {
		under, err := keyAt(fd, e.Name(), k.filesystem())
		switch _, known := s.index.files[under]; {
		case err != nil || known:
		case e.IsDir():
			a.take(under, here.join(e.Name()), depth+1)
		case e.Type().IsRegular():
			s.index.files[under] = here.join(e.Name())
			_ = m.add(under, onFile, fd, e.Name()) // else only its other names are not seen
			a.missed = append(a.missed, unseen(under, here.join(e.Name())))
		}
	}
}

func (s *Sensor) openDirectory(m *marked, k key) (int, error) {
	h, ok := k.handle()
	if !ok || m.err != nil {
		return -1, unix.ENOENT
	}
	return unix.OpenByHandleAt(m.mount, h, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
}
