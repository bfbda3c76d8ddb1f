package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"waxseal"
)

// safe makes a string from the host harmless to a terminal: control characters,
// escape sequences and characters that turn the writing direction are shown as
// escapes (Unicode TR36 §3.1). Line breaks and tabs become escapes too; a text of
// several lines goes through safeLines.
func safe(s string) string {
	if strings.IndexFunc(s, hostile) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && s[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hostile(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case hostile(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r) && r != '\u00ad' || r == '\u2028' || r == '\u2029'
}

func safeLines(s string) []string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = safe(strings.ReplaceAll(strings.TrimSuffix(l, "\r"), "\t", "    "))
	}
	return lines
}

// sticky is a stream that remembers its first error, so that a document that
// could not be written (a full disk) is noticed at the end, once.
type sticky struct {
	io.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	if err != nil && s.err == nil {
		s.err = err
		var where *fs.PathError
		if errors.As(err, &where) {
			s.err = where.Err
		}
	}
	return n, err
}

const (
	// textWidth is how wide text output gets where its words allow that.
	textWidth = 110
	// narrowest is the least that a column is cut to for that.
	narrowest = 24
)

// table is aligned columns.
type table struct {
	out  io.Writer
	rows [][]string
}

func (d *door) table() *table { return &table{out: d.out} }

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = safe(c)
	}
	t.rows = append(t.rows, cells)
}

// note adds a row that is one sentence, outside the columns.
func (t *table) note(text string) { t.rows = append(t.rows, []string{safe(text)}) }

// flush prints the rows. Where they would get too wide, the columns in cut give
// way, in that order.
func (t *table) flush(cut ...int) error {
	widths := t.widths()
	for _, i := range cut {
		if over := sum(widths) - textWidth; over > 0 && i < len(widths) && widths[i] > narrowest {
			widths[i] = max(narrowest, widths[i]-over)
		}
	}
	var b strings.Builder
	for _, cells := range t.rows {
		line := ""
		for i, c := range cells {
			if len(cells) > 1 {
				c = shorten(c, widths[i]-gutter)
			}
			line += c
			if i < len(cells)-1 {
				line += strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c)))
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

// gutter is the space between two columns.
const gutter = 2

func (t *table) widths() []int {
	var widths []int
	for _, cells := range t.rows {
		for i, c := range cells {
			if len(cells) < 2 {
				break // a note
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c)+gutter)
		}
	}
	return widths
}

func sum(list []int) (n int) {
	for _, i := range list {
		n += i
	}
	return n
}

// colours of severities (ISO 6429), used on a terminal only.
var colours = map[waxseal.Severity]string{
	waxseal.Critical: "\x1b[1;37;41m", waxseal.High: "\x1b[1;31m", waxseal.Medium: "\x1b[33m", waxseal.Low: "\x1b[36m",
}

// severity prints a level in capitals, coloured where that is wanted
// (https://no-color.org).
func (d *door) severity(s waxseal.Severity) string {
	word := strings.ToUpper(s.String())
	colour, ok := colours[s]
	if !ok || !isTerminal(d.out) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return word
	}
	return colour + word + "\x1b[0m"
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(w io.Writer) bool {
	if s, ok := w.(*sticky); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && st.Mode()&os.ModeDevice != 0 && f.Name() != os.DevNull
}

// block prints a label and indented lines beside it.
func (d *door) block(label string, lines ...string) {
	for i, l := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(d.out, "  %-9s %s\n", label, l)
	}
}

// wrap breaks a sentence into lines for reading beside a label.
func wrap(s string) []string { return wrapTo(s, textWidth-14) }

func wrapTo(s string, width int) []string {
	var lines []string
	line, used := "", 0
	for _, word := range strings.Fields(safe(s)) {
		n := utf8.RuneCountInString(word)
		if line != "" && used+1+n > width {
			lines = append(lines, line)
			line, used = "", 0
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	return append(lines, line)
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// problemLines says problems, one a line, each once, those first that kept
// something from being read.
func problemLines(list []waxseal.Problem) []string {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b waxseal.Problem) int {
		switch {
		case a.Unreadable == b.Unreadable:
			return 0
		case a.Unreadable:
			return -1
		}
		return 1
	})
	var lines []string
	seen := map[string]bool{}
	for _, p := range list {
		line := problemLine(p)
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

// problemLine is "PATH:LINE: message". The message of a system call says the
// path again; once is enough.
func problemLine(p waxseal.Problem) string {
	message := p.Message
	for _, call := range []string{"open ", "read ", "stat ", "resolve ", "read directory "} {
		message = strings.TrimPrefix(message, call+string(p.Path)+": ")
	}
	if p.Line > 0 {
		return safe(fmt.Sprintf("%s:%d: %s", p.Path, p.Line, message))
	}
	return safe(fmt.Sprintf("%s: %s", p.Path, message))
}

// maxProblems bounds the problems shown to people: a binary in the place of a
// configuration makes thousands, and the first tell it.
const maxProblems = 20

func bounded(lines []string) []string {
	if len(lines) <= maxProblems {
		return lines
	}
	return append(lines[:maxProblems:maxProblems], fmt.Sprintf("… and %d more problems", len(lines)-maxProblems))
}

func (d *door) printProblems(list []waxseal.Problem) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(d.out, "\nProblems:\n")
	for _, l := range bounded(problemLines(list)) {
		fmt.Fprintln(d.out, "  "+l)
	}
}

// warnProblems tells problems on stderr, where the document has no place for
// them.
func (d *door) warnProblems(list []waxseal.Problem) {
	for _, l := range bounded(problemLines(list)) {
		d.warn(l)
	}
}

// progress says on a terminal that work goes on, once it lasts more than a
// second. The returned function ends it.
func (d *door) progress(what string) (done func()) {
	return d.progressOf(what, func() string { return "" })
}

// progressOf is progress that also says how far the work is. detail is called
// from another goroutine.
func (d *door) progressOf(what string, detail func() string) (done func()) {
	if !isTerminal(d.err) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		shown := false
		for n := 1; ; n++ {
			select {
			case <-stop:
				if shown {
					fmt.Fprint(d.err, "\r\x1b[K")
				}
				return
			case <-time.After(time.Second):
				shown = true
				fmt.Fprintf(d.err, "\r\x1b[K%s … %ds%s", safe(what), n, detail())
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
