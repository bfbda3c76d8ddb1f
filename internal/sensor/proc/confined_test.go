package proc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestConfined(t *testing.T) {
	for _, tc := range []struct{ name, current, enforce, want string }{
		{"neither", "", "", ""},
		{"AppArmor, unconfined", "unconfined\n", "", ""},
		{"AppArmor, a profile that complains", "/usr/local/sbin/waxseal (complain)\n", "", ""},
		{"AppArmor, a profile", "/usr/local/sbin/waxseal (enforce)\n", "", "AppArmor's profile /usr/local/sbin/waxseal"},
		{"SELinux, unconfined", "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\x00", "1", ""},
		{"SELinux, a service", "system_u:system_r:init_t:s0\x00", "1", "SELinux's context system_u:system_r:init_t:s0"},
		{"SELinux, permissive", "system_u:system_r:init_t:s0\x00", "0", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range map[string]string{"proc/self/attr/current": tc.current, "sys/fs/selinux/enforce": tc.enforce} {
				if text == "" {
					continue
				}
				if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := confined(root); got != tc.want {
				t.Errorf("confined by %q, want %q", got, tc.want)
			}
		})
	}
}
