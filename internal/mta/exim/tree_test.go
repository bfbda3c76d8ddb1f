package exim

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

// debianTree is a small Debian with split sources of this project's own: see
// testdata/debian/README.md.
func debianTree(t testing.TB) map[waxseal.Path]snapshot.Object {
	t.Helper()
	files := map[waxseal.Path]snapshot.Object{}
	root := "testdata/debian"
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" {
			return err
		}
		content, err := os.ReadFile(p)
		rel, _ := filepath.Rel(root, p)
		files[waxseal.Path("/"+filepath.ToSlash(rel))] = snapshot.Object{Content: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
