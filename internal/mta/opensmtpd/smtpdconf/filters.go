package smtpdconf

// proc reads proc name "command" options.
func (p *parser) proc() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	command, err := p.wantWord()
	if err != nil {
		return err
	}
	if p.procs[name] != nil {
		return p.fail("processor already exists with that name: " + name)
	}
	proc := &Proc{Name: name, Command: command, Pos: p.pos}
	if err := p.procOptions(proc); err != nil {
		return err
	}
	p.procs[name] = proc
	p.c.Procs = append(p.c.Procs, proc)
	return nil
}

func (p *parser) procOptions(proc *Proc) error {
	values := map[string]*string{"user": &proc.User, "group": &proc.Group, "chroot": &proc.Chroot}
	given := map[string]bool{}
	for p.at("user", "group", "chroot") {
		option := p.shift().text
		value, err := p.wantWord()
		if err != nil {
			return err
		}
		if given[option] {
			return p.fail(option + " already specified for this processor")
		}
		given[option], *values[option] = true, value
	}
	return nil
}

// filter reads filter name followed by proc, proc-exec, phase or chain.
func (p *parser) filter() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	f := &Filter{Name: name, Pos: p.pos}
	switch {
	case p.accept("proc"):
		return p.filterProc(f)
	case p.accept("proc-exec"):
		return p.filterExec(f)
	case p.accept("phase"):
		if err := p.newFilter(f); err != nil {
			return err
		}
		p.filters[name] = f // known from here on, even if the rest is spoilt
		f.Type = "phase"
		if err := p.phase(f); err != nil {
			return err
		}
		p.c.Filters = append(p.c.Filters, f)
		return nil
	case p.accept("chain"):
		if err := p.newFilter(f); err != nil {
			return err
		}
		f.Type = "chain"
		if err := p.chain(f); err != nil {
			return err
		}
		p.keep(f)
		return nil
	}
	return p.syntaxError()
}

func (p *parser) newFilter(f *Filter) error {
	if p.filters[f.Name] != nil {
		return p.fail("filter already exists with that name: " + f.Name)
	}
	return nil
}

func (p *parser) keep(f *Filter) {
	p.filters[f.Name] = f
	p.c.Filters = append(p.c.Filters, f)
}

func (p *parser) filterProc(f *Filter) error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	if err := p.newFilter(f); err != nil {
		return err
	}
	if f.Proc = p.procs[name]; f.Proc == nil {
		return p.fail("no processor exist with that name: " + name)
	}
	f.Type = "proc"
	p.keep(f)
	return nil
}

func (p *parser) filterExec(f *Filter) error {
	command, err := p.wantWord()
	if err != nil {
		return err
	}
	if err := p.newFilter(f); err != nil {
		return err
	}
	f.Type, f.Proc = "proc-exec", &Proc{Name: f.Name, Command: command, Pos: p.pos}
	p.keep(f)
	if err := p.procOptions(f.Proc); err != nil {
		return err
	}
	p.procs[f.Name] = f.Proc
	return nil
}

// chain reads { filter, filter }.
func (p *parser) chain(f *Filter) error {
	if err := p.want("{"); err != nil {
		return err
	}
	if p.version >= braceLines {
		p.newlines()
	}
	linked := map[*Filter]bool{}
	for {
		if err := p.link(f, linked); err != nil {
			return err
		}
		if done, err := p.comma("}"); done || err != nil {
			return err
		}
	}
}

// link reads one filter of a chain.
func (p *parser) link(f *Filter, linked map[*Filter]bool) error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	next := p.filters[name]
	switch {
	case next == nil:
		return p.fail("no filter exist with that name: " + name)
	case next.Type == "chain":
		return p.fail("no filter chain allowed within a filter chain: " + name)
	case linked[next]:
		return p.fail("no filter allowed twice within a filter chain: " + name)
	}
	linked[next] = true
	f.Chain = append(f.Chain, next)
	return nil
}

// filterUse reads what follows the word filter of a listener or action: a name, or
// a chain in braces.
func (p *parser) filterUse(given bool) (*Filter, error) {
	const again = "filter already specified"
	if p.peek().kind == word {
		name := p.shift().text
		switch f := p.filters[name]; {
		case given:
			return nil, p.fail(again)
		case f == nil:
			return nil, p.fail("no filter exist with that name: " + name)
		default:
			return f, nil
		}
	}
	if given {
		return nil, p.fail(again)
	}
	f := &Filter{Type: "chain", Pos: p.here()}
	return f, p.chain(f)
}

// allowed are the conditions that a phase may look at.
var allowed = map[string][]string{
	"connect": {}, "helo": {"helo"}, "ehlo": {"helo"}, "auth": {"helo", "auth"}, "mail-from": {"helo", "auth", "mail-from"},
	"rcpt-to": {"helo", "auth", "mail-from", "rcpt-to"}, "data": {"helo", "auth", "mail-from"}, "commit": {"helo", "auth", "mail-from"},
}

// phase reads phase match condition verb.
func (p *parser) phase(f *Filter) error {
	t := p.peek()
	conditions, ok := allowed[t.text]
	if !ok || t.kind != keyword {
		return p.syntaxError()
	}
	f.Phase = p.shift().text
	if err := p.want("match"); err != nil {
		return err
	}
	if err := p.phaseTest(f, append([]string{"fcrdns", "rdns", "src"}, conditions...)); err != nil {
		return err
	}
	switch {
	case p.at("reject", "disconnect", "rewrite", "report"):
		f.Verb = p.shift().text
		var err error
		f.Text, err = p.wantWord()
		return err
	case f.Phase != "commit" && p.at("junk", "bypass"):
		f.Verb = p.shift().text
		return nil
	}
	return p.syntaxError()
}

func (p *parser) phaseTest(f *Filter, conditions []string) error {
	f.Test = Test{Not: p.accept("!")}
	if !p.at(conditions...) {
		return p.syntaxError()
	}
	f.Test.Kind, f.Test.Pos = p.shift().text, p.here()
	switch f.Test.Kind {
	case "fcrdns":
		return nil
	case "rdns", "auth":
		return p.operand(&f.Test, optional)
	}
	return p.operand(&f.Test, required)
}
