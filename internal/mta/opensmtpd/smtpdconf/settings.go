package smtpdconf

import (
	"strconv"
	"strings"
)

func lower(s string) string { return strings.ToLower(s) }

// bounce reads bounce warn-interval delays.
func (p *parser) bounce() error {
	if err := p.want("warn-interval"); err != nil {
		return err
	}
	var delays []string
	for {
		d, err := p.wantDelay()
		if err != nil {
			return err
		}
		delays = append(delays, d)
		if !p.accept(",") {
			break
		}
	}
	p.set("bounce warn-interval", strings.Join(delays, ", "))
	return nil
}

func (p *parser) admd() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return p.fail("not a valid admd")
		}
	}
	p.set("admd", name)
	return nil
}

// authority reads the name of a pki or ca, a host name or *.
func (p *parser) authority(what string) (string, error) {
	name, err := p.wantWord()
	if err != nil {
		return "", err
	}
	if name != "*" && !hostName(name) {
		return "", p.fail("not a valid domain name: " + name)
	}
	p.authored[what+" "+lower(name)] = true
	return what + " " + lower(name), nil
}

// hostName is res_hnok(3).
func hostName(name string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" && name != "" || strings.HasPrefix(label, "-") {
			return false
		}
		for i := range len(label) {
			if c := int(label[i]); !isAlnum(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func (p *parser) ca() error {
	name, err := p.authority("ca")
	if err != nil {
		return err
	}
	if err := p.want("cert"); err != nil {
		return err
	}
	value, err := p.wantWord()
	if err == nil {
		p.set(name+" cert", value)
	}
	return err
}

func (p *parser) pki() error {
	name, err := p.authority("pki")
	if err != nil {
		return err
	}
	for p.at("cert", "key", "dhe") {
		option := p.shift().text
		value, err := p.wantWord()
		if err != nil {
			return err
		}
		if v := lower(value); option == "dhe" && v != "none" && v != "auto" && v != "legacy" {
			return p.fail("invalid DHE keyword: " + value)
		}
		p.set(name+" "+option, value)
	}
	return nil
}

// mda reads mda limit …, and mda wrapper name command.
func (p *parser) mda() error {
	if p.accept("limit") {
		return p.limits("mda limit", "max-session", "max-session-per-user", "task-lowat", "task-hiwat", "task-release")
	}
	if err := p.want("wrapper"); err != nil {
		return err
	}
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	command, err := p.wantWord()
	if err != nil {
		return err
	}
	if p.wrappers[name] != nil {
		return p.fail("mda wrapper already declared with that name: " + name)
	}
	w := &Wrapper{name, command, p.pos}
	p.wrappers[name] = w
	p.c.Wrappers = append(p.c.Wrappers, w)
	return nil
}

// limits reads pairs of a word and a number.
func (p *parser) limits(what string, words ...string) error {
	for p.peek().kind == word {
		name := p.shift().text
		value, err := p.wantNumber()
		if err != nil {
			return err
		}
		known := false
		for _, w := range words {
			known = known || w == name
		}
		if !known {
			return p.fail("invalid limit keyword: " + name)
		}
		p.set(what+" "+name, value)
	}
	return nil
}

var relayLimits = strings.Fields(`max-conn-per-host max-conn-per-route max-conn-per-source max-conn-per-connector max-conn-per-relay max-conn-per-domain
conn-delay-host conn-delay-route conn-delay-source conn-delay-connector conn-delay-relay conn-delay-domain
reconn-delay-route session-mail-max session-transaction-delay session-keepalive max-failures-per-session task-hiwat task-lowat task-release`)

func (p *parser) mta() error {
	if p.accept("max-deferred") {
		value, err := p.wantNumber()
		if err == nil {
			p.set("mta max-deferred", value)
		}
		return err
	}
	if err := p.want("limit"); err != nil {
		return err
	}
	what := "mta limit"
	if p.accept("for") {
		if err := p.want("domain"); err != nil {
			return err
		}
		name, err := p.wantWord()
		if err != nil {
			return err
		}
		what += " for domain " + name
	}
	for p.peek().kind == word || p.at("inet4", "inet6") {
		if p.at("inet4", "inet6") {
			p.set(what+" family", p.shift().text)
		} else if err := p.limits(what, relayLimits...); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) queue() error {
	switch {
	case p.accept("compression"):
		p.set("queue compression", "yes")
		return nil
	case p.accept("encryption"):
		value := "a key that is asked for at the start"
		if p.peek().kind == word {
			value = p.shift().text
		}
		p.set("queue encryption key", value)
		return nil
	}
	if err := p.want("ttl"); err != nil {
		return err
	}
	value, err := p.wantDelay()
	if err == nil {
		p.set("queue ttl", value)
	}
	return err
}

func (p *parser) scheduler() error {
	if err := p.want("limit"); err != nil {
		return err
	}
	return p.limits("scheduler limit", "max-inflight", "max-evp-batch-size", "max-msg-batch-size", "max-schedule")
}

func (p *parser) smtp() error {
	switch {
	case p.accept("limit"):
		return p.limits("smtp limit", "max-rcpt", "max-mails")
	case p.accept("max-message-size"):
		return p.size("smtp max-message-size")
	case p.at("ciphers", "sub-addr-delim"):
		name := p.shift().text
		value, err := p.wantWord()
		if err != nil {
			return err
		}
		if name == "sub-addr-delim" && (len(value) != 1 || value[0] <= ' ' || value[0] > '~' || value == "@") {
			return p.fail("subaddressing-delimiter must be one printable character")
		}
		p.set("smtp "+name, value)
		return nil
	}
	return p.syntaxError()
}

// size reads a number with an optional unit, as scan_scaled(3) does.
func (p *parser) size(name string) error {
	t := p.peek()
	if t.kind != word && t.kind != number {
		return p.syntaxError()
	}
	p.shift()
	if !scaled(t.text) || strings.HasPrefix(t.text, "-") {
		return p.fail("invalid size: " + t.text)
	}
	p.set(name, t.text)
	return nil
}

func scaled(text string) bool {
	text = strings.TrimLeft(text, spaces)
	if i := len(text) - 1; i >= 0 && strings.IndexByte("bBkKmMgGtTpPeE", text[i]) >= 0 {
		text = text[:i]
	}
	whole, fraction, dotted := strings.Cut(text, ".")
	if len(whole) > 18 || len(fraction) > 18 {
		return false
	}
	if _, err := strconv.ParseUint("0"+whole, 10, 64); err != nil {
		return false
	}
	_, err := strconv.ParseUint("0"+fraction, 10, 64)
	return err == nil && (whole != "" || dotted && fraction != "")
}

// srsKeys reads srs key, key backup and ttl.
func (p *parser) srsKeys() error {
	if p.accept("ttl") {
		value, err := p.wantDelay()
		if err != nil {
			return err
		}
		if n, _ := delay(value); n < 86400 {
			return p.fail(`ttl delay "` + value + `" is too short`)
		}
		p.set("srs ttl", value)
		return nil
	}
	if err := p.want("key"); err != nil {
		return err
	}
	name := "srs key"
	if p.accept("backup") {
		name = "srs key backup"
	} else if p.peek().kind == word {
		p.srs = true
	}
	value, err := p.wantWord()
	if err == nil {
		p.set(name, value)
	}
	return err
}
