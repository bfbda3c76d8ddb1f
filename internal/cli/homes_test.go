package cli_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// homes is how many users a large hosting server has.
const homes = 10_000

// BenchmarkHomes measures scan of a server with ten thousand homes, each with rules in
// Sieve, a forward file and rules of procmail, as a whole process whose files are in the
// kernel's memory. It is to take less than 2 s.
func BenchmarkHomes(b *testing.B) {
	bin := program(b)
	root, size := hosting(b, homes)
	b.Run("scan", func(b *testing.B) { process(b, size, bin, "scan", "--root", root, "--format", "json") })
}

// hosting writes a server with so many homes, and returns how many bytes of rules it has.
func hosting(b *testing.B, homes int) (root string, size int64) {
	b.Helper()
	root = b.TempDir()
	put := func(name string, mode os.FileMode, text string) {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), mode)); err != nil {
			b.Fatal(err)
		}
		size += int64(len(text))
	}
	put("etc/postfix/main.cf", 0o644, "compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = $myhostname, localhost\nalias_maps = hash:/etc/aliases\nmailbox_command = /usr/bin/procmail -a \"$EXTENSION\"\n")
	put("etc/postfix/master.cf", 0o644, "smtp inet n - y - - smtpd\nlocal unix - n n - - local\nrewrite unix - - y - - trivial-rewrite\ncleanup unix n - y - 0 cleanup\n")
	put("etc/dovecot/dovecot.conf", 0o644, "protocols = imap lmtp\nmail_location = maildir:~/Maildir\nuserdb {\n  driver = passwd\n}\nprotocol lmtp {\n  mail_plugins = sieve\n}\n")
	put("etc/aliases", 0o644, "postmaster: root\n")
	passwd := "root:x:0:0::/root:/bin/sh\n"
	for i := range homes {
		passwd += fmt.Sprintf("u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, 2000+i, 2000+i, i)
	}
	put("etc/passwd", 0o644, passwd)
	put("etc/group", 0o644, strings.ReplaceAll(passwd, "/bin/sh", ""))
	for i := range homes {
		home := fmt.Sprintf("home/u%d/", i)
		put(home+".dovecot.sieve", 0o600, fmt.Sprintf("require [\"fileinto\", \"vacation\"];\nif header :contains \"list-id\" \"list%d.example\" { fileinto \"Lists\"; }\nvacation :days 7 \"I am away.\";\n", i))
		put(home+".procmailrc", 0o600, "MAILDIR=$HOME/Maildir\n:0:\n* ^X-Spam-Flag: YES\n.Spam/\n\n:0:\n* ^List-Id:.*debian\n.lists/\n")
		put(home+".forward", 0o600, fmt.Sprintf("\\u%d, u%d@mail.example.net\n", i, i))
		if os.Geteuid() != 0 {
			continue
		}
		for _, name := range []string{"", ".dovecot.sieve", ".procmailrc", ".forward"} {
			if err := os.Chown(filepath.Join(root, home, name), 2000+i, 2000+i); err != nil {
				b.Fatal(err)
			}
		}
	}
	return root, size
}
