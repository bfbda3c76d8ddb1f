package logline

import (
	"path"
	"regexp"
	"strings"
)

// Became is what a line says about somebody who ran something as somebody else.
type Became struct {
	Program string // "sudo", "su", "doas", "pkexec"
	User    string // who called it
	To      string // whom he became
	TTY     string // "pts/0"
	Command string // "" where the line names none
}

// The forms in which the programs write them, as they were seen in the journal of Debian 12:
//
//	sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id
//	su[58]: (to mallory) root on pts/1
//	doas: alice ran command id as root from /home/alice
//	sudo: @cee:{"sudo":{"accept":{…,"submituser":"alice","command":"/usr/bin/id","runuser":"root",…}}}
//	pkexec[7]: alice: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/] [COMMAND=/usr/bin/id]
var (
	sudoLine   = regexp.MustCompile(`^ *(\S+) : (?:TTY=(\S+) ; )?(?:CHROOT=\S+ ; )?PWD=.*? ; USER=(\S+) ; (?:GROUP=\S+ ; )?(?:TSID=\S+ ; )?(?:ENV=.* ; )?COMMAND=(.*)$`)
	suLine     = regexp.MustCompile(`^\(to (\S+)\) (\S+) on (\S+)$`)
	doasLine   = regexp.MustCompile(`^(\S+) ran command (.*) as (\S+) from \S.*$`)
	pkexecLine = regexp.MustCompile(`^(\S+): Executing command \[USER=(\S+)\] \[TTY=([^\]]*)\] \[CWD=.*\] \[COMMAND=(.*)\]$`)
)

// ParseBecame reads a line of sudo(8), su(1), doas(1) or pkexec(1). What was refused is
// none: sudo puts the reason in front of the fields.
func ParseBecame(l Line) (b Became, ok bool) {
	b.Program = path.Base(l.Program)
	switch b.Program {
	case "sudo":
		if event, found := strings.CutPrefix(l.Message, "@cee:"); found {
			b, ok = sudoEvent(event)
		} else if g := sudoLine.FindStringSubmatch(l.Message); g != nil {
			b.User, b.TTY, b.To, b.Command, ok = g[1], g[2], g[3], g[4], true
		}
	case "su":
		if g := suLine.FindStringSubmatch(l.Message); g != nil {
			b.To, b.User, b.TTY, ok = g[1], g[2], g[3], true
		}
	case "doas":
		if g := doasLine.FindStringSubmatch(l.Message); g != nil {
			b.User, b.Command, b.To, ok = g[1], g[2], g[3], true
		}
	case "pkexec":
		if g := pkexecLine.FindStringSubmatch(l.Message); g != nil {
			b.User, b.To, b.TTY, b.Command, ok = g[1], g[2], g[3], g[4], true
		}
	}
	if b.TTY = strings.TrimPrefix(b.TTY, "/dev/"); b.TTY == "none" || b.TTY == "unknown" {
		b.TTY = ""
	}
	return b, ok
}
