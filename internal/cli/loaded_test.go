package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	vocabulary "waxseal"
	"waxseal/internal/cli"
	"waxseal/internal/lab"
)

// TestLoadedCode: in a real Postfix, code that a daemon has in its memory is told where
// nothing vouches for it, and a daemon older than its program is told to be restarted.
func TestLoadedCode(t *testing.T) {
	l := lab.Fresh(t)
	me, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"waxseal", "waxseal-as-nobody"} {
		if err := os.WriteFile(filepath.Join(l.Root, "opt", name), me, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if found := loadedHooks(scanInside(t, l, "waxseal")); len(found) != 0 {
		t.Errorf("a server that is as it should be: %+v", found)
	}
	const stranger = "/usr/lib/x86_64-linux-gnu/libmcache.so.1"
	must := func(script string) {
		if out, err := l.Exec(t.Context(), "sh", "-ec", script); err != nil {
			t.Fatal(out, err)
		}
	}
	must("cp /lib/x86_64-linux-gnu/libz.so.1 " + stranger + "; postfix stop; LD_PRELOAD=" + stranger + " setsid /usr/lib/postfix/sbin/master </dev/null >/dev/null 2>&1 & sleep 1")
	must("cp -p /usr/lib/postfix/sbin/qmgr /usr/lib/postfix/sbin/.q; mv /usr/lib/postfix/sbin/.q /usr/lib/postfix/sbin/qmgr")
	scan := scanInside(t, l, "waxseal")
	want := map[vocabulary.Path]string{stranger: "stranger", "/usr/lib/postfix/sbin/qmgr": "replaced"}
	for _, h := range loadedHooks(scan) {
		if want[h.Source.Path] != h.Modifiers["state"] {
			t.Errorf("%s: %s %v", h.ID, h.Explain, h.Modifiers)
		}
		delete(want, h.Source.Path)
	}
	for p, state := range want {
		t.Errorf("nothing is said of %s, which is %s", p, state)
	}
	if i := slices.IndexFunc(scan.Findings, func(f vocabulary.Finding) bool { return strings.HasPrefix(f.Title, "loaded: "+stranger) }); i < 0 || scan.Findings[i].Severity != vocabulary.Critical {
		t.Errorf("%+v", scan.Findings)
	}
	blind := scanInside(t, l, "waxseal-as-nobody")
	if !slices.ContainsFunc(blind.Problems, func(p vocabulary.Problem) bool {
		return p.Path == "/proc" && strings.Contains(p.Message, "only root may look")
	}) {
		t.Errorf("who may not look says so: %+v", blind.Problems)
	}
}

// scanInside scans the root of a lab from inside it.
func scanInside(t *testing.T, l *lab.Lab, name string) (scan cli.Scan) {
	t.Helper()
	out, err := l.Exec(t.Context(), "sh", "-c", "/opt/"+name+" scan --format json 2>/dev/null; :")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &scan); err != nil {
		t.Fatalf("%v: %.300s", err, out)
	}
	return scan
}

func loadedHooks(scan cli.Scan) (hooks []vocabulary.Hook) {
	for _, h := range scan.Hooks {
		if h.Directive == "loaded" || h.Directive == "running" {
			hooks = append(hooks, h)
		}
	}
	return hooks
}
