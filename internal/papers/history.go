package papers

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/gitdir"
)

// subtree is a directory of a tree as a tree of its own.
type subtree struct {
	waxseal.Tree
	dir waxseal.Path
}

func (s subtree) at(p waxseal.Path) waxseal.Path {
	return waxseal.Path(path.Join(string(s.dir), path.Join("/", string(p))))
}

func (s subtree) Lstat(p waxseal.Path) (waxseal.File, error) { return s.Tree.Lstat(s.at(p)) }
func (s subtree) Stat(p waxseal.Path) (waxseal.File, error)  { return s.Tree.Stat(s.at(p)) }
func (s subtree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	return s.Tree.ReadFile(s.at(p), limit)
}
func (s subtree) Digest(p waxseal.Path) (waxseal.Digest, error) { return s.Tree.Digest(s.at(p)) }
func (s subtree) ReadDir(p waxseal.Path) ([]string, error)      { return s.Tree.ReadDir(s.at(p)) }

const (
	// maxCommits is how far back the history of /etc is followed.
	maxCommits = 200
	maxInEtc   = 16 << 20
)

// HasHistory reports whether somebody keeps a history of /etc that a file may be in.
func HasHistory(tree waxseal.Tree, p waxseal.Path) bool {
	if !strings.HasPrefix(string(p), "/etc/") {
		return false
	}
	f, err := tree.Lstat("/etc/.git")
	return err == nil && f.Type == waxseal.Directory
}

// History implements Source. etckeeper(8) commits whatever it finds, and root writes that
// history, so that it tells when and approves nothing.
func (h *Here) History(p waxseal.Path) (string, error) {
	if !HasHistory(h.Tree, p) {
		return "", nil
	}
	content, err := h.Tree.ReadFile(p, maxInEtc)
	if err != nil {
		return "", nil // what can't be read as a whole is in no history as it is
	}
	r, err := gitdir.Open(subtree{h.Tree, "/etc"})
	if errors.Is(err, gitdir.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	head, err := r.Head()
	if err != nil {
		return "", err
	}
	words, err := inHistory(r, head, strings.TrimPrefix(string(p), "/etc/"), gitdir.BlobID(content))
	return utf8Only(words), err
}

// inHistory follows a file back from the commit that is checked out.
func inHistory(r *gitdir.Repository, c gitdir.Commit, name, blob string) (string, error) {
	var since gitdir.Commit
	for range maxCommits {
		e, ok, err := r.File(c, name)
		if err != nil && since.ID == "" {
			return "", err
		}
		if err != nil || !ok || e.ID != blob {
			break
		}
		if since = c; c.Parent == "" {
			break
		}
		parent, err := r.Commit(c.Parent)
		if err != nil {
			break
		}
		c = parent
	}
	if since.ID == "" {
		return "the history of /etc (" + c.ID[:12] + " of " + c.Time.Format(time.RFC3339) + ") does not have this content: it is younger, if that history is true", nil
	}
	return fmt.Sprintf("the history of /etc has this content since %s (commit %s by %s, %q): it tells when, if it is true, and approves nothing", since.Time.Format(time.RFC3339), since.ID[:12], since.Author, since.Subject), nil
}
