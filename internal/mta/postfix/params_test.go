package postfix

import (
	"slices"
	"strings"
	"testing"
)

// TestOtherParameters: parameters beside the families of TestHookFamilies, and the
// look-alikes that are settings.
func TestOtherParameters(t *testing.T) {
	for _, tc := range []struct{ name, main, master, want string }{ // want: a line of a hook, or "!" and a part of an ID that no hook has
		{"mynetworks", "mynetworks = 127.0.0.0/8, 0.0.0.0/0\n", "", "/etc/postfix/main.cf:mynetworks:open | policy | text 0.0.0.0/0 | divert | remote"},
		{"mynetworks, all of IPv6", "mynetworks = [::]/0\n", "", "/etc/postfix/main.cf:mynetworks:open | policy | text [::]/0 | divert | remote"},
		{"own networks", "mynetworks = 127.0.0.0/8 [::1]/128 10.0.0.0/8 [fe80::]/10 [fd00::]/8 192.0.2.0/24\n", "", "!mynetworks"},
		{"an open relay", "smtpd_relay_restrictions = permit_mynetworks, permit\nsmtpd_recipient_restrictions =\n", "", "/etc/postfix/main.cf:smtpd_relay_restrictions:open | policy | text permit | divert | remote"},
		{"guarded elsewhere", "smtpd_relay_restrictions = permit\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n", "", "!smtpd_relay_restrictions:open"},
		{"the default", "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination\n", "", "!smtpd_relay_restrictions:open"},
		{"mail that comes back", "", "127.0.0.1:10025 inet n - n - - smtpd -o smtpd_relay_restrictions=permit\n", "!smtpd_relay_restrictions:open"},
		{"an open port", "smtpd_recipient_restrictions =\n", "2525 inet n - n - - smtpd -o smtpd_relay_restrictions=permit\n", "/etc/postfix/master.cf:2525/inet:smtpd_relay_restrictions:open | policy | text permit | divert | remote"},
		{"passwords go elsewhere", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:203.0.113.9:12345\n", "", "/etc/postfix/main.cf:smtpd_sasl_path:1 | policy | socket inet:203.0.113.9:12345 | observe | remote"},
		{"passwords go to Dovecot", "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n", "", "!smtpd_sasl_path"},
		{"passwords go to Cyrus", "smtpd_sasl_path = smtpd\n", "", "!smtpd_sasl_path"},
		{"a foreign origin", "myorigin = evil.example.net\n", "", "/etc/postfix/main.cf:myorigin:1 | redirect | address @evil.example.net | divert | remote"},
		{"an own origin", "myorigin = $mydomain\n", "", "!myorigin"},
		{"mailboxes in the home", "home_mailbox = Maildir/\n", "", "!home_mailbox"},
		{"mailboxes outside the home", "home_mailbox = ../../var/tmp/x/\n", "", "/etc/postfix/main.cf:home_mailbox:1 | redirect | file /var/tmp/x | divert"},
		{"root's mailboxes", "virtual_uid_maps = static:0\nvirtual_minimum_uid = 0\n", "", "/etc/postfix/main.cf:virtual_uid_maps:* | redirect | text uid 0 | divert"},
		{"root's mailboxes, refused", "virtual_uid_maps = static:0\n", "", "/etc/postfix/main.cf:virtual_uid_maps:* | redirect | text uid 0 | divert | inactive"},
		{"probes", "address_verify_relayhost = [203.0.113.9]\n", "", "/etc/postfix/main.cf:address_verify_relayhost:1 | relay | host [203.0.113.9] | divert | remote"},
		{"probes as other mail", "relayhost = [203.0.113.9]\naddress_verify_relayhost = $relayhost\n", "", "!address_verify_relayhost"},
		{"a header", "undisclosed_recipients_header = Reply-To: x@evil.example.net\n", "", "/etc/postfix/main.cf:undisclosed_recipients_header:1 | rewrite | text Reply-To: x@evil.example.net | modify"},
		{"no STARTTLS", "smtpd_discard_ehlo_keywords = starttls\n", "", "/etc/postfix/main.cf:smtpd_discard_ehlo_keywords:1 | rewrite | text starttls | modify"},
		{"a footer", "smtpd_reject_footer = \\c. Call us\n", "", "/etc/postfix/main.cf:smtpd_reject_footer:1 | rewrite | text \\c. Call us | modify"},
		{"transcripts in the log", "debug_peer_list = bank.example\n", "", "/etc/postfix/main.cf:debug_peer_list:1 | log | text bank.example | observe"},
		{"OpenSSL's configuration", "tls_config_file = /opt/o.cnf\n", "", "/etc/postfix/main.cf:tls_config_file:1 | module | file /opt/o.cnf | execute"},
		{"openssl", "openssl_path = /opt/openssl\n", "", "/etc/postfix/main.cf:openssl_path:1 | script | command /opt/openssl | execute"},
		{"a daemon as root", "", "25 inet n n n - - smtpd\n", "/etc/postfix/master.cf:25/inet:unpriv | binary | command /usr/lib/postfix/sbin/smtpd | execute"},
		{"daemons that need it", "", "x unix - n n - - local\ny unix - n n - - pipe user=a argv=/b\n", "!:unpriv"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, h := range read(conf(own+tc.main, tc.master)).Hooks {
				got = append(got, sorted(line(h)))
			}
			not, absent := strings.CutPrefix(tc.want, "!")
			if absent && strings.Contains(strings.Join(got, "\n"), not) || !absent && !slices.Contains(got, sorted(tc.want)) {
				t.Errorf("want %s in\n%s", tc.want, strings.Join(got, "\n"))
			}
		})
	}
}

// TestPlacesSayWhatTheyDo: nothing is listed without a word about what it does.
func TestPlacesSayWhatTheyDo(t *testing.T) {
	for _, p := range Places() {
		if p.Does == "" {
			t.Errorf("%s does what?", p.Directive)
		}
	}
}
