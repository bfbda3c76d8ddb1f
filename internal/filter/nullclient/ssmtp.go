package nullclient

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// ssmtp reads ssmtp.conf(5) and revaliases.
func ssmtp(c *client) {
	const p = waxseal.Path("/etc/ssmtp/ssmtp.conf")
	text, ok := c.open(p, func(text string) bool { return strings.Contains(strings.ToLower(text), "authpass") })
	if !ok {
		return
	}
	var list []setting
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			name, value = cutSetting(line)
		}
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, setting{name, strings.TrimSpace(value), n})
		}
	}
	for _, s := range list {
		if l := strings.ToLower(s.name); l == "rewritedomain" || l == "hostname" {
			c.ownName(s.value)
		}
	}
	for _, s := range list {
		c.ssmtpSetting(p, s)
	}
	c.reverseAliases()
}

// ssmtpSetting: names are not case-sensitive.
func (c *client) ssmtpSetting(p waxseal.Path, s setting) {
	noted := s
	if strings.EqualFold(s.name, "AuthPass") {
		noted.name = "password"
	}
	c.note(p, noted)
	if s.value == "" {
		return
	}
	h := c.hook(p, s, "")
	switch strings.ToLower(s.name) {
	case "mailhub":
		host, port := mta.SplitHostPort(s.value)
		c.relay(h, host, port)
	case "root":
		h.Scope = "all mail for system users of this host"
		c.address(h, "Mail for root and other system users", s.value)
	}
}

// reverseAliases reads "user:sender[:mailhub[:port]]".
func (c *client) reverseAliases() {
	const p = waxseal.Path("/etc/ssmtp/revaliases")
	text, ok := c.open(p, never)
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		s := setting{"revaliases", f[1], n}
		h := c.hook(p, s, f[0])
		h.Scope = "mail that " + mta.Clip(f[0]) + " sends"
		h.Kind, h.Effects, h.Target = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, c.domains.Address(f[1])
		h.Explain = "Mail that " + mta.Clip(f[0]) + " sends has the sender " + mta.Clip(f[1]) + mta.Where(h.Target) + " (revaliases)."
		c.Emit(h)
		if len(f) == 3 && f[2] != "" {
			host, port := mta.SplitHostPort(f[2])
			h = c.hook(p, s, f[0]+":mailhub")
			h.Scope = "mail that " + mta.Clip(f[0]) + " sends"
			c.relay(h, host, port)
		}
	}
}
