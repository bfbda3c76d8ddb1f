package deb_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/rootfs"
)

// TestDebian reads the archive of a real Postfix, and asks Debian's own signature for it.
func TestDebian(t *testing.T) {
	root := lab.Root(t, lab.Parcels)
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	found, _ := filepath.Glob(filepath.Join(root, "/var/cache/apt/archives/postfix_*.deb"))
	if len(found) != 1 {
		t.Fatalf("archives: %q", found)
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	a, err := deb.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	listed, err := lab.Output(t.Context(), root, `dpkg-query -W -f '${Version}' postfix; dpkg-deb --fsys-tarfile "$1" | tar -t | grep -vc '/$'`, "/var/cache/apt/archives/"+filepath.Base(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(listed); a.Package != "postfix" || a.Version+itoa(len(a.Entries)) != want {
		t.Errorf("%s %s with %d files, want %s", a.Package, a.Version, len(a.Entries), want)
	}
	sums, err := lab.Output(t.Context(), root, "cd / && sha256sum usr/sbin/postconf usr/lib/postfix/sbin/smtpd")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(sums) {
		f := strings.Fields(line)
		if e := a.Entries[waxseal.Path("/"+f[1])]; string(e.SHA256) != f[0] || e.Mode != 0o755 {
			t.Errorf("%s: %+v, want %s", f[1], e, f[0])
		}
	}
	if !a.Entries["/etc/postfix/postfix-script"].Configuration || a.Entries["/usr/sbin/postconf"].Configuration {
		t.Error("conffiles are not told from other files")
	}
	at := release(t, root)
	deb.Open(tree, at, nil, time.Time{}).Vouch(&a)
	if !a.Signed || !strings.Contains(a.Voucher, "bookworm") || !strings.Contains(a.Voucher, "signed by Debian") {
		t.Errorf("signed %v: %s", a.Signed, a.Voucher)
	}
	t.Log(a.Voucher)
	never := func(deb.Key) time.Time { return time.Time{} }
	if deb.Open(tree, at, never, at).Vouch(&a); a.Signed || !strings.Contains(a.Voucher, "only after the seal") {
		t.Errorf("by a key that came late: signed %v: %s", a.Signed, a.Voucher)
	}
	other, _ := deb.Read(bytes.NewReader(append(content, '\n')))
	if deb.Open(tree, at, nil, time.Time{}).Vouch(&other); other.Signed {
		t.Error("an archive with another digest is vouched for")
	}
}

// release is when the newest list was made: an old cache of the lab is no old host.
func release(t *testing.T, root string) time.Time {
	t.Helper()
	st, err := os.Stat(filepath.Join(root, "/var/lib/apt/lists"))
	if err != nil {
		t.Fatal(err)
	}
	return st.ModTime()
}

func itoa(n int) string {
	text := ""
	for ; n > 0; n /= 10 {
		text = string(rune('0'+n%10)) + text
	}
	return text
}
