package logline

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Opened is what pam_unix(8) says when a program opened a session for somebody.
type Opened struct {
	Service string // of PAM: "cron", "login", "sshd", "atd", "polkit-1", "systemd-run0"
	User    string // whose session it is
	By      string // who asked, by his login name, "" where he has none
	ByUID   uint32 // the real uid of the program that opened it
}

// As Linux-PAM 1.5 writes it, and before 1.4 without the first uid:
//
//	CRON[307]: pam_unix(cron:session): session opened for user bob(uid=1002) by (uid=0)
var openedLine = regexp.MustCompile(`^pam_unix\(([\w.-]+):session\): session opened for user ([^\s(]+)(?:\(uid=\d+\))? by ([^\s(]*)\(uid=(\d+)\)$`)

// ParseOpened reads pam_unix's line, whichever program it is a part of.
func ParseOpened(l Line) (Opened, bool) {
	g := openedLine.FindStringSubmatch(l.Message)
	if g == nil {
		return Opened{}, false
	}
	uid, err := strconv.ParseUint(g[4], 10, 32)
	return Opened{Service: g[1], User: g[2], By: g[3], ByUID: uint32(uid)}, err == nil
}

// Console is login(1)'s line about who came in at a terminal.
type Console struct {
	User string
	TTY  string // "tty1", "ttyS0", "pts/0"
	From string // the host that telnetd or the like named, "" for none
}

// login(1) of shadow writes the first two, that of util-linux the others:
//
//	login[479]: ROOT LOGIN  on '/dev/tty1'
//	login[479]: 'bob' logged in on '/dev/tty1' from 'host'
//	login[479]: ROOT LOGIN ON tty1
//	login[479]: LOGIN ON tty1 BY bob FROM host
//	login[479]: DIALUP AT ttyS0 BY bob
var (
	shadowLogin = regexp.MustCompile(`^(?:'([^']+)' logged in|ROOT LOGIN) +on '([^']+)'(?: from '([^']*)')?$`)
	utilLogin   = regexp.MustCompile(`^(?:DIALUP AT|LOGIN ON|ROOT LOGIN ON) (\S+)(?: BY (\S+))?(?: FROM (\S+))?$`)
)

// ParseConsole reads a line of login(1). What was refused is none.
func ParseConsole(l Line) (c Console, ok bool) {
	if path.Base(l.Program) != "login" {
		return Console{}, false
	}
	if g := shadowLogin.FindStringSubmatch(l.Message); g != nil {
		c = Console{User: g[1], TTY: g[2], From: g[3]}
	} else if g := utilLogin.FindStringSubmatch(l.Message); g != nil {
		c = Console{User: g[2], TTY: g[1], From: g[3]}
	} else {
		return Console{}, false
	}
	if c.User == "" {
		c.User = "root"
		if !strings.HasPrefix(l.Message, "ROOT ") {
			return Console{}, false
		}
	}
	c.TTY = strings.TrimPrefix(c.TTY, "/dev/")
	return c, true
}

// Session is a session that systemd-logind(8) registered.
type Session struct {
	ID   string // audit's number where it has one, else "c1"
	User string
	Type string // "tty", "x11"; "" before systemd 256
}

// The second form is that of systemd 256 and later.
//
//	systemd-logind[103]: New session 4231 of user alice.
//	systemd-logind[103]: New session '5' of user 'alice' with class 'user' and type 'tty'.
var sessionLine = regexp.MustCompile(`^New session '?(\w+)'? of user '?([^\s']+?)'?(?: with class '[\w-]+' and type '(\w+)')?\.$`)

// ParseSession reads logind's line about a new session.
func ParseSession(l Line) (Session, bool) {
	g := sessionLine.FindStringSubmatch(l.Message)
	if g == nil || l.Program != "systemd-logind" {
		return Session{}, false
	}
	return Session{ID: g[1], User: g[2], Type: g[3]}, true
}
