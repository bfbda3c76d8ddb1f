package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/store"
)

// TestFrequentStarts: ExecFrequencyThreshold really counts, whom UserContext names, and
// what MailTransportScriptPath brings. It needs no sensor: the events are made here.
func TestFrequentStarts(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/postfix/main.cf": "myhostname = mail.example.test\n", "etc/passwd": "filter:x:992:992::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n",
		"opt/filters/check.sh": "#!/bin/sh\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var told []waxseal.Finding
	a, err := Open(Options{Root: root, State: filepath.Join(t.TempDir(), "state"), Scripts: []waxseal.Path{"/opt/filters"}, MostStarts: 2, Accounts: []string{"filter"},
		Tell: func(f waxseal.Finding, _, _ string) { told = append(told, f) }, Warn: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.last = ReadMounted(a.reader, a.tree)
	a.starts.Know(a.last)
	start := func(uid uint32) {
		a.take(arrival{Observation: waxseal.Observation{Time: time.Now(), Sensor: "kaudit", Audit: &waxseal.AuditEvent{
			Type: "SYSCALL", Syscall: 59, Arch: "x86_64", Success: true, EUID: uid, Exe: "/usr/bin/dash", Argv: []string{"/bin/sh", "/opt/filters/check.sh"},
			Paths: []waxseal.AuditPath{{Item: 0, Name: filepath.Join(root, "opt/filters/check.sh")}},
		}}})
	}
	for range 5 {
		start(1000)
	}
	start(992)
	start(992)
	if len(told) != 0 {
		t.Fatalf("%+v", told)
	}
	start(992)
	start(992)
	if len(told) != 1 || told[0].Rule != detect.FrequencyRule || told[0].Severity != waxseal.Medium || len(told[0].Observations) != 1 || len(told[0].AttackRefs) != 2 {
		t.Fatalf("%+v", told)
	}
	list, err := a.books.Findings(store.Filter{})
	if err != nil || len(list) != 1 || list[0].ID != told[0].ID {
		t.Errorf("%v %+v", err, list)
	}
}
