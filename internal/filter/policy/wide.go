package policy

import (
	"net/netip"
	"strings"
)

// isEverywhere reports whether a network has every address, or half of all, so that
// two of them have: "0.0.0.0/0", "::/0", "128.0.0.0/1".
func isEverywhere(network string) bool {
	address, bits, ok := strings.Cut(strings.TrimSpace(network), "/")
	if !ok {
		return false
	}
	if _, err := netip.ParseAddr(strings.Trim(address, "[]")); err != nil {
		return false
	}
	switch bits {
	case "0", "1", "0.0.0.0", "128.0.0.0", "00":
		return true
	}
	return false
}

// matchesAnything reports whether a regular expression matches whatever there is
// to be matched, or every address, name or number; how it says so does not matter.
func matchesAnything(pattern string) bool {
	p := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	for {
		inner, ok := strings.CutPrefix(p, "(")
		if !ok || !strings.HasSuffix(inner, ")") {
			break
		}
		p = strings.TrimPrefix(strings.TrimSuffix(inner, ")"), "?:")
	}
	if p == "" || strings.HasPrefix(p, "|") || strings.HasSuffix(p, "|") {
		return true
	}
	for _, any := range []string{".", ".*", ".+", ".?", `\S`, `\S*`, `\S+`, `[^ ]*`, `.*@.*`, `.+@.+`, "@", `\.`, `\d`, "[0-9]", `\w`, `\w+`, "[a-z]", "[a-z0-9]", ".*?", `[\s\S]*`} {
		if p == any {
			return true
		}
	}
	return strings.Trim(p, ".*+?") == ""
}

// isTopDomain reports whether a name is a whole top-level domain or nothing: what
// ends so is no circle of people.
func isTopDomain(name string) bool {
	name = strings.Trim(strings.TrimSpace(name), ".")
	return name == "" || !strings.Contains(name, ".") && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz") == "" && len(name) >= 2 && name != "localhost"
}
