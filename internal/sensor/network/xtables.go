package network

import "encoding/binary"

// iptables(8) of our days writes into nf_tables, with its own matches and targets as
// expressions (struct xt_tcp, xt_multiport_v1, nf_nat_range2, …; in the byte order of
// the host where they are no addresses or ports of packets).

func (g *reading) match(name string, info []byte) {
	word := func(at int) uint16 { return binary.NativeEndian.Uint16(info[at:]) }
	switch {
	case (name == "tcp" || name == "udp") && len(info) >= 8:
		if from, to := word(4), word(6); from <= to && (from != 0 || to != 65535) {
			g.limit([]Ports{{from, to}})
		}
	case name == "multiport" && len(info) >= 32+15+1:
		g.multiport(info, word)
	}
}

// multiport reads struct xt_multiport_v1: flags, count, fifteen ports, for each whether
// a range begins with it, and whether all is inverted.
func (g *reading) multiport(info []byte, word func(int) uint16) {
	const source = 0
	if info[0] == source {
		return
	}
	var ports []Ports
	for i := 0; i < min(int(info[1]), 15); i++ {
		p := Ports{word(2 + 2*i), word(2 + 2*i)}
		if info[32+i] != 0 && i+1 < 15 {
			p.To = max(p.From, word(2+2*(i+1)))
			i++
		}
		ports = append(ports, p)
	}
	if info[47] != 0 {
		ports = without(ports)
	}
	if len(ports) > 0 {
		g.limit(ports)
	}
}

func (g *reading) target(name string, info []byte) {
	part := func(from, to int) []byte {
		if len(info) < to {
			return nil
		}
		return info[from:to]
	}
	switch name {
	case "REDIRECT": // struct nf_nat_ipv4_multi_range_compat, nf_nat_range for IPv6
		port := part(16, 18)
		if g.rule.Family == "ip6" {
			port = part(36, 38)
		}
		g.does(Redirect, nil, port)
	case "DNAT": // struct nf_nat_range2
		address := part(4, 8)
		if g.rule.Family == "ip6" {
			address = part(4, 20)
		}
		g.does(DNAT, address, part(36, 38))
	case "TPROXY": // struct xt_tproxy_target_info_v1: two words, an address, a port
		g.does(TProxy, nil, part(24, 26))
	case "NFQUEUE":
		g.does(Queue, nil, nil)
	case "TEE":
		g.does(Dup, part(0, 4), nil)
	case "MARK", "CONNMARK":
		g.does(Mark, nil, nil)
	}
}
