package mask

import (
	"strings"
	"testing"

	"waxseal"
)

func roleOf(name string) string {
	if name == "script" {
		return string(waxseal.RoleScript)
	}
	return string(waxseal.RoleConfig)
}

func TestTextHidesSecretsAndKeepsTheRest(t *testing.T) {
	m := New([]byte("test key"))
	for _, tc := range []struct{ name, in, secret, keep string }{
		{"sql password", "hosts = db\npassword = hunter2\n", "hunter2", "hosts = db"},
		{"password with spaces", "password = hunter two\n", "hunter two", "password = "},
		{"password on a continued line", "password =\n   hunter2\nuser = u\n", "hunter2", "user = u"},
		{"ldap", "bind_pw=hunter2\n", "hunter2", "bind_pw="},
		{"main.cf prefix", "ldapacct_bind_pw = hunter2\n", "hunter2", "ldapacct_bind_pw"},
		{"inline map", "smtp_sasl_password_maps = inline:{[a]:587=user:hunter2}\n", "hunter2", "smtp_sasl_password_maps"},
		{"static map", "smtp_sasl_password_maps = static:user:hunter2\n", "hunter2", "smtp_sasl_password_maps"},
		{"url", "relay = smtp://user:hunter2@mx.example.test/\n", "hunter2", "@mx.example.test/"},
		{"argument", "  argv=/usr/bin/x --password=hunter2 -v\n", "hunter2", "-v"},
		{"srs key", "srs key hunter2 # c\nsrs ttl 4d\n", "hunter2", "srs ttl 4d"},
		{"backup of the srs key", "  srs key backup \"hunter 2\"\n", "hunter 2", "srs key backup"},
		{"key of the queue", "queue encryption hunter2\n", "hunter2", "queue encryption"},
		{"credentials in braces", "table s { \"l\" = \"user:hunter2\", m => 'u:hunter2' }\n", "hunter2", "\"l\" = \"user:"},
		{"script", "API_KEY='hunter2' run\n", "hunter2", "run"},
		{"dovecot's ldap", "dn = cn=dovecot\ndnpass = hunter2\n", "hunter2", "cn=dovecot"},
		{"dovecot's fields", "override_fields = proxy=y pass=hunter2 host=h\n", "hunter2", "host=h"},
		{"yaml", "mysql_config:\n    user: \"u\"\n    passwd: \"hunter2\"\n", "hunter2", "user: \"u\""},
		{"configparser", "[webservice]\nadmin_pass: hunter2\nport: 8001\n", "hunter2", "port: 8001"},
		{"pem", "a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb\n", "hunter2", "b\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := m.Text(waxseal.Role(roleOf(tc.name)), tc.in)
			if strings.Contains(got, tc.secret) {
				t.Errorf("secret shows in %q", got)
			}
			if !strings.Contains(got, tc.keep) {
				t.Errorf("%q lost %q", got, tc.keep)
			}
			if strings.Count(got, "\n") != strings.Count(tc.in, "\n") {
				t.Errorf("lines changed: %q", got)
			}
		})
	}
}

func TestTextLeavesTheMailPathAlone(t *testing.T) {
	m := New([]byte("test key"))
	for _, in := range []string{
		"smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n",
		"smtp_sasl_password_maps = proxy:mysql:/etc/postfix/sasl.cf, hash:/etc/postfix/x\n",
		"smtpd_tls_key_file = /etc/ssl/private/k.key\n",
		"smtpd_milters = inet:203.0.113.9:8891\n",
		"password: \"|/bin/sh -c id\"\n",
		"secret: bob\n",
		"smtpd_sasl_auth_enable = yes\n",
		"smtp_sasl_password_result_delimiter = :\n",
	} {
		if got := m.Text(waxseal.RoleConfig, in); got != in && !strings.Contains(in, "delimiter") {
			t.Errorf("Text(%q) = %q", in, got)
		}
	}
}

func TestTextLeavesTablesAlone(t *testing.T) {
	m := New([]byte("test key"))
	for _, line := range []string{
		"table u { \"alice\" = \"1000:1000:/home/alice\" }", "table v { \"a@x.example\" = \"alice,drop@y.example\", \"b\" = \"error:550 no\" }",
		"queue encryption", "queue encryption stdin", "srs key $k", "action \"r\" relay domain { \"x.example\" = \"smtp://h:25\" }", "table p { \"x\" = \"|/bin/x a:b\" }",
	} {
		if got := m.Text(waxseal.RoleConfig, line+"\n"); got != line+"\n" {
			t.Errorf("%q became %q", line, got)
		}
	}
}

func TestTokenIsKeyed(t *testing.T) {
	a, again, b := New([]byte("a")), New([]byte("a")), New([]byte("b"))
	if a.Token("x") != again.Token("x") || a.Token("x") == a.Token("y") || a.Token("x") == b.Token("x") {
		t.Error("token must depend on the key and the secret, and on nothing else")
	}
}

func FuzzText(f *testing.F) {
	f.Add("password = x\n  y\n-----BEGIN PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, in string) {
		got := New([]byte("k")).Text(waxseal.RoleConfig, in)
		if strings.Count(got, "\n") != strings.Count(in, "\n") {
			t.Errorf("line count of %q changed", in)
		}
	})
}
