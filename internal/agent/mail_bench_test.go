package agent_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal/internal/lab"
	"waxseal/internal/sensor/kaudit"
)

// A mail server is kept busy by so many connections, with so many messages in it at any
// time: its queue neither runs empty nor grows.
const (
	senders  = 8
	inServer = 64
)

// mailServer is a real one whose spool, Maildirs and state of the agent lie on one
// filesystem.
type mailServer struct {
	root, state string
	to, maildir string
	messages    int // in a round
	dial        func(context.Context) (net.Conn, error)
}

// BenchmarkMail measures what watching costs a mail server at saturation: messages a
// second, the 99th percentile of the time from a message's first word to its name in the
// Maildir, and, which is less noisy, the processor time of the server, the kernel's audit
// thread and the agent for each message. Rounds without the agent, with one rule of audit
// and nothing else, as where auditd has one, and with the agent take turns on
// one server, so that all have what the machine has at that time; what is lost is the
// median over rounds beside each other, and that of the best ones. An agent that has just
// started is left alone until it is done.
// WAXSEAL_BENCH_CONFIG is a configuration for the agent ("watch: {bpf: false}"), and
// WAXSEAL_BENCH_ROUNDS how many rounds there are of each kind, 6 where it is not set: what is
// lost is so little that on a machine with other work only many show it.
func BenchmarkMail(b *testing.B) {
	if !hasRoot() {
		b.Skip("needs root: fanotify and audit are the superuser's")
	}
	b.Run("postfix", func(b *testing.B) { loaded(b, postfixServer(b)) })
	b.Run("exim", func(b *testing.B) { loaded(b, eximServer(b)) })
}

// The kindsOfRound of round.
const (
	unwatched = iota
	ruled     // by one rule of audit
	watched
	kindsOfRound
)

// turns are the orders in which they follow each other, so that none is always the first.
var turns = [][kindsOfRound]int{{unwatched, ruled, watched}, {watched, ruled, unwatched}, {ruled, watched, unwatched}, {unwatched, watched, ruled}, {watched, unwatched, ruled}, {ruled, unwatched, watched}}

func loaded(b *testing.B, m mailServer) {
	h := host{t: b, root: m.root, state: m.state}
	if text := os.Getenv("WAXSEAL_BENCH_CONFIG"); text != "" {
		h.config(text + "\n")
	}
	h.must("seal")
	server, agent := newGroup(b, "server"), newGroup(b, "agent")
	for _, pid := range lab.Processes(m.root) {
		server.take(b, pid)
	}
	m.round(b) // warm
	times := rounds(b)
	var seen [kindsOfRound][]effort
	for b.Loop() {
		seen = [kindsOfRound][]effort{}
		for i := range times {
			for _, kind := range turns[i%len(turns)] {
				seen[kind] = append(seen[kind], m.measure(b, h, kind, server, agent))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middleOf(seen[unwatched], func(e effort) float64 { return e.rate }), "plain-mails/s")
	b.ReportMetric(middleOf(seen[unwatched], func(e effort) float64 { return e.tail }), "plain-p99-ms")
	b.ReportMetric(middleOf(seen[unwatched], func(e effort) float64 { return e.idle }), "plain-idle-%")
	b.ReportMetric(middleOf(seen[unwatched], func(e effort) float64 { return e.server }), "plain-cpu-ms")
	b.ReportMetric(middleOf(seen[ruled], func(e effort) float64 { return e.server }), "ruled-cpu-ms")
	b.ReportMetric(middleOf(seen[watched], func(e effort) float64 { return e.server }), "watched-cpu-ms")
	b.ReportMetric(middleOf(seen[watched], func(e effort) float64 { return e.agent }), "agent-cpu-ms")
	for _, c := range []struct {
		name     string
		from, to int
	}{{"lost", unwatched, watched}, {"lost-by-rule", unwatched, ruled}, {"lost-beyond-rule", ruled, watched}} {
		without, with := seen[c.from], seen[c.to]
		b.ReportMetric(lost(without, with, slowness), c.name+"-%")
		b.ReportMetric(spread(without, with, slowness), c.name+"-±%")
		b.ReportMetric(lost(without, with, tail), c.name+"-p99-%")
		b.ReportMetric(spread(without, with, tail), c.name+"-p99-±%")
		b.ReportMetric(lost(without, with, burden), c.name+"-cpu-%")
		b.ReportMetric(100*(least(with, burden)/least(without, burden)-1), c.name+"-cpu-at-best-%")
	}
}

// measure makes a round of one kind.
func (m mailServer) measure(b *testing.B, h host, kind int, server, agent group) effort {
	w := h.watchWith(agent.start)
	agent.settle()
	if kind != watched { // it was started too, else this would follow upon less work and rest
		w.stop()
	}
	if kind == ruled {
		defer oneRule(b)()
	}
	unix.Sync()
	idle, before, own := idleTime(b), server.used()+auditThread(), agent.used()
	start := time.Now()
	e := m.round(b)
	took := time.Since(start)
	e.idle = 100 * (idleTime(b) - idle).Seconds() / took.Seconds() / float64(runtime.NumCPU())
	e.server, e.agent = (server.used()+auditThread()-before).Seconds()*1000/float64(m.messages), (agent.used()-own).Seconds()*1000/float64(m.messages)
	if kind == watched {
		w.stop()
	}
	b.Logf("%s: %.0f/s, p99 %.0f ms, server %.3f ms, agent %.3f ms, idle %.0f %%", [kindsOfRound]string{"plain", "one rule", "watched"}[kind], e.rate, e.tail, e.server, e.agent, e.idle)
	return e
}

// oneRule has the kernel audit changes below an empty directory, until it is ended. From
// the first rule on, whatever it is about, the kernel takes notes of each system call.
func oneRule(b *testing.B) (end func()) {
	s, err := kaudit.Open(kaudit.Options{Key: "waxseal-bench", Watches: []string{b.TempDir()}})
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

// rounds is how many are made of each kind.
func rounds(b *testing.B) int {
	text := os.Getenv("WAXSEAL_BENCH_ROUNDS")
	if text == "" {
		return len(turns)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("WAXSEAL_BENCH_ROUNDS=%q is no number of rounds", text)
	}
	return n
}

// effort is what a round took: messages a second, milliseconds of the slowest but one in a
// hundred, milliseconds of processor time a message, and how idle the machine was.
type effort struct{ rate, tail, server, agent, idle float64 }

func burden(e effort) float64   { return e.server + e.agent }
func slowness(e effort) float64 { return 1 / e.rate }
func tail(e effort) float64     { return e.tail }

// least is that of the best round: what others do on the machine only makes it more.
func least(list []effort, of func(effort) float64) float64 {
	return of(slices.MinFunc(list, func(a, b effort) int { return cmp.Compare(of(a), of(b)) }))
}

func middleOf(list []effort, of func(effort) float64) float64 {
	var values []float64
	for _, e := range list {
		values = append(values, of(e))
	}
	slices.Sort(values)
	return (values[len(values)/2] + values[(len(values)-1)/2]) / 2
}

// lost is by how many percent more it takes with than without, in the middle of the pairs.
func lost(without, with []effort, of func(effort) float64) float64 {
	var pairs []effort
	for i := range without {
		pairs = append(pairs, effort{rate: of(with[i])/of(without[i]) - 1})
	}
	return 100 * middleOf(pairs, func(e effort) float64 { return e.rate })
}

// spread is how far the middle of the pairs may be off, in per cent (its standard error, by
// how far apart the middle half of them lies): 95 of a hundred such benchmarks are off by
// less than twice as much.
func spread(without, with []effort, of func(effort) float64) float64 {
	var ratios []float64
	for i := range without {
		ratios = append(ratios, 100*(of(with[i])/of(without[i])-1))
	}
	slices.Sort(ratios)
	n := len(ratios)
	return 1.25 * (ratios[n*3/4] - ratios[n/4]) / 1.35 / math.Sqrt(float64(n))
}

// round sends all messages and waits until all are delivered.
func (m mailServer) round(b *testing.B) effort {
	in := &arrivals{inotify: newInotifyFor(b, m.maildir, unix.IN_MOVED_TO|unix.IN_CREATE)}
	room := make(chan bool, inServer)
	start := time.Now()
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			if err := m.send(b.Context(), m.messages/senders, room); err != nil {
				b.Error(err)
			}
		})
	}
	for range m.messages {
		in.next(b)
		<-room
	}
	took := time.Since(start)
	all.Wait()
	delays := m.delays(b)
	return effort{rate: float64(m.messages) / took.Seconds(), tail: delays[len(delays)*99/100].Seconds() * 1000}
}

// send sends messages of 4 KiB over one connection after another, a hundred each, as far
// as there is room for them. The subject is the time.
func (m mailServer) send(ctx context.Context, n int, room chan<- bool) error {
	body := strings.Repeat(strings.Repeat("x", 62)+"\r\n", 64) + "."
	for n > 0 {
		conn, err := m.dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		text := textproto.NewConn(conn)
		say := func(want int, line string) {
			if err == nil && line != "" {
				err = text.PrintfLine("%s", line)
			}
			if err == nil {
				_, _, err = text.ReadResponse(want)
			}
		}
		say(220, "")
		say(250, "EHLO client.example.net")
		for i := 0; i < 100 && n > 0; i, n = i+1, n-1 {
			room <- true
			subject := "Subject: " + strconv.FormatInt(time.Now().UnixNano(), 10)
			say(250, "MAIL FROM:<carol@client.example.net>")
			say(250, "RCPT TO:<"+m.to+">")
			say(354, "DATA")
			say(250, subject+"\r\n\r\n"+body)
		}
		say(221, "QUIT")
		if err != nil {
			return err
		}
	}
	return nil
}

// delays are the times from a subject to when its file got its name, in order. The
// Maildir is another one afterwards: a filesystem that many files were just deleted of
// looks long for a free inode.
func (m mailServer) delays(b *testing.B) (list []time.Duration) {
	entries, err := os.ReadDir(m.maildir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		name := filepath.Join(m.maildir, e.Name())
		text, err := os.ReadFile(name)
		var st unix.Stat_t
		if err != nil || unix.Stat(name, &st) != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\nSubject: ")
		sent, err := strconv.ParseInt(rest[:strings.IndexByte(rest+"\n", '\n')], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, time.Unix(st.Ctim.Unix()).Sub(time.Unix(0, sent)))
	}
	if slices.Sort(list); len(list) != m.messages {
		b.Fatalf("%d of %d messages were delivered", len(list), m.messages)
	}
	var st unix.Stat_t
	err = errors.Join(unix.Stat(m.maildir, &st), os.Rename(m.maildir, fmt.Sprintf("%s.%d", m.maildir, time.Now().UnixNano())),
		os.Mkdir(m.maildir, 0o700), os.Chown(m.maildir, int(st.Uid), int(st.Gid)))
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// group is a control group, which accounts the time of all that was started in it
// (cgroups(7)).
type group struct {
	dir string
	at  *os.File
}

func newGroup(b *testing.B, name string) group {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if f[2] != "cgroup2" {
			continue
		}
		dir, err := os.MkdirTemp(f[1], "waxseal-bench-"+name)
		if err != nil {
			b.Fatal(err)
		}
		at, err := os.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { // what is in it must have ended
			at.Close()
			for deadline := time.Now().Add(5 * time.Second); os.Remove(dir) != nil && time.Now().Before(deadline); {
				for pid := range strings.FieldsSeq(read(b, dir+"/cgroup.procs")) {
					_ = os.WriteFile(f[1]+"/cgroup.procs", []byte(pid), 0)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		return group{dir, at}
	}
	b.Skip("needs control groups, version 2")
	return group{}
}

func (g group) take(b *testing.B, pid int) {
	if err := os.WriteFile(g.dir+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
		b.Fatal(err)
	}
}

func (g group) start(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.at.Fd())}
}

// used is the processor time of the group.
func (g group) used() time.Duration {
	text, _ := os.ReadFile(g.dir + "/cpu.stat")
	_, rest, _ := strings.Cut(string(text), "usage_usec ")
	n, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return time.Duration(n) * time.Microsecond
}

// settle waits until the group has nothing to do, ten seconds at most.
func (g group) settle() {
	for range 20 {
		before := g.used()
		time.Sleep(500 * time.Millisecond)
		if g.used()-before < 15*time.Millisecond {
			return
		}
	}
}

// auditThread is the processor time of the kernel's thread that hands records out.
func auditThread() time.Duration {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, _ := os.ReadFile(name)
		if _, rest, ok := strings.Cut(string(text), "(kauditd) "); ok {
			return userTicks(strings.Fields(rest)[12])
		}
	}
	return 0
}

// idleTime is how long the processors have had nothing to do (proc_stat(5)).
func idleTime(b *testing.B) time.Duration {
	f := strings.Fields(read(b, "/proc/stat"))
	return userTicks(f[4]) + userTicks(f[5])
}

func userTicks(text string) time.Duration {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Duration(n) * time.Second / 100 // USER_HZ
}

func read(b *testing.B, name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// arrivals are the names that come into a directory.
type arrivals struct {
	inotify
	left int // that were read and not yet given out
}

// next waits for one.
func (a *arrivals) next(b *testing.B) {
	for a.left == 0 {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}, 30_000); n == 0 || err != nil && err != unix.EINTR {
			b.Fatalf("no message was delivered for half a minute (%v)", err)
		}
		buf := make([]byte, 1<<16)
		n, err := unix.Read(a.fd, buf)
		if err != nil {
			b.Fatal(err)
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; a.left++ { // inotify(7): the length of the name is its last word
			at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:]))
		}
	}
	a.left--
}

// ready makes the Maildir of a server whose processes are these.
func (m mailServer) ready(b *testing.B, home string) mailServer {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(m.root, home), &st); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"", "cur", "tmp", "new"} {
		dir := filepath.Join(m.root, home, "Maildir", name)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chown(dir, int(st.Uid), int(st.Gid))); err != nil {
			b.Fatal(err)
		}
	}
	m.maildir = filepath.Join(m.root, home, "Maildir/new")
	return m
}

func postfixServer(b *testing.B) mailServer {
	l := lab.Fresh(b)
	for _, setting := range []string{"home_mailbox=Maildir/", "smtpd_client_connection_count_limit=0", "in_flow_delay=0"} {
		if _, err := l.Exec(b.Context(), "postconf", "-e", setting); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := l.Exec(b.Context(), "postfix", "reload"); err != nil {
		b.Fatal(err)
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		return l.Dial(ctx, net.JoinHostPort(lab.ServerAddr, "25"))
	}
	return mailServer{root: l.Root, state: filepath.Join(l.Dir, "state"), to: "bob@mail.example.test", messages: 3000, dial: dial}.ready(b, "home/bob")
}

// eximConfig is a server that takes mail for its users into their Maildirs.
const eximConfig = `primary_hostname = mail.example.test
domainlist local_domains = mail.example.test
acl_smtp_rcpt = take
log_file_path = /var/log/exim4/%slog
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
never_users =
begin acl
take:
  accept domains = +local_domains
begin routers
users:
  driver = accept
  check_local_user
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
  create_directory
`

func eximServer(b *testing.B) mailServer {
	root := lab.Root(b, lab.Exim)
	must := func(script string) {
		if out, err := lab.Output(b.Context(), root, script); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	must("useradd -m bob; install -d -o Debian-exim -g Debian-exim /var/log/exim4 /run/exim4")
	if err := os.WriteFile(filepath.Join(root, "etc/exim4/exim4.conf"), []byte(eximConfig), 0o644); err != nil {
		b.Fatal(err)
	}
	port := freePort(b)
	daemon := exec.Command("chroot", root, "/usr/sbin/exim4", "-bdf", "-q1m", "-oX", fmt.Sprintf("[127.0.0.1]:%d", port), "-oP", "/run/exim4/bench.pid")
	if err := lab.StartBound(daemon); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	address := fmt.Sprintf("127.0.0.1:%d", port)
	dial := func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", address) }
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := dial(b.Context()); err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
	return mailServer{root: root, state: filepath.Join(b.TempDir(), "state"), to: "bob@mail.example.test", messages: 600, dial: dial}.ready(b, "home/bob")
}

func freePort(b *testing.B) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
