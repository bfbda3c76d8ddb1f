package smtpdconf

import "strings"

// Table is a set of names, or of names with values.
type Table struct {
	Name string // "" for one that stands where it is used
	Pos  Pos
	// Backend is static, db, or the name of a program: sqlite, ldap, passwd, …
	Backend string
	Path    string // of a file, or of the configuration of a program
	// Shape is list, map, or unknown where a program or database answers.
	Shape   Shape
	Entries []Entry // of a static table
	// Lost says that its file could not be read, or was given up.
	Lost bool
}

// maxTables bounds what is read of the files of all tables.
const maxTables = 64 << 20

// Shape is what a table's entries look like.
type Shape string

// The shapes.
const (
	Unknown Shape = ""
	List    Shape = "list"
	Map     Shape = "map"
)

// Entry is a key of a table and its value.
type Entry struct {
	Key, Value string
	Pos        Pos
	// Unused says why a lookup never finds it, "" if it may.
	Unused string
}

// String names the table as smtpd.conf does: "file:/etc/aliases", "<vt>".
func (t *Table) String() string {
	switch {
	case t.Path != "" && t.Backend == "static":
		return "file:" + t.Path
	case t.Path != "":
		return t.Backend + ":" + t.Path
	case t.Backend != "static":
		return t.Backend + ":"
	case t.Name != "":
		return "<" + t.Name + ">"
	}
	var keys []string
	for _, e := range t.Entries {
		keys = append(keys, e.Key)
	}
	return "{ " + strings.Join(keys[:min(len(keys), 4)], ", ") + " }"
}

// table reads table name backend:path, and table name { … }.
func (p *parser) table() error {
	name, err := p.wantWord()
	if err != nil {
		return err
	}
	if p.peek().kind == word {
		return p.storedTable(name, p.shift().text)
	}
	t, err := p.newTable("static", name, "")
	if err != nil {
		return err
	}
	if err := p.want("{"); err != nil {
		return err
	}
	return p.entries(t)
}

func (p *parser) storedTable(name, text string) error {
	backend, path, found := strings.Cut(text, ":")
	if strings.HasPrefix(text, "/") {
		backend, path, found = "static", text, true
	}
	if found && !strings.HasPrefix(path, "/") {
		return p.fail("invalid backend parameter for table: " + name)
	}
	t, err := p.newTable(backend, name, path)
	if err != nil {
		return err
	}
	switch t.Backend {
	case "static":
		return p.load(t)
	case "getpwnam":
		if path != "" {
			return p.fail("a table of the system's users has no file: " + name)
		}
	case "db":
		if !p.o.Exists(path) {
			return p.fail("invalid configuration file " + path + " for table " + name)
		}
	}
	return nil
}

// load reads the file of a static table. One that was named without a file stays
// empty.
func (p *parser) load(t *Table) error {
	if t.Path == "" {
		return nil
	}
	if p.loaded > maxTables {
		t.Lost = !p.o.Strict
		return p.fatal("the tables hold more than is read: " + t.Path)
	}
	text, err := p.o.Read(t.Path)
	p.loaded += len(text) + 1<<10 // a name costs something too
	p.c.Files = append(p.c.Files, File{Path: t.Path, From: t.Pos, Err: err})
	if err != nil {
		t.Lost = !p.o.Strict
		return p.fail("invalid configuration file " + t.Path + " for table " + t.Name + ": " + reason(err))
	}
	shape, entries, bad := ParseTable(t.Path, text)
	t.Shape, t.Entries = shape, entries
	if bad > 0 {
		if p.o.Strict { // smtpd takes nothing of such a file, and then the table is fit for no use
			t.Shape, t.Entries = Unknown, nil
		}
		p.c.Errors = append(p.c.Errors, Error{Pos: Pos{t.Path, bad}, Message: "an entry without a value"})
		return p.fail("invalid configuration file " + t.Path + " for table " + t.Name)
	}
	return nil
}

// newTable is table_create().
func (p *parser) newTable(backend, name, path string) (*Table, error) {
	t := &Table{Name: name, Pos: p.here(), Backend: backend, Path: path}
	if name != "" && p.tables[name] != nil {
		p.fatal("table " + name + " is defined twice")
		if p.o.Strict {
			return nil, errSkip
		}
	}
	switch {
	case backend == "static" || backend == "file":
		t.Backend = "static"
	case backend == "db" || backend == "getpwnam" || backend == "proc" || p.o.Exists(p.o.Libexec+"/table-"+backend):
	default:
		p.fatal("table " + name + ": there is no backend " + backend)
		if p.o.Strict {
			return nil, errSkip
		}
	}
	if name != "" {
		p.tables[name] = t
	}
	p.c.Tables = append(p.c.Tables, t)
	return t, nil
}

// add puts an entry into an inline table; one of the other shape is ignored.
func (t *Table) add(e Entry, shape Shape) {
	if t.Shape == Unknown {
		t.Shape = shape
	}
	if t.Shape == shape {
		t.Entries = append(t.Entries, e)
	}
}

// entries reads the inside of braces and the closing one (tableval_list).
func (p *parser) entries(t *Table) error {
	if p.version >= braceLines {
		p.newlines()
	}
	shape := Unknown
	for {
		key, err := p.wantWord()
		if err != nil {
			return err
		}
		e := Entry{Key: key, Pos: p.here()}
		if assigned := p.assign(); shape == Unknown && assigned || shape == Map {
			if !assigned {
				return p.syntaxError()
			}
			p.shift()
			if e.Value, err = p.wantWord(); err != nil {
				return err
			}
			shape = Map
		} else {
			shape = List
		}
		t.add(e, shape)
		if done, err := p.comma("}"); done || err != nil {
			t.Entries = lastCounts(t.Entries)
			return err
		}
	}
}

func (p *parser) assign() bool {
	return p.peek().kind == arrow || p.at("=")
}

// comma passes over what separates entries; done says that the closing brace came
// instead and was taken.
func (p *parser) comma(closing string) (done bool, err error) {
	switch {
	case p.at(","):
		p.shift()
		if p.version >= braceLines {
			p.newlines()
		}
		return false, nil
	case p.at("\n"):
		p.newlines()
		if p.version < braceLines {
			return false, nil
		}
	}
	if p.accept(closing) {
		return true, nil
	}
	if p.peek().kind != word {
		return false, p.syntaxError()
	}
	return false, nil
}

// tables reads a table by its name in <>, in braces, or as a single word.
func (p *parser) tableUse() (*Table, error) {
	switch t := p.peek(); {
	case t.kind == word:
		list, err := p.inline()
		if err == nil {
			list.add(Entry{Key: p.shift().text, Pos: p.here()}, List)
		}
		return list, err
	case p.accept("{"):
		list, err := p.inline()
		if err != nil {
			return nil, err
		}
		return list, p.entries(list)
	case p.accept("<"):
		return p.named()
	}
	return nil, p.syntaxError()
}

func (p *parser) inline() (*Table, error) { return p.newTable("static", "", "") }

func (p *parser) named() (*Table, error) {
	name, err := p.wantWord()
	if err != nil {
		return nil, err
	}
	if err := p.want(">"); err != nil {
		return nil, err
	}
	if t, ok := p.tables[name]; ok {
		return t, nil
	}
	return nil, p.fail("no such table: " + name)
}

// tableNext reports whether a table may come next.
func (p *parser) tableNext() bool { return p.peek().kind == word || p.at("{", "<") }

// service is what a table is asked for (enum table_service).
type service int

const (
	anything service = iota
	relayHosts
	texts // words and regular expressions
	userInfo
)

// usable is table_check_use(): whether a table has the shape and its back end can
// answer.
func usable(t *Table, s service, shapes ...Shape) bool {
	switch t.Backend {
	case "static":
		if t.Lost {
			return true
		}
		for _, shape := range shapes {
			if t.Shape == shape {
				return true
			}
		}
		return false
	case "db":
		return s != relayHosts && s != texts
	case "getpwnam":
		return s == userInfo
	}
	return true
}
