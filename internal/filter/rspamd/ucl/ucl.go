// Package ucl reads the Universal Configuration Language in which rspamd is set
// up, as libucl does: what a file and everything that it includes comes to, with
// the file and line of each value.
//
//	worker "normal" { bind_socket = "localhost:11333"; count = 2; }
//	.include(try=true; priority=10) "$LOCAL_CONFDIR/override.d/x.conf"
//
// A key that is set twice makes an implicit array; of two priorities the higher
// wins; a section with names ("worker normal") is a section in a section. JSON is
// UCL. The source of it all: libucl as rspamd 3.4 brings it, held against
// rspamadm(8) in a lab. Jinja templates ("{= env.X =}", "{% if … %}") are not
// expanded, and told.
//
// It opens nothing itself, and gives no judgement.
package ucl

import (
	"io/fs"

	"waxseal"
)

// Variable is a name that a value can have in it as "$NAME" or "${NAME}".
type Variable struct{ Name, Value string }

// Options are what a configuration is read with.
type Options struct {
	// Variables are known by name, the first whose name fits counts.
	Variables []Variable
	// Open returns the text of a file and where links lead.
	Open func(waxseal.Path) (text string, resolved waxseal.Path, err error)
	// List returns the names in a directory, sorted.
	List func(waxseal.Path) ([]string, error)
}

// Include is one macro that names a file.
type Include struct {
	Path     waxseal.Path // as opened; a pattern where it matches nothing
	Resolved waxseal.Path // where links lead, "" where it is missing
	Source   waxseal.Source
	Macro    string // "include", "load", "include_map"
	// URL is what is read over the network, "" for a file.
	URL string
	// Priority and Duplicate say how its values stand against others.
	Priority  int
	Duplicate string
}

// Document is what a configuration comes to.
type Document struct {
	Top      *Value
	Files    []waxseal.Path // read, in their order, each once
	Includes []Include
	Problems []waxseal.Problem
	// Refused is the first error for which rspamd does not start; nil where there is
	// none. What follows in that file is not read; what includes it is.
	Refused *waxseal.Problem
}

const (
	// maxNesting is how deep includes may lie (UCL_MAX_RECURSION).
	maxNesting = 16
	// The rest bounds what a hostile tree costs; libucl has no such bounds.
	maxDepth    = 2_000
	maxValues   = 300_000
	maxText     = 64 << 20
	maxIncludes = 20_000
	maxProblems = 200
	maxSiblings = 1_000
)

// Parse reads a configuration from its first file.
func Parse(first waxseal.Path, o Options) *Document {
	p := &parser{o: o, doc: &Document{Top: &Value{Kind: Object}}, seen: map[waxseal.Path]bool{}}
	text, resolved, err := o.Open(first)
	if err != nil {
		p.refuse(waxseal.Problem{Path: first, Message: err.Error()})
		return p.doc
	}
	p.file(first, resolved)
	p.setFile(resolved)
	c := p.newChunk(text, first, 0, appendTo)
	p.begin(c)
	p.keepTop()
	return p.doc
}

// ParseText reads text that is no file: the arguments of a macro, or a map. It
// includes nothing.
func ParseText(text string, at waxseal.Path) *Document {
	o := Options{
		Open: func(waxseal.Path) (string, waxseal.Path, error) { return "", "", fs.ErrNotExist },
		List: func(waxseal.Path) ([]string, error) { return nil, fs.ErrNotExist },
	}
	p := &parser{o: o, doc: &Document{Top: &Value{Kind: Object}}, seen: map[waxseal.Path]bool{}}
	p.begin(p.newChunk(text, at, 0, appendTo))
	p.keepTop()
	return p.doc
}

// keepTop hands over what was read; an empty file is an empty section.
func (p *parser) keepTop() {
	if p.top != nil {
		p.doc.Top = p.top
	}
}

// begin reads a chunk to its end, or as far as it can be read.
func (p *parser) begin(c *chunk) (whole bool) {
	p.chunks = append(p.chunks, c)
	err := p.run(c)
	if err != nil {
		p.refuse(waxseal.Problem{Path: c.path, Line: c.line(), Message: err.Error()})
	}
	p.chunks = p.chunks[:len(p.chunks)-1]
	return err == nil
}

func (p *parser) refuse(problem waxseal.Problem) {
	if p.doc.Refused == nil {
		p.doc.Refused = &problem
	}
	p.problem(problem)
}

func (p *parser) problem(problem waxseal.Problem) {
	if len(p.doc.Problems) < maxProblems {
		p.doc.Problems = append(p.doc.Problems, problem)
	}
}

// file notes a file that is read.
func (p *parser) file(asked, resolved waxseal.Path) {
	for _, f := range []waxseal.Path{asked, resolved} {
		if !p.seen[f] {
			p.seen[f] = true
			p.doc.Files = append(p.doc.Files, f)
		}
	}
}
