package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab"
)

// container is Debian with Postfix as an engine runs it: an overlay over an image, in
// namespaces of its own, with pivot_root(2) into it.
type container struct {
	t          *testing.T
	dir, image string
	cmd        *exec.Cmd
	pid        int
}

const startContainer = `mount -t overlay overlay -o lowerdir=$IMAGE,upperdir=$DIR/upper,workdir=$DIR/work $DIR/merged
cd $DIR/merged && mkdir -p .old && pivot_root . .old && mount -t proc proc /proc && mount -t tmpfs tmpfs /run && umount -l /.old
ip link set lo up; /usr/lib/postfix/configure-instance.sh - && postfix -c /etc/postfix start >&2
echo ready; read end; postfix stop`

func (c *container) name() string { return "overlay " + c.dir + "/upper" }

// start starts the container, which ends with the test.
func (c *container) start() {
	c.t.Helper()
	for _, d := range []string{"upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(c.dir, d), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	c.cmd = exec.Command("/bin/sh", "-c", startContainer)
	c.cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DIR=" + c.dir, "IMAGE=" + c.image}
	c.cmd.SysProcAttr = &unix.SysProcAttr{
		Unshareflags: unix.CLONE_NEWNS, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC, Pdeathsig: unix.SIGKILL,
	}
	var errs bytes.Buffer
	c.cmd.Stderr = &errs
	in, err := c.cmd.StdinPipe()
	fine(c.t, err)
	out, err := c.cmd.StdoutPipe()
	fine(c.t, err)
	fine(c.t, lab.StartBound(c.cmd))
	c.t.Cleanup(func() { _ = in.Close(); c.stop() })
	if n, _ := out.Read(make([]byte, 16)); n == 0 {
		c.t.Fatalf("the container did not start: %s", errs.String())
	}
	c.pid = c.cmd.Process.Pid
}

// stop ends all that runs in it, as an engine does.
func (c *container) stop() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// exec runs a command inside, as an engine's exec does.
func (c *container) exec(script string) {
	c.t.Helper()
	cmd := exec.Command("nsenter", "-t", fmt.Sprint(c.pid), "-m", "-p", "-n", "-r", "-w", "/bin/sh", "-c", script)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// TestMailInContainer: a Postfix in a container is found on the host by its daemons. The
// seal vouches for it, a change inside is told at once with its hand, a permit for the
// host's file is none for the container's, and a container that is made anew is compared
// with the one before.
func TestMailInContainer(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	c := &container{t: t, dir: filepath.Join(dir, "mail"), image: lab.Root(t, lab.Mail)}
	c.start()
	h := host{t: t, root: "/", state: filepath.Join(dir, "state"), extra: filepath.Join(dir, "waxseal.yaml")}
	fine(t, os.WriteFile(h.extra, nil, 0o600))
	inScan(t, h, c)
	h.run("seal")
	if left := inChanges(t, h, c); len(left) > 0 {
		t.Errorf("sealed, and at once changed: %+v", left)
	}
	opens := opensOf(t, c, "/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/passwd", "/etc/aliases", "/var/lib/dpkg/status")
	w := h.watch()
	wait(t, "word of the container at start", func() bool {
		return strings.Contains(w.errs.String(), "mail runs in "+c.name()) && strings.Contains(w.errs.String(), "its files are watched")
	})

	t.Run("read apart", func(t *testing.T) { readApart(t, w, c, opens) })
	t.Run("within a second", func(t *testing.T) { withinASecond(t, w, c) })
	t.Logf("since then its files were opened by %v; the agent is %d", opens.seen(), w.cmd.Process.Pid)
	t.Run("the hand", func(t *testing.T) { theHandInside(t, w, c) })
	t.Run("a moment", func(t *testing.T) {
		w.t = t
		const target = "inet:203.0.113.9:8895"
		c.exec("cd /etc/postfix && cp main.cf /tmp/old && postconf -e smtpd_milters=" + target + " && sleep 0.3 && cat /tmp/old >main.cf")
		w.find("a milter of a moment", func(f told) bool { return f.Change != nil && hands(f, target) })
	})
	t.Run("behind the overlay", func(t *testing.T) { behindOverlay(t, w, c) })
	t.Run("made anew", func(t *testing.T) { madeAnew(t, w, c) })
	t.Run("another one", func(t *testing.T) {
		other := anotherOne(t, w, c)
		t.Run("a reader is lost", func(t *testing.T) { lostReader(t, w, c, other) })
		t.Run("at rest", func(t *testing.T) { atRest(t, w, other) })
	})
	w.t = t
	w.stop()
	if left := inChanges(t, h, c); len(left) == 0 {
		t.Error("check sees nothing of what was changed since the seal")
	}
	c.stop()
	if left := inChanges(t, h, c); len(left) != 1 || left[0].Kind != waxseal.Removed || left[0].Path != waxseal.Path(c.name()+":/") {
		t.Errorf("a sealed container that is gone: %+v", left)
	}
}

// inScan holds what scan says of a container.
func inScan(t *testing.T, h host, c *container) {
	t.Helper()
	out, _ := h.run("scan", "--format", "json")
	var scan struct {
		Stacks []waxseal.Stack
		Hooks  []waxseal.Hook
	}
	fine(t, json.Unmarshal([]byte(out), &scan))
	i := slices.IndexFunc(scan.Stacks, func(s waxseal.Stack) bool { return s.Container == c.name() && s.MTA == "postfix" })
	if i < 0 {
		t.Fatalf("the stacks are %+v", scan.Stacks)
	}
	if s := scan.Stacks[i]; s.Running == nil || !*s.Running || !slices.Contains(s.Config, waxseal.Path(c.name()+":/etc/postfix/main.cf")) {
		t.Errorf("the stack is %+v", s)
	}
	inside := func(hook waxseal.Hook) bool {
		return strings.HasPrefix(string(hook.Source.Path), c.name()+":/etc/") && strings.HasPrefix(hook.Explain, "In "+c.name()+": ")
	}
	if !slices.ContainsFunc(scan.Hooks, inside) {
		t.Errorf("no hook of the container among %d", len(scan.Hooks))
	}
	out, _ = h.run("coverage", "--format", "json")
	var coverage struct {
		Containers []struct {
			Name            string
			Listens, Stacks []string
			Live            bool
		}
	}
	fine(t, json.Unmarshal([]byte(out), &coverage))
	found := false
	for _, d := range coverage.Containers {
		found = found || d.Name == c.name() && d.Live && slices.Contains(d.Stacks, "postfix") && slices.Contains(d.Listens, "tcp 0.0.0.0:25")
	}
	if !found {
		t.Errorf("coverage has %+v", coverage.Containers)
	}
}

// inChanges are the changes in a container since the seal, as check has them.
func inChanges(t *testing.T, h host, c *container) (list []waxseal.Change) {
	t.Helper()
	out, _ := h.run("check", "--format", "json")
	var check struct{ Changes []waxseal.Change }
	fine(t, json.Unmarshal([]byte(out), &check))
	for _, ch := range check.Changes {
		if ch.Container == c.name() && ch.Severity > waxseal.None {
			list = append(list, ch)
		}
	}
	return list
}

// theHandInside: who changed a file is proven by the record of the same inode.
func theHandInside(t *testing.T, w *watch, c *container) {
	w.t = t
	const target = "inet:203.0.113.9:8891"
	c.exec("postconf -e smtpd_milters=" + target)
	f := w.find("the milter", func(f told) bool { return f.Change != nil && hands(f, target) })
	t.Logf("told after %s", f.at.Sub(f.Seen))
	if f.Change.Path != waxseal.Path(c.name()+":/etc/postfix/main.cf") || f.Change.Container != c.name() || f.Severity != waxseal.Critical ||
		!strings.Contains(f.Title, "(in "+c.name()+")") || !strings.HasPrefix(f.Explain, "In "+c.name()) {
		t.Errorf("told is %q, %s, of %s: %s", f.Title, f.Severity, f.Change.Path, f.Explain)
	}
	if f.Actor == nil || f.Unobserved != nil {
		t.Fatalf("nobody saw it: %+v", f.Unobserved)
	}
	if f.Actor.Process.Grade != waxseal.Proven { // audit was slower than the agent's patience
		f = w.find("audit's proof for "+string(f.ID), func(n told) bool { return n.ID == f.ID && n.Actor.Process.Grade == waxseal.Proven })
	}
	if p := f.Actor.Process; !strings.HasSuffix(p.Exe, "/postconf") || p.EUID != 0 || p.User != "root" || !slices.Contains(p.Argv, "smtpd_milters="+target) {
		t.Errorf("the hand is %+v", p)
	}
}

// behindOverlay: who writes on the host into the directory behind the overlay changes what
// the container has, too.
func behindOverlay(t *testing.T, w *watch, c *container) {
	w.t = t
	const target = "inet:203.0.113.9:8896"
	file := filepath.Join(c.dir, "upper/etc/postfix/main.cf")
	if out, err := exec.Command("sh", "-c", "echo smtpd_milters = "+target+" >>"+file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f := w.find("a milter from behind", func(f told) bool { return f.Change != nil && hands(f, target) })
	if f.Actor == nil || f.Unobserved != nil || f.Actor.Process.Comm != "sh" || f.Actor.Process.Grade == waxseal.Unknown || strings.Contains(f.Actor.Process.Basis, "postconf") {
		t.Errorf("the hand is %+v", f.Actor)
	}
	t.Logf("told after %s, %s", f.at.Sub(f.Seen), f.Actor.Process.Grade)
}

// madeAnew: a container from the same image, and one with another configuration, under the
// name that stays.
func madeAnew(t *testing.T, w *watch, c *container) {
	w.t = t
	c.stop()
	const target = "inet:203.0.113.9:8897"
	main := filepath.Join(c.dir, "upper/etc/postfix/main.cf")
	text, err := os.ReadFile(main)
	if err != nil { // nobody has changed it yet
		text, err = os.ReadFile(filepath.Join(c.image, "etc/postfix/main.cf"))
		fine(t, errors.Join(err, os.MkdirAll(filepath.Dir(main), 0o755)))
	}
	fine(t, err)
	fine(t, os.WriteFile(main, append(text, "smtpd_milters = "+target+"\n"...), 0o644))
	c.start()
	f := w.find("what is different in it", func(f told) bool { return f.Change != nil && hands(f, target) })
	if f.Actor == nil || f.Actor.Process.Grade != waxseal.Unknown || f.Unobserved == nil || !strings.Contains(f.Unobserved.Reason, "was started again") {
		t.Errorf("the hand is %+v, and nobody saw it: %+v", f.Actor, f.Unobserved)
	}
}

// anotherOne: a container that no seal knows is told, as grave as what is in it.
func anotherOne(t *testing.T, w *watch, c *container) *container {
	w.t = t
	const target = "inet:203.0.113.9:8899"
	other := &container{t: t, dir: filepath.Join(filepath.Dir(c.dir), "other"), image: c.image}
	etc := filepath.Join(other.dir, "upper/etc/postfix")
	fine(t, os.MkdirAll(etc, 0o755))
	text, err := os.ReadFile(filepath.Join(c.image, "etc/postfix/main.cf"))
	fine(t, err)
	fine(t, os.WriteFile(filepath.Join(etc, "main.cf"), append(text, "smtpd_milters = "+target+"\n"...), 0o644))
	other.start()
	f := w.find("the other container", func(f told) bool { return f.Change != nil && f.Change.Container == other.name() })
	if f.Change.Path != waxseal.Path(other.name()+":/") || f.Change.Kind != waxseal.Added || f.Severity < waxseal.High || !hands(f, target) || f.Actor.Process.Grade != waxseal.Unknown {
		t.Errorf("told is %q, %s, of %s: %q", f.Title, f.Severity, f.Change.Path, f.Reasons)
	}
	return other
}
