// Package unified reads a unified diff, as diff -u and git diff write it, and says what a
// file will be when it is applied: exactly, or not at all.
//
// The format is that of POSIX diff, "Diff -u Output Format", with git's extended headers
// (git-diff(1), "Generating patch text with -p"). Context has to match byte for byte at
// the line that the hunk names: no offset, no fuzz. What a diff can't say as text (a
// rename, a mode, binary content) is refused. Nothing is written.
package unified

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// File is what a diff says about one file.
type File struct {
	Old, New string // names as the diff has them, "" for /dev/null
	Hunks    []Hunk
	Line     int // of its header in the diff
}

// Hunk is one "@@" section.
type Hunk struct {
	Line               int // of its header in the diff
	OldStart, OldLines int
	NewStart, NewLines int
	Body               []Line
}

// Line is one line of a hunk, with its line end if it has one.
type Line struct {
	Op   byte // ' ', '-' or '+'
	Text string
}

// Bounds of what is read.
const (
	maxText  = 8 << 20
	maxFiles = 1000
)

// Parse reads a diff. Prose before the first header, and a signature after the last hunk
// ("-- "), are left out.
func Parse(text []byte) ([]File, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the diff is larger than %d bytes", maxText)
	}
	p := &parser{lines: strings.SplitAfter(string(text), "\n")}
	if n := len(p.lines); p.lines[n-1] == "" {
		p.lines = p.lines[:n-1]
	}
	for p.more() {
		done, err := p.file()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", p.at+1, err)
		}
		if done {
			break
		}
		if len(p.files) > maxFiles {
			return nil, fmt.Errorf("the diff is about more than %d files", maxFiles)
		}
	}
	if len(p.files) == 0 {
		return nil, errors.New("it is no unified diff: it has no '--- ' and '+++ ' lines")
	}
	return p.files, nil
}

type parser struct {
	lines   []string
	at      int
	files   []File
	pending bool // git's header of a file stands before
}

func (p *parser) more() bool { return p.at < len(p.lines) }

func (p *parser) peek() string {
	if !p.more() {
		return ""
	}
	return p.lines[p.at]
}

// refused are headers of what text can't say.
var refused = []struct{ prefix, why string }{
	{"rename ", "a rename"}, {"copy ", "a copy"}, {"old mode ", "another mode"}, {"new mode ", "another mode"}, {"similarity index", "a rename"},
	{"dissimilarity index", "a rewrite"}, {"Binary files ", "binary content"}, {"GIT binary patch", "binary content"}, {"Only in ", "a file that only one side has"},
}

// file reads up to the end of one file; done says that the rest is no diff.
func (p *parser) file() (done bool, err error) {
	l := p.peek()
	switch {
	case strings.HasPrefix(l, "--- ") && p.at+1 < len(p.lines) && strings.HasPrefix(p.lines[p.at+1], "+++ "):
		return false, p.body()
	case strings.HasPrefix(l, "-- ") && len(p.files) > 0:
		return true, nil
	case strings.HasPrefix(l, "diff --git "):
		p.pending = true
	case strings.HasPrefix(l, "diff "), strings.HasPrefix(l, "index "), strings.HasPrefix(l, "new file mode "), strings.HasPrefix(l, "deleted file mode "):
	case strings.TrimSpace(l) == "":
	default:
		for _, r := range refused {
			if strings.HasPrefix(l, r.prefix) && (p.pending || len(p.files) > 0 || r.prefix[0] < 'a') {
				return false, fmt.Errorf("it says %s, which can't be announced by a diff", r.why)
			}
		}
		if len(p.files) > 0 || p.pending {
			return false, errors.New("it is neither a header nor a hunk")
		}
	}
	p.at++
	return false, nil
}

// body reads names and hunks.
func (p *parser) body() error {
	f := File{Old: nameOf(p.lines[p.at][4:]), New: nameOf(p.lines[p.at+1][4:]), Line: p.at + 1}
	if f.Old == "" && f.New == "" {
		return errors.New("it names no file")
	}
	p.pending = false
	p.at += 2
	for strings.HasPrefix(p.peek(), "@@ ") {
		h, err := p.hunk()
		if err != nil {
			return err
		}
		f.Hunks = append(f.Hunks, h)
	}
	if len(f.Hunks) == 0 {
		return errors.New("no hunk follows")
	}
	p.files = append(p.files, f)
	return nil
}

// nameOf is the name in a header, without the time stamp behind a tab; "" for /dev/null.
func nameOf(s string) string {
	s, _, _ = strings.Cut(strings.TrimRight(s, "\r\n"), "\t")
	if s == "/dev/null" {
		return ""
	}
	if text, err := strconv.Unquote(s); err == nil && strings.HasPrefix(s, `"`) {
		return text // git quotes names with odd characters
	}
	return s
}

func (p *parser) hunk() (h Hunk, err error) {
	h.Line = p.at + 1
	ranges, _, ok := strings.Cut(strings.TrimPrefix(p.peek(), "@@ "), " @@")
	was, now, two := strings.Cut(ranges, " ")
	if !ok || !two || !rangeOf(was, '-', &h.OldStart, &h.OldLines) || !rangeOf(now, '+', &h.NewStart, &h.NewLines) {
		return h, errors.New("it is no header of a hunk: want @@ -1,2 +1,3 @@")
	}
	p.at++
	old, added := 0, 0
	for old < h.OldLines || added < h.NewLines {
		if !p.more() {
			return h, errors.New("the diff ends within a hunk")
		}
		l := p.peek()
		if l == "\n" || l == "\r\n" {
			l = " " + l // some mail programs cut the blank of an empty context line
		}
		switch l[0] {
		case ' ':
			old, added = old+1, added+1
		case '-':
			old++
		case '+':
			added++
		default:
			return h, errors.New("it is no line of a hunk, and the hunk is not complete")
		}
		h.Body = append(h.Body, Line{l[0], l[1:]})
		p.at++
		p.noNewline(&h)
	}
	if old != h.OldLines || added != h.NewLines {
		return h, errors.New("the hunk has other lines than its header counts")
	}
	return h, nil
}

// noNewline reads the mark of a last line without a line end.
func (p *parser) noNewline(h *Hunk) {
	last := &h.Body[len(h.Body)-1]
	if strings.HasPrefix(p.peek(), `\ `) {
		last.Text = strings.TrimSuffix(last.Text, "\n")
		p.at++
	} else if !strings.HasSuffix(last.Text, "\n") {
		last.Text += "\n" // the diff itself has no line end
	}
}

// rangeOf reads "-3,4" or "-3".
func rangeOf(s string, sign byte, start, lines *int) bool {
	if s == "" || s[0] != sign {
		return false
	}
	first, n, ok := strings.Cut(s[1:], ",")
	if !ok {
		n = "1"
	}
	var err1, err2 error
	*start, err1 = strconv.Atoi(first)
	*lines, err2 = strconv.Atoi(n)
	return err1 == nil && err2 == nil && *start >= 0 && *lines >= 0 && *lines <= maxText && (*start > 0 || *lines == 0)
}

// Path is the file that the diff is about: an absolute name as it is, others without
// git's a/ and b/, below the root. Two names that mean two files are refused.
func (f File) Path() (string, error) {
	old, now := f.Old, f.New
	if strings.HasPrefix(old, "a/") && (now == "" || strings.HasPrefix(now, "b/")) || old == "" && strings.HasPrefix(now, "b/") {
		old, now = strings.TrimPrefix(old, "a/"), strings.TrimPrefix(now, "b/")
	}
	name := old
	if name == "" {
		name = now
	}
	if !path.IsAbs(name) && now != "" && now != name {
		return "", fmt.Errorf("line %d: %q and %q are two files", f.Line, f.Old, f.New)
	}
	for _, part := range strings.Split(name, "/") {
		if part == ".." || strings.ContainsRune(part, 0) {
			return "", fmt.Errorf("line %d: %q leaves the root", f.Line, name)
		}
	}
	return path.Join("/", name), nil
}

// Created and Removed say that the file is new, or gone afterwards.
func (f File) Created() bool { return f.Old == "" }

// Removed says that the file is gone afterwards.
func (f File) Removed() bool { return f.New == "" }

// Apply is the content after the diff.
func (f File) Apply(content []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(content), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	var out bytes.Buffer
	open := false // the last line written has no line end
	put := func(l string) bool {
		out.WriteString(l)
		was := open
		open = !strings.HasSuffix(l, "\n")
		return !was
	}
	next := 0 // the first line that is not copied yet
	for i, h := range f.Hunks {
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("hunk %d (line %d of the diff) does not apply: %s", i+1, h.Line, fmt.Sprintf(format, args...))
		}
		start := h.OldStart - 1
		if h.OldLines == 0 {
			start = h.OldStart // it comes after that line
		}
		if start < next || start > len(lines) {
			return nil, wrong("line %d is not there, or lies before the hunk above", h.OldStart)
		}
		for ; next < start; next++ {
			put(lines[next])
		}
		for _, l := range h.Body {
			if l.Op != '+' {
				if next >= len(lines) || lines[next] != l.Text {
					return nil, wrong("line %d of the file is another", next+1)
				}
				next++
			}
			if l.Op != '-' && !put(l.Text) {
				return nil, wrong("a line without a line end comes before another")
			}
		}
	}
	for _, l := range lines[next:] {
		if !put(l) {
			return nil, errors.New("a line without a line end comes before another")
		}
	}
	if f.Removed() && out.Len() > 0 {
		return nil, errors.New("the file is to be gone, and the diff leaves something of it")
	}
	return out.Bytes(), nil
}
