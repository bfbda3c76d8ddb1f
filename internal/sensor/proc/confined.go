package proc

import (
	"os"
	"path"
	"strings"
)

// Confined says by which profile or context of AppArmor or SELinux this process is
// confined, "" where by none: what such a policy forbids looks like a right that is
// missing (apparmor(7), selinux(8)).
func Confined() string { return confined("/") }

func confined(root string) string {
	read := func(name string) string {
		b, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(strings.TrimRight(string(b), "\x00\n"))
	}
	current := read("proc/self/attr/current")
	if profile, enforced := strings.CutSuffix(current, " (enforce)"); enforced {
		return "AppArmor's profile " + profile
	}
	if read("sys/fs/selinux/enforce") == "1" && strings.Count(current, ":") >= 2 && !strings.Contains(current, ":unconfined_t:") {
		return "SELinux's context " + current
	}
	return ""
}
