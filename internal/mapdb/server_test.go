package mapdb

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	for _, tc := range []struct{ name, typ, text, want string }{
		{"mysql", "mysql", "# c\nhosts = unix:/run/mysqld/mysqld.sock, inet:db.example:3307\n  [2001:db8::1]:3308 plain.example\nuser = mail\npassword = hunter2\ndbname = mail\nquery = SELECT goto\n  FROM alias WHERE a='%s'\n",
			"[{  /run/mysqld/mysqld.sock} {db.example 3307 } {2001:db8::1 3308 } {plain.example 3306 }] mail password query=SELECT goto  FROM alias WHERE a='%s'"},
		{"mysql by default", "mysql", "query = x\n", "[{localhost 3306 }]  query=x"},
		{"pgsql", "pgsql", "hosts = postgresql://u:pw@pg.example/mail\ndbname = m\ndbname = n", "[{pg.example 5432 }] n password"},
		{"ldap", "ldap", "server_host = ldap://a.example:1389 ldaps://b.example ldapi://%2Frun%2Fldapi\nsearch_base = dc=x\nbind_pw = s3\nquery_filter = (mail=%s)\nresult_attribute = maildrop",
			"[{a.example 1389 } {b.example 636 } {  /run/ldapi}] dc=x password query_filter=(mail=%s) result_attribute=maildrop"},
		{"sqlite", "sqlite", "dbpath = /etc/m.db\nquery = q", "[] /etc/m.db query=q"},
		{"memcache", "memcache", "memcache = unix:/run/mc\nbackup = btree:/var/lib/x", "[{  /run/mc}]  backup=btree:/var/lib/x"},
		{"mongodb", "mongodb", "uri = mongodb+srv://u:p@m.example/x?y=z\ndbname = d\nfilter = {}", "[{m.example 27017 }] d password"},
		{"bad lines", "sqlite", "no value\n= x\ndbpath=/x", "[] /x !1 !2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, problems := ParseServer(tc.typ, tc.text)
			got := fmt.Sprint(s.Endpoints) + " " + s.Database
			if s.HasPassword {
				got += " password"
			}
			for _, name := range []string{"query", "query_filter", "result_attribute"} {
				if v, ok := s.Settings[name]; ok {
					got += " " + name + "=" + v
				}
			}
			if s.Backup != "" {
				got += " backup=" + s.Backup
			}
			for _, p := range problems {
				got += fmt.Sprintf(" !%d", p.Line)
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			for _, secret := range []string{"hunter2", "s3", "pw@", ":p@"} {
				if strings.Contains(fmt.Sprintf("%+v", s), secret) {
					t.Errorf("the password is told: %+v", s)
				}
			}
		})
	}
}

func TestServerOfReference(t *testing.T) {
	for in, want := range map[string]string{
		"tcp:127.0.0.1:10025":                "[{127.0.0.1 10025 }] ",
		"socketmap:inet:[::1]:9000:virtual":  "[{::1 9000 }] virtual",
		"socketmap:unix:/run/sm.sock:alias":  "[{  /run/sm.sock}] alias",
		"proxy:socketmap:inet:h.example:1:m": "[{h.example 1 }] m",
	} {
		s, ok := Parse(in).Server()
		if got := fmt.Sprint(s.Endpoints) + " " + s.Map; !ok || got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if _, ok := Parse("hash:/x").Server(); ok {
		t.Error("hash has no server")
	}
}

func FuzzServer(f *testing.F) {
	f.Add("mysql", "hosts = unix:/x, inet:h:1\n password = x")
	f.Add("ldap", "server_host = ldap://u:p@h:1/x")
	f.Fuzz(func(t *testing.T, typ, text string) {
		s, _ := ParseServer(typ, text)
		for _, name := range secrets {
			if _, ok := s.Settings[name]; ok {
				t.Errorf("%s is told", name)
			}
		}
	})
}
