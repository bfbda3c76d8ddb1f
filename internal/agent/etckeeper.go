package agent

import (
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

// inHistory says since when the history of /etc has the content that a file has now:
// etckeeper(8) commits whatever it finds, and root writes that history, so that it tells
// when and approves nothing. It is "" where there is none, or none that can be read.
func inHistory(tree waxseal.Tree, p waxseal.Path) string {
	name, ok := strings.CutPrefix(string(p), "/etc/")
	if !ok || tree == nil {
		return ""
	}
	content, err := tree.ReadFile(p, maxInEtc)
	if err != nil {
		return ""
	}
	r, err := gitdir.Open(subtree{tree, "/etc"})
	if err != nil {
		return ""
	}
	c, err := r.Head()
	if err != nil {
		return ""
	}
	blob, since, known := gitdir.BlobID(content), gitdir.Commit{}, 0
	for ; known < maxCommits; known++ {
		if e, ok, err := r.File(c, name); err != nil || !ok || e.ID != blob {
			break
		}
		if since = c; c.Parent == "" {
			break
		}
		if c, err = r.Commit(c.Parent); err != nil {
			break
		}
	}
	if since.ID == "" {
		return "the history of /etc (" + c.ID[:12] + " of " + c.Time.Format(time.RFC3339) + ") does not have this content: it is younger, if that history is true"
	}
	return fmt.Sprintf("the history of /etc has this content since %s (commit %s by %s, %q): it tells when, if it is true, and approves nothing", since.Time.Format(time.RFC3339), since.ID[:12], since.Author, since.Subject)
}

// dateByHistory adds to a finding about a change that nobody saw what the history of /etc
// says of its time.
func dateByHistory(f *waxseal.Finding, tree waxseal.Tree, ch waxseal.Change) {
	if f.Unobserved == nil || ch.After == nil || ch.After.Missing || ch.BeforeDigest == ch.AfterDigest {
		return
	}
	if words := inHistory(tree, ch.Path); words != "" {
		f.Reasons = append(f.Reasons[:len(f.Reasons):len(f.Reasons)], words)
	}
}
