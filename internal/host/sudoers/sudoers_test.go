package sudoers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal/internal/host/sudoers"
	"waxseal/internal/snapshot"
)

func said(r sudoers.Rule) string {
	list := func(members []sudoers.Member) string {
		var words []string
		for _, m := range members {
			words = append(words, map[bool]string{true: "!"}[m.Not]+m.Name)
		}
		return strings.Join(words, ",")
	}
	flags := map[bool]string{true: " nopasswd"}[r.NoPassword] + map[bool]string{true: " noexec"}[r.NoExec] + map[bool]string{true: " setenv"}[r.SetEnv] + map[bool]string{true: " not"}[r.Not]
	return fmt.Sprintf("%s %s=(%s:%s)%s %s", list(r.Users), list(r.Hosts), list(r.RunAs), list(r.RunAsGroups), flags, r.Command)
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"Debian's", "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", []string{"root ALL=(ALL:ALL) ALL", "%sudo ALL=(ALL:ALL) ALL"}},
		{"tags carry over", "a ALL = NOPASSWD: NOEXEC: /bin/x, PASSWD: /bin/y -a \\, b, EXEC: /bin/z\n", []string{"a ALL=(:) nopasswd noexec /bin/x", "a ALL=(:) noexec /bin/y -a , b", "a ALL=(:) /bin/z"}},
		{"run-as carries over", "a ALL=(postfix) /bin/x, (root : mail) /bin/y, (:adm) /bin/z\n", []string{"a ALL=(postfix:) /bin/x", "a ALL=(root:mail) /bin/y", "a ALL=(:adm) /bin/z"}},
		{"aliases before and after", "W ALL=CMDS\nUser_Alias W = www-data, %web : X = y\nCmnd_Alias CMDS = /bin/x, !/bin/y, MORE\nCmnd_Alias MORE = /usr/sbin/postmap *\n",
			[]string{"www-data,%web ALL=(:) /bin/x", "www-data,%web ALL=(:) not /bin/y", "www-data,%web ALL=(:) /usr/sbin/postmap *"}},
		{"negation of an alias", "Cmnd_Alias SU = /bin/su, !/bin/so\na ALL=ALL, !SU, !!/bin/q\n", []string{"a ALL=(:) ALL", "a ALL=(:) not /bin/su", "a ALL=(:) /bin/so", "a ALL=(:) /bin/q"}},
		{"circles end", "Cmnd_Alias A = B, /bin/x\nCmnd_Alias B = A, /bin/y\na ALL=A\n", []string{"a ALL=(:) /bin/y", "a ALL=(:) /bin/x"}},
		{"digests and options", "a ALL=(root) CWD=/tmp TIMEOUT=5m SETENV: sha224:00ff, sha256:AA==/x= /bin/x, ROLE=r /bin/y\n", []string{"a ALL=(root:) setenv /bin/x", "a ALL=(root:) setenv /bin/y"}},
		{"hosts", "a mail, 10.0.0.0/8 = /bin/x : !web = /bin/y\n", []string{"a mail,10.0.0.0/8=(:) /bin/x", "a !web=(:) /bin/y"}},
		{"comments and numbers", "#1000 ALL=/bin/x # why\n%#100, #includes ALL=ALL\n# a ALL=ALL\n", []string{"#1000 ALL=(:) /bin/x"}},
		{"joined lines and quotes", "\"odd user\", b \\\n ALL=(ALL) \\\n  NOPASSWD: ALL\n", []string{"odd user,b ALL=(ALL:) nopasswd ALL"}},
		{"defaults for users", "Defaults:www-data !authenticate\nDefaults!/bin/q env_reset, !authenticate\nwww-data ALL=/bin/x\nb ALL=/bin/x, /bin/q\n", []string{"www-data ALL=(:) nopasswd /bin/x", "b ALL=(:) /bin/x", "b ALL=(:) nopasswd /bin/q"}},
		{"pattern", "a ALL=NOPASSWD: ^/usr/bin/(a|b), c$ ^x: y$, sudoedit /etc/postfix/*.cf\n", []string{"a ALL=(:) nopasswd ^/usr/bin/(a|b), c$ ^x: y$", "a ALL=(:) nopasswd sudoedit /etc/postfix/*.cf"}},
		{"nonsense", "a\nb ALL\nc ALL=\nd = = =\n@include\n\\\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := sudoers.Read(snapshot.Files(map[string]string{"/etc/sudoers": c.text}), "/etc/sudoers")
			var got []string
			for _, r := range policy.Rules {
				got = append(got, said(r))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q\n%v", got, c.want, policy.Problems)
			}
			if c.name == "nonsense" && len(policy.Problems) == 0 {
				t.Error("nothing is said of what is not understood")
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	tree := snapshot.Files(map[string]string{
		"/etc/sudoers": "@include local\n#includedir /etc/sudoers.d\n@include /etc/loop\n", "/etc/local": "a ALL=ALL\n", "/etc/loop": "@include /etc/sudoers\nz ALL=ALL\n",
		"/etc/sudoers.d/10-b": "b ALL=ALL\n", "/etc/sudoers.d/05-c": "c ALL=ALL\n", "/etc/sudoers.d/README.txt": "d ALL=ALL\n", "/etc/sudoers.d/e~": "e ALL=ALL\n",
	})
	var users []string
	policy := sudoers.Read(tree, "/etc/sudoers")
	for _, r := range policy.Rules {
		users = append(users, r.Users[0].Name)
	}
	if strings.Join(users, " ") != "a c b z" || len(policy.Files) != 5 {
		t.Errorf("%v of %v, %v", users, policy.Files, policy.Problems)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a ALL=(b:c) NOPASSWD: /x \\, y, !Z\n", "User_Alias A=B:C=D\nCmnd_Alias B=B\nA ALL=B", "Defaults:a !authenticate\n", "@include x\n#includedir /etc\n", "a ALL=sha256:a=, sha256:b= ^x$ y\\", "\"a\\\n", "a=(((", "#-1,#1 ALL:ALL=:=,,!!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range sudoers.Read(snapshot.Files(map[string]string{"/etc/sudoers": text, "/etc/x": text}), "/etc/sudoers").Rules {
			if len(r.Users) == 0 && r.Command == "" || r.Source.Line < 1 || r.Source.Line > 1+strings.Count(text, "\n") {
				t.Errorf("%+v", r)
			}
		}
	})
}
