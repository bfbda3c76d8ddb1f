package mailpath_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
)

// TestRealSurroundings: around a real Debian's Postfix is no hook, and there is
// one for each thing that is put there.
func TestRealSurroundings(t *testing.T) {
	l := lab.Fresh(t)
	tree, err := rootfs.Open(l.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	reader := mailpath.NewReader(mask.New([]byte("key")))
	before := reader.Read(tree)
	for _, h := range before.Hooks {
		if h.MTA == waxseal.HostStack && h.Source.Path != "/etc/sudoers.d/alice" { // the lab's own
			t.Errorf("a hook around a fresh Postfix: %s: %s", h.ID, h.Explain)
		}
	}
	libraries := 0
	for _, f := range before.Files {
		if strings.Contains(string(f.Path), "/libpostfix-") && f.Role == waxseal.RoleLibrary && f.Digest != "" {
			libraries++
		}
	}
	if libraries < 3 {
		t.Errorf("%d libraries of Postfix are in the mail set", libraries)
	}
	planted := map[string]string{
		"/etc/systemd/system/postfix@-.service.d/x.conf": "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/x.so\n",
		"/etc/rsyslog.d/00-x.conf":                       "mail.* stop\n",
		"/etc/cron.d/x":                                  "* * * * * root cp -a /var/mail /srv\n",
		"/usr/local/sbin/sendmail":                       "#!/bin/sh\n",
		"/etc/network/if-up.d/postfix":                   "#!/bin/sh\ncp /etc/x /etc/postfix/main.cf\n",
	}
	for name, content := range planted {
		at := filepath.Join(l.Root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	after := reader.Read(tree)
	for name := range planted {
		h := hook(t, after, "host:"+name)
		if !h.Active || len(h.Closure) == 0 || part(t, h, waxseal.Path(name)).PackageState == waxseal.PackageUnmodified {
			t.Errorf("%+v", h)
		}
	}
}
