package kaudit

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/lab"
)

// TestAuditctlAgrees: what auditctl(8) lists of our rules is what an administrator would
// have typed.
func TestAuditctlAgrees(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the lists below are those of x86-64")
	}
	root := lab.Root(t, lab.Tools)
	dir := t.TempDir()
	file := filepath.Join(dir, "aliases")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "postfix")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	openTest(t, Options{Watches: []string{sub, file}, Exec: true, Calls: true})
	cmd := lab.Command(t.Context(), root, "/sbin/auditctl", "-l")
	cmd.SysProcAttr.Unshareflags = 0 // audit answers in the first network namespace only
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, testKey(t)) {
			got = append(got, strings.ReplaceAll(strings.TrimSpace(line), testKey(t), "KEY"))
		}
	}
	want := []string{
		"-a always,(null) -S all -F dir=" + sub + " -F key=KEY", // the list of io_uring, of which this auditctl has no name
		"-a always,exit -F arch=b32 -S 469 -F key=KEY-flags",    // file_setattr(2), likewise
		"-a always,exit -F arch=b32 -S execve,execveat -F key=KEY-exec",
		"-a always,exit -F arch=b32 -S ioctl -F a1=0x40046602 -F key=KEY-flags",
		"-a always,exit -F arch=b32 -S ioctl -F a1=0x401C5820 -F key=KEY-flags",
		"-a always,exit -F arch=b32 -S mount,umount,umount2,pivot_root,move_mount,mount_setattr -F key=KEY-mount",
		"-a always,exit -F arch=b64 -S 469 -F key=KEY-flags",
		"-a always,exit -F arch=b64 -S execve,execveat -F key=KEY-exec",
		"-a always,exit -F arch=b64 -S ioctl -F a1=0x40086602 -F key=KEY-flags",
		"-a always,exit -F arch=b64 -S ioctl -F a1=0x401C5820 -F key=KEY-flags",
		"-a always,exit -F arch=b64 -S pivot_root,mount,umount2,move_mount,mount_setattr -F key=KEY-mount",
		"-a always,exit -S io_uring_enter -F dir=" + sub + " -F key=KEY",
		"-a always,exit -S io_uring_enter -F path=" + file + " -F key=KEY",
		"-w " + file + " -p wa -k KEY",
		"-w " + sub + " -p wa -k KEY",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("auditctl lists other rules:\n%s", diff)
	}
}
