package smtpdconf

import "strings"

// looksOld reports whether statements of the grammar before 6.4 were met, and
// none of today's. A version that is known decides alone.
func (p *parser) looksOld() bool {
	return p.o.Version == "" && p.accepts > 0 && len(p.c.Matches) == 0 && len(p.c.Actions) == 0
}

// oldStatement reads a statement of the grammar before 6.4 (smtpd.conf(5) of 6.0).
// Settings are taken as they stand.
func (p *parser) oldStatement(w string) error {
	switch w {
	case "include":
		p.shift()
		return p.include()
	case "table":
		p.shift()
		return p.table()
	case "accept", "reject":
		p.shift()
		return p.oldRule(w == "reject")
	case "listen":
		p.shift()
		return p.oldListen()
	}
	p.set(w, p.restOfLine())
	return nil
}

// restOfLine takes words up to the newline.
func (p *parser) restOfLine() string {
	var words []string
	for !p.at("\n") && p.peek().kind != endOfFile {
		words = append(words, p.shift().text)
	}
	if len(words) > 0 {
		words = words[1:]
	}
	return strings.Join(words, " ")
}

// oldListen reads listen on where, and keeps the options by their names.
func (p *parser) oldListen() error {
	if err := p.want("on"); err != nil {
		return err
	}
	l := &Listener{Pos: p.pos}
	if p.accept("socket") {
		l.On = "socket"
	} else if on, err := p.wantWord(); err == nil {
		l.On = on
	} else {
		return err
	}
	for !p.at("\n") && p.peek().kind != endOfFile {
		o := Option{Name: p.shift().text, Pos: p.here()}
		switch {
		case p.tableNext() && !p.at("{", "<"), p.peek().kind == number:
			o.Value = p.shift().text
		case p.at("{", "<"):
			t, err := p.tableUse()
			if err != nil {
				return err
			}
			o.Table = t
		}
		l.Options = append(l.Options, o)
	}
	p.c.Listeners = append(p.c.Listeners, l)
	return nil
}

// oldRule reads accept or reject with what follows. What it does becomes an action
// of its own.
func (p *parser) oldRule(reject bool) error {
	m := &Match{Pos: p.pos, From: Test{Kind: "local", Pos: p.pos}, For: Test{Kind: "local", Pos: p.pos}, Reject: reject}
	a := &Action{Pos: p.pos}
	for !p.at("\n") && p.peek().kind != endOfFile {
		known, err := p.oldCondition(m)
		if err == nil && !known {
			known, err = p.oldAction(a)
		}
		if err != nil {
			return err
		}
		if !known {
			return p.syntaxError()
		}
	}
	if !reject {
		if a.Method == "" {
			a.Method = "expand-only"
		}
		m.Action = a
		p.c.Actions = append(p.c.Actions, a)
	}
	p.c.Matches = append(p.c.Matches, m)
	return nil
}

func (p *parser) oldCondition(m *Match) (known bool, err error) {
	if !p.at("from", "for", "sender", "recipient", "tagged", "authenticated") {
		return false, nil
	}
	t := Test{Kind: p.shift().text, Pos: p.here()}
	t.Not = p.accept("!")
	switch t.Kind {
	case "authenticated":
		t.Kind, m.Auth = "auth", &t
		return true, nil
	case "from", "for":
		return true, p.oldEnd(m, t)
	}
	if t.Table, err = p.tableUse(); err != nil {
		return true, err
	}
	switch t.Kind {
	case "sender":
		t.Kind, m.Sender = "mail-from", &t
	case "recipient":
		t.Kind, m.Rcpt = "rcpt-to", &t
	default:
		t.Kind, m.Tag = "tag", &t
	}
	return true, nil
}

// oldEnd reads what follows from and for.
func (p *parser) oldEnd(m *Match, t Test) (err error) {
	where := &m.From
	if t.Kind == "for" {
		where = &m.For
	}
	if !p.at("any", "local", "source", "domain") {
		return p.syntaxError()
	}
	if t.Kind = p.shift().text; t.Kind == "source" || t.Kind == "domain" {
		t.Table, err = p.tableUse()
	}
	if t.Kind == "source" {
		t.Kind = "src"
	}
	*where = t
	return err
}

func (p *parser) oldAction(a *Action) (known bool, err error) {
	switch {
	case p.accept("deliver"):
		if err := p.want("to"); err != nil {
			return true, err
		}
		return true, p.oldDelivery(a)
	case p.accept("relay"):
		a.Method = "relay"
		if p.accept("via") {
			host, err := p.inline()
			if err != nil {
				return true, err
			}
			name, err := p.wantWord()
			if err != nil {
				return true, err
			}
			host.add(Entry{Key: name, Pos: p.here()}, List)
			a.Options = append(a.Options, Option{Name: "host", Table: host, Pos: p.here()})
		}
		return true, nil
	case p.accept("forward-only"):
		a.Method = "forward-only"
		return true, nil
	}
	return p.oldOption(a)
}

func (p *parser) oldDelivery(a *Action) (err error) {
	if !p.at("maildir", "mbox", "lmtp", "mda") {
		return p.syntaxError()
	}
	a.Method = p.shift().text
	if a.Method != "mbox" && p.peek().kind == word {
		a.Argument = p.shift().text
	}
	p.flag(a, "rcpt-to")
	if p.accept("as") {
		user, err := p.wantWord()
		a.Options = append(a.Options, Option{Name: "user", Value: user, Pos: p.here()})
		return err
	}
	return nil
}

// oldOption reads the options of deliveries and relays.
func (p *parser) oldOption(a *Action) (known bool, err error) {
	if !p.at("alias", "virtual", "userbase", "auth", "source", "hostname", "hostnames", "pki", "ca", "backup", "tls", "verify", "as", "expire") {
		return false, nil
	}
	o := Option{Name: p.shift().text, Pos: p.here()}
	switch o.Name {
	case "alias", "virtual", "userbase", "auth", "source", "hostnames":
		o.Table, err = p.tableUse()
	case "hostname", "pki", "ca", "expire":
		o.Value, err = p.wantWord()
	case "as":
		o.Name = "mail-from"
		o.Value, err = p.wantWord()
	default:
		if p.peek().kind == word {
			o.Value = p.shift().text
		}
	}
	a.Options = append(a.Options, o)
	return true, err
}
