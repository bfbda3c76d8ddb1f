package ucl

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// how says in what way a file is included.
type how struct {
	macroCall
	must, soft, glob, url, prefix bool
	key, target, duplicate        string
	priority                      int
	strategy                      strategy
}

var strategies = map[string]strategy{"append": appendTo, "merge": merge, "rewrite": rewrite, "error": forbid}

// howOf reads the arguments of a macro that includes (ucl_include_common). The
// beginning of an argument's name is enough, and each wants its type.
func (p *parser) howOf(m macroCall) how {
	h := how{macroCall: m, must: m.name != "try_include", soft: m.name == "try_include", target: "object", duplicate: "append"}
	for name, v := range m.args.Fields() {
		is := func(word string) bool { return strings.HasPrefix(word, name) }
		switch {
		case v.Kind == Boolean && is("try"):
			h.must = !v.yes
		case v.Kind == Boolean && is("sign"): // without keys of its own, rspamd trusts no signature
		case v.Kind == Boolean && is("glob"):
			h.glob = v.yes
		case v.Kind == Boolean && is("url"):
			h.url = v.yes
		case v.Kind == Boolean && is("prefix"):
			h.prefix = v.yes
		case v.Kind == String && is("key"):
			h.key = v.text
		case v.Kind == String && is("target"):
			h.target = v.text
		case v.Kind == String && is("duplicate"):
			if s, ok := strategies[v.text]; ok {
				h.strategy, h.duplicate = s, v.text
			}
		case v.Kind == Array && is("path"):
			p.paths = v
		case v.Kind == Int && is("priority"):
			h.priority = int(v.whole) & 15
		}
	}
	return h
}

func (p *parser) include(m macroCall) error {
	h := p.howOf(m)
	if h.url && strings.Contains(m.value, "://") {
		p.note(Include{URL: m.value, Source: m.source, Macro: m.name, Priority: h.priority, Duplicate: h.duplicate})
		if h.must {
			return errors.New("configuration is read over the network: " + clip(m.value))
		}
		return nil
	}
	if p.paths == nil {
		return p.includeFile(h, m.value)
	}
	found := false
	for _, dir := range p.paths.items {
		if dir.Kind != String {
			continue
		}
		if err := p.includeFile(h, dir.text+"/"+m.value); err == nil {
			if found = true; !h.glob {
				break
			}
		}
	}
	if !found {
		return errors.New("no file " + clip(m.value) + " in the search path")
	}
	return nil
}

// includeMap is rspamd's own macro: a map that is fetched and merged while it runs.
func (p *parser) includeMap(m macroCall) error {
	p.note(Include{URL: m.value, Source: m.source, Macro: m.name})
	return nil
}

func (p *parser) note(i Include) {
	if len(p.doc.Includes) < maxIncludes {
		p.doc.Includes = append(p.doc.Includes, i)
	}
}

func (p *parser) includeFile(h how, name string) error {
	if !h.glob || !strings.ContainsAny(name, "*?") {
		return p.includeOne(h, p.absolute(name))
	}
	names, err := p.matches(p.absolute(name))
	if err != nil {
		p.problem(waxseal.Problem{Path: h.source.Path, Line: h.source.Line, Message: err.Error(), Unreadable: true})
	}
	if len(names) == 0 {
		p.note(Include{Path: p.absolute(name), Source: h.source, Macro: h.name, Priority: h.priority, Duplicate: h.duplicate})
		if h.must {
			return errors.New("no file matches " + clip(name))
		}
		return nil
	}
	for _, n := range names {
		if err := p.includeOne(h, n); err != nil && !h.soft {
			return err
		}
	}
	return nil
}

// absolute is a path as rspamd, which runs in the root directory, opens it.
func (p *parser) absolute(name string) waxseal.Path { return waxseal.Path(path.Clean("/" + name)) }

// matches lists the files that a pattern names (glob(3)), sorted.
func (p *parser) matches(pattern waxseal.Path) ([]waxseal.Path, error) {
	found := []waxseal.Path{""}
	for part := range strings.SplitSeq(strings.TrimPrefix(string(pattern), "/"), "/") {
		var next []waxseal.Path
		for _, dir := range found {
			if !strings.ContainsAny(part, `*?[\`) {
				next = append(next, dir+"/"+waxseal.Path(part))
				continue
			}
			names, err := p.o.List(waxseal.Path(path.Clean("/" + string(dir))))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			for _, n := range names {
				if ok, err := path.Match(part, n); err == nil && ok && (n[0] != '.' || part[0] == '.') {
					next = append(next, dir+"/"+waxseal.Path(n))
				}
			}
			if len(next) > maxIncludes {
				return nil, errors.New("a pattern matches more files than are read")
			}
		}
		found = next
	}
	slices.Sort(found)
	return found, nil
}

var errNested = errors.New("includes are nested deeper than rspamd reads")

// includeOne reads one file in the place of the macro (ucl_include_file_single).
func (p *parser) includeOne(h how, name waxseal.Path) error {
	note := Include{Path: name, Source: h.source, Macro: h.name, Priority: h.priority, Duplicate: h.duplicate}
	text, resolved, err := p.o.Open(name)
	if err != nil {
		p.note(note)
		return p.failed(h, name, err)
	}
	if resolved == p.current {
		return errors.New("the file includes itself")
	}
	note.Resolved = resolved
	p.note(note)
	switch {
	case len(p.chunks) >= maxNesting:
		return errNested
	case len(p.doc.Includes) >= maxIncludes || p.size+len(text) > maxText:
		return errors.New("more files are included than are read")
	}
	p.file(name, resolved)
	leave, err := p.enter(h, resolved)
	if err != nil {
		return err
	}
	defer leave()
	p.readInto(h, name, resolved, text)
	return nil
}

// failed says what comes of a file that can't be read.
func (p *parser) failed(h how, name waxseal.Path, err error) error {
	missing := errors.Is(err, fs.ErrNotExist)
	if missing && !h.must && !h.soft { // .try_include, of all, is an error where the file is missing
		return nil
	}
	if !missing {
		p.problem(waxseal.Problem{Path: name, Message: err.Error(), Unreadable: true})
	}
	if !h.must && !h.soft {
		return nil
	}
	return errors.New(string(name) + " can't be included: " + err.Error())
}

// readInto reads a text in the place where the parser stands. What is wrong with it
// is told, and what stands around it is read on.
func (p *parser) readInto(h how, name, resolved waxseal.Path, text string) {
	before, current, state := slices.Clone(p.stack), p.current, p.state
	p.setFile(resolved)
	p.state = atStart
	if !p.begin(p.newChunk(text, name, h.priority, h.strategy)) {
		p.stack = before
	}
	p.current, p.state = current, state
}

// enter opens the section that an include puts its values in, if any.
func (p *parser) enter(h how, resolved waxseal.Path) (leave func(), err error) {
	key := h.key
	if key == "" && h.prefix {
		key = path.Base(string(resolved))
		key = strings.TrimSuffix(strings.TrimSuffix(key, ".conf"), ".ucl")
	}
	if key == "" {
		return func() {}, nil
	}
	if len(p.stack) == 0 || p.frame().obj.Kind != Object {
		return nil, errors.New("nothing here can take an included section")
	}
	nest, err := p.prefixed(h, key)
	if err != nil {
		return nil, err
	}
	f := *p.frame()
	f.obj, f.chunk = nest, p.chunk()
	p.stack = append(p.stack, f)
	p.cur = nest
	return func() {
		if len(p.stack) > 1 {
			p.stack = p.stack[:len(p.stack)-1]
		}
	}, nil
}

// prefixed finds or makes the section under a key.
func (p *parser) prefixed(h how, key string) (*Value, error) {
	into, old := p.frame().obj, p.frame().obj.Get(key)
	made := func(k Kind) *Value {
		p.values++
		return &Value{Kind: k, Key: key, Priority: h.priority, Source: h.source}
	}
	if !strings.EqualFold(h.target, "array") {
		if old == nil {
			old = made(Object)
			into.set(old)
		}
		if old.Kind != Object {
			return nil, errors.New("an included section " + strconv.Quote(clip(key)) + " would stand where a value stands")
		}
		return old, nil
	}
	nest := made(Object)
	switch {
	case old == nil:
		old = made(Array)
		into.set(old)
	case old.Kind != Array:
		list := made(Array)
		list.items = append(list.items, old)
		into.replace(old, list)
		old = list
	}
	old.items = append(old.items, nest)
	return nest, nil
}

// load is ".load(key=x) "file"": the text of a file as a value (ucl_load_handler).
func (p *parser) load(m macroCall) error {
	var key, target string
	try, trim, priority := false, false, 0
	for name, v := range m.args.Fields() {
		is := func(word string) bool { return strings.HasPrefix(word, name) }
		switch {
		case v.Kind == Boolean && is("try"):
			try = v.yes
		case v.Kind == Boolean && is("trim"):
			trim = v.yes
		case v.Kind == String && is("key"):
			key = v.text
		case v.Kind == String && is("target"):
			target = v.text
		case v.Kind == Int && is("priority"):
			priority = int(v.whole) & 15
		}
	}
	if key == "" || m.value == "" {
		return errors.New(".load names no key or no file")
	}
	name := p.absolute(m.value)
	text, resolved, err := p.o.Open(name)
	p.note(Include{Path: name, Resolved: resolved, Source: m.source, Macro: m.name, Priority: priority})
	switch {
	case err != nil && try:
		return nil
	case err != nil:
		return errors.New(string(name) + " can't be loaded: " + err.Error())
	case len(p.stack) == 0 || p.frame().obj.Get(key) != nil:
		return errors.New("the key " + clip(key) + " exists already")
	}
	p.file(name, resolved)
	if text == "" {
		return nil
	}
	if p.size += len(text); p.size > maxText {
		return errors.New("more files are included than are read")
	}
	v := &Value{Kind: String, Key: key, Priority: priority, text: text, Source: waxseal.Source{Path: name, Line: 1}}
	if trim {
		v.text = strings.TrimSpace(text)
	}
	if strings.EqualFold(target, "int") {
		v.Kind = Int
		v.whole, _ = strconv.ParseInt(strings.TrimSpace(text), 10, 64) // strtoll(3): no number is 0
	}
	p.values++
	p.frame().obj.set(v)
	return nil
}

func dirOf(p waxseal.Path) waxseal.Path { return waxseal.Path(path.Dir(string(p))) }
