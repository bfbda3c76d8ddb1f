package mta

import (
	"net/netip"
	"slices"
	"strings"

	"waxseal"
)

// IsLoopback reports whether a host name or address literal is this host. No host
// at all is this host too.
func IsLoopback(host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	host = strings.TrimPrefix(host, "ipv6:")
	switch host {
	case "", "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "loopback":
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// SplitHostPort splits host:port, [host]:port, host and port-less literals.
func SplitHostPort(s string) (host, port string) {
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

// InetSocket is the target of a service that listens on a port; every reader
// writes it alike: "inet:127.0.0.1:8891", "inet:[::1]:8891".
func InetSocket(host, port string) waxseal.Target {
	value := "inet:" + host
	if strings.Contains(host, ":") {
		value = "inet:[" + host + "]"
	}
	if port != "" {
		value += ":" + port
	}
	return waxseal.Target{Type: waxseal.TargetSocket, Value: value, Remote: !IsLoopback(host)}
}

// UnixSocket is the target of a service that listens on a socket in the file
// system, and the part it is.
func UnixSocket(p waxseal.Path) (waxseal.Target, waxseal.Part) {
	return waxseal.Target{Type: waxseal.TargetSocket, Value: "unix:" + string(p)}, waxseal.Part{Path: p, Role: waxseal.RoleSocket}
}

// Where says where a target lies, for Explain; "" where it is this host.
func Where(t waxseal.Target) string {
	switch {
	case t.Remote && t.Type == waxseal.TargetAddress:
		return " outside this host's domains"
	case t.Remote:
		return " on another host"
	}
	return ""
}

// Domains are the mail domains that a mail system calls its own.
type Domains struct{ exact, parents map[string]bool }

// NewDomains collects names; see Add.
func NewDomains(names ...string) Domains {
	d := Domains{exact: map[string]bool{}, parents: map[string]bool{}}
	for _, n := range names {
		d.Add(n)
	}
	return d
}

// Add takes one name. What is below a domain of several labels is own too.
// Patterns and what is no domain are passed over.
func (d Domains) Add(name string) {
	name = strings.ToLower(strings.Trim(name, "."))
	if name == "" || strings.ContainsAny(name, "!/$*@:;^\\ \t\r\n") {
		return
	}
	d.exact[name] = true
	if strings.Contains(name, ".") {
		d.parents[name] = true
	}
}

// List gives the names in order, for waxseal.Stack.
func (d Domains) List() []string {
	out := make([]string, 0, len(d.exact))
	for name := range d.exact {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Own reports whether a domain, or one that it is a sub-domain of, is listed. The
// loopback addresses and no domain at all are this host.
func (d Domains) Own(domain string) bool {
	domain = strings.ToLower(strings.Trim(domain, "."))
	if IsLoopback(domain) || d.exact[strings.Trim(domain, "[]")] {
		return true
	}
	for {
		_, parent, ok := strings.Cut(domain, ".")
		if !ok {
			return false
		}
		if d.parents[parent] {
			return true
		}
		domain = parent
	}
}

// Address is the target that a mail address is: remote where its domain is not
// one of the own ones. user%domain and site!user are old ways to another host.
func (d Domains) Address(address string) waxseal.Target {
	t := waxseal.Target{Type: waxseal.TargetAddress, Value: address}
	plain := strings.Trim(address, "<>")
	at := strings.LastIndexByte(plain, '@')
	if at < 0 {
		t.Remote = strings.ContainsAny(plain, "%!")
		return t
	}
	t.Remote = !d.Own(plain[at+1:]) || strings.ContainsAny(plain[:at], "%!@") && !strings.HasPrefix(plain, `"`)
	return t
}
