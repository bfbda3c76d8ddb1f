package eximconf

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes configurations that Exim would take, most of them, and that use
// the language in odd ways: all from one seed.
type generator struct {
	*rand.Rand
	dir      string // where the case lies, as Exim sees it
	files    map[string]string
	macros   []string
	depth    int
	includes int
}

func newGenerator(seed uint64, dir string) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 1)), dir: dir, files: map[string]string{}}
}

func (g *generator) pick(words ...string) string { return words[g.IntN(len(words))] }
func (g *generator) oneIn(n int) bool            { return g.IntN(n) == 0 }

// generate returns the files of a configuration, "main" first of all.
func (g *generator) generate() map[string]string {
	var b strings.Builder
	for range 3 + g.IntN(8) {
		g.wrapped(&b, g.mainLine)
	}
	g.acls(&b)
	g.driverSection(&b, "routers", g.router)
	g.driverSection(&b, "transports", g.transport)
	b.WriteString(g.pick("begin retry\n", "begin  RETRY\n", "BEGIN retrys\n"))
	b.WriteString(g.pick("* * F,2h,15m\n", "*\t*\tF,2h,15m; G,16h,1h,1.5\n", ""))
	b.WriteString("begin rewrite\n")
	if g.oneIn(2) {
		b.WriteString(g.pick("a@b.example c@d.example Ffrs\n", "\"^x@\" \"${if eq{a}{b}{x@y}fail}\" h\n", "*@x.example $1@y.example\n"))
	}
	g.files["main"] = b.String()
	return g.files
}

// wrapped writes something plainly, in a condition, or in a file of its own.
func (g *generator) wrapped(b *strings.Builder, write func(*strings.Builder)) {
	if g.depth > 3 {
		write(b)
		return
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(12) {
	case 0:
		g.condition(b, write)
	case 1:
		g.include(b, write)
	case 2:
		b.WriteString(g.pick("# comment\n", "  # comment with MACRO \\\n", "\n", "   \n", "#\n"))
		write(b)
	default:
		write(b)
	}
}

func (g *generator) condition(b *strings.Builder, write func(*strings.Builder)) {
	known := append([]string{"_HAVE_IPV6", "_OPT_MAIN_PRDR_ENABLE", "NOTHING", "_HAVE_NOTHING"}, g.macros...)
	fmt.Fprintf(b, "%s.%s %s\n", g.pick("", "  "), g.pick("ifdef", "ifndef"), g.pick(known...))
	macros := len(g.macros)
	write(b)
	if g.oneIn(3) {
		fmt.Fprintf(b, ".%s %s\n", g.pick("elifdef", "elifndef"), g.pick(known...))
		g.comment(b)
	}
	if g.oneIn(2) {
		b.WriteString(".else\n")
		g.comment(b)
	}
	b.WriteString(".endif\n")
	g.macros = g.macros[:macros] // what a condition defines may be none
}

func (g *generator) comment(b *strings.Builder) { b.WriteString("# other\n") }

func (g *generator) include(b *strings.Builder, write func(*strings.Builder)) {
	g.includes++
	name := fmt.Sprintf("inc%d", g.includes)
	var inner strings.Builder
	write(&inner)
	g.files[name] = inner.String()
	switch g.IntN(4) {
	case 0:
		fmt.Fprintf(b, ".include_if_exists %s/%s\n", g.dir, name)
	case 1:
		fmt.Fprintf(b, ".include_if_exists %s/nothing\n.include \"%s/%s\"\n", g.dir, g.dir, name)
	case 2:
		fmt.Fprintf(b, "  .include  %s  \n", name)
	default:
		fmt.Fprintf(b, ".include %s/%s\n", g.dir, name)
	}
}

// broken writes a line in physical pieces.
func (g *generator) broken(line string) string {
	if g.oneIn(3) {
		if i := strings.IndexByte(line, ' '); i > 0 && i < len(line)-1 {
			sep := g.pick("\\\n", "\\\n   ", "\\  \n\t", "\\\n# in between\n ", "\\\n.ifdef NOTHING\nx\n.endif\n")
			return line[:i+1] + sep + line[i+1:] + "\n"
		}
	}
	return g.pick("", "  ", "\t") + line + g.pick("", " ", "\t ") + "\n"
}

func (g *generator) define(b *strings.Builder) {
	name := fmt.Sprintf("%s%d_X", g.pick("MAC", "Def", "M"), len(g.macros)*7+g.includes*100+g.IntN(7))
	for _, have := range g.macros {
		if have == name || strings.Contains(name, have) {
			return
		}
	}
	value := g.pick("", "alpha", "beta gamma", "/etc/x", "a b \"c\"", "$local_part", "x.example", "1")
	if len(g.macros) > 0 && g.oneIn(2) {
		value = "x" + g.pick(g.macros...) + "y"
	}
	b.WriteString(g.broken(fmt.Sprintf("%s%s%s", name, g.pick(" = ", "=", " =  "), value)))
	if g.depth <= 1 {
		g.macros = append(g.macros, name)
		if g.oneIn(4) {
			fmt.Fprintf(b, "%s == %s\n", name, g.pick("again", "", "other text"))
		}
	}
}

func (g *generator) text() string {
	words := []string{"alpha", "x.example", "/var/mail/$local_part", "${if eq{a}{b}{yes}{no}}", "one : two", "a  b", "'q'", "tab\there"}
	if len(g.macros) > 0 {
		m := g.pick(g.macros...)
		words = append(words, m, "in"+m+"side")
	}
	s := g.pick(words...)
	if g.oneIn(3) {
		s += " " + g.pick(words...)
	}
	if g.oneIn(4) && !strings.ContainsAny(s, "\"") {
		quoted := `"` + s + g.pick("", `\n`, `\t`, `\x41`, `\101`, `\\`, `\"`) + `"`
		for _, m := range g.macros {
			if strings.Contains(s, m) {
				return s
			}
		}
		return quoted
	}
	return s
}

// value makes one that an option takes.
func (g *generator) value(kind Type) string {
	switch kind {
	case Switch, Verify:
		return g.pick("true", "false", "yes", "no", "TRUE", "No")
	case Expanded:
		return g.pick("true", "no", "${if eq{a}{b}}", `"${if eq{a}{b}}"`)
	case Integer:
		return g.pick("1", "20", "0x10", "3K", "010", "0")
	case Size:
		return g.pick("1024", "100K", "1M", "1025", "2048K", "0")
	case KSize:
		return g.pick("10M", "2048K", "1G", "100K", "1048576", "0")
	case Octal:
		return g.pick("0600", "660", "0", "022")
	case Fixed:
		return g.pick("1", "2.5", "3.25", "4.125", "10.0")
	case Time:
		if g.oneIn(40) {
			return "3600"
		}
		return g.pick("1d", "3600s", "90m", "7d", "1w2d3h4m5s", "86400s", "0s")
	case Times:
		return g.pick("1d", "24h:48h", "25h", "1h:2h:4h")
	case User:
		return g.pick("root", "mail", "8")
	case Group:
		return g.pick("root", "mail", "8")
	case Users:
		return g.pick("root", "mail:uucp", "mail : 8")
	case Groups:
		return g.pick("mail", "mail:root")
	}
	return g.text()
}

// setting writes an option of a class.
func (g *generator) setting(name string, kind Type) string {
	if kind == Switch || kind == Verify || kind == Expanded {
		if g.oneIn(2) {
			return g.pick("", "no_", "not_") + name
		}
	}
	hide := ""
	if g.oneIn(8) {
		hide = "hide "
	}
	return hide + name + g.pick(" = ", "=", " =", "  =  ") + g.value(kind)
}
