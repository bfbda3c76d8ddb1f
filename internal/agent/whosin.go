package agent

import (
	"time"

	"waxseal"
	"waxseal/internal/utmp"
)

const (
	sessionsDir = waxseal.Path("/run/systemd/sessions")
	// maxSessions bounds how many of logind's files are read, maxSessionFile each, and
	// maxUtmp the other.
	maxSessions    = 4096
	maxSessionFile = 64 << 10
	maxUtmp        = 4 << 20
)

// utmpPlaces are where utmp(5) is.
var utmpPlaces = []waxseal.Path{"/run/utmp", "/var/run/utmp"}

// knowSessions takes in who was logged in before the agent, as logind and utmp(5) wrote it
// down. Where neither is there, /proc shows the most.
func (a *Agent) knowSessions() {
	for _, r := range logindSessions(a.tree) {
		a.memory.Written(r)
	}
	p, list, err := utmpSessions(a.tree)
	if err != nil {
		now := time.Now()
		a.note(now, waxseal.Observation{Sensor: "utmp", Gap: &waxseal.Gap{Sensor: "utmp", From: now, Until: now, Reason: string(p) + ": " + err.Error() + "; who was logged in before is not known from it"}})
	}
	for _, r := range list {
		a.memory.Written(r)
	}
}

// logindSessions are those that logind wrote down.
func logindSessions(tree waxseal.Tree) (list []utmp.Record) {
	names, _ := tree.ReadDir(sessionsDir) // a host without logind
	for _, name := range names[:min(len(names), maxSessions)] {
		p := sessionsDir + "/" + waxseal.Path(name)
		text, err := tree.ReadFile(p, maxSessionFile)
		if err != nil {
			continue // a FIFO of a session that is open, or one that has just ended
		}
		if r, ok := utmp.ParseLogind(string(text)); ok {
			r.Source = p
			list = append(list, r)
		}
	}
	return list
}

// utmpSessions are those of utmp(5), and where that is; "" on the newer distributions that
// have none.
func utmpSessions(tree waxseal.Tree) (waxseal.Path, []utmp.Record, error) {
	for _, p := range utmpPlaces {
		text, err := tree.ReadFile(p, maxUtmp)
		if err != nil {
			continue
		}
		list, err := utmp.ParseUtmp(text)
		for i := range list {
			list[i].Source = p
		}
		return p, list, err
	}
	return "", nil, nil
}
