package mapdb

import (
	"net/netip"
	"strconv"
	"strings"
)

// network is one pattern of a cidr_table(5).
type network struct {
	prefix netip.Prefix
	negate bool
}

// parseNetwork reads "192.0.2.0/24", "[2001:db8::]/32" or a single address, as
// cidr_match_parse does; message says what Postfix finds wrong.
func parseNetwork(s string) (n network, message string) {
	for s != "" && (s[0] == '!' || isSpace(s[0])) {
		if s[0] == '!' {
			n.negate = !n.negate
		}
		s = s[1:]
	}
	host, bits, masked := strings.Cut(s, "/")
	if strings.HasPrefix(s, "[") {
		var rest string
		var ok bool
		if host, rest, ok = strings.Cut(s[1:], "]"); !ok {
			return n, "the pattern lacks a ]"
		}
		if bits, masked = strings.CutPrefix(rest, "/"); !masked && rest != "" {
			return n, "there is text behind the ] of the pattern"
		}
		if rest == "" {
			host, bits, masked = strings.Cut(host, "/")
		}
	}
	addr, ok := parseAddr(host)
	if !masked {
		if !ok {
			return n, "bad address pattern " + strconv.Quote(s)
		}
		n.prefix = netip.PrefixFrom(addr, addr.BitLen())
		return n, ""
	}
	length, err := strconv.Atoi(bits)
	switch {
	case err != nil || strings.Trim(bits, "0123456789") != "":
		return n, "bad mask value in " + strconv.Quote(s)
	case strings.Contains(host, ":") && length > 128, !strings.Contains(host, ":") && length > 32:
		return n, "bad mask length in " + strconv.Quote(s)
	case !ok:
		return n, "bad network value in " + strconv.Quote(s)
	}
	n.prefix = netip.PrefixFrom(addr, length)
	if n.prefix.Masked() != n.prefix {
		return n, "host bits are set in " + strconv.Quote(s) + ": perhaps " + n.prefix.Masked().String() + " is meant"
	}
	return n, ""
}

// parseAddr is inet_pton(3): no zones, no zeros in front.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// matches tests an address of either family; one of the other family never
// matches, negated or not.
func (n network) matches(a netip.Addr) bool {
	return a.BitLen() == n.prefix.Addr().BitLen() && n.prefix.Contains(a) != n.negate
}
