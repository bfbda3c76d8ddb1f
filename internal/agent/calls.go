package agent

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/sensor/kaudit"
)

// What is mounted over a file, and the flags of chattr(1), change without a file event.
// The kernel's audit system tells who called for it; what came of it is read.

const (
	maxCalls = 256
	// callsFor is how long a call may wait for the look that shows its effect.
	callsFor = 5 * time.Second
	// atOnce is how far the change time of a file may lie from the call that set it.
	atOnce = 50 * time.Millisecond
)

func ofCalls(e *waxseal.AuditEvent) bool {
	return hasEnd(e.Key, kaudit.MountKey) || hasEnd(e.Key, kaudit.FlagsKey)
}

// hasEnd reports whether one of an event's keys is ours with this end.
func hasEnd(keys, end string) bool {
	for k := range strings.SplitSeq(keys, "\x01") {
		if k == AuditKey+end {
			return true
		}
	}
	return false
}

// takeCall remembers a call. Mounts show in the mount table; for flags the files are
// looked at.
func (a *Agent) takeCall(o waxseal.Observation) {
	if !o.Audit.Success {
		return
	}
	if len(a.calls) >= maxCalls {
		a.calls = slices.Clone(a.calls[maxCalls/2:])
	}
	a.calls = append(a.calls, *o.Audit)
	a.viewAt = time.Now().Add(settle) // a daemon may see something else now
	if hasEnd(o.Audit.Key, kaudit.FlagsKey) {
		a.all = true
		a.dueAt(time.Now().Add(settle))
	}
}

// callOf is the call that made a change which has no file event of its own, nil where
// there is none, or where it may have been one of several processes.
func (a *Agent) callOf(ch waxseal.Change, now time.Time) (*waxseal.AuditEvent, waxseal.Grade) {
	fits := a.setFlags
	switch {
	case overMount(ch):
		fits = a.mounted
	case !slices.ContainsFunc(ch.Attributes, func(s string) bool { return strings.HasPrefix(s, "flags ") }):
		return nil, waxseal.Unknown
	}
	var found *waxseal.AuditEvent
	best := waxseal.Unknown
	for i := range a.calls {
		e := &a.calls[i]
		grade := fits(e, ch)
		if grade == waxseal.Unknown || now.Sub(e.Time) > callsFor {
			continue
		}
		if found != nil && found.PID != e.PID && best == grade {
			return nil, waxseal.Unknown // one of two: who is not known
		}
		if best != waxseal.Proven || grade == waxseal.Proven {
			found, best = e, grade
		}
	}
	return found, best
}

// mounted says how surely a call mounted something over a changed file.
func (a *Agent) mounted(e *waxseal.AuditEvent, ch waxseal.Change) waxseal.Grade {
	if !hasEnd(e.Key, kaudit.MountKey) {
		return waxseal.Unknown
	}
	for i, p := range e.Paths {
		if oldMount(e) && i > 0 {
			break // what is mounted
		}
		at := a.pathOf(e, p)
		if ch.Path != at && !within(ch.Path, at) {
			continue
		}
		if ch.Path == at && ch.Before != nil && ch.Before.Inode != 0 && p.Inode != 0 && p.Inode != ch.Before.Inode {
			continue // of the same name, in another root
		}
		return waxseal.Proven
	}
	return waxseal.Unknown
}

// oldMount reports whether a call is mount(2), which names first where to, then what.
func oldMount(e *waxseal.AuditEvent) bool {
	numbers := map[string][]int{"x86_64": {165}, "i386": {21}, "aarch64": {40}, "arm": {21}, "riscv64": {40}, "ppc64le": {21}, "s390x": {21}}
	return slices.Contains(numbers[e.Arch], e.Syscall)
}

// setFlags says how surely a call set the flags of a changed file. Where the record
// does not name the file, it is the moment that tells.
func (a *Agent) setFlags(e *waxseal.AuditEvent, ch waxseal.Change) waxseal.Grade {
	if !hasEnd(e.Key, kaudit.FlagsKey) || ch.After == nil {
		return waxseal.Unknown
	}
	for _, p := range e.Paths {
		if p.NameType != "PARENT" && p.Inode == ch.After.Inode && p.Device == ch.After.Device {
			return waxseal.Proven
		}
	}
	if len(e.Paths) == 0 && e.Time.Sub(ch.After.ChangeTime).Abs() < atOnce {
		return waxseal.Inferred
	}
	return waxseal.Unknown
}

// pathOf is a path of an audit event inside the tree.
func (a *Agent) pathOf(e *waxseal.AuditEvent, p waxseal.AuditPath) waxseal.Path {
	name := p.Name
	if !path.IsAbs(name) {
		name = path.Join(e.CWD, name)
	}
	if rest, err := filepath.Rel(a.tree.Dir(), name); err == nil && !strings.HasPrefix(rest, "..") {
		name = "/" + rest
	}
	return waxseal.Path(path.Clean(name))
}

// explainCall adds to a finding who made the call that is behind it, and lists what says so.
func (a *Agent) explainCall(e waxseal.AuditEvent, grade waxseal.Grade, f *waxseal.Finding) (rests []*waxseal.Index) {
	f.Seen = e.Time
	actor := a.memory.Doer(e, grade)
	f.Actor = &actor
	related := append([]*waxseal.Index{a.note(e.Time, waxseal.Observation{Sensor: kaudit.Name, Audit: &e})}, a.basis.of(nil, actor)...)
	return append(related, a.startsOf(actor)...)
}
