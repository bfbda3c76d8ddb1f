package readroom_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/readroom"
)

// TestAgainApart: what was forgotten is asked of the disk, here and apart, and nothing else;
// where a directory was touched all is to be read.
func TestAgainApart(t *testing.T) {
	s := open(t, nil)
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	readers := map[string]interface {
		ReadLive(waxseal.Tree, mailpath.Live) waxseal.State
		ReadAgain(mailpath.Live) (waxseal.State, bool)
		Forget(waxseal.Path)
	}{"here": here, "apart": s.room}
	before := s.same(s.tree)
	for name, r := range readers {
		if _, ok := r.ReadAgain(mailpath.Live{}); ok && name == "here" {
			t.Errorf("%s: a tree that was never read is remembered", name)
		}
		r.ReadLive(s.tree, mailpath.Live{})
	}
	s.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nalways_bcc = box@example.net\n")
	s.write("/etc/aliases", "postmaster: box@example.net\n")
	now := s.here.ReadLive(s.tree, mailpath.Live{})
	for name, r := range readers {
		if got, ok := r.ReadAgain(mailpath.Live{}); !ok || cmp.Diff(before, got) != "" {
			t.Errorf("%s: nothing was forgotten, and it is another state: %s", name, cmp.Diff(before, got))
		}
		for _, p := range []waxseal.Path{"/etc/postfix/main.cf", "/etc/aliases"} {
			r.Forget(p)
		}
		if got, ok := r.ReadAgain(mailpath.Live{}); !ok || cmp.Diff(now, got) != "" {
			t.Errorf("%s: %v, it is not what lies there: %s", name, ok, cmp.Diff(now, got))
		}
		r.Forget("/etc/postfix")
		if _, ok := r.ReadAgain(mailpath.Live{}); ok {
			t.Errorf("%s: a directory was touched, and not all is to be read", name)
		}
	}
	if err := os.Remove(filepath.Join(s.root, "/etc/aliases")); err != nil {
		t.Fatal(err)
	}
	s.same(s.tree) // after an answer that was none
}
