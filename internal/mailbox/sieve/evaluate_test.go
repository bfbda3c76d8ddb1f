package sieve

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// message is what a script is tried on.
type message struct {
	headers  map[string][]string // by lower-case name
	from, to string              // of the envelope
	size     uint64
}

// trial obeys a script for one message, as far as it has tests and actions that are
// known here.
type trial struct {
	message message
	actions map[*Command]Action
	taken   []Action
	unknown string // what is not known here
	stopped bool
}

// try lists what sieve-test would print, sorted: what is done, and whether the
// implicit keep stands.
func try(s Script, m message) (t *trial, out string) {
	t = &trial{message: m, actions: map[*Command]Action{}}
	for _, a := range s.Actions {
		t.actions[a.cmd] = a
	}
	t.block(s.Commands)
	var lines []string
	kept := "keep"
	for _, a := range t.taken {
		switch a.Verb {
		case Keep:
			lines = append(lines, "store message in folder: INBOX")
		case FileInto:
			lines = append(lines, "store message in folder: "+a.Target)
		case Redirect:
			lines = append(lines, "redirect message to: <"+a.Target+">")
		case Discard:
			lines = append(lines, "discard")
		}
		if a.Cancels {
			kept = "(none)"
		}
	}
	return t, strings.Join(append(sorted(lines), kept), "\n")
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}

func (t *trial) block(list []*Command) {
	done := false
	for _, c := range list {
		if t.stopped {
			return
		}
		switch c.Name {
		case "require":
		case "if", "elsif", "else":
			if c.Name == "if" {
				done = false
			}
			if !done && (len(c.Tests) == 0 || t.holds(c.Tests[0])) {
				done = true
				t.block(c.Block)
			}
		case "keep", "discard", "fileinto", "redirect", "stop":
			t.taken = append(t.taken, t.actions[c])
			t.stopped = c.Name == "stop"
		default:
			t.unknown = c.Name
		}
	}
}

func (t *trial) holds(c *Command) bool {
	args := positional(c)
	switch c.Name {
	case "true", "false":
		return c.Name == "true"
	case "not":
		return !t.holds(c.Tests[0])
	case "allof", "anyof":
		for _, sub := range c.Tests {
			if yes := t.holds(sub); yes == (c.Name == "anyof") {
				return yes
			}
		}
		return c.Name == "allof"
	case "exists":
		return !slices.ContainsFunc(args[0].List, func(name string) bool { return t.message.headers[strings.ToLower(name)] == nil })
	case "size":
		return sizeWord(c) == "over" && t.message.size > args[0].Number || sizeWord(c) == "under" && t.message.size < args[0].Number
	case "header", "address", "envelope":
		return compared(c, t.values(c, args[0].List), args[1].List)
	}
	t.unknown = c.Name
	return false
}

// values are what a test compares with its keys.
func (t *trial) values(c *Command, names []string) []string {
	var all []string
	for _, name := range names {
		name = strings.ToLower(name)
		switch {
		case c.Name == "envelope" && name == "from":
			all = append(all, part(c, t.message.from))
		case c.Name == "envelope":
			all = append(all, part(c, t.message.to))
		case c.Name == "header":
			all = append(all, t.message.headers[name]...)
		default:
			for _, value := range t.message.headers[name] {
				list, _ := mail.ParseAddressList(value)
				for _, a := range list {
					all = append(all, part(c, a.Address))
				}
			}
		}
	}
	return all
}

func part(c *Command, address string) string {
	at := strings.LastIndexByte(address, '@')
	if _, ok := c.tag("localpart"); ok {
		return address[:at]
	}
	if _, ok := c.tag("domain"); ok {
		return address[at+1:]
	}
	return address
}

func compared(c *Command, values, keys []string) bool {
	fold := strings.ToLower
	if how, ok := c.tag("comparator"); ok && how.Text == "i;octet" {
		fold = func(s string) string { return s }
	}
	_, contains := c.tag("contains")
	_, matches := c.tag("matches")
	for _, v := range values {
		for _, k := range keys {
			v, k := fold(v), fold(k)
			if contains && strings.Contains(v, k) || matches && glob(k).MatchString(v) || !contains && !matches && v == k {
				return true
			}
		}
	}
	return false
}

func glob(pattern string) *regexp.Regexp {
	s := regexp.QuoteMeta(pattern)
	s = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(s)
	return regexp.MustCompile("(?s)^" + s + "$")
}

// contradiction says where what is told of an action in a script without
// conditions is not what comes out.
func (t *trial) contradiction() string {
	cancelled, kept, hears := false, false, false
	for _, a := range t.taken {
		cancelled, kept, hears = cancelled || a.Cancels, kept || a.keeps(), hears || a.hears()
	}
	for _, a := range t.taken {
		switch {
		case a.Never != "":
			return fmt.Sprintf("%s of line %d is taken, but %s", a.Verb, a.Line, a.Never)
		case a.guard != nil:
		case a.sends() && a.Diverts && kept, a.Verb == Discard && a.Drops && hears:
			// What stands under a condition may well deliver.
			if !t.conditional() {
				return fmt.Sprintf("%s of line %d: %+v", a.Verb, a.Line, a)
			}
		case a.sends() && !a.Diverts && cancelled && !kept && !t.conditional(), a.Verb == Discard && !a.Drops && !hears && !t.conditional():
			return fmt.Sprintf("%s of line %d: %+v", a.Verb, a.Line, a)
		}
	}
	return ""
}

func (t *trial) conditional() bool {
	return slices.ContainsFunc(t.taken, func(a Action) bool { return a.guard != nil })
}
