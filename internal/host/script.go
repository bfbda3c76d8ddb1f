package host

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

// shellLine is one line of a script that stands in a file of configuration.
type shellLine struct {
	text string
	line int
}

// occasion says when root runs a script, and what it has to do with mail.
type occasion struct {
	directive string
	when      string // "when logs are rotated"
	scope     string
	runsAs    string
	mail      bool   // it runs because of mail: then a program for which nothing vouches is a hook too
	vouched   bool   // the script is as its package brought it
	reports   bool   // the script is there to send something away
	inactive  string // why nothing runs it
}

// script makes a hook of each line that touches mail, runs a program which lies where
// anyone may put one, or, at an occasion of mail's, one for which nothing vouches.
func (r *reader) script(p waxseal.Path, lines []shellLine, o occasion) {
	for _, l := range lines {
		why, ok := r.suspect(l.text, o)
		if !ok {
			continue
		}
		h := r.runs(o.directive, waxseal.Source{Path: p, Line: l.line}, l.text, o.scope)
		if o.scope != "" {
			h.Scope = o.scope
		}
		if o.runsAs != "" {
			h.RunsAs = o.runsAs
		}
		h.Explain = sentenceFor(h.RunsAs) + " runs a command " + o.when + " (" + o.directive + "), and " + why + ": " + mta.Clip(l.text)
		if o.inactive != "" {
			mta.Inactive(&h, o.inactive)
			h.Explain = h.Explain + ". Nothing leads there yet: " + o.inactive + "."
		}
		r.Emit(h)
	}
}

func sentenceFor(account string) string {
	if account == "root" {
		return "Root"
	}
	return "The account " + mta.Clip(account)
}

// reaching are programs by which something leaves the host or comes onto it.
var reaching = regexp.MustCompile(`(?:^|[\s;|&(/` + "`" + `])(curl|wget|nc|ncat|netcat|socat|scp|rsync|ftp|sftp|telnet)\s|/dev/tcp/|base64\s+(?:-d|--decode)|\|\s*(?:/\S*/)?(?:sh|bash|dash|perl|python3?)\b|\beval\s`)

// suspect says what speaks against a line.
func (r *reader) suspect(line string, o occasion) (string, bool) {
	if line == "" || line[0] == '#' {
		return "", false
	}
	if p := errand.RunsFromOpenPlace(line); p != "" {
		return mta.Clip(p) + " lies where anyone may put a file, or under a hidden name", true
	}
	if o.vouched {
		return "", false
	}
	if errand.AltersMail(line) {
		return "it touches mail", true
	}
	if o.mail {
		if p, ok := r.strange(line); ok {
			return "no package vouches for " + mta.Clip(p), true
		}
		if !o.reports && reaching.MatchString(line) {
			return "it fetches or sends something", true
		}
	}
	return "", false
}

// strange finds a program in a line, or a script behind an interpreter, for which
// nothing vouches.
func (r *reader) strange(line string) (string, bool) {
	for _, words := range errand.SimpleCommands(line) {
		program := strings.Trim(words[0], `"'`)
		if errand.IsInterpreter(program) || program == "." || program == "source" {
			program = ""
			if i := slices.IndexFunc(words[1:], func(w string) bool { return !strings.HasPrefix(w, "-") }); i >= 0 {
				program = strings.Trim(words[i+1], `"'`)
			}
		}
		if path.IsAbs(program) && !strings.ContainsAny(program, "$*?<>%") && r.unvouched(clean(program), waxseal.RoleBinary) {
			return program, true
		}
	}
	return "", false
}
