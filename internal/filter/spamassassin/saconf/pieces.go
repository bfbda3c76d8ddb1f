package saconf

import (
	"crypto/sha256"
	"hash"

	"waxseal"
)

// piece is a part of the text: a file, or a mark between files.
type piece struct {
	rest   string
	path   waxseal.Path
	line   int
	fixed  bool // a line of a command line: its number does not grow
	kind   fileKind
	sum    hash.Hash
	file   int // in Config.Files, from 1
	begin  string
	finish bool
}

// given adds lines of a command line behind what is there.
func (p *parser) given(lines []Given) {
	for _, g := range lines {
		p.add(piece{rest: g.Text, path: g.Source.Path, line: g.Source.Line, fixed: true})
	}
}

// all adds a file, or what a directory has with an ending.
func (p *parser) all(at waxseal.Path, end string, kind fileKind) {
	if at == "" {
		return
	}
	for _, more := range p.pieces(string(at), end, kind, waxseal.Source{Path: at}) {
		p.add(more)
	}
}

// add puts a piece behind all others.
func (p *parser) add(next piece) { p.later = append(p.later, next) }

// push puts a piece before all others.
func (p *parser) push(next piece) { p.todo = append(p.todo, next) }

// pieces reads a file, or each file of a directory.
func (p *parser) pieces(at, end string, kind fileKind, asked waxseal.Source) (list []piece) {
	f, err := p.tree.Stat(clean(at))
	switch {
	case isMissing(err):
		return nil
	case err != nil:
		p.conf.unread(asked, at+" can't be looked at: "+err.Error())
	case f.Type == waxseal.Directory:
		names, err := listed(p.tree, at, end)
		if err != nil {
			p.conf.unread(asked, "the directory "+at+" can't be listed: "+err.Error())
		}
		for _, n := range names {
			list = append(list, p.file(n, kind, asked)...)
		}
	case f.Type == waxseal.Regular && f.Size > 0:
		list = p.file(at, kind, asked)
	}
	return list
}

func (p *parser) file(name string, kind fileKind, asked waxseal.Source) []piece {
	if p.read[name] {
		return nil
	}
	p.read[name] = true
	at := clean(name)
	if len(p.conf.Files) >= maxFiles {
		if len(p.conf.Files) == maxFiles {
			p.conf.Files = append(p.conf.Files, File{Path: at})
			p.conf.unread(asked, "more files of SpamAssassin's configuration than are read")
		}
		return nil
	}
	p.conf.Files = append(p.conf.Files, File{Path: at, Stock: kind != siteFile, named: name, at: p.conf.next()})
	content, err := p.tree.ReadFile(at, maxFile)
	if err != nil {
		p.conf.unread(waxseal.Source{Path: at}, err.Error())
		return nil
	}
	if p.bytes += len(content); p.bytes > maxBytes {
		p.conf.unread(asked, "more text of SpamAssassin's configuration than is read")
		return nil
	}
	body := piece{rest: string(content), path: at, kind: kind, file: len(p.conf.Files)}
	if kind == updatedFile {
		body.sum = sha256.New()
	}
	return []piece{{begin: name}, body, {finish: true}}
}
