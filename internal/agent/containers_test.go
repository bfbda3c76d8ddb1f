package agent_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
)

// TestMailInContainer: a Postfix in namespaces and a root of its own is found on the host
// by its daemons, with its hooks; a change inside is told, with its name.
func TestMailInContainer(t *testing.T) {
	l := lab.Fresh(t)
	h := host{t: t, root: "/", state: filepath.Join(l.Dir, "state")}
	name := "root " + l.Root
	h.config("watch: {audit: false, bpf: false}\n")

	out, _ := h.run("scan", "--format", "json")
	var scan struct {
		Stacks []waxseal.Stack
		Hooks  []waxseal.Hook
	}
	fine(t, json.Unmarshal([]byte(out), &scan))
	i := slices.IndexFunc(scan.Stacks, func(s waxseal.Stack) bool { return s.Container == name && s.MTA == "postfix" })
	if i < 0 {
		t.Fatalf("the stacks are %+v", scan.Stacks)
	}
	if s := scan.Stacks[i]; s.Running == nil || !*s.Running || !slices.Contains(s.Config, waxseal.Path(name+":/etc/postfix/main.cf")) {
		t.Errorf("the stack is %+v", s)
	}
	inside := func(hook waxseal.Hook) bool {
		return strings.HasPrefix(string(hook.Source.Path), name+":/etc/") && strings.HasPrefix(hook.Explain, "In "+name+": ")
	}
	if !slices.ContainsFunc(scan.Hooks, inside) {
		t.Errorf("no hook of the container among %d", len(scan.Hooks))
	}

	out, _ = h.run("coverage", "--format", "json")
	var coverage struct {
		Containers []struct {
			Name            string
			Listens, Stacks []string
			Live            bool
		}
	}
	fine(t, json.Unmarshal([]byte(out), &coverage))
	found := false
	for _, c := range coverage.Containers {
		found = found || c.Name == name && c.Live && slices.Contains(c.Stacks, "postfix") && slices.Contains(c.Listens, "tcp 0.0.0.0:25")
	}
	if !found {
		t.Errorf("coverage has %+v", coverage.Containers)
	}

	w := h.watch()
	wait(t, "word of the container at start", func() bool { return strings.Contains(w.errs.String(), "mail runs in "+name) })
	if _, err := l.Exec(t.Context(), "postconf", "-e", "smtpd_milters=inet:203.0.113.9:8891"); err != nil {
		t.Fatal(err)
	}
	f := w.find("the milter", func(f told) bool { return f.Change != nil && hands(f, "inet:203.0.113.9:8891") })
	if f.Change.Path != waxseal.Path(name+":/etc/postfix/main.cf") || f.Severity != waxseal.Critical || !strings.Contains(f.Title, "(in "+name+")") || !strings.HasPrefix(f.Explain, "In "+name) {
		t.Errorf("told is %q, %s, of %s: %s", f.Title, f.Severity, f.Change.Path, f.Explain)
	}
	if f.Actor == nil || f.Actor.Process.Grade != waxseal.Unknown {
		t.Errorf("the hand is %+v, and nobody saw it", f.Actor)
	}
}
