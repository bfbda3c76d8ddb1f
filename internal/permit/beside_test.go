package permit_test

import (
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
)

// TestBesideContent: an announced content explains the content, and nothing that the same
// change does to the file.
func TestBesideContent(t *testing.T) {
	plain := func() *waxseal.FileState {
		return &waxseal.FileState{File: waxseal.File{Path: mainCF, Type: waxseal.Regular, Mode: 0o644, Links: 1}, Digest: good}
	}
	with := func(change func(*waxseal.FileState)) *waxseal.FileState { f := plain(); change(f); return f }
	for _, tc := range []struct {
		name          string
		before, after *waxseal.FileState
		says          string // "" where it is explained
	}{
		{"the content alone", plain(), plain(), ""},
		{"nothing is known of the file", nil, nil, ""},
		{"fewer may read it", plain(), with(func(f *waxseal.FileState) { f.Mode = 0o600 }), ""},
		{"anybody may write it", plain(), with(func(f *waxseal.FileState) { f.Mode = 0o666 }), "0644 to 0666"},
		{"another owner", plain(), with(func(f *waxseal.FileState) { f.UID = 65534 }), "from 0:0 to 65534:0"},
		{"a link to the content", plain(), with(func(f *waxseal.FileState) { f.Type, f.Link = waxseal.Symlink, "/tmp/x" }), "it is a symlink now"},
		{"a link that was followed", plain(), with(func(f *waxseal.FileState) { f.Link, f.Resolved = "/tmp/x", "/tmp/x" }), "a link"},
		{"a link above it", plain(), with(func(f *waxseal.FileState) { f.Resolved = "/tmp/x" }), "elsewhere"},
		{"a second name", plain(), with(func(f *waxseal.FileState) { f.Links = 2 }), "hard link"},
		{"an ACL", plain(), with(func(f *waxseal.FileState) { f.XAttrs = map[string]waxseal.Digest{"system.posix_acl_access": "x"} }), "extended attributes"},
		{"made immutable", plain(), with(func(f *waxseal.FileState) { f.Flags = []string{"immutable"} }), "flags"},
		{"a new file", nil, plain(), ""},
		{"a new file that was missing", with(func(f *waxseal.FileState) { f.Missing = true }), plain(), ""},
		{"a new file for anybody to write", nil, with(func(f *waxseal.FileState) { f.Mode = 0o646 }), "0646"},
		{"a new file with setuid", nil, with(func(f *waxseal.FileState) { f.Mode = 0o4755 }), "4755"},
		{"a new file with a second name", nil, with(func(f *waxseal.FileState) { f.Links = 2 }), "hard link"},
		{"gone", plain(), with(func(f *waxseal.FileState) { f.Missing = true }), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOffice(t, permit.DefaultRules())
			o.granted(func(r *permit.Request) { r.Expect = map[waxseal.Path]waxseal.Digest{mainCF: good} })
			v := o.Judge(o.made(func(c *permit.Case) { c.Change.Before, c.Change.After = tc.before, tc.after }))
			if (v.Rung == waxseal.RungContentAnnounced) != (tc.says == "") || !strings.Contains(v.Why, tc.says) || v.Alert != (tc.says != "") {
				t.Errorf("%s, alert %t: %s", v.Rung, v.Alert, v.Why)
			}
		})
	}
}

// TestPathsOfPermits: a permit names what it is for, and nothing that a shell would make
// more of.
func TestPathsOfPermits(t *testing.T) {
	for p, says := range map[waxseal.Path]string{
		mainCF: "", "/etc/postfix/": "", "/": "all files", "*": "not absolute", "etc/postfix/": "not absolute", "/etc/postfix/*": "pattern", "/etc/postfix/main.c?": "pattern",
		"/etc/postfix/../shadow": "another name", "/etc/postfix//main.cf": "another name", "/etc/./": "another name", "/..": "another name", "": "not absolute",
	} {
		o := newOffice(t, permit.DefaultRules())
		_, err := o.does("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.Scope.Paths = []waxseal.Path{p} })})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("path %q: %v", p, err)
		}
		_, err = o.does("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) { r.Expect = map[waxseal.Path]waxseal.Digest{p: good} })})
		if want := says == "" && !strings.HasSuffix(string(p), "/"); (err == nil) != want {
			t.Errorf("content of %q: %v", p, err)
		}
	}
	o := newOffice(t, permit.DefaultRules()) // case is told apart, as the kernel does
	o.granted(func(r *permit.Request) {
		r.Scope = permit.Scope{Paths: []waxseal.Path{"/etc/postfix/Main.cf"}, Actors: []uint32{1002}}
	})
	if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungNone {
		t.Errorf("a permit for Main.cf explains main.cf: %+v", v)
	}
}

// TestKeyOfOwnMaking: who makes a change made the approver's key known: that may be one
// person.
func TestKeyOfOwnMaking(t *testing.T) {
	for _, tc := range []struct {
		name string
		by   waxseal.Login
		want waxseal.Rung
	}{
		{"by carol, who makes the change", waxseal.Login{UID: 1002, Grade: waxseal.Proven}, waxseal.RungNone},
		{"by another", waxseal.Login{UID: 1000, Grade: waxseal.Proven}, waxseal.RungPermit},
		{"by nobody who is known", waxseal.Login{UID: waxseal.Unset, Grade: waxseal.Unknown}, waxseal.RungPermit},
	} {
		o := newOffice(t, permit.DefaultRules())
		key := o.ready("dave")
		if err := o.TakeKey(permit.KeyStep{Add: &key, By: waxseal.Actor{Login: tc.by}}, permit.Moment{}); err != nil {
			t.Fatal(err)
		}
		id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) {
			r.Scope = permit.Scope{Paths: []waxseal.Path{mainCF}, Actors: []uint32{1002}}
		})})
		o.must("dave", time.Minute, permit.Step{Kind: permit.Approve, Permit: id})
		if v := o.Judge(o.made(nil)); v.Rung != tc.want || tc.want == waxseal.RungNone && !strings.Contains(v.Why, "made the key known by which dave approved it") {
			t.Errorf("%s: %+v", tc.name, v)
		}
	}
}
