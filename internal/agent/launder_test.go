package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
)

// loud checks that a change was told as what it is: nothing explains it.
func (m *matrix) loud(f told, says ...string) {
	m.t.Helper()
	text := f.Expected + "\n" + strings.Join(f.Reasons, "\n")
	if f.Severity < waxseal.High || f.Rung != waxseal.RungNone {
		m.t.Errorf("%s, %s: %s: %s\n%q", f.Severity, f.Rung, f.Title, f.Expected, f.Reasons)
	}
	for _, want := range says {
		if !strings.Contains(text, want) {
			m.t.Errorf("it does not say %q: %s", want, text)
		}
	}
}

// root runs a script as root, in a session of alice's.
func (m *matrix) root(script string) {
	m.t.Helper()
	m.write("/tmp/script.sh", "set -e\n"+script+"\n", 0o755)
	m.ssh("alice", "sudo bash /tmp/script.sh")
}

// ofScript is what was told of a script by itself, or of its package.
func (m *matrix) ofScript() told { m.t.Helper(); return m.settled(m.ofToolNow()) }

func (m *matrix) ofToolNow() told {
	m.t.Helper()
	return m.w.find("the tool", func(f told) bool {
		return f.Change != nil && (f.Change.Path == tool || len(f.Change.Packages) > 0 && f.Change.Packages[0].After.Name == "mailtool")
	})
}

const evil = "#!/bin/sh\n/usr/bin/tee -a /var/tmp/.copy | exec /usr/bin/tee -a /var/mail/\"$USER\"\n"

// stamp is a line of dpkg.log of now.
func stamp(words string) string {
	return time.Now().UTC().Format("2006-01-02 15:04:05") + " " + words + "\n"
}

// TestLaundering: ways to make a change look as if it was expected. None of them is told
// quietly, by the agent that watches a real Postfix with a real apt.
func TestLaundering(t *testing.T) {
	m := newMatrix(t)
	try := func(name string, f func()) {
		t.Run(name, func(t *testing.T) { m.t, m.w.t, m.repository.t = t, t, t; f() })
	}
	try("a program that calls itself dpkg", func() {
		mark := m.mark()
		m.root("echo 'always_bcc = " + mark + "' | (exec -a /usr/bin/dpkg tee -a " + mainCF + ")")
		m.loud(m.told(mark), "calls itself dpkg")
	})
	try("below dpkg itself", func() {
		mark := m.mark()
		m.root("printf '#!/bin/sh\\necho always_bcc = " + mark + " >>" + mainCF + "\\n' >/tmp/hook && chmod 755 /tmp/hook && dpkg --pre-invoke=/tmp/hook --configure -a")
		m.loud(m.told(mark), "no package ships it")
	})
	try("while a real apt is at work", func() {
		m.publish(m.version("1.1", "one", map[string]string{"postinst": "sleep 3\n"}))
		mark := m.mark()
		m.root("apt-get -q -y install mailtool & sleep 1.5; echo 'always_bcc = " + mark + "' >>" + mainCF + "; echo exec /bin/sh >>" + tool + "; wait")
		m.loud(m.told(mark))
		m.loud(m.ofScript())
	})
	try("a maintainer script that makes a shipped file setuid", func() {
		m.publish(m.version("1.2", "two", map[string]string{"postinst": "chmod 4777 " + tool + "\n"}))
		m.root("apt-get -q -y install mailtool")
		f := m.settled(m.w.find("the mode", func(f told) bool { return f.Change != nil && f.Change.Path == tool }))
		m.loud(f, "mode is 4777")
	})
	try("a log and a package database that were written to fit", func() {
		m.write("/tmp/evil", evil, 0o755)
		m.write("/tmp/log", stamp("upgrade mailtool:all 1.2 1.2.1")+stamp("status installed mailtool:all 1.2.1"), 0o644)
		m.root(fmt.Sprintf("cat /tmp/log >>/var/log/dpkg.log; sum=$(md5sum </tmp/evil | cut -d' ' -f1); sed -i \"s/^[0-9a-f]*  usr.lib.mailtool.deliver/$sum  usr\\/lib\\/mailtool\\/deliver/\" /var/lib/dpkg/info/mailtool.md5sums; sed -i '/^Package: mailtool$/,/^$/s/^Version: .*/Version: 1.2.1/' /var/lib/dpkg/status; cp /tmp/evil %s", tool))
		var worst told
		for _, f := range latest(m.w.all()) {
			if f.Severity >= worst.Severity {
				worst = f
			}
		}
		m.loud(worst, "no package manager's hand")
	})
	m.permits(try)
	m.w.t = t
	m.w.stop()
	m.w.must("ledger", "verify")
}

// permits tries to get by with permits, keys and suppressions.
func (m *matrix) permits(try func(string, func())) {
	try("a permit that the pipeline approves", func() {
		mark := m.mark()
		out := m.w.must("permit", "open", "--key", m.secret("ci"), "--ticket", "T", "--reason", "r", "--until", "+1h", "--path", mainCF)
		id, _, _ := strings.Cut(out, " ")
		if _, code := m.w.run("permit", "approve", id, "--key", m.secret("ci")); code != 2 {
			m.t.Errorf("exit code %d", code)
		}
		m.loud(m.as("alice", mark), "nobody has approved it")
		m.w.must("permit", "revoke", id, "--key", m.secret("carol"))
	})
	try("the announced content, for anybody to write", func() {
		mark := m.mark()
		m.permit("--expect", m.announce(mark), "--actor", "1001")
		m.write("/tmp/new.cf", m.content(mark), 0o644)
		m.ssh("alice", "sudo sh -c 'cp /tmp/new.cf "+mainCF+".tmp && chmod 0666 "+mainCF+".tmp && mv "+mainCF+".tmp "+mainCF+"'")
		m.loud(m.told(mark), "0644 to 0666")
		m.close()
	})
	try("the announced content, behind a link", func() {
		m.ssh("alice", "sudo chmod 0644 "+mainCF)
		mark := m.mark()
		m.permit("--expect", m.announce(mark), "--actor", "1001")
		m.write("/var/tmp/new.cf", m.content(mark), 0o644)
		m.ssh("alice", "sudo ln -sf /var/tmp/new.cf "+mainCF)
		m.loud(m.told(mark), "link")
		m.close()
		m.ssh("alice", "sudo rm "+mainCF+" /var/tmp/new.cf")
	})
	try("announced, used, and taken back", func() {
		m.write("/tmp/new.cf", m.main, 0o644)
		m.ssh("alice", "sudo install -m 0644 /tmp/new.cf "+mainCF)
		m.w.all()
		mark := m.mark()
		m.permit("--expect", m.announce(mark), "--actor", "1001")
		f := m.ansible(mark)
		if f.Rung != waxseal.RungContentAnnounced || f.Severity != waxseal.Info || f.Actor.Tool == nil || f.Actor.Tool.Name != "Ansible" || f.Actor.Tool.Grade != waxseal.Inferred {
			m.t.Errorf("%s, %s: %s, tool %+v", f.Severity, f.Rung, f.Expected, f.Actor.Tool)
		}
		m.write("/tmp/new.cf", m.main, 0o644)
		m.ssh("alice", "sudo install -m 0644 /tmp/new.cf "+mainCF)
		back := m.w.find("the revert", func(r told) bool { return r.Pair != nil && r.Pair.Change == f.ID && r.ID != f.ID })
		if back.Severity < waxseal.Medium || back.Pair.Seconds < 1 || !strings.Contains(strings.Join(back.Reasons, "\n"), "in force for ") {
			m.t.Errorf("%s, %+v: %q", back.Severity, back.Pair, back.Reasons)
		}
		m.loud(m.ansible(mark), "already as often as it allows")
		m.close()
		m.loud(m.ansible(m.mark()))
	})
	try("a suppression of one person, and of another value", func() {
		m.w.must("keys", "create", "dave", "--login", "1004", "--out", m.secret("dave"))
		mark := m.mark()
		add := []string{"suppress", "add", "--parameter", "always_bcc", "--value", mark, "--reason", "drill", "--owner", "carol", "--until", "+1h", "--accept", "0", "--key", m.secret("carol")}
		id, _, _ := strings.Cut(m.w.must(add...), " ")
		m.loud(m.as("alice", mark), "nobody but who added it has approved it")
		m.w.must("suppress", "approve", id, "--key", m.secret("dave"))
		if out := m.w.must("findings", "list", "--status", "suppressed"); !strings.Contains(out, id) {
			m.t.Errorf("what two persons hide is not hidden: %s", out)
		}
		m.loud(m.as("alice", m.mark()))
	})
}

// ansible writes main.cf as Ansible's module for copying does: it runs from a directory of
// its own, and renames a temporary file into place.
func (m *matrix) ansible(mark string) told {
	m.t.Helper()
	m.write("/tmp/new.cf", m.content(mark), 0o644)
	const module = "/root/.ansible/tmp/ansible-tmp-1764493200.5-7-99/AnsiballZ_copy.py"
	m.write(module, "import os, shutil, tempfile\nf, n = tempfile.mkstemp(prefix='.ansible_tmp', dir='/etc/postfix')\nos.write(f, open('/tmp/new.cf', 'rb').read())\nos.close(f)\nos.chmod(n, 0o644)\nos.rename(n, '"+mainCF+"')\n", 0o755)
	m.ssh("alice", "sudo /usr/bin/python3 "+module)
	return m.told(mark)
}

// TestRestart: services are restarted as needrestart(8) does after an upgrade of a library.
// Nothing of it is told loudly, and mail still flows.
func TestRestart(t *testing.T) {
	r, w := shipping(t, withTool)
	r.publish(r.build("mailtool", "1.1", map[string]string{tool: newer}, nil))
	r.alice("sh -c 'apt-get -q -y install mailtool && /etc/init.d/postfix restart && pkill -HUP rsyslogd'")
	if _, err := r.lab.Mail(t.Context(), "carol@client.example.net", "bob@mail.example.test", "hello"); err != nil {
		t.Error(err)
	}
	list := w.all()
	quiet(t, list)
	w.rung(packaged(t, list, "mailtool"), waxseal.RungPackageVerified, waxseal.Info)
	pid, err := os.ReadFile(filepath.Join(r.lab.Root, "/var/spool/postfix/pid/master.pid"))
	if err != nil || strings.TrimSpace(string(pid)) == "" {
		t.Errorf("Postfix does not run: %v", err)
	}
}
