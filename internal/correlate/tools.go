package correlate

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// tools are known by the command line of one process of the chain: its program, nil where
// the argument says enough, and what an argument has to match. That has one of the words in
// it: most arguments of most processes have none, which is seen sooner.
var tools = []struct {
	name     string
	program  *regexp.Regexp
	argument *regexp.Regexp
	words    []string
}{
	// Ansible's modules are wrapped into one file each; where they come by a pipe, the
	// command that becomes root has a mark (become plugins).
	{"Ansible", interpreter, regexp.MustCompile(`(^|[ /'"])AnsiballZ_\w+\.py`), []string{"AnsiballZ_"}},
	{"Ansible", regexp.MustCompile(`^(sudo|su|doas|sh|bash|dash)$`), regexp.MustCompile(`BECOME-SUCCESS-[a-z]{10,}|/ansible-tmp-[\d.]+-\d+-\d+/`), []string{"BECOME-SUCCESS-", "/ansible-tmp-"}},
	{"Ansible", nil, regexp.MustCompile(`(^|/)ansible(-pull|-playbook)?$`), []string{"ansible"}},
	{"Puppet", nil, regexp.MustCompile(`^(/opt/puppetlabs/puppet/bin|/opt/puppetlabs/bin|/usr/bin)/puppet$|^puppet agent: `), []string{"puppet"}},
	{"Chef", nil, regexp.MustCompile(`^(/opt/(chef|cinc)/bin|/opt/(chef|cinc)/embedded/bin|/usr/bin)/(chef|cinc)-(client|solo)$`), []string{"chef-", "cinc-"}},
	{"Salt", nil, regexp.MustCompile(`^(/usr/bin|/opt/saltstack/salt|/opt/saltstack/salt/bin)/salt-(minion|call)$`), []string{"salt-"}},
	{"CFEngine", nil, regexp.MustCompile(`^/var/cfengine/bin/cf-agent$`), []string{"cf-agent"}},
	{"cloud-init", nil, regexp.MustCompile(`^/usr/bin/cloud-init$`), []string{"cloud-init"}},
	{"etckeeper", nil, regexp.MustCompile(`^(/usr/bin|/usr/sbin)/etckeeper$|^/etc/etckeeper/`), []string{"etckeeper"}},
}

var interpreter = regexp.MustCompile(`^(python|ruby|perl|platform-python)[\d.]*$`)

// ToolOf finds the configuration management among a process and its parents.
func ToolOf(a waxseal.Actor) *waxseal.Tool {
	chain := append([]waxseal.Process{a.Process}, a.Ancestors...)
	for i, p := range chain {
		for _, t := range tools {
			word, ok := matching(p, t.argument, t.words, t.program == nil)
			if ok && (t.program == nil || t.program.MatchString(path.Base(p.Exe))) {
				return &waxseal.Tool{Name: t.name, Words: fmt.Sprintf("%s %s%s", path.Base(p.Exe), shortened(word), belowWhom(chain[i+1:])), Grade: waxseal.Inferred}
			}
		}
	}
	return nil
}

// matching finds the argument that tells. Where a tool is a script, that is the program
// itself or the first thing its interpreter was given.
func matching(p waxseal.Process, argument *regexp.Regexp, having []string, program bool) (string, bool) {
	words := p.Argv
	if program {
		words = append([]string{p.Exe}, p.Argv[:min(2, len(p.Argv))]...)
	}
	for _, w := range words {
		if hasOne(w, having) && argument.MatchString(w) {
			return w, true
		}
	}
	return "", false
}

func hasOne(s string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
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
