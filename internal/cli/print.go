package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"waxseal"
)

// safe makes a string from the host harmless to a terminal: control characters,
// escape sequences and characters that turn the writing direction are shown as
// escapes (Unicode TR36 §3.1). Line breaks and tabs become escapes too; a text of
// several lines goes through safeLines.
func safe(s string) string {
	if strings.IndexFunc(s, hostile) < 0 && strings.ToValidUTF8(s, "") == s {
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

// printJSON prints one document, indented.
func (d *door) printJSON(v any) error {
	enc := json.NewEncoder(d.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table is aligned columns.
type table struct{ w *tabwriter.Writer }

func (d *door) table() table { return table{tabwriter.NewWriter(d.out, 2, 8, 2, ' ', 0)} }

func (t table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = safe(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t table) flush() error { return t.w.Flush() }

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

// block prints a label and indented lines beside it.
func (d *door) block(label string, lines ...string) {
	for i, l := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(d.out, "  %-9s %s\n", label, l)
	}
}

// wrap breaks a sentence into lines for reading.
func wrap(s string) []string {
	const width = 96
	var lines []string
	line := ""
	for _, word := range strings.Fields(safe(s)) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// progress says on a terminal that work goes on, once it lasts more than a
// second. The returned function ends it.
func (d *door) progress(what string) (done func()) {
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
				fmt.Fprintf(d.err, "\r%s … %ds", what, n)
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
