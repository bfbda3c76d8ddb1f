package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed boot.sh
var bootScript string

// quiet are units that a lab has no use for: they wait for a network or for devices, or
// work on the host's disk.
var quiet = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
	"fstrim.timer", "getty@tty1.service", "systemd-firstboot.service", "systemd-networkd.service", "systemd-networkd.socket",
	"systemd-networkd-wait-online.service", "systemd-resolved.service", "systemd-timesyncd.service",
}

// Booted returns a lab of the flavour Hands in which systemd is process 1 and has started
// what is enabled, and closes it after the test. On a machine that can't run labs the test
// is skipped, with the reason.
//
// It has a process namespace of its own, as systemd must be process 1 of one. The kernel
// gives its audit, and BPF gives process numbers, to the first such namespace only.
func Booted(t T) *Lab {
	t.Helper()
	l := unstarted(t)
	if err := errors.Join(l.prepareBoot(t.Context()), l.startSystemd("machine"), l.isRunning(t.Context(), "systemctl")); err != nil {
		t.Fatalf("boot the lab: %v", err)
	}
	return l
}

// Managed is Booted for what a machine of its own is not given: systemd runs beside the
// host's process 1, in the first namespaces of processes, users and network, as a manager
// of services that nothing but "systemctl --user" of root speaks to. Nothing else is
// started.
func Managed(t T) *Lab {
	t.Helper()
	l := unstarted(t)
	if err := errors.Join(l.prepareBoot(t.Context()), l.startSystemd("manager"), l.isRunning(t.Context(), "systemctl", "--user")); err != nil {
		t.Fatalf("start systemd in the lab: %v", err)
	}
	return l
}

func unstarted(t T) *Lab {
	t.Helper()
	Require(t)
	l, err := New(t.Context(), Options{Flavour: Hands})
	if err != nil {
		t.Fatalf("new lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close lab: %v", err)
		}
	})
	return l
}

// isRunning waits until systemd has started everything.
func (l *Lab) isRunning(ctx context.Context, systemctl ...string) error {
	if l.keeper == nil {
		return nil // that it did not start is said already
	}
	ask := append([]string{"env", "XDG_RUNTIME_DIR=/run/user/0"}, systemctl...)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, err := l.Exec(ctx, append(slices.Clone(ask), "is-system-running")...)
		switch strings.TrimSpace(out) {
		case "running":
			return nil
		case "degraded":
			failed, _ := l.Exec(ctx, append(slices.Clone(ask), "list-units", "--failed", "--plain", "--no-legend")...)
			return fmt.Errorf("not everything started: %s", failed)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			console, _ := os.ReadFile(filepath.Join(l.Dir, "console"))
			return fmt.Errorf("it does not come up: %w: %s", err, tail(string(console), 5))
		}
	}
}

// prepareBoot writes what a machine has before it boots.
func (l *Lab) prepareBoot(ctx context.Context) error {
	const script = `for unit; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
echo 5ea1ed0000000000000000000000ab1e >/etc/machine-id`
	_, err := Output(ctx, l.Root, script, quiet...)
	return err
}

// startSystemd starts systemd, in cgroups of its own.
func (l *Lab) startSystemd(mode string) error {
	sweepGroups()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	l.keeperIn = out
	console, err := os.Create(filepath.Join(l.Dir, "console"))
	if err != nil {
		return err
	}
	defer console.Close()
	// It waits until it is in its cgroups: these are the ones it will see as the top.
	cmd := exec.Command("/bin/sh", "-c", `read -r go && exec unshare --cgroup /bin/sh -c "$@"`, "wait", bootScript, "boot", l.Root, mode,
		ServerAddr, AttackerAddr, SenderAddr, RogueAddr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = in, console, console, environ, "/"
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Cloneflags: unix.CLONE_NEWUTS | unix.CLONE_NEWIPC, Pdeathsig: unix.SIGKILL, Setpgid: true}
	if mode == "machine" {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWNET
	}
	if err := StartBound(cmd); err != nil {
		return err
	}
	l.keeper, l.booted = cmd, true
	if l.groups, err = newGroups(filepath.Base(l.Dir), cmd.Process.Pid); err != nil {
		return err
	}
	_, err = out.WriteString("go\n")
	return err
}

// hierarchies are the directories of this process's own cgroups in the hierarchies that
// systemd uses.
func hierarchies() (dirs []string) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	own, err2 := os.ReadFile("/proc/self/cgroup")
	if err != nil || err2 != nil {
		return nil // no cgroups
	}
	paths := map[string]string{}
	for line := range strings.Lines(string(own)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			paths[f[1]] = f[2]
		}
	}
	for line := range strings.Lines(string(table)) {
		mount, source, found := strings.Cut(strings.TrimSpace(line), " - ")
		f, kind := strings.Fields(mount), strings.Fields(source)
		if !found || len(f) < 5 || len(kind) < 3 || !strings.HasPrefix(kind[0], "cgroup") {
			continue
		}
		for _, name := range []string{"", "cpu", "cpuacct", "memory", "pids", "name=systemd"} {
			isIt := kind[0] == "cgroup2" && name == "" || kind[0] == "cgroup" && name != "" && slices.Contains(strings.Split(kind[2], ","), name)
			if path, ok := paths[name]; isIt && ok {
				dirs = append(dirs, filepath.Join(f[4], path))
			}
		}
	}
	return dirs
}

// newGroups makes a cgroup of a name in each hierarchy and puts a process there.
func newGroups(name string, pid int) (groups []string, err error) {
	for _, dir := range hierarchies() {
		// Of one hierarchy: what may be bounded below. A host may not allow it.
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu +memory +pids"), 0)
		group := filepath.Join(dir, name)
		if err := os.Mkdir(group, 0o755); err != nil {
			return groups, err
		}
		groups = append(groups, group)
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return groups, err
		}
	}
	return groups, nil
}

// removeGroups removes cgroups with all below, and ends what is still in them.
func removeGroups(groups []string) error {
	var problems []error
	for _, group := range groups {
		deadline := time.Now().Add(5 * time.Second)
		for err := removeGroup(group); err != nil; err = removeGroup(group) {
			if time.Now().After(deadline) {
				problems = append(problems, err)
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return errors.Join(problems...)
}

func removeGroup(group string) error {
	members, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	for _, word := range strings.Fields(string(members)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
	}
	inner, _ := os.ReadDir(group) // gone already
	for _, e := range inner {
		if e.IsDir() {
			if err := removeGroup(filepath.Join(group, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(group); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove cgroup %s: %w", group, err)
	}
	return nil
}

// sweepGroups removes the cgroups of labs whose directories have gone: of a test that was
// killed.
func sweepGroups() {
	for _, dir := range hierarchies() {
		groups, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
		for _, group := range groups {
			if _, err := os.Stat(filepath.Join(os.TempDir(), filepath.Base(group))); errors.Is(err, os.ErrNotExist) {
				_ = removeGroup(group)
			}
		}
	}
}
