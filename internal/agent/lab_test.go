package agent_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/sensor/kaudit"
)

// TestFiveHands makes the same change to a real Postfix in five ways, each by
// alice, who came in by ssh and used sudo; each is found, with her as the hand.
func TestFiveHands(t *testing.T) {
	l := lab.Fresh(t)
	h := host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
	h.must("seal")
	w := h.watch()
	const file = "/etc/postfix/main.cf"
	for _, tc := range []struct{ name, target, command, exe string }{
		{"temporary file and rename", "inet:203.0.113.9:8801",
			"sudo sh -c '(cat " + file + "; echo smtpd_milters = inet:203.0.113.9:8801) > " + file + ".tmp && mv " + file + ".tmp " + file + "'", "mv"},
		{"sed -i", "inet:203.0.113.9:8802", "sudo sed -i s/:8801/:8802/ " + file, "sed"},
		{"append", "inet:203.0.113.9:8803", "echo smtpd_milters = inet:203.0.113.9:8803 | sudo tee -a " + file, "tee"},
		{"postconf -e", "inet:203.0.113.9:8804", "sudo postconf -e smtpd_milters=inet:203.0.113.9:8804", "postconf"},
		{"python in place", "inet:203.0.113.9:8805",
			`sudo python3 -c "f=open('` + file + `','r+');s=f.read();f.seek(0);f.write(s.replace(':8804',':8805'));f.truncate()"`, "python3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.t = t
			if out, err := l.SSH(t.Context(), "alice", "", tc.command); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			f := w.find(tc.target, func(f told) bool {
				return f.Rule == "mail-milter" && f.Change != nil && hands(f, tc.target)
			})
			if f.Severity != waxseal.Critical {
				t.Errorf("severity %s, reasons %q", f.Severity, f.Reasons)
			}
			if f.Actor.Process.Grade != waxseal.Proven { // audit was slower than the agent's patience
				f = w.find("audit's proof for "+string(f.ID), func(n told) bool { return n.ID == f.ID && n.Actor.Process.Grade == waxseal.Proven })
			}
			checkAlice(t, f.Actor, tc.exe, l)
		})
	}
	w.t = t
	w.stop()
	h.must("ledger", "verify")
	if left := kaudit.Leftovers("waxseal"); len(left) > 0 {
		t.Errorf("audit rules are left: %q", left)
	}
}

// hands reports whether the finding is about a milter at the target.
func hands(f told, target string) bool {
	is := func(h waxseal.Hook) bool { return h.Target.Value == target }
	return slices.ContainsFunc(f.Change.Hooks.Added, is) ||
		slices.ContainsFunc(f.Change.Hooks.Changed, func(c waxseal.HookChange) bool { return is(c.After) })
}

func checkAlice(t *testing.T, a *waxseal.Actor, exe string, l *lab.Lab) {
	t.Helper()
	if a == nil {
		t.Fatal("no actor")
	}
	if base := filepath.Base(a.Process.Exe); !strings.HasPrefix(base, exe) || a.Process.Grade != waxseal.Proven || a.Process.EUID != 0 {
		t.Errorf("process %+v, want %s as root, proven", a.Process, exe)
	}
	if a.Login.Name != "alice" || a.Login.UID != 1001 || a.Login.Session == waxseal.Unset || a.Login.Grade != waxseal.Proven {
		t.Errorf("login %+v, want alice, proven", a.Login)
	}
	if a.Origin.Kind != waxseal.OriginSSH || a.Origin.Address != lab.AttackerAddr || a.Origin.Grade == waxseal.Unknown {
		t.Errorf("origin %+v, want ssh from %s", a.Origin, lab.AttackerAddr)
	}
	if a.Origin.Key != l.AliceKey || a.Origin.Method != "publickey" || a.Origin.KeyGrade != waxseal.Inferred {
		t.Errorf("origin %+v, want the key %s, inferred from the log", a.Origin, l.AliceKey)
	}
	if a.Sudo == nil || a.Sudo.UID != 1001 {
		t.Errorf("sudo %+v, want called by 1001", a.Sudo)
	}
	if !slices.ContainsFunc(a.Ancestors, func(p waxseal.Process) bool { return strings.Contains(p.Exe, "sshd") }) {
		t.Errorf("no sshd among the ancestors: %+v", a.Ancestors)
	}
}

// TestActivation follows a milter from the file to the first message.
func TestActivation(t *testing.T) {
	l := lab.Fresh(t)
	milter, err := l.Milter("")
	if err != nil {
		t.Fatal(err)
	}
	h := host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
	h.must("seal")
	w := h.watch()
	if _, err := l.SSH(t.Context(), "alice", "", "sudo postconf -e smtpd_milters=inet:"+lab.RogueMilter); err != nil {
		t.Fatal(err)
	}
	f := w.find("the milter", isNew("mail-milter"))
	if len(f.Activation) != 1 || f.Activation[0].Stand != waxseal.Written {
		t.Errorf("before a reload: %+v", f.Activation)
	}
	if _, err := l.SSH(t.Context(), "alice", "", "sudo postfix reload"); err != nil {
		t.Fatal(err)
	}
	w.find("loaded", stands(f.ID, waxseal.Loaded))
	if _, err := l.Mail(t.Context(), "carol@client.example.net", "bob@mail.example.test", "hello"); err != nil {
		t.Fatal(err)
	}
	f = w.find("exercised", stands(f.ID, waxseal.Exercised))
	if milter.Messages() != 1 {
		t.Errorf("the milter saw %d messages", milter.Messages())
	}
	out := h.must("findings", "show", string(f.ID))
	for _, want := range []string{"written", "loaded", "exercised", "who is alice", lab.AttackerAddr, "checkpoint "} {
		if !strings.Contains(out, want) {
			t.Errorf("findings show does not say %q:\n%s", want, out)
		}
	}
	if _, code := h.run("seal"); code != 1 {
		t.Errorf("seal beside an open finding: exit code %d, want 1", code)
	}
	h.must("findings", "ack", string(f.ID), "--note", "it was a test")
	if _, code := h.run("seal"); code != 1 {
		t.Errorf("seal beside a finding that was only looked at: exit code %d, want 1", code)
	}
	h.must("seal", "--promote", string(f.ID), "--reason", "it was a test") // by the running agent
	w.stop()
	h.must("ledger", "verify")
}

func stands(id waxseal.FindingID, s waxseal.Stand) func(told) bool {
	return func(f told) bool {
		return f.ID == id && slices.ContainsFunc(f.Activation, func(a waxseal.Activation) bool { return a.Stand == s })
	}
}
