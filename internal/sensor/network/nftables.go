package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Deed is what a rule does to the traffic that it is for.
type Deed string

// The deeds that lead traffic elsewhere, or let another have it.
const (
	Redirect Deed = "redirected to this host's port"
	DNAT     Deed = "sent to another address"
	TProxy   Deed = "handed to a proxy on this host"
	Queue    Deed = "handed to a program, which decides about it"
	Dup      Deed = "copied to another address"
	Mark     Deed = "marked, so that it may take another route"
)

// Rule is a rule of the packet filter that leads traffic elsewhere.
type Rule struct {
	Family string `json:"family"` // "ip", "ip6", "inet", "netdev"
	Table  string `json:"table"`
	Chain  string `json:"chain"`
	Deed   Deed   `json:"deed"`
	To     string `json:"to,omitempty"` // "203.0.113.9:2525", as far as the rule says it
	// Ports are the ranges of destination ports that it is for, all if there are none.
	Ports []Ports `json:"ports,omitempty"`
}

// Ports is a range of ports, both ends in it.
type Ports struct {
	From uint16 `json:"from"`
	To   uint16 `json:"to"`
}

// Concerns reports whether a rule is for a port.
func (r Rule) Concerns(port uint16) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p Ports) bool { return p.From <= port && port <= p.To })
}

// Of nf_tables (linux/netfilter/nf_tables.h).
const (
	msgGetRule    = unix.NFNL_SUBSYS_NFTABLES<<8 | 7
	msgGetSetElem = unix.NFNL_SUBSYS_NFTABLES<<8 | 13

	baseTransport   = 2 // NFT_PAYLOAD_TRANSPORT_HEADER
	destinationPort = 2 // its offset in the headers of TCP and UDP
	metaMark        = 3 // NFT_META_MARK
	natDestination  = 1 // NFT_NAT_DNAT
	intervalEnd     = 1 // NFT_SET_ELEM_INTERVAL_END
	lookupInverted  = 1
	maxRules        = 20_000
)

// families are the NFPROTO_ numbers.
var families = map[byte]string{1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

// rules reads what leads traffic elsewhere. A kernel without nf_tables has none.
func rules(s *socket) ([]Rule, error) {
	var found []Rule
	var raw []rawRule
	err := s.ask(msgGetRule, unix.NLM_F_DUMP, make([]byte, 4), func(_ uint16, body []byte) {
		if len(body) < 4 || len(raw) >= maxRules {
			return
		}
		a := parse(body[4:])
		raw = append(raw, rawRule{family: body[0], table: a.text(1), chain: a.text(2), expressions: slices.Clone(a[4])})
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil // not there
	}
	for _, r := range raw {
		if rule, ok := r.read(s); ok {
			found = append(found, rule)
		}
	}
	return found, err
}

type rawRule struct {
	family       byte
	table, chain string
	expressions  []byte
}

// reading is a rule on the way through its expressions.
type reading struct {
	rule      *Rule
	socket    *socket
	raw       rawRule
	port      map[uint32]bool   // registers that hold the destination port
	constants map[uint32][]byte // registers that hold a constant
	leads     bool
}

func (r rawRule) read(s *socket) (Rule, bool) {
	rule := Rule{Family: families[r.family], Table: r.table, Chain: r.chain}
	g := &reading{rule: &rule, socket: s, raw: r, port: map[uint32]bool{}, constants: map[uint32][]byte{}}
	each(r.expressions, func(_ uint16, element []byte) {
		e := parse(element)
		g.expression(e.text(1), parse(e[2]))
	})
	return rule, g.leads
}

func (g *reading) expression(name string, a attributes) {
	switch name {
	case "payload":
		g.payload(a)
	case "cmp":
		g.compare(a)
	case "range":
		g.between(a)
	case "lookup":
		g.lookup(a)
	case "immediate":
		if reg, ok := a.number(1); ok {
			g.constants[reg] = parse(a[2])[1]
		}
	case "match":
		g.match(a.text(1), a[3])
	default:
		g.deed(name, a)
	}
}

func (g *reading) deed(name string, a attributes) {
	switch name {
	case "nat":
		if typ, _ := a.number(1); typ == natDestination {
			g.does(DNAT, g.constant(a, 3), g.constant(a, 5))
		}
	case "redir":
		g.does(Redirect, nil, g.constant(a, 1))
	case "tproxy":
		g.does(TProxy, g.constant(a, 2), g.constant(a, 3))
	case "queue":
		g.does(Queue, nil, nil)
	case "dup":
		g.does(Dup, g.constant(a, 1), nil)
	case "meta":
		if key, _ := a.number(2); key == metaMark && a[3] != nil {
			g.does(Mark, nil, nil)
		}
	case "target":
		g.target(a.text(1), a[3])
	}
}

// constant is what a register holds that an expression names.
func (g *reading) constant(a attributes, typ uint16) []byte {
	reg, ok := a.number(typ)
	if !ok {
		return nil
	}
	return g.constants[reg]
}

func (g *reading) does(d Deed, address, port []byte) {
	g.leads = true
	if g.rule.Deed == "" || d != Mark {
		g.rule.Deed, g.rule.To = d, destination(address, port)
	}
}

// destination says an address and a port, of which either may not be known.
func destination(address, port []byte) string {
	a, ok := netip.AddrFromSlice(address)
	p := ""
	if len(port) >= 2 && binary.BigEndian.Uint16(port) != 0 {
		p = fmt.Sprint(binary.BigEndian.Uint16(port))
	}
	switch {
	case ok && p != "":
		return fmt.Sprintf("%s port %s", a, p)
	case ok:
		return a.String()
	}
	return p
}

func (g *reading) payload(a attributes) {
	reg, _ := a.number(1)
	base, _ := a.number(2)
	offset, _ := a.number(3)
	length, _ := a.number(4)
	delete(g.port, reg)
	// Source and destination may be loaded at once; only the latter counts then.
	if base == baseTransport && offset <= destinationPort && offset+length >= destinationPort+2 && offset == destinationPort {
		g.port[reg] = true
	}
}

const (
	opEqual = iota
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
)

func (g *reading) compare(a attributes) {
	reg, _ := a.number(1)
	value := parse(a[3])[1]
	if !g.port[reg] || len(value) < 2 {
		return
	}
	op, _ := a.number(2)
	n := binary.BigEndian.Uint16(value)
	g.limit(compared(int(op), n))
}

// compared are the ports for which a comparison holds.
func compared(op int, n uint16) []Ports {
	switch op {
	case opEqual:
		return []Ports{{n, n}}
	case opNotEqual:
		return without([]Ports{{n, n}})
	case opLess, opLessEqual:
		if op == opLess {
			n = max(n, 1) - 1
		}
		return []Ports{{0, n}}
	default:
		if op == opGreater {
			n = min(n, 65534) + 1
		}
		return []Ports{{n, 65535}}
	}
}

func (g *reading) between(a attributes) {
	reg, _ := a.number(1)
	from, to := parse(a[3])[1], parse(a[4])[1]
	if !g.port[reg] || len(from) < 2 || len(to) < 2 {
		return
	}
	ports := []Ports{{binary.BigEndian.Uint16(from), max(binary.BigEndian.Uint16(from), binary.BigEndian.Uint16(to))}}
	if op, _ := a.number(2); op == opNotEqual {
		ports = without(ports)
	}
	g.limit(ports)
}

// limit keeps of the ports so far those in these.
func (g *reading) limit(ports []Ports) {
	if g.rule.Ports == nil {
		g.rule.Ports = ports
		return
	}
	var both []Ports
	for _, a := range g.rule.Ports {
		for _, b := range ports {
			if from, to := max(a.From, b.From), min(a.To, b.To); from <= to {
				both = append(both, Ports{from, to})
			}
		}
	}
	if both == nil {
		both = []Ports{{0, 0}} // for none
	}
	g.rule.Ports = both
}

// without are all other ports.
func without(ports []Ports) (others []Ports) {
	slices.SortFunc(ports, func(a, b Ports) int { return int(a.From) - int(b.From) })
	next := 0
	for _, p := range ports {
		if int(p.From) > next {
			others = append(others, Ports{uint16(next), p.From - 1})
		}
		next = max(next, int(p.To)+1)
	}
	if next <= 65535 {
		others = append(others, Ports{uint16(next), 65535})
	}
	return others
}

// lookup limits the ports to those of a set, or to the keys of a map.
func (g *reading) lookup(a attributes) {
	reg, _ := a.number(2)
	if !g.port[reg] {
		return
	}
	ports := elements(g.socket, g.raw.family, g.raw.table, a.text(1))
	if flags, _ := a.number(5); flags&lookupInverted != 0 {
		ports = without(ports)
	}
	if len(ports) > 0 {
		g.limit(ports)
	}
}

// elements reads a set of ports; none where it can't be read, so that a rule is rather
// for all ports than for none.
func elements(s *socket, family byte, table, set string) []Ports {
	type element struct {
		port uint16
		end  bool
	}
	var list []element
	if s == nil {
		return nil
	}
	zero := func(s string) []byte { return append([]byte(s), 0) }
	body := append([]byte{family, 0, 0, 0}, append(attribute(1, zero(table)), attribute(2, zero(set))...)...)
	_ = s.ask(msgGetSetElem, unix.NLM_F_DUMP, body, func(_ uint16, body []byte) {
		if len(body) < 4 {
			return
		}
		each(parse(body[4:])[3], func(_ uint16, e []byte) {
			a := parse(e)
			if key := parse(a[1])[1]; len(key) >= 2 && len(list) < maxRules {
				flags, _ := a.number(3)
				list = append(list, element{binary.BigEndian.Uint16(key), flags&intervalEnd != 0})
			}
		})
	})
	slices.SortFunc(list, func(a, b element) int { return int(a.port) - int(b.port) })
	intervals := slices.ContainsFunc(list, func(e element) bool { return e.end })
	var ports []Ports
	for i, e := range list {
		switch {
		case e.end:
		case !intervals:
			ports = append(ports, Ports{e.port, e.port})
		case i+1 < len(list):
			ports = append(ports, Ports{e.port, max(list[i+1].port, 1) - 1})
		default:
			ports = append(ports, Ports{e.port, 65535})
		}
	}
	return ports
}
