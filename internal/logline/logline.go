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

// Parse splits a line; ok is false for a line of another form. It is called for every line
// that a busy server writes.
func Parse(text string) (line Line, ok bool) {
	rest := text[stamp(text):]
	if len(rest) == len(text) || strings.Contains(rest, "\n") {
		return Line{}, false
	}
	host := strings.IndexAny(rest[1:], spaces) + 1
	if rest[0] != ' ' || host < 2 || rest[host] != ' ' {
		return Line{}, false
	}
	rest = rest[host+1:]
	end := strings.IndexAny(rest, spaces+"[:")
	if end < 1 {
		return Line{}, false
	}
	line.Program, rest = rest[:end], rest[end:]
	if n := digits(rest[1:]); rest[0] == '[' && n > 0 && strings.HasPrefix(rest[1+n:], "]") {
		line.PID, _ = strconv.Atoi(rest[1 : 1+n])
		rest = rest[n+2:]
	}
	if line.Message, ok = strings.CutPrefix(rest, ": "); !ok {
		return Line{}, false
	}
	return line, true
}

const spaces = " \t\f\r" // and a line's end, which no line has

// stamp is how long the time before a line is, 0 where there is none that has the form of
// one, or nothing behind it.
func stamp(text string) int {
	n := len("Nov 23 08:03:23")
	if !fits(text, "Aaa _0 00:00:00") {
		if !fits(text, "0000-00-00T") {
			return 0
		}
		n = len("2026-11-23T")
		fine := n
		for n < len(text) && (isDigit(text[n]) || text[n] == ':' || text[n] == '.') {
			n++
		}
		switch {
		case n == fine:
			return 0
		case strings.HasPrefix(text[n:], "Z"):
			n++
		case fits(text[n:], "+00:00") || fits(text[n:], "-00:00"):
			n += len("+01:00")
		default:
			return 0
		}
	}
	if n == len(text) {
		return 0
	}
	return n
}

// fits reports whether a text begins like a pattern, in which A, a and 0 stand for a letter
// or digit of their kind, and _ for a digit or a space.
func fits(text, pattern string) bool {
	if len(text) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		c, ok := text[i], false
		switch pattern[i] {
		case 'A':
			ok = 'A' <= c && c <= 'Z'
		case 'a':
			ok = 'a' <= c && c <= 'z'
		case '0':
			ok = isDigit(c)
		case '_':
			ok = c == ' ' || isDigit(c)
		default:
			ok = c == pattern[i]
		}
		if !ok {
			return false
		}
	}
	return true
}

// digits is how many a text begins with.
func digits(text string) (n int) {
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

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
	if p.Daemon == "master" {
		if g := masterLine.FindStringSubmatch(l.Message); g != nil {
			p.Reloaded, p.Started, p.Config = g[1] == "reload", g[1] == "daemon started", g[2]
		}
	}
	if w, found := strings.CutPrefix(l.Message, "warning: "); found {
		p.Warning = w
		if g := milterName.FindStringSubmatch(w); g != nil {
			p.Milter = strings.TrimSuffix(g[1], ":")
		}
	}
	if id, rest, found := strings.Cut(l.Message, ": "); found && isQueueID(id) {
		p.QueueID = id
		if client, found := strings.CutPrefix(rest, "client="); found {
			p.Client = client
		} else if p.Daemon == "pickup" && strings.HasPrefix(rest, "uid=") {
			p.Client = "local submission"
		}
	}
	return p, true
}

// isQueueID: six hexadecimal digits or more, or, where enable_long_queue_ids is set, twelve or
// more of digits and letters without vowels (postconf(5)).
func isQueueID(id string) bool {
	short, long := len(id) >= 6, len(id) >= 12
	for i := 0; i < len(id) && (short || long); i++ {
		c := id[i]
		letter := 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		short = short && (isDigit(c) || 'A' <= c && c <= 'F')
		long = long && (isDigit(c) || letter && strings.IndexByte("AEIOUaeiou", c) < 0)
	}
	return short || long
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
