package doveconf

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// load reads a file within the bounds.
func (p *parser) load(name waxseal.Path) (string, bool) {
	content, err := p.from.ReadFile(name, maxFile)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		p.problem(waxseal.Problem{Path: name, Message: err.Error(), Unreadable: true}, false)
		return "", false
	case err != nil:
		return "", false
	}
	if p.read += int64(len(content)); p.read > maxAll {
		p.bound("the configuration is larger than what is read of one: " + string(name) + " is left out")
		return "", false
	}
	return string(content), true
}

// include puts the files that a pattern names before what is left of this one.
// They are opened from the last to the first, as Dovecot does: one of them can't
// include another that is still to come.
func (p *parser) include(pattern string, optional bool) {
	names := p.glob(p.relative(pattern))
	if len(names) == 0 {
		if !optional {
			p.conf.Files = append(p.conf.Files, File{Path: clean(p.relative(pattern)), Use: Included, From: p.here(), Missing: true})
			p.refuse("No matches")
		}
		return
	}
	at := p.in
	for _, name := range slices.Backward(names) {
		if !p.push(at, waxseal.Path(name), optional) {
			return
		}
	}
}

func (p *parser) push(at *input, name waxseal.Path, optional bool) bool {
	from := waxseal.Source{Path: at.path, Line: at.line}
	for i := p.in; i != nil; i = i.prev {
		if i.path == name {
			p.problem(waxseal.Problem{Path: from.Path, Line: from.Line, Message: refusal + "Recursive include file: " + string(name)}, true)
			return false
		}
	}
	if p.opened++; p.opened > maxFiles {
		p.bound("more files are included than are read: " + string(name) + " and what follows is left out")
		return false
	}
	text, ok := p.load(name)
	p.conf.Files = append(p.conf.Files, File{Path: name, Use: Included, From: from, Missing: !ok})
	if !ok {
		if !optional {
			p.problem(waxseal.Problem{Path: from.Path, Line: from.Line, Message: refusal + "Couldn't open include file " + string(name)}, true)
		}
		return optional
	}
	p.in = &input{prev: p.in, path: name, rest: text}
	return true
}

func clean(name string) waxseal.Path { return waxseal.Path(path.Clean("/" + name)) }

const (
	maxBraces  = 256  // patterns that braces make of one
	maxMatches = 2000 // names that one pattern matches
)

// glob lists the files of a pattern as glob(3) with GLOB_BRACE does: in order
// within each alternative. Files need not be readable.
func (p *parser) glob(pattern string) []string {
	var out []string
	for _, one := range braces(pattern) {
		out = append(out, p.match(one)...)
		if len(out) > maxMatches {
			p.bound("a pattern names more files than are read: " + pattern)
			return out[:maxMatches]
		}
	}
	return out
}

// braces writes a{b,c} out as ab and ac.
func braces(pattern string) []string {
	queue, done := []string{pattern}, []string{}
	for len(queue) > 0 && len(queue)+len(done) < maxBraces {
		one := queue[0]
		queue = queue[1:]
		open, parts, end := firstBrace(one)
		if open < 0 {
			done = append(done, one)
			continue
		}
		var made []string
		for _, part := range parts {
			made = append(made, one[:open]+part+one[end+1:])
		}
		queue = append(made, queue...)
	}
	return append(done, queue...)
}

// firstBrace finds the first group in braces: where it begins and ends, and its
// alternatives. "{}" is none.
func firstBrace(s string) (open int, parts []string, end int) {
	open = strings.IndexByte(s, '{')
	for open >= 0 && strings.HasPrefix(s[open:], "{}") {
		next := strings.IndexByte(s[open+2:], '{')
		if next < 0 {
			return -1, nil, 0
		}
		open += 2 + next
	}
	if open < 0 {
		return -1, nil, 0
	}
	depth, start := 0, open+1
	for i := open; i < len(s); i++ {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == ',' && depth == 1:
			parts = append(parts, s[start:i])
			start = i + 1
		case s[i] == '}':
			if depth--; depth == 0 {
				return open, append(parts, s[start:i]), i
			}
		}
	}
	return -1, nil, 0
}

// match lists the files of a pattern without braces.
func (p *parser) match(pattern string) []string {
	pattern = path.Clean("/" + pattern)
	if !strings.ContainsAny(pattern, `*?[\`) {
		if _, err := p.from.Stat(waxseal.Path(pattern)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return []string{pattern}
	}
	found := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range found {
			next = append(next, p.inDirectory(dir, part)...)
			if len(next) > maxMatches {
				next = next[:maxMatches]
				break
			}
		}
		found = next
	}
	return found
}

func (p *parser) inDirectory(dir, part string) []string {
	base := strings.TrimSuffix(dir, "/") + "/"
	if !strings.ContainsAny(part, `*?[\`) {
		if _, err := p.from.Stat(waxseal.Path(base + part)); err != nil {
			return nil
		}
		return []string{base + part}
	}
	names, err := p.from.ReadDir(clean(dir))
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range names {
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(part, ".") {
			continue
		}
		// glob(3) writes a negated class with '!', path.Match with '^'
		if ok, err := path.Match(strings.ReplaceAll(part, "[!", "[^"), name); ok && err == nil {
			out = append(out, base+name)
		}
	}
	return out
}
