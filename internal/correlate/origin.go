package correlate

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// ways are the programs by which work comes onto a host, by the files that run.
var ways = map[string]waxseal.OriginKind{
	"sshd": waxseal.OriginSSH, "sshd-session": waxseal.OriginSSH, "sshd-auth": waxseal.OriginSSH,
	"cron": waxseal.OriginCron, "crond": waxseal.OriginCron, "anacron": waxseal.OriginCron, "atd": waxseal.OriginCron,
	"login": waxseal.OriginConsole, "agetty": waxseal.OriginConsole,
	"dpkg": waxseal.OriginPackage, "apt": waxseal.OriginPackage, "apt-get": waxseal.OriginPackage, "aptitude": waxseal.OriginPackage,
	"rpm": waxseal.OriginPackage, "dnf5": waxseal.OriginPackage, "microdnf": waxseal.OriginPackage, "zypper": waxseal.OriginPackage,
}

// scripts are the ways in that an interpreter runs.
var scripts = map[string]waxseal.OriginKind{
	"/usr/bin/unattended-upgrade": waxseal.OriginPackage, "/usr/bin/dnf": waxseal.OriginPackage, "/usr/bin/yum": waxseal.OriginPackage,
	"/usr/bin/dnf-3": waxseal.OriginPackage, "/usr/sbin/aptd": waxseal.OriginPackage,
	"/usr/bin/puppet": waxseal.OriginManagement, "/opt/puppetlabs/bin/puppet": waxseal.OriginManagement, "/opt/puppetlabs/puppet/bin/puppet": waxseal.OriginManagement,
	"/usr/bin/chef-client": waxseal.OriginManagement, "/opt/chef/bin/chef-client": waxseal.OriginManagement,
	"/usr/bin/salt-minion": waxseal.OriginManagement, "/usr/bin/salt-call": waxseal.OriginManagement,
}

// wayOf is the way in that a process is.
func wayOf(p waxseal.Process) waxseal.OriginKind {
	if kind, ok := ways[path.Base(p.Exe)]; ok && (ofSystem(p.Exe) || slices.Contains(sshds, p.Exe)) {
		return kind
	}
	return scripts[programOf(p)]
}

// lineage is the way in by the programs above a process. The nearest decides: a package
// manager that somebody started who came in by ssh is a package manager.
func lineage(a waxseal.Actor) waxseal.Origin {
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		kind := wayOf(p)
		switch {
		case kind == "" || p.Grade == waxseal.Unknown:
			continue
		case kind == waxseal.OriginSSH && p.UID != 0:
			continue // the half of sshd that works for the user, or one that the user started
		}
		return waxseal.Origin{Kind: kind, Grade: p.Grade, Basis: fmt.Sprintf("%s (process %d) is above it: %s", p.Exe, p.PID, p.Basis)}
	}
	return waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown, Basis: "no program above it is a known way in"}
}

// origin adds where the session came from: by the programs above, by login records, by
// what /proc showed, and by sshd's log.
func (m *Memory) origin(a *waxseal.Actor) {
	for _, p := range a.Ancestors {
		// A daemon is above many sessions, each with an origin of its own.
		if s, ok := m.seen[p.PID]; ok && unknownOrigin(a.Origin) && s.session == a.Login.Session && s.session != waxseal.Unset {
			a.Origin = s.origin
		}
	}
	switch by := lineage(*a); {
	case unknownOrigin(a.Origin) || a.Origin.Kind == by.Kind && a.Origin.Address == "" && by.Grade == waxseal.Proven:
		method := a.Origin.Method
		a.Origin, a.Origin.Method = by, method
	case by.Kind == waxseal.OriginPackage && a.Origin.Kind != by.Kind: // whoever started it, and from where
		a.Origin.Kind, a.Origin.Basis = by.Kind, a.Origin.Basis+"; "+by.Basis
		a.Origin.Grade = atMost(a.Origin.Grade, by.Grade)
	}
	if s, ok := m.sessions[a.Login.Session]; ok && s.sound && unknownOrigin(a.Origin) {
		if kind := wayOf(waxseal.Process{Exe: s.by}); kind != "" {
			a.Origin = waxseal.Origin{Kind: kind, Grade: waxseal.Proven, Basis: fmt.Sprintf("audit record %d: %s (process %d) opened the session", s.serial, s.by, s.pid)}
		}
	}
	if unknownOrigin(a.Origin) {
		m.originOpened(a)
	}
	if a.Origin.Grade != waxseal.Proven || a.Origin.Address == "" {
		m.originFromLogin(a)
	}
	if unknownOrigin(a.Origin) && a.Origin.Address == "" {
		m.originWritten(a)
	}
	if unknownOrigin(a.Origin) && a.Origin.Address == "" {
		a.Origin = changed(*a)
	}
	if a.Origin.Address != "" && (a.Login.Before != nil || a.Process.Tracer > 0) {
		a.Origin.Grade = atMost(a.Origin.Grade, waxseal.Inferred)
	}
	m.key(a)
	m.detail(a)
	m.asked(a)
}

// changed is how far back the way of a session is known where nothing shows how it came
// onto the host: to the sudo(8) or su(1) by which somebody became who made the change.
func changed(a waxseal.Actor) waxseal.Origin {
	kinds := map[string]waxseal.OriginKind{"sudo": waxseal.OriginSudo, "su": waxseal.OriginSu}
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		if kind := kinds[path.Base(p.Exe)]; kind != "" && isChanger(p) && p.Grade != waxseal.Unknown {
			return waxseal.Origin{Kind: kind, Grade: p.Grade, Basis: fmt.Sprintf("%s (process %d) is above it; how that session came in is not known", p.Exe, p.PID)}
		}
	}
	return a.Origin
}

func unknownOrigin(o waxseal.Origin) bool { return o.Kind == "" || o.Kind == waxseal.OriginUnknown }

// originFromLogin uses the login record of the session. The kernel stamped its
// session and process; the address is what that process said, so it is proven
// only if the process is sshd, root's, from where only root can have put it.
func (m *Memory) originFromLogin(a *waxseal.Actor) {
	if a.Login.Session == waxseal.Unset {
		return
	}
	for i := len(m.logins) - 1; i >= 0; i-- {
		e := m.logins[i]
		if e.Session != a.Login.Session {
			continue
		}
		address, err := netip.ParseAddr(e.Fields["addr"])
		if err != nil {
			continue
		}
		o := waxseal.Origin{Kind: waxseal.OriginUnknown, Address: address.Unmap().String(), Grade: waxseal.Inferred}
		said := strings.Trim(e.Fields["exe"], `"`)
		if slices.Contains(sshds, said) {
			o.Kind = waxseal.OriginSSH
		}
		o.Basis = fmt.Sprintf("audit record %d, in which process %d says that it is %s", e.Serial, e.PID, said)
		if m.isSSHD(e.PID, a.Login.Session) {
			o.Grade, o.Basis = waxseal.Proven, fmt.Sprintf("audit record %d of %s (process %d), which opened the session", e.Serial, said, e.PID)
		}
		a.Origin = merged(a.Origin, o)
		return
	}
}

// merged is what two sources say of one way in: /proc has the port, the login record the
// proof. A package manager stays what it is.
func merged(seen, said waxseal.Origin) waxseal.Origin {
	if seen.Kind == waxseal.OriginPackage {
		said.Kind = seen.Kind
	}
	switch {
	case seen.Address == said.Address:
		said.Port = seen.Port
		return said
	case seen.Address != "" && said.Grade != waxseal.Proven:
		seen.Basis += "; a login record names another address, " + said.Address
		seen.Grade = atMost(seen.Grade, waxseal.Inferred)
		return seen
	}
	return said
}

// isSSHD reports whether a process is known to be the host's sshd: it opened this very
// session, or audit saw it start.
func (m *Memory) isSSHD(pid int, of uint32) bool {
	if s, ok := m.sessions[of]; ok && s.pid == pid {
		return s.sound && s.before == waxseal.Unset && slices.Contains(sshds, s.by)
	}
	x := m.image(pid, time.Time{})
	return x != nil && x.EUID == 0 && x.UID == 0 && slices.Contains(sshds, x.Exe) && m.sound(pid, x.Exe) && m.gradeOf(x) == waxseal.Proven
}

// key adds how the login was authenticated, by sshd's own line. Anybody can write such
// a line into a text log: it must name this login, its address and port, and no other
// line may say otherwise. Of a line in the journal, journald says who wrote it: where
// that was sshd, what others wrote is nothing against it.
func (m *Memory) key(a *waxseal.Actor) {
	m.addressFromLine(a)
	if a.Origin.Kind != waxseal.OriginSSH && a.Origin.Address == "" {
		return
	}
	var found *accepted
	for i := range m.lines {
		l := &m.lines[i]
		if l.Address != a.Origin.Address || a.Origin.Port != 0 && l.Port != a.Origin.Port || a.Login.Name != "" && l.User != a.Login.Name {
			continue
		}
		if s, ok := m.sessions[a.Login.Session]; ok && l.pid != 0 && l.pid != s.pid && a.Origin.Port == 0 {
			continue // of another login of the same person
		}
		switch {
		case found == nil:
			found = l
		case m.fromSSHD(found) && !m.fromSSHD(l): // whoever wrote the other
		case m.fromSSHD(l) && !m.fromSSHD(found):
			found = l
		case found.Accepted != l.Accepted && found.Port == l.Port:
			a.Origin.Method, a.Origin.Key, a.Origin.Certificate = "", "", ""
			a.Origin.KeyGrade, a.Origin.KeyBasis = waxseal.Unknown, "two lines of the log contradict each other about this connection: one of them is forged"
			return
		default:
			found = l
		}
	}
	if found == nil {
		return
	}
	o := &a.Origin
	o.Method, o.Key, o.Certificate = found.Method, found.Key, found.Certificate
	switch {
	case m.fromSSHD(found):
		o.KeyGrade, o.KeyBasis = waxseal.Proven, fmt.Sprintf("sshd's line in the journal: by journald's word %s (process %d), as root, wrote it", found.by.Exe, found.by.PID)
	case found.by != nil:
		o.KeyGrade, o.KeyBasis = waxseal.Inferred, fmt.Sprintf("a line in the journal, which by journald's word %s (process %d, uid %d) wrote", orUnknown(found.by.Exe), found.by.PID, found.by.UID)
	default:
		o.KeyGrade, o.KeyBasis = waxseal.Inferred, "sshd's line in the log, which anybody could have written"
	}
	if o.Port == 0 {
		o.Port = found.Port
	}
}

// fromSSHD reports whether sshd itself wrote a line, by journald's word: as root, from
// where only root can have put it. What a process that is not root's runs may have
// changed before journald looked.
func (m *Memory) fromSSHD(l *accepted) bool { return m.wrote(l.by, l.pid, sshds) }

// addressFromLine adds the address of the connection from sshd's own line in the journal,
// where no record has it: the process that wrote it must have opened this very session,
// or be above.
func (m *Memory) addressFromLine(a *waxseal.Actor) {
	if a.Origin.Kind != waxseal.OriginSSH || a.Origin.Grade == waxseal.Proven && a.Origin.Address != "" || a.Login.Before != nil || a.Process.Tracer > 0 {
		return
	}
	for i := len(m.lines) - 1; i >= 0; i-- {
		l := &m.lines[i]
		if !m.fromSSHD(l) || !m.letIn(l, a) || a.Login.Name != "" && l.User != a.Login.Name {
			continue
		}
		if a.Origin.Address != "" && a.Origin.Address != l.Address {
			return
		}
		a.Origin.Address, a.Origin.Port, a.Origin.Grade = l.Address, l.Port, waxseal.Proven
		a.Origin.Basis = fmt.Sprintf("sshd's line in the journal: by journald's word %s (process %d), as root, wrote it, and let this session in", l.by.Exe, l.by.PID)
		return
	}
}

// letIn reports whether the process that wrote a line opened the session of an actor, at
// that time, or is above him: its number may be another's by now.
func (m *Memory) letIn(l *accepted, a *waxseal.Actor) bool {
	if s, ok := m.sessions[a.Login.Session]; ok && s.pid == l.pid && s.sound && s.at.Sub(l.at).Abs() < time.Minute {
		return true
	}
	return slices.ContainsFunc(a.Ancestors, func(p waxseal.Process) bool {
		return p.PID == l.pid && p.Grade == waxseal.Proven && slices.Contains(sshds, p.Exe) && !p.Started.IsZero() && !p.Started.After(l.at.Add(startSlack))
	})
}
