// Package logline reads lines of mail and authentication logs: which daemon
// said what, and what that says about mail.
//
// Lines come in the traditional syslog form ("Nov 23 08:03:23 mail
// postfix/smtpd[99]: …", RFC 3164) or with the RFC 3339 time stamps that newer
// rsyslog writes. Anyone on the host can write such a line with logger(1), so
// nothing learned here is ever more than inferred. While a log is followed the time
// in the line is not used: when it was read is known better than when it claims to be
// from.
package logline

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Line is one log line, split.
type Line struct {
	Program string // "postfix/smtpd", "sshd"
	PID     int    // 0 where the line has none
	Message string
}

var header = regexp.MustCompile(`^(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) \S+ ([^\s\[:]+)(?:\[(\d+)\])?: (.*)$`)

// Parse splits a line; ok is false for a line of another form.
func Parse(text string) (line Line, ok bool) {
	g := header.FindStringSubmatch(text)
	if g == nil {
		return Line{}, false
	}
	pid, _ := strconv.Atoi(g[2])
	return Line{Program: g[1], PID: pid, Message: g[3]}, true
}

// Time is the time that a line claims to be from. One in the traditional form has neither
// year nor zone: it is taken as UTC, and as the latest such day before the given time.
func Time(text string, before time.Time) (time.Time, bool) {
	word, _, _ := strings.Cut(text, " ")
	if at, err := time.Parse(time.RFC3339Nano, word); err == nil {
		return at.UTC(), true
	}
	if len(text) < len(time.Stamp) {
		return time.Time{}, false
	}
	at, err := time.Parse(time.Stamp, text[:len(time.Stamp)])
	if err != nil {
		return time.Time{}, false
	}
	const day = 24 * time.Hour // a zone is no further away
	if at = at.AddDate(before.Year(), 0, 0); at.After(before.Add(day)) {
		at = at.AddDate(-1, 0, 0)
	}
	return at, true
}

// Postfix is what a line of Postfix says about activation.
type Postfix struct {
	// Daemon is the last part of the program name: "smtpd", "master".
	Daemon string
	// Reloaded: master read its configuration again; Started: it came up.
	Reloaded, Started bool
	// Config is the configuration directory that master named.
	Config string
	// QueueID is set on a line about one message.
	QueueID string
	// Client is set where smtpd or pickup took a message in.
	Client string
	// Milter is the milter that the line complains about.
	Milter string
	// Warning is the text after "warning: ".
	Warning string
}

var (
	masterLine = regexp.MustCompile(`^(reload|daemon started) -- version \S+, configuration (\S+)`)
	queueLine  = regexp.MustCompile(`^([0-9A-F]{6,}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{12,}): (.*)$`)
	milterName = regexp.MustCompile(`(?:Milter service|milter) ((?:inet|inet6|unix|local):[^\s:]+(?::[^\s:]+)*)`)
)

// ParsePostfix reads a line of a Postfix daemon; ok is false for any other
// program. The program is "postfix/DAEMON" or, with syslog_name overrides,
// "NAME/DAEMON" as in "postfix/submission/smtpd".
func ParsePostfix(l Line) (p Postfix, ok bool) {
	cut := strings.LastIndexByte(l.Program, '/')
	if cut < 0 || !strings.Contains(l.Program[:cut], "postfix") {
		return Postfix{}, false
	}
	p.Daemon = l.Program[cut+1:]
	if g := masterLine.FindStringSubmatch(l.Message); g != nil && p.Daemon == "master" {
		p.Reloaded, p.Started, p.Config = g[1] == "reload", g[1] == "daemon started", g[2]
	}
	if w, found := strings.CutPrefix(l.Message, "warning: "); found {
		p.Warning = w
		if g := milterName.FindStringSubmatch(w); g != nil {
			p.Milter = strings.TrimSuffix(g[1], ":")
		}
	}
	if g := queueLine.FindStringSubmatch(l.Message); g != nil {
		p.QueueID = g[1]
		if client, found := strings.CutPrefix(g[2], "client="); found {
			p.Client = client
		} else if p.Daemon == "pickup" && strings.HasPrefix(g[2], "uid=") {
			p.Client = "local submission"
		}
	}
	return p, true
}

// Accepted is sshd's line about a login that it let in.
type Accepted struct {
	Method  string // "publickey", "password"
	User    string
	Address string
	Port    int
	Key     string // "SHA256:…", "" where no key was used
	// Certificate is what the key was certified as: "alice@laptop (serial 7) CA
	// ED25519 SHA256:…".
	Certificate string
}

var acceptedLine = regexp.MustCompile(`^Accepted (\S+) for (\S+) from (\S+) port (\d+)(?: ssh2)?(?:: \S+ (SHA256:\S+)(?: ID (.* CA \S+ SHA256:\S+))?)?`)

// ParseAccepted reads sshd's "Accepted …" line.
func ParseAccepted(l Line) (a Accepted, ok bool) {
	if l.Program != "sshd" && l.Program != "sshd-session" {
		return Accepted{}, false
	}
	g := acceptedLine.FindStringSubmatch(l.Message)
	if g == nil {
		return Accepted{}, false
	}
	address, err := netip.ParseAddr(g[3])
	if err != nil {
		return Accepted{}, false
	}
	port, err := strconv.ParseUint(g[4], 10, 16)
	if err != nil {
		return Accepted{}, false
	}
	return Accepted{Method: g[1], User: g[2], Address: address.Unmap().String(), Port: int(port), Key: g[5], Certificate: g[6]}, true
}
