package postconf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes configurations as nobody would write them. Most are such that
// Postfix takes them: one error hides all the rest.
type generator struct {
	*rand.Rand
	known []string // parameters of the release
	// own are the user-defined names of this configuration.
	own     []string
	careful bool // no errors on purpose
	old     bool // before 3.0: no braces
}

func newGenerator(seed uint64, version string) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	r := NewRelease(version, Debian)
	for name := range r.defaults {
		g.known = append(g.known, name)
	}
	for name := range r.legacy {
		g.known = append(g.known, name)
	}
	g.known = append(g.known, "myhostname", "mydomain", "mynetworks")
	slices.Sort(g.known)
	// These make postconf look at the network.
	g.known = slices.DeleteFunc(g.known, func(name string) bool {
		return name == "inet_interfaces" || name == "inet_protocols" || name == "mynetworks_style"
	})
	g.old = !r.since(3, 0)
	return g
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// pair makes main.cf and master.cf.
func (g *generator) pair() (main, master string) {
	g.careful = g.chance(80)
	g.own = nil
	for i := range 3 + g.IntN(8) {
		g.own = append(g.own, fmt.Sprintf("%s%d", g.one("u", "my_", "User", "x_"), i))
	}
	return g.main(), g.master()
}

func (g *generator) main() string {
	var lines []string
	for range g.IntN(14) {
		lines = append(lines, g.setting(g.name(), g.value(2)))
	}
	for i := range g.own {
		if g.chance(85) {
			// A name refers to later ones, so that few configurations have loops.
			lines = append(lines, g.setting(g.own[i], g.valueAbout(g.own[i+1:], 2)))
		}
	}
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if g.chance(60) {
		lines = append(lines, "compatibility_level = "+g.one("0", "1", "2", "3.6", "3.10", "3", "3.6.1", "1.99", "9999")+"\n")
	}
	if !g.careful && g.chance(20) {
		lines = append(lines, g.one("novalue\n", "= x\n", "compatibility_level = x\n", "a b = c\n", "\x00\n", "compatibility_level = 3.6.1.2\n"))
	}
	text := strings.Join(lines, "")
	if g.chance(10) {
		text = "  leading = ignored\n\tstill = so\n" + text
	}
	if g.chance(10) {
		text = strings.TrimSuffix(text, "\n")
	}
	if g.chance(10) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

func (g *generator) name() string {
	switch g.IntN(20) {
	case 0:
		return g.one("process_name", "service_name", "process_id", "config_directory", "mail_version", "smtpd_restriction_classes", "virtual_maps", "fallback_relay")
	case 1:
		return g.one("relay", "p1", "smtp", "no", "local", "10025", "spw", "virtual") + g.one("_destination_concurrency_limit", "_time_limit", "_transport_rate_delay", "_destination_recipient_limit", "_x")
	case 2:
		return g.one("l1", "m1", "p1", "s1") + g.one("_server_host", "_dbname", "_query", "_hosts", "_dbpath", "_nonsense", "_bind_pw")
	case 3:
		return g.one("a-b", "x.y", "a{", "Öl", "\"q\"", "smtpd_nonsense", "class1", "class2", "local_login_sender_maps", "smtpd_forbid_bare_newline")
	case 4:
		return g.one("smtpd_banner", "mailbox_command", "luser_relay", "forward_path", "default_rbl_reply", "smtpd_reject_footer", "command_expansion_filter")
	case 5, 6:
		return g.one("myhostname", "mydomain", "myorigin", "mydestination", "virtual_alias_maps", "alias_maps", "smtpd_milters", "transport_maps", "relayhost")
	}
	return g.one(g.known...)
}

// setting lays "name = value" out.
func (g *generator) setting(name, value string) string {
	equals := g.one(" = ", " = ", " = ", "=", " =", "= ", "\t=\t", "  =\t ", " \v= ")
	if g.chance(15) {
		value = g.layOut(value)
	}
	end := g.one("", "", "", " ", "\t", " \t ", "\r", " # no comment", "\f")
	line := name + equals + value + end + "\n"
	switch g.IntN(20) {
	case 0:
		line = "# " + name + " = commented\n" + line
	case 1:
		line = "\n  # indented comment\n \t\n" + line
	case 2:
		line += name + " = again\n"
	case 3:
		line = name + " = " + g.value(1) + "\n" + line
	}
	return line
}

// layOut breaks lines where there are blanks, with comments in between.
func (g *generator) layOut(value string) string {
	var b strings.Builder
	for i, w := range strings.SplitAfter(value, " ") {
		if i > 0 && g.chance(60) {
			b.WriteString("\n" + g.one("", "# comment\n", "\n", "   \n#\n", "  # indented\n", "\t\r\n") + g.one(" ", "\t", "    ", "\v"))
		}
		b.WriteString(w)
	}
	if g.chance(10) {
		b.WriteString("\n ")
	}
	if !g.careful && g.chance(10) {
		b.WriteString("\x00 behind null")
	}
	return b.String()
}

// reference is a name to refer to.
func (g *generator) reference(own []string) string {
	switch {
	case len(own) > 0 && g.chance(55):
		return g.one(own...)
	case g.chance(6):
		return g.one("undefined_name", "service_name", "process_name", "class1", "x", "p1_time_limit", "l1_server_host")
	case !g.careful && g.chance(5):
		return g.one(g.own...)
	}
	for {
		name := g.one("myhostname", "mydomain", "myorigin", "compatibility_level", "queue_directory", "mail_name", "stress", g.one(g.known...), g.one(g.known...))
		if name != "mynetworks" && name != "mail_release_date" {
			return name
		}
	}
}

func (g *generator) value(depth int) string { return g.valueAbout(g.own, depth) }

func (g *generator) valueAbout(own []string, depth int) string {
	var b strings.Builder
	for i := range g.IntN(4) {
		if i > 0 {
			b.WriteString(g.one(" ", " ", ", ", ",", "  ", "", "\t"))
		}
		b.WriteString(g.part(own, depth))
	}
	return b.String()
}

func (g *generator) part(own []string, depth int) string {
	if !g.careful && g.chance(2) {
		return g.one("$", "${", "$(a", "${}", "$ x", "${a b}", "${{a} === {b}}", "${{a} == {b} x}", "${{a} == {b}", "${{x} ==level {1} ? {a} : {b}}", "${a?{b}c}", "${a-b}", "${a:{b}:{c}}", "${{1} ==foo {1}}", "${{99999999999999999999} < {1}}", "${a{b}}", "$-", "${a?{b}:{c}d}", "${ }", "$()")
	}
	if depth == 0 || g.chance(35) {
		return g.word()
	}
	name := g.reference(own)
	inner := func() string { return g.valueAbout(own, depth-1) }
	switch g.IntN(12) {
	case 0, 1:
		return "$" + name
	case 2:
		return "${" + name + "}"
	case 3:
		return "$(" + name + ")"
	case 4:
		return "${" + name + g.one("?", ":") + g.plain() + "}"
	case 5:
		if g.old {
			return "$(" + name + ")"
		}
		return "${" + name + g.one("?", ":", " ? ", "\t: ") + "{" + inner() + "}" + g.one("", "", " ") + "}"
	case 6:
		if g.old {
			return "$$"
		}
		return "${" + g.one("", "", " ") + name + g.one("?", " ? ") + "{" + inner() + "}" + g.one(":", " : ", ":\t") + "{" + inner() + "}}"
	case 7, 8:
		return g.relation(own, depth)
	case 9:
		return g.one("ldap:l1", "mysql:m1", "proxy:pgsql:p1", "sqlite:s1", "pipemap:{ldap:l1, mysql:m1}", "hash:/etc/x", "memcache:m1", "unionmap:{{proxy:ldap:l1}}", "ldap:{m1}", "pcre:{{/a/ ldap:l1}}", "inline:{{a=b},{c = d e}}", "proxy:proxy:ldap:l1", "ldap:.l1", "{ldap:l1}", "ldap:l1,mysql:m1", "static:{x y}")
	case 10:
		return "$$" + g.one("", "x", "{a}", "$")
	}
	return g.word()
}

func (g *generator) relation(own []string, depth int) string {
	if g.old {
		return "$(myhostname?x)"
	}
	side := func() string {
		return g.one("1", "2", "10", "9", "a", "b", "", "A", "01", "-1", " 1", g.valueAbout(own, depth-1), "$"+g.reference(own))
	}
	op := g.one("==", "!=", "<", "<=", ">", ">=")
	left, right := side(), side()
	if g.chance(30) {
		op = op + g.one("level", "level ")
		left, right = g.one("$compatibility_level", "3.6", "1", "2"), g.one("3.6", "2", "3.10", "0", "+1", " 3")
	}
	text := "{" + left + "}" + g.one(" ", "") + op + g.one(" ", "") + "{" + right + "}"
	switch g.IntN(4) {
	case 0:
		return "${" + text + "}"
	case 1:
		return "${" + text + g.one("?", " ? ", ":", " : ") + "{" + g.valueAbout(own, depth-1) + "}}"
	case 2:
		return "${" + text + g.one("?", ":") + g.plain() + "}"
	}
	return "${" + g.one("", " ") + text + g.one("?", " ? ") + "{" + g.valueAbout(own, depth-1) + "}" + g.one(":", " : ") + "{" + g.valueAbout(own, depth-1) + "}}"
}

func (g *generator) plain() string {
	return g.one("x", "yes", "", " a b", "a:b", "a?b", "?foo", ":", "a, b", "(x)", "[y]")
}

func (g *generator) word() string {
	return g.one("yes", "no", "a", "b c", "example.test", "mail.example.test", "#", "a#b", "{x}", "{a, b = c}", "{ a }", "}", "\"q w\"", "'", "\\", "a=b", "=", "inet:127.0.0.1:8891",
		"unix:/run/x", "/etc/postfix/list", "!/x", "permit_mynetworks", "reject", "check_recipient_access hash:/etc/postfix/access", "100s", "5", "user@example.test",
		"class1", "class1, class2", "é", "\xff", "%", "<>", "{", "()", "[::1]/128", "a:b?c", ";", "|cmd", "\u00a0")
}

func (g *generator) master() string {
	var b strings.Builder
	for range g.IntN(9) {
		b.WriteString(g.service())
		if g.chance(8) {
			b.WriteString(g.one("# comment\n", "\n", "  # indented\n", "  -o late=comer\n"))
		}
	}
	text := b.String()
	if g.chance(10) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if !g.careful && g.chance(8) {
		text += g.one("smtp inet n - n -\n", "x fax n - n - - smtpd\n", "x inet yes - n - - smtpd\n", "x inet n - n x - smtpd\n", "x inet n - n - x smtpd\n", "a\x00b\n", "x inet n - n 5?? - smtpd\n")
	}
	return text
}

func (g *generator) service() string {
	blank := g.one(" ", " ", "\t", "   ")
	fields := []string{
		g.one("smtp", "relay", "p1", "10025", "spw", "127.0.0.1:10026", "submission", "local", "virtual", "private/x", "[::1]:25"),
		g.one("inet", "unix", "unix", "fifo", "pass", "unix-dgram"),
		g.one("y", "n", "-"), g.one("y", "n", "-"), g.one("y", "n", "-"),
		g.one("-", "0", "60", "60?", "?", "-?"), g.one("-", "0", "10"),
		g.one("smtpd", "smtp", "pipe", "local", "spawn", "error", "virtual", "lmtp", "../sbin/smtpd", "/usr/lib/x/smtp", "cleanup", "./smtp"),
	}
	line := strings.Join(fields, blank)
	for range g.IntN(5) {
		line += g.one(" ", "\n  ", "\n# c\n\t", "\t") + g.option()
	}
	for range g.IntN(3) {
		line += g.one(" ", "\n    ") + g.one("argv=/bin/cat", "user=nobody", "flags=Rq", "{a b}", "{ x }", "${sender}", "--", "{}", "-o", "$nexthop!x", "{a}b", "-x", "{a {b c} d}")
	}
	return line + g.one("\n", "\n", " \n", "\n\n")
}

func (g *generator) option() string {
	name := g.name()
	if g.chance(40) {
		name = g.one(g.own...)
	}
	value := g.value(1)
	packed := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\r\n{}", c) {
			return -1
		}
		return c
	}, value)
	switch g.IntN(14) {
	case 0, 1:
		return "-o" + name + "=" + packed
	case 2, 3, 4:
		return "-o {" + g.one("", " ") + name + g.one("=", " = ") + value + g.one("", " ") + "}"
	case 5:
		return g.one("-v", "-D", "-vv", "-vo "+name+"="+packed, "-n x", "-o{"+name+"="+packed+"}", "-c")
	case 6:
		return g.one("-o nothing", "-o =x", "-o {x}", "-o {a=b}c", "-o {a=b", "-o 'a=b'", "-o a==b")
	}
	return "-o " + name + "=" + packed
}
