package mc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// builtins are the macros of GNU m4.
func builtins() map[string]macro {
	with := func(f func(*machine, []string)) macro { return macro{builtin: f, blind: true} }
	bare := func(f func(*machine, []string)) macro { return macro{builtin: f} }
	nothing := bare(func(*machine, []string) {})
	return map[string]macro{
		"define": with(define), "pushdef": with(pushdef), "undefine": with(undefine), "popdef": with(popdef), "defn": with(defn),
		"ifdef": with(ifdef), "ifelse": with(ifelse), "shift": with(shift), "indir": with(indir), "builtin": with(callBuiltin),
		"divert": bare(divert), "undivert": bare(undivert), "divnum": bare(func(m *machine, _ []string) { m.give(strconv.Itoa(m.divert)) }),
		"dnl": bare(dnl), "changequote": bare(changeQuote), "changecom": bare(changeComment),
		"len": with(func(m *machine, a []string) { m.give(strconv.Itoa(len(arg(a, 1)))) }), "index": with(index), "substr": with(substr), "translit": with(translit),
		"incr": with(func(m *machine, a []string) { m.give(strconv.Itoa(integer(arg(a, 1)) + 1)) }), "decr": with(func(m *machine, a []string) { m.give(strconv.Itoa(integer(arg(a, 1)) - 1)) }),
		"eval": with(eval), "format": with(format), "patsubst": with(unknownText), "regexp": with(unknownText),
		"include": with(func(m *machine, a []string) { m.include(arg(a, 1), true) }), "sinclude": with(func(m *machine, a []string) { m.include(arg(a, 1), false) }),
		"syscmd": with(func(m *machine, a []string) { m.command(arg(a, 1), false) }), "esyscmd": with(func(m *machine, a []string) { m.command(arg(a, 1), true) }),
		"sysval": bare(func(m *machine, _ []string) { m.give("0") }), "maketemp": with(temporary), "mkstemp": with(temporary),
		"m4wrap": with(func(m *machine, a []string) { m.wrapped = append(m.wrapped, strings.Join(a[1:], " ")) }), "m4exit": bare(func(m *machine, _ []string) { m.stopped = true }),
		"errprint": with(func(m *machine, a []string) { m.problem(strings.TrimSpace(clip(strings.Join(a[1:], " ")))) }),
		"dumpdef":  nothing, "traceon": nothing, "traceoff": nothing, "debugmode": nothing, "debugfile": nothing,
		"__file__": bare(func(m *machine, _ []string) { f, _ := m.place(); m.give(m.open + f + m.closed) }), "__line__": bare(func(m *machine, _ []string) { _, n := m.place(); m.give(strconv.Itoa(n)) }),
		"__gnu__": nothing, "__unix__": nothing, "__program__": bare(func(m *machine, _ []string) { m.give("m4") }),
	}
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// give puts text in front of the input.
func (m *machine) give(s string) { m.push(frame{text: s}) }

func arg(a []string, n int) string {
	if n < len(a) {
		return a[n]
	}
	return ""
}

// arguments of a call can be builtins themselves, by defn: a mark in the text names
// one. NUL is in no source.
const builtinMark = "\x00"

func (m *machine) definition(text string) macro {
	if name, ok := strings.CutPrefix(text, builtinMark); ok {
		if b, ok := builtins()[name]; ok {
			return b
		}
	}
	return macro{text: text}
}

func define(m *machine, a []string) {
	name := arg(a, 1)
	d := m.definition(arg(a, 2))
	if s := m.macros[name]; len(s) > 0 {
		s[len(s)-1] = d
		return
	}
	m.macros[name] = []macro{d}
}

func pushdef(m *machine, a []string) {
	m.macros[arg(a, 1)] = append(m.macros[arg(a, 1)], m.definition(arg(a, 2)))
}

func undefine(m *machine, a []string) {
	for _, name := range a[1:] {
		delete(m.macros, name)
	}
}

func popdef(m *machine, a []string) {
	for _, name := range a[1:] {
		if s := m.macros[name]; len(s) > 0 {
			m.macros[name] = s[:len(s)-1]
		}
	}
}

func defn(m *machine, a []string) {
	var b strings.Builder
	for _, name := range a[1:] {
		s := m.macros[name]
		switch {
		case len(s) == 0:
		case s[len(s)-1].builtin != nil:
			b.WriteString(m.open + builtinMark + name + m.closed)
		default:
			b.WriteString(m.open + s[len(s)-1].text + m.closed)
		}
	}
	m.give(b.String())
}

func (m *machine) defined(name string) bool { return len(m.macros[name]) > 0 }

func ifdef(m *machine, a []string) {
	if m.defined(arg(a, 1)) {
		m.give(arg(a, 2))
		return
	}
	m.give(arg(a, 3))
}

func ifelse(m *machine, a []string) {
	a = a[1:]
	for len(a) >= 3 {
		if a[0] == a[1] {
			m.give(a[2])
			return
		}
		if len(a) <= 5 {
			if len(a) > 3 {
				m.give(a[3])
			}
			return
		}
		a = a[3:]
	}
}

func shift(m *machine, a []string) {
	var b strings.Builder
	for n := 2; n < len(a); n++ {
		if n > 2 {
			b.WriteByte(',')
		}
		b.WriteString(m.open + a[n] + m.closed)
	}
	m.give(b.String())
}

func indir(m *machine, a []string) { m.call(m.macros[arg(a, 1)], a[min(1, len(a)):]) }

func callBuiltin(m *machine, a []string) {
	if b, ok := builtins()[arg(a, 1)]; ok {
		m.call([]macro{b}, a[1:])
	}
}

func (m *machine) call(stack []macro, args []string) {
	switch {
	case len(stack) == 0 || len(args) == 0:
	case stack[len(stack)-1].builtin != nil:
		stack[len(stack)-1].builtin(m, args)
	default:
		m.give(m.filled(stack[len(stack)-1].text, args))
	}
}

func divert(m *machine, a []string) { m.divert = integer(arg(a, 1)) }

func undivert(m *machine, a []string) {
	if len(a) == 1 {
		for _, n := range m.diversions() {
			m.undivertOne(n)
		}
	}
	for _, s := range a[1:] {
		if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
			m.undivertOne(n)
		} else if text, ok := m.read(s); ok {
			m.emit(text)
		}
	}
}

func (m *machine) undivertOne(n int) {
	if b := m.output[n]; b != nil && n > 0 && n != m.divert {
		delete(m.output, n)
		m.size -= b.Len()
		m.emit(b.String())
	}
}

// diversions are those that hold text, in order.
func (m *machine) diversions() []int {
	var list []int
	for n := range m.output {
		if n > 0 {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

func dnl(m *machine, _ []string) {
	for m.peek() >= 0 {
		m.upTo('\n', '\n')
		if m.next() == '\n' {
			return
		}
	}
}

func changeQuote(m *machine, a []string) {
	m.open, m.closed = "`", "'"
	if len(a) > 1 {
		m.open, m.closed = a[1], "'"
		if len(a) > 2 && a[2] != "" {
			m.closed = a[2]
		}
	}
}

func changeComment(m *machine, a []string) {
	m.comment, m.end = arg(a, 1), "\n"
	if len(a) > 2 && a[2] != "" {
		m.end = a[2]
	}
}

func index(m *machine, a []string) { m.give(strconv.Itoa(strings.Index(arg(a, 1), arg(a, 2)))) }

func substr(m *machine, a []string) {
	s, from := arg(a, 1), integer(arg(a, 2))
	if from < 0 || from >= len(s) {
		return
	}
	length := len(s) - from
	if len(a) > 3 {
		length = min(integer(a[3]), length)
	}
	if length > 0 {
		m.give(s[from : from+length])
	}
}

// spread writes the ranges of a set out: "a-e" is "abcde".
func spread(s string) string {
	if !strings.Contains(s, "-") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' {
			step := 1
			if s[i+2] < s[i] {
				step = -1
			}
			for c := int(s[i]); c != int(s[i+2])+step; c += step {
				b.WriteByte(byte(c))
			}
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func translit(m *machine, a []string) {
	from, to := spread(arg(a, 2)), spread(arg(a, 3))
	var b strings.Builder
	for i := range len(arg(a, 1)) {
		c := a[1][i]
		switch n := strings.IndexByte(from, c); {
		case n < 0:
			b.WriteByte(c)
		case n < len(to):
			b.WriteByte(to[n])
		}
	}
	m.give(b.String())
}

func integer(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

// format is printf(1) as far as text and whole numbers go.
func format(m *machine, a []string) {
	args := a[min(2, len(a)):]
	var b strings.Builder
	text := arg(a, 1)
	for i := 0; i < len(text) && b.Len() < maxName; i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		if text[i+1] == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		end := i + 1
		for end < len(text) && end < i+8 && strings.IndexByte("-+ #0123456789.", text[end]) >= 0 {
			end++
		}
		if end >= len(text) {
			break
		}
		value := ""
		if len(args) > 0 {
			value, args = args[0], args[1:]
		}
		width := text[i:end]
		if strings.Trim(width, "%-+ #0.") != "" && len(strings.Trim(width, "%-+ #.")) > 3 {
			width = "%"
		}
		if text[end] == 's' || text[end] == 'c' {
			fmt.Fprintf(&b, width+"s", value)
		} else if strings.IndexByte("dioxX", text[end]) >= 0 {
			fmt.Fprintf(&b, width+strings.Replace(string(text[end]), "i", "d", 1), integer(value))
		}
		i = end
	}
	m.give(b.String())
}

// unknownText is a macro over regular expressions of Emacs, which no file of
// Sendmail uses: the text is kept as it is.
func unknownText(m *machine, a []string) {
	m.problem(a[0] + " is not worked out")
	if a[0] == "patsubst" {
		m.give(arg(a, 1))
	}
}

func temporary(m *machine, a []string) {
	name := strings.ReplaceAll(arg(a, 1), "XXXXXX", "000000")
	m.temporary[name] = true
	m.give(m.open + name + m.closed)
}

// include reads a file in place of the call. A temporary file holds what a command
// that was not run would have written.
func (m *machine) include(name string, must bool) {
	if m.temporary[name] {
		return
	}
	if m.included++; m.included > maxIncludes {
		m.stop("files include each other more deeply than is followed: " + clip(name))
		return
	}
	text, ok := m.read(name)
	if !ok {
		m.included--
		m.result.Missing = append(m.result.Missing, name)
		if m.sketchLibrary(name) {
			return
		}
		if must {
			m.problem("the file to be included is not there: " + clip(name))
		}
		return
	}
	m.result.Files = append(m.result.Files, name)
	if text == "" {
		m.included--
		return
	}
	m.push(frame{text: strings.ReplaceAll(text, "\x00", " "), file: name, line: 1})
}

func (m *machine) command(text string, read bool) {
	file, line := m.place()
	if len(m.result.Commands) < maxProblems {
		m.result.Commands = append(m.result.Commands, Command{File: file, Line: line, Text: strings.TrimSpace(text), Read: read})
	}
	if read {
		m.problem("what the command prints becomes part of the configuration, and is not known: " + clip(text))
	}
}

// finish puts the output together: what was diverted comes last, in order.
func (m *machine) finish() {
	var b strings.Builder
	if m.output[0] != nil {
		b.WriteString(m.output[0].String())
	}
	for _, n := range m.diversions() {
		b.WriteString(m.output[n].String())
	}
	m.result.Text = b.String()
	m.result.Macros = map[string]string{}
	for name, s := range m.macros {
		if len(s) > 0 && s[len(s)-1].builtin == nil {
			m.result.Macros[name] = s[len(s)-1].text
		}
	}
	if m.sketch != nil {
		m.result.Sketched, m.result.Blind = true, m.sketch.blind
		m.result.Text += m.sketch.lines(m.result.Macros)
	}
}
