package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/lab"
	"waxseal/internal/sensor/kaudit"
)

// A flood is more than anybody can look at one by one. What counts in it is that nothing
// of the mail set is missed, that what is lost is told, and that the agent stays small.

// wholeFloods has the floods in full size ("make nightly"); by default they are a fifth,
// and only the cells that differ most.
const wholeFloods = "WAXSEAL_FLOODS"

// scale is what a flood has of n here.
func scale(n int) int {
	if os.Getenv(wholeFloods) != "" {
		return n
	}
	return n / 5
}

// flood is one cell of TestFloods.
type flood struct {
	name    string
	dir     string // where the files are that nobody asked about
	deaf    bool   // the agent does without audit
	auditd  bool   // a real one runs beside the agent
	backlog int    // records that may wait in the kernel
	stopped bool   // the agent is stopped in the middle
	nightly bool   // in full size only
}

const (
	besideMail = "/var/spool/noise" // a sibling of what is watched
	amidMail   = "/etc/postfix"
	small      = 64 // the kernel's default
	large      = 8192
)

// Limits of an agent in a flood: the unit's MemoryHigh (packaging/systemd), and half of
// what a process may have open by default.
const (
	mostMemory      = 384 << 10            // KiB
	mostTime        = 2 * time.Millisecond // of a processor, for each change of a file
	mostDescriptors = 512                  // those of processes that come with events among them
)

// TestFloods changes 50,000 files in five seconds around the mail set, with changes of
// the mail set in between.
func TestFloods(t *testing.T) {
	needRoot(t)
	tools := lab.Root(t, lab.Tools)
	for _, f := range []flood{
		{name: "beside, small backlog", dir: besideMail, backlog: small},
		{name: "beside, large backlog", dir: besideMail, backlog: large, nightly: true},
		{name: "beside, auditd, small backlog", dir: besideMail, auditd: true, backlog: small, nightly: true},
		{name: "beside, auditd, large backlog", dir: besideMail, auditd: true, backlog: large, nightly: true},
		{name: "amid, small backlog", dir: amidMail, backlog: small, nightly: true},
		{name: "amid, large backlog", dir: amidMail, backlog: large, nightly: true},
		{name: "amid, auditd, small backlog", dir: amidMail, auditd: true, backlog: small, nightly: true},
		{name: "amid, auditd, large backlog", dir: amidMail, auditd: true, backlog: large},
		{name: "beside, stopped", dir: besideMail, backlog: large, stopped: true, nightly: true},
		{name: "amid, stopped", dir: amidMail, backlog: large, stopped: true},
		{name: "beside, without audit", dir: besideMail, deaf: true, nightly: true},
		{name: "amid, without audit", dir: amidMail, deaf: true, nightly: true},
		{name: "amid, stopped, without audit", dir: amidMail, deaf: true, stopped: true, nightly: true},
	} {
		if f.nightly && os.Getenv(wholeFloods) == "" {
			continue
		}
		t.Run(f.name, func(t *testing.T) { f.run(t, tools) })
	}
}

func (f flood) run(t *testing.T, tools string) {
	if f.auditd {
		startAuditd(t, tools)
	}
	h := postfixTree(t, nil)
	if f.deaf {
		h.config("watch: {audit: false}\n")
	} else {
		setBacklog(t, tools, f.backlog)
	}
	fine(t, os.MkdirAll(h.path(f.dir), 0o755))
	h.must("seal")
	w := h.watch()
	weight := weigh(w)
	started := time.Now()
	const changes = 10
	made := map[string]time.Time{}
	began := time.Now()
	flooded := f.pour(t, w, func(i int) {
		target := "inet:203.0.113.9:" + strconv.Itoa(21000+i)
		h.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = "+target+"\n")
		made[target] = time.Now()
	}, changes)
	over := time.Now()
	last := "inet:203.0.113.9:" + strconv.Itoa(21000+changes-1)
	seen := w.targets(last, made)
	rss, files := weight()
	time.Sleep(3 * time.Second) // audit may tell of a loss later
	w.stop()
	w.rest(made, seen)
	spent := w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()
	f.judge(t, w, made, seen, last)
	t.Logf("%d changes of files in %.1fs; %d of %d contents of main.cf told, the last %v after it was written, %v after the flood; losses told: %q; at most %d MiB, %d descriptors, %.1fs of processor time",
		flooded, over.Sub(began).Seconds(), len(seen), changes, seen[last].at.Sub(made[last]).Round(time.Millisecond), seen[last].at.Sub(over).Round(time.Millisecond), w.gaps(), rss>>10, files, spent.Seconds())
	if rss > mostMemory || files > mostDescriptors {
		t.Errorf("the agent took %d KiB and had %d descriptors open", rss, files)
	}
	if most := time.Duration(flooded) * mostTime; spent > most {
		t.Errorf("the agent took %v of processor time, more than %v", spent, most)
	}
	stopped := time.Now()
	h.must("ledger", "verify")
	t.Logf("watching %v, verify %v", stopped.Sub(started), time.Since(stopped))
	if left := kaudit.Leftovers("waxseal"); len(left) > 0 {
		t.Errorf("audit rules are left: %q", left)
	}
}

// pour writes the files within the flood's time, and calls change that often in between.
func (f flood) pour(t *testing.T, w *watch, change func(i int), changes int) int {
	files, long := scale(50_000), time.Duration(scale(5000))*time.Millisecond
	if f.stopped {
		fine(t, w.cmd.Process.Signal(syscall.SIGSTOP))
		resume := time.AfterFunc(max(2500*time.Millisecond, time.Duration(scale(10_000))*time.Millisecond), func() { _ = w.cmd.Process.Signal(syscall.SIGCONT) })
		defer func() {
			for resume.Stop() { // the flood was over first
				time.Sleep(time.Until(time.Now().Add(2500 * time.Millisecond)))
				_ = w.cmd.Process.Signal(syscall.SIGCONT)
			}
		}()
	}
	start := time.Now()
	for i := range files {
		if i%(files/changes) == files/changes/2 {
			change(i / (files / changes))
		}
		fine(t, os.WriteFile(filepath.Join(w.path(f.dir), "noise"+strconv.Itoa(i%5000)), []byte(strconv.Itoa(i)), 0o644))
		if i%100 == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * long / time.Duration(files))))
		}
	}
	return files
}

// targets collects what is told of the contents that were written, until the last is.
func (w *watch) targets(last string, made map[string]time.Time) map[string]told {
	w.t.Helper()
	seen := map[string]told{}
	w.findWithin(60*time.Second, last, func(f told) bool {
		f.among(made, seen)
		return f.Change != nil && hands(f, last)
	})
	return seen
}

// rest adds what an agent that has ended told after the last content: the tree may be read
// while events of the contents before it still wait in the kernel.
func (w *watch) rest(made map[string]time.Time, seen map[string]told) {
	for {
		select {
		case f := <-w.told:
			f.among(made, seen)
		default:
			return
		}
	}
}

// among adds what a finding tells first to what is seen of the contents that were written.
func (f told) among(made map[string]time.Time, seen map[string]told) {
	for target := range made {
		if _, known := seen[target]; !known && f.Change != nil && hands(f, target) {
			seen[target] = f
		}
	}
}

// judge holds a flood to what was promised.
func (f flood) judge(t *testing.T, w *watch, made map[string]time.Time, seen map[string]told, last string) {
	t.Helper()
	// That files which nothing reads were only counted, and that who it was may stay
	// unknown, is another matter.
	gaps := slices.DeleteFunc(w.gaps(), func(reason string) bool {
		return strings.HasPrefix(reason, "so much was done to files") || strings.Contains(reason, "audit records")
	})
	history := w.history("/etc/postfix/main.cf")
	if missed := len(made) - len(seen); missed > 0 && len(gaps) == 0 && !strings.Contains(history, "not captured") {
		t.Errorf("%d contents of main.cf were not told, and that they are missing was not either; written %v, told %v, in the ledger %s", missed, slices.Sorted(maps.Keys(made)), slices.Sorted(maps.Keys(seen)), history)
	}
	if !f.stopped {
		return
	}
	at := w.gapAt("was stopped (SIGSTOP)")
	if at.IsZero() {
		t.Fatalf("that the agent was stopped is not told: %s", w.errs)
	}
	if after := seen[last].at.Sub(at); after > time.Second && os.Getenv(wholeFloods) != "" { // at night nobody else is at work
		t.Errorf("the last content was told %v after the gap", after)
	}
}

// history is what the ledger of an agent that has ended has of a file.
func (w *watch) history(p waxseal.Path) string {
	var list []string
	w.observations(func(o waxseal.Observation) {
		if o.File != nil && o.File.Path == p {
			list = append(list, fmt.Sprintf("%s %v %.8s %s", o.Time.Format("05.000"), o.File.Operations, o.File.TextDigest, o.File.Note))
		}
	})
	return strings.Join(list, "\n")
}

// gaps are the losses that the ledger of an agent that has ended has, each kind once.
func (w *watch) gaps() []string {
	var list []string
	w.observations(func(o waxseal.Observation) {
		if o.Gap == nil || strings.HasPrefix(o.Gap.Reason, "audit was off") || strings.HasPrefix(o.Gap.Reason, "no agent was running") || strings.HasPrefix(o.Gap.Reason, "it is switched off") {
			return
		}
		if reason, _, _ := strings.Cut(o.Gap.Reason, ":"); !slices.Contains(list, reason) {
			list = append(list, reason)
		}
	})
	return list
}

// observations are those in the ledger of an agent that has ended.
func (w *watch) observations(each func(waxseal.Observation)) {
	w.t.Helper()
	books, err := agent.ReadBooks(w.state)
	fine(w.t, err)
	defer books.Close()
	n, err := books.Len()
	fine(w.t, err)
	for e, err := range books.Entries(0, waxseal.Index(n)) {
		fine(w.t, err)
		var o waxseal.Observation
		if e.Kind == "observation" && json.Unmarshal(e.Body, &o) == nil {
			each(o)
		}
	}
}

// gapAt is when a loss was told, zero if it was not.
func (w *watch) gapAt(words string) time.Time {
	w.errs.mu.Lock()
	defer w.errs.mu.Unlock()
	for i, line := range w.errs.text {
		if strings.Contains(line, "gap: ") && strings.Contains(line, words) {
			return w.errs.at[i]
		}
	}
	return time.Time{}
}

// weigh looks at the agent ten times a second until it is asked what the most was.
func weigh(w *watch) func() (rss, files int) {
	stop, done := make(chan bool), make(chan bool)
	var rss, files int
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				rss, files = max(rss, memoryOf(w.t, w.cmd.Process.Pid)), max(files, descriptorsOf(w.t, w.cmd.Process.Pid))
			}
		}
	}()
	return func() (int, int) { close(stop); <-done; return rss, files }
}

// inTools prepares a program of the lab Tools that sees this host's processes and audit.
func inTools(t testing.TB, tools string, argv ...string) *exec.Cmd {
	t.Helper()
	script := `mount --bind /proc "$0/proc" && exec chroot "$0" "$@"`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, tools}, argv...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	return cmd
}

// startAuditd runs a real auditd from the lab until the test ends, and sees to it that
// audit is as it was then.
func startAuditd(t testing.TB, tools string) *exec.Cmd {
	t.Helper()
	before := kaudit.Probe()
	cmd := inTools(t, tools, "auditd", "-n", "-s", "nochange")
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	fine(t, lab.StartBound(cmd))
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_, err := kaudit.RemoveLeftovers("waxseal", before.Enabled == 0)
		fine(t, err)
	})
	wait(t, "auditd: "+said.String(), func() bool { return kaudit.Probe().Daemon == cmd.Process.Pid })
	return cmd
}

// setBacklog limits how many records may wait in the kernel until the test ends, and how
// long whoever makes more of them does.
func setBacklog(t *testing.T, tools string, limit int) {
	t.Helper()
	set := func(words ...string) {
		if out, err := inTools(t, tools, append([]string{"auditctl"}, words...)...).CombinedOutput(); err != nil {
			t.Fatalf("auditctl %q: %v: %s", words, err, out)
		}
	}
	out, err := inTools(t, tools, "auditctl", "-s").Output()
	fine(t, err)
	was := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			was[name] = value
		}
	}
	t.Cleanup(func() { set("-b", was["backlog_limit"], "--backlog_wait_time", was["backlog_wait_time"]) })
	set("-b", strconv.Itoa(limit), "--backlog_wait_time", "0")
}

// TestForkBomb: 1,600 programs a second start, and the change in their midst is told with
// its hand.
func TestForkBomb(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	weight := weigh(w)
	programs := scale(16_000)
	const shells = 2
	began := time.Now()
	var bombs []*exec.Cmd
	for range shells {
		bomb := exec.Command("/bin/sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/true; i=$((i+1)); done", programs/shells))
		fine(t, bomb.Start())
		bombs = append(bombs, bomb)
	}
	time.Sleep(time.Duration(scale(5000)) * time.Millisecond / 2)
	const target = "inet:203.0.113.9:21500"
	var pids []int
	writer := exec.Command("/bin/sh", "-c", "echo smtpd_milters = "+target+" >> "+h.path("/etc/postfix/main.cf"))
	fine(t, writer.Run())
	wrote := time.Now()
	pids = append(pids, writer.Process.Pid)
	f := w.find(target, func(f told) bool { return f.Change != nil && hands(f, target) })
	after := f.at.Sub(wrote)
	for _, b := range bombs {
		fine(t, b.Wait())
	}
	rate := float64(programs) / time.Since(began).Seconds()
	for until := time.Now().Add(3 * time.Second); f.Actor.Process.Grade != waxseal.Proven && time.Now().Before(until); {
		f = w.later(f)
	}
	rss, files := weight()
	w.stop()
	t.Logf("%d programs, %.0f a second; told after %v; losses told: %q; at most %d MiB, %d descriptors", programs, rate, after.Round(time.Millisecond), w.gaps(), rss>>10, files)
	switch p := f.Actor.Process; {
	case p.Grade == waxseal.Proven && !slices.Contains(pids, p.PID):
		t.Errorf("the hand is %+v, proven, and was process %d", p, writer.Process.Pid)
	case p.Grade != waxseal.Proven && len(w.gaps()) == 0:
		t.Errorf("the hand is %+v, and no loss was told", p)
	}
	if rss > mostMemory || files > mostDescriptors {
		t.Errorf("the agent took %d KiB and had %d descriptors open", rss, files)
	}
}

// TestLogRotation: a log that is written fast and rotated meanwhile, by rename and by
// truncation, loses no line that says that a change is in force.
func TestLogRotation(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	const name = "/var/log/mail.log"
	fill := func(n int) {
		for i := 0; i < n; i += 100 {
			var lines strings.Builder
			for j := range 100 {
				fmt.Fprintf(&lines, "Nov 30 09:00:00 mail postfix/smtpd[4711]: connect from client%d.example.net[192.0.2.25]\n", i+j)
			}
			h.append(name, lines.String())
		}
	}
	lines := scale(50_000)
	for i, rotate := range []func(){
		func() {
			fine(t, os.Rename(h.path(name), h.path(name+".1")))
			h.write(name, "")
		},
		func() { fine(t, os.Truncate(h.path(name), 0)) },
		func() {
			fine(t, os.Rename(h.path(name), h.path(name+".2")))
			h.write(name, "")
		},
	} {
		target := "inet:203.0.113.9:" + strconv.Itoa(21600+i)
		h.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nsmtpd_milters = "+target+"\n")
		f := w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
		began := time.Now()
		fill(lines / 3)
		if i != 1 { // after a rename the rest of the old file still counts: the last line before it is the one that matters
			h.append(name, reloaded())
		}
		rotate()
		if i == 1 {
			h.append(name, reloaded())
		}
		fill(lines / 3)
		news := w.find("loaded", stands(f.ID, waxseal.Loaded))
		t.Logf("%d lines; the one that matters was told %v after the first", 2*lines/3, news.at.Sub(began).Round(time.Millisecond))
	}
	w.stop()
	if gaps := w.gaps(); len(gaps) > 0 {
		t.Logf("losses told: %q", gaps)
	}
}

// reloaded is what Postfix logs when it reads its configuration again (master(8)).
func reloaded() string {
	return time.Now().Format(time.Stamp) + " mail postfix/master[800]: reload -- version 3.7.11, configuration /etc/postfix\n"
}
