package agent

import (
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/sensor/bpf"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
)

// touch is a file event that waits for the next look.
type touch struct {
	waxseal.Observation
	content []byte
	copied  bool
	late    time.Duration
	masked  *string        // the content as it may be kept; nil where that was not made
	index   *waxseal.Index // where the ledger has it, once it does
	// standing is where its process lives, for what happened in a container.
	standing standing
	behind   bool // it was seen in the directory behind an overlay
	silent   bool // it was made up from what was read: no event told of it
}

// withoutContent is the event for keeping: contents are large.
func (t touch) withoutContent() touch {
	t.content, t.masked = nil, nil
	return t
}

// auditBlind: an event that the audit rules do not report: a rename of the
// directory above, a write through a descriptor opened long ago.
func (t touch) auditBlind() bool {
	return slices.Equal(t.File.Operations, []waxseal.Operation{waxseal.OpWrite}) && !t.copied || t.File.PID == 0
}

// take lets one arrival in: into memory, into the notebook, and, if it touched
// the mail set, towards a look.
func (a *Agent) take(in arrival) {
	a.queue.taken(in)
	if in.ask != nil {
		a.answer(in.ask)
		return
	}
	if in.parcels != nil {
		a.takeParcels(*in.parcels, in.Time)
		return
	}
	if in.network { // audit tells who, on a queue of its own
		a.trafficDue = time.Now().Add(settleNetwork)
		return
	}
	if in.dwelt != nil {
		a.takeDwelt(in, time.Now())
		return
	}
	if in.processes != nil {
		a.takeProcesses(in.processes)
		return
	}
	o := a.scrub(in.Observation)
	if (o.File != nil || o.Audit != nil) && o.Time.After(a.newest) { // the kernel's time
		a.newest = o.Time
	}
	a.memory.Add(o)
	if in.own {
		a.takeOwn(o)
		return
	}
	if origin := originKey(o); origin != "" {
		a.basis.add(origin, a.note(o.Time, o))
	}
	switch {
	case o.File != nil:
		a.takeFile(o, in)
	case o.Audit != nil:
		a.takeAudit(o)
	case o.Log != nil:
		a.starts.Line(o.Log.Text)
		a.news(o)
	case o.Gap != nil:
		index := a.note(o.Time, o)
		a.opts.Warn("gap: " + o.Gap.Reason)
		if o.Gap.Sensor == kaudit.Name {
			a.auditLost = o.Time
		}
		if o.Gap.Silenced {
			a.silenced(o, index)
		}
		a.all = true
		a.dueAt(time.Now())
	}
}

// turn is how long arrivals are taken in before it is the clock's turn, or as long as the
// last look took: what comes faster than it can be taken would hold up every look, and
// looks that take long would hold up what comes.
const turn = 50 * time.Millisecond

// takeWaiting takes in what waits already, so that one look serves a burst.
func (a *Agent) takeWaiting(until time.Time) {
	for _, in := range a.putOff {
		a.take(in)
	}
	a.putOff = nil
	for i := range queueSize {
		if i%64 == 0 && time.Now().After(until) {
			return
		}
		select {
		case in := <-a.queue.gaps:
			a.take(in)
			continue
		default:
		}
		select {
		case in := <-a.queue.arrivals:
			a.take(*in)
		default:
			return
		}
	}
}

// catchUp takes in what was told of everything that a look has read by now, so that none
// of it is laid at the door of who wrote before. What asks for more than that waits.
func (a *Agent) catchUp() {
	if a.senses.files == nil {
		return
	}
	a.senses.files.CatchUp(earlyWait)
	until := time.Now().Add(turn)
	for i := range queueSize {
		if i%64 == 63 && time.Now().After(until) {
			return
		}
		select {
		case in := <-a.queue.arrivals:
			if in.ask != nil || in.parcels != nil || in.dwelt != nil {
				a.putOff = append(a.putOff, *in)
			} else {
				a.take(*in)
			}
		default:
			return
		}
	}
}

func (a *Agent) takeFile(o waxseal.Observation, in arrival) {
	event := *o.File
	event.Note = in.note
	o.File = &event
	t := touch{Observation: o, content: in.content, copied: in.copied, late: in.late}
	nothing := waxseal.NoIndex
	switch t.index = &nothing; {
	case a.concernsMail(event):
		t.index, t.masked = a.noteContent(o, in.content)
	case len(in.content) > smallContent: // of what nothing reads
		t.content, t.copied = nil, false
		fallthrough
	default:
		if !a.fold(o.Time) {
			t.index, t.masked = a.noteContent(o, t.content)
		}
	}
	a.touched = append(a.touched, t)
	a.lately.add(*o.File, o.Time)
	if !a.ahead.has(in.number) {
		a.forgetFile(o.File.Path, o.File.OldPath)
	}
	a.dueAt(time.Now().Add(a.wait(t)))
}

// unfinished: more is likely to come, since the writer still has the file open
// (content is copied when it is closed), or the name is only gone for a moment.
func unfinished(t touch) bool {
	for _, op := range t.File.Operations {
		switch op {
		case waxseal.OpDelete, waxseal.OpCreate, waxseal.OpTruncate:
		case waxseal.OpWrite:
			if t.copied {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (a *Agent) takeAudit(o waxseal.Observation) {
	e := o.Audit
	switch {
	case correlate.IsExec(e):
		a.takeExec(o)
	case e.Type == "CONFIG_CHANGE":
		a.takeConfig(o)
	case ofCalls(e):
		a.takeCall(o)
	case e.Type == filterChange:
		a.filtered = append(lastOf(a.filtered, maxFiltered), o)
	case kaudit.Denial(e) != "":
		a.denied(o)
	case e.Type == "LOGIN":
		a.watchLogin(o)
	case len(e.Paths) > 0 && e.Success:
		a.takeTouch(o)
	}
}

// denied tells of what AppArmor or SELinux did not let the agent do, once each.
func (a *Agent) denied(o waxseal.Observation) {
	what := kaudit.Denial(o.Audit)
	_, key, _ := strings.Cut(what, "comm=")
	if a.denials[key] || len(a.denials) > maxDenials {
		return
	}
	if a.denials == nil {
		a.denials = map[string]bool{}
	}
	a.denials[key] = true
	reason := "the agent was denied something by a security policy, and what it could not read or watch there is not known: " + what
	a.note(o.Time, waxseal.Observation{Sensor: kaudit.Name, Gap: &waxseal.Gap{Sensor: kaudit.Name, From: o.Time, Reason: reason}})
	a.opts.Warn(reason)
}

const maxDenials = 100

// takeProcesses: thousands may start in a second. Their arguments are masked where
// one is asked for.
func (a *Agent) takeProcesses(batch []waxseal.ProcessEvent) {
	for i := range batch {
		e := &batch[i]
		e.Actor = a.scrubActor(e.Actor)
		a.memory.AddProcess(*e)
		switch e.Step {
		case waxseal.ProcessFork:
			a.forked(*e)
		case waxseal.ProcessExec:
			a.takeExec(waxseal.Observation{Time: e.Time, Sensor: bpf.Name, Process: e})
		}
	}
}

// takeExec: programs that start are remembered, and enter the ledger when a
// change refers to them. A daemon of this very tree may be the one that loads a
// change.
func (a *Agent) takeExec(o waxseal.Observation) {
	start, ok := correlate.Started(o)
	if !ok {
		return
	}
	a.count(o, start)
	a.programStarted(start)
	a.daemonStarted(start.Exe, start.PID)
	if len(a.recent) == 0 || !strings.Contains(start.Exe, "postfix") {
		return
	}
	if !slices.Contains(proc.Running(a.tree.Dir(), "master"), start.PPID) {
		return
	}
	if o = a.scrub(o); o.Audit != nil {
		o.Audit.OfTree = true
	} else {
		o.Process.OfTree = true
	}
	a.news(o)
}

// mailTouch reports whether an audited operation concerns the mail set: by inode,
// or by a name that ends like one of its paths, since the process may have named
// it inside a root of its own.
func (a *Agent) mailTouch(e *waxseal.AuditEvent) bool {
	known := slices.ContainsFunc(e.Paths, a.matters)
	return known || slices.ContainsFunc(e.Paths, func(p waxseal.AuditPath) bool {
		name := p.Name
		if !path.IsAbs(name) {
			name = path.Join(e.CWD, name)
		}
		return slices.ContainsFunc(a.last.Files, func(f waxseal.FileState) bool {
			return p.Inode != 0 && p.Inode == f.Inode || strings.HasSuffix(name, string(f.Path)) || f.Resolved != "" && strings.HasSuffix(name, string(f.Resolved))
		}) || slices.ContainsFunc(a.last.Stacks, func(s waxseal.Stack) bool {
			return slices.ContainsFunc(s.Config, func(c waxseal.Path) bool { return strings.Contains(name, string(dirOf(c))+"/") })
		})
	})
}

// concerns reports whether a file event is about a changed file: by its name or by
// where links led.
func concerns(t touch, ch waxseal.Change) bool {
	return slices.ContainsFunc(placesOf(ch), func(p waxseal.Path) bool { return t.File.Path == p || t.File.OldPath == p })
}

// above reports whether a file event moved or removed a directory above a changed
// file.
func above(t touch, ch waxseal.Change) bool {
	moved := slices.ContainsFunc(t.File.Operations, func(op waxseal.Operation) bool {
		return op == waxseal.OpRename || op == waxseal.OpDelete || op == waxseal.OpMount
	})
	return moved && slices.ContainsFunc(placesOf(ch), func(p waxseal.Path) bool {
		return within(p, t.File.Path) || t.File.OldPath != "" && within(p, t.File.OldPath)
	})
}

func placesOf(ch waxseal.Change) []waxseal.Path {
	places := []waxseal.Path{ch.Path}
	for _, s := range []*waxseal.FileState{ch.Before, ch.After} {
		if s != nil && s.Resolved != "" {
			places = append(places, s.Resolved)
		}
	}
	return places
}
