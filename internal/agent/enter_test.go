package agent

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/sensor/proc"
)

// TestEnter: who reads a container may read neither what the kernel tells about itself nor
// this agent's own files, wherever the container has them mounted, and a process that has
// the number of another now is not entered.
func TestEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts are the superuser's")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	state := filepath.Join(dir, "host/lib/state")
	if err := errors.Join(err, os.MkdirAll(state, 0o700), os.Mkdir(filepath.Join(dir, "data"), 0o700), os.Mkdir(filepath.Join(dir, "devices"), 0o700), os.MkdirAll(filepath.Join(dir, "decoy/lib/state"), 0o700)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", `cd "$1" && mount --bind host data && mount -t devpts none devices && echo ready && read end`, "sh", dir)
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Skip("no mount namespace can be had here")
	}
	d := Dwelling{Dwelling: proc.Dwelling{Root: fmt.Sprintf("/proc/%d/root", cmd.Process.Pid)}}
	var st unix.Stat_t
	if err := unix.Stat(d.Root, &st); err != nil {
		t.Fatal(err)
	}
	d.At = proc.Node{Device: st.Dev, Inode: st.Ino}
	root, hidden, err := enter(d, state)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, p := range []string{state, dir + "/data/lib/state", dir + "/devices"} {
		if !slices.Contains(hidden, waxseal.Path(p)) {
			t.Errorf("%s is not hidden: %q", p, hidden)
		}
	}
	if slices.Contains(hidden, waxseal.Path(dir+"/decoy/lib/state")) {
		t.Errorf("too much is hidden: %q", hidden)
	}
	d.At.Inode++
	if _, _, err := enter(d, state); !errors.Is(err, errEnded) {
		t.Errorf("another root was entered: %v", err)
	}
}
