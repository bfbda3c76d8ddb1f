package mimedefang

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func readFiles(files map[string]string, starts ...mta.Start) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}, Starts: starts})
}

func told(files map[string]string) []string {
	list := []string{}
	for _, h := range readFiles(files).Hooks {
		if h.Kind == waxseal.KindScript {
			continue
		}
		s := fmt.Sprintf("%s %s %s %s %q %s", h.Directive, h.Kind, h.Target.Type, h.Target.Value, h.Scope, h.RunsAs)
		if m := h.Modifiers["marked"]; m != "" {
			s += " marked"
		}
		list = append(list, s)
	}
	return list
}

func TestHooks(t *testing.T) {
	const filter, defaults = string(filterFile), "/etc/default/mimedefang"
	for _, tc := range []struct {
		name, file, text string
		want             []string
	}{
		{"nothing", filter, "sub filter_end { md_graphdefang_log('mail_in') }\n1;\n", []string{}},
		{"recipients", filter, "sub filter_begin { add_recipient('drop@evil.example.net'); delete_recipient($_) for @Recipients; }",
			[]string{`mimedefang-filter copy address drop@evil.example.net "all mail that is handed to MIMEDefang" defang`, `mimedefang-filter redirect text delete_recipient($_) "all mail that is handed to MIMEDefang" defang`}},
		{"dropped", filter, "if ($FoundVirus) { action_discard() } action_discard() if $Sender =~ /a/;",
			[]string{`mimedefang-filter discard text action_discard() "all mail that is handed to MIMEDefang where $FoundVirus" defang marked`,
				`mimedefang-filter discard text action_discard() "all mail that is handed to MIMEDefang where $Sender =~ /a/" defang`}},
		{"dropped, and not only what is infected", filter, "if ($FoundVirus || 1) { action_discard() }", []string{`mimedefang-filter discard text action_discard() "all mail that is handed to MIMEDefang where $FoundVirus || 1" defang`}},
		{"headers", filter, "action_change_header('X-Spam-Score', 1); action_change_header('Reply-To', 'x@evil.example.net');",
			[]string{`mimedefang-filter rewrite text action_change_header('Reply-To', 'x@evil.example.net') "all mail that is handed to MIMEDefang" defang`}},
		{"commands", filter, "`cp INPUTMSG /tmp/x`; action_external_filter($entity, '/usr/local/bin/f');",
			[]string{`mimedefang-filter expansion_exec command cp INPUTMSG /tmp/x "all mail that is handed to MIMEDefang" defang`, `mimedefang-filter expansion_exec command /usr/local/bin/f "all mail that is handed to MIMEDefang" defang`}},
		{"administrator", filter, "$AdminAddress = 'a@evil.example.net';", []string{`AdminAddress redirect address a@evil.example.net "notices about mail in quarantine" `}},
		{"scanner", string(perlConf), "$Features{'Virus:NAI'} = '/tmp/uvscan'; $Features{'Path:QUARANTINEDIR'} = '/q';", []string{`Features pipe command /tmp/uvscan "all mail that is handed to MIMEDefang" defang`}},
		{"start", defaults, "MX_USER=root\nFILTER=/usr/local/bin/f\n", []string{`FILTER pipe command /usr/local/bin/f "all mail that is handed to MIMEDefang" root`, `User unit text root "all" root`}},
		{"start with words behind a value", defaults, "MX_BUSY='600 -f /tmp/evil -Uroot'\n", []string{`FILTER pipe command /tmp/evil "all mail that is handed to MIMEDefang" root`, `User unit text root "all" root`}},
		{"start without a user", defaults, "MX_USER=\n", []string{`User unit text root "all" root`}},
		{"start that asks another", defaults, "MD_EXTRA='-k -m /tmp/x.sock'\n", []string{`MX_SOCKET policy socket unix:/tmp/x.sock "all mail that is handed to MIMEDefang" `}},
		{"start that asks its own", defaults, "MX_SOCKET=/run/x.sock\n", []string{}},
		{"start that runs something", defaults, "MX_LOG=yes\ntouch /x\n", []string{`sourced expansion_exec command touch /x "all" root`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(map[string]string{tc.file: tc.text})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestStart(t *testing.T) {
	files := map[string]string{string(filterFile): "1;", "/etc/default/mimedefang": "SOCKET=inet:7777@127.0.0.1\nSUBFILTER=/etc/other-filter\n", "/etc/other-filter": "1;"}
	found := readFiles(files)
	if d := cmp.Diff([]string{"inet:127.0.0.1:7777"}, found.Services[0].Sockets); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]waxseal.Path{"/etc/default/mimedefang", "/etc/other-filter"}, found.Stacks[0].Config); d != "" {
		t.Error(d)
	}
	found = readFiles(map[string]string{string(filterFile): "1;"}, mta.Start{Argv: []string{"/usr/bin/mimedefang", "-p", "/run/md.sock", "-U", "x"}, Active: true})
	if s := found.Services[0]; s.User != "x" || len(s.Sockets) != 2 || s.Sockets[1] != "unix:/run/md.sock" {
		t.Errorf("%+v", s)
	}
}

// FuzzRead: no text makes the reader panic.
func FuzzRead(f *testing.F) {
	f.Add("if ($FoundVirus) { action_discard(); }", "SOCKET=inet:1@h\nMD_EXTRA=\"-p $X `id`\"\n")
	f.Add("$Features{'Virus:X'} = \"/x$y\"; $AdminAddress = 'a@b';", "export A=b; . /tmp/x")
	f.Fuzz(func(t *testing.T, filter, defaults string) {
		for _, h := range readFiles(map[string]string{string(filterFile): filter, string(perlConf): filter, "/etc/default/mimedefang": defaults}).Hooks {
			if h.ID == "" || h.Kind == "" || h.Target.Type == "" || h.Explain == "" {
				t.Errorf("%+v", h)
			}
		}
	})
}
