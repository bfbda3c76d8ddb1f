package agent

import (
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/sensor/network"
)

// TestDiverter: one hand that changed a rule's table is proven; of two the last is
// inferred; one in another network, or of another table, is none.
func TestDiverter(t *testing.T) {
	now := time.Unix(1700000000, 0)
	rule := network.Rule{Family: "ip", Table: "nat"}
	change := func(pid int, table, family string) waxseal.Observation {
		return waxseal.Observation{Time: now, Audit: &waxseal.AuditEvent{
			Type: filterChange, Time: now, Syscall: 46, Success: true, PID: pid, AUID: 1004, Session: 5, Exe: "/usr/sbin/nft",
			Fields: map[string]string{"table": table, "family": family},
		}}
	}
	away := change(9, "nat:3", "2")
	away.Audit.Actor = &waxseal.Actor{Place: waxseal.Whereabouts{Namespaces: []string{"net"}}}
	bare := change(8, "nat:4", "2")
	bare.Audit.Syscall = -1
	several := change(7, "x:1", "1")
	several.Audit.Raw = []string{"type=NETFILTER_CFG msg=audit(1.0:1): table=x:1 family=1", "type=NETFILTER_CFG msg=audit(1.0:1): table=nat:9 family=2 entries=1"}
	old := change(6, "nat:1", "2")
	old.Time = now.Add(-time.Hour)
	for _, tc := range []struct {
		name  string
		heard []waxseal.Observation
		pid   int
		grade waxseal.Grade
	}{
		{"one", []waxseal.Observation{change(5, "nat:7", "2")}, 5, waxseal.Proven},
		{"one in two steps", []waxseal.Observation{change(5, "nat:7", "2"), change(5, "nat:8", "2")}, 5, waxseal.Proven},
		{"of several tables", []waxseal.Observation{several}, 7, waxseal.Proven},
		{"two", []waxseal.Observation{change(5, "nat:7", "2"), change(6, "nat:8", "2")}, 6, waxseal.Inferred},
		{"of another table", []waxseal.Observation{change(5, "filter:7", "2")}, 0, waxseal.Unknown},
		{"of another family", []waxseal.Observation{change(5, "nat:7", "10")}, 0, waxseal.Unknown},
		{"in another network", []waxseal.Observation{away}, 0, waxseal.Unknown},
		{"before the last look", []waxseal.Observation{old}, 0, waxseal.Unknown},
		{"without a system call", []waxseal.Observation{bare}, 0, waxseal.Unknown},
		{"none", nil, 0, waxseal.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &Agent{memory: correlate.NewMemory(nil), filtered: tc.heard}
			who, _ := a.diverter(rule, now.Add(-time.Second))
			if who.Process.PID != tc.pid || who.Process.Grade != tc.grade {
				t.Errorf("%+v", who.Process)
			}
		})
	}
}
