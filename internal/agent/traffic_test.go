package agent

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/sensor/network"
)

func TestDiversions(t *testing.T) {
	ports := []uint16{25, 587, 8891}
	old := network.Rule{Family: "ip", Table: "nat", Chain: "PREROUTING", Deed: network.DNAT, To: "10.0.0.5 port 80", Ports: []network.Ports{{From: 8080, To: 8080}}}
	smtp := network.Rule{Family: "ip", Table: "nat", Chain: "OUTPUT", Deed: network.DNAT, To: "203.0.113.9 port 2525", Ports: []network.Ports{{From: 25, To: 25}}}
	milter := network.Rule{Family: "inet", Table: "x", Chain: "y", Deed: network.Redirect, To: "9999", Ports: []network.Ports{{From: 8800, To: 8899}}}
	all := network.Rule{Family: "inet", Table: "x", Chain: "y", Deed: network.TProxy}
	ways := func(w string) map[string]string { return map[string]string{"198.51.100.1 port 25": w} }
	for _, tc := range []struct {
		name        string
		before, now network.Picture
		want        []string
	}{
		{"nothing new", network.Picture{Rules: []network.Rule{smtp}, Ways: ways("a")}, network.Picture{Rules: []network.Rule{smtp}, Ways: ways("a")}, nil},
		{"of other ports", network.Picture{}, network.Picture{Rules: []network.Rule{old}}, nil},
		{"SMTP", network.Picture{Rules: []network.Rule{old}}, network.Picture{Rules: []network.Rule{old, smtp}}, []string{"traffic for port 25 is sent to another address (203.0.113.9 port 2525)"}},
		{"a filter", network.Picture{}, network.Picture{Rules: []network.Rule{milter}}, []string{"traffic for port 8891 is redirected to this host's port (9999)"}},
		{"everything", network.Picture{}, network.Picture{Rules: []network.Rule{all}}, []string{"any port, those of mail among them"}},
		{"a way", network.Picture{Ways: ways("by 10.0.0.1 through eth0")}, network.Picture{Ways: ways("by 10.0.0.9 through eth1")}, []string{"by 10.0.0.9 through eth1"}},
		{"a goal that is new", network.Picture{}, network.Picture{Ways: ways("by 10.0.0.9 through eth1")}, nil},
		{"an end", network.Picture{Rules: []network.Rule{smtp}}, network.Picture{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := diversions(tc.before, tc.now, ports)
			if len(got) != len(tc.want) {
				t.Fatalf("findings are %+v", got)
			}
			for i, f := range got {
				if !strings.Contains(f.Title, tc.want[i]) || f.Severity < waxseal.Medium {
					t.Errorf("%s: %s, want %q", f.Severity, f.Title, tc.want[i])
				}
			}
		})
	}
}

func TestGoalOf(t *testing.T) {
	for target, want := range map[string]string{
		"inet:203.0.113.9:8891": "203.0.113.9 port 8891", "[203.0.113.9]:587": "203.0.113.9 port 587", "203.0.113.9": "203.0.113.9 port 25",
		"[2001:db8::1]": "2001:db8::1 port 25", "inet:localhost:8891": "invalid IP port 8891", "smtp.example.net": "invalid IP port 25",
	} {
		if g, ok := goalOf(target); !ok || g.String() != want {
			t.Errorf("%s is %s, want %s", target, g, want)
		}
	}
	if g, ok := goalOf("inet:localhost"); ok {
		t.Errorf("no port is %s", g)
	}
}
