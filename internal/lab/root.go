package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Root unpacks a flavour's root for one test and returns its directory, which goes
// with the test. Nothing runs in it but what Command starts. On a machine that
// can't run labs the test is skipped, with the reason.
func Root(t T, f Flavour) string {
	t.Helper()
	Require(t)
	base, err := Base(t.Context(), "", f)
	if err != nil {
		t.Fatalf("%v", err)
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := removeLab(dir); err != nil {
			t.Errorf("%v", err)
		}
	})
	root := filepath.Join(dir, "root")
	if err := errors.Join(writeOwner(dir), os.Mkdir(root, 0o755)); err != nil {
		t.Fatalf("%v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "tar", "--extract", "--file", base, "--directory", root,
		"--same-permissions", "--same-owner", "--numeric-owner").CombinedOutput(); err != nil {
		t.Fatalf("unpack %s: %v: %s", base, err, tail(string(out), 5))
	}
	return root
}

// Command prepares a command that runs as root inside an unpacked root, with no
// network but a loopback device that is down, and ends with this program.
func Command(ctx context.Context, root string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = environ, "/"
	cmd.SysProcAttr = &unix.SysProcAttr{
		Chroot:       root,
		Unshareflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC,
		Pdeathsig:    unix.SIGKILL,
	}
	return cmd
}

// Output runs a shell script inside an unpacked root and returns what it prints.
func Output(ctx context.Context, root, script string, args ...string) (string, error) {
	cmd := Command(ctx, root, append([]string{"/bin/sh", "-c", script, "sh"}, args...)...)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, tail(string(failed.Stderr), 5))
	}
	return string(out), err
}
