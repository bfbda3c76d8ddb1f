package readroom_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mailpath"
)

const mainCF, aliases waxseal.Path = "/etc/postfix/main.cf", "/etc/aliases"

// TestAhead: what was read ahead is what is answered; where something was forgotten since,
// what lies there now is, however short the time between the two.
func TestAhead(t *testing.T) {
	s := open(t, nil)
	before := s.room.ReadLive(s.tree, mailpath.Live{})
	ahead := func(p waxseal.Path, text string) {
		t.Helper()
		s.write(string(p), text)
		s.room.Forget(p)
		if !s.room.Ahead(mailpath.Live{}) {
			t.Fatal("nothing is read ahead")
		}
	}
	again := func() waxseal.State {
		t.Helper()
		got, ok := s.room.ReadAgain(mailpath.Live{})
		if !ok {
			t.Fatal("it is not enough")
		}
		return got
	}
	holds := func(what string, p waxseal.Path, text string, got waxseal.State) {
		t.Helper()
		for _, f := range got.Files {
			if f.Path == p && !strings.Contains(f.Text, text) {
				t.Errorf("%s: %s holds %q, want %q", what, p, f.Text, text)
			}
		}
	}
	ahead(aliases, "postmaster: first@example.net\n")
	holds("read ahead", aliases, "first@", again())
	ahead(aliases, "postmaster: second@example.net\n")
	s.room.Forget("/nowhere") // another event, of something else
	holds("asked once more", aliases, "second@", again())
	for range 50 { // the reader is anywhere between the question and the answer
		ahead(aliases, "postmaster: third@example.net\n")
		s.write(string(aliases), "postmaster: fourth@example.net\n")
		s.room.Forget(aliases)
		holds("the same file, after the question", aliases, "fourth@", again())
		ahead(aliases, "postmaster: fifth@example.net\n")
		s.write(string(mainCF), "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nalways_bcc = sixth@example.net\n")
		s.room.Forget(mainCF)
		got := again()
		holds("another file, after the question", mainCF, "sixth@", got)
		holds("another file, after the question", aliases, "fifth@", got)
		s.write(string(mainCF), "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\n")
		s.room.Forget(mainCF)
	}
	ahead(aliases, "postmaster: seventh@example.net\n")
	mounted := []waxseal.Mount{{Path: "/etc/postfix", Source: "x", FSType: "tmpfs", Root: "/"}}
	if got, ok := s.room.ReadAgain(mailpath.Live{Mounts: mounted}); ok && cmp.Equal(got.Hooks, before.Hooks) {
		t.Error("what was mounted since is not in it")
	}
	ahead(aliases, "postmaster: eighth@example.net\n")
	if s.room.Ahead(mailpath.Live{}) {
		t.Error("two questions wait at once")
	}
	s.room.Vouched(s.tree, mainCF) // another question in between
	holds("another question", aliases, "eighth@", s.room.ReadLive(s.tree, mailpath.Live{}))
	s.same(s.tree)
	if gaps := s.told(); len(gaps) > 0 {
		t.Errorf("gaps: %v", gaps)
	}
}

// TestAheadLost: a reader that comes to its end while it reads ahead is told of, once, and
// everything is read by another.
func TestAheadLost(t *testing.T) {
	s := open(t, nil)
	s.room.ReadLive(s.tree, mailpath.Live{})
	pid := s.room.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.room.Forget(aliases)
	if !s.room.Ahead(mailpath.Live{}) {
		t.Fatal("nothing is read ahead")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.room.ReadAgain(mailpath.Live{}); ok {
		t.Error("a reader that was killed has answered")
	}
	s.same(s.tree)
	if gaps := s.told(); len(gaps) != 1 {
		t.Errorf("gaps: %v", gaps)
	}
}
