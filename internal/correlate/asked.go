package correlate

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/logline"
)

// askers are the programs by which people have systemd start something, where it then runs
// without a login and below process 1: systemctl(1), systemd-run(1), run0(1),
// machinectl(1), and busctl(1), which calls it itself.
var askers = []string{"systemctl", "systemd-run", "run0", "machinectl", "busctl"}

// shells are the programs that open one where none is named, by how their units are
// called.
var shells = map[string]string{"container-shell@": "machinectl", "run-": "run0"}

func prefixOf(unit string) string {
	for prefix := range shells {
		if strings.HasPrefix(unit, prefix) {
			return prefix
		}
	}
	return ""
}

// patience is how long before a unit's process somebody may have asked for it: he may
// have been asked for a password.
const patience = 2 * time.Minute

// asked adds to what a unit did who had systemd start the unit: who shortly before named
// it, or its very command, to systemctl(1) or the like. That the unit runs for that reason
// is inferred; it may also have been due.
func (m *Memory) asked(a *waxseal.Actor) {
	unit := a.Place.Unit
	if a.Origin.Kind == waxseal.OriginUnit && a.Origin.Method != "" {
		unit = a.Origin.Method
	}
	if !strings.HasSuffix(unit, ".service") || a.Origin.Kind != waxseal.OriginUnit && !unknownOrigin(a.Origin) {
		return
	}
	first := outermost(*a)
	if x := m.asker(first, unit); x != nil {
		m.ask(a, x)
	} else if !m.grantedTo(a, first, unit) {
		return
	}
	if unknownOrigin(a.Origin) { // with a login that systemd itself set: machinectl shell, run0
		a.Origin.Kind, a.Origin.Method, a.Origin.Grade, a.Origin.KeyGrade = waxseal.OriginUnit, unit, waxseal.Inferred, waxseal.Inferred
	}
}

// ask adds a process that asked: a step from who he is.
func (m *Memory) ask(a *waxseal.Actor, x *program) {
	from := x.AUID
	if from == waxseal.Unset {
		from = x.UID
	}
	p := m.describe(x)
	a.Origin.Basis = joined(a.Origin.Basis, fmt.Sprintf("%s (process %d, uid %d, login uid %s) had asked for it: %s", p.Exe, p.PID, p.UID, uidWord(x.AUID), m.basisOf(x)))
	if to := becomes(a); from != to {
		a.Steps = append([]waxseal.Step{m.step(from, to, p, waxseal.Inferred)}, a.Steps...)
	}
}

// becomes is as whom a unit starts: before its first step, if it makes one.
func becomes(a *waxseal.Actor) uint32 {
	if len(a.Steps) > 0 {
		return a.Steps[0].From
	}
	return a.Process.UID
}

// outermost is the first process of a unit: the one below process 1, or the last that is
// known.
func outermost(a waxseal.Actor) waxseal.Process {
	first := a.Process
	for _, p := range a.Ancestors {
		if p.PID == 1 || p.Grade == waxseal.Unknown || path.Base(p.Exe) == "systemd" {
			break
		}
		first = p
	}
	return first
}

// asker is the last program start that asked for a unit before its process started.
func (m *Memory) asker(of waxseal.Process, unit string) *program {
	if of.Started.IsZero() {
		return nil
	}
	for i := len(m.order) - 1; i >= 0; i-- {
		x := m.order[i]
		switch {
		case x.Time.Before(of.Started.Add(-patience)):
			return nil
		case x.Time.After(of.Started.Add(startSlack)) || !slices.Contains(askers, path.Base(x.Exe)) || !ofSystem(x.Exe):
		case asksFor(x.Argv, unit, of.Argv), path.Base(x.Exe) == shells[prefixOf(unit)]:
			return x
		}
	}
	return nil
}

// asksFor reports whether a command line asks for a unit: by its name, which may lack
// ".service", as the name of a new one (--unit=), or by the command that the unit runs.
func asksFor(argv []string, unit string, command []string) bool {
	short := strings.TrimSuffix(unit, ".service")
	for _, w := range argv[min(1, len(argv)):] {
		_, value, _ := strings.Cut(w, "=")
		if w == unit || w == short || strings.HasPrefix(w, "--unit=") && (value == unit || value == short) {
			return true
		}
	}
	n := len(command)
	if n == 0 || len(argv) <= n {
		return false
	}
	tail := argv[len(argv)-n:]
	return slices.Equal(tail[1:], command[1:]) && path.Base(tail[0]) == path.Base(command[0])
}

// grantedTo adds whom polkitd(8) let ask, where no program start is known.
func (m *Memory) grantedTo(a *waxseal.Actor, of waxseal.Process, unit string) bool {
	if of.Started.IsZero() {
		return false
	}
	g, vouched, forged := pick(m, m.grants, polkitd, func(l said[logline.Granted]) bool {
		late := of.Started.Sub(l.at)
		ofUnits := strings.HasPrefix(l.what.Action, "org.freedesktop.systemd1.") || strings.HasPrefix(l.what.Action, "org.freedesktop.machine1.")
		return ofUnits && late < patience && late > -near && asksFor(strings.Fields(l.what.Command), unit, of.Argv)
	})
	if g == nil || forged {
		return false
	}
	_, basis := wordOf(g.by, vouched, "polkitd")
	a.Origin.Basis = joined(a.Origin.Basis, fmt.Sprintf("%s had asked for it by %q: %s", g.what.User, g.what.Command, basis))
	if uid, ok := m.uidOf(a, g.what.User); !ok || uid != becomes(a) {
		step := m.step(uid, becomes(a), waxseal.Process{PID: g.pid, Exe: "polkitd", Argv: []string{g.what.Command}}, waxseal.Inferred)
		step.FromName = g.what.User
		a.Steps = append([]waxseal.Step{step}, a.Steps...)
	}
	return true
}

// uidOf is the uid of a name, as far as the actor's own chain has it.
func (m *Memory) uidOf(a *waxseal.Actor, name string) (uint32, bool) {
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		if p.UID != waxseal.Unset && m.nameOf(p.UID) == name {
			return p.UID, true
		}
	}
	return waxseal.Unset, false
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
