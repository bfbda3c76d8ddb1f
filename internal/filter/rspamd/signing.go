package rspamd

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// signing tells of mail that is signed though it comes from anywhere
// (modules/dkim_signing.html "sign_networks"). A network as large as none is that a
// site has of its own.
func (r *reader) signing() {
	for section := range r.top.Get("dkim_signing").Each() {
		v := section.Get("sign_networks")
		if v == nil {
			continue
		}
		nets, _ := r.entries(v)
		for _, w := range nets {
			p, ok := network(strings.TrimSpace(w))
			if most := map[bool]int{true: 8, false: 16}[p.Addr().Is4()]; !ok || !isOutside(p) || p.Bits() >= most {
				continue
			}
			h := r.hook(v, "dkim_signing:sign_networks", waxseal.Modify)
			h.Kind, h.Target, h.Scope = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: w}, "all mail that names an own domain as its author's"
			mta.Modify(&h, "signs_for", "anyone")
			h.Explain = "Rspamd signs mail of own domains wherever it comes from (" + mta.Clip(w) + "; dkim_signing.sign_networks)."
			r.emit(h, isOff(section))
			break
		}
	}
}
