package store

import "path/filepath"

// Beside prepares the state directory for a database that others keep in it, apart
// from the ledger's: the directory is made if need be and refused where others could
// have written in it, and the file gets its mode. The lock is not taken.
func Beside(dir, name string) (file string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := prepareDir(dir); err != nil {
		return "", err
	}
	file = filepath.Join(dir, name)
	return file, createDatabase(file)
}
