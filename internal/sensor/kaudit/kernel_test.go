package kaudit

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab/ring"
)

// These tests use the kernel's audit system for real: they add rules with a key
// of their own, switch audit on where it is off, and leave both as they were.

func needAudit(t *testing.T) {
	t.Helper()
	alone(t)
	s := Probe()
	if !s.Usable {
		t.Skip("audit can't be used here: " + strings.Join(s.Problems, "; "))
	}
	if s.Locked() {
		t.Skip("audit rules are locked until the next boot")
	}
	t.Cleanup(func() {
		if _, err := RemoveLeftovers(testKey(t), s.Enabled == 0); err != nil {
			t.Error(err)
		}
		if after := Probe(); after.Enabled != s.Enabled {
			t.Errorf("audit enabled is %d, was %d", after.Enabled, s.Enabled)
		}
	})
}

// alone keeps tests of other packages, which go test runs at the same time, from
// switching audit off under this one: whoever uses the kernel's audit system in
// a test holds a lock on the directory for temporary files, which leaves nothing
// behind.
func alone(t testing.TB) {
	t.Helper()
	d, err := os.Open(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // which unlocks
}

func testKey(t *testing.T) string {
	return fmt.Sprintf("wxtest-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-"))
}

// hearing collects what Run delivers.
type hearing struct {
	mu     sync.Mutex
	events []waxseal.AuditEvent
	gaps   []waxseal.Gap
	seen   []time.Time
}

// perWatch is how many rules one watch has: its own, and that for io_uring.
const perWatch = 2

func run(t *testing.T, s *Sensor) *hearing {
	t.Helper()
	h := &hearing{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx,
			func(e waxseal.AuditEvent) {
				h.mu.Lock()
				h.events, h.seen = append(h.events, e), append(h.seen, time.Now())
				h.mu.Unlock()
			},
			func(g waxseal.Gap) { h.mu.Lock(); h.gaps = append(h.gaps, g); h.mu.Unlock() })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

func openTest(t *testing.T, o Options) *Sensor {
	t.Helper()
	needAudit(t)
	o.Key = testKey(t)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wantRules(t, s.options.Key, 0)
	})
	return s
}

func wantRules(t *testing.T, key string, want int) {
	t.Helper()
	c, err := dialControl()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	rules, err := c.rules()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range rules {
		if strings.HasPrefix(r.key(), key) {
			n++
		}
	}
	if n != want {
		t.Errorf("%d rules with key %q are loaded, want %d: %v", n, key, want, rules)
	}
}

// await waits for an event that the function likes.
func (h *hearing) await(t *testing.T, what string, like func(waxseal.AuditEvent) bool) waxseal.AuditEvent {
	t.Helper()
	for range 600 {
		h.mu.Lock()
		i := slices.IndexFunc(h.events, like)
		var e waxseal.AuditEvent
		if i >= 0 {
			e = h.events[i]
		}
		h.mu.Unlock()
		if i >= 0 {
			return e
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		t.Logf("%s key %q op %q argv %q by %q on %+v", e.Type, e.Key, e.Fields["op"], e.Argv, e.Exe, e.Paths)
	}
	t.Fatalf("no %s; gaps: %+v", what, h.gaps)
	return waxseal.AuditEvent{}
}

func (h *hearing) awaitGap(t *testing.T, part string, within time.Duration) waxseal.Gap {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		h.mu.Lock()
		i := slices.IndexFunc(h.gaps, func(g waxseal.Gap) bool { return strings.Contains(g.Reason, part) })
		h.mu.Unlock()
		if i >= 0 {
			return h.gaps[i]
		}
	}
	t.Fatalf("no gap with %q in %+v", part, h.gaps)
	return waxseal.Gap{}
}

func shell(t *testing.T, script string) int {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	return cmd.Process.Pid
}

func touches(name string) func(waxseal.AuditEvent) bool {
	return func(e waxseal.AuditEvent) bool {
		return slices.ContainsFunc(e.Paths, func(p waxseal.AuditPath) bool { return strings.HasSuffix(p.Name, name) })
	}
}

func TestWatchReportsWho(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "main.cf")
	s := openTest(t, Options{Watches: []string{dir}, Session: true, Snapshot: func(pid int) *waxseal.Actor {
		return &waxseal.Actor{Process: waxseal.Process{PID: pid}}
	}})
	h := run(t, s)
	pid := shell(t, "echo 4242 > /proc/self/loginuid; cd "+dir+"; echo relayhost= >> main.cf; sleep 0.05")
	e := h.await(t, "change of main.cf", touches("main.cf"))
	if e.Type != "SYSCALL" || e.AUID != 4242 || e.Session == waxseal.Unset || e.PID != pid || e.Key != testKey(t) || !e.Success {
		t.Errorf("event is %+v", e)
	}
	if e.Exe == "" || e.CWD != dir || len(e.Raw) < 4 {
		t.Errorf("exe %q, cwd %q, raw %q", e.Exe, e.CWD, e.Raw)
	}
	if e.Actor == nil || e.Actor.Process.PID != pid {
		t.Errorf("actor is %+v", e.Actor)
	}
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	last := e.Paths[len(e.Paths)-1]
	if last.Inode != st.Ino || last.Device != st.Dev {
		t.Errorf("path is %+v, stat gives dev %d inode %d", last, st.Dev, st.Ino)
	}
	login := h.await(t, "login", func(e waxseal.AuditEvent) bool { return e.Type == "LOGIN" && e.AUID == 4242 })
	if login.Session != e.Session || login.PID != pid || login.Fields["old-auid"] != "4294967295" {
		t.Errorf("login is %+v, session of the change %d", login, e.Session)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.events {
		if e.Type == "CONFIG_CHANGE" {
			t.Errorf("our own change is reported: %q", e.Raw)
		}
		t.Logf("%s %s seen after %v", e.Type, e.Key, h.seen[i].Sub(e.Time))
	}
}

func TestFileWatchFollowsRename(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "aliases")
	shell(t, "echo a > "+name)
	s := openTest(t, Options{Watches: []string{name}})
	h := run(t, s)
	shell(t, "echo b > "+name+".tmp; mv "+name+".tmp "+name)
	e := h.await(t, "rename into place", touches("/aliases"))
	if len(e.Paths) < 4 || !slices.IsSortedFunc(e.Paths, func(a, b waxseal.AuditPath) int { return a.Item - b.Item }) {
		t.Errorf("paths are %+v", e.Paths)
	}
}

// TestAppendByRing is no test: it is how other tests have a process that writes by io_uring.
func TestAppendByRing(t *testing.T) {
	name := os.Getenv("WAXSEAL_RING_FILE")
	if name == "" {
		return
	}
	if err := ring.Append(name, "by ring\n", true); err != nil {
		t.Fatal(err)
	}
}

// TestEntries: a rule on the entries of a directory reports what is made, renamed and
// removed right in it, also after another directory has its name, and nothing else.
func TestEntries(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	shell(t, "mkdir -p "+dir+"/below; echo a > "+dir+"/old")
	s := openTest(t, Options{Watches: []string{Entries(dir)}})
	h := run(t, s)
	shell(t, "cd "+dir+"; echo b >> old; echo c > below/deep; echo d > new")
	h.await(t, "file that is made", touches("new"))
	shell(t, "cd "+dir+"; mv new renamed")
	h.await(t, "file that is renamed", touches("renamed"))
	shell(t, "cd "+dir+"; rm renamed; touch last")
	h.await(t, "file that is removed", func(e waxseal.AuditEvent) bool {
		return touches("renamed")(e) && slices.ContainsFunc(e.Paths, func(p waxseal.AuditPath) bool { return p.NameType == "DELETE" && strings.HasSuffix(p.Name, "renamed") })
	})
	shell(t, "mv "+dir+" "+dir+".was; mkdir "+dir)
	if !s.Watches(dir + "/later") {
		t.Error("it does not say that it watches what may be made there")
	}
	shell(t, "touch "+dir+"/later")
	h.await(t, "file in another directory of that name", touches("later"))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if touches("old")(e) || touches("deep")(e) {
			t.Errorf("it reports %+v", e.Paths)
		}
	}
}

// TestEntriesByRing: of a file that io_uring makes there, which a thread of the kernel does
// always, the record names the process and the directory.
func TestEntriesByRing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	shell(t, "mkdir "+dir)
	s := openTest(t, Options{Watches: []string{Entries(dir)}})
	h := run(t, s)
	c := exec.Command(os.Args[0], "-test.run", "^TestAppendByRing$")
	c.Env = append(os.Environ(), "WAXSEAL_RING_FILE="+filepath.Join(dir, "new"))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.await(t, "file made by io_uring", func(e waxseal.AuditEvent) bool { return touches(dir+"/")(e) && e.PID == c.Process.Pid })
}

func TestExecArguments(t *testing.T) {
	s := openTest(t, Options{Exec: true})
	wantRules(t, testKey(t), len(s.calls))
	h := run(t, s)
	shell(t, `/bin/echo 'with blank' "" plain > /dev/null`)
	e := h.await(t, "execution", func(e waxseal.AuditEvent) bool { return len(e.Argv) == 4 && e.Argv[1] == "with blank" })
	if !slices.Equal(e.Argv, []string{"/bin/echo", "with blank", "", "plain"}) || e.Key != testKey(t)+"-exec" {
		t.Errorf("argv %q, key %q", e.Argv, e.Key)
	}
}

func TestRuleRoundTrip(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	shell(t, "echo > "+file)
	s := openTest(t, Options{Watches: []string{dir, file}, Exec: true, Calls: true})
	present, err := s.control.rules()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(s.calls)
	for _, w := range s.watches {
		want = append(want, w.rules...)
	}
	if len(want) < 4 {
		t.Fatalf("%d rules", len(want))
	}
	for _, r := range want {
		if !slices.ContainsFunc(present, r.equal) {
			t.Errorf("rule %s is not listed as it was added; listed: %v", r, present)
		}
	}
	if missing := s.Check(); len(missing) != 0 {
		t.Errorf("check says %q", missing)
	}
}

func TestSetWatches(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	s := openTest(t, Options{Watches: []string{a}})
	if err := s.SetWatches([]string{b, filepath.Join(b, "later")}); err != nil {
		t.Fatal(err)
	}
	wantRules(t, testKey(t), perWatch)
	if missing := s.Check(); len(missing) != 1 || !strings.Contains(missing[0], "later") {
		t.Errorf("check says %q", missing)
	}
	if err := s.SetWatches([]string{"relative"}); err == nil {
		t.Error("a relative path is accepted")
	}
	wantRules(t, testKey(t), 0)
}

// intruder, when set, makes this test binary remove all rules with that key: what
// auditctl -D does in the hand of someone else.
const intruder = "WAXSEAL_TEST_REMOVE"

func TestMain(m *testing.M) {
	if key := os.Getenv(intruder); key != "" {
		if _, err := RemoveLeftovers(key, true); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestSomeoneSwitchesUsOff(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, Options{Watches: []string{dir}})
	h := run(t, s)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), intruder+"="+testKey(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	e := h.await(t, "removal of our rule", func(e waxseal.AuditEvent) bool { return e.Fields["op"] == "remove_rule" })
	if e.PID != cmd.Process.Pid || e.Fields["key"] != testKey(t) {
		t.Errorf("event is %+v", e)
	}
	g := h.awaitGap(t, "is not loaded", 7*time.Second)
	h.awaitGap(t, "switched off", 7*time.Second)
	if !g.Silenced || g.Until.Sub(g.From) > 2*time.Second {
		t.Errorf("gap is %+v", g)
	}
	wantRules(t, testKey(t), perWatch)
	if missing := s.Check(); len(missing) != 0 {
		t.Errorf("after the repair check says %q", missing)
	}
	shell(t, "echo > "+dir+"/main.cf")
	h.await(t, "change after the repair", touches("main.cf"))
}

func TestRenamedDirectoryIsWatchedAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postfix")
	shell(t, "mkdir "+dir)
	s := openTest(t, Options{Watches: []string{dir}})
	h := run(t, s)
	shell(t, "mv "+dir+" "+dir+".x; mkdir "+dir)
	h.awaitGap(t, "renamed or replaced", 7*time.Second)
	shell(t, "echo > "+dir+"/main.cf")
	h.await(t, "change in the new directory", touches("main.cf"))
}

// TestNeverRule: a rule of somebody else's that silences ours is told, by what it does.
func TestNeverRule(t *testing.T) {
	own := t.TempDir()
	s := openTest(t, Options{Probe: own})
	h := run(t, s)
	time.Sleep(300 * time.Millisecond)
	never := newRule(nil, place(own, true), field{id: fieldKey, text: testKey(t)})
	binary.NativeEndian.PutUint32(never[4:], actionNever)
	const prepend = 0x10
	binary.NativeEndian.PutUint32(never, filterExit|prepend)
	c, err := dialControl()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.addRule(never); err != nil {
		t.Fatal(err)
	}
	defer func() {
		binary.NativeEndian.PutUint32(never, filterExit)
		if err := c.deleteRule(never); err != nil {
			t.Error(err)
		}
	}()
	g := h.awaitGap(t, "suppresses events", 5*time.Second)
	if !g.Silenced {
		t.Errorf("gap is %+v", g)
	}
	g = h.awaitGap(t, "made no audit record", probeEvery+2*probeWait+5*time.Second)
	if !g.Silenced || !strings.Contains(g.Reason, "suppresses events") {
		t.Errorf("gap is %+v", g)
	}
}

// TestHeldUpIsNotSilent: a sensor that did not run for a while, on a host that is busy, does
// not take records for missing that it has not read.
func TestHeldUpIsNotSilent(t *testing.T) {
	s := openTest(t, Options{Probe: t.TempDir()})
	h := run(t, s)
	time.Sleep(probeEvery + 20*time.Millisecond) // at the next poll the file is due again
	s.mu.Lock()                                  // which holds up the poll
	time.Sleep(2 * probeWait)
	s.mu.Unlock()
	time.Sleep(3 * poll)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.gaps {
		t.Errorf("gap is %+v", g)
	}
}

// TestWritingCalls: watches are asked about every call that makes a change, and not about
// those by which mail is read and written.
func TestWritingCalls(t *testing.T) {
	s := openTest(t, Options{})
	if len(s.writes) == 0 {
		t.Fatal("the kernel did not say which calls can write")
	}
	for _, call := range []uint32{unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
		unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_SETXATTR, unix.SYS_MKDIRAT, unix.SYS_FALLOCATE} {
		if !s.writes.has(call) {
			t.Errorf("watches are not asked about call %d", call)
		}
	}
	for _, call := range []uint32{unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_PPOLL, unix.SYS_EPOLL_PWAIT, unix.SYS_SENDTO, unix.SYS_FSYNC} {
		if s.writes.has(call) {
			t.Errorf("watches are asked about call %d", call)
		}
	}
}
