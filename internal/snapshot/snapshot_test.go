package snapshot

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"waxseal"
)

func TestLinksAndLayers(t *testing.T) {
	lower := New(map[waxseal.Path]Object{
		"/etc/a":    {Content: []byte("a")},
		"/etc/link": {File: waxseal.File{Type: waxseal.Symlink, Link: "../etc/a"}},
		"/etc/loop": {File: waxseal.File{Type: waxseal.Symlink, Link: "/etc/loop"}},
		"/etc/pipe": {File: waxseal.File{Type: waxseal.FIFO}},
	})
	if b, err := lower.ReadFile("/etc/link", 10); string(b) != "a" || err != nil {
		t.Errorf("link: %q, %v", b, err)
	}
	if _, err := lower.Stat("/etc/loop"); !errors.Is(err, waxseal.ErrLoop) {
		t.Errorf("loop: %v", err)
	}
	if _, err := lower.ReadFile("/etc/pipe", 10); !errors.Is(err, waxseal.ErrNotRegular) {
		t.Errorf("fifo: %v", err)
	}
	if _, err := lower.ReadFile("/etc/a", 0); !errors.Is(err, waxseal.ErrTooLarge) {
		t.Errorf("limit: %v", err)
	}
	upper := Over(lower, map[waxseal.Path]Object{"/etc/a": {Content: []byte("b")}})
	if b, _ := upper.ReadFile("/etc/a", 10); string(b) != "b" {
		t.Errorf("upper layer: %q", b)
	}
	names, err := upper.ReadDir("/etc")
	if err != nil || !slices.Equal(names, []string{"a", "link", "loop", "pipe"}) {
		t.Errorf("ReadDir: %v, %v", names, err)
	}
	if _, err := lower.ReadDir("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}
