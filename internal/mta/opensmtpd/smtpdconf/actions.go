package smtpdconf

// action reads action name method options.
func (p *parser) action() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	if p.actions[name] != nil {
		return p.fail("an action is declared twice: " + name)
	}
	a := &Action{Name: name, Pos: p.pos}
	if err := p.method(a); err != nil {
		return err
	}
	options := p.localOption
	if a.Method == "relay" {
		options = p.relayOption
	}
	for {
		done, err := options(a)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if err := p.ttl(a); err != nil {
		return err
	}
	p.actions[name] = a
	p.c.Actions = append(p.c.Actions, a)
	return nil
}

// method reads what the action does, with its arguments.
func (p *parser) method(a *Action) (err error) {
	if !p.at("mbox", "maildir", "lmtp", "mda", "forward-only", "expand-only", "relay") {
		return p.syntaxError()
	}
	a.Method = p.shift().text
	switch a.Method {
	case "maildir":
		if p.peek().kind == word {
			a.Argument = p.shift().text
		}
		p.flag(a, "junk")
	case "lmtp", "mda":
		a.Argument, err = p.wantWord()
		if err == nil && a.Method == "lmtp" {
			p.flag(a, "rcpt-to")
		}
	}
	return err
}

// flag takes a word that stands for itself.
func (p *parser) flag(a *Action, name string) {
	if p.accept(name) {
		a.Options = append(a.Options, Option{Name: name, Pos: p.here()})
	}
}

func (p *parser) ttl(a *Action) error {
	for p.accept("ttl") {
		value, err := p.wantDelay()
		if err != nil {
			return err
		}
		if err := p.once(a, "ttl"); err != nil {
			return err
		}
		a.Options = append(a.Options, Option{Name: "ttl", Value: value, Pos: p.here()})
	}
	return nil
}

// once complains where an option was given already.
func (p *parser) once(a *Action, name string) error {
	if _, given := a.Option(name); given {
		return p.fail(name + " already specified for this action")
	}
	return nil
}

func (p *parser) localOption(a *Action) (done bool, err error) {
	switch {
	case p.accept("user"):
		return false, p.userOption(a)
	case p.at("alias", "virtual"):
		return false, p.mapping(a, p.shift().text)
	case p.accept("userbase"):
		return false, p.tableOption(a, "userbase", userInfo, Map)
	case p.accept("wrapper"):
		name, err := p.wantWord()
		if err != nil {
			return false, err
		}
		if p.wrappers[name] == nil {
			return false, p.fail("no mda wrapper with that name: " + name)
		}
		p.replace(a, Option{Name: "wrapper", Value: name, Pos: p.here()})
		return false, nil
	}
	return true, nil
}

// replace puts an option in the place of an earlier one.
func (p *parser) replace(a *Action, o Option) {
	for i := range a.Options {
		if a.Options[i].Name == o.Name {
			a.Options[i] = o
			return
		}
	}
	a.Options = append(a.Options, o)
}

func (p *parser) userOption(a *Action) error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	if a.Method == "mbox" || a.Method == "forward-only" || a.Method == "expand-only" {
		return p.fail("user may not be specified for " + a.Method)
	}
	if err := p.once(a, "user"); err != nil {
		return err
	}
	a.Options = append(a.Options, Option{Name: "user", Value: name, Pos: p.here()})
	return nil
}

// mapping reads alias or virtual, of which an action has one.
func (p *parser) mapping(a *Action, name string) error {
	t, err := p.tableUse()
	if err != nil {
		return err
	}
	for _, other := range []string{"alias", "virtual"} {
		if err := p.once(a, other); err != nil {
			return err
		}
	}
	return p.useTable(a, name, t, usable(t, anything, Map))
}

func (p *parser) tableOption(a *Action, name string, s service, shapes ...Shape) error {
	t, err := p.tableUse()
	if err != nil {
		return err
	}
	if err := p.once(a, name); err != nil {
		return err
	}
	return p.useTable(a, name, t, usable(t, s, shapes...))
}

func (p *parser) useTable(a *Action, name string, t *Table, ok bool) error {
	if !ok {
		return p.fail("the table " + t.String() + " may not be used for " + name)
	}
	a.Options = append(a.Options, Option{Name: name, Table: t, Pos: p.here()})
	return nil
}

// relayOption reads one option of relay.
func (p *parser) relayOption(a *Action) (done bool, err error) {
	switch {
	case p.at("helo", "pki", "ca", "mail-from"), p.version >= braceLines && p.at("ciphers", "protocols"):
		return false, p.wordOption(a, p.shift().text)
	case p.accept("helo-src"):
		return false, p.tableOption(a, "helo-src", anything, Map)
	case p.accept("src"):
		shapes := []Shape{List}
		if p.version >= braceLines {
			shapes = append(shapes, Map)
		}
		return false, p.tableOption(a, "src", anything, shapes...)
	case p.accept("backup"):
		return false, p.backup(a)
	case p.accept("host"):
		return false, p.nextHop(a, "host", List)
	case p.accept("domain"):
		return false, p.nextHop(a, "domain", Map)
	case p.accept("tls"):
		value := ""
		if p.accept("no-verify") {
			value = "no-verify"
		}
		if err := p.once(a, "tls"); err != nil {
			return false, err
		}
		a.Options = append(a.Options, Option{Name: "tls", Value: value, Pos: p.here()})
		return false, nil
	case p.accept("auth"):
		return false, p.relayAuth(a)
	case p.accept("filter"):
		return false, p.relayFilter(a)
	case p.accept("srs"):
		if !p.srs {
			return false, p.fail("an srs key is required for srs to be specified in an action")
		}
		if err := p.once(a, "srs"); err != nil {
			return false, err
		}
		a.Options = append(a.Options, Option{Name: "srs", Pos: p.here()})
		return false, nil
	}
	return true, nil
}

func (p *parser) wordOption(a *Action, name string) error {
	value, err := p.wantWord()
	if err != nil {
		return err
	}
	if err := p.once(a, name); err != nil {
		return err
	}
	a.Options = append(a.Options, Option{Name: name, Value: value, Pos: p.here()})
	return nil
}

func (p *parser) backup(a *Action) (err error) {
	mx := ""
	if p.accept("mx") {
		if mx, err = p.wantWord(); err != nil {
			return err
		}
	}
	if err := p.onlyHop(a, "backup", "host", "domain"); err != nil {
		return err
	}
	a.Options = append(a.Options, Option{Name: "backup", Value: mx, Pos: p.here()})
	return nil
}

// onlyHop complains where mail has another next hop already.
func (p *parser) onlyHop(a *Action, names ...string) error {
	for _, n := range names {
		if _, given := a.Option(n); given {
			return p.fail("backup, host and domain are mutually exclusive, and each is given once")
		}
	}
	return nil
}

func (p *parser) nextHop(a *Action, name string, shape Shape) error {
	t, err := p.tableUse()
	if err != nil {
		return err
	}
	if err := p.onlyHop(a, "host", "domain", "backup"); err != nil {
		return err
	}
	return p.useTable(a, name, t, usable(t, relayHosts, shape))
}

func (p *parser) relayAuth(a *Action) error {
	t, err := p.tableUse()
	if err != nil {
		return err
	}
	_, host := a.Option("host")
	if _, domain := a.Option("domain"); !host && !domain {
		return p.fail("auth may not be specified without host on a dispatcher")
	}
	if err := p.once(a, "auth"); err != nil {
		return err
	}
	return p.useTable(a, "auth", t, usable(t, anything, Map))
}

func (p *parser) relayFilter(a *Action) error {
	f, err := p.filterUse(a.Filter != nil)
	if err == nil {
		a.Filter = f
	}
	return err
}
