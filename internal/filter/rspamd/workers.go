package rspamd

import (
	"net/netip"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// workers reads the worker sections: what listens, and whom the proxy hands mail on to
// (rspamd.com/doc/workers).
func (r *reader) workers() {
	for worker := range r.top.Get("worker").Each() {
		for name, section := range worker.Fields() {
			for s := range section.Each() {
				if s.Kind != ucl.Object {
					continue
				}
				switch off := isOff(s); {
				case name == "rspamd_proxy" || name == "proxy":
					r.proxy(name, s, off)
				case name == "controller" && !off:
					r.controller(name, s)
				case name == "fuzzy" && !off:
					r.fuzzyStorage(name, s)
				}
			}
		}
	}
}

// isOff reports whether a worker or module is switched off.
func isOff(s *ucl.Value) bool {
	n, ok := s.Get("count").Number()
	return s.Get("enabled").Is(false) || ok && n < 0
}

// proxy is the worker that mail systems hand mail to, as a milter or not. It checks
// mail itself, or hands it to another.
func (r *reader) proxy(name string, s *ucl.Value, off bool) {
	for upstream := range s.Get("upstream").Each() {
		r.upstreams("worker:"+name+":upstream", upstream, off)
	}
	for mirror := range s.Get("mirror").Each() {
		r.mirrors("worker:"+name+":mirror", mirror, off)
	}
	if v := s.Get("discard_on_reject"); v.Is(true) {
		h := r.hook(v, "worker:"+name+":discard_on_reject", waxseal.Drop)
		h.Kind, h.Target = waxseal.KindDiscard, waxseal.Target{Type: waxseal.TargetText, Value: "discard"}
		h.Scope = "mail that a filter marked as spam: rspamd's action is reject"
		mta.Modify(&h, "when", asMarked)
		h.Explain = "Mail that rspamd would reject is thrown away without a word to its sender (discard_on_reject)."
		r.emit(h, off)
	}
}

// named calls f for the sections of a list of sections with names; one without names is
// a section with "name" in it.
func named(v *ucl.Value, f func(name string, s *ucl.Value)) {
	if v == nil || v.Kind != ucl.Object {
		return
	}
	if v.Get("hosts") != nil || v.Get("name") != nil {
		f(or(v.Get("name").Text(), "default"), v)
		return
	}
	for name, s := range v.Fields() {
		for e := range s.Each() {
			if e.Kind == ucl.Object {
				f(name, e)
			}
		}
	}
}

func (r *reader) upstreams(place string, v *ucl.Value, off bool) {
	named(v, func(name string, s *ucl.Value) {
		if s.Get("self_scan").Is(true) {
			return
		}
		r.eachServer(s.Get("hosts"), place+":"+name+":hosts", "11333", func(h waxseal.Hook) {
			h.Kind, h.Effects = waxseal.KindContentFilter, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Drop}
			h.Explain = "Mail that is handed to rspamd's proxy is checked by " + h.Target.Value + mta.Where(h.Target) + ", which gets the whole message and says what becomes of it (upstream " + name + ")."
			r.emit(h, off)
		})
	})
}

func (r *reader) mirrors(place string, v *ucl.Value, off bool) {
	named(v, func(name string, s *ucl.Value) {
		r.eachServer(s.Get("hosts"), place+":"+name+":hosts", "11333", func(h waxseal.Hook) {
			h.Kind, h.Effects = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}
			h.Explain = "A copy of the mail that is handed to rspamd's proxy goes to " + h.Target.Value + mta.Where(h.Target) + " (mirror " + name + ")."
			r.emit(h, off)
		})
	})
}

// eachServer makes a hook for each server that a value names.
func (r *reader) eachServer(v *ucl.Value, place, port string, f func(waxseal.Hook)) {
	targets, parts := servers(v, port)
	for e := range v.All() {
		r.known[e] = true
	}
	for _, t := range targets {
		if isVendor(hostOf(t)) {
			continue
		}
		h := r.hook(v, place)
		h.Target = t
		h.Closure = append(h.Closure, parts...)
		f(h)
	}
}

// emit writes a hook down, at rest where its section is switched off.
func (r *reader) emit(h waxseal.Hook, off bool) {
	if off {
		mta.Inactive(&h, "its section is switched off")
	}
	r.Emit(h)
}

// controller is the worker of the web interface: who reaches it and knows the password,
// or comes from an address that needs none, changes what rspamd does.
func (r *reader) controller(name string, s *ucl.Value) {
	bind := s.Get("bind_socket")
	open := ""
	for _, w := range bind.Words() {
		if reach := bound(w); reach != "" {
			open = reach
		}
	}
	for _, ip := range s.Get("secure_ip").Words() {
		if p, ok := network(ip); ok && isOutside(p) {
			r.opened(s.Get("secure_ip"), "worker:"+name+":secure_ip", "without a password from "+ip, open == "")
		}
	}
	if open != "" {
		r.opened(bind, "worker:"+name+":bind_socket", "from "+open, false)
	}
}

func (r *reader) opened(v *ucl.Value, place, whence string, off bool) {
	h := r.hook(v, place, waxseal.Modify)
	h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: strings.Join(v.Words(), ", ")}
	if whence != "from the local network" {
		mta.Modify(&h, "open", whence)
	}
	h.Explain = "Rspamd's web interface, which changes its rules, can be reached " + whence + " (" + h.Directive + " " + mta.Clip(h.Target.Value) + ")."
	if off {
		mta.Inactive(&h, "the controller listens on this host only")
	}
	r.Emit(h)
}

// bound says from where a socket can be reached: "" is this host alone.
func bound(socket string) string {
	t, _, ok := server(socket, "11334")
	host := hostOf(t)
	switch {
	case !ok || strings.HasPrefix(t.Value, "unix:") || mta.IsLoopback(host) && host != "":
		return ""
	case host == "*" || host == "" || host == "*v4" || host == "*v6":
		return "the world"
	}
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil || a.IsPrivate() || a.IsLinkLocalUnicast():
		return "the local network"
	case a.IsLoopback():
		return ""
	}
	return "the world"
}

// network reads an address or network.
func network(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// isOutside reports whether a network has public addresses in it.
func isOutside(p netip.Prefix) bool {
	a := p.Addr().Unmap()
	if p.Bits() == 0 || a.IsUnspecified() {
		return true
	}
	return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}

// fuzzyStorage is the worker that keeps digests of mail: who may write them there says
// which mail is spam, and which is none.
func (r *reader) fuzzyStorage(name string, s *ucl.Value) {
	v := s.Get("allow_update")
	for _, ip := range v.Words() {
		if p, ok := network(ip); ok && isOutside(p) {
			r.opened(v, "worker:"+name+":allow_update", "by those who write digests from "+ip, false)
		}
	}
}

// sockets are where mail systems meet rspamd.
func (r *reader) sockets() (list []string) {
	for w := range r.top.Get("worker").Each() {
		for name, section := range w.Fields() {
			for s := range section.Each() {
				if s.Kind != ucl.Object || isOff(s) || name == "fuzzy" {
					continue
				}
				for _, word := range s.Get("bind_socket").Words() {
					if t, _, ok := server(word, "11333"); ok && !slices.Contains(list, t.Value) && !strings.Contains(word, "=") {
						list = append(list, t.Value)
					}
				}
			}
		}
	}
	return list
}
