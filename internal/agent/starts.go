package agent

import (
	"path/filepath"
	"strings"

	"waxseal"
	"waxseal/internal/detect"
)

// count counts the starts of scripts of the mail path, and tells of one that starts
// more often than the configuration allows.
func (a *Agent) count(o waxseal.Observation, start waxseal.ProcessEvent) {
	if a.opts.MostStarts == 0 {
		return
	}
	in := a.inTree(start)
	script, n, over := a.starts.Add(&in, a.names.user(start.EUID))
	if !over {
		return
	}
	f := detect.Frequent(script, n)
	f.Seen, f.Actor = o.Time, start.Actor
	if actor, known := a.memory.ProcessAt(start.PID, start.Time); known {
		f.Actor = &actor
	}
	if o.Process != nil {
		o = a.scrub(o)
	}
	a.tellEvent(f, o)
}

// inTree is a program start with the names that its files have inside the tree.
func (a *Agent) inTree(e waxseal.ProcessEvent) waxseal.ProcessEvent {
	if a.tree.Dir() == "/" {
		return e
	}
	inside := func(name string) string {
		if rest, err := filepath.Rel(a.tree.Dir(), name); err == nil && !strings.HasPrefix(rest, "..") {
			return "/" + rest
		}
		return name
	}
	e.Exe, e.CWD = inside(e.Exe), inside(e.CWD)
	if filepath.IsAbs(e.File) {
		e.File = inside(e.File)
	}
	return e
}
