package rspamd

import (
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// servers are the targets that a list of servers names, as rspamd writes it: with the
// way in which one is picked before, with weights behind, sockets by their path
// ("round-robin:a.example.test:3310:2, /run/clamav/clamd.ctl").
func servers(v *ucl.Value, port string) (targets []waxseal.Target, parts []waxseal.Part) {
	for _, w := range v.Words() {
		for _, order := range []string{"round-robin:", "random:", "master-slave:", "sequential:", "hash:"} {
			w = strings.TrimPrefix(w, order)
		}
		t, part, ok := server(w, port)
		if !ok {
			continue
		}
		targets = append(targets, t)
		if part.Path != "" {
			parts = append(parts, part)
		}
	}
	return targets, parts
}

// server is one server: a URL, a path, host:port:weight or host.
func server(w, port string) (t waxseal.Target, part waxseal.Part, ok bool) {
	if scheme, rest, found := strings.Cut(w, "://"); found {
		return urlTarget(scheme, rest), part, true
	}
	w = strings.TrimPrefix(w, "unix:")
	switch {
	case w == "":
		return t, part, false
	case strings.HasPrefix(w, "/"):
		t, part = mta.UnixSocket(mta.Clean(w))
		return t, part, true
	case strings.HasPrefix(w, "["):
		host, rest, _ := strings.Cut(w[1:], "]")
		p, _, _ := strings.Cut(strings.TrimPrefix(rest, ":"), ":")
		return mta.InetSocket(host, or(p, port)), part, true
	case strings.Count(w, ":") > 2 || strings.Contains(w, "::"): // an IPv6 address without brackets
		return mta.InetSocket(w, port), part, true
	}
	host, rest, _ := strings.Cut(w, ":")
	p, _, _ := strings.Cut(rest, ":")
	return mta.InetSocket(host, or(p, port)), part, true
}

var schemePorts = map[string]string{"https": "443", "http": "80", "redis": "6379", "rediss": "6379", "smtp": "25", "wss": "443"}

// urlTarget is the server of a URL.
func urlTarget(scheme, rest string) waxseal.Target {
	end := strings.IndexAny(rest, "/?#")
	if end >= 0 {
		rest = rest[:end]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	host, port := mta.SplitHostPort(rest)
	scheme = scheme[strings.LastIndexByte(scheme, '+')+1:]
	return mta.InetSocket(host, or(port, schemePorts[strings.ToLower(scheme)]))
}

// remoteTable is the target of a map that is fetched: a table named by its URL.
func remoteTable(url string) waxseal.Target {
	scheme, rest, ok := strings.Cut(url, "://")
	t := waxseal.Target{Type: waxseal.TargetTable, Value: url}
	if ok {
		t.Remote = urlTarget(scheme, rest).Remote
	}
	return t
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// vendorHosts are where rspamd's own package has it fetch lists from, and ask: they are
// in its configuration as it comes, and no hooks.
var vendorHosts = []string{"rspamd.com", "openphish.com", "phishtank.com", "phishtank.rspamd.com"}

func isVendor(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, v := range vendorHosts {
		if host == v || strings.HasSuffix(host, "."+v) {
			return true
		}
	}
	return false
}

// hostOf is the host of a socket's target.
func hostOf(t waxseal.Target) string {
	host, _ := mta.SplitHostPort(strings.TrimPrefix(t.Value, "inet:"))
	return host
}
