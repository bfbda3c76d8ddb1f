package delivery

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// standard are the values of SHELL and SENDMAIL that packages and documentation
// tell to use.
var standard = map[string][]string{
	"SHELL":    {"/bin/sh", "/usr/bin/sh", "/bin/bash", "/usr/bin/bash", "/bin/dash", "/usr/bin/dash", "/bin/ksh", "/bin/zsh", "/usr/bin/zsh", "/usr/local/bin/bash"},
	"SENDMAIL": {"/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/sendmail", "/bin/sendmail", "sendmail"},
}

// loaderNames begin the names of variables by which a program loads code.
var loaderNames = []string{"LD_", "GCONV_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "BASH_ENV", "ENV", "MAIL_CONFIG"}

// assigned takes an assignment down: as a setting, and as a hook where it runs or
// loads something.
func (x *rules) assigned(a act) {
	name := a.directive
	switch {
	case strings.TrimSpace(a.target) == "":
	case name == "TRAP":
		a.verb = asks
		x.emit(a)
	case standard[name] != nil:
		program, _, _ := strings.Cut(strings.TrimSpace(a.target), " ")
		if !slices.Contains(standard[name], program) {
			a.verb = asks
			x.emit(a)
		}
	case slices.ContainsFunc(loaderNames, func(prefix string) bool {
		return name == prefix || strings.HasSuffix(prefix, "_") && strings.HasPrefix(name, prefix)
	}), name == "PATH" && oddPath(a.target):
		a.verb = sets
		x.emit(a)
	}
	place := string(a.file) + ":" + name
	x.count[place]++
	if n := x.count[place]; n > 1 {
		name = strconv.Itoa(n) + ":" + name
	}
	x.Setting(string(a.file), name, a.target, waxseal.Source{Path: a.file, Line: a.line})
}

// oddPath reports whether programs are looked for where anyone may put them.
func oddPath(value string) bool {
	for dir := range strings.SplitSeq(value, ":") {
		for _, open := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
			if dir == open || strings.HasPrefix(dir, open+"/") || dir == "." || dir == "" {
				return true
			}
		}
	}
	return false
}
