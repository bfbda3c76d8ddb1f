package nullclient

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// dma reads the configuration of the DragonFly Mail Agent (dma(8)).
func dma(c *client) {
	const p = waxseal.Path("/etc/dma/dma.conf")
	text, ok := c.open(p, never)
	if !ok {
		return
	}
	set := map[string]setting{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, value := cutSetting(line)
		if name == "" {
			continue
		}
		set[name] = setting{name, value, n}
		c.note(p, set[name])
	}
	if s, ok := set["SMARTHOST"]; ok && s.value != "" {
		c.relay(c.hook(p, s, ""), s.value, set["PORT"].value)
	}
	if s, ok := set["MASQUERADE"]; ok && s.value != "" {
		h := c.hook(p, s, "")
		h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}
		h.Target = c.domains.Address(s.value)
		if !strings.Contains(s.value, "@") {
			h.Target = c.domains.Address("@" + s.value)
		}
		h.Explain = "Mail is sent under the address " + mta.Clip(s.value) + mta.Where(h.Target) + " (MASQUERADE)."
		c.Emit(h)
	}
	aliasPath, authPath := "/etc/aliases", "/etc/dma/auth.conf"
	if v := set["ALIASES"].value; strings.HasPrefix(v, "/") {
		aliasPath = v
	}
	if v := set["AUTHPATH"].value; strings.HasPrefix(v, "/") {
		authPath = v
	}
	c.aliasFile(mta.Clean(aliasPath))
	if c.Exists(mta.Clean(authPath)) {
		c.Part(mta.Clean(authPath), waxseal.RoleSecret)
	}
}
