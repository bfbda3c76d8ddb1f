package agent

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/sensor/network"
)

// Who changed the packet filter, the kernel's audit tells without a rule: each change of a
// table is a record of its own, in the event of the system call that made it. Of routes it
// says nothing.

const (
	// filterChange is the type of such events.
	filterChange = "NETFILTER_CFG"
	// maxFiltered bounds how many are remembered.
	maxFiltered = 256
	// settleNetwork is how long a look at the network waits for them.
	settleNetwork = 150 * time.Millisecond
	// ranBefore is how long before a change of routes a program may have been started that
	// made it.
	ranBefore = 3 * time.Second
)

// lastOf drops the older half of a full list.
func lastOf[T any](list []T, most int) []T {
	if len(list) < most {
		return list
	}
	return slices.Clone(list[most/2:])
}

// families are the numbers of protocol families in the kernel (NFPROTO_…, linux/netfilter.h).
var families = map[string]string{"1": "inet", "2": "ip", "3": "arp", "5": "netdev", "7": "bridge", "10": "ip6"}

// changes reports whether an event tells of a change of a rule's table. nf_tables names it
// with its generation: "nat:7".
func changes(e *waxseal.AuditEvent, r network.Rule) bool {
	table, _, _ := strings.Cut(e.Fields["table"], ":")
	same := func(table, family string) bool { return table == r.Table && families[family] == r.Family }
	if same(table, e.Fields["family"]) {
		return true
	}
	for _, line := range e.Raw { // one change may be of several tables
		if !strings.Contains(line, "type="+filterChange) {
			continue
		}
		table, family := "", ""
		for _, word := range strings.Fields(line) {
			if v, ok := strings.CutPrefix(word, "table="); ok {
				table, _, _ = strings.Cut(v, ":")
			}
			if v, ok := strings.CutPrefix(word, "family="); ok {
				family = v
			}
		}
		if same(table, family) {
			return true
		}
	}
	return false
}

// diverter says who brought a new rule of the packet filter: proven where audit told of one
// hand alone that changed the table since the last look.
func (a *Agent) diverter(r network.Rule, since time.Time) (actor waxseal.Actor, from *waxseal.Observation) {
	others := map[int]bool{}
	for i := range a.filtered {
		o := &a.filtered[i]
		if o.Time.Before(since) || !changes(o.Audit, r) || elsewhere(o.Audit) {
			continue
		}
		from = o
		others[o.Audit.PID] = true
	}
	if from == nil {
		return a.memory.Nobody("no audit record tells of a change of table " + r.Table), nil
	}
	e := from.Audit
	if e.Syscall < 0 { // no record of the system call: its process is not the kernel's word
		return a.memory.Nobody(fmt.Sprintf("audit record %d names no system call", e.Serial)), from
	}
	grade := waxseal.Proven
	if len(others) > 1 {
		grade = waxseal.Inferred
	}
	actor = a.memory.Doer(*e, grade)
	actor.Process.Basis = fmt.Sprintf("audit record %d of a change of table %s", e.Serial, r.Table)
	if len(others) > 1 {
		actor.Process.Basis += fmt.Sprintf(", the last of %d processes that changed it since the last look", len(others))
		actor.Login.Basis = actor.Process.Basis
	}
	return actor, from
}

// elsewhere reports whether the process of an event was seen in a network namespace of its
// own: its tables are others.
func elsewhere(e *waxseal.AuditEvent) bool {
	return e.Actor != nil && slices.Contains(e.Actor.Place.Namespaces, "net")
}

// router says who may have changed a route: inferred where one program alone ran that does
// such things.
func (a *Agent) router(now time.Time) waxseal.Actor {
	ran := a.memory.Ran(now.Add(-ranBefore), func(exe string) bool {
		switch path.Base(exe) {
		case "ip", "route", "nmcli", "ifup", "ifdown", "dhclient", "busybox":
			return true
		}
		return false
	})
	if len(ran) != 1 {
		return a.memory.Nobody(fmt.Sprintf("the kernel's routes have no author, and %d programs ran that change routes", len(ran)))
	}
	ran[0].Process.Basis = "it ran just before and changes routes; that it changed this one is not recorded"
	return ran[0]
}
