package agent_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab"
)

// engineHost is a Debian with Podman, and shells in it: on the host's process numbers and
// control groups, with files, mounts and a network of its own.
type engineHost struct {
	t    *testing.T
	root string
	in   io.WriteCloser
	out  *bufio.Scanner
	errs bytes.Buffer
}

// startEngine enters the root. What is made of control groups below libpod_parent goes at the end.
const startEngine = `set -e
mount --bind "$ROOT" "$ROOT"; cd "$ROOT"
mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs -o mode=0755 tmpfs run
touch image.tar; mount --bind "$IMAGE" image.tar
pivot_root . .; umount -l .; cd /
ip link set lo up; hostname engine; set +e
while read -r line; do eval "$line" 2>&1; echo "ended $?"; done
podman rm -f -a -t 0 >&2 || :
rmdir /sys/fs/cgroup/libpod_parent/* /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent/* /sys/fs/cgroup/*/libpod_parent 2>&- || :`

func newEngine(t *testing.T) *engineHost {
	t.Helper()
	image, err := lab.Base(t.Context(), "", lab.Mail)
	fine(t, err)
	e := &engineHost{t: t, root: lab.Root(t, lab.Engine)}
	cmd := exec.Command("/bin/bash", "-c", startEngine)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "ROOT=" + e.root, "IMAGE=" + image}
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	cmd.Stderr = &e.errs
	e.in, err = cmd.StdinPipe()
	fine(t, err)
	out, err := cmd.StdoutPipe()
	fine(t, err)
	e.out = bufio.NewScanner(out)
	fine(t, cmd.Start())
	t.Cleanup(func() { // what it started is to be ended by it
		_ = e.in.Close()
		_ = cmd.Wait()
	})
	return e
}

// run runs a line of shell there, and returns what it printed.
func (e *engineHost) run(line string) string {
	e.t.Helper()
	fmt.Fprintln(e.in, line)
	var said []string
	for e.out.Scan() {
		if code, ended := strings.CutPrefix(e.out.Text(), "ended "); ended {
			if code != "0" {
				e.t.Fatalf("%s: exit code %s: %s", line, code, strings.Join(said, "\n"))
			}
			return strings.Join(said, "\n")
		}
		said = append(said, e.out.Text())
	}
	e.t.Fatalf("%s: the engine's host has ended: %s", line, e.errs.String())
	return ""
}

// TestPodman: a Postfix that Podman runs has the name that Podman gave it. A change by
// podman exec is told at once with its hand, and so are podman cp and a container that was
// made anew.
func TestPodman(t *testing.T) {
	needRoot(t)
	e := newEngine(t)
	e.run("podman import -q /image.tar mail:1")
	const start = "podman run -q -d --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --name mail mail:1 sh -c '/usr/lib/postfix/configure-instance.sh - ; exec postfix -c /etc/postfix start-fg'"
	e.run(start)
	dir := t.TempDir()
	h := host{t: t, root: "/", state: filepath.Join(dir, "state"), extra: filepath.Join(dir, "waxseal.yaml")}
	fine(t, os.WriteFile(h.extra, nil, 0o600))
	w := h.watchWith(func(cmd *exec.Cmd) { // to this agent Podman's store is the host's
		cmd.Args = append([]string{"sh", "-c", `mount --bind "$0" /var/lib && exec "$@"`, filepath.Join(e.root, "var/lib"), cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	})
	wait(t, "word of the container", func() bool { return strings.Contains(w.errs.String(), "mail runs in podman mail, which is podman ") })
	tells := func(target string) told {
		t.Helper()
		f := w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
		if f.Change.Path != "podman mail:/etc/postfix/main.cf" || f.Actor == nil || f.Unobserved != nil {
			t.Fatalf("told is %q of %s, nobody saw it: %+v", f.Title, f.Change.Path, f.Unobserved)
		}
		t.Logf("%s told after %s, %s", target, f.at.Sub(f.Seen), f.Actor.Process.Grade)
		return f
	}
	by := func(f told) bool {
		return slices.ContainsFunc(f.Actor.Ancestors, func(p waxseal.Process) bool { return p.Comm == "podman" })
	}

	// In a login session, as sshd sets one up. The names of the container say nothing of it.
	e.run("(echo 1001 >/proc/self/loginuid; podman exec mail sh -c 'echo smtpd_milters = inet:203.0.113.9:8801 >>/etc/postfix/main.cf; sleep 0.3')")
	if f := tells("inet:203.0.113.9:8801"); !strings.HasSuffix(f.Actor.Process.Exe, "sh") || f.Actor.Process.User != "root" || f.Actor.Process.Grade == waxseal.Unknown || !by(f) {
		t.Errorf("by podman exec: %+v below %+v", f.Actor.Process, f.Actor.Ancestors)
	} else if l := f.Actor.Login; l.UID != 1001 || l.Session == waxseal.Unset || strings.Contains(l.Basis, "is not known") || l.Name == "alice" {
		t.Errorf("the login is %+v", l)
	}
	e.run("podman cp mail:/etc/postfix/main.cf /tmp/main.cf && echo smtpd_milters = inet:203.0.113.9:8802 >>/tmp/main.cf && podman cp /tmp/main.cf mail:/etc/postfix/main.cf")
	if f := tells("inet:203.0.113.9:8802"); f.Actor.Process.Comm != "podman" || !slices.Contains(f.Actor.Process.Argv, "cp") {
		t.Errorf("by podman cp: %+v", f.Actor.Process)
	}
	e.run("podman rm -f -t 0 mail && " + start)
	f := w.findWithin(30*time.Second, "what came back with the image", func(f told) bool { return f.Change != nil && f.Change.Container == "podman mail" })
	if f.Unobserved == nil || !strings.Contains(f.Unobserved.Reason, "podman mail was made anew from the image localhost/mail:1") {
		t.Errorf("made anew: %+v", f.Unobserved)
	}
}
