package cli_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	vocabulary "waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/detect"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
)

// TestStockPartsAreQuiet: what packages set up is nothing to look at first either where
// a tree lacks the package database, or is no more than what somebody copied of a host.
func TestStockPartsAreQuiet(t *testing.T) {
	for _, flavour := range stockFlavours {
		root := lab.Root(t, flavour)
		for _, part := range []struct {
			name       string
			kept, gone []string
		}{
			{"no database", []string{"/"}, []string{"/var/lib/dpkg"}},
			{"configuration", []string{"/etc", "/lib", "/usr/lib/systemd", "/var/lib/exim4"}, nil},
			{"configuration and names of conffiles", []string{"/etc", "/var/lib/dpkg/info/postfix.conffiles", "/usr/lib/postfix/configure-instance.sh"}, nil},
		} {
			t.Run(string(flavour)+" "+part.name, func(t *testing.T) {
				tree, err := rootfs.Open(root)
				if err != nil {
					t.Fatal(err)
				}
				defer tree.Close()
				state := mailpath.NewReader(agent.ThrowAwayMasker()).Read(partOf{tree, part.kept, part.gone})
				if len(state.Hooks) == 0 {
					t.Fatal("no hooks")
				}
				for _, f := range detect.Rank(state) {
					if f.Severity >= vocabulary.Medium {
						t.Errorf("%s %s: %s", f.Severity, f.Title, strings.Join(f.Reasons, "; "))
					}
				}
			})
		}
	}
}

// partOf is a tree that has only some of another's paths.
type partOf struct {
	vocabulary.Tree
	kept, gone []string
}

func (p partOf) has(name vocabulary.Path) bool {
	below := func(dir string) bool {
		return dir == "/" || string(name) == dir || strings.HasPrefix(string(name), dir+"/")
	}
	above := func(dir string) bool { return name == "/" || strings.HasPrefix(dir, string(name)+"/") }
	return slices.ContainsFunc(p.kept, func(d string) bool { return below(d) || above(d) }) && !slices.ContainsFunc(p.gone, below)
}

func missing(name vocabulary.Path) error {
	return &fs.PathError{Op: "open", Path: string(name), Err: fs.ErrNotExist}
}

func (p partOf) Lstat(name vocabulary.Path) (vocabulary.File, error) {
	if !p.has(name) {
		return vocabulary.File{}, missing(name)
	}
	return p.Tree.Lstat(name)
}

func (p partOf) Stat(name vocabulary.Path) (vocabulary.File, error) {
	if !p.has(name) {
		return vocabulary.File{}, missing(name)
	}
	f, err := p.Tree.Stat(name)
	if err == nil && f.Resolved != "" && !p.has(f.Resolved) {
		return vocabulary.File{}, missing(name)
	}
	return f, err
}

func (p partOf) ReadFile(name vocabulary.Path, limit int64) ([]byte, error) {
	if _, err := p.Stat(name); err != nil {
		return nil, err
	}
	return p.Tree.ReadFile(name, limit)
}

func (p partOf) Digest(name vocabulary.Path) (vocabulary.Digest, error) {
	if _, err := p.Stat(name); err != nil {
		return "", err
	}
	return p.Tree.Digest(name)
}

func (p partOf) ReadDir(name vocabulary.Path) ([]string, error) {
	if _, err := p.Stat(name); err != nil {
		return nil, err
	}
	names, err := p.Tree.ReadDir(name)
	return slices.DeleteFunc(names, func(n string) bool { return !p.has(vocabulary.Path(path.Join(string(name), n))) }), err
}
