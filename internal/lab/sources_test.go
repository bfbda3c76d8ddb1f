package lab

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDebianSources(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sources.list.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sources.list": `# deb http://old.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian trixie main
`,
		"sources.list.d/vendor.list":    "deb [signed-by=/etc/vendor.gpg] http://vendor.example/debian bookworm main\n",
		"sources.list.d/vendor2.list":   "deb http://vendor.example/apt vendor-bookworm main\n",
		"sources.list.d/debian.sources": "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm-updates bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
		"sources.list.d/off.sources":    "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
		"sources.list.d/notes.txt":      "deb http://notes.example/debian bookworm main\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"deb http://mirror.example/debian bookworm main",
		"deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian-security bookworm-security main",
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm-updates main",
	}
	if got := debianSources(dir); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
