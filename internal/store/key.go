package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxKey bounds the key file: a signer key is about 150 bytes.
const maxKey = 4096

// LoadKey returns the signer key of the ledger in the state directory. Where
// there is neither key nor database it makes the directory and keeps the key
// that generate returns. A database without its key is an error: a new key
// would make everything signed before look forged.
func LoadKey(dir string, generate func() (string, error)) (string, error) {
	if err := prepareDir(dir); err != nil {
		return "", err
	}
	key, err := ReadKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if _, err := os.Lstat(filepath.Join(dir, databaseName)); err == nil {
		return "", fmt.Errorf("%s is missing, and %s was signed with it: put the key back, or start with an empty directory",
			filepath.Join(dir, keyName), databaseName)
	}
	if key, err = generate(); err != nil {
		return "", err
	}
	if err := writeKey(dir, key); err != nil {
		return "", fmt.Errorf("keep the ledger key: %w", err)
	}
	return ReadKey(dir) // of two that start at once, one has won
}

// ReadKey returns the signer key of the ledger in the state directory. It
// refuses a key that others can read, as others could have signed with it.
func ReadKey(dir string) (string, error) {
	path := filepath.Join(dir, keyName)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("ledger key: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxKey:
		return "", fmt.Errorf("%w: %s is not a key file", ErrUnsafe, path)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%w: %s has mode %04o, so others may have read or changed it; want 0600", ErrUnsafe, path, info.Mode().Perm())
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// writeKey keeps the key under its name, whole or not at all, and never over
// one that is there.
func writeKey(dir, key string) error {
	f, err := os.CreateTemp(dir, keyName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(key + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), filepath.Join(dir, keyName)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}
