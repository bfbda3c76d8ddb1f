package mailpath_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
)

// TestHomesOf: homes are those of passwd(5), there or not, and what lies in /home.
func TestHomesOf(t *testing.T) {
	for name, tc := range map[string]struct {
		passwd string
		want   []waxseal.Path
	}{
		"accounts":   {"root:x:0:0::/root:/bin/sh\nal:x:1:1::/srv/al/:/bin/sh\nbo:x:2:2::/srv/al:/bin/sh\nx:x:3:3::relative:/bin/sh\nbroken\n", []waxseal.Path{"/home/cy", "/root", "/srv/al"}},
		"unreadable": {"", []waxseal.Path{"/home/cy"}},
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "home/cy"), 0o755); err != nil {
			t.Fatal(err)
		}
		passwd := filepath.Join(dir, "etc/passwd")
		if tc.passwd == "" { // a directory by that name
			passwd += "/x"
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(passwd), 0o755), os.WriteFile(passwd, []byte(tc.passwd), 0o644)); err != nil {
			t.Fatal(err)
		}
		tree, err := rootfs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tree.Close() })
		if got := mailpath.HomesOf(tree); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestOwnFiles: what this configuration looks for in homes counts beside what is usual.
func TestOwnFiles(t *testing.T) {
	names := mailpath.OwnFiles(waxseal.State{Settings: []waxseal.Setting{
		{Name: "forward_path", Value: "$home/.to$recipient_delimiter$extension, ${home}/.mail-to, /var/forward/$user"},
		{Name: "plugin/sieve", Value: "file:~/rules;active=~/.active.sieve"},
		{Name: "mail_location", Value: "maildir:~/Maildir"},
	}})
	for name, want := range map[string]bool{".forward*": true, ".procmailrc": true, ".to*": true, ".mail-to": true, "rules": true, ".active.sieve": true, "Maildir": false, "var": false} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s: %v in %q", name, !want, names)
		}
	}
}
