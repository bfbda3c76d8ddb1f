package postfix

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

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
	host, port := mta.SplitHostPort(s)
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
	return waxseal.Target{Type: waxseal.TargetSocket, Value: value, Remote: !mta.IsLoopback(host)}, nil
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
		return mta.Clean(p)
	}
	return mta.Clean(path.Join(queue, path.Clean("/"+p)))
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
	host, _ := mta.SplitHostPort(nexthop)
	return waxseal.Target{Type: waxseal.TargetHost, Value: nexthop, Remote: !mta.IsLoopback(host)}, nil
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
