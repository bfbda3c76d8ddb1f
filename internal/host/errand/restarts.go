package errand

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	function   = regexp.MustCompile(`(?m)^\s*(?:function\s+)?([A-Za-z_]\w*)\s*\(\)`)
	assignment = regexp.MustCompile(`(?m)^\s*([A-Za-z_]\w*)=["']?([^\s"'$` + "`" + `;&|()]*)["']?\s*$`)
	// discards matches redirections that keep nothing.
	discards = regexp.MustCompile(`[0-9&]?>>?\s*/dev/null|[0-9]?>&[0-9-]`)
)

// looks are words of a shell, and programs, that only look and print.
var looks = strings.Fields(`test [ [[ read echo printf return exit set shift true false : local if then else elif fi for in do done while until ! break continue sleep
	ps pgrep pidof grep egrep fgrep cat cut head tail tr wc date id hostname logger which command basename dirname`)

// restarting are what a service manager is told to do with a service that runs.
var restarting = strings.Fields("restart reload try-restart reload-or-restart try-reload-or-restart condrestart force-reload status is-active is-enabled check -HUP -s")

// OnlyRestarts reports whether a shell script does nothing but look whether services
// run and start them anew, as hooks of certificates, rules and rotated logs do.
func OnlyRestarts(text string) bool {
	const most = 64 << 10
	if len(text) > most || !strings.HasPrefix(text, "#!") || !IsInterpreter(strings.Fields(text[2:] + " sh")[0]) || strings.Contains(text, "<<") {
		return false
	}
	known := slices.Clone(looks)
	for _, f := range function.FindAllStringSubmatch(text, 64) {
		known = append(known, f[1])
	}
	variables := map[string]string{}
	for _, a := range assignment.FindAllStringSubmatch(text, 256) {
		variables[a[1]] = a[2]
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if line = discards.ReplaceAllString(line, ""); strings.Contains(line, ">") {
			return false
		}
		for _, words := range SimpleCommands(line) {
			if !slices.Contains(known, words[0]) && !restarts(words, variables) {
				return false
			}
		}
	}
	return true
}

// managers are programs that start services, and where they lie.
var (
	managers           = strings.Fields("systemctl service invoke-rc.d postfix doveadm kill pkill")
	managerDirectories = []string{"", "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"}
)

// restarts reports whether a command starts a service anew.
func restarts(words []string, variables map[string]string) bool {
	program := strings.Trim(words[0], `"'`)
	if name, ok := strings.CutPrefix(program, "$"); ok {
		program = variables[strings.Trim(name, "{}")]
	}
	dir, name := path.Split(program)
	manager := slices.Contains(managerDirectories, dir) && slices.Contains(managers, name)
	return (manager || dir == "/etc/init.d/") && slices.ContainsFunc(words[1:], func(w string) bool { return slices.Contains(restarting, strings.Trim(w, `"'`)) })
}
