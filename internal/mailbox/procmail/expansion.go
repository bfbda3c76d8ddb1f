package procmail

import "strings"

// ending is what ends a text.
type ending byte

const (
	byLine  ending = iota // the end of the line; blanks part words
	byBlank               // the first blank after a value
	whole                 // the end of the text; blanks stand for themselves
)

// mode is where in a word the reader is, in the order that procmail compares.
type mode byte

const (
	nothingYet mode = iota
	betweenWords
	normalText
	doubleQuoted
	singleQuoted
)

// maxBraces bounds ${a:-${b:-…}}.
const maxBraces = 20

// words reads a text with quotes, variables and backticks as procmail does, which
// is about as sh(1) does.
type words struct {
	src  string
	pos  int
	end  ending
	mode mode
	lit  strings.Builder
	// frames are the texts being read: the outermost, and one for each open ${name:-.
	frames []frame
	quoted int // open braces where the double quote began
	// cut says that the text ended within quotes.
	cut bool
}

type frame struct {
	pieces Text
	of     Piece
}

// readWords reads a text from pos, and returns it with the position behind it.
func readWords(src string, pos int, end ending, start mode) (Text, int, bool) {
	w := &words{src: src, pos: pos, end: end, mode: start, frames: make([]frame, 1)}
	for w.step() {
	}
	for len(w.frames) > 1 {
		w.closeBrace()
	}
	w.flush()
	pieces := w.frames[0].pieces
	if n := len(pieces); n > 0 && pieces[n-1].Kind == Break { // no word follows
		pieces = pieces[:n-1]
	}
	return pieces, w.pos, w.cut
}

// step reads one character or one construct; false is the end.
func (w *words) step() bool {
	if w.pos >= len(w.src) {
		w.cut = w.cut || w.end != whole && w.mode > normalText
		return false
	}
	c := w.src[w.pos]
	w.pos++
	switch c {
	case '\\':
		return w.backslash()
	case '`':
		if w.mode != singleQuoted {
			w.backticks()
			return true
		}
	case '"', '\'':
		return w.quote(c)
	case '}':
		if w.inBrace() {
			w.closeBrace()
			return true
		}
	case '#':
		if w.mode <= betweenWords {
			w.skipLine()
			return false
		}
	case '$':
		if w.mode != singleQuoted {
			w.dollar()
			return true
		}
	case ' ', '\t':
		if w.mode <= normalText {
			return w.blank()
		}
	case '\n':
		if w.mode <= normalText {
			return false
		}
	}
	w.literal(c)
	return true
}

func (w *words) literal(c byte) {
	w.lit.WriteByte(c)
	w.mode = max(w.mode, normalText)
}

func (w *words) flush() {
	if w.lit.Len() > 0 {
		w.emit(Piece{Kind: Literal, Text: w.lit.String()})
		w.lit.Reset()
	}
}

func (w *words) emit(p Piece) {
	top := &w.frames[len(w.frames)-1]
	top.pieces = append(top.pieces, p)
}

func (w *words) inBrace() bool {
	open := len(w.frames) - 1
	return w.mode <= normalText && open > 0 || w.mode == doubleQuoted && open > w.quoted
}

// blank ends a word or the value.
func (w *words) blank() bool {
	if w.mode != normalText {
		return true
	}
	if w.end == byBlank {
		return false
	}
	w.mode = betweenWords
	if w.end == whole {
		w.lit.WriteByte(' ')
		return true
	}
	w.flush()
	w.emit(Piece{Kind: Break})
	return true
}

func (w *words) quote(c byte) bool {
	switch {
	case c == '"' && w.mode == doubleQuoted && w.quoted == len(w.frames)-1,
		c == '\'' && w.mode == singleQuoted:
		w.mode = normalText
	case w.mode >= doubleQuoted:
		w.literal(c)
	case c == '"':
		w.mode, w.quoted = doubleQuoted, len(w.frames)-1
	default:
		w.mode = singleQuoted
	}
	return true
}

// backslash takes the next character as it is, or joins two lines.
func (w *words) backslash() bool {
	if w.mode == singleQuoted {
		w.literal('\\')
		return true
	}
	if w.pos >= len(w.src) {
		w.cut = true
		return false
	}
	c := w.src[w.pos]
	w.pos++
	if c == '\n' {
		return true
	}
	keep := false
	switch c {
	case '"', '\\', '$', '`':
	case '#':
		keep = w.mode > betweenWords
	case ' ', '\t', '\'':
		keep = w.mode == doubleQuoted
	case '}':
		keep = !w.inBrace() && w.mode > normalText
	default:
		keep = w.mode > normalText
	}
	if keep {
		w.literal('\\')
	}
	w.literal(c)
	return true
}

// backticks reads a command up to its closing mark, or within double quotes up to
// their end.
func (w *words) backticks() {
	var b strings.Builder
	for w.pos < len(w.src) {
		c := w.src[w.pos]
		w.pos++
		if c == '`' || c == '"' && w.mode == doubleQuoted {
			if c == '"' {
				w.mode = normalText
			}
			break
		}
		if c == '\\' && w.pos < len(w.src) {
			c = w.src[w.pos]
			w.pos++
			if c == '\n' {
				continue
			}
			if c != '\\' && c != '$' && c != '`' && !(c == '"' && w.mode == doubleQuoted) {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(c)
	}
	w.flush()
	w.emit(Piece{Kind: Command, Text: b.String()})
	w.mode = max(w.mode, normalText)
}

func (w *words) skipLine() {
	if i := strings.IndexByte(w.src[w.pos:], '\n'); i >= 0 {
		w.pos += i + 1
		return
	}
	w.pos = len(w.src)
}

// dollar reads what follows a dollar sign.
func (w *words) dollar() {
	if w.pos >= len(w.src) {
		w.literal('$')
		return
	}
	c := w.src[w.pos]
	switch {
	case c == '{':
		w.pos++
		w.brace()
	case c == '\\' && w.pos+1 < len(w.src) && isAlpha(w.src[w.pos+1]): // $\name quotes the value for a regular expression
		w.pos++
		w.variable(w.name())
	case isAlpha(c):
		w.variable(w.name())
	case isDigit(c), strings.IndexByte("$?#=_-@", c) >= 0:
		w.pos++
		w.variable(string(c))
	default:
		w.literal('$')
	}
}

func (w *words) variable(name string) {
	w.flush()
	w.emit(Piece{Kind: Variable, Text: name})
	w.mode = max(w.mode, normalText)
}

func (w *words) name() string {
	start := w.pos
	for w.pos < len(w.src) && isAlnum(w.src[w.pos]) {
		w.pos++
	}
	return w.src[start:w.pos]
}

// brace reads ${name}, or the beginning of ${name:-text}.
func (w *words) brace() {
	name := w.name()
	rest := w.src[w.pos:]
	for _, or := range []string{":-", ":+", "-", "+"} {
		if strings.HasPrefix(rest, or) && len(w.frames) <= maxBraces {
			w.pos += len(or)
			w.flush()
			w.frames = append(w.frames, frame{of: Piece{Kind: Variable, Text: name, Or: or}})
			return
		}
	}
	if rest != "" {
		w.pos++ // the brace, or what makes it a bad substitution
	}
	w.variable(name)
}

func (w *words) closeBrace() {
	w.flush()
	top := w.frames[len(w.frames)-1]
	w.frames = w.frames[:len(w.frames)-1]
	top.of.Else = top.pieces
	w.emit(top.of)
	w.mode = max(w.mode, normalText)
}
