package agent_test

import (
	"path/filepath"
	"testing"
	"time"

	"waxseal/internal/lab"
)

func TestScratchReinstall(t *testing.T) {
	l := lab.FreshOf(t, lab.Parcels)
	h := host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
	h.must("seal")
	w := h.watch()
	out, err := l.SSH(t.Context(), "alice", "", "sudo DEBIAN_FRONTEND=noninteractive apt-get -y install --reinstall postfix 2>&1; ls -la /var/lib/dpkg/updates; cat /var/log/dpkg.log /var/log/apt/history.log")
	t.Log(out, err)
	time.Sleep(3 * time.Second)
	w.stop()
	for {
		select {
		case f := <-w.told:
			t.Logf("%s %s news=%q %q rung=%q\n %q\n %+v", f.Severity, f.Title, f.News, f.Reasons, f.Rung, f.Expected, f.Actor.Process)
			for _, p := range f.Actor.Ancestors {
				t.Logf("     %d %s %q %s", p.PID, p.Exe, p.Argv, p.Grade)
			}
			continue
		default:
		}
		break
	}
	t.Log(w.errs)
}
