package mailpath

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/surroundings"
)

// about lets the reader of the surroundings ask what is known of a file; it is in
// the mail set from then on.
func (c *closer) about(p waxseal.Part) waxseal.Part {
	done, _ := c.part(p)
	if done.Digest == "" && !done.Missing && c.glances(p.Path, p.Role) { // who asks compares it with another file's
		done.Digest, _ = c.tree.Digest(p.Path) // "" is like no other
	}
	return done
}

// hostNames lists the host names to which hooks hand mail, or which they ask.
// Postfix's smtp(8) and lmtp(8) look names up in the DNS only, unless
// smtp_host_lookup or lmtp_host_lookup has "native"; the next hops of other mail
// systems, milters, policy servers and tables are found as every program finds
// hosts.
func hostNames(hooks []waxseal.Hook, settings []waxseal.Setting) []surroundings.Name {
	native := false
	for _, s := range settings {
		native = native || strings.HasSuffix(s.Name, "_host_lookup") && strings.Contains(s.Value, "native")
	}
	var names []surroundings.Name
	for _, h := range hooks {
		switch h.Target.Type {
		case waxseal.TargetHost, waxseal.TargetService:
			names = append(names, surroundings.Name{Host: hostOf(h.Target.Value), Consulted: native || h.MTA != postfix.MTA, Hook: h.ID})
		case waxseal.TargetSocket, waxseal.TargetTable:
			if host, ok := socketHost(h.Target.Value); ok {
				names = append(names, surroundings.Name{Host: host, Consulted: true, Hook: h.ID})
			}
		}
	}
	return names
}

// hostOf is the host of a next hop: "smtp:[mx.example.net]:587", "example.net".
func hostOf(target string) string {
	if open := strings.IndexByte(target, '['); open >= 0 {
		host, _, _ := strings.Cut(target[open+1:], "]")
		return host
	}
	if transport, rest, ok := strings.Cut(target, ":"); ok && !strings.Contains(transport, ".") {
		target = rest
	}
	host, _, _ := strings.Cut(target, ":")
	return host
}

// socketHost is the host of "inet:host:port", "inet:port@host", "tcp:host:port".
func socketHost(target string) (string, bool) {
	for _, prefix := range []string{"inet:", "inet6:", "inet4:", "tcp:", "socketmap:inet:", "memcache:"} {
		rest, ok := strings.CutPrefix(target, prefix)
		if !ok {
			continue
		}
		if _, host, ok := strings.Cut(rest, "@"); ok {
			return strings.Trim(host, "[]"), true
		}
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			rest = rest[:i]
		}
		return strings.Trim(rest, "[]"), true
	}
	return "", false
}
