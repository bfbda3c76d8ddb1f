package doveconf

import (
	"errors"
	"net/netip"
	"strings"
)

// checkFilter asks whether a filter may stand in this section (2.3; 2.4 lets them
// nest), and gives the one name that each network has: "10.1.2.3/32" is
// "10.1.2.3".
func (p *parser) checkFilter(kind, name string) (string, error) {
	if !filters[kind] {
		return name, nil
	}
	var err error
	if p.conf.Grammar == Grammar23 {
		err = p.nesting(kind)
	}
	if kind == "local" || kind == "remote" {
		net, ok := network(name)
		if !ok {
			return name, err // a host name, which Dovecot looks up when it starts
		}
		return netName(net), errors.Join(err, p.within(kind, net))
	}
	return name, err
}

// nesting is the order in which 2.3 lets filters be nested: local, local_name,
// remote, protocol.
func (p *parser) nesting(kind string) error {
	above := map[string]bool{}
	for _, s := range append(p.outside, p.section) {
		above[s.Kind] = true
	}
	forbidden := map[string][]string{
		"protocol": {"protocol"}, "local": {"remote", "protocol", "local_name"}, "local_name": {"remote", "protocol"}, "remote": {"protocol"},
	}
	for _, outer := range forbidden[kind] {
		if above[outer] {
			return errors.New(outer + " { " + kind + " { .. } } not allowed")
		}
	}
	return nil
}

// alsoAuth are settings of the authentication server that do not say so.
var alsoAuth = map[string]bool{
	"base_dir": true, "first_valid_gid": true, "first_valid_uid": true, "last_valid_gid": true, "last_valid_uid": true,
	"ssl_client_ca_dir": true, "ssl_client_ca_file": true, "verbose_proctitle": true, "passdb": true, "userdb": true,
}

// misplaced reports whether a setting or section is one of the authentication
// server in a filter by address or name, which 2.3 refuses.
func (p *parser) misplaced(key string) bool {
	if !alsoAuth[key] && (!strings.HasPrefix(key, "auth_") || key == "auth_socket_path") {
		return false
	}
	for s := p.section; s.Parent != nil; s = s.Parent {
		if s.IsFilter() && s.Kind != "protocol" {
			return true
		}
	}
	return false
}

// within asks whether a network lies inside the one of the same kind above.
func (p *parser) within(kind string, net netip.Prefix) error {
	for s := p.section; s.Parent != nil; s = s.Parent {
		if s.Kind != kind {
			continue
		}
		if outer, ok := network(s.Name); ok && (outer.Bits() > net.Bits() || !outer.Contains(net.Addr())) {
			return errors.New(kind + " net1 { " + kind + " net2 { .. } } requires net2 to be inside net1")
		}
		return nil
	}
	return nil
}

func network(name string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	net, err := netip.ParsePrefix(name)
	return net, err == nil
}

func netName(net netip.Prefix) string {
	if net.Bits() == net.Addr().BitLen() {
		return net.Addr().String()
	}
	return net.String()
}
