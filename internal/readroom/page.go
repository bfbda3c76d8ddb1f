package readroom

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"waxseal"
)

// A page of memory that both processes have says which file the reader opened last. A
// reader that crashed can't be asked any more.

const pageSize = 4096

// newPage makes it.
func newPage() (*os.File, []byte, error) {
	fd, err := unix.MemfdCreate("waxseal-reading", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, fmt.Errorf("make a page: %w", err)
	}
	f := os.NewFile(uintptr(fd), "page")
	err = f.Truncate(pageSize)
	if err == nil { // a page that is cut off would end who looks at it
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("make a page: %w", err)
	}
	page, err := unix.Mmap(fd, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, page, nil
}

// note writes a path; of several that are opened at once the last one stays, or a
// mixture.
func note(page []byte, p waxseal.Path) {
	n := copy(page[:pageSize-1], p)
	page[n] = 0
}

// noted is what stands there, "" where it is no path: whoever wrote it may have been
// taken over.
func noted(page []byte) waxseal.Path {
	text, _, _ := bytes.Cut(bytes.Clone(page), []byte{0})
	s := string(text)
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if !strings.HasPrefix(s, "/") || strings.ContainsFunc(s, odd) {
		return ""
	}
	return waxseal.Path(s)
}
