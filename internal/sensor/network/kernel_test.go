package network

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal/internal/lab"
)

// apart runs a test in a network namespace of its own, on a thread that ends with it.
func apart(t *testing.T, test func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: networks are the superuser's")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("network namespace: %v", err)
			return
		}
		test()
	}()
	<-done
}

// in runs a script with the lab's programs, in this thread's network.
func in(t *testing.T, root, script string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin"}
	cmd.SysProcAttr = &unix.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", script, err, out)
	}
}

// TestRules: what nft(8) and iptables(8) make the kernel do is read back.
func TestRules(t *testing.T) {
	root := lab.Root(t, lab.Tools)
	apart(t, func() {
		const begin = "nft add table ip x && nft 'add chain ip x y { type nat hook prerouting priority 0; }' && nft add rule ip x y "
		for _, tc := range []struct {
			name, script string
			deed         Deed
			to           string
			for_, not    uint16
		}{
			{"redirect", begin + "tcp dport 25 redirect to :2525", Redirect, "2525", 25, 26},
			{"dnat", begin + "tcp dport 25 dnat to 203.0.113.9:2525", DNAT, "203.0.113.9 port 2525", 25, 587},
			{"a set of ports", begin + "'tcp dport { 25, 587 } dnat to 203.0.113.9'", DNAT, "203.0.113.9", 587, 465},
			{"ranges in a set", begin + "'tcp dport { 20-30, 465 } redirect to :2525'", Redirect, "2525", 25, 31},
			{"a range", begin + "tcp dport 20-30 redirect to :2525", Redirect, "2525", 30, 31},
			{"all but some", begin + "'tcp dport != { 22, 80 } redirect to :2525'", Redirect, "2525", 25, 80},
			{"all ports", begin + "ip protocol tcp redirect to :2525", Redirect, "2525", 25, 0},
			{"a map", begin + "'dnat to tcp dport map { 25 : 203.0.113.9 }'", DNAT, "", 25, 26},
			{"mark", "nft add table ip x && nft 'add chain ip x y { type route hook output priority 0; }' && nft add rule ip x y tcp dport 25 meta mark set 7", Mark, "", 25, 26},
			{"iptables REDIRECT", "iptables-nft -t nat -A PREROUTING -p tcp --dport 25 -j REDIRECT --to-ports 2525", Redirect, "2525", 25, 26},
			{"iptables DNAT", "iptables-nft -t nat -A OUTPUT -p tcp --dport 25 -j DNAT --to-destination 203.0.113.9:2525", DNAT, "203.0.113.9 port 2525", 25, 26},
			{"iptables multiport", "iptables-nft -t nat -A PREROUTING -p tcp -m multiport --dports 25,587,4000:5000 -j REDIRECT --to-ports 2525", Redirect, "2525", 4500, 26},
		} {
			in(t, root, "nft flush ruleset && "+tc.script)
			p, err := Read(nil)
			if err != nil || len(p.Rules) != 1 {
				t.Errorf("%s: %+v, %v", tc.name, p.Rules, err)
				continue
			}
			r := p.Rules[0]
			if r.Deed != tc.deed || r.To != tc.to || !r.Concerns(tc.for_) || tc.not != 0 && r.Concerns(tc.not) {
				t.Errorf("%s: %+v", tc.name, r)
			}
		}
		in(t, root, "nft flush ruleset && "+strings.ReplaceAll(begin, "prerouting", "postrouting")+"masquerade && nft 'add chain ip x z' && nft add rule ip x z tcp dport 25 accept")
		if p, err := Read(nil); err != nil || len(p.Rules) != 0 {
			t.Errorf("rules that lead nothing elsewhere: %+v, %v", p.Rules, err)
		}
	})
}

// TestWays: a route and a rule on a port change the way of mail.
func TestWays(t *testing.T) {
	root := lab.Root(t, lab.Tools)
	apart(t, func() {
		in(t, root, "ip link set lo up && ip link add d0 type veth peer name d1 && ip addr add 10.0.0.2/24 dev d0 && ip link set d0 up && ip link set d1 up && ip route add default via 10.0.0.1")
		goals := []Goal{{netip.MustParseAddr("192.0.2.25"), 25}, {netip.MustParseAddr("192.0.2.25"), 443}}
		way := func(g Goal) string {
			p, err := Read(goals)
			if err != nil {
				t.Error(err)
			}
			return p.Ways[g.String()]
		}
		if got := way(goals[0]); got != "by 10.0.0.1 through d0" {
			t.Errorf("the way is %q", got)
		}
		in(t, root, "ip route add 192.0.2.25 via 10.0.0.9")
		if got := way(goals[0]); got != "by 10.0.0.9 through d0" {
			t.Errorf("with a route of its own: %q", got)
		}
		in(t, root, "ip route del 192.0.2.25 && ip route add default via 10.0.0.7 table 66 && ip rule add ipproto tcp dport 25 table 66")
		if got := []string{way(goals[0]), way(goals[1])}; !slices.Equal(got, []string{"by 10.0.0.7 through d0 (table 66)", "by 10.0.0.1 through d0"}) {
			t.Errorf("with a rule on the port: %q", got)
		}
	})
}
