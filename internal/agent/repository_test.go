package agent_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"waxseal/internal/lab"
)

// repository is one of apt's, signed, inside a lab.
type repository struct {
	t     testing.TB
	lab   *lab.Lab
	key   *openpgp.Entity
	index string
}

// newRepository makes the lab's apt believe in a repository of its own only.
func newRepository(t testing.TB, l *lab.Lab) *repository {
	t.Helper()
	key, err := openpgp.NewEntity("Example Packages", "", "packages@example.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{t: t, lab: l, key: key}
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	r.write("/etc/apt/trusted.gpg.d/example.gpg", public.String(), 0o644)
	r.write("/etc/apt/sources.list", "deb copy:/srv/repository ./\n", 0o644)
	return r
}

func (r *repository) write(p, text string, mode os.FileMode) {
	r.t.Helper()
	name := filepath.Join(r.lab.Root, p)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) run(script string) string {
	r.t.Helper()
	out, err := r.lab.Exec(r.t.Context(), "/bin/sh", "-c", script)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// build makes an archive with dpkg-deb(1) and returns its path in the lab.
func (r *repository) build(name, version string, files map[string]string, scripts map[string]string) string {
	r.t.Helper()
	dir := fmt.Sprintf("/srv/build/%s-%s", name, version)
	r.write(dir+"/DEBIAN/control", fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Example <packages@example.test>\nDescription: a small package\n", name, version), 0o644)
	conffiles := ""
	for p, text := range files {
		r.write(dir+p, text, 0o755)
		if strings.HasPrefix(p, "/etc/") {
			conffiles += p + "\n"
		}
	}
	if conffiles != "" {
		r.write(dir+"/DEBIAN/conffiles", conffiles, 0o644)
	}
	for p, text := range scripts {
		r.write(dir+"/DEBIAN/"+p, "#!/bin/sh\nset -e\n"+text, 0o755)
	}
	r.run("cd " + dir + " && find . -type f ! -path './DEBIAN/*' -printf '%P\\0' | xargs -0r md5sum >/tmp/sums && mv /tmp/sums DEBIAN/md5sums")
	return r.pack(dir)
}

func (r *repository) pack(dir string) string {
	r.t.Helper()
	r.run("mkdir -p /srv/archives && dpkg-deb --root-owner-group -Zgzip -b " + dir + " /srv/archives")
	out := r.run("ls -t /srv/archives/*.deb | head -1")
	return strings.TrimSpace(out)
}

// publish signs for archives, with those that were published before.
func (r *repository) publish(archives ...string) {
	r.t.Helper()
	for _, a := range archives {
		name := filepath.Base(a)
		r.run("mkdir -p /srv/repository && cp " + a + " /srv/repository/")
		content, err := r.lab.ReadFile(a)
		if err != nil {
			r.t.Fatal(err)
		}
		r.index += strings.TrimSpace(r.run("dpkg-deb -f "+a)) + fmt.Sprintf("\nFilename: ./%s\nSize: %d\nSHA256: %x\n\n", name, len(content), sha256.Sum256(content))
	}
	r.write("/srv/repository/Packages", r.index, 0o644)
	release := fmt.Sprintf("Origin: Example\nCodename: lab\nDate: %s\nSHA256:\n %x %d Packages\n", time.Now().UTC().Format(time.RFC1123), sha256.Sum256([]byte(r.index)), len(r.index))
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, r.key.PrivateKey, nil)
	if err == nil {
		_, err = w.Write([]byte(release))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.write("/srv/repository/InRelease", signed.String(), 0o644)
	r.run("apt-get -q update")
}
