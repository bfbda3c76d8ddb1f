package detect

import (
	"slices"
	"strings"

	"waxseal"
)

// supposed are the domains that may be called own where no mail system of the tree says
// which are: that of the host's name, and those of addresses that its configuration
// named before. Most such trees are a few files of a host.
func supposed(before, after waxseal.State) (list []string) {
	for _, name := range []waxseal.HostID{before.Host, after.Host} {
		name := strings.ToLower(string(name))
		if strings.Contains(name, ".") && !strings.HasPrefix(name, "localhost.") {
			list = append(list, name)
		}
		if _, parent, ok := strings.Cut(name, "."); ok && strings.Contains(parent, ".") {
			list = append(list, parent)
		}
		if len(before.Stacks) > 0 {
			break // an edit makes no domain its own
		}
	}
	named := func(text string) {
		for _, a := range addressIn.FindAllString(text, 16) {
			if domain := strings.ToLower(a[strings.LastIndexByte(a, '@')+1:]); !slices.Contains(list, domain) && len(list) < 64 {
				list = append(list, domain)
			}
		}
	}
	for _, h := range before.Hooks {
		if h.Target.Type == waxseal.TargetAddress {
			named(h.Target.Value)
		}
	}
	for _, s := range before.Settings {
		named(s.Value)
	}
	return list
}

// tells reports whether one of the domains is more than a name without a dot.
func tells(domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return strings.Contains(d, ".") && !strings.HasPrefix(d, "localhost.") })
}
