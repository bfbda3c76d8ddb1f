package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/rootfs"
)

// TestLoginSources: each has a state of its own, and says why it is blind.
func TestLoginSources(t *testing.T) {
	const session = "UID=1001\nUSER=alice\nTTY=tty1\nSERVICE=login\nLEADER=700\nAUDIT=5\n"
	record := make([]byte, 384)
	record[0], record[4] = 7, 9
	copy(record[8:], "tty1")
	copy(record[44:], "alice")
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  map[string]string // by source: a part of its detail; blind where it begins with "-"
	}{
		{"nothing", nil, map[string]string{"systemd-logind": "-no logind runs", "utmp": "-neither /run/utmp", "journal": "-there is none", "login lines": "-neither a journal"}},
		{"all", map[string]string{"run/systemd/sessions/5": session, "run/utmp": string(record), "var/log/auth.log": ""},
			map[string]string{"systemd-logind": "1 session", "utmp": "/run/utmp: 1 session", "journal": "-there is none", "login lines": "/var/log/auth.log"}},
		{"a damaged utmp", map[string]string{"run/systemd/sessions/5.ref": "", "run/utmp": "x", "var/log/journal/5ea1ed/system.journal": ""},
			map[string]string{"systemd-logind": "0 sessions", "utmp": "-no whole number of records", "journal": "system.journal", "login lines": "system.journal"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tc.files {
				p := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			tree, err := rootfs.Open(root)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			for _, s := range LoginSources(tree) {
				want, ok := tc.want[s.Name]
				if want, blind := strings.CutPrefix(want, "-"); ok && (s.Live == blind || !strings.Contains(s.Detail, want)) || s.Lost == "" {
					t.Errorf("%+v, want %s", s, want)
				}
			}
		})
	}
}
