package detect_test

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestPersonal: what a change weighs if the owner of the mailbox made it, beside what it
// weighs unexplained.
func TestPersonal(t *testing.T) {
	const sieve = "require [\"fileinto\", \"copy\", \"vacation\", \"imap4flags\"];\n"
	for _, tc := range []struct {
		name, path, before, after string
		box                       string
		unexplained, own          waxseal.Severity
		foreign                   string
	}{
		{"a forward", "/home/alice/.forward", "", "\\alice, me@mail.example.net\n", "alice", waxseal.High, waxseal.Low, "me@mail.example.net"},
		{"a forward is gone", "/home/alice/.forward", "me@mail.example.net\n", "", "alice", waxseal.Low, waxseal.Low, ""},
		{"a program", "/home/alice/.forward", "", "\"|/home/alice/x\"\n", "alice", waxseal.High, waxseal.High, ""},
		{"a program in /tmp", "/home/alice/.forward", "", "\"|/tmp/.x\"\n", "alice", waxseal.Critical, waxseal.Critical, ""},
		{"a copy by Sieve", "/home/alice/.dovecot.sieve", "", sieve + "redirect :copy \"me@mail.example.net\";\n", "alice", waxseal.High, waxseal.Low, "me@mail.example.net"},
		{"a vacation", "/home/alice/.dovecot.sieve", "", sieve + "vacation \"away\";\n", "alice", waxseal.Low, waxseal.Low, ""},
		{"one sender thrown away", "/home/alice/.dovecot.sieve", "", sieve + "if address \"from\" \"ads@shop.example\" { discard; }\n", "alice", waxseal.High, waxseal.Low, ""},
		{"all thrown away", "/home/alice/.dovecot.sieve", "", sieve + "discard;\n", "alice", waxseal.High, waxseal.High, ""},
		{"warnings hidden", "/home/alice/.dovecot.sieve", "", sieve + "if header :contains \"subject\" \"password\" { fileinto \"Trash\"; }\n", "alice", waxseal.High, waxseal.High, ""},
		{"invoices marked as read", "/home/alice/.dovecot.sieve", "", sieve + "if header :contains \"subject\" \"invoice\" { addflag \"\\\\Seen\"; keep; }\n", "alice", waxseal.High, waxseal.High, ""},
		{"an alias", "/etc/aliases", "", "alice: me@mail.example.net\n", "alice", waxseal.High, waxseal.Low, "me@mail.example.net"},
		{"two aliases", "/etc/aliases", "", "alice: me@mail.example.net\nbob: alice\n", "", waxseal.High, 0, ""},
		{"a setting", "/etc/postfix/main.cf", "", "message_size_limit = 1\n", "", waxseal.Info, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			state := func(text string) waxseal.State {
				files := map[waxseal.Path]snapshot.Object{}
				put := func(p waxseal.Path, uid uint32, text string) {
					files[p] = snapshot.Object{File: waxseal.File{Mode: 0o644, UID: uid, GID: uid}, Content: []byte(text)}
				}
				put("/etc/passwd", 0, "alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n")
				put("/etc/aliases", 0, "")
				put("/etc/postfix/main.cf", 0, "mydestination = example.test\nalias_maps = hash:/etc/aliases\n")
				put("/etc/dovecot/dovecot.conf", 0, "protocols = imap lmtp\nmail_location = maildir:~/Maildir\nuserdb {\n  driver = passwd\n}\nprotocol lmtp {\n  mail_plugins = sieve\n}\n")
				files["/home/alice"] = snapshot.Object{File: waxseal.File{Type: waxseal.Directory, Mode: 0o755, UID: 1000, GID: 1000}}
				if p := waxseal.Path(tc.path); text != "" && strings.HasPrefix(tc.path, "/home/") {
					put(p, 1000, text)
				} else if text != "" {
					put(p, 0, string(files[p].Content)+text)
				}
				return mailpath.NewReader(mask.New([]byte("k"))).Read(snapshot.New(files))
			}
			was, now := state(tc.before), state(tc.after)
			judge := detect.NewContext(was, now)
			for _, ch := range drift.Compare(was, now) {
				if ch.Path != waxseal.Path(tc.path) {
					continue
				}
				judge.Judge(&ch)
				p := waxseal.Personal{}
				if ch.Personal != nil {
					p = *ch.Personal
				}
				if ch.Severity != tc.unexplained || p.Mailbox != tc.box || p.Severity != tc.own || strings.Join(p.Foreign, " ") != tc.foreign {
					t.Errorf("unexplained %s, and by its owner %+v\n%q", ch.Severity, p, ch.Reasons)
				}
				return
			}
			t.Error("nothing changed")
		})
	}
}
