package ucl

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes configurations: what administrators write, in odd layout, and
// now and then broken.
type generator struct {
	*rand.Rand
	files map[string]string
	dir   string
	// names are what the file that is written may include: each may the later ones,
	// and now and then any.
	names []string
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 11))}
}

// write makes the files of one configuration; the first is main.conf.
func (g *generator) write(dir string) map[string]string {
	g.files, g.dir = map[string]string{}, dir
	all := []string{"main.conf", "a.conf", "b.conf", "d/*.conf", "d/1.conf", "d/2.conf"}
	for i, n := range all {
		g.names = append(all[i+1:len(all):len(all)], "missing.conf")
		if g.IntN(40) == 0 {
			g.names = all
		}
		switch n {
		case "main.conf":
			g.files[n] = g.broken(g.statements(0, 2+g.IntN(6)))
		case "d/*.conf":
		default:
			g.files[n] = g.broken(g.statements(1, 1+g.IntN(4)))
		}
	}
	return g.files
}

// broken spoils one text of thirty a little.
func (g *generator) broken(text string) string {
	if g.IntN(30) > 0 || len(text) < 4 {
		return text
	}
	at := g.IntN(len(text) - 1)
	switch g.IntN(3) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + g.pick("}", "{", "]", "\"", "#", ";", "\n", "/*", "=", "\\", ".", "'") + text[at:]
	}
	return text[:at]
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) space() string {
	return g.pick("", " ", " ", "  ", "\t", "\n", "\n  ", " # a comment\n", "\n# c \"q\" {\n", " /* x */ ", "\n/* a /* b */ \" } \" */\n", "\r\n", "/* ** */")
}

func (g *generator) blank() string { return g.pick("", " ", " ", "\t", "  ") }

func (g *generator) statements(depth, n int) string {
	var b strings.Builder
	b.WriteString(g.pick("", "", g.space()))
	for range n {
		b.WriteString(g.statement(depth))
		b.WriteString(g.pick("\n", "\n", "\n", ";\n", "; ", ",\n", g.space()))
	}
	return b.String()
}

func (g *generator) key() string {
	return g.pick("a", "b", "c", "x", "k", "_u", "/p", "a-b", "a.b", "9", `"q"`, `"with blank"`, `"es\"c"`, "ключ")
}

func (g *generator) statement(depth int) string {
	switch n := g.IntN(20); {
	case n < 10:
		return g.key() + g.blank() + g.pick("=", ":", "= ", " = ", " ", " /* c */ = ") + g.blank() + g.value(depth)
	case n < 13 && depth < 5:
		return g.key() + " " + g.section(depth)
	case n < 15 && depth < 5:
		return g.key() + " " + g.pick(g.key(), `"n m"`, "n1") + " " + g.pick("", "n2 ") + g.section(depth)
	case n < 18 && depth < 3:
		return g.include()
	case n == 18 && g.IntN(3) == 0:
		return g.pick("x = 99999999999999999999", ".priority 3", ".priority 0", ".priority(priority=2) \"\"", `.inherit "a"`, `.inherit(replace=true) "b"`, `.load(key="l"; try=true) "`+g.dir+`/b.conf"`, ".load(key=x2,target=int) \""+g.dir+"/n\"")
	}
	return g.key() + " = " + g.scalar()
}

func (g *generator) section(depth int) string {
	return "{" + g.pick("", " ", "\n") + g.statements(depth+1, g.IntN(4)) + "}"
}

func (g *generator) include() string {
	args := g.pick("", "(try=true)", "(try=true; priority=1,duplicate=merge)", "(try=true; priority=10)", "(duplicate=rewrite)", "(priority=2)", "(t=yes; pri=3; d=merge)", "(try = true; duplicate = \"merge\")",
		"(prefix=true)", "(prefix=true; key=\"pk\")", "(key=\"pk\"; target=\"array\")", "(try=true;glob=true;priority=1)", "(try=true) /* c */", "(priority=17)")
	name := g.pick(g.names...)
	if name == "missing.conf" && g.IntN(30) > 0 {
		args = "(try=true)"
	}
	if strings.HasSuffix(name, "*.conf") {
		args = g.pick("(glob=true)", "(glob=true,priority=4)", "(glob=yes; duplicate=merge)")
	}
	macro := g.pick("include", "include", "include", "try_include")
	if strings.HasSuffix(name, "*.conf") || name == "missing.conf" {
		macro = "include"
	}
	return "." + macro + args + g.pick(" ", "  ", "\t") + `"` + g.pick("$HERE", "${HERE}", g.dir) + "/" + name + `"`
}

func (g *generator) value(depth int) string {
	switch n := g.IntN(10); {
	case n < 6:
		return g.scalar()
	case n < 8 && depth < 5:
		var items []string
		for range g.IntN(4) {
			items = append(items, g.blank()+g.pick(g.scalar(), g.value(depth+1)))
		}
		return "[" + g.pick("", "", " ") + strings.Join(items, g.pick(",", ", ", ",\n", ";")) + g.pick("", "", "\n") + "]"
	case n == 8 && depth < 5:
		return g.section(depth)
	}
	return g.pick("<<EOD\nline $HERE one\n\ntwo\nEOD\n", "<<X\n{ \"x\": 1 }\nX;", "<<EOD\nEOD\nb\nEOD\n", "<<EOD\nx\nEODX\n EOD\nEOD,")
}

func (g *generator) scalar() string {
	switch g.IntN(6) {
	case 0:
		return g.number()
	case 1:
		return g.pick("true", "no", "Yes", "off", "ON", "FALSE", "null", "nan1", "inf1", "yes please")
	case 2:
		return `"` + g.pick("", "text", "a b;c", `q\"q`, `\n\t\\`, `\u0041\u00e9\u20ac`, "$HERE/x", "${HERE}", "$$HERE", "$UNKNOWN", "x$", `\/`, `\.x`, "{ # }", "é") + `"`
	case 3:
		return `'` + g.pick("", "a", "it\\'s", "$HERE", "a\\\nb", `x\n`, "two\nlines") + `'`
	case 4:
		return g.pick("word", "two words", "host:11333", "/path/to", "*:80", "a[1]b", "${HERE}/f", "$HERE", "127.0.0.1", "10.0.0.0/8", "fe80::/10", "a\\,b", "re/x/", "x{2,3}y", "<", "<<eod", "http://h/p")
	}
	return g.number()
}

func (g *generator) number() string {
	n := g.pick("0", "1", "-5", "12", "007", "1.5", "-0.25", "1.", "1e3", "1.5e-2", "0x1f", "-0x1F", "3x", "5e", "2147483648", "12x1f")
	return n + g.pick("", "", "", "k", "kb", "m", "mb", "g", "Gb", "s", "ms", "min", "h", "d", "w", "y", "KS", " ", " k", "mins", "sx", "%")
}

func (g *generator) String() string { return fmt.Sprint(g.files) }
