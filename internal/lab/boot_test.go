package lab_test

import (
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/lab"
)

// TestBooted: systemd is process 1 of a lab, and nothing of it is left afterwards; nor can
// it turn the host's knobs.
func TestBooted(t *testing.T) {
	var dir string
	t.Run("while it runs", func(t *testing.T) {
		l := lab.Booted(t)
		dir = l.Dir
		for script, want := range map[string]string{
			"cat /proc/1/comm":        "systemd",
			"systemd-detect-virt":     "container-other",
			"hostname":                "mail",
			"systemctl is-active ssh": "active",
			"echo 1 2>&1 >/proc/sys/vm/overcommit_memory || echo refused": "refused",
		} {
			out, _ := l.Exec(t.Context(), "/bin/sh", "-c", script)
			if !strings.HasSuffix(strings.TrimSpace(out), want) {
				t.Errorf("%s: %s", script, out)
			}
		}
	})
	if t.Failed() || dir == "" {
		return
	}
	if left := lab.Left(dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	for _, depth := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
		if left, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", depth, filepath.Base(dir))); len(left) > 0 {
			t.Errorf("cgroups are left: %q", left)
		}
	}
}
