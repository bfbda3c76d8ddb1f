package kaudit

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkRules measures what the rules of an agent cost those who have nothing to do with
// them: a system call that asks nothing, one that looks at an open file, and one that opens
// a file for reading, elsewhere; while audit is on without a rule, and with the watches of
// a mail server.
func BenchmarkRules(b *testing.B) {
	alone(b)
	dir := b.TempDir()
	var watches []string
	for i := range 16 {
		d := filepath.Join(dir, fmt.Sprint("watched", i))
		if err := os.Mkdir(d, 0o700); err != nil {
			b.Fatal(err)
		}
		watches = append(watches, d)
	}
	name := filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	for _, w := range []struct {
		name    string
		watches []string
		calls   bool
	}{{"none", nil, false}, {"sixteen", watches, true}} {
		s, err := Open(Options{Key: "wxbench", Watches: w.watches, Calls: w.calls})
		if err != nil {
			b.Skip(err)
		}
		b.Run("getppid/"+w.name, func(b *testing.B) {
			for b.Loop() {
				unix.Getppid()
			}
		})
		b.Run("fstat/"+w.name, func(b *testing.B) {
			var st unix.Stat_t
			for b.Loop() {
				unix.Fstat(0, &st)
			}
		})
		b.Run("open/"+w.name, func(b *testing.B) {
			for b.Loop() {
				fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					b.Fatal(err)
				}
				unix.Close(fd)
			}
		})
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}
