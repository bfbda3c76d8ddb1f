package correlate

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/logline"
)

// Starts counts how often each script of the mail path starts in one run of its mail
// system (ExecFrequencyThreshold of ATT&CK's AN0473).
type Starts struct {
	most     int
	accounts []string
	scripts  map[string]bool
	counts   map[string]int
}

// NewStarts counts up to most starts by the accounts, or, where there are none, by
// anybody; a most of 0 counts nothing.
func NewStarts(most int, accounts []string) *Starts {
	return &Starts{most: most, accounts: accounts, scripts: map[string]bool{}, counts: map[string]int{}}
}

// Know takes the scripts of the mail path from a state: what commands run, and what the
// administrator names. Daemons, interpreters and libraries are none.
func (s *Starts) Know(state waxseal.State) {
	if s.most == 0 {
		return
	}
	clear(s.scripts)
	for _, h := range state.Hooks {
		if h.Kind == waxseal.KindBinary || h.Kind == waxseal.KindUnit {
			continue
		}
		for _, p := range h.Closure {
			if p.Role == waxseal.RoleScript || p.Role == waxseal.RoleBinary && h.Target.Type == waxseal.TargetCommand {
				s.scripts[string(p.Path)] = true
			}
		}
	}
}

// masters are the programs that are a mail system's run (master(8), exim(8),
// sendmail(8), smtpd(8)).
var masters = []string{"master", "exim", "exim4", "sendmail-mta", "smtpd"}

// Add counts a program start; user is the account of its effective uid. Where the start
// is the first one too many of this run, it returns which script it was of, and how
// many there were.
func (s *Starts) Add(e *waxseal.ProcessEvent, user string) (script waxseal.Path, n int, over bool) {
	if s.most == 0 {
		return "", 0, false
	}
	if slices.Contains(masters, path.Base(e.Exe)) && e.EUID == 0 && isDaemon(e) {
		clear(s.counts)
		return "", 0, false
	}
	name := s.script(e)
	if name == "" || len(s.accounts) > 0 && !slices.Contains(s.accounts, user) {
		return "", 0, false
	}
	s.counts[name]++
	return waxseal.Path(name), s.counts[name], s.counts[name] == s.most+1
}

// script is the script of the mail path that a program start is of: by the name that
// execve(2) was given, not by the interpreter that runs it.
func (s *Starts) script(e *waxseal.ProcessEvent) string {
	name := e.File
	if !path.IsAbs(name) {
		name = path.Join(e.CWD, name)
	}
	if name = path.Clean(name); s.scripts[name] {
		return name
	}
	if s.scripts[e.Exe] {
		return e.Exe
	}
	return ""
}

// isDaemon: exim(8) and sendmail(8) are also started for each message that is handed
// in, and have -bd, or -bD, as daemons; Postfix's smtpd is a child of its master.
func isDaemon(e *waxseal.ProcessEvent) bool {
	switch ofPostfix := strings.Contains(e.Exe, "/postfix/"); path.Base(e.Exe) {
	case "master":
		return ofPostfix
	case "smtpd":
		return !ofPostfix
	}
	return slices.ContainsFunc(e.Argv, func(a string) bool { return strings.HasPrefix(a, "-bd") || strings.HasPrefix(a, "-bD") })
}

// Line hears a line of the mail log: a start or reload begins a new run.
func (s *Starts) Line(text string) {
	if s.most == 0 {
		return
	}
	line, ok := logline.Parse(text)
	if !ok {
		return
	}
	if p, ok := logline.ParsePostfix(line); ok && (p.Reloaded || p.Started) {
		clear(s.counts)
	}
}
