package agent_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal/internal/lab"
)

// rivals is a real Debian root with Postfix, and what Debian has to watch its files with.
func rivals(b *testing.B) host {
	b.Helper()
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	h := host{t: b, root: lab.Root(b, lab.Rivals), state: filepath.Join(b.TempDir(), "state")}
	h.write("/etc/hosts", "127.0.0.1 mail.example.test mail localhost\n")
	return h
}

// rival is another program that tells of changes: when each of its words for one came.
type rival struct {
	name string
	told chan time.Time
	late time.Duration // how long it may take until it counts as having missed the change
}

// hear passes on when a line comes that has a word.
func (r rival) hear(from io.Reader, word string) {
	for s := bufio.NewScanner(from); s.Scan(); {
		if strings.Contains(s.Text(), word) {
			r.told <- time.Now()
		}
	}
}

// quiet lets go of what was told of an earlier change.
func (r rival) quiet() {
	for {
		select {
		case <-r.told:
		case <-time.After(2 * time.Millisecond):
			return
		}
	}
}

// BenchmarkBeside measures, in one run and for the same writes to main.cf, how long after
// its end each tells of it: Waxseal's finding, with what it means, by whom, and durable;
// the line of a real auditd; inotifywait's; samhain's, by inotify. AIDE does not watch:
// how long its check takes is told instead.
func BenchmarkBeside(b *testing.B) {
	h := rivals(b)
	startAuditd(b, h.root)
	others := []rival{h.auditdLine(b), h.inotifywait(b), h.samhain(b)}
	h.must("seal")
	w := h.watch()
	const changes = 100
	times := map[string][]time.Duration{}
	missed := map[string]int{}
	for b.Loop() {
		clear(times)
		for i := range changes {
			for _, r := range others {
				r.quiet()
			}
			target := fmt.Sprintf("inet:203.0.113.9:%d", 22000+i)
			h.append("/etc/postfix/main.cf", "smtpd_milters = "+target+"\n")
			start := time.Now()
			w.find(target, func(f told) bool { return f.News == "" && f.Change != nil && hands(f, target) })
			times["waxseal"] = append(times["waxseal"], time.Since(start))
			for _, r := range others {
				select {
				case at := <-r.told:
					times[r.name] = append(times[r.name], at.Sub(start))
				case <-time.After(r.late):
					missed[r.name]++
				}
			}
		}
	}
	for name, list := range times {
		report(b, name, list)
	}
	for name, n := range missed {
		b.ReportMetric(float64(n), name+"-missed")
	}
	b.ReportMetric(h.aide(b).Seconds()*1000, "aide-check-ms")
	b.ReportMetric(0, "ns/op")
}

// auditdLine is the log of a real auditd, with a rule on the directory.
func (h host) auditdLine(b *testing.B) rival {
	b.Helper()
	r := rival{"auditd", make(chan time.Time, 64), time.Second}
	if out, err := inTools(b, h.root, "auditctl", "-w", "/etc/postfix", "-p", "wa", "-k", "rival").CombinedOutput(); err != nil {
		b.Fatalf("auditctl: %v: %s", err, out)
	}
	b.Cleanup(func() { _ = inTools(b, h.root, "auditctl", "-D", "-k", "rival").Run() })
	f, err := os.Open(h.path("/var/log/audit/audit.log"))
	fine(b, err)
	b.Cleanup(func() { f.Close() })
	in := newInotifyFor(b, f.Name(), unix.IN_MODIFY)
	go func() {
		for {
			_, _ = unix.Read(in.fd, make([]byte, 4096)) // until the end of the process
			text, _ := io.ReadAll(f)
			if bytes.Contains(text, []byte(`key="rival"`)) {
				r.told <- time.Now()
			}
		}
	}()
	return r
}

func (h host) inotifywait(b *testing.B) rival {
	b.Helper()
	r := rival{"inotifywait", make(chan time.Time, 64), time.Second}
	h.lines(b, r, "main.cf", "inotifywait", "-q", "-m", "-e", "close_write", "/etc/postfix")
	return r
}

// samhainConf has it check what changes as inotify tells it, and nothing else.
const samhainConf = `[ReadOnly]
dir = /etc/postfix
[Log]
PrintSeverity = warn
LogSeverity = none
SyslogSeverity = none
MailSeverity = none
[Inotify]
InotifyActive = yes
[Misc]
Daemon = no
ReportOnlyOnce = no
ChecksumTest = check
SetFileCheckTime = 600
SetLoopTime = 600
[ProcessCheck]
ProcessCheckActive = no
[PortCheck]
PortCheckActive = no
[EOF]
`

func (h host) samhain(b *testing.B) rival {
	b.Helper()
	r := rival{"samhain", make(chan time.Time, 64), 4 * time.Second}
	h.write("/etc/samhain/samhainrc", samhainConf)
	fine(b, os.RemoveAll(h.path("/var/lib/samhain/samhain_file")))
	if out, err := inTools(b, h.root, "samhain", "-t", "init").CombinedOutput(); err != nil {
		b.Fatalf("samhain -t init: %v: %s", err, out)
	}
	h.lines(b, r, "/etc/postfix/main.cf", "samhain", "--foreground", "--forever", "-t", "check")
	time.Sleep(3 * time.Second) // it looks at everything once
	return r
}

// lines runs a program in the root until the benchmark ends, and hears what it prints.
func (h host) lines(b *testing.B, r rival, word string, argv ...string) {
	b.Helper()
	cmd := inTools(b, h.root, argv...)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	out, err := cmd.StdoutPipe()
	fine(b, err)
	cmd.Stderr = cmd.Stdout
	fine(b, lab.StartBound(cmd))
	go r.hear(out, word)
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// aide is how long AIDE takes to check the configuration directory alone.
func (h host) aide(b *testing.B) time.Duration {
	b.Helper()
	h.write("/tmp/aide.conf", "database_in=file:/tmp/aide.db\ndatabase_out=file:/tmp/aide.db\n/etc/postfix sha256\n!/\n")
	if out, err := inTools(b, h.root, "aide", "--config", "/tmp/aide.conf", "--init").CombinedOutput(); err != nil {
		b.Fatalf("aide --init: %v: %s", err, out)
	}
	start := time.Now()
	if out, err := inTools(b, h.root, "aide", "--config", "/tmp/aide.conf", "--check").CombinedOutput(); err != nil {
		b.Fatalf("aide --check: %v: %s", err, out)
	}
	return time.Since(start)
}

// BenchmarkExecs measures processor time while a shell starts one program after the other:
// with nothing beside it; with auditd and the rule on execve(2) that tells what was run;
// and with the agent, which hears of processes by BPF. "own" is what the program itself
// and the kernel's audit thread used, "all" what the whole machine used beyond the plain
// run, each for one program that was started, in microseconds.
func BenchmarkExecs(b *testing.B) {
	h := rivals(b)
	const programs = 16000
	var rate float64
	audit := kauditd(b)
	bomb := func(pid int) (own, all float64) {
		began, used, machine := time.Now(), cpuOf(b, pid)+cpuOf(b, audit), busy(b)
		cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do /bin/true; i=$((i+1)); done", programs))
		fine(b, cmd.Run())
		rate = programs / time.Since(began).Seconds()
		time.Sleep(time.Second) // what waits in queues counts
		return (cpuOf(b, pid) + cpuOf(b, audit) - used) / programs * 1e6, (busy(b) - machine) / programs * 1e6
	}
	_, plain := bomb(0)
	b.ReportMetric(rate, "plain-execs/s")
	h.must("seal")
	w := h.watch()
	own, all := bomb(w.cmd.Process.Pid)
	w.stop()
	b.ReportMetric(rate, "waxseal-execs/s")
	b.ReportMetric(own, "waxseal-own-µs")
	b.ReportMetric(all-plain, "waxseal-all-µs")

	auditd := startAuditd(b, h.root)
	for _, words := range []string{"-e 1", "-a always,exit -F arch=b64 -S execve -k rival"} {
		if out, err := inTools(b, h.root, append([]string{"auditctl"}, strings.Fields(words)...)...).CombinedOutput(); err != nil {
			b.Fatalf("auditctl %s: %v: %s", words, err, out)
		}
	}
	own, all = bomb(auditd.Process.Pid)
	fine(b, inTools(b, h.root, "auditctl", "-D", "-k", "rival").Run())
	b.ReportMetric(rate, "auditd-execs/s")
	b.ReportMetric(own, "auditd-own-µs")
	b.ReportMetric(all-plain, "auditd-all-µs")
	b.ReportMetric(0, "ns/op")
}

// cpuOf is the processor time that a process has used, in seconds (proc(5), stat).
func cpuOf(b *testing.B, pid int) float64 {
	b.Helper()
	if pid == 0 {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fine(b, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	return ticks(fields[11]) + ticks(fields[12])
}

// busy is the processor time that the machine has used, in seconds (proc(5), stat).
func busy(b *testing.B) (total float64) {
	b.Helper()
	text, err := os.ReadFile("/proc/stat")
	fine(b, err)
	line, _, _ := strings.Cut(string(text), "\n")
	for i, word := range strings.Fields(line)[1:8] {
		if i != 3 && i != 4 { // idle, iowait
			total += ticks(word)
		}
	}
	return total
}

// ticks are seconds, of a hundredth each.
func ticks(word string) float64 {
	n, _ := strconv.Atoi(word)
	return float64(n) / 100
}

// kauditd is the kernel's thread that hands out audit records.
func kauditd(b *testing.B) (pid int) {
	b.Helper()
	wait(b, "the kernel's audit thread", func() bool {
		names, _ := filepath.Glob("/proc/[0-9]*/comm")
		for _, name := range names {
			if comm, _ := os.ReadFile(name); string(comm) == "kauditd\n" {
				pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(name)))
			}
		}
		return pid != 0
	})
	return pid
}
