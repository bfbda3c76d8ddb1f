package correlate_test

import (
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/correlate"
)

const rogue = "inet:203.0.113.9:8891"

// changed is a finding about a milter, made at noon.
func changed(p waxseal.Path) *waxseal.Finding {
	hook := waxseal.Hook{Directive: "smtpd_milters", Active: true, Target: waxseal.Target{Type: waxseal.TargetSocket, Value: rogue}}
	return &waxseal.Finding{
		Seen:       noon,
		Change:     &waxseal.Change{Path: p, MTA: "postfix", Hooks: waxseal.HookChanges{Added: []waxseal.Hook{hook}}},
		Activation: []waxseal.Activation{{Stand: waxseal.Written, Time: noon, Grade: waxseal.Proven}},
	}
}

func daemon(name string, seconds float64) waxseal.Observation {
	e := started(900, 800, "/usr/lib/postfix/sbin/"+name, at(seconds), name)
	e.OfTree = true
	return waxseal.Observation{Time: e.Time, Sensor: "kaudit", Audit: &e}
}

func edit(o waxseal.Observation, change func(*waxseal.AuditEvent)) waxseal.Observation {
	e := *o.Audit
	change(&e)
	o.Audit = &e
	return o
}

func line(seconds float64, text string) waxseal.Observation {
	return waxseal.Observation{Time: at(seconds), Sensor: "tail", Log: &waxseal.LogLine{Path: "/var/log/mail.log", Text: "Nov 23 12:00:01 mail " + text}}
}

const (
	reload  = "postfix/master[800]: reload -- version 3.7.11, configuration /etc/postfix"
	start   = "postfix/master[800]: daemon started -- version 3.7.11, configuration /etc/postfix"
	taken   = "postfix/smtpd[900]: 4AB3B1C2D3: client=unknown[198.51.100.7]"
	through = "postfix/smtpd[900]: warning: connect to Milter service " + rogue + ": Connection refused"
)

// TestActivation: how far a change has come, and how that is known.
func TestActivation(t *testing.T) {
	const mainCF, masterCF = "/etc/postfix/main.cf", "/etc/postfix/master.cf"
	tests := []struct {
		name string
		path waxseal.Path
		seen []waxseal.Observation
		want []string // stand and grade of each step after "written"
	}{
		{"main.cf is read by a new smtpd", mainCF, []waxseal.Observation{daemon("smtpd", 1)}, []string{"loaded proven"}},
		{"master.cf is not", masterCF, []waxseal.Observation{daemon("smtpd", 1)}, nil},
		{"master.cf is read at a reload", masterCF, []waxseal.Observation{line(1, reload)}, []string{"loaded inferred"}},
		{"and at a start", masterCF, []waxseal.Observation{line(1, start)}, []string{"loaded inferred"}},
		{"a daemon that began before", mainCF, []waxseal.Observation{daemon("smtpd", -1)}, nil},
		{"a reload that came before", mainCF, []waxseal.Observation{line(-1, reload)}, nil},
		{"another tree's smtpd", mainCF, []waxseal.Observation{edit(daemon("smtpd", 1), func(e *waxseal.AuditEvent) { e.OfTree = false })}, nil},
		{"an smtpd that did not start", mainCF, []waxseal.Observation{edit(daemon("smtpd", 1), func(e *waxseal.AuditEvent) { e.Success = false })}, nil},
		{"another program", mainCF, []waxseal.Observation{daemon("postconf", 1)}, nil},
		{"a message before it was loaded", mainCF, []waxseal.Observation{line(1, taken)}, nil},
		{"a message after it was loaded", mainCF, []waxseal.Observation{daemon("smtpd", 1), line(2, taken)}, []string{"loaded proven", "exercised inferred"}},
		{"a message after a reload", masterCF, []waxseal.Observation{line(1, reload), line(2, taken)}, []string{"loaded inferred", "exercised inferred"}},
		{"a complaint about the milter", mainCF, []waxseal.Observation{line(1, through)}, []string{"exercised inferred"}},
		{"a complaint about another milter", mainCF, []waxseal.Observation{line(1, "postfix/smtpd[900]: warning: connect to Milter service inet:127.0.0.1:1: Connection refused")}, nil},
		{"only once each", mainCF, []waxseal.Observation{daemon("smtpd", 1), daemon("smtpd", 2), line(3, taken), line(4, taken), line(5, reload)}, []string{"loaded proven", "exercised inferred"}},
		{"another program's line", mainCF, []waxseal.Observation{line(1, "sendmail[5]: reload -- version 3.7.11, configuration /etc/postfix")}, nil},
		{"no log line", mainCF, []waxseal.Observation{{Time: at(1), Log: &waxseal.LogLine{Text: "\x00\xff"}}}, nil},
		{"nothing in it", mainCF, []waxseal.Observation{{Time: at(1)}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := changed(tt.path)
			steps := len(f.Activation)
			for _, o := range tt.seen {
				said := correlate.Activate(f, o)
				if grew := len(f.Activation) > steps; grew != said {
					t.Errorf("it says %v about news, and has %d steps", said, len(f.Activation))
				}
				steps = len(f.Activation)
			}
			var got []string
			for _, a := range f.Activation[1:] {
				got = append(got, string(a.Stand)+" "+string(a.Grade))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestActivationOfNothing: a finding without a change, or of another mail system.
func TestActivationOfNothing(t *testing.T) {
	other := changed("/etc/exim4/exim4.conf")
	other.Change.MTA = "exim"
	for _, f := range []*waxseal.Finding{{Seen: noon}, other} {
		if correlate.Activate(f, daemon("smtpd", 1)) {
			t.Errorf("activated: %+v", f)
		}
	}
}

// TestHeeds: of a log, what says nothing to anybody here is passed over.
func TestHeeds(t *testing.T) {
	const at = "Nov 23 08:03:24 mail "
	for text, want := range map[string]bool{
		at + "postfix/master[9]: reload -- version 3.7.11, configuration /etc/postfix":                           true,
		at + "postfix/master[9]: daemon started -- version 3.7.11, configuration /etc/postfix":                   true,
		at + "postfix/smtpd[99]: 9A6DAAEE937: client=unknown[127.0.0.1]":                                         true,
		at + "postfix/smtpd[99]: warning: connect to Milter service inet:127.0.0.1:8899: Connection refused":     true,
		at + "sshd[7]: Accepted publickey for alice from 198.51.100.7 port 4711 ssh2: ED25519 SHA256:abc":        true,
		at + "sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id":                    true,
		at + "postfix/smtpd[99]: connect from unknown[127.0.0.1]":                                                false,
		at + "postfix/qmgr[99]: 9A6DAAEE937: removed":                                                            false,
		at + "postfix/local[99]: 9A6DAAEE937: to=<bob@mail.example.test>, relay=local, status=sent (to maildir)": false,
		at + "sshd[7]: Connection closed by 198.51.100.7 port 4711":                                              false,
		"nothing": false,
	} {
		if correlate.Heeds(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
