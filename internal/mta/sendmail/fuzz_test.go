package sendmail_test

import (
	"testing"

	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/snapshot"
)

// fuzzed are the files that a text can stand in.
var fuzzed = []string{"/etc/mail/sendmail.cf", "/etc/mail/submit.cf", "/etc/mail/sendmail.mc", "/etc/mail/access", "/etc/mail/mailertable", "/etc/mail/virtusertable", "/etc/aliases",
	"/etc/mail/sendmail.conf", "/etc/mail/Makefile", "/etc/mail/databases", "/home/alice/.forward", "/etc/mail/access.db", "/etc/hosts", "/etc/mail/bcctable"}

const fuzzConfiguration = small + "O AddBcc=true\nDAesmtp:[203.0.113.4]\nKaccess hash /etc/mail/access\nKmailertable hash /etc/mail/mailertable\nKvirtuser hash /etc/mail/virtusertable\nKbcctable hash /etc/mail/bcctable\n"

// FuzzRead: no text in any file makes the reader fail, and no hook is without name,
// scope or sentence.
func FuzzRead(f *testing.F) {
	f.Add(byte(0), small+lookup("a")+"DS$x\nX=\n")
	f.Add(byte(2), "include(`/usr/share/sendmail-cf/m4/cf.m4')FEATURE(`mailertable')define(`SMART_HOST', `x')\n")
	f.Add(byte(3), "From:a@b\tDISCARD\nTo:c\tERROR:5.7.1:550 no\nAuthInfo:x\t\"U:a\" \"P:b\"\n")
	f.Add(byte(4), "a.example\tesmtp:[1.2.3.4]\n.\tprocmail:/etc/x\nb\tlocal:c\n")
	f.Add(byte(5), "@a\t%1@b\nc@d\terror:nouser x\n")
	f.Add(byte(6), "a: b, |c, /d, :include:/etc/aliases\n\"x y\": \"|z\"\n")
	f.Add(byte(7), "A=\"b\nc\"\nB=$(id)\n. x\nDAEMON_PARMS=\"-C/etc/aliases -X/x\"\n")
	f.Add(byte(8), "all: x\n\t@id | sh\n\tmakemap hash a < b; \\\n\tx\n$(shell id):\n")
	f.Add(byte(10), "\\alice, \"|x\", ~/y, /z\n")
	f.Fuzz(func(t *testing.T, which byte, text string) {
		files := map[string]string{"/etc/mail/sendmail.cf": fuzzConfiguration + lookup("access", "mailertable", "virtuser", "bcctable"), "/etc/aliases": "a: b\n",
			"/etc/passwd": "alice:x:1000:1000::/home/alice:/bin/sh\n", "/etc/hostname": "mail\n"}
		files[fuzzed[int(which)%len(fuzzed)]] = text
		r := sendmail.Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{})
		seen := map[string]bool{}
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Scope == "" || h.Kind == "" || h.Stage == "" || h.Source.Path == "" || seen[string(h.ID)] {
				t.Fatalf("%+v", h)
			}
			seen[string(h.ID)] = true
			if !h.Active && h.Modifiers["inactive"] == "" {
				t.Fatalf("inert without a reason: %+v", h)
			}
		}
	})
}
