package logline

import (
	"regexp"
	"strconv"
	"testing"
)

// header is the form of a line, in one expression, which is too slow for every line of a
// busy server.
var header = regexp.MustCompile(`^(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) \S+ ([^\s\[:]+)(?:\[(\d+)\])?: (.*)$`)

func FuzzLine(f *testing.F) {
	for _, text := range []string{
		"Nov 23 08:03:23 mail postfix/master[30919]: reload", "Nov  3 08:03:23 mail sudo: x", "2026-11-23T08:03:23.123456+00:00 m a[1]: b",
		"2026-11-23T08:03:23Z m a[1]: ", "Nov 23 08:03:23 m a[1x]: b", "Nov 23 08:03:23 m [1]: b", "Nov 23 08:03:23 m a[]: b", "Nov 23 08:03:23  a: b",
		"Nov 23 08:03:23 m a:b", "Nov 23 08:03:23 m a: b\n", "Nov 23 08:03:23 m a[99999999999999999999]: b", "Nov 23 08:03:23", "2026-11-23T+00:00 m a: b", "Nov 23 08:03:23 m\ta: b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want Line
		g := header.FindStringSubmatch(text)
		if g != nil {
			pid, _ := strconv.Atoi(g[2])
			want = Line{Program: g[1], PID: pid, Message: g[3]}
		}
		if got, ok := Parse(text); got != want && ok || ok != (g != nil) {
			t.Errorf("%q: %+v %v, want %+v", text, got, ok, want)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		Parse("Nov 23 08:03:24 mail postfix/submission/smtpd[99]: 9A6DAAEE937: client=unknown[127.0.0.1], sasl_method=PLAIN")
	}
}

// The lines were logged by Postfix 3.7.11 and OpenSSH 9.2 on Debian 12.
func TestPostfix(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       Postfix
	}{
		{"reload", "Nov 23 08:03:23 mail postfix/master[30919]: reload -- version 3.7.11, configuration /etc/postfix",
			Postfix{Daemon: "master", Reloaded: true, Config: "/etc/postfix"}},
		{"start", "2026-11-23T08:03:23.123456+00:00 mail postfix/master[30919]: daemon started -- version 3.7.11, configuration /etc/postfix",
			Postfix{Daemon: "master", Started: true, Config: "/etc/postfix"}},
		{"client", "Nov 23 08:03:24 mail postfix/smtpd[99]: 9A6DAAEE937: client=unknown[127.0.0.1]",
			Postfix{Daemon: "smtpd", QueueID: "9A6DAAEE937", Client: "unknown[127.0.0.1]"}},
		{"submission", "Nov 23 08:03:24 mail postfix/submission/smtpd[99]: 9A6DAAEE937: client=unknown[127.0.0.1], sasl_method=PLAIN",
			Postfix{Daemon: "smtpd", QueueID: "9A6DAAEE937", Client: "unknown[127.0.0.1], sasl_method=PLAIN"}},
		{"pickup", "Nov 23 08:03:30 mail postfix/pickup[87]: 2C9B5AEE988: uid=0 from=<root>",
			Postfix{Daemon: "pickup", QueueID: "2C9B5AEE988", Client: "local submission"}},
		{"milter down", "Nov  3 08:03:24 mail postfix/smtpd[99]: warning: connect to Milter service inet:127.0.0.1:8899: Connection refused",
			Postfix{Daemon: "smtpd", Milter: "inet:127.0.0.1:8899", Warning: "connect to Milter service inet:127.0.0.1:8899: Connection refused"}},
		{"milter broken", "Nov 23 08:03:24 mail postfix/smtpd[99]: warning: milter inet:127.0.0.1:9955: can't read SMFIC_OPTNEG reply packet header: Connection reset by peer",
			Postfix{Daemon: "smtpd", Milter: "inet:127.0.0.1:9955", Warning: "milter inet:127.0.0.1:9955: can't read SMFIC_OPTNEG reply packet header: Connection reset by peer"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, ok := Parse(tc.text)
			if !ok {
				t.Fatal("not parsed")
			}
			if got, ok := ParsePostfix(l); !ok || got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	l, ok := Parse("2026-11-23T08:03:23.1+00:00 mail sshd[99]: Accepted publickey for alice from 198.51.100.7 port 40112 ssh2: ED25519 SHA256:abc/def")
	if !ok {
		t.Fatal("not parsed")
	}
	got, ok := ParseAccepted(l)
	want := Accepted{"publickey", "alice", "198.51.100.7", 40112, "SHA256:abc/def", ""}
	if !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	card := Line{Program: "sshd", Message: "Accepted publickey for alice from 198.51.100.7 port 1 ssh2: ED25519-CERT SHA256:abc ID alice laptop (serial 7) CA ED25519 SHA256:def"}
	if got, ok := ParseAccepted(card); !ok || got.Key != "SHA256:abc" || got.Certificate != "alice laptop (serial 7) CA ED25519 SHA256:def" {
		t.Errorf("a certificate: %+v, %v", got, ok)
	}
	if _, ok := ParseAccepted(Line{Program: "evil", Message: l.Message}); ok {
		t.Error("a line of another program was taken for sshd's")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Nov 23 08:03:24 mail postfix/smtpd[99]: warning: milter inet:1:2: x")
	f.Add("Nov 23 08:03:24 mail sshd[99]: Accepted password for a from ::1 port 1 ssh2")
	f.Fuzz(func(t *testing.T, text string) {
		if l, ok := Parse(text); ok {
			ParsePostfix(l)
			ParseAccepted(l)
		}
	})
}
