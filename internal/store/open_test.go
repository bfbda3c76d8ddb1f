package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

func TestOpenPrivate(t *testing.T) {
	dir := newDir(t)
	s, _ := open(t, dir)
	appendN(t, s, 1, 1)
	modes := map[string]fs.FileMode{".": 0o700, "lock": 0o600, "ledger.key": 0o600, "waxseal.db": 0o600, "waxseal.db-wal": 0o600, "waxseal.db-shm": 0o600}
	for name, want := range modes {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != len(modes)-1 {
		t.Errorf("files: %v, %v", list, err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		if got, err := s.ReadWriterPragma(pragma); err != nil || got != want {
			t.Errorf("%s is %q, %v", pragma, got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		set  func(dir string) error
		want string
	}{
		{"group may write", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)) }, "mode 0770, so it is open to others"},
		{"others may write", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) }, "mode 0777, so it is open to others"},
		{"others may read", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755)) }, "mode 0755, so it is open to others"},
		{"symlink", func(dir string) error {
			return errors.Join(os.Mkdir(dir+".real", 0o700), os.Symlink(dir+".real", dir))
		}, "is a symbolic link"},
		{"file", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "is not a directory"},
		{"someone else's", func(dir string) error {
			if os.Geteuid() != 0 {
				t.Skip("giving a directory away needs root")
			}
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 1234, 1234))
		}, "belongs to uid 1234"},
	}
	log, err := openLog(newDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := newDir(t)
			if err := tt.set(dir); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(dir, store.Options{Log: log})
			if !errors.Is(err, store.ErrUnsafe) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("open: %v", err)
			}
			if _, err := openLog(dir); !errors.Is(err, store.ErrUnsafe) {
				t.Errorf("load key: %v", err)
			}
		})
	}
}

func TestLocked(t *testing.T) {
	dir := newDir(t)
	s, _, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = openAt(dir)
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("by process %d", os.Getpid())) {
		t.Errorf("second writer: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestKey(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openLog(dir)
	if err != nil || again.Verifier() != log.Verifier() {
		t.Errorf("the key changed, %v", err)
	}
	path := filepath.Join(dir, "ledger.key")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ReadKey(dir); !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := openLog(dir); err == nil || !strings.Contains(err.Error(), "ledger.key is missing") {
		t.Errorf("a database without its key: %v", err)
	}
}

// TestReadOnlyBeside reads beside a running writer, what it has just committed.
func TestReadOnlyBeside(t *testing.T) {
	dir := newDir(t)
	s, log := open(t, dir)
	appendN(t, s, 3, 1)
	r, err := store.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fsck(t, r, log, 3)
	appendN(t, s, 2, 1)
	fsck(t, r, log, 5)
	if err := r.Append(func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("append: %v", err)
	}
	if err := r.Alive(testTime); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("alive: %v", err)
	}
	if _, err := r.Rebuild(); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("rebuild: %v", err)
	}
}

// TestReadOnlyDirectory reads a state that was closed, in a directory that can't
// be written. Root can write there all the same; see TestReadOnlyMount.
func TestReadOnlyDirectory(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 3, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	r, err := store.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fsck(t, r, log, 3)
}

func TestReadOnlyNothing(t *testing.T) {
	dir := newDir(t)
	if _, err := store.OpenReadOnly(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no state: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader made the directory: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(`UPDATE meta SET value = ? WHERE key = 'schema'`, fmt.Sprint(store.Migrations()+1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*store.Store, error){
		"writer": func() (*store.Store, error) { return store.Open(dir, store.Options{Log: log}) },
		"reader": func() (*store.Store, error) { return store.OpenReadOnly(dir) },
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "newer version of waxseal") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamaged: a database that is none, and one with a damaged page, are said to
// be damaged, with the file.
func TestDamaged(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 300, 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "waxseal.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte("this is no database"), whole...)
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir, store.Options{Log: log}); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("no database: %v", err)
	}
	damaged = append([]byte(nil), whole...)
	for i := 4096; i < len(damaged); i += 4096 { // every page but the first
		copy(damaged[i:], make([]byte, 64))
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(dir, store.Options{Log: log})
	if err == nil {
		_, err = ledger.Verify(s, log.Verifier())
		_ = s.Close()
	}
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged pages: %v", err)
	}
}

func TestBlob(t *testing.T) {
	s, _ := open(t, newDir(t))
	var d waxseal.Digest
	content := []byte(strings.Repeat("smtpd_milters = inet:localhost:8891\n", 1000))
	err := s.Append(func(tx *store.Tx) (err error) {
		if _, err = tx.PutBlob(content); err != nil {
			return err
		}
		if _, err = tx.PutBlob(nil); err != nil {
			return err
		}
		d, err = tx.PutBlob(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Blob(d); err != nil || string(got) != string(content) {
		t.Errorf("blob: %d bytes, %v", len(got), err)
	}
	if got, err := s.Blob("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"); err != nil || len(got) != 0 {
		t.Errorf("empty blob: %d bytes, %v", len(got), err)
	}
	if err := s.Exec(`UPDATE blob SET data = (SELECT data FROM blob WHERE digest <> ?1) WHERE digest = ?1`, d); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Blob(d); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("another content under the digest: %v", err)
	}
	if err := s.Exec(`UPDATE blob SET data = x'00'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Blob(d); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("no zstd: %v", err)
	}
}
