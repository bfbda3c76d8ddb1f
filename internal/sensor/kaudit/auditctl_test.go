package kaudit

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/lab"
)

// ofBoth finds the list of calls of a rule that is for both tables of system calls: auditctl
// takes its numbers for those of one of them.
var ofBoth = regexp.MustCompile(`^(-a always,\S+ )-S \S+ -F`)

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
			line = strings.ReplaceAll(strings.TrimSpace(line), testKey(t), "KEY")
			got = append(got, ofBoth.ReplaceAllString(line, "$1-S … -F"))
		}
	}
	want := []string{
		"-a always,(null) -S … -F dir=" + sub + " -F key=KEY", // the list of io_uring, of which this auditctl has no name
		"-a always,exit -F arch=b32 -S execve,execveat -F key=KEY-exec",
		"-a always,exit -F arch=b32 -S mount,umount,umount2,pivot_root,move_mount,mount_setattr -F key=KEY-mount",
		"-a always,exit -F arch=b64 -S execve,execveat -F key=KEY-exec",
		"-a always,exit -F arch=b64 -S pivot_root,mount,umount2,move_mount,mount_setattr -F key=KEY-mount",
		"-a always,exit -S … -F a1=0x40046602 -F key=KEY-flags",
		"-a always,exit -S … -F a1=0x40086602 -F key=KEY-flags",
		"-a always,exit -S … -F a1=0x401C5820 -F key=KEY-flags",
		"-a always,exit -S … -F key=KEY-flags",                           // file_setattr(2)
		"-a always,exit -S … -F path=" + file + " -F key=KEY",            // io_uring_enter(2)
		"-a always,exit -S … -F path=" + file + " -F perm=wa -F key=KEY", // "-w … -p wa", asked about what can write
		"-a always,exit -S … -F dir=" + sub + " -F perm=wa -F key=KEY",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("auditctl lists other rules:\n%s", diff)
	}
}
