package agent

import (
	"slices"
	"strings"

	"waxseal"
)

// scrub masks secrets in what sensors bring: command lines and log lines. Where
// an argument was masked the raw records that spell it out are dropped.
func (a *Agent) scrub(o waxseal.Observation) waxseal.Observation {
	switch {
	case o.File != nil && o.File.Actor != nil:
		f := *o.File
		f.Actor = a.scrubActor(f.Actor)
		o.File = &f
	case o.Audit != nil:
		e := *o.Audit
		var hid bool
		e.Argv, hid = a.scrubArgv(e.Argv)
		e.Actor = a.scrubActor(e.Actor)
		e.Raw = a.scrubRaw(e, hid)
		o.Audit = &e
	case o.Process != nil:
		e := *o.Process
		e.Argv, _ = a.scrubArgv(e.Argv)
		o.Process = &e
	case o.Log != nil:
		l := *o.Log
		l.Text = a.books.Masker.Text(waxseal.RoleScript, l.Text)
		o.Log = &l
	}
	return o
}

func (a *Agent) scrubActor(actor *waxseal.Actor) *waxseal.Actor {
	if actor == nil {
		return nil
	}
	if actor == a.scrubbed.from { // a sensor gives the events of one process one description
		return a.scrubbed.to
	}
	c := *actor
	defer func() { a.scrubbed.from, a.scrubbed.to = actor, &c }()
	c.Process.Argv, _ = a.scrubArgv(c.Process.Argv)
	c.Ancestors = slices.Clone(c.Ancestors)
	for i := range c.Ancestors {
		c.Ancestors[i].Argv, _ = a.scrubArgv(c.Ancestors[i].Argv)
	}
	if c.Sudo != nil {
		s := *c.Sudo
		s.Argv, _ = a.scrubArgv(s.Argv)
		c.Sudo = &s
	}
	return &c
}

// scrubArgv masks what secrets a command line has.
func (a *Agent) scrubArgv(argv []string) (masked []string, hid bool) {
	return a.books.Masker.Arguments(argv)
}

// scrubRaw drops the raw records that spell out a masked command line. USER_CMD
// and PROCTITLE carry command lines in hexadecimal, so they go whenever the
// command line might hold a secret.
func (a *Agent) scrubRaw(e waxseal.AuditEvent, hid bool) []string {
	if !hid && e.Fields["cmd"] == "" && !hasTitle(e.Raw) {
		return e.Raw
	}
	var kept []string
	for _, line := range e.Raw {
		if strings.Contains(line, "type=PROCTITLE") || hid && strings.Contains(line, "type=EXECVE") || strings.Contains(line, "type=USER_CMD") {
			continue
		}
		kept = append(kept, line)
	}
	if cmd := e.Fields["cmd"]; cmd != "" {
		e.Fields["cmd"] = a.books.Masker.Text(waxseal.RoleScript, cmd)
	}
	return kept
}

func hasTitle(raw []string) bool {
	return slices.ContainsFunc(raw, func(l string) bool { return strings.Contains(l, "type=PROCTITLE") })
}
