package dovecot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/rootfs"
	"waxseal/internal/testtime"
)

// counting is a tree that counts how often a directory is listed.
type counting struct {
	waxseal.Tree
	listed map[waxseal.Path]int
}

func (c counting) ReadDir(p waxseal.Path) ([]string, error) {
	c.listed[p]++
	return c.Tree.ReadDir(p)
}

// crowd is how many own and how many virtual users there are.
const crowd = 2000

// thousands makes a host with many virtual and many own users, of
// whom every tenth has a script.
func thousands(t *testing.T) string {
	root := t.TempDir()
	put := func(name, text string) {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("etc/dovecot/dovecot.conf", "protocols = lmtp\nmail_home = /var/vmail/%d/%n\nmail_location = maildir:~/Maildir\nprotocol lmtp {\n  mail_plugins = sieve\n}\n")
	var passwd strings.Builder
	script := "require [\"fileinto\"];\nif header :contains \"list-id\" \"x\" { fileinto \"Lists\"; }\n"
	for i := range crowd {
		fmt.Fprintf(&passwd, "u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, 1000+i, 1000+i, i)
		virtual := fmt.Sprintf("var/vmail/d%d.test/v%d", i%50, i)
		if err := errors.Join(os.MkdirAll(filepath.Join(root, virtual, "Maildir"), 0o755), os.MkdirAll(filepath.Join(root, fmt.Sprintf("home/u%d", i)), 0o755)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			put(fmt.Sprintf("home/u%d/.dovecot.sieve", i), script)
			put(virtual+"/.dovecot.sieve", script)
		}
	}
	put("etc/passwd", passwd.String())
	return root
}

// TestThousandsOfHomes: users are found by the names of directories alone, and no
// mailbox is looked into.
func TestThousandsOfHomes(t *testing.T) {
	disk, err := rootfs.Open(thousands(t))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	tree := counting{disk, map[waxseal.Path]int{}}
	var result mta.Result
	took := testtime.Within(t, 20*time.Second, func() {
		result = Read(tree, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages})
	})
	found := 0
	for _, h := range result.Hooks {
		if h.Directive == "fileinto" && h.Active {
			found++
		}
	}
	if found != crowd/5 {
		t.Errorf("%d scripts, want one of ten users", found)
	}
	for p := range tree.listed {
		if strings.Contains(string(p), "Maildir") || strings.HasPrefix(string(p), "/home/u") {
			t.Errorf("%s was listed", p)
		}
	}
	t.Logf("%d users in %v, %d directories listed", 2*crowd, took, len(tree.listed))
}
