package correlate_test

import (
	"testing"

	"waxseal"
	"waxseal/internal/correlate"
)

func TestToolOf(t *testing.T) {
	p := func(exe string, argv ...string) waxseal.Process { return waxseal.Process{Exe: exe, Argv: argv} }
	sshd, systemd := p("/usr/sbin/sshd", "sshd: deploy [priv]"), p("/usr/lib/systemd/systemd", "/sbin/init")
	for _, tc := range []struct {
		name  string
		chain []waxseal.Process
		want  string
		words string
	}{
		{"a module of Ansible", []waxseal.Process{p("/usr/bin/python3.11", "/usr/bin/python3", "/home/deploy/.ansible/tmp/ansible-tmp-1700000000.1-12-345/AnsiballZ_lineinfile.py"),
			p("/usr/bin/sudo", "sudo", "-H", "-S", "-n", "-u", "root", "/bin/sh", "-c", "echo BECOME-SUCCESS-abcdefghijklmnop ; /usr/bin/python3 /home/deploy/x"), sshd},
			"Ansible", "python3.11 …/AnsiballZ_lineinfile.py, below sshd"},
		{"a module that came by a pipe", []waxseal.Process{p("/usr/bin/python3.11", "/usr/bin/python3"),
			p("/usr/bin/sudo", "sudo", "-u", "root", "/bin/sh", "-c", "echo BECOME-SUCCESS-abcdefghijklmnop ; /usr/bin/python3"), sshd}, "Ansible", ""},
		{"ansible-pull from cron", []waxseal.Process{p("/usr/bin/cp", "cp"), p("/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/ansible-pull"), p("/usr/sbin/cron", "cron")}, "Ansible",
			"python3.11 …/ansible-pull, below cron"},
		{"Puppet's agent", []waxseal.Process{p("/opt/puppetlabs/puppet/bin/ruby", "puppet agent: applying configuration"), systemd}, "Puppet", ""},
		{"Chef", []waxseal.Process{p("/opt/chef/embedded/bin/ruby", "/opt/chef/embedded/bin/ruby", "/opt/chef/bin/chef-client"), systemd}, "Chef", ""},
		{"Salt", []waxseal.Process{p("/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/salt-minion"), systemd}, "Salt", ""},
		{"cloud-init", []waxseal.Process{p("/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/cloud-init", "modules"), systemd}, "cloud-init", ""},
		{"etckeeper", []waxseal.Process{p("/usr/bin/git", "git", "checkout"), p("/usr/bin/dash", "/bin/sh", "/usr/bin/etckeeper", "vcs", "checkout")}, "etckeeper", ""},
		{"an editor on a playbook", []waxseal.Process{p("/usr/bin/vim.basic", "vim", "AnsiballZ_notes.txt"), sshd}, "", ""},
		{"a person", []waxseal.Process{p("/usr/bin/sed", "sed", "-i", "s/a/b/", "/etc/postfix/main.cf"), p("/usr/bin/bash", "-bash"), sshd}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := waxseal.Tool{}
			if tool := correlate.ToolOf(waxseal.Actor{Process: tc.chain[0], Ancestors: tc.chain[1:]}); tool != nil {
				got = *tool
			}
			if got.Name != tc.want || got.Name != "" && got.Grade != waxseal.Inferred || tc.words != "" && got.Words != tc.words {
				t.Errorf("got %+v", got)
			}
		})
	}
}
