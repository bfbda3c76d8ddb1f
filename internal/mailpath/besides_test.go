package mailpath_test

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestBesides: what the administrator names is of the mail path, each file once, and
// nothing that lies elsewhere.
func TestBesides(t *testing.T) {
	file := func(mode uint32, text string) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: mode}, Content: []byte(text)}
	}
	objects := map[waxseal.Path]snapshot.Object{
		"/etc/postfix/main.cf":        file(0o644, "myhostname = mail.example.test\n"),
		"/opt/filters/check.sh":       file(0o755, "#!/bin/sh\nexit 0\n"),
		"/opt/filters/sub/second":     file(0o755, "#!/bin/sh\n"),
		"/opt/filters/check.conf":     file(0o644, "limit = 3\n"),
		"/opt/other/third.sh":         file(0o755, "#!/bin/sh\n"),
		"/usr/local/bin/alone":        file(0o755, "#!/bin/sh\n"),
		"/opt/filters/loop":           {File: waxseal.File{Type: waxseal.Symlink, Link: "."}},
		"/opt/filters/sub/linked.sh":  {File: waxseal.File{Type: waxseal.Symlink, Link: "/opt/other/third.sh"}},
		"/opt/filters/sub/dangling.x": {File: waxseal.File{Type: waxseal.Symlink, Link: "/nowhere"}},
	}
	for _, tc := range []struct {
		name  string
		named []waxseal.Path
		want  string
	}{
		{"nothing by default", nil, ""},
		{"a directory", []waxseal.Path{"/opt/filters"}, "/opt/filters/check.sh /opt/filters/sub/linked.sh /opt/filters/sub/second"},
		{"a file", []waxseal.Path{"/usr/local/bin/alone"}, "/usr/local/bin/alone"},
		{"both, one of them twice", []waxseal.Path{"/usr/local/bin/alone", "/opt/other", "/opt/other/third.sh"}, "/usr/local/bin/alone /opt/other/third.sh"},
		{"what is not there", []waxseal.Path{"/opt/none"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := mailpath.NewReader(mask.New([]byte("key")))
			r.Besides(tc.named)
			state := r.Read(snapshot.New(objects))
			var got []string
			for _, h := range state.Hooks {
				if h.Directive == "MailTransportScriptPath" {
					got = append(got, string(h.Source.Path))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(strings.Fields(tc.want)) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	r := mailpath.NewReader(mask.New([]byte("key")))
	r.Besides([]waxseal.Path{"/opt/filters", "/opt/none"})
	roles := map[waxseal.Path]waxseal.FileState{}
	for _, f := range r.Read(snapshot.New(objects)).Files {
		roles[f.Path] = f
	}
	if roles["/opt/filters/check.conf"].Role != waxseal.RoleFilterConfig || roles["/opt/filters/check.sh"].Role != waxseal.RoleScript || !roles["/opt/none"].Missing || roles["/opt/none"].Path == "" {
		t.Errorf("%+v", roles)
	}
}
