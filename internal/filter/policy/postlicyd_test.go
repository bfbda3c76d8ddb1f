package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mta"
)

const licyMain = "/etc/pfixtools/postlicyd.conf"

func TestPostlicyd(t *testing.T) {
	const greylist = "greylist {\n  type = greylist;\n  on_greylist = postfix:450 Greylisted;\n  on_whitelist = postfix:DUNNO;\n}\nrecipient_filter = greylist;\n"
	for _, tc := range []struct{ name, config, want string }{
		{"a greylister", greylist, ""},
		{"in one line, with comments and quotes", "a{type=match;condition=recipient == boss@example.test;on_match=\"postfix:BCC \" \"drop@evil.exa\" # x\n \"mple.net\";on_fail=greylist;}" + greylist + "data_filter=a;",
			"copy BCC:1 drop@evil.example.net remote | mail of which the filter a says match: recipient == boss@example.test\n"},
		{"behind counters and warnings", greylist + "b {\ntype = counter;\n on_fail = counter:0:1:warn:a text:counter:63:10:postfix:REDIRECT drop@evil.example.net;\n on_hard_match = greylist;\n}\nend_of_data_filter = b;\n",
			"redirect REDIRECT:9 drop@evil.example.net remote | mail of which the filter b says fail\n"},
		{"a filter that nothing leads to", greylist + "b {\n type = rate;\n on_fail = postfix:BCC drop@evil.example.net;\n}\n",
			"copy BCC:9 drop@evil.example.net remote (no entry point leads to the filter b) | mail of which the filter b says fail\n"},
		{"by way of another filter", greylist + "a {\n type = spf;\n on_pass = b;\n on_fail = postfix:REJECT;\n}\nb {\n type = hang;\n on_timeout = postfix:DISCARD;\n}\nhelo_filter = a;\n",
			"discard DISCARD:14 DISCARD | mail of which the filter b says timeout\n"},
		{"what is always so", greylist + "b {\n type = match;\n condition = client_address NOTEMPTY;\n on_match = postfix:PREPEND X-A: b;\n on_fail = postfix:DISCARD;\n}\ndata_filter = b;\n",
			"rewrite PREPEND:10 X-A: b | all mail that it is asked about\ndiscard DISCARD:11 DISCARD | mail of which the filter b says fail: client_address NOTEMPTY\n"},
		{"nothing is refused", "a {\n type = greylist;\n on_greylist = postfix:DUNNO;\n on_whitelist = postfix:OK;\n}\nrecipient_filter = a;\n", "rewrite recipient_filter:6 a passes all | all mail that it is asked about\n"},
		{"the last of two entries counts", "a {\n type = greylist;\n on_greylist = postfix:DUNNO;\n on_whitelist = postfix:OK;\n}\nrecipient_filter = a;\n" + greylist, ""},
		{"partners are let by", "a {\n type = strlist;\n file = lock:1:suffix:/var/friends;\n on_hard_match = postfix:OK;\n on_fail = greylist;\n}\n" + greylist + "recipient_filter = a;\n",
			"map file:0 .com, mx.partner.example | all mail that it is asked about\nrewrite file:2 .com passes all | all mail that it is asked about\n"},
		{"a list of those who are refused", "a {\n type = iplist;\n rbldns = lock:1:/var/friends;\n on_hard_match = postfix:REJECT;\n on_fail = greylist;\n}\n" + greylist + "recipient_filter = a;\n", ""},
		{"not whole", greylist + "a {\n type = match;\n on_match = postfix:BCC drop@evil.example.net;\n",
			"unreadable the configuration of postlicyd:0 /etc/pfixtools/postlicyd.conf | all\ncopy BCC:9 drop@evil.example.net remote (no entry point leads to the filter a) | mail of which the filter a says match\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(map[string]string{licyMain: tc.config, "/var/friends": "# x\n.com\nmx.partner.example\n"})
			got := told(r)
			if sortedLines(got) != sortedLines(tc.want) {
				t.Errorf("%s%+v", cmp.Diff(tc.want, got), r.Problems)
			}
		})
	}
}

func sortedLines(text string) string { return strings.Join(sorted(strings.SplitAfter(text, "\n")), "") }

func TestPostlicydSockets(t *testing.T) {
	start := func(argv ...string) mta.Start {
		return mta.Start{Argv: argv, Why: "x.service", Source: waxseal.Source{Path: "/etc/systemd/system/x.service", Line: 3}, Active: true}
	}
	for _, tc := range []struct {
		name   string
		files  map[string]string
		starts []mta.Start
		want   []string
	}{
		{"by default", map[string]string{licyMain: "log_format = x;\n"}, nil, []string{"inet:127.0.0.1:10000"}},
		{"as configured", map[string]string{licyMain: "port = 10007;\n"}, nil, []string{"inet:127.0.0.1:10007"}},
		{"a socket", map[string]string{licyMain: "socketfile = /run/postlicyd.sock;\n"}, nil, []string{"unix:/run/postlicyd.sock"}},
		{"by the command line, a file with any name", map[string]string{"/srv/own": "port = 10009;\n"}, []mta.Start{start("/usr/sbin/postlicyd", "-p", "/run/l.pid", "/srv/own")}, []string{"inet:127.0.0.1:10009"}},
		{"by the command line, no file", map[string]string{licyMain: "port = 10007;\n", "/run/l.pid": "port = 1;\n"}, []mta.Start{start("/usr/sbin/postlicyd", "-p", "/run/l.pid")}, []string{"inet:127.0.0.1:10007"}},
		{"by the command line, another file", map[string]string{"/etc/l.conf": "port = 10007;\n"}, []mta.Start{start("/usr/sbin/postlicyd", "-f", "-l", "10008", "/etc/l.conf")}, []string{"inet:127.0.0.1:10008"}},
		{"pfix-srsd", map[string]string{"/etc/default/pfixtools": "SRSD_ENABLE=yes\nSRSD_OPTIONS='-e 10003 -U srs'\nSRSD_DOMAIN=example.test\n"}, nil, []string{"inet:127.0.0.1:10003", "inet:127.0.0.1:10002"}},
		{"pfix-srsd, not in use", map[string]string{"/etc/default/pfixtools": "SRSD_ENABLE=no\n"}, nil, nil},
		{"pfix-srsd on a socket", map[string]string{}, []mta.Start{start("/usr/sbin/pfix-srsd", "-P", "socketmap", "-L", "/run/s", "example.test", "/etc/srs")}, []string{"unix:/run/s"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, s := range read(tc.files, tc.starts...).Services {
				got = append(got, s.Sockets...)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPfixSrsd(t *testing.T) {
	got := told(read(map[string]string{"/etc/default/pfixtools": "SRSD_ENABLE=\"yes\"\nSRSD_DOMAIN=evil.example.net\nSRSD_SECRETS=/tmp/s\n", "/tmp/s": "w8Zk1Qf3mY9aTt5LqVbN7xCzE2sH0pRu\n"}))
	want := "rewrite SRSD_DOMAIN:2 @evil.example.net remote | all mail that it is asked about\nrewrite SRSD_SECRETS:3 /tmp/s | all mail that it is asked about\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func FuzzPostlicyd(f *testing.F) {
	f.Add("a{type=match;on_match=\"x\\\"y\" \"z\";}\nport=1;")
	f.Add("a = b\\\n c;# x\nd {")
	f.Add("a {\n on_x = counter:1:2postfix:OK;\n}\nrecipient_filter = a;")
	f.Fuzz(func(_ *testing.T, text string) {
		c := parsePostlicyd(text)
		for _, filter := range c.filters {
			for _, p := range filter.params {
				parseLicyAction(p.value)
			}
		}
		read(map[string]string{licyMain: text})
	})
}
