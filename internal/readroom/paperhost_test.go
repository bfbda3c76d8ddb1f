package readroom_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
)

// paperHost is a host on the disk whose papers are read here and apart.
type paperHost struct {
	t     *testing.T
	root  string
	index string
	key   *openpgp.Entity // that signs it, once it is signed
	apart *readroom.Papers
	here  *papers.Here
	trust papers.Trust
	mu    sync.Mutex
	gaps  []waxseal.Gap
}

func newPaperHost(t *testing.T, program string) *paperHost {
	t.Helper()
	dir := t.TempDir()
	h := &paperHost{t: t, root: filepath.Join(dir, "root"), trust: papers.Trust{At: time.Now().Add(time.Minute)}}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(h.root, 0o755)); err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(h.root)
	if err != nil {
		t.Fatal(err)
	}
	h.here = &papers.Here{Tree: tree}
	h.write("/var/log/dpkg.log", "2026-11-30 04:20:00 install mailtool:all <none> 1.0\n2026-11-30 04:20:01 status installed mailtool:all 1.0\n")
	h.write("/etc/apt/sources.list", "deb [signed-by=/usr/share/keyrings/example.gpg] https://example x main\n")
	h.apart = readroom.NewPapers(readroom.Options{Root: h.root, Scratch: filepath.Join(dir, "scratch"), Program: program, Lost: func(g waxseal.Gap) {
		h.mu.Lock()
		h.gaps = append(h.gaps, g)
		h.mu.Unlock()
	}})
	t.Cleanup(func() { h.apart.Close(); tree.Close() })
	return h
}

// apartBy is a host that is read by Waxseal itself.
func apartBy(t *testing.T) *paperHost {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return newPaperHost(t, bin)
}

func (h *paperHost) told() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var text strings.Builder
	for _, g := range h.gaps {
		text.WriteString(g.Reason + "\n")
	}
	return text.String()
}

func (h *paperHost) write(p, text string) {
	h.t.Helper()
	at := filepath.Join(h.root, p)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// archive puts an archive into apt's cache that a signed index names, whatever it is.
func (h *paperHost) archive(name string, content string) waxseal.Path {
	h.t.Helper()
	p := "/var/cache/apt/archives/" + name + "_1.0_all.deb"
	h.write(p, content)
	h.index += fmt.Sprintf("Package: %s\nVersion: 1.0\nSHA256: %x\n\n", name, sha256.Sum256([]byte(content)))
	return waxseal.Path(p)
}

// sign signs the index.
func (h *paperHost) sign() {
	h.t.Helper()
	var err error
	if h.key == nil {
		if h.key, err = openpgp.NewEntity("Example", "", "x@example.test", nil); err != nil {
			h.t.Fatal(err)
		}
	}
	var public, release bytes.Buffer
	w, err := clearsign.Encode(&release, h.key.PrivateKey, nil)
	if err := errors.Join(err, h.key.Serialize(&public)); err != nil {
		h.t.Fatal(err)
	}
	index := "\n" + h.index
	fmt.Fprintf(w, "Origin: Example\nCodename: x\nSHA256:\n %x %d main/binary-all/Packages\n", sha256.Sum256([]byte(index)), len(index))
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.write("/usr/share/keyrings/example.gpg", public.String())
	h.write("/var/lib/apt/lists/example_dists_x_main_binary-all_Packages", index)
	h.write("/var/lib/apt/lists/example_dists_x_InRelease", release.String())
}

// debOf is an archive with a member of data under a name, whatever it is.
func debOf(name, member, data string) string {
	control := "Package: " + name + "\nVersion: 1.0\n"
	return ar("debian-binary", "2.0\n", "control.tar.gz", tarGz("./control", control), member, data)
}

func ar(members ...string) string {
	text := "!<arch>\n"
	for i := 0; i < len(members); i += 2 {
		text += fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", members[i], 0, 0, 0, "100644", len(members[i+1]), members[i+1])
		if len(members[i+1])%2 == 1 {
			text += "\n"
		}
	}
	return text
}

func tarGz(files ...string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o755, Size: int64(len(files[i+1]))})
		if _, more := w.Write([]byte(files[i+1])); err != nil || more != nil {
			panic(errors.Join(err, more))
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

// bigDictionary is the beginning of an xz file whose block asks for a dictionary of 4 GiB,
// 100 bytes of it.
func bigDictionary() string {
	sum := func(b []byte) []byte {
		s := crc32.ChecksumIEEE(b)
		return []byte{byte(s), byte(s >> 8), byte(s >> 16), byte(s >> 24)}
	}
	head, block := []byte{0, 1}, []byte{2, 0, 0x21, 1, 40, 0, 0, 0}
	text := append([]byte("\xfd7zXZ\x00"), head...)
	text = append(append(text, sum(head)...), block...)
	return string(append(text, sum(block)...)) + "\x01\x00\x01xx\x00" + strings.Repeat("\x00", 60)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a process is given another user")
	}
}

// git keeps a history of the host's /etc.
func (h *paperHost) git(args ...string) {
	h.t.Helper()
	dir := filepath.Join(h.root, "etc")
	if _, err := os.Stat(dir + "/.git"); err != nil && args[0] != "init" {
		h.git("init", "-q")
	}
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=etckeeper", "-c", "user.email=root@example.test", "-c", "commit.gpgsign=false"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

// peak is the most memory, in megabytes, that a process has had (VmHWM of proc_pid_status(5)).
func peak(t *testing.T, pid int) (mb int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &mb); err != nil {
		t.Fatal(err)
	}
	return mb >> 10
}

// stop has the process hang.
func (h *paperHost) stop() {
	h.t.Helper()
	pid := h.apart.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		h.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); strings.Contains(string(text), "\nState:\tT") {
			return
		}
	}
	h.t.Fatal("it does not stop")
}

// sqlite makes a database.
func sqlite(t *testing.T, name, schema string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
