package cli_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

const domains = 1000

// BenchmarkMillion measures scan and diff of a server with a thousand virtual
// domains and an alias map of up to a million entries, of which one is changed:
// as text alone, and with the compiled map that postmap(1) made of it. Each is a
// whole process. Time and memory must grow with the entries and not faster; a
// million are to take less than 3 s.
func BenchmarkMillion(b *testing.B) {
	bin := program(b)
	for _, entries := range []int{250_000, 500_000, 1_000_000} {
		before, after := virtual(b, entries, -1), virtual(b, entries, entries/2)
		scanAndDiff(b, "text/"+strconv.Itoa(entries/1000)+"k", bin, before, after)
		postmap(b, before, after)
		scanAndDiff(b, "compiled/"+strconv.Itoa(entries/1000)+"k", bin, before, after)
	}
}

func scanAndDiff(b *testing.B, name, bin, before, after string) {
	size := sizeOf(b, before)
	b.Run(name+"/scan", func(b *testing.B) { process(b, size, bin, "scan", "--root", before, "--format", "json") })
	b.Run(name+"/diff", func(b *testing.B) { process(b, 2*size, bin, "diff", before, after, "--format", "json") })
}

// virtual writes a mail server with so many aliases; that of number foreign leads
// out of its domains.
func virtual(b *testing.B, entries, foreign int) (root string) {
	b.Helper()
	root = b.TempDir()
	for name, text := range map[string]string{
		"etc/hostname": "mail\n", "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/aliases": "postmaster: root\n",
		"etc/postfix/main.cf": "compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = $myhostname, localhost\nalias_maps = hash:/etc/aliases\n" +
			"virtual_alias_domains = hash:/etc/postfix/domains\nvirtual_alias_maps = hash:/etc/postfix/virtual\n",
		"etc/postfix/master.cf": "smtp inet n - y - - smtpd\nlocal unix - n n - - local\nrewrite unix - - y - - trivial-rewrite\ncleanup unix n - y - 0 cleanup\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	table(b, root+"/etc/postfix/domains", domains, func(i int) string { return fmt.Sprintf("d%d.example.net ok\n", i) })
	table(b, root+"/etc/postfix/virtual", entries, func(i int) string {
		if i == foreign {
			return fmt.Sprintf("user%d@d%d.example.net drop@evil.example.org\n", i, i%domains)
		}
		return fmt.Sprintf("user%d@d%d.example.net box%d@d%d.example.net\n", i, i%domains, i, (i+7)%domains)
	})
	return root
}

func table(b *testing.B, name string, entries int, line func(int) string) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range entries {
		w.WriteString(line(i)) // its error stays until Flush
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}

// postmap compiles the maps of servers with the real postmap(1), in a real Debian.
func postmap(b *testing.B, servers ...string) {
	b.Helper()
	debian := stock(b)
	for _, server := range servers {
		for _, name := range []string{"virtual", "domains"} {
			text := filepath.Join(server, "etc/postfix", name)
			move(b, text, debian+"/tmp/"+name)
			if out, err := exec.Command("chroot", debian, "postmap", "hash:/tmp/"+name).CombinedOutput(); err != nil {
				b.Fatalf("postmap: %v: %s", err, out)
			}
			move(b, debian+"/tmp/"+name, text)
			move(b, debian+"/tmp/"+name+".db", text+".db")
		}
	}
}

func move(b *testing.B, from, to string) {
	b.Helper()
	if out, err := exec.Command("mv", from, to).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// sizeOf is how many bytes of maps a server has.
func sizeOf(b *testing.B, root string) (size int64) {
	b.Helper()
	names, err := filepath.Glob(root + "/etc/postfix/*")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		st, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		size += st.Size()
	}
	return size
}
