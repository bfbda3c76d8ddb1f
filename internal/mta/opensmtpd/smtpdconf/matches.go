package smtpdconf

// match reads match conditions action name, or reject.
func (p *parser) match() error {
	m := &Match{Pos: p.pos, From: Test{Pos: p.pos}, For: Test{Pos: p.pos}}
	for {
		done, err := p.condition(m)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	switch {
	case p.accept("reject"):
		m.Reject = true
	case p.accept("action"):
		name, err := p.wantWord()
		if err != nil {
			return err
		}
		if m.Action = p.actions[name]; m.Action == nil {
			return p.fail("no such dispatcher: " + name)
		}
	default:
		return p.syntaxError()
	}
	for _, t := range []*Test{&m.From, &m.For} {
		if t.Kind == "" {
			t.Kind = "local"
		}
	}
	p.c.Matches = append(p.c.Matches, m)
	return nil
}

// conditions are the words that a match may have.
var conditions = []string{"tag", "helo", "tls", "auth", "mail-from", "rcpt-to", "from", "for"}

func (p *parser) condition(m *Match) (done bool, err error) {
	not := p.accept("!")
	if !p.at(conditions...) {
		if not {
			return false, p.syntaxError()
		}
		return true, nil
	}
	t := Test{Kind: p.shift().text, Not: not, Pos: p.here()}
	switch t.Kind {
	case "from":
		return false, p.from(m, t)
	case "for":
		return false, p.forWhom(m, t)
	case "tls":
		return false, p.single(&m.TLS, t)
	case "auth":
		return false, p.about(&m.Auth, t, optional, p.people()...)
	case "tag":
		return false, p.about(&m.Tag, t, required, List)
	case "helo":
		return false, p.about(&m.Helo, t, required, List)
	case "mail-from":
		return false, p.about(&m.Sender, t, required, p.people()...)
	default:
		return false, p.about(&m.Rcpt, t, required, p.people()...)
	}
}

// people are the shapes of tables of users and addresses: recent releases take
// maps too, and look at their keys.
func (p *parser) people() []Shape {
	if p.version >= braceLines {
		return []Shape{List, Map}
	}
	return []Shape{List}
}

// need says whether a condition must have a table.
type need bool

const (
	required need = true
	optional need = false
)

// operand reads an optional regex and a table.
func (p *parser) operand(t *Test, n need) (err error) {
	t.Regex = p.accept("regex")
	if !t.Regex && n == optional && !p.tableNext() {
		return nil
	}
	t.Table, err = p.tableUse()
	return err
}

// fits complains about a table that can't answer.
func (p *parser) fits(t Test, shapes ...Shape) error {
	s := anything
	if t.Regex {
		s, shapes = texts, []Shape{List}
	} else if t.Kind == "tag" {
		s = texts
	}
	if t.Table != nil && !usable(t.Table, s, shapes...) {
		return p.fail("the table " + t.Table.String() + " may not be used for " + t.Kind + " lookups")
	}
	return nil
}

func (p *parser) about(into **Test, t Test, n need, shapes ...Shape) error {
	if err := p.operand(&t, n); err != nil {
		return err
	}
	if *into != nil {
		return p.fail(t.Kind + " already specified for this rule")
	}
	if err := p.fits(t, shapes...); err != nil {
		return err
	}
	*into = &t
	return nil
}

func (p *parser) single(into **Test, t Test) error {
	if *into != nil {
		return p.fail(t.Kind + " already specified for this rule")
	}
	*into = &t
	return nil
}

// from reads from local, any, socket, src, rdns, auth or mail-from. The last two
// are from any with another condition, which they replace.
func (p *parser) from(m *Match, t Test) (err error) {
	if !p.at("socket", "local", "any", "src", "rdns", "auth", "mail-from") {
		return p.syntaxError()
	}
	t.Kind = p.shift().text
	switch t.Kind {
	case "src", "mail-from":
		err = p.operand(&t, required)
	case "rdns", "auth":
		err = p.operand(&t, optional)
	}
	if err != nil {
		return err
	}
	if m.From.Kind != "" {
		return p.fail("from already specified for this rule")
	}
	shapes := []Shape{List}
	if t.Kind == "mail-from" {
		shapes = p.people()
	}
	if err := p.fitsFrom(t, shapes); err != nil {
		return err
	}
	switch m.From = t; t.Kind {
	case "auth":
		m.Auth, m.From = &t, Test{Kind: "any", Pos: t.Pos}
	case "mail-from":
		m.Sender, m.From = &t, Test{Kind: "any", Pos: t.Pos}
	}
	return nil
}

// fitsFrom: from rdns regex asks for a table of domains, not of expressions.
func (p *parser) fitsFrom(t Test, shapes []Shape) error {
	if t.Kind == "rdns" {
		t.Regex = false
	}
	return p.fits(t, shapes...)
}

// forWhom reads for local, any, domain or rcpt-to; the last is for any with
// another condition.
func (p *parser) forWhom(m *Match, t Test) (err error) {
	if !p.at("local", "any", "domain", "rcpt-to") {
		return p.syntaxError()
	}
	t.Kind = p.shift().text
	if t.Kind == "domain" || t.Kind == "rcpt-to" {
		if err := p.operand(&t, required); err != nil {
			return err
		}
	}
	if m.For.Kind != "" {
		return p.fail("for already specified for this rule")
	}
	shapes := []Shape{List}
	if t.Kind == "rcpt-to" {
		shapes = p.people()
	}
	if err := p.fits(t, shapes...); err != nil {
		return err
	}
	if m.For = t; t.Kind == "rcpt-to" {
		m.Rcpt, m.For = &t, Test{Kind: "any", Pos: t.Pos}
	}
	return nil
}
