package smtpdconf

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// fixedCases are traps that chance would seldom set.
var fixedCases = []string{
	"", "\n", "match reject", "match reject\\", "# c \\\nmatch reject\nmatch reject\n", "x = \"match\"\n$x reject\n",
	"action \"a\" relay bogus\nmatch for any action \"a\"\n",
	"action \"a\" relay\nmatch for any action \"a\" $nothing\nmatch for any action \"b\"\nmatch for any action \"c\"\n",
	"x = \"'mail spool'\"\naction \"a\" maildir $x\nmatch action \"a\"\n",
	"include \"/cases/part1\"\nmatch action \"in1\"\n", "include \"/cases/part1\" match for any action \"in1\"\n",
	"include \"/cases/part3\"\nmatch for any action broken\n", "include \"/cases/none\"\n", "include \"/cases/00003.conf\"\nmatch rejec\n",
	"action \"a\nb\" relay\nmatch for any action \"ab\"\n", "action \"a\\\nb\" relay\nmatch for any action \"ab\"\n",
	"action \"a\\\"b\" relay\nmatch for any action 'a\"b'\nmatch x\n", "action \"a relay\nmatch for any action \"ab\"\n", "match reject\nx = \"",
	"match reject \x00 nonsense\nbogus\n", "match reject\n\x00 nonsense\nbogus\n", "match reject\r\n", "queue ttl 4d\nmatch reject\n", "queue ttl 4\nmatch reject\n",
	"mta max-deferred 99999999999999999999999\nmatch reject\n", "mta max-deferred -5\nmatch reject\n", "mta max-deferred 5x\nmatch reject\n",
	"smtp max-message-size 35M\nmatch reject\n", "smtp max-message-size 35Q\nmatch reject\n", "smtp max-message-size -1\nmatch reject\n", "smtp max-message-size 1.5G\nmatch reject\n",
	"table t { \"a\" = \"b\", c => d }\naction x mbox alias <t>\nmatch action x\n", "table t { a, b = c }\nmatch reject\n",
	"table t { \"a\" = \"b\", c }\nmatch reject\n", "table t {\n\"a\"\n}\nmatch reject\n", "table t { \"a\",\n\"b\" }\nmatch reject\n", "table t { \"a\"\n\n\"b\" }\nmatch reject\n",
	"table t \"db:/cases/none\"\nmatch reject\n", "table t \"file:/cases/bad\"\nmatch reject\n", "table t passwd:/x\naction x mbox userbase <t>\nmatch action x\n",
	"table t file:relative\nmatch reject\n", "table t static\nmatch for domain <t> reject\n", "table t file\nmatch reject\n", "table t nosuch:/x\nmatch reject\n",
	"action a mbox user root\nmatch action a\n", "match from any from local reject\n", "match ! reject\n", "match !from any reject\n", "match ! from any ! for any ! auth ! tls reject\n",
	"filter f phase commit match auth junk\nmatch reject\n", "filter f phase connect match helo x junk\nmatch reject\n",
	"proc p \"x\"\nfilter a proc p\nfilter b proc p\nfilter c chain { a, b }\nmatch reject\n", "filter f proc-exec \"x\" user a user b\nmatch reject\n",
	"pki a.b cert x\nlisten on 127.0.0.1 tls pki A.B\nmatch reject\n", "pki a/b cert x\nmatch reject\n", "pki \"*\" dhe none\nmatch reject\n", "pki -x cert y\nmatch reject\n",
	"listen on socket\nlisten on socket\nmatch reject\n", "listen on 127.0.0.1 port 0\nmatch reject\n", "listen on 127.0.0.1 auth\nmatch reject\n", "listen on 127.0.0.1 tls smtps\nmatch reject\n",
	"srs key x\naction a relay srs\nmatch action a\n", "action a relay srs\nmatch action a\n", "srs ttl 1h\nmatch reject\n", "admd \"a\tb\"\nmatch reject\n",
	"accept for any relay\n", "a-b = \"match\"\n$a-b reject\nmatch reject\n", "m a = \"b\"\nmatch reject\n", "\"m a\" = \"b\"\nmatch reject\n",
}

// generator writes configurations: mostly right ones, with faults that a hand
// makes.
type generator struct {
	*rand.Rand
	macros, tables, maps, actions, filters, procs []string
	// careful makes no faults on purpose.
	careful bool
	names   int
	socket  bool
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

// fault is true once in n times, and never where care is taken.
func (g *generator) fault(n int) bool { return !g.careful && g.one(n) }

// some calls make up to n times and joins what it gives; where care is taken no
// first word comes twice.
func (g *generator) some(n int, make func() string) string {
	var out []string
	seen := map[string]bool{}
	for range g.IntN(n + 1) {
		item := make()
		first, _, _ := strings.Cut(strings.TrimLeft(item, "! "), " ")
		if g.careful && seen[exclusive[first]] {
			continue
		}
		if seen[first] && g.careful {
			continue
		}
		seen[first] = true
		if e := exclusive[first]; e != "" {
			seen[e] = true
		}
		out = append(out, item)
	}
	return strings.Join(out, " ")
}

// exclusive are words of which one excludes the other.
var exclusive = map[string]string{"alias": "map", "virtual": "map", "host": "hop", "domain": "hop", "backup": "hop", "tls": "tls", "smtps": "tls", "tls-require": "tls",
	"mail-from": "sender", "rcpt-to": "rcpt", "auth": "who"}

func (g *generator) config() string {
	*g = generator{Rand: g.Rand, careful: g.one(2)}
	var b strings.Builder
	g.fresh(&b)
	for range 2 + g.IntN(8) {
		line := g.statement()
		if g.fault(10) {
			line = g.spoil(line)
		}
		if g.one(12) {
			line = strings.Replace(line, " ", g.pick(" \\\n", "\t", "  ", " \\\n\t"), 1)
		}
		b.WriteString(line + g.pick("\n", "\n", "\n", "\n\n", " # comment\n", "\n# a\n", "\n"))
	}
	if g.careful || !g.one(10) {
		b.WriteString("match " + g.conditions() + " " + g.ruling() + g.pick("\n", "\n", ""))
	}
	return b.String()
}

// fresh starts with names that later statements may use.
func (g *generator) fresh(b *strings.Builder) {
	if g.one(3) {
		b.WriteString("include \"/cases/" + g.pick(g.right("part1", "part3"), "part2", g.right("part2", "none")) + "\"\n")
	}
	for range g.IntN(3) {
		b.WriteString(g.varset() + "\n")
	}
	for range 1 + g.IntN(2) {
		b.WriteString(g.action() + "\n")
	}
}

// right is the first, or where no care is taken now and then the second.
func (g *generator) right(good, bad string) string {
	if g.fault(3) {
		return bad
	}
	return good
}

func (g *generator) statement() string {
	makers := []func() string{g.varset, g.table, g.table, g.action, g.action, g.filter, g.filter, g.listen, g.match, g.match, g.proc, g.setting, g.wrapper}
	return makers[g.IntN(len(makers))]()
}

func (g *generator) name() string {
	n := g.pick("a", "b", "c1", "x.y", "n-1", "_u", "Z", "e1", "e2", "e3", g.right("q", "local"), g.right("r", "relay"))
	if !g.fault(3) {
		g.names++
		n += strconv.Itoa(g.names)
	}
	return g.pick(n, `"`+n+`"`, `"`+n+`"`, `"`+n+`"`, "'"+n+"'")
}

// known is a name that was given, or one that was not.
func (g *generator) known(list []string) string {
	if len(list) == 0 || g.fault(15) {
		return g.name()
	}
	return g.pick(list...)
}

func (g *generator) varset() string {
	name := g.pick("m1", "m2", "m_3", "x")
	g.macros = append(g.macros, name)
	return name + g.pick(" = ", "=", " =") + g.pick(`"a"`, `"{ a, b }"`, `"'q r'"`, `"for any"`, `"$m1"`, `"127.0.0.1"`, `b`, `"from any"`)
}

func (g *generator) word() string {
	switch {
	case len(g.macros) > 0 && g.fault(6):
		return "$" + g.pick(g.macros...)
	case g.fault(30):
		return g.pick("$nosuch", "5", "local", "/x", "@a", "*")
	}
	return g.pick(`"example.test"`, `example.org`, `"@example.test"`, `"alice@x.example"`, `"*"`, `alice`, `"10.0.0.0/8"`, `'q"q'`, `"a\"b"`, `"a\qb"`, `"two words"`, `""`)
}

func (g *generator) table() string {
	name := g.name()
	switch g.IntN(6) {
	case 0:
		g.maps = append(g.maps, name)
		return "table " + name + " " + g.right(`"file:/cases/aliases"`, g.pick("file:/cases/none", "/cases/list", `"/cases/bad"`, "file:x"))
	case 1:
		g.tables = append(g.tables, name)
		return "table " + name + " " + g.pick(`"/cases/names"`, "file:/cases/list")
	case 2:
		g.maps, g.tables = append(g.maps, name), append(g.tables, name)
		return "table " + name + " " + g.pick("passwd", "sqlite", "ldap", "proc", g.right("redis", "nosuch"), g.right("mysql", "static"), g.right("postgres", "getpwnam")) + g.right(":/etc/x", ":x")
	case 3:
		g.maps = append(g.maps, name)
		return "table " + name + " " + g.braces(true)
	}
	g.tables = append(g.tables, name)
	return "table " + name + " " + g.braces(false)
}

func (g *generator) braces(pairs bool) string {
	var items []string
	for range 1 + g.IntN(3) {
		item := g.word()
		if pairs != g.fault(25) {
			item += g.pick(" = ", " => ", "=") + g.word()
		}
		items = append(items, item)
	}
	return g.pick("{ ", "{") + strings.Join(items, g.pick(", ", ", ", " ", "\n", ",", g.right(" ", ",\n"))) + g.pick(" }", "}", " }", g.right("}", "\n}"))
}

func (g *generator) tableUse() string {
	switch {
	case len(g.maps) > 0 && g.fault(8):
		return "<" + g.known(g.maps) + ">"
	case len(g.tables) > 0 && g.one(2):
		return g.pick("<", "< ") + g.known(g.tables) + ">"
	case g.one(3):
		return g.braces(false)
	}
	return g.word()
}

func (g *generator) mapUse() string {
	if len(g.maps) > 0 && g.one(2) {
		return "<" + g.known(g.maps) + ">"
	}
	return `{ "a" = "b" }`
}

func (g *generator) action() string {
	name := g.name()
	line := "action " + name + " "
	if g.one(2) {
		line += "relay " + g.some(3, g.relayOption) + g.pick("", "", " ttl 4d", g.right("", " ttl x"))
	} else {
		line += g.pick("maildir", "maildir junk", `maildir "~/Maildir"`, `maildir "/x" junk`, `lmtp "/run/l"`, `lmtp "h:24" rcpt-to`, `mda "/bin/x %{user}"`, g.right("maildir", "mbox"),
			g.right("mbox alias "+g.mapUse(), "forward-only"), g.right("expand-only virtual "+g.mapUse(), "mda"))
		if !strings.Contains(line, "mbox") && !strings.Contains(line, "expand") {
			line += " " + g.some(3, g.localOption)
		}
		line += g.pick("", "", " ttl 1h")
	}
	g.actions = append(g.actions, name)
	return line
}

func (g *generator) localOption() string {
	return g.pick("user "+g.name(), "alias "+g.mapUse(), "virtual "+g.mapUse(), "userbase "+g.mapUse(), g.right("userbase "+g.mapUse(), "wrapper "+g.name()), g.right("alias "+g.mapUse(), "alias "+g.tableUse()))
}

func (g *generator) relayOption() string {
	return g.pick("helo "+g.word(), "helo-src "+g.mapUse(), "pki x", "ca y", "src "+g.tableUse(), "mail-from "+g.word(), "backup", "backup mx m.example", "host "+g.tableUse(),
		"domain "+g.mapUse(), "tls", "tls no-verify", g.right("tls", "auth "+g.mapUse()), g.relayFilter(), g.right("backup", "srs"), `host "smtp://h.example" auth `+g.mapUse(), g.right("backup", "protocols x"))
}

func (g *generator) relayFilter() string {
	if g.careful && len(g.filters) == 0 {
		return "tls"
	}
	return "filter " + g.filterUse()
}

func (g *generator) match() string { return "match " + g.conditions() + " " + g.ruling() }

func (g *generator) ruling() string {
	if g.one(5) {
		return "reject"
	}
	return "action " + g.known(g.actions)
}

func (g *generator) conditions() string { return g.some(4, g.condition) }

func (g *generator) condition() string {
	regex := g.pick("", "", "", "regex ")
	return g.pick("", "", "", "! ", "!") + g.pick("from any", "from local", "from socket", "from src "+regex+g.tableUse(), "from rdns", "from rdns "+regex+g.tableUse(), "from auth",
		"from auth "+regex+g.tableUse(), "from mail-from "+regex+g.tableUse(), "for any", "for local", "for domain "+regex+g.tableUse(), "for rcpt-to "+regex+g.tableUse(),
		"tag "+regex+g.tableUse(), "helo "+regex+g.tableUse(), "tls", "auth", "auth "+regex+g.tableUse(), "mail-from "+regex+g.tableUse(), "rcpt-to "+regex+g.tableUse())
}

func (g *generator) proc() string {
	name := g.name()
	g.procs = append(g.procs, name)
	return "proc " + name + ` "/usr/bin/f -x" ` + g.some(2, g.procOption)
}

func (g *generator) procOption() string { return g.pick("user nobody", "group x", `chroot "/var"`) }

func (g *generator) filter() string {
	name := g.name()
	line := "filter " + name + " "
	switch g.IntN(5) {
	case 0:
		if len(g.procs) == 0 && g.careful {
			return g.proc()
		}
		line += "proc " + g.known(g.procs)
	case 1:
		line += `proc-exec "filter-x -a" ` + g.some(2, g.procOption)
	case 2:
		if len(g.filters) == 0 && g.careful {
			return g.proc()
		}
		return line + "chain " + g.chain() // a chain has no chains in it, so its name is not kept
	default:
		line += "phase " + g.phase()
	}
	g.filters = append(g.filters, name)
	return line
}

func (g *generator) phase() string {
	phases := []string{"connect", "helo", "ehlo", "auth", "mail-from", "rcpt-to", "data", "commit", g.right("data", "quit")}
	phase := g.pick(phases...)
	tests := []string{"fcrdns", "rdns", "rdns " + g.tableUse(), "src " + g.tableUse(), "src regex " + g.tableUse()}
	for _, test := range []string{"helo", "auth", "mail-from", "rcpt-to"} {
		if g.fault(4) || test == "helo" && phase != "connect" || phase == "rcpt-to" || phase == "data" && test != "rcpt-to" {
			tests = append(tests, test+" "+g.tableUse())
		}
	}
	verb := g.pick(`reject "550 no"`, `disconnect "421 x"`, `rewrite "a@b"`, `report "r"`, "junk", "bypass")
	if phase == "commit" && g.careful {
		verb = `reject "550 no"`
	}
	return phase + " match " + g.pick("", "", "!") + g.pick(tests...) + " " + verb
}

func (g *generator) chain() string {
	var items []string
	for range 1 + g.IntN(3) {
		if item := g.known(g.filters); !g.careful || !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return "{ " + strings.Join(items, g.pick(", ", " ", "\n", g.right(" ", ",\n"))) + g.pick(" }", " }", g.right(" }", "\n}"))
}

func (g *generator) filterUse() string {
	if g.one(4) {
		return g.chain()
	}
	return g.known(g.filters)
}

func (g *generator) listen() string {
	if g.one(6) && !(g.socket && g.careful) {
		g.socket = true
		return "listen on socket " + g.some(2, func() string { return g.pick("mask-src", "tag x", g.listenFilter(), g.right("mask-src", "port 25")) })
	}
	if g.one(4) && g.careful {
		return "listen on " + g.pick("127.0.0.1", `"::1"`) + " " + g.pick("tls", "smtps", "tls-require verify") + " " + g.pick("auth", "auth-optional "+g.tableUse())
	}
	return "listen on " + g.pick("127.0.0.1", `"::1"`, "0.0.0.0", "::1") + " " + g.some(3, g.listenOption)
}

func (g *generator) listenFilter() string {
	if g.careful && len(g.filters) == 0 {
		return "mask-src"
	}
	return "filter " + g.filterUse()
}

func (g *generator) listenOption() string {
	return g.pick("port 587", g.right("port 25", "port 70000"), g.listenFilter(), g.right("tag u", "inet4"), "tag t", g.right("tag v", `tag "0123456789012345678901234567890123"`), "hostname h", "hostnames "+g.mapUse(), "mask-src",
		"received-auth", "no-dsn", "proxy-v2", "senders "+g.mapUse(), "senders "+g.mapUse()+" masquerade", "tls", g.right("tls", "tls auth"), "smtps", "smtps verify", "tls-require verify",
		g.right("tls-require", "tls-require auth-optional "+g.tableUse()), g.right("no-dsn", "auth"))
}

func (g *generator) wrapper() string {
	return "mda wrapper " + g.name() + ` "/usr/bin/w %{mda}"`
}

func (g *generator) setting() string {
	if g.fault(4) {
		return g.pick("bounce warn-interval x", "mda limit nosuch 5", `smtp sub-addr-delim "@"`, "smtp limit max-rcpt x", "queue ttl 4", "ca x cert", "mta limit for x")
	}
	return g.pick("bounce warn-interval 4h, 1d", "mta max-deferred 5", "mta limit max-conn-per-host 5 inet4", "mta limit for domain x.y inet6 max-conn-per-route 2",
		"mda limit max-session 5", "scheduler limit max-inflight 5", "smtp limit max-rcpt 5 max-mails 6", `smtp ciphers "HIGH"`, "smtp max-message-size 10M", `smtp sub-addr-delim "-"`,
		"queue compression", `queue encryption "0123456789abcdef0123456789abcdef"`, "queue ttl 4d", "srs key k", "srs key backup k", "srs ttl 4d", "admd mail.example", "ca x.example cert y", "queue encryption")
}

// spoil does what a slipping hand does.
func (g *generator) spoil(line string) string {
	words := strings.Split(line, " ")
	i := g.IntN(len(words))
	switch g.IntN(7) {
	case 0:
		words[i] = ""
	case 1:
		words[i] += " " + words[i]
	case 2:
		words[i] = g.pick("{", "}", "=", "<", ">", ",", "!", "$", "$x", "#", "\"", "'", "5", "-5", "5x", "(", "/", ":", "\\", "\n", "\\\n")
	case 3:
		words = words[:i]
	case 4:
		words[i] = strings.Trim(words[i], `"`)
	case 5:
		words[i] = g.pick("match", "action", "any", "filter", "tls", "auth", "user", "table")
	case 6:
		words[i] += g.pick("\"", "'", "}", ",", "\n")
	}
	return strings.Join(words, " ")
}
