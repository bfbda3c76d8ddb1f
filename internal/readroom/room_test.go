package readroom_test

import (
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// program is Waxseal itself, built once: a reader is this very program.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "waxseal-readroom-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // another user is to run it
		return "", err
	}
	bin := filepath.Join(dir, "waxseal")
	cmd := exec.Command("go", "build", "-o", bin, "waxseal/cmd/waxseal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

var key = []byte("0123456789abcdef0123456789abcdef")

// server is a small mail server on the disk, with a room that reads it and a reader that
// reads it here.
type server struct {
	t    *testing.T
	root string
	tree *rootfs.Tree
	room *readroom.Room
	here *mailpath.Reader
	mu   sync.Mutex
	gaps []waxseal.Gap
}

func open(t *testing.T, files map[string]string) *server {
	t.Helper()
	s := &server{t: t, root: filepath.Join(t.TempDir(), "root")}
	all := map[string]string{
		"/etc/hostname": "mail\n", "/etc/aliases": "postmaster: root\n",
		"/etc/passwd":            "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n",
		"/etc/postfix/main.cf":   "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:localhost:8891\nsmtp_sasl_password_maps = texthash:/etc/postfix/sasl\n",
		"/etc/postfix/sasl":      "relay.example.test user:verysecret\n",
		"/etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd\ncleanup   unix  n       -       y       -       0       cleanup\nlocal unix - n n - - local\n",
		"/home/alice/.forward":   "alice@example.net\n", "/home/bob/.forward": "\\bob\n",
	}
	for p, text := range files {
		all[p] = text
	}
	for p, text := range all {
		s.write(p, text)
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	if s.tree, err = rootfs.Open(s.root); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.tree.Close() })
	s.here = mailpath.NewReader(mask.New(key))
	s.here.Otherwise(rpm.Open)
	o := readroom.Options{Root: s.tree.Dir(), Key: key, Program: bin, Lost: s.lost, Hidden: []string{filepath.Join(s.root, "var/lib/waxseal")}}
	if readroom.NeedsScratch(s.root) {
		o.Scratch = filepath.Join(t.TempDir(), "scratch")
	}
	if s.room, err = readroom.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.room.Close() })
	return s
}

func (s *server) lost(g waxseal.Gap) { s.mu.Lock(); s.gaps = append(s.gaps, g); s.mu.Unlock() }

func (s *server) told() []waxseal.Gap { s.mu.Lock(); defer s.mu.Unlock(); return s.gaps }

func (s *server) write(p, text string) {
	s.t.Helper()
	at := filepath.Join(s.root, p)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil { // the reader may read what is root's
		s.t.Fatal(err)
	}
}

// same holds what the room reads against what is read here.
func (s *server) same(tree waxseal.Tree) waxseal.State {
	s.t.Helper()
	got, want := s.room.ReadLive(tree, mailpath.Live{}), s.here.ReadLive(tree, mailpath.Live{})
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Fatalf("read apart and read here differ: %s", diff)
	}
	return got
}

// TestReadApart: a state that was read apart is the one that is read here, however it was
// changed before, and no secret comes with it.
func TestReadApart(t *testing.T) {
	s := open(t, nil)
	if err := unix.Setxattr(filepath.Join(s.root, "/etc/postfix/main.cf"), "user.note", []byte("x"), 0); err != nil {
		t.Logf("no attribute can be set here, so that none is compared: %v", err)
	}
	first := s.same(s.tree)
	if text := fmt.Sprintf("%+v", first); len(first.Hooks) < 4 || strings.Contains(text, "verysecret") {
		t.Errorf("%d hooks: %s", len(first.Hooks), text)
	}
	s.same(s.tree)
	s.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nalways_bcc = box@example.net\n")
	s.room.Forget("/etc/postfix/main.cf")
	s.here.Forget("/etc/postfix/main.cf")
	s.same(s.tree)
	p := waxseal.Path("/etc/postfix/main.cf")
	f, err := s.tree.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	passing := snapshot.Over(s.tree, map[waxseal.Path]snapshot.Object{p: {File: f, Content: []byte("always_bcc = \xff@evil.example.net\n")}})
	s.same(passing)
	s.same(s.tree)
	if err := os.Remove(filepath.Join(s.root, "/etc/aliases")); err != nil {
		t.Fatal(err)
	}
	s.same(s.tree)
	if gaps := s.told(); len(gaps) > 0 {
		t.Errorf("gaps: %+v", gaps)
	}
}

// TestOneHomeApart: one home that is read again apart gives what it gives here.
func TestOneHomeApart(t *testing.T) {
	s := open(t, nil)
	state := s.same(s.tree)
	there, here := s.room.Index(state), s.here.Index(state)
	for i := range 4 {
		s.write("/home/alice/.forward", fmt.Sprintf("alice@example.net, box%d@evil.example.net\n", i))
		touched := []waxseal.Path{"/home/alice/.forward"}
		got, ok := s.room.ReadHome(s.tree, mailpath.Live{}, there, touched)
		want, wanted := s.here.ReadHome(s.tree, mailpath.Live{}, here, touched)
		if !ok || !wanted {
			t.Fatalf("read apart %v, here %v", ok, wanted)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if i == 2 {
			continue // too early, say: it is not settled
		}
		s.room.Settle(there, got)
		s.here.Settle(here, want)
		if diff := cmp.Diff(here.State, there.State); diff != "" {
			t.Fatal(diff)
		}
	}
	s.same(s.tree)
}

// TestLost: a reader that is killed is a gap, once, and the next reading is whole.
func TestLost(t *testing.T) {
	s := open(t, nil)
	s.same(s.tree)
	for range 3 {
		if err := syscall.Kill(s.room.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.same(s.tree)
	}
	for deadline := time.Now().Add(10 * time.Second); len(s.told()) < 3 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	time.Sleep(50 * time.Millisecond) // one too many would come now
	if gaps := s.told(); len(gaps) != 3 || !strings.Contains(gaps[0].Reason, "SIGKILL") {
		t.Errorf("gaps: %+v", gaps)
	}
}

// TestPackagesApart: a package database that is copied to be read is read apart too: a
// reader of such a tree may write in one directory of its own.
func TestPackagesApart(t *testing.T) {
	for _, name := range []string{"/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/rpmdb.sqlite"} {
		t.Run(path.Base(name), func(t *testing.T) {
			content := ""
			if strings.HasSuffix(name, ".db") {
				content = unpacked(t, "../pkgdb/rpm/testdata/sle15-Packages.db.gz")
			}
			s := open(t, map[string]string{name: orSome(content)})
			if content == "" { // with a log beside it, as while rpm runs
				makeSQLite(t, filepath.Join(s.root, name))
			}
			for _, p := range s.same(s.tree).Problems {
				if strings.Contains(p.Message, "package database") {
					t.Errorf("%+v", p)
				}
			}
			if gaps := s.told(); len(gaps) > 0 {
				t.Errorf("gaps: %+v", gaps)
			}
		})
	}
}

// orSome is a content, or something that is replaced later.
func orSome(content string) string {
	if content == "" {
		return "x"
	}
	return content
}

func unpacked(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func makeSQLite(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("PRAGMA journal_mode=WAL; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"); err != nil {
		t.Fatal(err)
	}
}

// TestNewBesideHidden: what is made beside a hidden directory after the start is read all
// the same, by a new reader, and no gap is told.
func TestNewBesideHidden(t *testing.T) {
	s := open(t, map[string]string{"/var/lib/waxseal/ledger.key": "key", "/var/lib/mailman/x": ""})
	s.same(s.tree)
	first := s.room.PID()
	s.write("/var/lib/postfix/more", "alice alice@example.org\n")
	s.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nvirtual_alias_maps = texthash:/var/lib/postfix/more\n")
	state := s.same(s.tree)
	if s.room.PID() == first && os.Geteuid() == 0 {
		t.Error("the reader is the same, and could not read what is new")
	}
	for _, p := range state.Problems {
		if p.Unreadable {
			t.Errorf("%+v", p)
		}
	}
	if gaps := s.told(); len(gaps) > 0 {
		t.Errorf("gaps: %+v", gaps)
	}
}
