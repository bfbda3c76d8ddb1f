package others

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		remote := ""
		if h.Target.Remote {
			remote = " remote"
		}
		if why := h.Modifiers["inactive"]; why != "" {
			remote += " (" + why + ")"
		}
		fmt.Fprintf(&b, "%s %s %s:%d %s%s | %s\n", h.MTA, h.Kind, h.Directive, h.Source.Line, h.Target.Value, remote, h.Scope)
	}
	return b.String()
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		files  map[string]string
		links  map[string]string
		stacks []waxseal.Stack
		want   string
		system string
	}{
		{"none", map[string]string{"/etc/passwd": ""}, nil, nil, "", ""},
		{"qmail", map[string]string{
			"/var/qmail/control/me": "mail.example.test\n", "/var/qmail/control/locals": "example.test\n", "/var/qmail/control/smtproutes": ":203.0.113.9:26\nx.example:h\n",
			"/var/qmail/control/defaultdelivery": "./Maildir/\n", "/var/qmail/alias/.qmail-root": "&drop@evil.example.net\nalice\n", "/var/qmail/alias/.qmail-default": "| /tmp/x\n",
			"/home/alice/.qmail": "# c\n./Maildir/\n|/usr/bin/vacation alice\n", "/home/alice/.qmail-list": "bob@example.test\n",
			"/service/qmail-smtpd/run": "#!/bin/sh\nQMAILQUEUE=\"/tmp/q\"; export QMAILQUEUE\nexec tcpserver\n",
		}, nil, nil, "qmail relay smtproutes:1 [203.0.113.9]:26 remote | all mail that leaves\nqmail transport smtproutes:2 h remote | recipient domain x.example\n" +
			"qmail redirect line:1 ./Maildir/ | all mail for users without a .qmail file\n" +
			"qmail content_filter QMAILQUEUE:2 /tmp/q | all mail that comes in there\n" +
			"qmail pipe line:1 /tmp/x | all mail for unknown names\n" +
			"qmail copy line:1 drop@evil.example.net remote | recipient root\nqmail copy line:2 alice | recipient root\n" +
			"qmail redirect line:2 ~/Maildir | recipient alice\nqmail pipe line:3 /usr/bin/vacation alice | recipient alice\n" +
			"qmail redirect line:1 bob@example.test | recipient alice\n", "qmail"},
		{"a .qmail without qmail", map[string]string{"/home/alice/.qmail": "|/tmp/x\n"}, nil, []waxseal.Stack{{MTA: "postfix"}},
			"qmail pipe line:1 /tmp/x (no qmail is set up here) | recipient alice\n", ""},
		{"a .qmail of a partial tree", map[string]string{"/home/alice/.qmail": "|/tmp/x\n"}, nil, nil, "qmail pipe line:1 /tmp/x | recipient alice\n", ""},
		{"courier", map[string]string{
			"/etc/courier/courierd": "# c\nDEFAULTDELIVERY=\"./Maildir\"\nDEFAULTDELIVERY=\"| /usr/bin/maildrop\"\n", "/etc/courier/hosteddomains": "example.test",
			"/etc/courier/aliases/system": "root: drop@evil.example.net\n", "/etc/courier/esmtpauthclient": "h,25 user geheim\n", "/usr/lib/courier/filters/perlfilter": "x",
			"/home/alice/.courier": "| /tmp/x\n", "/home/alice/.courier-a": "!b@example.test\n",
		}, map[string]string{"/etc/courier/filters/active/p": "/usr/lib/courier/filters/perlfilter"}, nil,
			"courier content_filter filters/active:0 /usr/lib/courier/filters/perlfilter | all mail\n" +
				"courier pipe DEFAULTDELIVERY:3 /usr/bin/maildrop | all mail for users without a .courier file\n" +
				"courier redirect aliases:1 drop@evil.example.net remote | recipient root\n" +
				"courier pipe line:1 /tmp/x | recipient alice\ncourier redirect line:1 b@example.test | recipient alice\n", "courier"},
		{"Courier's IMAP server alone", map[string]string{"/etc/courier/imapd": "x"}, nil, nil, "", ""},
		{"cyrus", map[string]string{
			"/etc/cyrus.conf": "START {\n  recover cmd=\"/usr/sbin/cyrus ctl_cyrusdb -r\"\n  x cmd=\"/tmp/x\" # c\n}\nSERVICES {\n  imap cmd=\"imapd -U 30\" listen=\"imap\"\n  # y cmd=\"/tmp/y\"\n}\n",
			"/etc/imapd.conf": "configdirectory: /var/lib/cyrus\nsievedir: /srv/sieve\nsasl_mech: x\n", "/srv/sieve/a/alice/s.script": "keep;", "/srv/sieve/a/alice/s.bc": "x",
		}, nil, nil, "cyrus unit cmd:3 /tmp/x | all\n", "cyrus"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			objects := map[waxseal.Path]snapshot.Object{}
			for p, s := range tc.files {
				objects[waxseal.Path(p)] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(s)}
			}
			for p, to := range tc.links {
				objects[waxseal.Path(p)] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: to}}
			}
			r := Read(snapshot.New(objects), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, tc.stacks)
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			sealed(t, r, tc.system, tc.files)
		})
	}
}

// sealed: a system that is recognised is listed with its files, and said not to be
// understood; no password is told.
func sealed(t *testing.T, r mta.Result, system string, files map[string]string) {
	t.Helper()
	if system == "" {
		if len(r.Stacks) > 0 {
			t.Errorf("stacks %v", r.Stacks)
		}
		return
	}
	if len(r.Stacks) != 1 || string(r.Stacks[0].MTA) != system || len(r.Problems) == 0 || !strings.Contains(r.Problems[len(r.Problems)-1].Message, "not understood") {
		t.Errorf("stacks %v, problems %v", r.Stacks, r.Problems)
	}
	listed := map[string]waxseal.Role{}
	for _, p := range r.Parts {
		listed[string(p.Path)] = p.Role
	}
	for _, h := range r.Hooks {
		for _, p := range h.Closure {
			listed[string(p.Path)] = p.Role
		}
	}
	for p, text := range files {
		role, ok := listed[p]
		if !ok {
			t.Errorf("%s is not listed", p)
		}
		if strings.Contains(text, "geheim") && role != waxseal.RoleSecret {
			t.Errorf("%s holds a password and is kept as %s", p, role)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", r), "geheim") {
		t.Error("a password is told")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("|x\n&a@b\n./M/\n", "cmd=\"x\"", "sievedir: /x")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		r := Read(snapshot.Files(map[string]string{"/var/qmail/control/smtproutes": a, "/home/alice/.qmail": a, "/etc/courier/courierd": b, "/etc/courier/aliases/x": a, "/etc/cyrus.conf": b,
			"/etc/imapd.conf": c}), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, nil)
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}
