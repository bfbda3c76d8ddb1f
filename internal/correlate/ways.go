package correlate

import (
	"strconv"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/logline"
)

// detail adds to the way in what its own program says of it: whose job, and which
// command; at which terminal.
func (m *Memory) detail(a *waxseal.Actor) {
	switch a.Origin.Kind {
	case waxseal.OriginCron:
		m.job(a)
	case waxseal.OriginConsole:
		m.console(a)
	}
}

const contradiction = "two lines of the log contradict each other about this: one of them is forged"

// job adds whose job cron(8) or anacron(8) ran, and which command, by the line that it
// wrote in the process that became the shell. A line that names another account than the
// one for which the process runs is no word about it.
func (m *Memory) job(a *waxseal.Actor) {
	user := a.Login.Name
	if a.Login.UID == waxseal.Unset {
		user = m.nameOf(a.Process.UID)
	}
	j, vouched, forged := pick(m, m.jobs, crons, func(l said[logline.Job]) bool {
		return l.what.User == user && among(a, l.pid, l.at)
	})
	o := &a.Origin
	switch {
	case forged:
		o.KeyGrade, o.KeyBasis = waxseal.Unknown, contradiction
	case j != nil:
		o.Method, o.Command = "job of "+j.what.User, j.what.Command
		o.KeyGrade, o.KeyBasis = wordOf(j.by, vouched, j.what.Program)
	}
}

// console adds the terminal at which somebody came in, by login(1)'s line, else by the
// kernel's record of the process.
func (m *Memory) console(a *waxseal.Actor) {
	c, vouched, forged := pick(m, m.consoles, gettys, func(l said[logline.Console]) bool {
		ofSession := l.by != nil && l.by.Session != waxseal.Unset && l.by.Session == a.Login.Session
		return (ofSession || among(a, l.pid, l.at)) && l.what.User == a.Login.Name && (l.by != nil || a.Login.TTY == "" || sameTTY(l.what.TTY, a.Login.TTY))
	})
	o := &a.Origin
	switch {
	case forged:
		o.KeyGrade, o.KeyBasis = waxseal.Unknown, contradiction
	case c != nil:
		o.Method = c.what.TTY
		o.KeyGrade, o.KeyBasis = wordOf(c.by, vouched, "login")
	case a.Login.TTY != "" && o.Method == "":
		o.Method, o.KeyGrade, o.KeyBasis = a.Login.TTY, a.Login.Grade, "the terminal that the process has"
	}
}

// sameTTY: audit calls "pts0" what the logs call "pts/0".
func sameTTY(a, b string) bool {
	return strings.ReplaceAll(a, "/", "") == strings.ReplaceAll(b, "/", "")
}

// services are the ways in by the services of PAM that their programs are.
var services = map[string]waxseal.OriginKind{
	"cron": waxseal.OriginCron, "crond": waxseal.OriginCron, "atd": waxseal.OriginCron,
	"login": waxseal.OriginConsole, "remote": waxseal.OriginConsole, "sshd": waxseal.OriginSSH,
}

// originOpened is the way in by what pam_unix(8) wrote as the session was opened, where
// no record tells. It must have been in this session by journald's word, or in the process
// that opened it by the kernel's.
func (m *Memory) originOpened(a *waxseal.Actor) {
	opened, vouched, forged := pick(m, m.openings, logins, func(l said[logline.Opened]) bool {
		if services[l.what.Service] == "" || l.what.User != a.Login.Name || a.Login.Session == waxseal.Unset {
			return false
		}
		s, ok := m.sessions[a.Login.Session]
		return l.by != nil && l.by.Session == a.Login.Session || ok && l.pid == s.pid && s.at.Sub(l.at).Abs() < time.Minute || among(a, l.pid, l.at)
	})
	if forged || opened == nil {
		return
	}
	vouched = vouched && opened.by.Session == a.Login.Session
	grade, basis := wordOf(opened.by, vouched, opened.what.Service)
	a.Origin = waxseal.Origin{Kind: services[opened.what.Service], Grade: grade, Basis: basis}
}

// registration says whose a session is by systemd-logind(8)'s line, "" where none is.
func (m *Memory) registration(session uint32) string {
	id := strconv.FormatUint(uint64(session), 10)
	s, vouched, _ := pick(m, m.registered, logindd, func(l said[logline.Session]) bool { return l.what.ID == id })
	if s == nil {
		return ""
	}
	_, basis := wordOf(s.by, vouched, "systemd-logind")
	return "; it is a session of " + s.what.User + " by " + basis
}
