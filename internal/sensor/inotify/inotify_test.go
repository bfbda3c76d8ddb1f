package inotify

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"waxseal"
)

func TestChanges(t *testing.T) {
	root := t.TempDir()
	inside := func(p string) string { return filepath.Join(root, p) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(inside("etc/postfix"), 0o755))
	must(os.WriteFile(inside("etc/aliases"), nil, 0o644))
	s, err := Open(root)
	must(err)
	events := make(chan Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, func(e Event) { events <- e }, func(waxseal.Gap) {}) }()
	defer func() {
		cancel()
		must(<-done)
		must(s.Close())
	}()
	must(s.SetTargets([]waxseal.Path{"/etc/postfix", "/etc/exim4"}, []waxseal.Path{"/etc/aliases"}))
	for _, tc := range []struct {
		name string
		do   func() error
		path waxseal.Path
		op   waxseal.Operation
	}{
		{"a file comes to a directory", func() error { return os.WriteFile(inside("etc/postfix/main.cf"), []byte("x"), 0o644) }, "/etc/postfix/main.cf", waxseal.OpCreate},
		{"and is written", func() error { return os.WriteFile(inside("etc/postfix/main.cf"), []byte("y"), 0o644) }, "/etc/postfix/main.cf", waxseal.OpWrite},
		{"a single file", func() error {
			return errorsOf(os.WriteFile(inside("etc/passwd"), nil, 0o644), os.WriteFile(inside("etc/aliases"), []byte("z"), 0o644))
		}, "/etc/aliases", waxseal.OpWrite},
		{"its mode", func() error { return os.Chmod(inside("etc/aliases"), 0o666) }, "/etc/aliases", waxseal.OpMetadata},
		{"another put over it", func() error {
			return errorsOf(os.WriteFile(inside("etc/new"), nil, 0o644), os.Rename(inside("etc/new"), inside("etc/aliases")))
		}, "/etc/aliases", waxseal.OpRename},
		{"a directory that was not there", func() error { return os.Mkdir(inside("etc/exim4"), 0o755) }, "/etc/exim4", waxseal.OpCreate},
		{"gone", func() error { return os.Remove(inside("etc/postfix/main.cf")) }, "/etc/postfix/main.cf", waxseal.OpDelete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			must(tc.do())
			for {
				select {
				case e := <-events:
					if e.Path != tc.path && e.Path != "/etc/postfix/main.cf" && e.Path != "/etc/aliases" && e.Path != "/etc/exim4" {
						t.Errorf("told of %s, which nobody asked about", e.Path)
					}
					if e.Path == tc.path && slices.Contains(e.Operations, tc.op) {
						return
					}
				case <-time.After(10 * time.Second):
					t.Fatal("nothing was told")
				}
			}
		})
	}
}

func errorsOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00main.cf\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := 0; len(b) >= 16; n++ {
			_, rest := decode(b)
			if len(rest) >= len(b) {
				t.Fatal("nothing was taken")
			}
			b = rest
		}
	})
}
