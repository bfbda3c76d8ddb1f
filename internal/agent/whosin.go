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
	names, _ := a.tree.ReadDir(sessionsDir) // a host without logind
	for _, name := range names[:min(len(names), maxSessions)] {
		p := sessionsDir + "/" + waxseal.Path(name)
		text, err := a.tree.ReadFile(p, maxSessionFile)
		if err != nil {
			continue // a FIFO of a session that is open, or one that has just ended
		}
		if r, ok := utmp.ParseLogind(string(text)); ok {
			r.Source = p
			a.memory.Written(r)
		}
	}
	for _, p := range utmpPlaces {
		text, err := a.tree.ReadFile(p, maxUtmp)
		if err != nil {
			continue // newer distributions have none
		}
		list, err := utmp.ParseUtmp(text)
		if err != nil {
			now := time.Now()
			a.note(now, waxseal.Observation{Sensor: "utmp", Gap: &waxseal.Gap{Sensor: "utmp", From: now, Until: now, Reason: string(p) + ": " + err.Error() + "; who was logged in before is not known from it"}})
		}
		for _, r := range list {
			r.Source = p
			a.memory.Written(r)
		}
		break
	}
}
