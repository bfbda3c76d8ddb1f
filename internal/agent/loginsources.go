package agent

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/journal"
	"waxseal/internal/utmp"
)

// LoginSource is one of the places from which it is known who is logged in, and how he
// came in.
type LoginSource struct {
	Name   string `json:"source"`
	Live   bool   `json:"live"`
	Detail string `json:"detail"` // what there is, or why there is nothing
	Lost   string `json:"lost"`   // what is not known without it
}

// LoginSources asks each of them, on this host and in its tree.
func LoginSources(tree *rootfs.Tree) []LoginSource {
	return []LoginSource{
		ofKernel("login uid", "loginuid", "were started by somebody who logged in",
			"of no process is known for which login it runs, whoever it became since"),
		ofKernel("session number", "sessionid", "belong to a login session",
			"what one login did can't be told from what another of the same person did, and no line of a log or session of logind can be tied to a process"),
		logindSource(tree), utmpSource(tree), journalSource(tree), lineSource(tree),
	}
}

// maxLogins bounds how many processes are looked at.
const maxLogins = 1 << 16

// ofKernel is what the kernel keeps of each process (CONFIG_AUDIT; proc(5)).
func ofKernel(name, file, what, lost string) LoginSource {
	s := LoginSource{Name: name, Lost: lost}
	if _, err := os.ReadFile(path.Join("/proc/self", file)); err != nil {
		s.Detail = "the kernel does not keep it (CONFIG_AUDIT), or /proc is not shown: " + err.Error()
		return s
	}
	names, _ := filepath.Glob("/proc/[0-9]*/" + file) // the pattern is right
	set, hidden, all := 0, 0, names[:min(len(names), maxLogins)]
	for _, n := range all {
		text, err := os.ReadFile(n)
		switch id, wrong := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32); {
		case err != nil && os.IsPermission(err):
			hidden++
		case err == nil && wrong == nil && uint32(id) != waxseal.Unset: // else it has ended, or has none
			set++
		}
	}
	s.Live, s.Detail = true, fmt.Sprintf("%d of %d processes %s", set, len(all), what)
	if hidden > 0 {
		s.Detail += fmt.Sprintf("; %d can't be read", hidden)
	}
	return s
}

// logindSource is what systemd-logind(8) writes down.
func logindSource(tree waxseal.Tree) LoginSource {
	s := LoginSource{Name: "systemd-logind", Lost: "how sessions that are older than the agent came in, from where and at which terminal, is known from utmp alone"}
	if _, err := tree.ReadDir(sessionsDir); err != nil {
		s.Detail = string(sessionsDir) + " is not there: no logind runs"
		return s
	}
	list := logindSessions(tree)
	s.Live, s.Detail = true, sessionWords(sessionsDir, list)
	return s
}

// utmpSource is utmp(5).
func utmpSource(tree waxseal.Tree) LoginSource {
	s := LoginSource{Name: "utmp", Lost: "how sessions that are older than the agent came in is known from systemd-logind alone, which not every way in registers with"}
	p, list, err := utmpSessions(tree)
	switch {
	case p == "":
		s.Detail = "neither " + string(utmpPlaces[0]) + " nor " + string(utmpPlaces[1]) + " is there"
	case err != nil:
		s.Detail = fmt.Sprintf("%s: %v", p, err)
	default:
		s.Live, s.Detail = true, sessionWords(p, list)
	}
	return s
}

func sessionWords(p waxseal.Path, list []utmp.Record) string {
	words := fmt.Sprintf("%s: %d sessions", p, len(list))
	if len(list) == 1 {
		words = fmt.Sprintf("%s: 1 session", p)
	}
	return words
}

// journalSource is the journal, in which journald says who wrote a line.
func journalSource(tree *rootfs.Tree) LoginSource {
	s := LoginSource{Name: "journal", Lost: "what sshd, login, cron, sudo and polkit say is text that anybody can write: keys, addresses, jobs and terminals are inferred at best"}
	if list := journal.Files(tree.Dir()); len(list) > 0 {
		s.Live, s.Detail = true, strings.Join(list, ", ")+": who wrote a line is known from journald"
		return s
	}
	s.Detail = "there is none"
	return s
}

// loginLogs are the text logs in which login programs write.
var loginLogs = []waxseal.Path{"/var/log/auth.log", "/var/log/secure"}

// lineSource is what login programs say, wherever.
func lineSource(tree *rootfs.Tree) LoginSource {
	s := LoginSource{Name: "login lines", Lost: "ssh keys and certificates, whose cron job it was, who authenticated himself to polkit and who became whom without a record are not known"}
	found := []string{}
	for _, p := range loginLogs {
		if f, err := tree.Stat(p); err == nil && f.Type == waxseal.Regular {
			found = append(found, string(p))
		}
	}
	found = append(found, journal.Files(tree.Dir())...)
	if s.Live = len(found) > 0; s.Live {
		s.Detail = strings.Join(found, ", ")
	} else {
		s.Detail = "neither a journal nor /var/log/auth.log or /var/log/secure is there"
	}
	return s
}
