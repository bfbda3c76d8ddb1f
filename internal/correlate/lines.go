package correlate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/logline"
)

// said is what a line of a log says, and who wrote it by journald's word; nil where the
// line is of a text log.
type said[T comparable] struct {
	what T
	pid  int
	at   time.Time
	by   *waxseal.LogSource
}

// addLine takes in a line of a log.
func (m *Memory) addLine(o waxseal.Observation) {
	l, ok := logline.Parse(o.Log.Text)
	if !ok {
		return
	}
	if a, ok := logline.ParseAccepted(l); ok {
		m.lines = append(bounded(m.lines, maxLogins), accepted{a, l.PID, o.Time, o.Log.By})
	} else if b, ok := logline.ParseBecame(l); ok {
		m.changes = append(bounded(m.changes, maxLogins), became{b, l.PID, o.Time, o.Log.By})
	} else if j, ok := logline.ParseJob(l); ok {
		m.jobs = append(bounded(m.jobs, maxLogins), said[logline.Job]{j, l.PID, o.Time, o.Log.By})
	} else if c, ok := logline.ParseConsole(l); ok {
		m.consoles = append(bounded(m.consoles, maxLogins), said[logline.Console]{c, l.PID, o.Time, o.Log.By})
	} else if p, ok := logline.ParseOpened(l); ok && !strings.HasPrefix(l.Program, "(") { // "(sh)": a unit with PAMName=, which is no way in
		m.openings = append(bounded(m.openings, maxLogins), said[logline.Opened]{p, l.PID, o.Time, o.Log.By})
	} else if g, ok := logline.ParseGranted(l); ok {
		m.grants = append(bounded(m.grants, maxLogins), said[logline.Granted]{g, l.PID, o.Time, o.Log.By})
	} else if s, ok := logline.ParseSession(l); ok {
		m.registered = append(bounded(m.registered, maxLogins), said[logline.Session]{s, l.PID, o.Time, o.Log.By})
	}
}

// The programs that write such lines, by the places where distributions put them.
var (
	crons   = []string{"/usr/sbin/cron", "/usr/sbin/crond", "/usr/sbin/anacron"}
	gettys  = []string{"/usr/bin/login", "/bin/login"}
	logindd = []string{"/usr/lib/systemd/systemd-logind", "/lib/systemd/systemd-logind"}
	polkitd = []string{"/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/libexec/polkit-1/polkitd"}
)

// wrote reports whether one of the programs itself wrote a line, by journald's word: as
// root, from where only root can have put it.
func (m *Memory) wrote(by *waxseal.LogSource, pid int, programs []string) bool {
	return by != nil && by.UID == 0 && by.PID == pid && slices.Contains(programs, by.Exe) && m.sound(by.PID, by.Exe)
}

// firstPerson is the first uid that useradd(8) gives to people (UID_MIN of login.defs(5)).
const firstPerson = 1000

// ofSystem reports whether a line may be by one of the programs: it is root's, or by an
// account of the system from that program, though what such a process runs may have
// changed before journald looked.
func (m *Memory) ofSystem(by *waxseal.LogSource, programs []string) bool {
	return by.UID == 0 || by.UID < firstPerson && slices.Contains(programs, by.Exe) && m.sound(by.PID, by.Exe)
}

// pick is the line that counts among those that fit, and whether one of the programs
// wrote it. Text is anybody's: where two lines say different things, and neither is by
// the program itself, none counts. What journald says a person's account wrote is known
// to be forged: the programs write as root, atd and polkitd as accounts of their own.
func pick[T comparable](m *Memory, lines []said[T], programs []string, fits func(said[T]) bool) (found *said[T], vouched, forged bool) {
	for i := range lines {
		l := &lines[i]
		if l.by != nil && !m.ofSystem(l.by, programs) || !fits(*l) {
			continue
		}
		own := m.wrote(l.by, l.pid, programs)
		switch {
		case vouched && !own: // whoever wrote the other
			continue
		case found != nil && own == vouched && found.what != l.what && found.pid == l.pid && found.at.Sub(l.at).Abs() < time.Minute:
			forged = true
		case own && !vouched:
			forged = false
		}
		found, vouched = l, own
	}
	if forged && !vouched {
		return nil, false, true
	}
	return found, vouched, false
}

// wordOf grades a line, and says what it rests on; daemon is who should have written it.
func wordOf(by *waxseal.LogSource, vouched bool, daemon string) (waxseal.Grade, string) {
	switch {
	case vouched:
		return waxseal.Proven, fmt.Sprintf("%s's line in the journal: by journald's word %s (process %d), as root, wrote it", daemon, by.Exe, by.PID)
	case by != nil:
		return waxseal.Inferred, fmt.Sprintf("a line in the journal, which by journald's word %s (process %d, uid %d) wrote", orUnknown(by.Exe), by.PID, by.UID)
	}
	return waxseal.Inferred, daemon + "'s line in the log, which anybody could have written"
}

// among reports whether a line is by a process of an actor's chain: one that was there
// then, for its number may have been another's.
func among(a *waxseal.Actor, pid int, at time.Time) bool {
	return pid != 0 && slices.ContainsFunc(append([]waxseal.Process{a.Process}, a.Ancestors...), func(p waxseal.Process) bool {
		return p.PID == pid && p.Grade != waxseal.Unknown && !p.Started.After(at.Add(startSlack))
	})
}
