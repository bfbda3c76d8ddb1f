package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// environ is the environment of what runs in a lab: nothing of the host's.
var environ = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
}

// enterFlags are nsenter's arguments to join the named namespaces.
func (l *Lab) enterFlags(flags ...string) []string {
	return append([]string{"--target", strconv.Itoa(l.keeper.Process.Pid)}, flags...)
}

// Command prepares a command that will run in the lab as root, as if started
// at boot: in no login session. It is ended when ctx is, and with the lab.
func (l *Lab) Command(ctx context.Context, argv ...string) *exec.Cmd {
	// The shell forgets the audit login of whoever runs this program, when
	// there is one, and becomes nsenter.
	const script = `read -r login </proc/self/loginuid || :
[ "$login" = 4294967295 ] || echo 4294967295 >/proc/self/loginuid || :
exec nsenter "$@"`
	args := []string{"-c", script, "enter"}
	args = append(args, l.enterFlags("--mount", "--pid", "--uts", "--ipc", "--net", "--root", "--wd")...)
	if l.booted {
		args = append(args, "--cgroup")
	}
	args = append(args, "--")
	cmd := exec.CommandContext(ctx, "/bin/sh", append(args, argv...)...)
	cmd.Env = environ
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second // a daemon may keep our pipe open
	return cmd
}

// Exec runs a command in the lab as root and returns what it printed on both
// outputs.
func (l *Lab) Exec(ctx context.Context, argv ...string) (string, error) {
	if l.keeper == nil {
		return "", errors.New("the lab is not started")
	}
	var out bytes.Buffer
	cmd := l.Command(ctx, argv...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(tail(out.String(), 10)))
	}
	return out.String(), err
}

// SSH runs command in a login session of user (alice has the key), which came
// in through sshd from the lab's address from, AttackerAddr when empty.
func (l *Lab) SSH(ctx context.Context, user, from, command string) (string, error) {
	if from == "" {
		from = AttackerAddr
	}
	return l.Exec(ctx, "ssh", "-q", "-F", "none", "-i", "/root/.ssh/alice", "-b", from,
		"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		user+"@"+ServerAddr, command)
}

// inNetwork runs f on a thread inside the lab's network: sockets made by f
// stay there for good, whoever uses them afterwards.
func (l *Lab) inNetwork(f func() error) error {
	if l.keeper == nil {
		return errors.New("the lab is not started")
	}
	result := make(chan error)
	go func() {
		// Never unlocked, so that the thread ends here: it must not come to serve
		// the rest of the program from inside the lab's network.
		runtime.LockOSThread()
		result <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", l.keeper.Process.Pid))
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("join the lab's network: %w", err)
			}
			return f()
		}()
	}()
	return <-result
}

// Dial opens a TCP connection inside the lab's network, from SenderAddr.
func (l *Lab) Dial(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(SenderAddr)}}
	var conn net.Conn
	err := l.inNetwork(func() error {
		var err error
		conn, err = dialer.DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

// Listen opens a TCP listener inside the lab's network.
func (l *Lab) Listen(address string) (net.Listener, error) {
	var listener net.Listener
	err := l.inNetwork(func() error {
		var err error
		listener, err = net.Listen("tcp4", address)
		return err
	})
	return listener, err
}

func (l *Lab) waitPort(ctx context.Context, port string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := l.Dial(ctx, net.JoinHostPort(ServerAddr, port))
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ReadFile reads a file of the lab's root; a link in it is followed only
// inside the root.
func (l *Lab) ReadFile(path string) ([]byte, error) {
	root, err := os.OpenRoot(l.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(strings.TrimPrefix(filepath.Clean("/"+path), "/"))
}

// MailLog is the text of /var/log/mail.log so far.
func (l *Lab) MailLog() string {
	text, _ := l.ReadFile("/var/log/mail.log")
	return string(text)
}

// AuthLog is the text of /var/log/auth.log so far.
func (l *Lab) AuthLog() string {
	text, _ := l.ReadFile("/var/log/auth.log")
	return string(text)
}
