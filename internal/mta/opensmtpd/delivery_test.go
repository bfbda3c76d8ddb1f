package opensmtpd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/rootfs"
)

// server starts a real smtpd with each configuration of /cases, sends it the
// messages of probe.pl, and notes what came of each: the lines that deliveries
// write to /out, and the answers to RCPT.
const server = `
perl /probe.pl up || exit 1
for f in /cases/*.conf; do
	n=${f%.conf}
	rm -rf /out/log /var/spool/smtpd/queue/* /out/file.*; : >/out/log; chmod 666 /out/log
	smtpd -d -f $f >$n.smtpd 2>&1 &
	pid=$!
	perl /probe.pl $n.messages >$n.answers 2>&1
	sed -n 's/^socket //p' $n.messages | while read s r; do echo x | sendmail -f $s $r >>$n.answers 2>&1; done
	for i in $(seq 100); do
		[ -z "$(find /var/spool/smtpd/queue /var/spool/smtpd/incoming -type f 2>/dev/null)" ] && break
		sleep 0.1
	done
	for o in /out/file.*; do [ -e $o ] && echo "file $o" >>/out/log; done
	kill $pid; wait $pid 2>/dev/null
	cp /out/log $n.log
done
exit 0
`

// probe brings the loopback device up, or speaks SMTP: each line of its file is
// "client sender recipient"; those of the client "socket" are sent by sendmail(1).
const probe = `
use strict; use Socket; use IO::Socket::INET;
if ($ARGV[0] eq 'up') {
	socket(my $s, PF_INET, SOCK_DGRAM, 0) or die;
	ioctl($s, 0x8914, my $r = pack('a16 s x14', 'lo', 0x41)) or die "lo: $!";
	exit 0;
}
open(my $f, '<', $ARGV[0]) or die; my %by; my @order;
while (<$f>) { chomp; my ($c, $s, $r) = split / /; next if $c eq 'socket'; push @order, $c unless $by{$c}; push @{$by{$c}}, [$s, $r]; }
for my $client (@order) {
	my $sock;
	for (1..400) { $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1:25', LocalAddr => $client, Timeout => 2) and last; select(undef, undef, undef, 0.05); }
	die "no smtpd" unless $sock;
	my $say = sub { print $sock "$_[0]\r\n" if defined $_[0]; my $l; do { $l = <$sock>; return '' unless defined $l; } while $l =~ /^\d\d\d-/; $l =~ s/\s+$//; return $l; };
	$say->(undef); $say->("EHLO client.example");
	for my $m (@{$by{$client}}) {
		$say->("RSET"); $say->("MAIL FROM:<$m->[0]>");
		my $got = $say->("RCPT TO:<$m->[1]>");
		if ($got =~ /^250/) { $say->("DATA"); $say->("Subject: x\r\n\r\nx\r\n."); }
		print "$client $m->[0] $m->[1] ", substr($got, 0, 3), "\n";
	}
	$say->("QUIT");
}
`

// running is a root whose smtpd can be asked, as files and as a tree.
type running struct {
	root string
	n    int
}

func newRunning(t *testing.T) *running {
	t.Helper()
	root := lab.Root(t, lab.OpenSMTPD)
	s := &running{root: root}
	s.write(t, "/probe.pl", probe, 0o644)
	s.write(t, "/usr/local/bin/took", "#!/bin/sh\ncat >/dev/null\necho \"$*\" >>/out/log\n", 0o755)
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "/etc/passwd", string(passwd)+"alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\ncarol:x:1002:1002::/home/carol:/bin/sh\n", 0o644)
	for i, name := range []string{"alice", "bob", "carol"} {
		home := filepath.Join(root, "home", name)
		if err := os.MkdirAll(home, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(home, 1000+i, 1000+i); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "out"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "out"), 0o777); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *running) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	p := filepath.Join(s.root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// add writes a case: a configuration and the messages for it.
func (s *running) add(t *testing.T, conf string, messages []string) {
	t.Helper()
	name := fmt.Sprintf("/cases/%03d", s.n)
	s.write(t, name+".conf", conf, 0o644)
	s.write(t, name+".messages", strings.Join(messages, "\n")+"\n", 0o644)
	s.n++
}

func (s *running) run(t *testing.T) {
	t.Helper()
	started := time.Now()
	if out, err := lab.Output(t.Context(), s.root, server); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("smtpd ran with %d configurations in %v", s.n, time.Since(started).Round(time.Second))
}

func (s *running) result(t *testing.T, n int, suffix string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.root, fmt.Sprintf("cases/%03d%s", n, suffix)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// read is what this package makes of the case in the tree.
func (s *running) read(t *testing.T, n int) mta.Result {
	t.Helper()
	tree, err := rootfs.Open(s.root)
	if err != nil {
		t.Fatal(err)
	}
	conf := s.result(t, n, ".conf")
	s.write(t, "/etc/smtpd.conf", conf, 0o644)
	return Read(tree, mask.New([]byte("test")), mta.Options{Package: func(string) waxseal.Package { return waxseal.Package{Version: "6.8.0p2-4+b4"} }})
}

func seedAndCases(t *testing.T, cases int) (*rand.Rand, int) {
	t.Helper()
	seed := lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	return rand.New(rand.NewPCG(seed, 7)), lab.Cases(t, cases)
}

// TestRouting sends messages through a real smtpd with generated matches: what
// we call inactive must never take one, and what we call active should.
func TestRouting(t *testing.T) {
	r, cases := seedAndCases(t, 30)
	s := newRunning(t)
	var messages []string
	for _, client := range []string{"127.0.0.1", "127.0.0.5", "socket"} {
		for _, sender := range []string{"a@s1.example", "b@s2.example"} {
			for _, rcpt := range []string{"alice@localhost", "bob@d1.example", "alice@d1.example", "alice@d2.example", "bob@sub.d2.example"} {
				messages = append(messages, client+" "+sender+" "+rcpt)
			}
		}
	}
	for range cases {
		s.add(t, randomRules(r), messages)
	}
	s.run(t)
	active, seen := 0, 0
	for n := range s.n {
		took := map[string]bool{}
		for line := range strings.Lines(s.result(t, n, ".log")) {
			took[strings.TrimSpace(line)] = true
		}
		if len(took) == 0 && strings.Contains(s.result(t, n, ".answers"), "no smtpd") {
			t.Fatalf("case %d: smtpd does not run\n%s\n%s", n, s.result(t, n, ".conf"), s.result(t, n, ".smtpd"))
		}
		for _, h := range s.read(t, n).Hooks {
			if h.Directive != "mda" {
				continue
			}
			name := strings.TrimPrefix(h.Target.Value, "/usr/local/bin/took ")
			switch {
			case !h.Active && took[name]:
				t.Errorf("case %d: %s takes mail, we say: %s\n%s", n, name, h.Modifiers["inactive"], s.result(t, n, ".conf"))
			case h.Active:
				active++
				if took[name] {
					seen++
				} else {
					t.Logf("case %d: %s took nothing (%s)", n, name, h.Scope)
				}
			}
		}
	}
	t.Logf("of %d actions that we call active %d took mail", active, seen)
	if active == 0 || seen*2 < active {
		t.Errorf("of %d actions that we call active only %d took mail", active, seen)
	}
}

// randomRules writes matches from few words, so that they often hide each other.
func randomRules(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	b.WriteString("listen on 127.0.0.1\ntable d { \"d1.example\", \"d2.example\" }\n")
	count := 3 + r.IntN(5)
	for i := range count {
		fmt.Fprintf(&b, "action a%d mda \"/usr/local/bin/took a%d\"\n", i, i)
	}
	for i := range count {
		b.WriteString("match " + pick("", "", "from any", "from any", "from local", "! from local", "from src 127.0.0.5", "from src \"127.0.0.0/8\"", "from src \"0.0.0.0/0\"", "from socket", "! from any") + " " +
			pick("", "for any", "for local", "for domain d1.example", "for domain <d>", "for domain { \"*.d2.example\", d2.example }", "for domain \"*\"", "! for local", "for rcpt-to \"alice@d1.example\"", "for rcpt-to { bob@d1.example }") + " " +
			pick("", "", "", "", "mail-from \"@s1.example\"", "! mail-from \"@s1.example\"", "mail-from { \"@s1.example\", \"@s2.example\" }", "helo client.example", "! auth"))
		if r.IntN(8) == 0 {
			b.WriteString(" reject\n")
		} else {
			fmt.Fprintf(&b, " action a%d\n", i)
		}
	}
	return b.String()
}

// TestExpansion delivers to generated aliases, virtual addresses and forward files
// through a real smtpd, and compares where the mail went with the hooks.
func TestExpansion(t *testing.T) {
	r, cases := seedAndCases(t, 30)
	s := newRunning(t)
	s.write(t, "/etc/list", "bob\n# carol\n|/usr/local/bin/took list, carol@localhost\n:include:/etc/list2\nnot a name, bob\n", 0o644)
	s.write(t, "/etc/list3", "bob\n# carol\n|/usr/local/bin/took list, carol\n", 0o644)
	s.write(t, "/etc/list2", "carol\n", 0o644)
	const keys = 12
	for range cases {
		conf, messages := randomAliases(r, keys)
		s.add(t, conf, messages)
	}
	s.run(t)
	compared := 0
	for n := range s.n {
		answers := s.result(t, n, ".answers")
		if strings.Contains(answers, "no smtpd") {
			t.Fatalf("case %d: smtpd does not run\n%s\n%s", n, s.result(t, n, ".conf"), s.result(t, n, ".smtpd"))
		}
		real := strings.Split(strings.TrimSpace(s.result(t, n, ".log")), "\n")
		ours := s.destinations(t, n)
		slices.Sort(real)
		slices.Sort(ours)
		compared += len(real)
		if real, ours := slices.Compact(real), slices.Compact(ours); !slices.Equal(real, ours) && strings.Join(real, "")+strings.Join(ours, "") != "" {
			t.Errorf("case %d\n%s--- answers\n%s--- smtpd\n%s\n--- ours\n%s", n, s.result(t, n, ".conf"), answers, strings.Join(real, "\n"), strings.Join(ours, "\n"))
			if t.Failed() && n > 20 {
				return
			}
		}
	}
	t.Logf("%d deliveries compared", compared)
	if compared < cases {
		t.Error("too few deliveries to say anything")
	}
}

// destinations are the ends of all active hooks, as the deliveries of the lab
// write them down.
func (s *running) destinations(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for _, h := range s.read(t, n).Hooks {
		if !h.Active || h.Directive != "alias" && h.Directive != "virtual" {
			continue
		}
		if d := endOf(h); h.Target.Type != waxseal.TargetFile || strings.HasPrefix(h.Target.Value, "/out/") {
			out = append(out, d)
		}
	}
	return out
}

func randomAliases(r *rand.Rand, keys int) (conf string, messages []string) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var items []string
	kind := pick("alias", "virtual")
	for i := range keys {
		key := fmt.Sprintf("k%d", i)
		messages = append(messages, "127.0.0.1 a@s1.example "+key+"@localhost")
		if kind == "virtual" && r.IntN(2) == 0 {
			key += "@localhost"
		}
		if r.IntN(9) == 0 {
			key = strings.ToUpper(key)
		}
		var value []string
		for j := range 1 + r.IntN(3) {
			member := pick("alice", "bob", "carol", "Bob", fmt.Sprintf("|/usr/local/bin/took p%d.%d", i, j), fmt.Sprintf(`\"|/usr/local/bin/took q%d.%d a, b\"`, i, j),
				fmt.Sprintf("/out/file.%d.%d", i, j), ":include:/etc/list", "include:/etc/list", "error:550 no way", "bob@localhost", "two words", `\'open`, "", "error:999 odd", "carol@local_host")
			if kind == "virtual" {
				// An own address would have to be in the table too.
				member = strings.NewReplacer("bob@localhost", "bob", "/etc/list", "/etc/list3").Replace(member)
			}
			value = append(value, member)
		}
		items = append(items, fmt.Sprintf("\"%s\" = \"%s\"", key, strings.Join(value, pick(",", ", ", " , "))))
	}
	return "listen on 127.0.0.1\ntable t { " + strings.Join(items, ", ") + " }\naction l mda \"/usr/local/bin/took user %{user.username}\" " + kind + " <t>\nmatch for any action l\n", messages
}
