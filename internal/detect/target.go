package detect

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
)

// reach says how far away a socket or next hop is.
type reach int

const (
	onHost  reach = iota // loopback or a unix socket
	private              // RFC 1918, RFC 4193, link-local, or a host in the own domains
	named                // a host name outside the own domains
	public               // a literal public address
)

func (r reach) String() string {
	return [...]string{"on this host", "a private address or a host of the own domains", "a host outside the own domains", "a literal public address"}[r]
}

// host is the host of "inet:host:port", "[host]:port", "smtp:[host]:port",
// "inet:port@host" or "host"; port is what follows, "" if nothing does.
func host(target string) string { h, _ := hostPort(target); return h }

var (
	transportPrefix = regexp.MustCompile(`^(?:inet6?|smtps?|lmtp|relay|tcp|submission|uucp|smtp-amavis|[A-Za-z][A-Za-z0-9_-]*):`)
	bracketed       = regexp.MustCompile(`^\[([^\]]*)\](?::([^:]*))?$`)
)

func hostPort(target string) (hostName, port string) {
	s := strings.TrimSpace(target)
	for {
		if _, err := netip.ParseAddr(s); err == nil {
			return s, ""
		}
		cut := transportPrefix.FindString(s)
		rest := s[len(cut):]
		if cut == "" || rest == "" || !strings.ContainsAny(rest, ".:[@") && isPort(rest) && !strings.HasPrefix(cut, "inet") {
			break // "host:port", not "transport:host"
		}
		s = rest
	}
	if g := bracketed.FindStringSubmatch(s); g != nil {
		return strings.TrimPrefix(g[1], "IPv6:"), g[2]
	}
	if p, h, ok := strings.Cut(s, "@"); ok && isPort(p) { // libmilter's port@host
		return strings.Trim(h, "[]"), p
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.Count(s, ":") == 1 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func isPort(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" || s == "smtp" || s == "submission" || s == "smtps" || s == "lmtp"
}

// reachOf classifies the host of a target.
func (c *Context) reachOf(target string) reach {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "local:") || strings.HasPrefix(target, "/") {
		return onHost
	}
	h := strings.ToLower(strings.TrimSuffix(host(target), "."))
	if a, err := netip.ParseAddr(h); err == nil {
		a = a.Unmap()
		switch {
		case a.IsLoopback() || a.IsUnspecified():
			return onHost
		case a.IsPrivate() || a.IsLinkLocalUnicast():
			return private
		}
		return public
	}
	switch {
	case h == "localhost" || strings.HasSuffix(h, ".localhost") || h == "":
		return onHost
	case c.ownHost(h) || !strings.Contains(h, "."):
		return private
	}
	return named
}

// ownHost reports whether a host lies in a domain that this server called its
// own before and after. Domains of one label ("localhost") own nothing.
func (c *Context) ownHost(h string) bool {
	h = strings.ToLower(strings.TrimSuffix(h, "."))
	return slices.ContainsFunc(c.domains, func(d string) bool {
		return strings.Contains(d, ".") && (h == d || strings.HasSuffix(h, "."+d))
	}) && c.ownBefore(h)
}

// ownBefore: an edit can't make a foreign domain its own and send mail there in
// one go.
func (c *Context) ownBefore(h string) bool {
	if len(c.Before.Stacks) == 0 || len(c.supposed) > 0 {
		return true
	}
	for _, s := range c.Before.Stacks {
		for _, d := range s.Domains {
			if h == d || strings.Contains(d, ".") && strings.HasSuffix(h, "."+d) {
				return true
			}
		}
	}
	return false
}

// foreignAddress reports whether a mail address leaves the own domains.
func (c *Context) foreignAddress(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return false
	}
	domain := strings.TrimPrefix(strings.ToLower(strings.Trim(address[at+1:], " <>.[]")), "ipv6:")
	if a, err := netip.ParseAddr(domain); err == nil && (a.Unmap().IsLoopback() || slices.Contains(c.domains, domain)) {
		return false
	}
	return domain != "" && domain != "localhost" && !c.ownHost(domain)
}

// folder matches the folders of a maildir, which have names with a dot before them
// (Maildir++): ~/Maildir/.Lists.
var folder = regexp.MustCompile(`(?i)/(?:\.?maildir|mail)/\.[^/]+`)

// ownDots are hidden names under which users keep rules for their mail, as the
// manual of each program says.
var ownDots = map[string]bool{".forward": true, ".procmailrc": true, ".procmail": true, ".mailfilter": true, ".mailfilters": true, ".maildrop": true}

// hiding says why a path is a place where software is hidden rather than kept,
// "" if it is not.
func hiding(p string) string {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/run/user/", "/var/lock/", "/run/lock/"} {
		if strings.HasPrefix(p, dir) {
			return "it lies in the world-writable " + strings.TrimSuffix(dir, "/")
		}
	}
	for part := range strings.SplitSeq(folder.ReplaceAllString(path.Clean(p), ""), "/") {
		if len(part) > 1 && part[0] == '.' && part != ".." && !ownDots[part] {
			return "its path has the hidden name " + part
		}
	}
	return ""
}
