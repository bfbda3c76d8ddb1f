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
// were in there already. The lock is held.
func (s *Sensor) adopt(k key, p waxseal.Path, above *spot, depth int) (missed []change) {
	if known := s.index.dirs[k]; known != nil {
		above = known
	}
	m := s.marks[k.filesystem()]
	if above == nil || !above.all && !above.owns(path.Base(string(p))) || m == nil || len(s.came) >= maxAdopted || depth > maxAdoptedDepth {
		return nil
	}
	fd, err := s.openDirectory(m, k)
	if err != nil {
		return nil // it has gone, or this kernel told no handle
	}
	d := os.NewFile(uintptr(fd), string(p))
	defer d.Close()
	if err := m.add(k, m.maskOf(true), fd, "."); err != nil {
		return nil // the next SetTargets says why
	}
	here := &spot{path: p, all: true, children: true, names: map[string]bool{}}
	if s.index.dirs[k] == nil {
		s.index.dirs[k] = here
		s.came = append(s.came, p)
	}
	entries, _ := d.ReadDir(maxEntries)
	for _, e := range entries {
		under, err := keyAt(fd, e.Name(), k.filesystem())
		switch _, known := s.index.files[under]; {
		case err != nil || known:
		case e.IsDir():
			missed = append(missed, s.adopt(under, here.join(e.Name()), here, depth+1)...)
		case e.Type().IsRegular():
			s.index.files[under] = here.join(e.Name())
			_ = m.add(under, onFile, fd, e.Name()) // else only its other names are not seen
			missed = append(missed, unseen(under, here.join(e.Name())))
		}
	}
	return missed
}

func (s *Sensor) openDirectory(m *marked, k key) (int, error) {
	h, ok := k.handle()
	if !ok || m.err != nil {
		return -1, unix.ENOENT
	}
	return unix.OpenByHandleAt(m.mount, h, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
}
