package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

// rpmHost is a root that rpm made, with a Postfix configuration: rpm itself came as a
// package, so that what it does there is a package manager's own hand.
type rpmHost struct {
	host
	home string // of the key that packages are signed with
}

// rpmSpec is a package: name, version, a script that runs after it is installed, the
// commands that lay out its files, and these.
const rpmSpec = `Name: %s
Version: %s
Release: 1
Summary: x
License: x
AutoReqProv: no
%%global debug_package %%{nil}
%%global __os_install_post %%{nil}
%%description
x
%s
%%install
%s
%%files
%%defattr(-,root,root)
%s
`

func newRPMHost(t *testing.T) rpmHost {
	t.Helper()
	needRoot(t)
	lab.Require(t)
	h := rpmHost{host: postfixTree(t, map[string]string{
		"/etc/postfix/main.cf":   "myhostname = mail.example.test\nmailbox_command = /usr/lib/mailtool/deliver\n",
		"/etc/postfix/master.cf": "smtp      inet  n       -       y       -       -       smtpd\nlocal     unix  -       n       n       -       -       local\n",
		"/etc/group":             "root:x:0:\n", "/etc/rpm/macros": "%_dbpath /var/lib/rpm\n%_db_backend sqlite\n", "/tmp/x": "", "/var/tmp/x": "",
	})}
	h.copyProgram("/usr/bin/rpm", "/bin/sh", "/bin/cat", "/bin/sleep")
	h.write("/usr/lib/rpm/x", "")
	h.outside("cp", "-a", "/usr/lib/rpm/.", h.path("/usr/lib/rpm/"))
	home, err := os.MkdirTemp("", "wx") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	h.home = home
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	h.outside("gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Example Packages", "rsa2048", "sign")
	h.write("/etc/pki/rpm-gpg/RPM-GPG-KEY-example", h.outside("gpg", "--homedir", home, "--batch", "--armor", "--export"))
	own := h.pack("rpm", "1", "", "install -D -m 0755 /usr/bin/rpm %{buildroot}/usr/bin/rpm", "/usr/bin/rpm")
	h.outside("rpm", "--root", h.root, "--dbpath", "/var/lib/rpm", "-i", "--nodeps", "--nosignature", "--replacefiles", own, h.tool("1.0", deliver1, ""))
	return h
}

// copyProgram puts programs into the root, with what they are linked to.
func (h rpmHost) copyProgram(programs ...string) {
	h.t.Helper()
	libraries := regexp.MustCompile(`(/\S+) \(0x`)
	for _, p := range programs {
		files := []string{p}
		for _, m := range libraries.FindAllStringSubmatch(h.outside("ldd", p), -1) {
			files = append(files, m[1])
		}
		for _, f := range files {
			content, err := os.ReadFile(f)
			if err != nil {
				h.t.Fatal(err)
			}
			h.write(f, string(content))
			if err := os.Chmod(h.path(f), 0o755); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// outside runs a program of this machine, which must succeed.
func (h rpmHost) outside(name string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+h.t.TempDir(), "LC_ALL=C")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%s %q: %v\n%s", name, args, err, errs.String())
	}
	return string(out)
}

// pack builds a package and signs it.
func (h rpmHost) pack(name, version, post, install, files string) string {
	h.t.Helper()
	archive := h.unsigned(name, version, post, install, files)
	h.outside("rpmsign", "--define", "_gpg_name Example Packages", "--define", "_gpg_path "+h.home, "--define", "__gpg /usr/bin/gpg", "--addsign", archive)
	return archive
}

func (h rpmHost) unsigned(name, version, post, install, files string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	spec := filepath.Join(dir, name+".spec")
	if err := os.WriteFile(spec, fmt.Appendf(nil, rpmSpec, name, version, post, install, files), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.outside("rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir, "--define", "_build_id_links none", spec)
	made, _ := filepath.Glob(filepath.Join(dir, "RPMS/*/*.rpm"))
	if len(made) != 1 {
		h.t.Fatalf("rpmbuild made %q", made)
	}
	return made[0]
}

const rpmTool = "/usr/lib/mailtool/deliver"

func toolFiles(text string) (install, files string) {
	return "mkdir -p %{buildroot}/usr/lib/mailtool\ncat >%{buildroot}" + rpmTool + " <<'EOF'\n" + text + "EOF\n", "%attr(0755,root,root) " + rpmTool
}

// tool is a signed version of the package that delivers mail.
func (h rpmHost) tool(version, text, post string) string {
	install, files := toolFiles(text)
	return h.pack("mailtool", version, post, install, files)
}

// update runs the root's own rpm in it.
func (h rpmHost) update(archive string) {
	h.t.Helper()
	content, err := os.ReadFile(archive)
	if err != nil {
		h.t.Fatal(err)
	}
	name := "/var/tmp/" + filepath.Base(archive)
	h.write(name, string(content))
	if out, err := lab.Command(h.t.Context(), h.root, "/usr/bin/rpm", "-U", "--nodeps", name).CombinedOutput(); err != nil {
		h.t.Fatalf("rpm -U: %v: %s", err, out)
	}
}

// told is all that is told of an update.
func (h rpmHost) told(w *watch) (list []told) {
	h.t.Helper()
	for _, f := range w.until("the package", func(f told) bool { return f.Change != nil && len(f.Change.Packages) > 0 }) {
		list = append(list, f)
	}
	return list
}

// TestUpgradeByRPM: a real rpm -U under the agent's eyes: an ordinary one, one whose
// scriptlet slips in a pipe transport, one that nobody signed, and one that was not rpm's.
func TestUpgradeByRPM(t *testing.T) {
	h := newRPMHost(t)
	h.must("seal")
	w := h.watch()
	step := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { h.t, w.t = t, t; f(t) })
	}
	step("ordinary", func(t *testing.T) {
		h.update(h.tool("1.1", newer, ""))
		list := h.told(w)
		quiet(t, list)
		f := packaged(t, list, "mailtool")
		w.rung(f, waxseal.RungPackageVerified, waxseal.Info)
		for _, want := range []string{"mailtool 1.1-1", "proven: rpm", "by the signed archive", "Example Packages"} {
			if !strings.Contains(f.Expected, want) {
				t.Errorf("%q does not say %q", f.Expected, want)
			}
		}
	})
	step("slipped in by the scriptlet", func(t *testing.T) {
		h.update(h.tool("1.2", newer+"# again\n", "%post\ncat >>/etc/postfix/master.cf <<'EOF'\narchive unix - n n - - pipe\n  flags=R user=nobody argv=/var/tmp/.x/run ${recipient}\nEOF\necho default_transport=archive >>/etc/postfix/main.cf"))
		list := h.told(w)
		w.rung(packaged(t, list, "mailtool"), waxseal.RungPackageVerified, waxseal.Info)
		slipped := 0
		for _, f := range latest(list) {
			if f.Severity < waxseal.High {
				continue
			}
			slipped++
			if f.Rung != waxseal.RungNone || !strings.Contains(strings.Join(f.Reasons, "\n"), "mailtool 1.2-1") || !strings.HasPrefix(string(f.Change.Path), "/etc/postfix/") {
				t.Errorf("%s %s: %q, %s: %s", f.Severity, f.Title, f.Reasons, f.Rung, f.Expected)
			}
		}
		if slipped == 0 {
			t.Errorf("what was slipped in is not told: %d findings", len(list))
		}
	})
	step("looked at in the middle", func(t *testing.T) {
		wait := "%post\n: >/var/tmp/begun\nwhile ! [ -e /var/tmp/go ]; do sleep 0.05; done\n"
		archive, done := h.tool("1.2.1", newer+"# again, and slowly\n", wait), make(chan struct{})
		go func() { defer close(done); h.update(archive) }()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if _, err := os.Stat(h.path("/var/tmp/begun")); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		// Somebody else's change has the agent look while rpm is still at work.
		h.append("/etc/postfix/main.cf", "message_size_limit = 20480000\n")
		w.find("the limit", func(f told) bool { return f.Change != nil && f.Change.Path == "/etc/postfix/main.cf" })
		h.write("/var/tmp/go", "")
		<-done
		// While rpm has not erased the version before there are two.
		for _, version := range []string{"1.2-1 1.2.1-1", "1.2.1-1"} {
			f := w.find("the package, "+version, func(f told) bool {
				return f.Change != nil && len(f.Change.Packages) > 0 && f.Change.Packages[0].After.Version == version
			})
			w.rung(f, waxseal.RungPackageVerified, waxseal.Info)
		}
	})
	step("nobody signed", func(t *testing.T) {
		install, files := toolFiles(newer + "# and again\n")
		h.update(h.unsigned("mailtool", "1.3", "", install, files))
		// It may be told before the agent has read that rpm wrote the transaction down.
		f := w.find("the package, explained by its window", func(f told) bool {
			return f.Change != nil && len(f.Change.Packages) > 0 && f.Change.Packages[0].After.Version == "1.3-1" && f.Rung != waxseal.RungNone
		})
		w.rung(f, waxseal.RungWindow, waxseal.Medium)
		if !strings.Contains(f.Expected, "local database alone") || !strings.Contains(f.Expected, "nobody signed its header") {
			t.Errorf("%s", f.Expected)
		}
	})
	step("not by rpm", func(t *testing.T) {
		h.write(rpmTool, deliver1+"exec /tmp/run\n")
		f := w.find("the script", func(f told) bool { return f.Change != nil && f.Change.Path == rpmTool })
		if f.Severity < waxseal.High || f.Rung != waxseal.RungNone {
			t.Errorf("%s, %s: %s", f.Severity, f.Rung, f.Expected)
		}
	})
	w.t = t
	w.stop()
	w.must("ledger", "verify")
}
