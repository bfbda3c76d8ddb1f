package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/sandbox"
	"waxseal/internal/sensor/kaudit"
)

// service is the unit of docs/install.md in a lab that systemd has booted.
type service struct {
	t         *testing.T
	l         *lab.Lab
	systemctl string
}

// installed is the service as docs/install.md installs it, with a drop-in.
func (s service) installed(units, dropIn string) {
	s.t.Helper()
	bin, err := program()
	fine(s.t, err)
	dir := filepath.Join(s.l.Root, units)
	fine(s.t, os.MkdirAll(filepath.Join(dir, "waxseal.service.d"), 0o755))
	copyFile(s.t, bin, filepath.Join(s.l.Root, "usr/local/sbin/waxseal"), 0o755)
	copyFile(s.t, "../../packaging/systemd/waxseal.service", filepath.Join(dir, "waxseal.service"), 0o644)
	fine(s.t, os.WriteFile(filepath.Join(dir, "waxseal.service.d/test.conf"), []byte("[Service]\n"+dropIn), 0o644))
	s.in(s.systemctl + " daemon-reload && waxseal seal --note 'new installation'")
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	content, err := os.ReadFile(from)
	fine(t, err)
	fine(t, os.WriteFile(to, content, mode))
}

// in runs a shell script in the lab.
func (s service) in(script string) string {
	s.t.Helper()
	out, err := s.l.Exec(s.t.Context(), "/bin/sh", "-c", script)
	if err != nil {
		said, _ := s.l.Exec(s.t.Context(), "/bin/sh", "-c", "journalctl -u waxseal -o cat --no-pager | cut -c1-300 | tail -40; cat /run/said")
		s.t.Fatalf("%v\n%s", err, said)
	}
	return strings.TrimSpace(out)
}

// is is a property of the service: systemctl show -P.
func (s service) is(property string) string {
	s.t.Helper()
	return s.in(s.systemctl + " show -P " + property + " waxseal")
}

// until waits for something.
func (s service) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within 15 s: %s\n%s", what, s.in(s.systemctl+" status waxseal --no-pager -l -n 5 | cut -c1-300; :"))
		}
	}
}

// said are the lines that it wrote to the journal.
func (s service) said() []string {
	s.t.Helper()
	return strings.Split(s.in("journalctl -u waxseal -o cat --no-pager _SYSTEMD_UNIT=waxseal.service"), "\n")
}

// told waits for the finding about a port.
func (s service) told(port int) told { s.t.Helper(); return s.findingAmong(s.said, port) }

// findingIn is told for a service that writes to a file.
func (s service) findingIn(file string, port int) told {
	s.t.Helper()
	return s.findingAmong(func() []string { return strings.Split(s.in("cat "+file), "\n") }, port)
}

func (s service) findingAmong(lines func() []string, port int) (found told) {
	s.t.Helper()
	target := fmt.Sprintf("inet:203.0.113.9:%d", port)
	s.until("a finding about "+target, func() bool {
		return slices.ContainsFunc(lines(), func(line string) bool {
			found = told{}
			return strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &found) == nil && found.News == "" && found.Change != nil && hands(found, target)
		})
	})
	return found
}

// status is a field of /proc/PID/status.
func (s service) status(pid int, field string) string {
	s.t.Helper()
	return strings.Join(strings.Fields(s.in(fmt.Sprintf("sed -n 's/^%s://p' /proc/%d/status", field, pid))), " ")
}

// TestUnit boots Debian with systemd, installs the unit as docs/install.md says, and
// watches.
func TestUnit(t *testing.T) {
	needRoot(t)
	s := service{t, lab.Booted(t), "systemctl"}
	s.installed("etc/systemd/system", "WatchdogSec=3\nRestartSec=200ms\n")
	s.in("systemctl enable --now waxseal")
	for _, part := range []struct {
		name string
		try  func(service)
	}{
		{"it is ready when it watches, and reads what is there", service.ready},
		{"the process that reads is shut in", service.shutIn},
		{"processor and memory are bounded", service.bounded},
		{"it says that it lives", service.lives},
		{"coverage says what is missing in a container", service.covers},
		{"changes are told with the unit that made them", service.tellsUnits},
		{"a mount is seen from the mount namespace that the unit has", service.seesMounts},
		{"verbs that write speak with it", service.answers},
		{"one that hangs is started anew", service.hangs},
		{"one that was killed is started anew", service.killed},
		{"stopped, it leaves nothing; started, it says how long it was blind", service.stopped},
		{"where nothing can be read it does not start, and says why", service.refused},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(service{t, s.l, s.systemctl}) })
	}
}

// ready: systemctl start returned, so the main process has said READY=1. Nothing may have
// been refused but what the kernel gives no container.
func (s service) ready() {
	if got := s.is("SubState") + " " + s.is("Type") + " " + s.is("NRestarts"); got != "running notify 0" {
		s.t.Errorf("the service is %s", got)
	}
	watching := false
	for _, line := range s.said() {
		watching = watching || strings.HasPrefix(line, "watching ")
		allowed := strings.HasPrefix(line, "without kaudit: ") || strings.HasPrefix(line, "without bpf: ")
		for _, refused := range []string{"not implemented", "not permitted", "denied", "can't be read"} {
			if strings.Contains(line, refused) && !allowed {
				s.t.Errorf("it says: %.300s", line)
			}
		}
	}
	if !watching {
		s.t.Error("it was ready before it watched")
	}
}

// processes are the main process and the one that reads.
func (s service) processes() (agent, reader int) {
	s.t.Helper()
	agent, _ = strconv.Atoi(s.is("MainPID"))
	reader, _ = strconv.Atoi(s.in(fmt.Sprintf("pgrep -o -P %d -f ' read-for-watch$'", agent)))
	if agent == 0 || reader == 0 {
		s.t.Fatalf("processes %d and %d", agent, reader)
	}
	return agent, reader
}

func (s service) shutIn() {
	agent, reader := s.processes()
	user := strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d ", sandbox.UID), 4))
	const readsAll = "0000000000000004" // CAP_DAC_READ_SEARCH
	for field, want := range map[string]string{"Uid": user, "Gid": user, "CapEff": readsAll, "CapBnd": readsAll, "NoNewPrivs": "1", "Seccomp": "2"} {
		if got := s.status(reader, field); got != want {
			s.t.Errorf("the process that reads has %s %s, want %s", field, got, want)
		}
	}
	filters := func(pid int) int { n, _ := strconv.Atoi(s.status(pid, "Seccomp_filters")); return n }
	if a, r := filters(agent), filters(reader); a == 0 || r <= a {
		s.t.Errorf("%d filters of system calls around the agent, %d around its reader", a, r)
	}
	if got := s.status(agent, "Uid"); got != "0 0 0 0" {
		s.t.Errorf("the agent is %s", got)
	}
	for _, line := range s.said() {
		if strings.Contains(line, "reader") && !strings.HasPrefix(line, "{") {
			s.t.Errorf("it says: %.300s", line)
		}
	}
}

// bounded asks the kernel, by whichever hierarchy of control groups there is.
func (s service) bounded() {
	for what, files := range map[string]string{
		"memory: 536870912": "memory/system.slice/waxseal.service/memory.limit_in_bytes system.slice/waxseal.service/memory.max",
		"cpu: 100000":       "cpu/system.slice/waxseal.service/cpu.cfs_quota_us system.slice/waxseal.service/cpu.max",
		"tasks: 128":        "pids/system.slice/waxseal.service/pids.max system.slice/waxseal.service/pids.max",
	} {
		_, want, _ := strings.Cut(what, ": ")
		if got := s.in("cd /sys/fs/cgroup; cat " + files + " 2>/dev/null || :"); !strings.HasPrefix(got, want) {
			s.t.Errorf("%s, but the kernel has %q", what, got)
		}
	}
	const possible = "echo -500 2>/dev/null >/proc/self/oom_score_adj && cat /proc/self/oom_score_adj || echo 0" // not every kernel lets root
	if got, want := s.in(fmt.Sprintf("cat /proc/%s/oom_score_adj", s.is("MainPID"))), s.in(possible); got != want {
		s.t.Errorf("oom_score_adj %s, want %s", got, want)
	}
}

func (s service) lives() {
	first := s.is("WatchdogTimestampMonotonic")
	s.until("a sign of life", func() bool { return s.is("WatchdogTimestampMonotonic") != first })
}

// covers: what a container is not given is blind, all else is live.
func (s service) covers() {
	var doc struct {
		Senses []struct {
			Sense  string
			Live   bool
			Detail string
		}
		Logins []struct {
			Source, Detail string
			Live           bool
		}
	}
	fine(s.t, json.Unmarshal([]byte(s.in("waxseal coverage --format json")), &doc))
	for _, h := range doc.Senses {
		if blind := strings.HasPrefix(h.Sense, "audit"); h.Live == blind {
			s.t.Errorf("%s: live %v: %s", h.Sense, h.Live, h.Detail)
		}
	}
	for _, l := range doc.Logins {
		if !l.Live {
			s.t.Errorf("%s is blind: %s", l.Source, l.Detail)
		}
	}
	if len(doc.Logins) < 6 {
		s.t.Errorf("%d sources of logins", len(doc.Logins))
	}
}

// tellsUnits: the same change by a person, by a unit that was started for it, by a
// timer and by cron.
func (s service) tellsUnits() {
	change := func(port int) string { return fmt.Sprintf("sh -c '%s; sleep 0.3'", appends(port)) }
	file := func(name, text string) string {
		return fmt.Sprintf("cat >%s <<'END'\n%s\nEND\n", name, text)
	}
	s.in(file("/etc/systemd/system/nightly.service", "[Service]\nType=oneshot\nExecStart=/bin/"+change(9703)) +
		file("/etc/systemd/system/nightly.timer", "[Timer]\nOnActiveSec=100ms\nAccuracySec=10ms") + "systemctl daemon-reload")
	for _, tc := range []struct {
		name, by     string
		port         int
		origin       waxseal.OriginKind
		method, unit string
		login        string
	}{
		{"systemd-run", "systemd-run --quiet --wait --unit=sideways " + change(9701), 9701, waxseal.OriginUnit, "sideways.service", "sideways.service", ""},
		{"systemd-run as another", "chmod 666 /etc/postfix/main.cf; systemd-run --quiet --wait --uid=bob --unit=bobs " + change(9702), 9702, waxseal.OriginUnit, "bobs.service", "bobs.service", ""},
		{"a timer", "systemctl start nightly.timer", 9703, waxseal.OriginUnit, "nightly.service", "nightly.service", ""},
		{"cron", "echo '@reboot root " + appends(9704) + "; sleep 0.3' >/etc/cron.d/once; chmod 644 /etc/cron.d/once; rm -f /run/crond.reboot; systemctl restart cron", 9704, waxseal.OriginCron, "job of root", "", "root"},
		{"a person", "", 9705, waxseal.OriginSSH, "publickey", "", "alice"},
	} {
		s.t.Run(tc.name, func(t *testing.T) {
			s := service{t, s.l, s.systemctl}
			if tc.by != "" {
				s.in(tc.by)
			} else if _, err := s.l.SSH(t.Context(), "alice", "", "sudo "+change(tc.port)); err != nil {
				t.Fatal(err)
			}
			a := s.told(tc.port).Actor
			if a == nil || a.Origin.Kind != tc.origin || a.Origin.Method != tc.method || tc.unit != "" && a.Place.Unit != tc.unit || a.Login.Name != tc.login || a.Process.Grade != waxseal.Inferred {
				t.Errorf("%s", dump(a))
			}
			if a != nil && (tc.origin == waxseal.OriginCron) != strings.Contains(a.Origin.Command, appends(tc.port)) {
				t.Errorf("the job of cron: %q", a.Origin.Command)
			}
		})
	}
}

// seesMounts: ProtectSystem= gives the unit mounts of its own, to which those of the host
// come.
func (s service) seesMounts() {
	s.in("cp /etc/postfix/main.cf /root/other && echo '" + line(9707) + "' >>/root/other && mount --bind /root/other /etc/postfix/main.cf")
	s.told(9707)
	s.in("umount /etc/postfix/main.cf")
}

// answers: the ledger has one writer, which the unit's walls don't cut off.
func (s service) answers() {
	id := s.told(9705).ID
	s.in("waxseal findings ack " + string(id) + " --note seen")
	if got := s.in("waxseal findings show " + string(id) + " --format json"); !strings.Contains(got, `"status": "in progress"`) && !strings.Contains(got, `"status":"in progress"`) {
		s.t.Errorf("the finding is not acknowledged: %.300s", got)
	}
}

func (s service) hangs() {
	agent, _ := s.processes()
	s.in(fmt.Sprintf("kill -STOP %d", agent))
	s.until("a new one in the place of one that hangs", func() bool { return s.is("NRestarts") == "1" && s.is("SubState") == "running" })
	if got := s.in("journalctl -u waxseal -o cat --no-pager _PID=1 | grep -c 'Watchdog timeout'"); got != "1" {
		s.t.Errorf("%s times the watchdog ended it", got)
	}
}

func (s service) killed() {
	s.in("systemctl kill --kill-whom=main --signal=KILL waxseal")
	s.until("a new one in the place of one that was killed", func() bool { return s.is("NRestarts") == "2" && s.is("SubState") == "running" })
	if !slices.ContainsFunc(s.said(), func(line string) bool {
		return strings.Contains(line, "the last agent ended without taking leave")
	}) {
		s.t.Error("it does not say that the last one was killed")
	}
	if n := s.in("pgrep -c -f '^/usr/local/sbin/waxseal watch' || :"); n != "1" {
		s.t.Errorf("%s agents are there", n)
	}
}

func (s service) stopped() {
	s.in("systemctl stop waxseal")
	if got := s.is("Result") + " " + s.is("ExecMainStatus"); got != "success 0" {
		s.t.Errorf("it ended with %s", got)
	}
	if left := s.in("pgrep -a waxseal || :; ls /sys/fs/cgroup/*/system.slice/waxseal.service /sys/fs/cgroup/system.slice/waxseal.service 2>/dev/null || :"); left != "" {
		s.t.Errorf("left: %s", left)
	}
	s.in(appends(9706) + "; sleep 1; systemctl start waxseal")
	s.told(9706)
	if !slices.ContainsFunc(s.said(), func(line string) bool { return strings.Contains(line, "nobody watched for") }) {
		s.t.Error("it does not say for how long it was blind")
	}
	s.in("systemctl stop waxseal && waxseal ledger verify")
}

// refused: RestrictSUIDSGID= takes openat2(2) away.
func (s service) refused() {
	s.in("echo RestrictSUIDSGID=yes >>/etc/systemd/system/waxseal.service.d/test.conf; systemctl daemon-reload")
	if out, err := s.l.Exec(s.t.Context(), "systemctl", "start", "waxseal"); err == nil {
		s.t.Errorf("it started: %s", out)
	}
	if said := strings.Join(s.said(), "\n"); !strings.Contains(said, "openat2(2), by which files are read, is refused") {
		s.t.Errorf("it says: %s", said[max(0, len(said)-500):])
	}
	s.in("systemctl stop waxseal")
}

// TestUnitWithAudit runs the unit in the host's own namespaces, behind the same walls:
// there the kernel's audit and BPF must be had, and prove the hand.
func TestUnitWithAudit(t *testing.T) {
	needRoot(t)
	s := service{t, lab.Managed(t), "XDG_RUNTIME_DIR=/run/user/0 systemctl --user"}
	// A manager of services for a user keeps state elsewhere, no journal listens, and it may
	// not lay something over files in /proc; TestUnit tries these.
	s.installed("etc/systemd/user", "StateDirectory=\nReadWritePaths=/var/lib\nStandardOutput=file:/run/told\nStandardError=file:/run/said\nProtectKernelTunables=no\nProtectKernelLogs=no\n")
	s.in(s.systemctl + " start waxseal")
	// Whether audit is on already is this machine's affair: a fresh one has it off.
	if got := s.in("grep -Ev '^(watching |kaudit: audit was off: if )' /run/said || :"); got != "" {
		t.Errorf("it says: %s", got)
	}
	agent, reader := s.processes()
	if a, r := s.status(agent, "Seccomp"), s.status(reader, "Seccomp"); a != "2" || r != "2" {
		t.Errorf("system calls are bounded by %s and %s", a, r)
	}
	for _, tc := range []struct {
		port     int
		by, unit string
		asked    string
	}{
		{9721, "sh -c '" + appends(9721) + "'", "", ""},
		{9722, "printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \"" + appends(9722) + "; sleep 0.3\"\\n' >/etc/systemd/user/sideways.service; " + s.systemctl + " start sideways", "sideways.service",
			"/usr/bin/systemctl"},
	} {
		s.in(tc.by)
		f := s.findingIn("/run/told", tc.port)
		a := f.Actor
		if a == nil || a.Process.Grade != waxseal.Proven || filepath.Base(a.Process.Exe) != "dash" || tc.unit != "" && a.Place.Unit != tc.unit || !strings.Contains(a.Origin.Basis, tc.asked) {
			t.Errorf("%d: %s", tc.port, dump(a))
		}
	}
	s.in(s.systemctl + " stop waxseal")
	if left := kaudit.Leftovers("waxseal"); len(left) > 0 {
		t.Errorf("audit rules are left: %q", left)
	}
	if got := s.is("Result"); got != "success" {
		t.Errorf("it ended with %s", got)
	}
}
