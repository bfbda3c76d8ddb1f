package agent

import (
	"path/filepath"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/detect"
)

// count counts the starts of scripts of the mail path, and tells of one that starts
// more often than the configuration allows.
func (a *Agent) count(o waxseal.Observation) {
	if a.opts.MostStarts == 0 {
		return
	}
	script, n, over := a.starts.Add(a.inTree(o.Audit), a.names.user(o.Audit.EUID))
	if !over {
		return
	}
	f := detect.Frequent(script, n)
	f.Seen, f.Actor = o.Time, o.Audit.Actor
	a.tellEvent(f, o)
}

// inTree is a program start with the names that its files have inside the tree.
func (a *Agent) inTree(e *waxseal.AuditEvent) *waxseal.AuditEvent {
	if a.tree.Dir() == "/" {
		return e
	}
	inside := func(name string) string {
		if rest, err := filepath.Rel(a.tree.Dir(), name); err == nil && !strings.HasPrefix(rest, "..") {
			return "/" + rest
		}
		return name
	}
	c := *e
	c.Exe, c.CWD, c.Paths = inside(e.Exe), inside(e.CWD), slices.Clone(e.Paths)
	for i := range c.Paths {
		if filepath.IsAbs(c.Paths[i].Name) {
			c.Paths[i].Name = inside(c.Paths[i].Name)
		}
	}
	return &c
}
