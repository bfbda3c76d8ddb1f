package mailpath

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"waxseal"
)

// Live is what is known of a host besides its files, at the moment of reading.
type Live struct {
	Listeners []waxseal.Listener
	Mounts    []waxseal.Mount
	// Running are processes that may belong to the mail path, with what each has loaded and holds open.
	Running []waxseal.Running
}

// listeners gives each hook that hands mail to a socket of this host the process
// that listens there, and its program to the closure.
func (c *closer) listeners(hooks []waxseal.Hook, settings []waxseal.Setting, live Live) {
	if len(live.Listeners) == 0 {
		return
	}
	t, queue := newListening(live.Listeners), queueDirectory(settings)
	for i := range hooks {
		h := &hooks[i]
		if h.Target.Remote || h.Target.Type != waxseal.TargetSocket && h.Target.Type != waxseal.TargetHost && h.Target.Type != waxseal.TargetService {
			continue
		}
		if l, ok := t.find(h.Target.Value, queue); ok {
			c.listener(h, l)
		}
	}
}

// queueDirectory is where Postfix's daemons see the sockets of their chroot.
func queueDirectory(settings []waxseal.Setting) string {
	queue := "/var/spool/postfix"
	for _, s := range settings {
		if s.Name == "queue_directory" && path.IsAbs(s.Value) {
			queue = s.Value
		}
	}
	return queue
}

func (c *closer) listener(h *waxseal.Hook, l waxseal.Listener) {
	if l.Exe != "" && !l.Deleted {
		part := waxseal.Part{Path: l.Exe, Role: waxseal.RoleBinary}
		known := false
		for _, p := range h.Closure {
			known = known || p.Path == l.Exe
		}
		if !known {
			h.Closure = append(h.Closure, c.complete([]waxseal.Part{part})...)
		}
		done, _ := c.part(part)
		l.Package, l.PackageState = done.Package, done.PackageState
	}
	h.Listener = &l
}

// listening finds listeners by what hooks call them.
type listening struct {
	unix map[string]waxseal.Listener
	tcp  map[uint16][]tcpListener
}

type tcpListener struct {
	address netip.Addr
	waxseal.Listener
}

func newListening(all []waxseal.Listener) listening {
	t := listening{map[string]waxseal.Listener{}, map[uint16][]tcpListener{}}
	for _, l := range all {
		if l.Network == "unix" {
			t.unix[socketName(l.Address)] = l
			continue
		}
		if a, err := netip.ParseAddrPort(l.Address); err == nil {
			t.tcp[a.Port()] = append(t.tcp[a.Port()], tcpListener{a.Addr().Unmap(), l})
		}
	}
	return t
}

// socketName is a path in one spelling: /var/run is /run everywhere.
func socketName(p string) string {
	p = path.Clean(p)
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		return "/run/" + rest
	}
	return p
}

// find looks for who listens on "unix:/run/x.sock", "inet:127.0.0.1:8891",
// "inet:8891@localhost", "smtp:[127.0.0.1]:10025", "lmtp:unix:private/dovecot-lmtp".
// Paths of unix sockets are below the queue directory where a daemon runs in its
// chroot, and always where they are relative.
func (t listening) find(target, queue string) (waxseal.Listener, bool) {
	if p, ok := unixPath(target); ok {
		for _, name := range []string{path.Join(queue, p), p} {
			if l, ok := t.unix[socketName(name)]; ok {
				return l, true
			}
		}
		return waxseal.Listener{}, false
	}
	host, port, ok := hostAndPort(target)
	if !ok {
		return waxseal.Listener{}, false
	}
	return t.byAddress(host, port)
}

// unixPath is the path of a target that is a socket in the file system.
func unixPath(target string) (string, bool) {
	if _, p, ok := strings.Cut(":"+target, ":unix:"); ok {
		return p, true
	}
	return strings.CutPrefix(target, "local:")
}

// byAddress prefers who listens on the very address to who listens on all.
func (t listening) byAddress(host string, port uint16) (waxseal.Listener, bool) {
	addr, err := netip.ParseAddr(host)
	local := err != nil && (host == "localhost" || host == "")
	var wildcard *tcpListener
	for i, l := range t.tcp[port] {
		switch {
		case err == nil && l.address == addr.Unmap(), local && l.address.IsLoopback():
			return l.Listener, true
		case l.address.IsUnspecified() && (local || err == nil) && wildcard == nil:
			wildcard = &t.tcp[port][i]
		}
	}
	if wildcard == nil {
		return waxseal.Listener{}, false
	}
	return wildcard.Listener, true
}

var servicePorts = map[string]uint16{"smtp": 25, "smtps": 465, "submissions": 465, "submission": 587, "lmtp": 24}

// hostAndPort reads the end of a target that is an address on a port.
func hostAndPort(target string) (host string, port uint16, ok bool) {
	for _, prefix := range []string{"inet:", "inet6:", "tcp:", "smtp:", "lmtp:", "relay:"} {
		target = strings.TrimPrefix(target, prefix)
	}
	target = strings.TrimPrefix(target, "inet:")
	number := ""
	if p, h, at := strings.Cut(target, "@"); at {
		number, host = p, h
	} else if i := strings.LastIndexByte(target, ':'); i >= 0 {
		host, number = target[:i], target[i+1:]
	}
	if p, known := servicePorts[number]; known {
		return unbracket(host), p, true
	}
	p, err := strconv.ParseUint(number, 10, 16)
	return unbracket(host), uint16(p), err == nil
}

func unbracket(host string) string {
	if i := strings.IndexByte(host, '['); i >= 0 {
		host, _, _ = strings.Cut(host[i+1:], "]")
	}
	return strings.TrimPrefix(strings.ToLower(host), "ipv6:")
}
