package correlate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/logline"
)

// daemons are the programs of Postfix that read main.cf when they start
// (master(8)).
var daemons = []string{"smtpd", "cleanup", "smtp", "lmtp", "local", "virtual", "pipe", "spawn", "trivial-rewrite", "pickup", "qmqpd", "postscreen", "proxymap"}

// Activate adds to a finding what an observation says about how far its change
// has come, and reports whether it said anything new.
//
// main.cf is read by each daemon process when it starts, so a new smtpd is
// enough; master.cf is read by master alone, at a reload or start
// (postfix(1) reload).
func Activate(f *waxseal.Finding, o waxseal.Observation) bool {
	if f.Change == nil || f.Change.MTA != "postfix" || o.Time.Before(f.Seen) {
		return false
	}
	switch {
	case o.Audit != nil, o.Process != nil:
		return startedAfter(f, o)
	case o.Log != nil:
		return logged(f, o)
	default:
		return false
	}
}

func stands(f *waxseal.Finding, s waxseal.Stand) bool {
	return slices.ContainsFunc(f.Activation, func(a waxseal.Activation) bool { return a.Stand == s })
}

func proven(f *waxseal.Finding, s waxseal.Stand) bool {
	return slices.ContainsFunc(f.Activation, func(a waxseal.Activation) bool { return a.Stand == s && a.Grade == waxseal.Proven })
}

// loads reports whether a daemon acts on what the finding is about.
func loads(f *waxseal.Finding, daemon string) bool {
	if !slices.Contains(daemons, daemon) {
		return false
	}
	hooks := slices.Clone(f.Change.Hooks.Added)
	for _, c := range f.Change.Hooks.Changed {
		hooks = append(hooks, c.After)
	}
	hooks = append(hooks, f.Change.Hooks.Removed...)
	if len(hooks) == 0 {
		return true
	}
	return slices.ContainsFunc(hooks, func(h waxseal.Hook) bool { return len(h.LoadedBy) == 0 || slices.Contains(h.LoadedBy, daemon) })
}

// startedAfter: a daemon of this very tree that started after the change runs
// with it.
func startedAfter(f *waxseal.Finding, o waxseal.Observation) bool {
	e, ok := Started(o)
	name := path.Base(e.Exe)
	if !ok || !e.OfTree || !loads(f, name) || !e.Time.After(f.Seen) {
		return false
	}
	if proven(f, waxseal.Loaded) || path.Base(string(f.Change.Path)) == "master.cf" {
		return false
	}
	f.Activation = append(f.Activation, waxseal.Activation{
		Stand: waxseal.Loaded, Time: e.Time, Grade: waxseal.Proven,
		Evidence: fmt.Sprintf("the kernel saw %s (process %d) start after the change", name, e.PID),
	})
	return true
}

// logged reads the mail log: reloads, and messages taken in afterwards.
func logged(f *waxseal.Finding, o waxseal.Observation) bool {
	if stands(f, waxseal.Exercised) {
		return false
	}
	line, p, ok := ofPostfix(o.Log.Text)
	if !ok {
		return false
	}
	add := func(s waxseal.Stand, evidence string) bool {
		f.Activation = append(f.Activation, waxseal.Activation{Stand: s, Time: o.Time, Grade: waxseal.Inferred, Evidence: evidence})
		return true
	}
	switch {
	case (p.Reloaded || p.Started) && !stands(f, waxseal.Loaded):
		return add(waxseal.Loaded, "the mail log says: "+line.Message)
	case p.Milter != "" && names(f, p.Milter):
		return add(waxseal.Exercised, "the mail log says: "+line.Message)
	case p.Client != "" && stands(f, waxseal.Loaded):
		return add(waxseal.Exercised, fmt.Sprintf("the mail log says that %s took in message %s from %s", p.Daemon, p.QueueID, p.Client))
	}
	return false
}

func ofPostfix(text string) (line logline.Line, p logline.Postfix, ok bool) {
	if line, ok = logline.Parse(text); ok {
		p, ok = logline.ParsePostfix(line)
	}
	return line, p, ok
}

// Heeds reports whether anything is learned from a log line: how somebody came in, whom he
// became, or how far a change has come. Most lines of a busy server are about messages that
// are on their way.
func Heeds(text string) bool {
	line, ok := logline.Parse(text)
	if !ok {
		return false
	}
	if p, ok := logline.ParsePostfix(line); ok {
		return p.Reloaded || p.Started || p.Milter != "" || p.Client != ""
	}
	_, came := logline.ParseAccepted(line)
	_, became := logline.ParseBecame(line)
	return came || became
}

// names reports whether a change's hooks hand mail to a target.
func names(f *waxseal.Finding, target string) bool {
	is := func(h waxseal.Hook) bool { return strings.EqualFold(h.Target.Value, target) }
	return slices.ContainsFunc(f.Change.Hooks.Added, is) ||
		slices.ContainsFunc(f.Change.Hooks.Changed, func(c waxseal.HookChange) bool { return is(c.After) })
}
