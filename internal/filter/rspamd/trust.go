package rspamd

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// trust reads which hosts rspamd believes, and whom it asks for names.
func (r *reader) trust() {
	local := r.top.Path("options", "local_addrs")
	var outside []string
	for _, w := range local.Words() {
		if p, ok := network(w); ok && isOutside(p) {
			outside = append(outside, w)
		}
	}
	if len(outside) > 0 {
		if p, _ := network(outside[0]); p.Bits() == 0 {
			outside = []string{everyone}
		}
		r.letThrough(local, "options:local_addrs", "mail from hosts that are taken for the own network", outside, false)
	}
	servers := r.top.Path("options", "dns", "nameserver")
	for _, w := range servers.Words() {
		w = strings.TrimPrefix(strings.TrimPrefix(w, "round-robin:"), "master-slave:")
		t, _, ok := server(w, "53")
		if !ok || mta.IsLoopback(hostOf(t)) {
			continue
		}
		h := r.hook(servers, "options:dns:nameserver", waxseal.Modify)
		h.Kind, h.Target = waxseal.KindHosts, waxseal.Target{Type: waxseal.TargetText, Value: "nameserver " + hostOf(t), Remote: true}
		h.Explain = "Rspamd asks " + hostOf(t) + " for names and for lists of spammers: whoever answers there says who is one (options.dns.nameserver)."
		r.Emit(h)
	}
}
