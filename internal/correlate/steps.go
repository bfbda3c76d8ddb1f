package correlate

import (
	"path"
	"slices"

	"waxseal"
)

// changers are the programs that make somebody else of who calls them.
var changers = []string{"sudo", "sudoedit", "su", "doas", "pkexec", "runuser", "setpriv", "newgrp", "systemd-run", "run0"}

// isChanger reports whether a process runs one of them. The file must lie where only
// packages put programs: a name is anybody's.
func isChanger(p waxseal.Process) bool {
	return slices.Contains(changers, path.Base(p.Exe)) && ofSystem(p.Exe)
}

// ofSystem reports whether a program lies where distributions install, seen from the
// root of the tree.
func ofSystem(exe string) bool {
	switch path.Dir(exe) {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/local/bin", "/usr/local/sbin":
		return true
	}
	return false
}

// sudoOf finds the nearest sudo(8), su(1), doas(1) or pkexec(1) above a process.
func sudoOf(a waxseal.Actor) *waxseal.Sudo {
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		switch name := path.Base(p.Exe); {
		case !ofSystem(p.Exe):
		case name == "sudo" || name == "su" || name == "doas" || name == "pkexec":
			return &waxseal.Sudo{Argv: nonNil(p.Argv), UID: callerOf(p, a), Grade: p.Grade}
		}
	}
	return nil
}

// callerOf is who called sudo: the real uid at its start, which sudo itself
// changes later; then the nearest parent's that is not root.
func callerOf(sudo waxseal.Process, a waxseal.Actor) uint32 {
	if sudo.UID != 0 {
		return sudo.UID
	}
	below := false
	for _, p := range a.Ancestors {
		if below && p.UID != 0 && p.Grade != waxseal.Unknown {
			return p.UID
		}
		below = below || p.PID == sudo.PID
	}
	return sudo.UID
}

// entrance reports whether a process lets people or jobs in, and so becomes who they
// are: that is the login, and no step.
func entrance(p waxseal.Process) bool {
	switch wayOf(p) {
	case waxseal.OriginSSH, waxseal.OriginCron, waxseal.OriginConsole:
		return true
	}
	return false
}

// steps are who became whom from the login on: wherever a process runs for another
// account than its parent. What made the change is the program that has both, a setuid
// program or one that was root already; it stands in the step.
func (m *Memory) steps(a waxseal.Actor) []waxseal.Step {
	chain := fromLogin(a)
	if len(chain) == 0 {
		return m.lostStep(a)
	}
	var steps []waxseal.Step
	from, by := chain[0].UID, chain[0]
	for i, p := range chain {
		if from != p.UID {
			if !entrance(by) {
				steps = append(steps, m.through(from, p, by))
			}
			from = p.UID
		}
		if p.EUID != p.UID && !entrance(p) && !(i+1 < len(chain) && isChanger(p)) { // a setuid program, which acts itself
			steps = append(steps, m.step(p.UID, p.EUID, p, p.Grade))
			from = p.EUID
		}
		by = p
	}
	return steps
}

// through is the step from an account to the one that a process runs for. Who is not root
// can only become another by a setuid program, and where that is not the parent, the
// process itself was it: pkexec(1) becomes what it starts. By the records, else by
// pkexec's line.
func (m *Memory) through(from uint32, p, parent waxseal.Process) waxseal.Step {
	step := m.step(from, p.UID, parent, atMost(p.Grade, parent.Grade))
	if parent.EUID == 0 || parent.EUID != parent.UID || isChanger(parent) {
		return step
	}
	for x := m.programs[p.PID]; x != nil && x.size > 0; x = x.before {
		if x.UID == from && x.EUID != from || isChanger(waxseal.Process{Exe: x.Exe}) {
			return m.step(from, p.UID, m.describe(x), atMost(p.Grade, m.gradeOf(x)))
		}
	}
	for i := len(m.changes) - 1; i >= 0; i-- {
		l := &m.changes[i]
		if l.pid == p.PID && l.User == m.nameOf(from) && l.To == m.nameOf(p.UID) && !p.Started.After(l.at.Add(startSlack)) {
			return m.step(from, p.UID, waxseal.Process{PID: l.pid, Exe: l.Program, Argv: []string{l.Program, l.Command}}, waxseal.Inferred)
		}
	}
	return step
}

// fromLogin are the known processes of a login, outermost first: what is above the first
// that ran as who logged in let him in. Without a login it is all of them.
func fromLogin(a waxseal.Actor) []waxseal.Process {
	chain := append([]waxseal.Process{a.Process}, a.Ancestors...)
	chain = slices.DeleteFunc(chain, func(p waxseal.Process) bool {
		return p.Grade == waxseal.Unknown || p.UID == waxseal.Unset || p.Exe == ""
	})
	slices.Reverse(chain)
	if a.Login.UID == waxseal.Unset {
		return chain
	}
	first := slices.IndexFunc(chain, func(p waxseal.Process) bool { return p.UID == a.Login.UID })
	if first < 0 {
		return nil
	}
	return chain[first:]
}

// lostStep is for a process of which no parent is left that ran as who logged in: the
// last sudo(8) or the like of the same session is likely what made it.
func (m *Memory) lostStep(a waxseal.Actor) []waxseal.Step {
	if a.Login.Session == waxseal.Unset || a.Process.Grade == waxseal.Unknown {
		return nil
	}
	for i := len(m.order) - 1; i >= 0; i-- {
		x := m.order[i]
		p := waxseal.Process{PID: x.PID, Exe: x.Exe}
		if x.Session == a.Login.Session && x.UID == a.Login.UID && isChanger(p) {
			p.Argv = m.words(x)
			return []waxseal.Step{m.step(a.Login.UID, a.Process.EUID, p, waxseal.Inferred)}
		}
	}
	return m.loggedStep(a)
}

// loggedStep is the last line in which one who logged in became the account that made a
// change. Anybody may have written it; of a line in the journal the session must be the
// same by journald's word.
func (m *Memory) loggedStep(a waxseal.Actor) []waxseal.Step {
	from, to := m.nameOf(a.Login.UID), m.nameOf(a.Process.EUID)
	if a.Process.EUID == a.Login.UID {
		return nil
	}
	for i := len(m.changes) - 1; i >= 0; i-- {
		l := &m.changes[i]
		if l.User != from || l.To != to || l.by != nil && l.by.Session != a.Login.Session || l.by == nil && !sameTTY(l.TTY, a.Login.TTY) {
			continue
		}
		p := waxseal.Process{PID: l.pid, Exe: l.Program}
		if l.Command != "" {
			p.Argv = []string{l.Program, l.Command}
		}
		return []waxseal.Step{m.step(a.Login.UID, a.Process.EUID, p, waxseal.Inferred)}
	}
	return nil
}

func (m *Memory) step(from, to uint32, by waxseal.Process, g waxseal.Grade) waxseal.Step {
	return waxseal.Step{From: from, FromName: m.nameOf(from), To: to, ToName: m.nameOf(to), PID: by.PID, Exe: by.Exe, Argv: nonNil(by.Argv), Grade: g}
}
