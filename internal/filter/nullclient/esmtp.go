package nullclient

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// esmtp reads /etc/esmtprc and the files of users (esmtprc(5)).
func esmtp(c *client) {
	c.esmtprc("/etc/esmtprc", "")
	files := c.users(".esmtprc")
	for _, p := range slices.Sorted(maps.Keys(files)) {
		c.esmtprc(p, files[p].Name)
	}
}

// esmtprc reads "name = value" or "name value"; "identity address" begins settings
// for one sender.
func (c *client) esmtprc(p waxseal.Path, user string) {
	text, ok := c.open(p, func(text string) bool {
		lower := strings.ToLower(text)
		return strings.Contains(lower, "password") || strings.Contains(lower, "passphrase")
	})
	if !ok {
		return
	}
	identity, n := "", 0
	for line := range strings.Lines(text) {
		n++
		s := esmtpSetting(line)
		s.line = n
		switch {
		case s.name == "":
			continue
		case s.name == "identity":
			identity = s.value
		}
		c.note(p, setting{strings.TrimPrefix(identity+":"+s.name, ":"), s.value, n})
		h := c.hook(p, s, identity)
		switch {
		case user != "":
			h.Scope = "mail that " + mta.Clip(user) + " sends"
		case identity != "":
			h.Scope = "mail of the sender " + mta.Clip(identity)
		}
		switch s.name {
		case "hostname":
			host, port := mta.SplitHostPort(s.value)
			c.relay(h, host, port)
		case "preconnect":
			c.command(h, s.value, "runs before each connection")
		case "mda":
			c.command(h, s.value, "delivers mail for users of this host")
		}
	}
}

func esmtpSetting(line string) setting {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return setting{}
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return setting{name: strings.ToLower(line)}
	}
	value := strings.TrimSpace(strings.TrimLeft(line[end:], " \t="))
	return setting{name: strings.ToLower(line[:end]), value: strings.Trim(value, `"'`)}
}
