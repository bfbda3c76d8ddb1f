package logline

import (
	"path"
	"regexp"
)

// Job is a command that a program ran because it was time.
type Job struct {
	Program string // "cron" or "anacron"
	User    string // whose crontab it is of
	Command string // of anacron: the name of the job
}

// cron(8) of Debian and of cronie write the first line in the process that becomes the
// shell, cronie as CROND; anacron(8) the second in the one that waits for its job.
//
//	CRON[588]: (alice) CMD (echo "100% mine" >/dev/null)
//	anacron[506]: Job `cron.daily' started
var (
	cronLine    = regexp.MustCompile(`^\(([^()\s]+)\) CMD \((.*)\)$`)
	anacronLine = regexp.MustCompile("^Job `([^']+)' started$")
)

// ParseJob reads a line of cron(8) or anacron(8) about a job that starts.
func ParseJob(l Line) (Job, bool) {
	switch path.Base(l.Program) {
	case "CRON", "CROND", "cron", "crond":
		if g := cronLine.FindStringSubmatch(l.Message); g != nil {
			return Job{Program: "cron", User: g[1], Command: g[2]}, true
		}
	case "anacron":
		if g := anacronLine.FindStringSubmatch(l.Message); g != nil {
			return Job{Program: "anacron", User: "root", Command: g[1]}, true
		}
	}
	return Job{}, false
}

// Granted is what polkitd(8) says when it let somebody do something after he had
// authenticated himself. What its rules allow without that leaves no line.
type Granted struct {
	User    string // who asked
	As      string // as whom he authenticated himself
	Action  string // "org.freedesktop.systemd1.manage-units"
	Command string // what asked, by its command line: "systemctl restart cron"
}

// polkitd writes, in one line:
//
//	Operator of unix-session:5 successfully authenticated as unix-user:bob to gain
//	ONE-SHOT authorization for action org.freedesktop.policykit.exec for
//	unix-process:447:7027041 [-bash] (owned by unix-user:bob)
var grantedLine = regexp.MustCompile(`^Operator of \S+ successfully authenticated as unix-user:(\S+) to gain (?:ONE-SHOT|TEMPORARY) authorization for action (\S+) for \S+ \[(.*)\] \(owned by unix-user:(\S+)\)$`)

// ParseGranted reads a line of polkitd. What was refused is none.
func ParseGranted(l Line) (Granted, bool) {
	g := grantedLine.FindStringSubmatch(l.Message)
	if g == nil || l.Program != "polkitd" {
		return Granted{}, false
	}
	return Granted{User: g[4], As: g[1], Action: g[2], Command: g[3]}, true
}
