package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/sensor/network"
	"waxseal/internal/store"
)

// Rules of the packet filter and routes can lead mail elsewhere without any file of the
// mail system saying so.

const (
	// lastTraffic is the value that keeps how traffic was led.
	lastTraffic = "network"
	// maxGoals bounds the next hops whose way is asked for.
	maxGoals = 64
	// withoutNetwork is what it costs not to know.
	withoutNetwork = "redirects and routes that lead mail elsewhere are not seen"
)

// mailPorts are those of SMTP, submission and LMTP.
var mailPorts = []uint16{25, 465, 587, 24}

// anywhere stands for whoever else mail is sent to: an address that is nobody's
// (RFC 5737), so that the way there is that of all that has no route of its own.
var anywhere = netip.MustParseAddr("198.51.100.1")

func (a *Agent) startNetwork(ctx context.Context) {
	a.seeTraffic(time.Now())
	a.run(network.Name, withoutNetwork, func() error {
		return network.Watch(ctx, func() { a.queue.put(arrival{network: true}) })
	})
}

// seeTraffic compares how traffic is led with how it was.
func (a *Agent) seeTraffic(now time.Time) {
	picture, err := network.Read(a.goals())
	if err != nil {
		if a.traffic != nil || a.trafficErr == "" {
			a.without(network.Name, err.Error(), withoutNetwork)
		}
		a.trafficErr = err.Error()
		return
	}
	before := a.traffic
	if before == nil {
		before = a.rememberedTraffic()
	}
	a.traffic = &picture
	if before != nil {
		for _, d := range diversions(*before, picture, a.ports()) {
			a.tellDiversion(d, now)
		}
	}
	a.keepTraffic(before, picture)
	a.trafficAt = now
}

// tellDiversion tells of traffic that goes elsewhere, with who did it where that is known.
func (a *Agent) tellDiversion(d diversion, now time.Time) {
	f := d.Finding
	f.Seen = now
	if d.rule == nil {
		actor := a.router(now)
		f.Actor = &actor
		a.tellOf(f)
		return
	}
	actor, from := a.diverter(*d.rule, a.trafficAt)
	f.Actor = &actor
	if from == nil {
		a.tellOf(f)
		return
	}
	f.Seen = from.Time
	if actor.Process.Grade == waxseal.Proven {
		f.NotEstablished = slices.DeleteFunc(f.NotEstablished, func(s string) bool { return strings.HasPrefix(s, "who changed it") })
	}
	a.tellEvent(f, *from)
}

func (a *Agent) rememberedTraffic() *network.Picture {
	var p network.Picture
	text, err := a.books.Value(lastTraffic)
	if err != nil || json.Unmarshal([]byte(text), &p) != nil {
		return nil // the first time
	}
	return &p
}

func (a *Agent) keepTraffic(before *network.Picture, now network.Picture) {
	text, err := json.Marshal(now)
	if err != nil {
		return // it is made of plain values
	}
	if before != nil {
		if old, err := json.Marshal(before); err == nil && string(old) == string(text) {
			return
		}
	}
	if err := a.books.Append(func(tx *store.Tx) error { return tx.SetValue(lastTraffic, string(text)) }); err != nil {
		a.fails(err)
	}
}

// ports are those of mail, and those at which filters are asked.
func (a *Agent) ports() []uint16 {
	ports := slices.Clone(mailPorts)
	for _, g := range targets(a.last) {
		ports = append(ports, g.Port)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// goals are the literal addresses to which the configuration sends mail, and one for
// everybody else.
func (a *Agent) goals() []network.Goal {
	goals := []network.Goal{{Address: anywhere, Port: 25}, {Address: anywhere, Port: 587}}
	for _, g := range targets(a.last) {
		if len(goals) < maxGoals && g.Address.IsValid() && !g.Address.IsLoopback() && !slices.Contains(goals, g) {
			goals = append(goals, g)
		}
	}
	return goals
}

// targets are the sockets and hosts that active hooks name. The address of a name is
// not asked for.
func targets(s waxseal.State) (list []network.Goal) {
	for _, h := range s.Hooks {
		if h.Active && (h.Target.Type == waxseal.TargetSocket || h.Target.Type == waxseal.TargetHost) {
			if g, ok := goalOf(h.Target.Value); ok {
				list = append(list, g)
			}
		}
	}
	return list
}

// goalOf reads "inet:HOST:PORT", "[HOST]:PORT" and "HOST".
func goalOf(target string) (network.Goal, bool) {
	target, inet := strings.CutPrefix(target, "inet:")
	host, port := target, ""
	if i := strings.LastIndexByte(target, ':'); i >= 0 && (inet || strings.HasPrefix(target, "[") && i > strings.IndexByte(target, ']')) {
		host, port = target[:i], target[i+1:]
	}
	g := network.Goal{Port: 25}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		g.Port = uint16(n)
	} else if inet {
		return g, false
	}
	g.Address, _ = netip.ParseAddr(strings.Trim(host, "[]")) // not valid where it is a name
	return g, true
}

// diversion is a finding about traffic, and the rule of the packet filter that leads it
// elsewhere; nil where that is a route.
type diversion struct {
	waxseal.Finding
	rule *network.Rule
}

// diversions are the findings that one picture makes of another.
func diversions(before, now network.Picture, ports []uint16) (list []diversion) {
	for _, r := range now.Rules {
		var of []string
		for _, p := range ports {
			if r.Concerns(p) {
				of = append(of, fmt.Sprint(p))
			}
		}
		if len(of) == 0 || slices.ContainsFunc(before.Rules, func(b network.Rule) bool { return same(b, r) }) {
			continue
		}
		list = append(list, diversion{filtered(r, of), &r})
	}
	for _, goal := range slices.Sorted(maps.Keys(now.Ways)) {
		if was, known := before.Ways[goal]; known && was != now.Ways[goal] {
			title := fmt.Sprintf("the way to %s is another: %s", goal, now.Ways[goal])
			f := detect.Diverted(waxseal.Medium, title, fmt.Sprintf("Mail for %s goes another way through the network now: %s. Before, it went %s. Whoever is on that way can read and change what is not encrypted.", who(goal), now.Ways[goal], was))
			list = append(list, diversion{Finding: f})
		}
	}
	return list
}

func who(goal string) string {
	if strings.HasPrefix(goal, anywhere.String()+" ") {
		return "hosts without a route of their own (" + strings.TrimPrefix(goal, anywhere.String()+" ") + ")"
	}
	return goal
}

func filtered(r network.Rule, ports []string) waxseal.Finding {
	to := ""
	if r.To != "" {
		to = " (" + r.To + ")"
	}
	which, severity := "port "+strings.Join(ports, ", "), waxseal.High
	if len(r.Ports) == 0 {
		which = "any port, those of mail among them"
	}
	if r.Deed == network.Mark {
		severity = waxseal.Low
	}
	where := fmt.Sprintf("table %s %s, chain %s", r.Family, r.Table, r.Chain)
	return detect.Diverted(severity, fmt.Sprintf("traffic for %s is %s%s", which, r.Deed, to),
		fmt.Sprintf("The packet filter has a new rule (%s): traffic for %s is %s%s.", where, which, r.Deed, to))
}

func same(a, b network.Rule) bool {
	return a.Family == b.Family && a.Table == b.Table && a.Chain == b.Chain && a.Deed == b.Deed && a.To == b.To && slices.Equal(a.Ports, b.Ports)
}
