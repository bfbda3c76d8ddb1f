package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Lacks says what this machine lacks to run a lab; nil when nothing.
func Lacks() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root (running as uid %d)", os.Geteuid())
	}
	for _, tool := range []string{"nsenter", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	cache, err := CacheDir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(BasePath(cache, Mail)); err == nil {
		return nil // nothing to build
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return errors.New("needs mmdebstrap (apt-get install mmdebstrap)")
	}
	return nil
}

// T is what Fresh needs of a test.
type T interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// Fresh returns a started lab for one test and closes it after the test. On a
// machine that can't run labs the test is skipped, with the reason.
func Fresh(t T) *Lab { return FreshOf(t, Mail) }

// FreshOf is Fresh for another flavour that can be started.
func FreshOf(t T, f Flavour) *Lab {
	t.Helper()
	Require(t)
	l, err := New(t.Context(), Options{Flavour: f})
	if err != nil {
		t.Fatalf("new lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close lab: %v", err)
		}
	})
	if err := l.Start(t.Context()); err != nil {
		t.Fatalf("%v", err)
	}
	return l
}

// Require skips the test with the reason when this machine can't run a lab.
func Require(t T) {
	t.Helper()
	if err := Lacks(); err != nil {
		t.Skipf("no lab here: %v", err)
	}
}
