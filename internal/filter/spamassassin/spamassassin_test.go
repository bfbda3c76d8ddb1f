package spamassassin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func read(files map[string]string, starts ...mta.Start) mta.Result {
	if files["/etc/spamassassin/init.pre"] == "" {
		files["/etc/spamassassin/init.pre"] = "# nothing\n"
	}
	return Read(snapshot.Files(files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}, Starts: starts})
}

// told writes hooks on one line each.
func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		fmt.Fprintf(&b, "%s %s %s %s", h.Directive, h.Kind, h.Target.Type, h.Target.Value)
		for _, m := range []string{"lets_pass", "hosts", "inactive"} {
			if v := h.Modifiers[m]; v != "" {
				fmt.Fprintf(&b, " %s=%s", m, v)
			}
		}
		if h.Target.Remote {
			b.WriteString(" remote")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestHooks(t *testing.T) {
	cases := []struct {
		name, local, want string
		more              map[string]string
	}{
		{name: "nothing but settings", local: "rewrite_header Subject [SPAM]\nrequired_score 4.5\nwhitelist_from *@example.test partner@other.example\nscore BAYES_99 4.5\nadd_header all X-A b\nreport_safe 0\n"},
		{name: "code by a relative path", local: "loadplugin Own::A a.pm\n", want: "loadplugin plugin file /etc/spamassassin/a.pm\nloadplugin script file /etc/spamassassin/a.pm\n", more: map[string]string{"/etc/spamassassin/a.pm": "1;\n"}},
		{name: "everybody is welcome", local: "welcomelist_from *\n", want: "welcomelist_from rewrite text * lets_pass=all\n"},
		{name: "everybody at last is not", local: "welcomelist_from * a@b\nunwelcomelist_from *\n"},
		{name: "a top-level domain, a provider", local: "whitelist_from *.com *@gmail.com *@partner.example\n", want: "welcomelist_from rewrite text *.com lets_pass=some\nwelcomelist_from rewrite text *@gmail.com lets_pass=some\n"},
		{name: "all recipients", local: "all_spam_to *@example.test\nmore_spam_to postmaster@example.test\nwelcomelist_to *\n", want: "all_spam_to rewrite text *@example.test lets_pass=some\nwelcomelist_to rewrite text * lets_pass=all\n"},
		{name: "a score out of reach", local: "required_score 999\n", want: "required_score rewrite text 999 lets_pass=all\n"},
		{name: "the last valid score counts", local: "required_score 999\nrequired_score 5\nrequired_score many\n"},
		{name: "all is spam", local: "required_score 0\n", want: "required_score rewrite text 0 lets_pass=all\n"},
		{name: "networks", local: "trusted_networks 10/8 192.168.1 0.0.0.0/0\ninternal_networks 128.0.0.0/1\nmsa_networks ::/0\n", want: "trusted_networks rewrite text 0.0.0.0/0 lets_pass=all\ninternal_networks rewrite text 128.0.0.0/1 lets_pass=all\nmsa_networks rewrite text ::/0 lets_pass=all\n"},
		{name: "networks taken back", local: "trusted_networks 0/0\nclear_trusted_networks\n"},
		{name: "tests switched off", local: "use_bayes 0\nskip_rbl_checks 1\ndns_available no\nuse_razor2 1\n", want: "dns_available rewrite text no lets_pass=some\nskip_rbl_checks rewrite text 1 lets_pass=some\nuse_bayes rewrite text 0 lets_pass=some\n"},
		{name: "a rule that fits all", local: "header A From =~ /./\nscore A -100\nbody B /viagra/\nscore B -50\nmeta C (1)\nscore C -99\nheader D exists:Subject\nscore D -30\nheader E From =~ /partner/\nscore E -5\n",
			want: "score rewrite text A -100 lets_pass=all\nscore rewrite text B -50 lets_pass=some\nscore rewrite text C -99 lets_pass=all\nscore rewrite text D -30 lets_pass=all\n"},
		{name: "shortcircuit", local: "body A /.*/\nshortcircuit A ham\nshortcircuit USER_IN_WELCOMELIST on\n", want: "shortcircuit rewrite text A ham lets_pass=all\n"},
		{name: "no mark is left", local: "clear_headers\n", want: "clear_headers rewrite text  lets_pass=some\n"},
		{name: "other marks", local: "clear_headers\nadd_header spam Flag _YESNOCAPS_\n"},
		{name: "reports go elsewhere", local: "spamcop_to_address box@evil.example.net\nspamcop_relayhost mx.evil.example.net\n", want: "spamcop_to_address copy address box@evil.example.net remote\nspamcop_relayhost relay host [mx.evil.example.net] remote\n"},
		{name: "reports go to SpamCop", local: "spamcop_to_address submit.x@spam.spamcop.net\n"},
		{name: "programs", local: "pyzor_path /usr/local/bin/pyzor\nextracttext_external pdf {A=b} /usr/bin/pdftotext {} -\ndcc_home /opt/dcc\n", want: "pyzor_path pipe command /usr/local/bin/pyzor\nextracttext_external pipe command /usr/bin/pdftotext {} -\ndcc_home pipe command /opt/dcc/bin/dccproc\n"},
		{name: "a daemon that is asked", local: "dcc_dccifd_path 203.0.113.9:10045\n", want: "dcc_dccifd_path policy socket inet:203.0.113.9:10045 remote\n"},
		{name: "databases", local: "bayes_sql_dsn DBI:mysql:sa:db.evil.example.net:3306\nuser_scores_dsn ldap://localhost/o=x?a?sub?uid=__USERNAME__\nuser_awl_dsn DBI:Pg:dbname=sa;host=10.0.0.7\n",
			want: "bayes_sql_dsn map table DBI:mysql:sa:db.evil.example.net:3306 hosts=db.evil.example.net remote\nuser_scores_dsn map table ldap://localhost/o=x?a?sub?uid=__USERNAME__ hosts=localhost\nuser_awl_dsn map table DBI:Pg:dbname=sa;host=10.0.0.7 hosts=10.0.0.7 remote\n"},
		{name: "names and lists", local: "dns_server 203.0.113.53\nheader R eval:check_rbl('x', 'bl.example.net.')\nurirhssub U uri.example.net. A 2\n", want: "dns_server hosts text nameserver 203.0.113.53 remote\nheader map table dns:bl.example.net hosts=localhost\nurirhssub map table dns:uri.example.net hosts=localhost\n"},
		{name: "a header people answer to", local: "rewrite_header From box@evil.example.net\n", want: "rewrite_header rewrite text box@evil.example.net\n"},
		{name: "modules for what is learned", local: "bayes_store_module Mail::SpamAssassin::BayesStore::Redis\nauto_whitelist_factory Own::List\n", want: "auto_welcomelist_factory plugin file /usr/share/perl5/Own/List.pm\n"},
		{name: "the client", more: map[string]string{"/etc/spamassassin/spamc.conf": "# -d x\n-d spam.evil.example.net,10.0.0.7 -p 1783\n"}, want: "-d policy socket inet:spam.evil.example.net:1783 remote\n-d policy socket inet:10.0.0.7:1783 remote\n"},
		{name: "a user's file", more: map[string]string{"/home/alice/.spamassassin/user_prefs": "loadplugin A /opt/a.pm\nwhitelist_from *\n"}, want: "loadplugin plugin file /opt/a.pm\nwelcomelist_from rewrite text * lets_pass=some\n"},
		{name: "rules of others are looked through", more: map[string]string{"/usr/share/spamassassin/10.cf": "required_score 5\nloadplugin A /opt/a.pm\nwelcomelist_from *\ndef_welcomelist_from_rcvd *@x.com x.com\n"}, want: "loadplugin plugin file /opt/a.pm\nwelcomelist_from rewrite text * lets_pass=all\n"},
		{name: "an empty directory of updates hides all rules", more: map[string]string{"/var/lib/spamassassin/4.000001/readme": "", "/usr/share/spamassassin/10.cf": "body A /x/\n"}, want: "rules rewrite text /var/lib/spamassassin/4.000001 lets_pass=all\n"},
		{name: "a channel of updates", more: map[string]string{"/var/lib/spamassassin/4.000001/updates_spamassassin_org.cf": "include updates_spamassassin_org/10.cf\n", "/var/lib/spamassassin/4.000001/updates_spamassassin_org/10.cf": "body A /x/\n"}},
		{name: "spamass-milter", more: map[string]string{"/etc/default/spamass-milter": "OPTIONS=\"-u x -i 127.0.0.1\"\nOPTIONS=\"${OPTIONS} -b box@evil.example.net -i 0.0.0.0/0 -- -d 203.0.113.9\"\n"},
			want: "-b redirect address box@evil.example.net remote\n-i rewrite text 0.0.0.0/0 lets_pass=all\n-d policy socket inet:203.0.113.9:783 remote\n"},
		{name: "sa-exim", more: map[string]string{"/etc/exim4/sa-exim.conf": "SAEximRunCond: 1\nSAspamcpath: /usr/bin/spamc\nSAspamcHost: 203.0.113.9\nSAnotspamsave: /var/tmp/x\nSAnotspamSavCond: 1\nSApermrejectsave: /var/spool/sa-exim/x\n"},
			want: "SAspamcpath pipe command /usr/bin/spamc\n-d policy socket inet:203.0.113.9:783 remote\nSAnotspamsave copy file /var/tmp/x\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/spamassassin/local.cf": tc.local}
			for name, text := range tc.more {
				files[name] = text
			}
			if diff := cmp.Diff(tc.want, told(read(files))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCompiledRules: code that sa-compile(1p) made is what its plug-in depends on.
func TestCompiledRules(t *testing.T) {
	const library = "/var/lib/spamassassin/compiled/5.036/4.000001/auto/Mail/SpamAssassin/CompiledRegexps/body_0/body_0.so"
	r := read(map[string]string{"/etc/spamassassin/local.cf": "loadplugin Mail::SpamAssassin::Plugin::Rule2XSBody\n", library: "x"})
	if h := r.Hooks[0]; len(h.Closure) != 2 || h.Closure[1].Path != library {
		t.Errorf("%+v", h.Closure)
	}
}

func TestSettings(t *testing.T) {
	settings := func(local string) map[string]string {
		set := map[string]string{}
		for _, s := range read(map[string]string{"/etc/spamassassin/local.cf": local}).Settings {
			set[s.Name] = s.Value
		}
		return set
	}
	cases := []struct{ name, before, after string }{
		{"comments and white space", "required_score 5\nwhitelist_from a@b\n", "# x\n  Required-Hits   5\n\nwelcomelist_from a@b # y\n"},
		{"independent lines in another order", "use_bayes 1\nwhitelist_from a@b\nwhitelist_from c@d\nscore X 1\n", "score X 1\nwhitelist_from c@d\nwhitelist_from a@b\nuse_bayes 1\n"},
		{"a line that a later one overrules", "required_score 5\n", "required_score 9\nrequired_score 5\n"},
	}
	for _, tc := range cases {
		if diff := cmp.Diff(settings(tc.before), settings(tc.after)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	if cmp.Equal(settings("body A /x/\nscore A 1\n"), settings("body A /y/\nscore A 1\n")) {
		t.Error("a rule with another test is the same")
	}
	secret := read(map[string]string{"/etc/spamassassin/local.cf": "bayes_sql_password hunter2\n"})
	for _, p := range secret.Parts {
		if p.Path == "/etc/spamassassin/local.cf" && p.Role != waxseal.RoleSecret {
			t.Errorf("a file with a password is a %s", p.Role)
		}
	}
	for _, s := range secret.Settings {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows the password", s.Name)
		}
	}
}

func TestServices(t *testing.T) {
	start := func(argv ...string) mta.Start {
		return mta.Start{Argv: argv, Why: "spamd.service", Source: waxseal.Source{Path: "/lib/systemd/system/spamd.service", Line: 7}, Active: true}
	}
	cases := []struct {
		name   string
		starts []mta.Start
		files  map[string]string
		want   string
	}{
		{"as it comes", []mta.Start{start("/usr/sbin/spamd", "--pidfile=/run/spamd.pid", "--create-prefs")}, nil, "spamassassin inet:127.0.0.1:783 inet:[::1]:783"},
		{"sockets", []mta.Start{start("spamd", "-xi", "10.0.0.1:784", "--listen=/run/spamd.sock", "-p", "785", "--listen", "*")}, nil, "spamassassin inet:10.0.0.1:784 unix:/run/spamd.sock inet:0.0.0.0:785"},
		{"a path, and a user", []mta.Start{start("spamd", "--socketpath=/run/s", "-udebian-spamd")}, nil, "spamassassin(debian-spamd) unix:/run/s"},
		{"defaults alone", nil, map[string]string{"/etc/default/spamd": "OPTIONS=\"-p 784\"\n"}, "spamassassin inet:127.0.0.1:784 inet:[::1]:784"},
		{"the milter of Debian", nil, map[string]string{"/etc/default/spamass-milter": "OPTIONS=\"-u x\"\n", "/etc/postfix/main.cf": "\n"}, "spamassassin inet:127.0.0.1:783 inet:[::1]:783, spamass-milter unix:/var/spool/postfix/spamass/spamass.sock unix:spamass/spamass.sock unix:/run/spamass/spamass.sock unix:/var/run/spamass/spamass.sock uses spamassassin"},
		{"the milter elsewhere", nil, map[string]string{"/etc/default/spamass-milter": "SOCKET=inet:8895@localhost\nOPTIONS=\n"}, "spamassassin inet:127.0.0.1:783 inet:[::1]:783, spamass-milter inet:localhost:8895 uses spamassassin"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{}
			for name, text := range tc.files {
				files[name] = text
			}
			var list []string
			for _, s := range read(files, tc.starts...).Services {
				text := string(s.Stack)
				if s.Stack == MTA && s.User != "" {
					text += "(" + s.User + ")"
				}
				text += " " + strings.Join(s.Sockets, " ")
				for _, u := range s.Uses {
					text += " uses " + string(u)
				}
				list = append(list, text)
			}
			if got := strings.Join(list, ", "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestDaemon: what the command line of spamd changes.
func TestDaemon(t *testing.T) {
	argv := []string{"spamd", "--siteconf=/opt/sa", "-L", "-s", "null", "--cf=required_score 900", "--pre", "loadplugin A /opt/a.pm"}
	got := told(read(map[string]string{"/opt/sa/local.cf": "use_bayes 0\n"}, mta.Start{Argv: argv, Why: "x", Source: waxseal.Source{Path: "/x", Line: 1}}))
	want := "loadplugin plugin file /opt/a.pm\nrequired_score rewrite text 900 lets_pass=all\nuse_bayes rewrite text 0 lets_pass=some\n" +
		"--local rewrite text --local lets_pass=some\n--syslog log file /dev/null\n--siteconfigpath script file /opt/sa\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestVirtualUsers: preferences of users that have no account.
func TestVirtualUsers(t *testing.T) {
	argv := []string{"spamd", "--virtual-config-dir=/var/users/%d/%l/sa"}
	got := told(read(map[string]string{"/var/users/example.test/alice/sa/user_prefs": "welcomelist_from *\n", "/var/users/x": "y"}, mta.Start{Argv: argv, Why: "x", Source: waxseal.Source{Path: "/x", Line: 1}}))
	if !strings.Contains(got, "welcomelist_from rewrite text * lets_pass=some\n") {
		t.Error(got)
	}
}

func TestMatchesAll(t *testing.T) {
	for expression, want := range map[string]bool{"/./": true, "/.*/": true, "m{^}i": true, "/[^x]*/": true, "/@/": false, "/^\\S/": true, "/alice|/": true, "/partner\\.example/": false, "/(?=.)/": false, "eval:x()": false, "/./ [if-unset: x]": true} {
		if got := matchesAll(expression); got != want {
			t.Errorf("%s: %v", expression, got)
		}
	}
}

func TestAssignments(t *testing.T) {
	set := assignments("# A=1\nA='a b' # c\nexport B=\"$A ${A}x\"\nC=$B\nC=\"${C} -b x\"\nD=`id`\nE\n")
	want := map[string]string{"A": "a b", "B": "a b a bx", "C": "a b a bx -b x", "D": "`id`"}
	for name, value := range want {
		if set[name].value != value {
			t.Errorf("%s is %q, want %q", name, set[name].value, value)
		}
	}
	if len(set) != len(want) {
		t.Errorf("%v", set)
	}
}
