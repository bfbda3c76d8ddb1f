package nullclient

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// msmtp reads /etc/msmtprc and the files of users (msmtp(1) "CONFIGURATION FILES").
func msmtp(c *client) {
	c.msmtprc("/etc/msmtprc", "")
	files := c.users(".msmtprc", ".config/msmtp/config")
	for _, p := range slices.Sorted(maps.Keys(files)) {
		c.msmtprc(p, files[p].Name)
	}
}

// account is one account of msmtp: its settings by name.
type account struct {
	name     string
	settings map[string]setting
}

func (c *client) msmtprc(p waxseal.Path, user string) {
	text, ok := c.open(p, func(text string) bool {
		for line := range strings.Lines(text) {
			if name, value := cutSetting(line); name == "password" && value != "" {
				return true
			}
		}
		return false
	})
	if !ok {
		return
	}
	list := c.msmtpAccounts(p, text)
	standard := "default"
	if !slices.ContainsFunc(list, func(a account) bool { return a.name == standard }) && len(list) > 0 {
		c.Problem(p, 0, "no account default: who names no account can't send")
	}
	for _, a := range list {
		c.msmtpAccount(p, a, user)
	}
}

// cutSetting splits "name value", where the value may stand in double quotes.
func cutSetting(line string) (name, value string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return "", ""
	}
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		return line, ""
	}
	value = strings.TrimSpace(line[end:])
	if len(value) > 1 && value[0] == '"' && strings.HasSuffix(value, `"`) {
		value = value[1 : len(value)-1]
	}
	return line[:end], value
}

// msmtpAccounts reads accounts: "defaults" fills those behind it, and
// "account a : b, c" begins with what b and c have.
func (c *client) msmtpAccounts(p waxseal.Path, text string) []account {
	var list []account
	byName := map[string]map[string]setting{}
	defaults := map[string]setting{}
	current := defaults
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, value := cutSetting(line)
		switch name {
		case "":
		case "defaults":
			current = defaults
		case "account":
			if len(list) == 1000 {
				c.AddProblems([]waxseal.Problem{{Path: p, Line: n, Message: "more accounts than are read", Unreadable: true}})
				return list
			}
			id, parents, _ := strings.Cut(value, ":")
			a := account{strings.TrimSpace(id), maps.Clone(defaults)}
			for parent := range strings.SplitSeq(parents, ",") {
				maps.Copy(a.settings, byName[strings.TrimSpace(parent)])
			}
			byName[a.name], current = a.settings, a.settings
			list = append(list, a)
		default:
			current[name] = setting{name, value, n}
		}
	}
	return list
}

func (c *client) msmtpAccount(p waxseal.Path, a account, user string) {
	for _, name := range slices.Sorted(maps.Keys(a.settings)) {
		s := a.settings[name]
		c.note(p, setting{a.name + ":" + s.name, s.value, s.line})
		h := c.hook(p, s, a.name)
		h.Scope = "all mail that is handed to msmtp"
		if a.name != "default" {
			h.Scope = "mail for which the account " + mta.Clip(a.name) + " is named"
		}
		if user != "" {
			h.Scope = "mail that " + mta.Clip(user) + " sends by the account " + mta.Clip(a.name)
		}
		c.msmtpSetting(h, s, a)
	}
	if from := a.settings["from"].value; user == "" {
		c.ownName(from[strings.LastIndexByte(from, '@')+1:])
	}
}

func (c *client) msmtpSetting(h waxseal.Hook, s setting, a account) {
	switch s.name {
	case "host":
		c.relay(h, s.value, a.settings["port"].value)
	case "passwordeval", "eval":
		c.command(h, s.value, "runs whenever msmtp sends mail, and what it prints is taken as "+map[string]string{"eval": "configuration", "passwordeval": "the password"}[s.name])
	case "proxy_host":
		c.relay(h, s.value, a.settings["proxy_port"].value)
	case "socket":
		h.Kind, h.Effects = waxseal.KindRelay, []waxseal.Effect{waxseal.Observe, waxseal.Divert}
		target, part := mta.UnixSocket(mta.Clean(s.value))
		h.Target, h.Closure = target, []waxseal.Part{part}
		h.Explain = "Mail that is handed to msmtp goes to the socket " + mta.Clip(s.value) + " (socket in " + string(h.Source.Path) + ")."
		c.Emit(h)
	case "tls_certcheck":
		if s.value == "off" {
			c.unsafeTLS(h, "off", "msmtp sends to whoever answers, since certificates are not checked")
		}
	case "aliases":
		if strings.HasPrefix(s.value, "/") {
			c.aliasFile(mta.Clean(s.value))
		}
	}
}
