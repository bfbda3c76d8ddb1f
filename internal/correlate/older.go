package correlate

import (
	"fmt"
	"net/netip"

	"waxseal"
	"waxseal/internal/utmp"
)

// maxOlder bounds the sessions that were written down before the agent watched.
const maxOlder = 1 << 12

// Written takes in a session as utmp(5) or logind wrote it down.
func (m *Memory) Written(r utmp.Record) {
	m.older = append(bounded(m.older, maxOlder), r)
}

// originWritten is the way in of a session as it was written down. Root writes that as he
// likes: it is inferred, and only where nothing else tells. A record that names another
// user than the kernel's login is no word about this session.
func (m *Memory) originWritten(a *waxseal.Actor) {
	for _, r := range m.older {
		if !m.isOf(r, a) || a.Login.Name != "" && r.User != a.Login.Name {
			continue
		}
		o := waxseal.Origin{
			Kind: waxseal.OriginConsole, Grade: waxseal.Inferred,
			Basis: fmt.Sprintf("%s says that %s came in so (process %d%s); whoever is root can write that", r.Source, r.User, r.PID, prefixed(", ", r.TTY)),
		}
		if r.Service == "sshd" || r.Service == "" && r.Host != "" {
			o.Kind = waxseal.OriginSSH
		} else if r.Service == "cron" || r.Service == "crond" || r.Service == "atd" {
			o.Kind = waxseal.OriginCron
		}
		if address, err := netip.ParseAddr(r.Host); err == nil {
			o.Address = address.Unmap().String()
		}
		a.Origin = o
		return
	}
}

// isOf reports whether a record is about the session of an actor: by audit's number, or
// by the process that opened it, which is above him.
func (m *Memory) isOf(r utmp.Record, a *waxseal.Actor) bool {
	if r.Session != waxseal.Unset {
		return r.Session == a.Login.Session
	}
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		if p.PID == r.PID && p.Grade != waxseal.Unknown {
			return true
		}
	}
	return false
}

func prefixed(prefix, word string) string {
	if word == "" {
		return ""
	}
	return prefix + word
}
