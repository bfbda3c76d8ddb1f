package postfix

import (
	"slices"
	"strings"
	"testing"

	"waxseal"
)

const passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:,,,:/home/alice:/bin/bash\nbob:x:1001:1001::/srv/bob:/bin/sh\n"

// TestForwardFiles: which forward files local(8) reads, and as whom it runs what
// they name (dotforward.c).
func TestForwardFiles(t *testing.T) {
	const pipe = "\\alice, \"|/opt/x -a\"\n"
	for _, tc := range []struct {
		name  string
		main  string
		files map[string]string
		uids  map[waxseal.Path]uint32
		modes map[waxseal.Path]uint32
		want  []string // "target as user [inactive: reason]"
	}{
		{"the default", "", map[string]string{"/home/alice/.forward": pipe}, nil, nil,
			[]string{"alice as recipient", "/opt/x -a as alice"}},
		{"another home", "", map[string]string{"/srv/bob/.forward": "x@evil.example.net\n"}, nil, nil,
			[]string{"x@evil.example.net as recipient"}},
		{"root's commands get default_privs", "", map[string]string{"/root/.forward": "|/opt/x\n"}, nil, nil,
			[]string{"/opt/x as nobody"}},
		{"comments only", "", map[string]string{"/home/alice/.forward": "# |/opt/x\n\n"}, nil, nil, nil},
		{"anyone may write it", "", map[string]string{"/home/alice/.forward": pipe}, nil, map[waxseal.Path]uint32{"/home/alice/.forward": 0o646},
			[]string{"alice as recipient inactive: anyone may write it", "/opt/x -a as alice inactive: anyone may write it"}},
		{"of another user", "", map[string]string{"/home/alice/.forward": pipe}, map[waxseal.Path]uint32{"/home/alice/.forward": 1001}, nil,
			[]string{"alice as recipient inactive: it belongs to uid 1001", "/opt/x -a as alice inactive: it belongs to uid 1001"}},
		{"root's, which the user may not read", "", map[string]string{"/home/alice/.forward": "b@example.test\n"}, nil, map[waxseal.Path]uint32{"/home/alice/.forward": 0o600},
			[]string{"b@example.test as recipient inactive: the user may not read it"}},
		{"no such user", "", map[string]string{"/home/eve/.forward": "b@example.test\n"}, nil, nil,
			[]string{"b@example.test as recipient inactive: there is no such user"}},
		{"a user of LDAP", "", map[string]string{"/home/eve/.forward": "b@example.test\n", "/etc/nsswitch.conf": "passwd: files ldap\n"}, nil, nil,
			[]string{"b@example.test as recipient"}},
		{"an extension", "recipient_delimiter = +\n", map[string]string{"/home/alice/.forward+news": "|/opt/x\n", "/home/alice/.forward-old": "|/opt/y\n"}, nil, nil,
			[]string{"/opt/x as alice"}},
		{"two delimiters", "recipient_delimiter = +-\n", map[string]string{"/home/alice/.forward+news": "|/opt/x\n", "/home/alice/.forward-old": "|/opt/y\n"}, nil, nil,
			[]string{"/opt/x as alice", "/opt/y as alice"}},
		{"no delimiter", "", map[string]string{"/home/alice/.forward+news": "|/opt/x\n"}, nil, nil,
			[]string{"/opt/x as alice inactive: recipient_delimiter is empty"}},
		{"an extension in upper case", "recipient_delimiter = +\n", map[string]string{"/home/alice/.forward+News": "|/opt/x\n"}, nil, nil,
			[]string{"/opt/x as alice inactive: local(8) looks for it in lower case"}},
		{"a fixed directory", "forward_path = /var/f/${user}.fw, $home/.forward\n", map[string]string{"/var/f/alice.fw": "x@evil.example.net\n", "/home/alice/.forward": "y@evil.example.net\n"}, nil, nil,
			[]string{"/var/f/${user}.fw as recipient", "x@evil.example.net as recipient", "y@evil.example.net as recipient inactive: the file /var/f/alice.fw is found first"}},
		{"conditions", "forward_path = $home/.f${extension?{-$extension}:{.all}}, $nobody/.forward\nrecipient_delimiter=+\n", map[string]string{"/home/alice/.f.all": "x@evil.example.net\n", "/home/alice/.f-a": "y@evil.example.net\n"}, nil, nil,
			[]string{"x@evil.example.net as recipient", "y@evil.example.net as recipient"}},
		{"the domain", "forward_path = /f/$domain/$local\n", map[string]string{"/f/example.test/alice": "x@evil.example.net\n"}, nil, nil,
			[]string{"/f/$domain/$local as recipient", "x@evil.example.net as recipient"}},
		{"a list and files", "", map[string]string{"/home/alice/.forward": ":include:/home/alice/list\n~/mail/in\n/home/alice/Maildir/\n/home/alice/run.sh\n", "/home/alice/list": "|/opt/x\nbob\n", "/home/alice/run.sh": "#!/bin/sh\n"}, nil, nil,
			[]string{"/home/alice/list as recipient", "/opt/x as alice inactive: allow_mail_to_commands does not have include", "bob as recipient",
				"/home/alice/mail/in as alice", "/home/alice/Maildir/ as alice", "/home/alice/run.sh as alice inactive: the file can be executed"}},
		{"an alias goes first", "alias_maps = inline:{alice=bob}\n", map[string]string{"/home/alice/.forward": "|/opt/x\n"}, nil, nil,
			[]string{"/opt/x as alice inactive: the alias of alice takes the mail first"}},
		{"an alias that leads back", "alias_maps = inline:{ {alice=bob, alice} }\n", map[string]string{"/home/alice/.forward": "|/opt/x\n"}, nil, nil,
			[]string{"/opt/x as alice"}},
		{"no forwarding", "forward_path =\n", map[string]string{"/home/alice/.forward": pipe}, nil, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.files["/etc/postfix/main.cf"], tc.files["/etc/passwd"] = own+tc.main, passwd
			tr := tree(tc.files)
			tr.uids, tr.modes = tc.uids, tc.modes
			var got []string
			for _, h := range read(tr).Hooks {
				if h.Directive == "forward_path" {
					got = append(got, strings.TrimSpace(h.Target.Value+" as "+h.RunsAs+because(h)))
				}
			}
			for i, w := range tc.want {
				if i >= len(got) || !strings.HasPrefix(got[i], w) || strings.Contains(got[i], "inactive") != strings.Contains(w, "inactive") {
					t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
				}
			}
			if len(got) != len(tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func because(h waxseal.Hook) string {
	if h.Active {
		return ""
	}
	return " inactive: " + h.Modifiers["inactive"]
}

// TestForwardWithoutPasswd: a part of a tree still gives the hooks.
func TestForwardWithoutPasswd(t *testing.T) {
	r := read(tree(map[string]string{"/etc/postfix/main.cf": own, "/home/Alice/.forward": "x@evil.example.net\n"}))
	h := find(t, r, "/home/Alice/.forward:forward_path:x@evil.example.net")
	if !h.Active || h.RunsAs != "alice" && h.Scope != "recipient alice" {
		t.Errorf("%+v", h)
	}
	if !slices.ContainsFunc(r.Parts, func(p waxseal.Part) bool { return p.Path == "/home/Alice/.forward" }) {
		t.Error("the forward file is no part of the mail path")
	}
}

func FuzzForwardPath(f *testing.F) {
	f.Add("$home/.forward${recipient_delimiter}${extension}, /f/${extension?{a}:{b}}/$user", "+-", ".forward+x")
	f.Fuzz(func(t *testing.T, value, delimiter, name string) {
		if strings.ContainsAny(name, "/\x00") || name == "" || name == "." || name == ".." {
			t.Skip()
		}
		r := read(tree(map[string]string{
			"/etc/postfix/main.cf": own + "forward_path = " + value + "\nrecipient_delimiter = " + delimiter + "\n",
			"/home/a/" + name:      "|/opt/x\n", "/f/" + name: "b@c.example\n",
		}))
		for _, h := range r.Hooks {
			if h.Source.Path == "" || h.Explain == "" || strings.ContainsRune(string(h.Source.Path), 0) {
				t.Errorf("hook %+v", h)
			}
		}
	})
}
