package dovecot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
)

func TestRights(t *testing.T) {
	const old = base + "mail_plugins = acl\nplugin {\n  acl = vfile:/etc/dovecot/acls:cache_secs=300\n}\n"
	for _, tc := range []struct {
		name, conf string
		files      map[string]string
		want       []string
	}{
		{"one file for all", old, map[string]string{"/etc/dovecot/acls": "# who\n\n* owner lrwstipekxa\n* user=eve lrw\n\"Old mail\" anyone lr\nINBOX -user=eve lrwstipekxa\n* group=x :lookup, read\n"}, []string{
			"acl:/etc/dovecot/acls:*:user=eve | map | table user=eve lrw in * | all mail in the folders * of every user | read every mailbox",
			"acl:/etc/dovecot/acls:Old mail:anyone | map | table anyone lr in Old mail | all mail in the folders Old mail of every user | use some folders",
			"acl:/etc/dovecot/acls:*:group=x | map | table group=x lookup, read in * | all mail in the folders * of every user | read every mailbox"}},
		{"a file for each mailbox", old, map[string]string{"/etc/dovecot/acls/.DEFAULT": "user=eve a\n", "/etc/dovecot/acls/INBOX": "user=eve l\nowner lr\n", "/etc/dovecot/acls/Sent/2026": "user=\"x\n"}, []string{
			"acl:/etc/dovecot/acls/.DEFAULT:*:user=eve | map | table user=eve a in * | all mail in the folders * of every user | read every mailbox",
			"acl:/etc/dovecot/acls/INBOX:INBOX:user=eve | map | table user=eve l in INBOX | all mail in the folders INBOX of every user | use some folders"}},
		{"folders of nobody", old + "namespace p {\n  type = public\n  prefix = Public/\n}\n", map[string]string{"/etc/dovecot/acls": "Public/* anyone lr\nPublic user=bob lrwstipekxa\n"}, nil},
		{"folders that are shown as shared ones", old + "namespace s {\n  type = shared\n  prefix = user.%%u.\n}\n", map[string]string{"/etc/dovecot/acls": "user.* user=eve lx\n"}, []string{
			"acl:/etc/dovecot/acls:user.*:user=eve | map | table user=eve lx in user.* | all mail in the folders user.* of every user | change every mailbox"}},
		{"the plugin is not loaded", strings.Replace(old, "mail_plugins = acl\n", "", 1), map[string]string{"/etc/dovecot/acls": "* user=eve lr\n"}, []string{
			"acl:/etc/dovecot/acls:*:user=eve | map | table user=eve lr in * | all mail in the folders * of every user | inactive"}},
		{"2.4", strings.Replace(modern, "sieve = yes", "acl = yes", 1) + "acl_driver = vfile\nmailbox INBOX {\n  acl x {\n    id = user=eve\n    rights = lr\n  }\n  acl owner {\n    rights = lrwstipekxa\n  }\n}\nacl anyone {\n  rights = lp\n}\nnamespace p {\n  type = public\n  acl group=staff {\n    rights = lr\n  }\n}\n", nil, []string{
			"acl:mailbox INBOX, acl x:INBOX:user=eve | map | table user=eve lr in INBOX | all mail in the folders INBOX of every user | read every mailbox",
			"acl:acl anyone:*:anyone | map | table anyone lp in * | all mail in the folders * of every user | use some folders"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/dovecot/dovecot.conf": tc.conf}
			for name, text := range tc.files {
				files[name] = text
			}
			r, _ := read(files)
			var got []string
			for _, h := range r.Hooks {
				if !strings.HasPrefix(string(h.ID), "dovecot:acl") {
					continue
				}
				line := strings.TrimPrefix(string(h.ID), "dovecot:") + " | " + string(h.Kind) + " | table " + h.Target.Value + " | " + h.Scope + " | "
				if !h.Active {
					line += "inactive"
				} else {
					line += h.Modifiers["others_may"]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s%+v", diff, r.Problems)
			}
		})
	}
}

// TestManyLists: what is more than is read is told, and the rest is read.
func TestManyLists(t *testing.T) {
	const conf = base + "mail_plugins = acl\nplugin {\n  acl = vfile:/etc/dovecot/acls\n}\n"
	for name, files := range map[string]int{"as many as are read": mostLists, "one more": mostLists + 1} {
		t.Run(name, func(t *testing.T) {
			tree := map[string]string{"/etc/dovecot/dovecot.conf": conf}
			for n := range files {
				tree[fmt.Sprintf("/etc/dovecot/acls/box%03d", n)] = "user=eve lr\n"
			}
			r, _ := read(tree)
			grants, told := 0, false
			for _, h := range r.Hooks {
				if strings.HasPrefix(string(h.ID), "dovecot:acl:/etc/dovecot/acls/box") {
					grants++
				}
				told = told || h.Kind == waxseal.KindUnreadable && h.Source.Path == "/etc/dovecot/acls"
			}
			if grants != mostLists || told != (files > mostLists) {
				t.Errorf("%d grants, told %v", grants, told)
			}
		})
	}
	deep := map[string]string{"/etc/dovecot/dovecot.conf": conf, "/etc/dovecot/acls/a/b/c/d": "user=eve lr\n"}
	if r, _ := read(deep); !slices.ContainsFunc(r.Hooks, func(h waxseal.Hook) bool { return h.Kind == waxseal.KindUnreadable }) {
		t.Error("a directory that is too deep is passed over in silence")
	}
}

func TestParseGrant(t *testing.T) {
	for _, tc := range []struct {
		line, pattern, why string
		want               grant
	}{
		{"* user=eve lr", "", "", grant{pattern: "*", who: "user=eve", rights: "lr"}},
		{`"a \"b\"" "user=x y" l :read,admin`, "", "", grant{pattern: `a "b"`, who: "user=x y", rights: "l", named: "read,admin"}},
		{"user=eve", "INBOX", "", grant{pattern: "INBOX", who: "user=eve"}},
		{"-group=x lr", "INBOX", "", grant{pattern: "INBOX", who: "-group=x", rights: "lr"}},
		{"*", "", "no rights stand behind the name of a mailbox", grant{pattern: "*"}},
		{"*  user=eve lr", "", "nobody is called ", grant{pattern: "*"}},
		{"* eve lr", "", "nobody is called eve", grant{pattern: "*", who: "eve"}},
		{"* user=eve lR", "", "there are no such rights: lR", grant{pattern: "*", who: "user=eve", rights: "lR"}},
		{`"a`, "", "no rights stand behind the name of a mailbox", grant{}},
	} {
		g, why := parseGrant(tc.line, tc.pattern)
		if why != tc.why || g != tc.want {
			t.Errorf("%q: %+v, %q", tc.line, g, why)
		}
	}
}

func TestWildcard(t *testing.T) {
	for pattern, names := range map[string][2]string{"*": {"INBOX", ""}, "I?B*": {"INBOX", "IBOX"}, "*/Sent": {"shared/a/Sent", "Sent"}, "": {"", "x"}, "a*b*c": {"aXbYbc", "abcd"}} {
		if !wildcard(pattern, names[0]) || names[1] != "" && wildcard(pattern, names[1]) {
			t.Errorf("%q with %q", pattern, names)
		}
	}
}
