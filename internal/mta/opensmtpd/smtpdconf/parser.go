package smtpdconf

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// parser follows the grammar of parse.y, and its recovery from errors too: what
// smtpd passes over does not count here either.
type parser struct {
	lexer
	o       Options
	c       *Config
	version int
	old     bool
	look    *token
	// quiet counts the tokens until a syntax error is told again (yacc's errflag).
	quiet   int
	stopped bool // by an error after which smtpd reads no further
	pos     Pos  // of the statement being read

	fixed    map[string]bool // macros of the command line
	tables   map[string]*Table
	actions  map[string]*Action
	filters  map[string]*Filter
	procs    map[string]*Proc
	wrappers map[string]*Wrapper
	authored map[string]bool // names of pki and ca
	srs      bool            // an srs key is set
	socket   bool            // listen on socket was read
	loaded   int             // bytes of table files
	accepts  int             // statements that the grammar before 6.4 had
}

// errSkip ends a statement that smtpd gives up. What is to be told has been told.
var errSkip = errors.New("the statement is given up")

func newParser(o Options) *parser {
	p := &parser{
		o: o, c: &Config{}, version: version(o.Version), fixed: map[string]bool{}, tables: map[string]*Table{}, actions: map[string]*Action{},
		filters: map[string]*Filter{}, procs: map[string]*Proc{}, wrappers: map[string]*Wrapper{}, authored: map[string]bool{},
	}
	p.old = p.version < newGrammar
	p.macros = map[string]string{}
	for _, m := range o.Macros {
		if !p.fixed[m.Name] {
			p.fixed[m.Name], p.macros[m.Name] = true, m.Value
			p.c.Macros = append(p.c.Macros, m)
		}
	}
	p.lexer.report = func(message string) { p.tell(p.here(), message) }
	return p
}

func (p *parser) here() Pos { return Pos{p.file().name, p.line} }

func (p *parser) tell(at Pos, message string) {
	const most = 1000
	if len(p.c.Errors) < most {
		p.c.Errors = append(p.c.Errors, Error{Pos: at, Message: message})
	}
}

// fail tells of an error and gives the statement up (yyerror and YYERROR).
func (p *parser) fail(message string) error {
	p.tell(p.here(), message)
	return errSkip
}

// fatal tells of an error after which smtpd ends at once.
func (p *parser) fatal(message string) error {
	p.stopped = p.o.Strict
	p.fail(message)
	p.c.Errors[len(p.c.Errors)-1].abrupt = true
	return errSkip
}

func (p *parser) start(path string) {
	p.keywords = p.words()
	text, err := p.o.Read(path)
	p.c.Files = append(p.c.Files, File{Path: path, Err: err})
	if err != nil {
		p.c.Errors = append(p.c.Errors, Error{Pos: Pos{path, 0}, Message: "the configuration can not be read: " + err.Error()})
		p.stopped = true
	}
	p.push(path, text)
}

func (p *parser) peek() token {
	if p.look == nil {
		t := p.token()
		p.look = &t
	}
	return *p.look
}

func (p *parser) shift() token {
	t := p.peek()
	p.look = nil
	if p.quiet > 0 {
		p.quiet--
	}
	return t
}

func (p *parser) syntaxError() error {
	if p.quiet == 0 {
		p.tell(p.here(), "syntax error")
	}
	return errSkip
}

func (p *parser) at(words ...string) bool {
	t := p.peek()
	if t.kind != keyword && t.kind != char {
		return false
	}
	for _, w := range words {
		if t.text == w {
			return true
		}
	}
	return false
}

// accept takes a keyword or character if it comes next.
func (p *parser) accept(text string) bool {
	if !p.at(text) {
		return false
	}
	p.shift()
	return true
}

func (p *parser) want(text string) error {
	if !p.accept(text) {
		return p.syntaxError()
	}
	return nil
}

func (p *parser) wantWord() (string, error) {
	if p.peek().kind != word {
		return "", p.syntaxError()
	}
	return p.shift().text, nil
}

func (p *parser) wantNumber() (string, error) {
	if p.peek().kind != number {
		return "", p.syntaxError()
	}
	return p.shift().text, nil
}

// grammar reads statements to the end.
func (p *parser) grammar() {
	for !p.stopped && p.peek().kind != endOfFile {
		p.pos = p.here()
		err := p.line1()
		if err != nil && !p.stopped && !p.recover() {
			return
		}
	}
}

// line1 reads one statement and its newline.
func (p *parser) line1() error {
	if !p.at("\n") {
		if err := p.statement(); err != nil {
			return err
		}
	}
	return p.want("\n")
}

// recover passes over the rest of the line (grammar error '\n'); false says that
// the file ended first.
func (p *parser) recover() bool {
	p.quiet = 3
	for !p.at("\n") {
		if p.peek().kind == endOfFile {
			return false
		}
		p.look = nil
	}
	p.shift()
	return true
}

func (p *parser) statement() error {
	t := p.peek()
	if t.kind == word {
		return p.varset()
	}
	if t.kind != keyword {
		return p.syntaxError()
	}
	if p.old {
		return p.oldStatement(t.text)
	}
	statements := map[string]func() error{
		"include": p.include, "bounce": p.bounce, "admd": p.admd, "ca": p.ca, "mda": p.mda, "mta": p.mta, "pki": p.pki, "proc": p.proc, "queue": p.queue,
		"scheduler": p.scheduler, "smtp": p.smtp, "srs": p.srsKeys, "listen": p.listen, "table": p.table, "action": p.action, "match": p.match, "filter": p.filter,
	}
	read, ok := statements[t.text]
	if !ok {
		if t.text == "reject" {
			p.accepts++
		}
		return p.syntaxError()
	}
	p.shift()
	return read()
}

// include reads another file in the place of the statement.
func (p *parser) include() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	at := p.here()
	if len(p.files) >= maxDepth || len(p.c.Files) >= maxFiles {
		return p.fatal("files include each other more often than is read: " + name)
	}
	text, failed := p.o.Read(name)
	p.c.Files = append(p.c.Files, File{Path: name, From: at, Err: failed})
	if failed != nil {
		return p.fail("failed to include file " + name + ": " + reason(failed))
	}
	p.push(name, text)
	return nil
}

func reason(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no such file"
	}
	return err.Error()
}

func (p *parser) varset() error {
	name := p.shift().text
	if err := p.want("="); err != nil {
		if name == "accept" {
			p.accepts++
		}
		return err
	}
	value, err := p.wantWord()
	if err != nil {
		return err
	}
	if len(name) > 1 && strings.ContainsAny(name[1:], " \t\n\v\f\r") {
		return p.fail("macro name cannot contain whitespace")
	}
	if !p.fixed[name] {
		p.macros[name] = value
		p.c.Macros = append(p.c.Macros, Macro{name, value, p.pos})
	}
	return nil
}

// newlines is optnl.
func (p *parser) newlines() {
	for p.accept("\n") {
	}
}

func (p *parser) set(name, value string) {
	p.c.Settings = append(p.c.Settings, Setting{name, value, p.pos})
}

// finish tells what smtpd complains about at the end.
func (p *parser) finish(path string) {
	p.keyFiles()
	if len(p.c.Matches) == 0 && !p.stopped {
		p.c.Errors = append(p.c.Errors, Error{Pos: Pos{path, 0}, Message: "no rules, nothing to do"})
	}
}

// keyFiles tells of a pki or ca without certificate or key (load_pki_tree() in
// ssl.c).
func (p *parser) keyFiles() {
	if !p.o.Strict || p.stopped || len(p.c.Errors) > 0 || p.old {
		return
	}
	have := map[string]bool{}
	for _, s := range p.c.Settings {
		if strings.HasPrefix(s.Name, "pki ") || strings.HasPrefix(s.Name, "ca ") {
			have[s.Name] = p.o.Exists(s.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.authored)) {
		for _, option := range []string{" cert", " key"} {
			if !have[name+option] && (option == " cert" || strings.HasPrefix(name, "pki ")) {
				p.c.Errors = append(p.c.Errors, Error{Pos: p.c.Files[0].pos(), Message: name + option + ": there is no such file", abrupt: true})
			}
		}
	}
}

// delay is delaytonum(): a number with its unit, in seconds.
func delay(text string) (int, bool) {
	units := map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
	if len(text) < 2 {
		return 0, false
	}
	unit, ok := units[text[len(text)-1]]
	n, err := strconv.ParseInt(strings.TrimLeft(text[:len(text)-1], " \t\n\v\f\r"), 10, 32)
	if !ok || err != nil || n < 1 || int(n) > (1<<31-1)/unit {
		return 0, false
	}
	return int(n) * unit, true
}

// wantDelay reads a delay and tells where it is none.
func (p *parser) wantDelay() (string, error) {
	text, err := p.wantWord()
	if err != nil {
		return "", err
	}
	if _, ok := delay(text); !ok {
		return "", p.fail("invalid delay: " + text)
	}
	return text, nil
}
