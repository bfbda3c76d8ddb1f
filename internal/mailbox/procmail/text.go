package procmail

import "strings"

// Text is a text that procmail expands when it meets it: literal pieces,
// variables, and commands between backticks.
type Text []Piece

// PieceKind is what a piece of a text is.
type PieceKind byte

// The kinds of piece.
const (
	Literal  PieceKind = iota
	Variable           // $name, ${name}, ${name:-text}
	Command            // `command`
	Break              // between two words
)

// Piece is a piece of a text.
type Piece struct {
	Kind PieceKind
	Text string // the literal, the name of the variable, or the command
	// Or is how Else stands in for the variable: "" not at all, ":-", "-", ":+", "+".
	Or   string
	Else Text
}

// Written is a text about as it was written.
func (t Text) Written() string {
	var b strings.Builder
	for _, p := range t {
		switch p.Kind {
		case Literal:
			b.WriteString(p.Text)
		case Break:
			b.WriteByte(' ')
		case Command:
			b.WriteString("`" + p.Text + "`")
		case Variable:
			b.WriteString(p.written())
		}
	}
	return b.String()
}

func (p Piece) written() string {
	if p.Or == "" && len(p.Text) > 0 && isAlnum(p.Text[0]) {
		return "$" + p.Text
	}
	return "${" + p.Text + p.Or + p.Else.Written() + "}"
}

// Commands are the commands between backticks in a text.
func (t Text) Commands() []string {
	var out []string
	for _, p := range t {
		if p.Kind == Command {
			out = append(out, p.Text)
		}
		out = append(out, p.Else.Commands()...)
	}
	return out
}

func isAlpha(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }

// shellMetas are the characters that make procmail leave a command to the shell
// (procmailrc(5) SHELLMETAS).
const shellMetas = "&|<>~;?*["

// NeedsShell reports whether procmail hands a command to $SHELL rather than
// starting its program itself.
func NeedsShell(command string) bool { return strings.ContainsAny(command, shellMetas) }
