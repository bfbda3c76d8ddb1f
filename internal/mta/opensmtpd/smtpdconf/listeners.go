package smtpdconf

import (
	"net/netip"
	"strconv"
)

// listen reads listen on where options.
func (p *parser) listen() error {
	if err := p.want("on"); err != nil {
		return err
	}
	l := &Listener{Pos: p.pos}
	read := p.listenOption
	switch {
	case p.accept("socket"):
		l.On, read = "socket", p.socketOption
	case p.peek().kind == word:
		l.On = p.shift().text
	default:
		return p.syntaxError()
	}
	for {
		done, err := read(l)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	return p.keepListener(l)
}

// keepListener is create_if_listener() and create_sock_listener() as far as they
// look at the options.
func (p *parser) keepListener(l *Listener) error {
	if l.On == "socket" {
		if p.socket {
			return p.fail("socket listener already configured")
		}
		p.socket = true
		p.c.Listeners = append(p.c.Listeners, l)
		return nil
	}
	if why := p.unfit(l); why != "" {
		p.fatal(why)
	}
	p.c.Listeners = append(p.c.Listeners, l)
	return nil
}

// unfit says why smtpd does not start with a listener, "" if it does.
func (p *parser) unfit(l *Listener) string {
	given := func(names ...string) bool {
		for _, n := range names {
			if _, ok := l.Option(n); ok {
				return true
			}
		}
		return false
	}
	secure := given("smtps", "tls", "tls-require")
	pki, _ := l.Option("pki")
	ca, _ := l.Option("ca")
	switch {
	case given("auth", "auth-optional") && !secure:
		return "invalid listen option: auth requires tls/smtps"
	case given("pki") && !secure:
		return "invalid listen option: pki requires tls/smtps"
	case !given("pki") && secure && p.version >= braceLines:
		return "invalid listen option: pki required for tls/smtps"
	case p.otherFamily(l):
		return "invalid virtual ip or interface: " + l.On
	case given("pki") && !p.authored["pki "+lower(pki.Value)]:
		return "pki name not found: " + pki.Value
	case given("ca") && !p.authored["ca "+lower(ca.Value)]:
		return "ca name not found: " + ca.Value
	}
	return ""
}

// otherFamily reports whether a listener is told to be of the family that its
// address is not.
func (p *parser) otherFamily(l *Listener) bool {
	a, err := netip.ParseAddr(l.On)
	_, four := l.Option("inet4")
	_, six := l.Option("inet6")
	return err == nil && (four && a.Is6() || six && a.Is4())
}

// group names what an option excludes: of each group a listener has one.
var group = map[string]string{
	"inet4": "family", "inet6": "family", "smtps": "secure", "tls": "secure", "tls-require": "secure", "auth": "auth", "auth-optional": "auth",
}

func groupOf(name string) string {
	if g, ok := group[name]; ok {
		return g
	}
	return name
}

// give notes an option of a listener unless it was given.
func (p *parser) give(l *Listener, o Option) error {
	if err := p.firstOf(l, o.Name); err != nil {
		return err
	}
	o.Pos = p.here()
	l.Options = append(l.Options, o)
	return nil
}

func (p *parser) firstOf(l *Listener, name string) error {
	for _, have := range l.Options {
		if groupOf(have.Name) == groupOf(name) && (name != "pki" || p.version < braceLines || len(l.Options) > 64) {
			return p.fail(name + " already specified")
		}
	}
	return nil
}

// socketOption reads one option of listen on socket.
func (p *parser) socketOption(l *Listener) (done bool, err error) {
	switch {
	case p.accept("filter"):
		return false, p.listenFilter(l)
	case p.accept("mask-src"):
		return false, p.give(l, Option{Name: "mask-src"})
	case p.accept("tag"):
		return false, p.tag(l)
	case p.version >= braceLines && p.accept("no-dsn"):
		return false, p.give(l, Option{Name: "no-dsn"})
	}
	return true, nil
}

func (p *parser) listenFilter(l *Listener) error {
	f, err := p.filterUse(l.Filter != nil)
	if err == nil {
		l.Filter = f
	}
	return err
}

func (p *parser) tag(l *Listener) error {
	const tagSize = 32 // SMTPD_TAG_SIZE
	value, err := p.wantWord()
	if err != nil {
		return err
	}
	if err := p.give(l, Option{Name: "tag", Value: value}); err != nil {
		return err
	}
	if len(value) >= tagSize {
		return p.fail("tag name too long")
	}
	return nil
}

func (p *parser) listenOption(l *Listener) (done bool, err error) {
	switch {
	case p.accept("filter"):
		return false, p.listenFilter(l)
	case p.accept("tag"):
		return false, p.tag(l)
	case p.accept("port"):
		return false, p.port(l)
	case p.at("inet4", "inet6", "tls", "mask-src", "received-auth", "no-dsn", "proxy-v2"):
		return false, p.give(l, Option{Name: p.shift().text})
	case p.at("smtps", "tls-require"):
		o := Option{Name: p.shift().text}
		if p.accept("verify") {
			o.Value = "verify"
		}
		return false, p.give(l, o)
	case p.at("pki", "ca", "hostname"), p.version >= braceLines && p.at("ciphers", "protocols"):
		o := Option{Name: p.shift().text}
		if o.Value, err = p.wantWord(); err != nil {
			return false, err
		}
		return false, p.give(l, o)
	case p.at("auth", "auth-optional"):
		o := Option{Name: p.shift().text}
		if p.tableNext() {
			if o.Table, err = p.tableUse(); err != nil {
				return false, err
			}
		}
		return false, p.give(l, o)
	case p.at("hostnames", "senders"):
		return false, p.addressMap(l, Option{Name: p.shift().text})
	}
	return true, nil
}

func (p *parser) addressMap(l *Listener, o Option) (err error) {
	if o.Table, err = p.tableUse(); err != nil {
		return err
	}
	if o.Name == "senders" && p.accept("masquerade") {
		o.Value = "masquerade"
	}
	if err := p.give(l, o); err != nil {
		return err
	}
	if !usable(o.Table, anything, Map) {
		return p.fail("the table " + o.Table.String() + " may not be used for " + o.Name)
	}
	return nil
}

// port reads a number, or a name of services(5), which is taken as it is.
func (p *parser) port(l *Listener) error {
	t := p.peek()
	if t.kind != word && t.kind != number && !p.at("smtp", "smtps") {
		return p.syntaxError()
	}
	p.shift()
	if err := p.give(l, Option{Name: "port", Value: t.text}); err != nil {
		return err
	}
	if n, err := strconv.Atoi(t.text); t.kind == number && (err != nil || n <= 0 || n > 65535) {
		return p.fail("invalid port: " + t.text)
	}
	return nil
}
