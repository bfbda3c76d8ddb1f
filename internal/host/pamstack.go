package host

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// outcome is what a module says to somebody who gives any password.
type outcome string

const (
	fails     outcome = "default"
	succeeds  outcome = "success"
	passes    outcome = "ignore"
	depending outcome = "depending" // on who it is, and never on the password
)

// outcomeOf says so by what the manual of each module says. Those that are not
// known look at the password.
func outcomeOf(l pamLine) outcome {
	switch name := moduleName(l.module); name {
	case "pam_permit":
		return succeeds
	case "pam_env", "pam_cap", "pam_group", "pam_faildelay", "pam_nologin", "pam_warn", "pam_mail", "pam_motd", "pam_lastlog", "pam_issue", "pam_keyinit", "pam_umask", "pam_limits", "pam_selinux",
		"pam_echo", "pam_time", "pam_tally", "pam_tally2", "pam_securetty", "pam_systemd", "pam_gnome_keyring", "pam_kwallet5", "pam_tmpdir", "pam_loginuid":
		return passes
	case "pam_faillock":
		if !slices.Contains(l.args, "authfail") {
			return passes
		}
	case "pam_succeed_if", "pam_localuser", "pam_listfile", "pam_access", "pam_wheel", "pam_rhosts", "pam_usertype", "pam_sepermit", "pam_shells":
		return depending
	}
	return fails
}

// stack is a chain of modules as libpam goes through it (pam.conf(5), and
// libpam's dispatch): what the modules so far amount to.
type stack struct {
	*pamReader
	depends outcome // what modules say that depend on who it is
	state
	by   pamLine // what said yes first
	left int     // modules still gone through
}

// state is what libpam has of its modules: whether one said yes or no, and whether the
// last word is that somebody is let in. "ok" may make another word of what is no success
// the last one, even behind a yes.
type state struct{ positive, negative, success bool }

// whoIsBelieved makes a hook where a service lets somebody in whose password is
// wrong.
func (p *pamReader) whoIsBelieved(service string) {
	for _, depends := range []outcome{fails, succeeds} {
		if by, yes := p.through(service, depends); yes {
			p.letsIn(service, by, depends == succeeds)
			return
		}
	}
}

// through goes through a service; depends is what modules say that ask who it is. It
// reports whether that lets somebody in, and which line was enough.
func (p *pamReader) through(service string, depends outcome) (by pamLine, yes bool) {
	s := &stack{pamReader: p, depends: depends, left: 4 * maxPamLines}
	s.run(service, 0)
	return s.by, s.positive && s.success
}

// run goes through the auth modules of a file; a substack ends by itself, and not the
// whole with it.
func (s *stack) run(file string, depth int) {
	lines, before := s.auth(file, 0), s.state
	for i := 0; i < len(lines); i++ {
		if s.left--; s.left < 0 || depth > 16 {
			return
		}
		l := lines[i]
		if l.control == "substack" {
			s.run(l.module, depth+1)
			continue
		}
		said := outcomeOf(l)
		if said == depending {
			said = s.depends
		}
		skip, end := s.act(l, said, actionFor(l.control, said), before)
		if end {
			return
		}
		if i += skip; i >= len(lines) { // further than there are modules
			s.state = state{negative: true}
		}
	}
}

// auth lists the auth modules of a file with includes put in.
func (s *stack) auth(file string, depth int) (lines []pamLine) {
	for _, l := range s.service(file) {
		switch s.left--; {
		case s.left < 0 || depth > 16:
			return lines
		case l.control == "include" && (l.kind == "auth" || l.kind == "all"):
			lines = append(lines, s.auth(l.module, depth+1)...)
		case l.kind == "auth":
			lines = append(lines, l)
		}
	}
	return lines
}

// act does what a control says of an outcome; before is how things stood when the file
// began.
func (s *stack) act(l pamLine, said outcome, action string, before state) (skip int, end bool) {
	switch action {
	case "ok", "done":
		if undecided := !s.positive && !s.negative; undecided || s.positive && s.success {
			s.positive, s.success = true, said == succeeds
			if undecided && s.success {
				s.by = l
			}
		}
		return 0, action == "done" && s.positive
	case "bad", "die":
		s.state = state{negative: true}
		return 0, action == "die"
	case "reset":
		s.state = before
	default:
		if n, err := strconv.Atoi(action); err == nil && n > 0 {
			return min(n, maxPamLines), false
		}
	}
	return 0, false
}

// controls are the words that stand for actions (pam.conf(5)).
var controls = map[string]map[outcome]string{
	"required":   {succeeds: "ok", passes: "ignore", fails: "bad"},
	"requisite":  {succeeds: "ok", passes: "ignore", fails: "die"},
	"sufficient": {succeeds: "done", passes: "ignore", fails: "ignore"},
	"optional":   {succeeds: "ok", passes: "ignore", fails: "ignore"},
}

// actionFor is what a control does with an outcome. Of "[value=action …]" the last for a
// value counts; what is not named is "default", and that is "bad" where it is not named
// either. So is what is no control at all.
func actionFor(control string, said outcome) string {
	if known, ok := controls[control]; ok {
		return known[said]
	}
	named, otherwise := "", ""
	for w := range strings.FieldsSeq(strings.Trim(control, "[]")) {
		value, action, _ := strings.Cut(w, "=")
		switch {
		case value == string(said) && value != "default" || said == fails && value == "auth_err":
			named = action
		case value == "default" && otherwise == "":
			otherwise = action
		}
	}
	return cmp.Or(named, otherwise, "bad")
}

// letsIn makes the hook of a service that asks for no password.
func (p *pamReader) letsIn(service string, by pamLine, depends bool) {
	h := p.hook(waxseal.KindPolicy, "pam_permit", by.source, service)
	h.Effects = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	h.RunsAs, h.Scope = "", "who signs in by "+service
	what := strings.TrimSpace(by.control + " " + by.module + " " + strings.Join(by.args, " "))
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "auth " + what}
	h.Closure = []waxseal.Part{{Path: by.source.Path, Role: waxseal.RoleConfig}}
	h.Explain = "Whoever signs in by the PAM service " + service + " is let in with any password: the line “auth " + mta.Clip(what) + "” is enough."
	if depends {
		mta.Modify(&h, "depends", "on who it is")
		h.Explain = "Some who sign in by the PAM service " + service + " are let in with any password: for them the line “auth " + mta.Clip(what) + "” is enough."
	}
	p.Emit(h)
}
