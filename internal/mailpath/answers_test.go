package mailpath

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func hookOf(stack waxseal.StackName, kind waxseal.TargetType, target string, effects ...waxseal.Effect) waxseal.Hook {
	return waxseal.Hook{MTA: stack, Active: true, Target: waxseal.Target{Type: kind, Value: target}, Effects: effects, Directive: target}
}

// answered joins services with hooks and tells of each hook who answers it and whether
// it is in use.
func answered(stacks []waxseal.Stack, services []mta.Service, hooks ...waxseal.Hook) string {
	c := &closer{reader: NewReader(mask.New(nil)), tree: snapshot.Files(nil), files: map[waxseal.Path]waxseal.FileState{}, parts: map[waxseal.Path]waxseal.Part{}, inodes: map[stamp]program{}}
	found := mta.Result{Stacks: stacks, Services: services, Hooks: hooks}
	c.answers(&found)
	var said []string
	for _, h := range found.Hooks {
		who := "nobody"
		if h.Service != nil {
			who = h.Service.Title
		}
		said = append(said, fmt.Sprintf("%s: %s, %v", h.Directive, who, h.Active))
	}
	return strings.Join(said, "\n")
}

// TestAnswers: a service is found by any of its sockets in any spelling, by a program,
// and through another service; one that nothing leads to does nothing to mail, but its
// code runs.
func TestAnswers(t *testing.T) {
	postfix := []waxseal.Stack{{MTA: "postfix"}}
	dkim := mta.Service{Stack: "opendkim", Title: "OpenDKIM", Sockets: []string{"inet:127.0.0.1:8891", "unix:/var/spool/postfix/opendkim/o.sock"}}
	spamd := mta.Service{Stack: "spamassassin", Title: "SpamAssassin", Sockets: []string{"inet:127.0.0.1:783"}, Programs: []string{"spamc", "/usr/bin/spamassassin"}}
	amavis := mta.Service{Stack: "amavis", Title: "amavis", Sockets: []string{"inet:*:10024"}, Uses: []waxseal.StackName{"spamassassin"}}
	milter := mta.Service{Stack: "spamass-milter", Title: "spamass-milter", Sockets: []string{"unix:/run/spamass.sock"}}
	bcc := hookOf("opendkim", waxseal.TargetAddress, "a@b.example", waxseal.Copy)
	lua := hookOf("opendkim", waxseal.TargetCommand, "/x.lua", waxseal.Execute)
	stock := hookOf("opendkim", waxseal.TargetFile, "/x.so", waxseal.Execute)
	stock.Kind = waxseal.KindPlugin
	run := hookOf("opendkim", waxseal.TargetCommand, "/bin/id", waxseal.Execute)
	run.Kind, run.Closure = waxseal.KindExpansionExec, []waxseal.Part{{Path: "/bin/id", Role: waxseal.RoleBinary, PackageState: waxseal.PackageUnmodified}}
	post := hookOf("opendkim", waxseal.TargetSocket, "inet:203.0.113.9:80", waxseal.Copy)
	post.Modifiers = map[string]string{"seen": "inferred"}
	stock.Closure = []waxseal.Part{{Path: "/etc/x", Role: waxseal.RoleConfig, PackageState: waxseal.PackageModified}, {Path: "/x.so", Role: waxseal.RoleLibrary, Package: "opendkim", PackageState: waxseal.PackageModified}}
	rule := hookOf("spamassassin", waxseal.TargetText, "score", waxseal.Silence)
	tests := []struct {
		name, want string
		stacks     []waxseal.Stack
		services   []mta.Service
		hooks      []waxseal.Hook
	}{
		{"by port", "inet:localhost:8891: OpenDKIM, true\na@b.example: nobody, true", postfix, []mta.Service{dkim}, []waxseal.Hook{hookOf("postfix", waxseal.TargetSocket, "inet:localhost:8891"), bcc}},
		{"in the chroot", "unix:opendkim/o.sock: OpenDKIM, true\na@b.example: nobody, true", postfix, []mta.Service{dkim}, []waxseal.Hook{hookOf("postfix", waxseal.TargetSocket, "unix:opendkim/o.sock"), bcc}},
		{"elsewhere", "inet:localhost:8892: nobody, true\na@b.example: nobody, false\n/x.lua: nobody, true\n/x.so: nobody, false\n/bin/id: nobody, true\ninet:203.0.113.9:80: nobody, true", postfix, []mta.Service{dkim}, []waxseal.Hook{hookOf("postfix", waxseal.TargetSocket, "inet:localhost:8892"), bcc, lua, stock, run, post}},
		{"a part of a host", "a@b.example: nobody, true", nil, []mta.Service{dkim}, []waxseal.Hook{bcc}},
		{"by a program", "/usr/bin/spamc -u x: SpamAssassin, true\nscore: nobody, true", postfix, []mta.Service{spamd}, []waxseal.Hook{hookOf("postfix", waxseal.TargetCommand, "/usr/bin/spamc -u x"), rule}},
		{"by another program of that name", "/opt/spamassassin: nobody, true\nscore: nobody, false", postfix, []mta.Service{spamd}, []waxseal.Hook{hookOf("postfix", waxseal.TargetCommand, "/opt/spamassassin"), rule}},
		{"inside another", "smtp:[127.0.0.1]:10024: amavis, true\nscore: nobody, true", postfix, []mta.Service{amavis, spamd}, []waxseal.Hook{hookOf("postfix", waxseal.TargetHost, "smtp:[127.0.0.1]:10024"), rule}},
		{"handed on", "unix:/var/run/spamass.sock: spamass-milter, true\ninet:127.0.0.1:783: SpamAssassin, true\nscore: nobody, true", postfix, []mta.Service{milter, spamd},
			[]waxseal.Hook{hookOf("postfix", waxseal.TargetSocket, "unix:/var/run/spamass.sock"), hookOf("spamass-milter", waxseal.TargetSocket, "inet:127.0.0.1:783"), rule}},
		{"only by one at rest", "inet:127.0.0.1:783: SpamAssassin, false\nscore: nobody, false", postfix, []mta.Service{milter, spamd}, []waxseal.Hook{hookOf("spamass-milter", waxseal.TargetSocket, "inet:127.0.0.1:783"), rule}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := answered(tt.stacks, tt.services, tt.hooks...); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
