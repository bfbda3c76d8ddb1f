// Package lab builds throw-away mail servers: a real Debian with Postfix, sshd
// and a system log, walled off from the machine it runs on, for the
// demonstration and the end-to-end tests.
//
// A lab is a directory with a root in it and, once started, a set of
// namespaces (mounts, processes, network, host name, IPC) whose process 1 ends
// with the program that made the lab, and everything in the lab with it. The
// lab shares the host's kernel: its files are watched by the host's fanotify,
// and its processes show in the host's audit records, with the same process
// numbers.
//
// It does not hold off an attacker: root inside a lab is root.
package lab

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The addresses of a lab's world, all on the loopback device of its own
// network.
const (
	ServerAddr   = "192.0.2.10"   // mail.example.test
	AttackerAddr = "198.51.100.7" // where SSH logins come from
	SenderAddr   = "192.0.2.25"   // client.example.net, which sends mail
	RogueAddr    = "203.0.113.9"  // a host that has no business with our mail
)

// RogueMilter is where the demonstration's milter listens.
const RogueMilter = RogueAddr + ":8891"

// Options are the choices of a new lab; the zero value is a good one.
type Options struct {
	CacheDir string // of Base; CacheDir() when empty
	TempDir  string // where the lab's directory is made; os.TempDir() when empty
	Flavour  Flavour
}

// Lab is one throw-away mail server. Its methods may be called from several
// goroutines, Start and Close excepted.
type Lab struct {
	// Dir is the lab's own directory, which Close removes; a test may keep
	// things there, such as an agent's state.
	Dir string
	// Root is the mail server's root directory.
	Root string
	// AliceKey is the fingerprint ("SHA256:…") of the key that SSH uses, known
	// once the lab is started.
	AliceKey string

	keeper, syslog *exec.Cmd
	keeperIn       *os.File
	booted         bool     // process 1 is systemd, which has cgroups of its own
	groups         []string // these

	mu      sync.Mutex
	milters []*Milter
}

//go:embed keeper.sh
var keeperScript string

// New makes a lab's directory from the base. Nothing runs in it yet.
func New(ctx context.Context, options Options) (*Lab, error) {
	if err := Lacks(); err != nil {
		return nil, err
	}
	base, err := Base(ctx, options.CacheDir, options.Flavour)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(options.TempDir, prefix)
	if err != nil {
		return nil, err
	}
	l := &Lab{Dir: dir, Root: filepath.Join(dir, "root")}
	if err := l.unpack(ctx, base); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) unpack(ctx context.Context, base string) error {
	if err := writeOwner(l.Dir); err != nil {
		return err
	}
	if err := os.Mkdir(l.Root, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "tar", "--extract", "--file", base, "--directory", l.Root,
		"--same-permissions", "--same-owner", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=./dev/*")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("unpack %q: %w: %s", base, err, tail(string(out), 5))
	}
	return nil
}

// Start boots the lab: namespaces, system log, Postfix, sshd.
func (l *Lab) Start(ctx context.Context) error {
	if l.keeper != nil {
		return errors.New("the lab is started already")
	}
	if err := l.startKeeper(); err != nil {
		return fmt.Errorf("start the lab's namespaces: %w", err)
	}
	if err := l.startSyslog(ctx); err != nil {
		return fmt.Errorf("start the lab's system log: %w", err)
	}
	for _, script := range []string{
		"ssh-keygen -q -t ed25519 -N '' -C mail -f /etc/ssh/ssh_host_ed25519_key",
		"install -d -m 0700 /root/.ssh && install -d -m 0700 -o alice -g alice /home/alice/.ssh",
		"ssh-keygen -q -t ed25519 -N '' -C alice -f /root/.ssh/alice",
		"install -m 0600 -o alice -g alice /root/.ssh/alice.pub /home/alice/.ssh/authorized_keys",
		"/usr/lib/postfix/configure-instance.sh - && postfix -c /etc/postfix start",
		"/usr/sbin/sshd",
	} {
		if _, err := l.Exec(ctx, "/bin/sh", "-c", script); err != nil {
			return fmt.Errorf("boot the lab: %w", err)
		}
	}
	key, err := l.Exec(ctx, "ssh-keygen", "-l", "-f", "/root/.ssh/alice.pub")
	if err != nil {
		return err
	}
	if fields := strings.Fields(key); len(fields) > 1 {
		l.AliceKey = fields[1]
	}
	return l.waitPort(ctx, "25")
}

// startKeeper starts process 1 of the lab. The kernel ends it when this
// program ends, by the pipe on its standard input and by its death signal;
// with it ends everything in its process namespace, and the mounts go too.
func (l *Lab) startKeeper() error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	ready, said, err := os.Pipe()
	if err != nil {
		return errors.Join(err, out.Close())
	}
	defer ready.Close()
	defer said.Close()
	var complaint bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", keeperScript, "keeper", ServerAddr, AttackerAddr, SenderAddr, RogueAddr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = in, said, &complaint, environ, "/"
	cmd.SysProcAttr = &unix.SysProcAttr{
		Chroot: l.Root,
		// Unshareflags, unlike Cloneflags, also makes the mounts private first.
		Unshareflags: unix.CLONE_NEWNS,
		Cloneflags:   unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:    unix.SIGKILL,
		Setpgid:      true, // the terminal's Ctrl-C is for the program alone
	}
	if err := StartBound(cmd); err != nil {
		return errors.Join(err, out.Close())
	}
	l.keeper, l.keeperIn = cmd, out
	said.Close()
	if line, err := bufio.NewReader(ready).ReadString('\n'); line != "ready\n" {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("%w: %s", err, complaint.String())
	}
	return nil
}

// startSyslog starts rsyslogd in the lab, yet in the host's process namespace,
// so that the process numbers it learns from the kernel and writes are those
// that kernel audit knows. So it is ended by its own death signal.
func (l *Lab) startSyslog(ctx context.Context) error {
	cmd := exec.Command("nsenter", l.enterFlags("--mount", "--uts", "--ipc", "--net", "--root", "--wd")...)
	cmd.Args = append(cmd.Args, "/usr/sbin/rsyslogd", "-n", "-i", "NONE")
	cmd.Env = environ
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := StartBound(cmd); err != nil {
		return err
	}
	l.syslog = cmd
	for range 200 {
		if _, err := l.Exec(ctx, "test", "-S", "/dev/log", "-a", "-S", "/var/spool/postfix/dev/log"); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("no log socket appeared: %s", complaint.String())
}

// StartBound starts cmd, whose Pdeathsig then comes when this program ends: the
// kernel sends it at the end of the thread that started the child, so that
// thread is kept until cmd ends.
func StartBound(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			// Wait for the end without taking the status, which is Wait's.
			unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		}
	}()
	return <-started
}

// Close ends everything in the lab, waits for it, and removes the directory.
// It refuses to remove a directory below which something is mounted. It may be
// called twice.
func (l *Lab) Close() error {
	l.mu.Lock()
	milters := l.milters
	l.milters = nil
	l.mu.Unlock()
	for _, m := range milters {
		m.Close()
	}
	for _, cmd := range []*exec.Cmd{l.keeper, l.syslog} {
		if cmd != nil {
			cmd.Process.Kill() // the kernel ends the namespace before Wait returns
			cmd.Wait()
		}
	}
	if l.keeperIn != nil {
		l.keeperIn.Close()
	}
	groups := l.groups
	l.keeper, l.syslog, l.keeperIn, l.groups = nil, nil, nil, nil
	return errors.Join(removeGroups(groups), removeLab(l.Dir))
}
