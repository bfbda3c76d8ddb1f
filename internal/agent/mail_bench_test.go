package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// A mail server is kept busy by so many connections, with so many messages in a round.
const (
	senders  = 8
	messages = 1200
	rounds   = 6 // in pairs: without the agent and with it, with it and without
)

// mailServer is a real one whose spool, Maildirs and state of the agent lie on one
// filesystem.
type mailServer struct {
	root, state string
	to          string
	dial        func(context.Context) (net.Conn, error)
	log         string                         // inside the root
	delay       *regexp.Regexp                 // seconds of a delivery, in the log
	empty       func(ctx context.Context) bool // the queue
}

// BenchmarkMail measures what watching costs a mail server at saturation: messages a
// second from the first connection to the last delivery, and the 99th percentile of the
// time that the server itself says a message took. Rounds with and without the agent
// take turns on one server, so that both have what the machine has at that time.
func BenchmarkMail(b *testing.B) {
	b.Run("postfix", func(b *testing.B) { loaded(b, postfixServer(b)) })
	b.Run("exim", func(b *testing.B) { loaded(b, eximServer(b)) })
}

func loaded(b *testing.B, m mailServer) {
	h := host{t: b, root: m.root, state: m.state}
	h.must("seal")
	m.round(b) // warm
	var rates, tails [2][]float64
	for b.Loop() {
		rates, tails = [2][]float64{}, [2][]float64{}
		for i := range 2 * rounds {
			on := (i + 1) / 2 % 2 // 0, 1, 1, 0, 0, 1, …
			var w *watch
			if on == 1 {
				w = h.watch()
			}
			rate, tail := m.round(b)
			rates[on], tails[on] = append(rates[on], rate), append(tails[on], tail)
			if w != nil {
				w.stop()
			}
		}
	}
	middle := func(list []float64) float64 { slices.Sort(list); return list[len(list)/2] }
	b.ReportMetric(middle(rates[0]), "plain-mails/s")
	b.ReportMetric(middle(rates[1]), "watched-mails/s")
	b.ReportMetric(100*(1-middle(rates[1])/middle(rates[0])), "lost-%")
	b.ReportMetric(1000*middle(tails[0]), "plain-p99-ms")
	b.ReportMetric(1000*middle(tails[1]), "watched-p99-ms")
	b.ReportMetric(0, "ns/op")
}

// round sends all messages, waits until all are delivered, and gives messages a second
// and the 99th percentile of seconds that one took.
func (m mailServer) round(b *testing.B) (rate, tail float64) {
	before := len(m.delays(b))
	start := time.Now()
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			if err := m.send(b.Context(), messages/senders); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	for !m.empty(b.Context()) && !b.Failed() {
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(start)
	var delays []float64
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the log may come a little later
		if delays = m.delays(b)[before:]; len(delays) >= messages {
			break
		}
		if b.Failed() || time.Now().After(deadline) {
			b.Fatalf("%d of %d messages were delivered", len(delays), messages)
		}
	}
	slices.Sort(delays)
	return messages / took.Seconds(), delays[len(delays)*99/100]
}

// send sends messages of 4 KiB over one connection after another, a hundred each.
func (m mailServer) send(ctx context.Context, n int) error {
	body := "Subject: hello\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 64) + "."
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
			say(250, "MAIL FROM:<carol@client.example.net>")
			say(250, "RCPT TO:<"+m.to+">")
			say(354, "DATA")
			say(250, body)
		}
		say(221, "QUIT")
		if err != nil {
			return err
		}
	}
	return nil
}

func (m mailServer) delays(b *testing.B) (list []float64) {
	f, err := os.Open(filepath.Join(m.root, m.log))
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if found := m.delay.FindStringSubmatch(lines.Text()); found != nil {
			if n, err := strconv.ParseFloat(found[1], 64); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
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
	return mailServer{
		root: l.Root, state: filepath.Join(l.Dir, "state"), to: "bob@mail.example.test", log: "var/log/mail.log",
		dial: func(ctx context.Context) (net.Conn, error) {
			return l.Dial(ctx, net.JoinHostPort(lab.ServerAddr, "25"))
		},
		delay: regexp.MustCompile(`to=<bob@.* delay=([0-9.]+),.*status=sent`),
		empty: func(ctx context.Context) bool {
			out, err := l.Exec(ctx, "postqueue", "-p")
			return err == nil && strings.Contains(out, "queue is empty")
		},
	}
}

// eximConfig is a server that takes mail for its users into their Maildirs.
const eximConfig = `primary_hostname = mail.example.test
domainlist local_domains = mail.example.test
acl_smtp_rcpt = take
log_selector = +delivery_size +millisec +queue_time_overall
log_file_path = /var/log/exim4/%slog
smtp_accept_max = 0
queue_only_load =
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
	daemon := exec.Command("chroot", root, "/usr/sbin/exim4", "-bdf", "-q1m", "-oX", fmt.Sprintf("127.0.0.1:%d", port), "-oP", "/run/exim4/bench.pid")
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
	return mailServer{
		root: root, state: filepath.Join(b.TempDir(), "state"), to: "bob@mail.example.test", log: "var/log/exim4/mainlog", dial: dial,
		delay: regexp.MustCompile(`=> bob .* QT=([0-9.]+)s`),
		empty: func(ctx context.Context) bool {
			left, err := filepath.Glob(filepath.Join(root, "var/spool/exim4/input/*-H"))
			deep, _ := filepath.Glob(filepath.Join(root, "var/spool/exim4/input/?/*-H"))
			return err == nil && len(left)+len(deep) == 0
		},
	}
}

func freePort(b *testing.B) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
