// Package gitdir reads which commit is checked out in a directory, who wrote it, and
// what files it has: from .git itself, without running git, its hooks or its filters.
//
// Read are loose objects (zlib) and packs of version 2 with their index
// (gitformat-pack(5)), HEAD, loose and packed references (gitrepository-layout(5)). Each
// object is held against its SHA-1. Not read are repositories with SHA-256, reftables,
// alternates, and worktrees whose .git lies elsewhere: that is said, and nothing guessed.
package gitdir

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"waxseal"
)

// ErrNone: there is no .git.
var ErrNone = errors.New("it is no git checkout")

// Bounds of what is read.
const (
	maxObject  = 64 << 20
	maxPack    = 512 << 20
	maxEntries = 100_000
	maxDepth   = 64 // of directories
)

// Commit is one commit.
type Commit struct {
	ID      string
	Author  string // "Alice <alice@example.test>"
	Time    time.Time
	Subject string
	Parent  string // the first of its parents, "" where it has none
	tree    string
}

// Entry is one file of a commit.
type Entry struct {
	Mode string // "100644", "100755", "120000" for a link, "160000" for a submodule
	ID   string // of the blob
}

// Repository is the .git of a directory.
type Repository struct {
	tree  waxseal.Tree
	packs []pack
	ready bool // the packs' indexes were read
}

// Open finds the .git of a tree's root.
func Open(t waxseal.Tree) (*Repository, error) {
	f, err := t.Lstat("/.git")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, err
	case f.Type != waxseal.Directory:
		return nil, errors.New(".git is no directory: a worktree or submodule whose repository lies elsewhere can't be read")
	}
	r := &Repository{tree: t}
	if config, err := t.ReadFile("/.git/config", 1<<20); err == nil {
		lower := strings.ToLower(string(config))
		if strings.Contains(lower, "objectformat") && strings.Contains(lower, "sha256") {
			return nil, errors.New("a repository with SHA-256 can't be read")
		}
	}
	if _, err := t.Lstat("/.git/objects/info/alternates"); err == nil {
		return nil, errors.New("a repository whose objects lie elsewhere (alternates) can't be read")
	}
	return r, nil
}

// Head is the commit that is checked out.
func (r *Repository) Head() (Commit, error) {
	id, err := r.resolve("HEAD", 0)
	if err != nil {
		return Commit{}, err
	}
	return r.Commit(id)
}

// Commit reads one commit.
func (r *Repository) Commit(id string) (Commit, error) {
	kind, text, err := r.object(id)
	if err != nil {
		return Commit{}, fmt.Errorf("commit %s: %w", id, err)
	}
	if kind != "commit" {
		return Commit{}, fmt.Errorf("%s is a %s, not a commit", id, kind)
	}
	return parseCommit(id, text)
}

// resolve follows references to an object.
func (r *Repository) resolve(name string, depth int) (string, error) {
	if depth > 5 {
		return "", fmt.Errorf("reference %s: too many steps", name)
	}
	if !cleanRef(name) {
		return "", fmt.Errorf("reference %q: no such name", name)
	}
	text, err := r.tree.ReadFile(waxseal.Path("/.git/"+name), 4096)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, waxseal.ErrNotRegular) {
		return r.packedRef(name)
	}
	if err != nil {
		return "", fmt.Errorf("reference %s: %w", name, err)
	}
	line := strings.TrimSpace(string(text))
	if to, ok := strings.CutPrefix(line, "ref:"); ok {
		return r.resolve(strings.TrimSpace(to), depth+1)
	}
	if !isID(line) {
		return "", fmt.Errorf("reference %s: it names no commit", name)
	}
	return line, nil
}

func cleanRef(name string) bool {
	return name == "HEAD" || strings.HasPrefix(name, "refs/") && path.Clean(name) == name && !strings.ContainsAny(name, "\x00\n")
}

func (r *Repository) packedRef(name string) (string, error) {
	text, err := r.tree.ReadFile("/.git/packed-refs", maxObject)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		id, ref, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && ref == name && isID(id) {
			return id, nil
		}
	}
	return "", fmt.Errorf("reference %s: there is none (a checkout without a commit, or with reftables?)", name)
}

func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha1.Size && strings.ToLower(s) == s
}

// parseCommit reads header and subject.
func parseCommit(id string, text []byte) (Commit, error) {
	c := Commit{ID: id}
	head, message, _ := strings.Cut(string(text), "\n\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case key == "tree" && c.tree == "":
			c.tree = value
		case key == "parent" && c.Parent == "":
			if c.Parent = value; !isID(value) {
				return c, fmt.Errorf("commit %s: its parent is %q", id, value)
			}
		case key == "author" && c.Author == "":
			c.Author, c.Time = parseAuthor(value)
		}
	}
	c.Subject, _, _ = strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	if !isID(c.tree) {
		return c, fmt.Errorf("commit %s: it names no tree", id)
	}
	return c, nil
}

// parseAuthor reads "Name <mail> seconds zone".
func parseAuthor(s string) (string, time.Time) {
	end := strings.LastIndexByte(s, '>')
	if end < 0 {
		return s, time.Time{}
	}
	seconds, _, _ := strings.Cut(strings.TrimSpace(s[end+1:]), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > 1<<36 {
		return s[:end+1], time.Time{}
	}
	return s[:end+1], time.Unix(n, 0).UTC()
}

// Files lists the files of a commit, by path from its root.
func (r *Repository) Files(c Commit) (map[string]Entry, error) {
	files := map[string]Entry{}
	return files, r.walk(c.tree, "", 0, files)
}

func (r *Repository) walk(id, dir string, depth int, files map[string]Entry) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: directories are nested too deep", dir)
	}
	return r.each(id, func(name string, e Entry) error {
		p := path.Join(dir, name)
		if e.Mode == modeTree {
			return r.walk(e.ID, p, depth+1, files)
		}
		if len(files) >= maxEntries {
			return fmt.Errorf("the commit has more than %d files", maxEntries)
		}
		files[p] = e
		return nil
	})
}

// File finds one file of a commit, by its path from the root.
func (r *Repository) File(c Commit, name string) (found Entry, ok bool, err error) {
	id, parts := c.tree, strings.Split(name, "/")
	for i, part := range parts {
		ok = false
		err := r.each(id, func(name string, e Entry) error {
			if name == part {
				found, ok = e, true
			}
			return nil
		})
		if err != nil || !ok || i < len(parts)-1 && found.Mode != modeTree {
			return Entry{}, false, err
		}
		id = found.ID
	}
	return found, found.Mode != modeTree, nil
}

const modeTree = "40000"

// each goes through what a directory of a commit has.
func (r *Repository) each(id string, do func(name string, e Entry) error) error {
	kind, text, err := r.object(id)
	if err != nil {
		return fmt.Errorf("tree %s: %w", id, err)
	}
	if kind != "tree" {
		return fmt.Errorf("%s is a %s, not a tree", id, kind)
	}
	for len(text) > 0 {
		zero := bytes.IndexByte(text, 0)
		if zero < 0 || len(text) < zero+1+sha1.Size {
			return fmt.Errorf("tree %s: it is cut off", id)
		}
		mode, name, ok := strings.Cut(string(text[:zero]), " ")
		below := hex.EncodeToString(text[zero+1 : zero+1+sha1.Size])
		text = text[zero+1+sha1.Size:]
		if !ok || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return fmt.Errorf("tree %s: it has the name %q", id, name)
		}
		if err := do(name, Entry{Mode: mode, ID: below}); err != nil {
			return err
		}
	}
	return nil
}

// BlobID is the name that git gives to a content.
func BlobID(content []byte) string { return idOf("blob", content) }

func idOf(kind string, content []byte) string {
	h := sha1.New()
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
