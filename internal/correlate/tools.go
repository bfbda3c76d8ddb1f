package correlate

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"waxseal"
)

// tools are known by the command line of one process of the chain: its program, and what
// an argument has to match, nil where the program is enough.
var tools = []struct {
	name     string
	program  *regexp.Regexp
	argument *regexp.Regexp
}{
	// Ansible's modules are wrapped into one file each; where they come by a pipe, the
	// command that becomes root has a mark (become plugins).
	{"Ansible", interpreter, regexp.MustCompile(`(^|[ /'"])AnsiballZ_\w+\.py`)},
	{"Ansible", regexp.MustCompile(`^(sudo|su|doas|sh|bash|dash)$`), regexp.MustCompile(`BECOME-SUCCESS-[a-z]{10,}|/ansible-tmp-[\d.]+-\d+-\d+/`)},
	{"Ansible", nil, regexp.MustCompile(`(^|/)ansible(-pull|-playbook)?$`)},
	{"Puppet", nil, regexp.MustCompile(`^(/opt/puppetlabs/puppet/bin|/opt/puppetlabs/bin|/usr/bin)/puppet$|^puppet agent: `)},
	{"Chef", nil, regexp.MustCompile(`^(/opt/(chef|cinc)/bin|/opt/(chef|cinc)/embedded/bin|/usr/bin)/(chef|cinc)-(client|solo)$`)},
	{"Salt", nil, regexp.MustCompile(`^(/usr/bin|/opt/saltstack/salt|/opt/saltstack/salt/bin)/salt-(minion|call)$`)},
	{"CFEngine", nil, regexp.MustCompile(`^/var/cfengine/bin/cf-agent$`)},
	{"cloud-init", nil, regexp.MustCompile(`^/usr/bin/cloud-init$`)},
	{"etckeeper", nil, regexp.MustCompile(`^(/usr/bin|/usr/sbin)/etckeeper$|^/etc/etckeeper/`)},
}

var interpreter = regexp.MustCompile(`^(python|ruby|perl|platform-python)[\d.]*$`)

// ToolOf finds the configuration management among a process and its parents.
func ToolOf(a waxseal.Actor) *waxseal.Tool {
	chain := append([]waxseal.Process{a.Process}, a.Ancestors...)
	for i, p := range chain {
		for _, t := range tools {
			if t.program != nil && !t.program.MatchString(path.Base(p.Exe)) {
				continue
			}
			if word, ok := matching(p, t.argument, t.program == nil); ok {
				return &waxseal.Tool{Name: t.name, Words: fmt.Sprintf("%s %s%s", path.Base(p.Exe), shortened(word), belowWhom(chain[i+1:])), Grade: waxseal.Inferred}
			}
		}
	}
	return nil
}

// matching finds the argument that tells. Where a tool is a script, that is the program
// itself or the first thing its interpreter was given.
func matching(p waxseal.Process, argument *regexp.Regexp, program bool) (string, bool) {
	words := p.Argv
	if program {
		words = append([]string{p.Exe}, p.Argv[:min(2, len(p.Argv))]...)
	}
	for _, w := range words {
		if argument.MatchString(w) {
			return w, true
		}
	}
	return "", false
}

// shortened is the end of a path, or the beginning of a command.
func shortened(w string) string {
	if !strings.ContainsAny(w, " \n") {
		return "…/" + path.Base(w)
	}
	const most = 60
	if r := []rune(w); len(r) > most {
		return string(r[:most]) + "…"
	}
	return w
}

// belowWhom says how the tool was started.
func belowWhom(ancestors []waxseal.Process) string {
	for _, p := range ancestors {
		switch base := path.Base(p.Exe); {
		case strings.HasPrefix(base, "sshd"), base == "cron", base == "crond", base == "systemd":
			return ", below " + base
		}
	}
	return ""
}
