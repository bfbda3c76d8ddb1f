package mapdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// ErrUnknown says that a lookup can't be worked out from files: a server or the
// system answers, a pattern is beyond what is worked out here, or chance
// decides.
var ErrUnknown = errors.New("the answer can not be worked out")

// Files gives what the files of tables hold. An error for which
// errors.Is(err, fs.ErrNotExist) holds says that there is no such file.
type Files interface {
	// Text is the content of a table that daemons read as text.
	Text(path string) (string, error)
	// Compiled is the content of a compiled table, and its size in bytes.
	Compiled(path string) (io.ReaderAt, int64, error)
}

// Answer is what a lookup gives.
type Answer struct {
	Found bool
	Value string
	// Entry is the one that answered; zero where several tables did, or where it
	// is compiled only.
	Entry Entry
}

// Table is a table whose lookups can be worked out.
type Table struct {
	ref      Ref
	err      error // why it can't be opened
	fixed    *index
	rules    []rule
	matchers map[*pattern]*matcher
	nested   []*Table
}

// Open prepares lookups in the table that a reference names. What is missing or
// can't be read shows in the error of each Lookup. A compiled table is read
// whole; where only its source exists, as in an image that was not started yet,
// the source answers.
func Open(ref Ref, files Files) *Table {
	t := &Table{ref: ref}
	switch {
	case ref.broken:
		t.err = fmt.Errorf("%w: %s: %s", ErrUnknown, ref.Text, ref.Problems[0].Message)
	case ref.Class == Nested:
		for _, nested := range ref.Refs {
			n := Open(nested, files)
			t.nested = append(t.nested, n)
			// All are opened before any is asked, and one whose reference is wrong keeps
			// the daemon from starting.
			if nested.broken || nested.Class == Nested && n.err != nil {
				t.err = n.err
			}
		}
	case ref.Type == "inline":
		t.fixed = newIndex(ref.Entries, lastWins)
	case ref.Type == "internal":
		t.fixed = newIndex(nil, firstWins)
	case ref.Class == Compiled:
		t.compiled(files)
	case ref.Class == Text:
		text, err := files.Text(ref.Name)
		t.err = err
		t.text(text)
	case ref.Class == Written && ref.Format() != KeyValue:
		t.text(ref.rulesText)
	case ref.Type == "static", ref.Type == "randmap" && len(ref.Entries) == 1:
	default:
		t.err = fmt.Errorf("%w: %s", ErrUnknown, ref.Type+":"+ref.Name)
	}
	return t
}

// OpenEntries prepares lookups in the entries of a table of fixed keys that
// was read elsewhere, such as an alias file. Of equal keys the first counts.
func OpenEntries(entries []Entry) *Table {
	return &Table{fixed: newIndex(entries, firstWins)}
}

func (t *Table) text(content string) {
	if f := t.ref.Format(); f != KeyValue {
		t.rules, _ = parseRules(f, content)
		t.matchers = map[*pattern]*matcher{}
		return
	}
	entries, _ := ParseSource(KeyValue, content)
	t.fixed = newIndex(entries, firstWins)
}

func (t *Table) compiled(files Files) {
	r, size, err := files.Compiled(t.ref.CompiledFile())
	if errors.Is(err, fs.ErrNotExist) {
		var text string
		if text, err = files.Text(t.ref.Source()); err == nil {
			t.text(text)
		}
		t.err = err
		return
	}
	var entries []Entry
	if err == nil {
		entries, _, err = CompiledEntries(t.ref.Type, r, size)
	}
	t.err = err
	t.fixed = newIndex(entries, firstWins)
}

// Lookup asks for one key, as the table itself is asked: which keys are tried
// for an address, and in which order, is up to whoever asks.
func (t *Table) Lookup(key string) (Answer, error) {
	switch {
	case t.err != nil:
		return Answer{}, t.err
	case t.ref.Type == "pipemap":
		return t.pipe(key)
	case t.ref.Type == "unionmap":
		return t.union(key)
	case t.fixed != nil:
		e, ok := t.fixed.find([]byte(Fold(key)))
		return Answer{Found: ok, Value: e.Value, Entry: e}, nil
	case t.ref.Type == "static", t.ref.Type == "randmap":
		e := t.ref.Entries[0]
		return Answer{Found: true, Value: e.Value, Entry: e}, nil
	case t.ref.Format() == Networks:
		return lookupNetwork(t.rules, key), nil
	}
	return t.lookupPattern(key)
}

// pipe gives the answer of each table to the next.
func (t *Table) pipe(key string) (Answer, error) {
	a := Answer{Value: key}
	for _, n := range t.nested {
		var err error
		if a, err = n.Lookup(a.Value); err != nil || !a.Found {
			return Answer{}, err
		}
	}
	a.Entry = Entry{}
	return a, nil
}

// union joins the answers of all tables.
func (t *Table) union(key string) (Answer, error) {
	var values []string
	for _, n := range t.nested {
		a, err := n.Lookup(key)
		if err != nil {
			return Answer{}, err
		}
		// An empty answer leaves no comma, as long as nothing came before it.
		if a.Found && (a.Value != "" || len(values) > 0) {
			values = append(values, a.Value)
		}
	}
	return Answer{Found: len(values) > 0, Value: strings.Join(values, ",")}, nil
}

// walk goes through rules as Postfix does: test says whether one applies, and an
// if that does not leads to its endif.
func walk(rules []rule, test func(*rule) (bool, error)) (*rule, error) {
	for i := 0; i < len(rules); i++ {
		r := &rules[i]
		if r.kind == ruleEndif || r.skipped {
			continue
		}
		ok, err := test(r)
		switch {
		case err != nil:
			return nil, err
		case ok && r.kind == ruleMatch:
			return r, nil
		case !ok && r.kind == ruleIf && r.end < 0:
			return nil, nil // an if without endif reaches to the end
		case !ok && r.kind == ruleIf:
			i = r.end
		}
	}
	return nil, nil
}

func (r *rule) entry() Entry {
	return Entry{Line: r.line, Key: r.key, Value: r.value, ValueLine: r.valueLine}
}

func lookupNetwork(rules []rule, key string) Answer {
	addr, ok := parseAddr(key)
	if !ok {
		return Answer{}
	}
	r, _ := walk(rules, func(r *rule) (bool, error) { return r.network.matches(addr), nil })
	if r == nil {
		return Answer{}
	}
	return Answer{Found: true, Value: r.value, Entry: r.entry()}
}

func (t *Table) lookupPattern(key string) (Answer, error) {
	var groups []string
	r, err := walk(t.rules, func(r *rule) (bool, error) {
		found, err := t.match(&r.first, key)
		if err != nil {
			return false, fmt.Errorf("%w: line %d: %w", ErrUnknown, r.line, err)
		}
		groups = found
		if (found != nil) == r.first.negate {
			return false, nil
		}
		if r.second == nil {
			return true, nil
		}
		found, err = t.match(r.second, key)
		if err != nil {
			return false, fmt.Errorf("%w: line %d: %w", ErrUnknown, r.line, err)
		}
		return (found != nil) != r.second.negate, nil
	})
	if r == nil {
		return Answer{}, err
	}
	var value strings.Builder
	for _, p := range r.template {
		if p.group > 0 && p.group < len(groups) {
			value.WriteString(groups[p.group])
		}
		value.WriteString(p.text)
	}
	return Answer{Found: true, Value: value.String(), Entry: r.entry()}, nil
}

func (t *Table) match(p *pattern, key string) ([]string, error) {
	m, ok := t.matchers[p]
	if !ok {
		var err error
		if m, err = p.compile(t.ref.Format()); err != nil {
			return nil, err
		}
		t.matchers[p] = m
	}
	return m.find(key)
}
