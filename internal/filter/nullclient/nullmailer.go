package nullclient

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

const nullmailerDir = "/etc/nullmailer/"

// nullmailer reads /etc/nullmailer, a file for each setting (nullmailer-send(8),
// nullmailer-inject(1)).
func nullmailer(c *client) {
	for _, name := range []string{"me", "defaultdomain"} {
		if s, ok := c.oneLine(name); ok {
			c.ownName(s.value)
		}
	}
	for _, name := range []string{"defaulthost", "helohost", "idhost", "pausetime", "maxpause", "sendtimeout", "bounceto", "doublebounceto"} {
		c.oneLine(name)
	}
	if s, ok := c.oneLine("allmailfrom"); ok && s.value != "" {
		h := c.hook(nullmailerDir+"allmailfrom", s, "")
		h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}
		h.Target = c.domains.Address(s.value)
		h.Explain = "All mail gets the sender " + mta.Clip(s.value) + mta.Where(h.Target) + " (allmailfrom)."
		c.Emit(h)
	}
	c.adminAddress()
	c.remotes()
	c.leftOver()
}

// oneLine reads a file of one line.
func (c *client) oneLine(name string) (setting, bool) {
	p := waxseal.Path(nullmailerDir + name)
	text, ok := c.open(p, never)
	if !ok {
		return setting{}, false
	}
	s := setting{name: name, value: strings.TrimSpace(text), line: 1}
	c.note(p, s)
	return s, true
}

// adminAddress: all mail for local recipients goes there instead.
func (c *client) adminAddress() {
	s, ok := c.oneLine("adminaddr")
	if !ok || s.value == "" {
		return
	}
	for n, to := range strings.FieldsFunc(s.value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		h := c.hook(nullmailerDir+"adminaddr", s, strconv.Itoa(n+1))
		h.Scope = "all mail for names of this host"
		c.address(h, "All mail for users of this host", to)
	}
}

// remotes are the hosts that get mail: the next is tried where one fails.
func (c *client) remotes() {
	const p = waxseal.Path(nullmailerDir + "remotes")
	text, ok := c.open(p, func(text string) bool { return strings.Contains(text, "--pass") })
	if !ok {
		return
	}
	for n, line := range strings.Split(text, "\n") {
		words := mta.ShellWords(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		c.remote(p, n+1, words)
	}
}

// remote reads "host [protocol [options]]".
func (c *client) remote(p waxseal.Path, line int, words []string) {
	protocol, port := "smtp", ""
	var secrets []string
	for i, w := range words[1:] {
		name, value, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		switch {
		case i == 0 && !strings.HasPrefix(w, "-"):
			protocol = w
		case name == "port":
			port = value
		case strings.HasPrefix(name, "pass"):
			secrets = append(secrets, value)
		}
	}
	s := setting{name: "remotes", value: words[0], line: line}
	h := c.hook(p, s, strconv.Itoa(line))
	mta.Modify(&h, "protocol", protocol)
	for _, option := range words[1:] {
		if strings.HasPrefix(option, "--insecure") || option == "insecure" {
			mta.Modify(&h, "certificates", "not checked")
		}
	}
	c.relay(h, words[0], port)
	c.note(p, setting{name: strconv.Itoa(line) + ":password", value: strings.Join(secrets, " "), line: line})
	if protocol != "smtp" && protocol != "qmqp" { // any program of /usr/lib/nullmailer (nullmailer-send(8))
		c.command(c.hook(p, setting{name: "protocol", line: line}, strconv.Itoa(line)), path.Join("/usr/lib/nullmailer", protocol), "sends all mail")
	}
}

// leftOver notes what else lies in the directory.
func (c *client) leftOver() {
	names, err := c.Tree.ReadDir(nullmailerDir)
	if err != nil {
		return
	}
	c.there = true
	for _, name := range names[:min(len(names), 200)] {
		c.Part(mta.Clean(nullmailerDir+name), waxseal.RoleUnused)
	}
}
