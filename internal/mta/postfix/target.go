package postfix

import (
	"net/netip"
	"path"
	"strings"

	"waxseal"
)

// isLoopback reports whether a host name or address literal is this host.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	host = strings.TrimPrefix(host, "ipv6:")
	switch host {
	case "", "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "loopback":
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// splitHostPort splits host:port, [host]:port, host and port-less literals.
func splitHostPort(s string) (host, port string) {
	if strings.HasPrefix(s, "[") {
		if end := strings.IndexByte(s, ']'); end > 0 {
			return s[1:end], strings.TrimPrefix(s[end+1:], ":")
		}
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.Count(s, ":") == 1 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// socketTarget reads inet:host:port, unix:path, and host:port without a type,
// as milters, policy servers and lmtp(8) name them.
func (in *instance) socketTarget(s string, chroot chroot) (waxseal.Target, []waxseal.Part) {
	typ, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && (typ == "unix" || typ == "local"):
		p := in.socketPath(rest, chroot)
		return waxseal.Target{Type: waxseal.TargetSocket, Value: "unix:" + string(p)}, []waxseal.Part{{Path: p, Role: waxseal.RoleSocket}}
	case ok && strings.HasPrefix(rest, "/") && typ == "":
		p := in.socketPath(rest, chroot)
		return waxseal.Target{Type: waxseal.TargetSocket, Value: "unix:" + string(p)}, []waxseal.Part{{Path: p, Role: waxseal.RoleSocket}}
	case ok && (typ == "inet" || typ == "inet6"):
		s = rest
	}
	if port, host, swapped := strings.Cut(s, "@"); swapped { // Sendmail's order
		s = host + ":" + port
	}
	host, port := splitHostPort(s)
	if port == "" && isDigits(host) {
		host, port = "", host
	}
	value := "inet:" + host
	if strings.Contains(host, ":") {
		value = "inet:[" + host + "]"
	}
	if port != "" {
		value += ":" + port
	}
	return waxseal.Target{Type: waxseal.TargetSocket, Value: value, Remote: !isLoopback(host)}, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// chroot says whether the daemon that opens a path runs in the queue directory
// as its root (master(5) chroot).
type chroot string

const (
	chrooted    chroot = "y"
	notChrooted chroot = "n"
)

// socketPath resolves a socket's path: daemons run in queue_directory, and a
// chrooted one sees nothing else.
func (in *instance) socketPath(p string, c chroot) waxseal.Path {
	queue := in.queueDirectory()
	if strings.HasPrefix(p, "/") && (c == notChrooted || strings.HasPrefix(p, queue+"/")) {
		return clean(p)
	}
	return clean(path.Join(queue, path.Clean("/"+p)))
}

func (in *instance) queueDirectory() string {
	if q := in.view.Value("queue_directory"); strings.HasPrefix(q, "/") {
		return path.Clean(q)
	}
	return "/var/spool/postfix"
}

// chrootOf is the chroot column of a service; "-" means yes below compatibility
// level 1 (master(5)).
func (in *instance) chrootOf(s *service) chroot {
	switch {
	case s == nil:
		return notChrooted
	case s.Chroot == "-" && level(in.view.Value("compatibility_level"))[0] < 1:
		return chrooted
	case s.Chroot == "y":
		return chrooted
	}
	return notChrooted
}

// daemonChroot is the chroot of the first service that runs the program.
func (in *instance) daemonChroot(program string) chroot {
	for i := range in.services {
		if in.services[i].Command == program {
			return in.chrootOf(&in.services[i])
		}
	}
	return notChrooted
}

// hostTarget reads a next hop: "[host]:port", "host", "host:port", or for lmtp
// "inet:host:port" and "unix:path".
func (in *instance) hostTarget(nexthop string, c chroot) (waxseal.Target, []waxseal.Part) {
	if strings.HasPrefix(nexthop, "unix:") || strings.HasPrefix(nexthop, "inet:") {
		return in.socketTarget(nexthop, c)
	}
	host, _ := splitHostPort(nexthop)
	return waxseal.Target{Type: waxseal.TargetHost, Value: nexthop, Remote: !isLoopback(host)}, nil
}

// addressTarget reads a mail address. It is remote where its domain is not one
// of this host's own.
func (in *instance) addressTarget(address string) waxseal.Target {
	value := in.resolved(address)
	return waxseal.Target{Type: waxseal.TargetAddress, Value: value, Remote: !in.domains.ownAddress(value)}
}

// resolved writes an address as trivial-rewrite(8) resolves it, where that shows
// that it leads elsewhere than it looks: user%domain and site!user behind an own
// domain, and a bare name where myorigin is somebody else's domain.
func (in *instance) resolved(address string) string {
	plain := strings.Trim(address, "<>")
	if route, rest, ok := strings.Cut(plain, ":"); ok && strings.HasPrefix(route, "@") {
		plain = rest // a source route (RFC 822)
	}
	for range 8 {
		next, again := in.rewritten(plain)
		if !again {
			break
		}
		plain = next
	}
	if plain == strings.Trim(address, "<>") {
		plain = address
	}
	if in.domains.origin != "" && !strings.ContainsAny(plain, `@|/:\"$ `) && plain != "" {
		return plain + "@" + in.domains.origin
	}
	return plain
}

// rewritten takes one step of allow_percent_hack and swap_bangpath (postconf(5)).
func (in *instance) rewritten(address string) (string, bool) {
	local, domain := address, ""
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		local, domain = address[:i], address[i+1:]
	}
	if strings.ContainsAny(local, `"|/$ `) || domain != "" && !in.domains.own(domain) {
		return address, false
	}
	if site, user, ok := strings.Cut(local, "!"); ok && site != "" && user != "" && in.view.Value("swap_bangpath") == "yes" {
		return user + "@" + site, true
	}
	if i := strings.LastIndexByte(local, '%'); i > 0 && i < len(local)-1 && in.view.Value("allow_percent_hack") == "yes" {
		return local[:i] + "@" + local[i+1:], true
	}
	if strings.Contains(local, "@") && domain != "" {
		return local, true // user@domain@own
	}
	return address, false
}

// where says where a target lies, for Explain.
func where(t waxseal.Target) string {
	switch {
	case t.Remote && t.Type == waxseal.TargetAddress:
		return " outside this host's domains"
	case t.Remote:
		return " on another host"
	}
	return ""
}
