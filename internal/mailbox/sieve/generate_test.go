package sieve

import (
	"fmt"
	"math/rand"
	"strings"
)

// generator makes scripts.
type generator struct {
	*rand.Rand
	plain bool // only what an evaluation knows
	count int
	uses  map[string]bool
}

func (g *generator) pick(list ...string) string { return list[g.Intn(len(list))] }

// mostly picks what is good, now and then what may be refused.
func (g *generator) mostly(good string, seldom ...string) string {
	if g.plain || g.Intn(25) > 0 {
		return good
	}
	return g.pick(seldom...)
}

func (g *generator) space() string {
	return g.pick(" ", " ", " ", " ", "\n", "\t", "\r\n", " /* * / */ ", " # }\n", "  ")
}

// use names an extension that is needed.
func (g *generator) use(names ...string) {
	for _, n := range names {
		g.uses[n] = true
	}
}

func (g *generator) script() string {
	g.uses, g.count = map[string]bool{}, 0
	body := g.commands(3)
	if !g.plain && g.Intn(8) == 0 && len(body) > 12 { // a piece is missing, twice or foreign
		from := g.Intn(len(body))
		to := min(len(body), from+g.Intn(5))
		body = body[:from] + g.pick("", "", body[from:to]+body[from:to], "(", ")", `"`, "{", "}", ";", ",", "[", "]", " :copy ", " keep ", " true ", "\\", "/*", "#", "\r", "é", "1K", ":") + body[to:]
	}
	var names []string
	for n := range g.uses {
		if g.plain || g.Intn(30) > 0 {
			names = append(names, `"`+n+`"`)
		}
	}
	head := ""
	switch {
	case len(names) == 0:
	case g.Intn(3) == 0:
		head = "require " + strings.Join(names, ";\nrequire ") + ";\n"
	default:
		head = "require [" + strings.Join(names, ", ") + "];\n"
	}
	return g.pick("", "# sieve\n", "/* x\n*/ ") + head + g.mostly("", `require "comparator-i;octet"; `, `require "frob";`) + body + g.mostly("", "keep", `require "copy";`)
}

func (g *generator) commands(depth int) string {
	text := ""
	for range 1 + g.Intn(3) {
		text += g.command(depth) + g.space()
	}
	return text
}

func (g *generator) number() int {
	g.count++
	return g.count
}

func (g *generator) copy() string {
	if g.Intn(2) == 0 {
		return " "
	}
	g.use("copy")
	return g.pick(" :copy ", " :COPY\n")
}

func (g *generator) command(depth int) string {
	n := g.Intn(12)
	if !g.plain {
		n = g.Intn(32)
	}
	if n < 4 && depth > 0 {
		return g.conditional(depth - 1)
	}
	switch n {
	case 4, 5:
		if g.count > 4 { // no more redirects than are allowed
			return "keep;"
		}
		return g.pick("redirect", "Redirect") + g.copy() + g.mostly(fmt.Sprintf(`"a%d@b.example"`, g.number()), `"a"`, `"a b@c.example"`, `"A <a@b.example>"`, `["a@b.example"]`, `"a@[192.0.2.1]"`, `"@x"`, "12", `"a@b@c"`, `"<a@b.example"`) + ";"
	case 6, 7:
		g.use("fileinto")
		return "fileinto" + g.copy() + g.mostly(fmt.Sprintf(`"F%d"`, g.number()), `"x" "y"`, "text:\nx\n.\n") + ";"
	case 8:
		return g.pick("discard", "DISCARD") + g.mostly(";", ":copy;", "{}", `"x";`)
	case 9:
		return g.mostly("stop;", "stop", "return;", "stop true;")
	default:
		if n < 12 {
			return "keep;"
		}
	}
	return g.extended(n, depth)
}

func (g *generator) extended(n, depth int) string {
	text := g.pick(`"x"`, `"a b"`, "text: # c\nx\n..y\n.\n", `"${v}"`, `"x\"y"`)
	switch n {
	case 12:
		g.use("reject")
		return "reject " + text + ";"
	case 13, 14:
		g.use("vacation")
		tags := ""
		for range g.Intn(3) {
			tags += g.pick(" :days 3", ` :subject "s"`, " :mime", ` :handle "h"`, ` :addresses ["a@b.example"]`, g.mostly(` :from "a@b.example"`, ` :from "a"`, " :seconds 100", " :days \"3\""))
		}
		return "vacation" + tags + " " + text + ";"
	case 15, 16:
		g.use("editheader")
		return g.mostly(g.pick(`addheader "X-A" "b";`, `addheader :last "X-A" "b";`, `deleteheader "X-A";`, `deleteheader :index 1 :last :contains "X-A" ["a", "b"];`), `addheader "X A" "b";`, `deleteheader;`, `addheader "a";`)
	case 17, 18:
		g.use("imap4flags")
		return g.mostly(g.pick(`setflag "\\Seen";`, `addflag ["a", "b"];`, `removeflag "x";`, `keep :flags "\\Seen";`), `setflag "v" "x";`, "setflag;", `setflag ["v"] "x";`)
	case 19, 20:
		g.use("variables")
		return g.mostly(g.pick(`set "v" "x";`, `set :lower :length "v" "${v}";`, `set :upper :quotewildcard "v_1" "";`), `set "1v" "x";`, `set "a.b" "x";`, `set :lower :upper "v" "x";`, `set "v";`)
	case 21:
		g.use("enotify")
		return g.mostly(g.pick(`notify "mailto:a@b.example";`, `notify :importance "1" :message "m" "mailto:a@b.example";`, `notify :from "a@b.example" "mailto:a@b.example?body=x";`), `notify "frob:x";`, `notify :importance "9" "mailto:a@b.example";`, `notify "x";`, `notify "mailto:a%40b.example";`, `notify "mailto:a";`, `notify :from "x" "mailto:a@b.example";`, `notify "mailto:";`, `notify "mailto:a@b.example?cc=x";`, `notify "mailto:a@b.example%2Cc@d.example?cc=e@f.example&x";`, `notify "mailto:a@b.example?to=";`)
	case 22, 23:
		g.use("vnd.dovecot.pipe")
		return "pipe" + g.copy() + g.pick("", ":try ") + g.mostly(`"learn.sh"`, `"a/b"`, `["x"]`, "") + g.pick("", ` "a"`, ` ["a", "b"]`) + ";"
	case 24:
		g.use("vnd.dovecot.filter", "vnd.dovecot.execute")
		return g.mostly(g.pick(`filter "f" ["a"];`, `execute "x";`, `execute :pipe "x" "y";`, `execute :input "i" "x";`), `filter "f" "a" "b";`, `execute :pipe :input "i" "x";`, `filter;`)
	case 25, 26:
		g.use("foreverypart", "mime")
		if depth > 0 {
			return "foreverypart" + g.pick("", ` :name "l"`) + " {" + g.commands(depth-1) + g.mostly("", "break;", `break :name "l";`) + "}"
		}
		return g.mostly("", "break;")
	case 27:
		g.use("encoded-character", "variables")
		return g.pick(`redirect "${hex:61 40}b.example";`, `redirect "${unicode:40}";`, `redirect "${hex:zz}@b.example";`, `set "${hex:76}" "x";`, `redirect "${v}";`)
	case 31:
		g.use("vnd.dovecot.debug")
		return `debug_log "x";`
	case 28:
		// Not copy: Pigeonhole gives pipe no :copy where only ihave loads it.
		g.use("ihave")
		return g.mostly(g.pick(`if ihave "frob" { frob; }`, `if not ihave "frob" { keep; } else { frob; }`, `if ihave ["mime", "fileinto"] { fileinto "x"; }`), `error;`, `if ihave "frob" { keep; } else { frob; }`)
	case 29:
		g.use("mailbox", "fileinto")
		return `fileinto :create "x";`
	case 30:
		return g.pick("else { keep; }", "frob;", "elsif true { keep; }", "true;", "keep :frob;", "if true { keep; } else { keep; } else { keep; }", "if keep { stop; }", "if anyof true { keep; }", "if false { frob; }", "if allof (false, frob) { keep; }", "if anyof (true, frob) { keep; } else { frob; }", "keep;", "keep;", "keep;")
	}
	return "keep;"
}

func (g *generator) conditional(depth int) string {
	text := g.pick("if", "IF") + g.space() + g.test(2) + g.space() + "{" + g.space() + g.commands(depth) + "}" + g.space()
	for g.Intn(3) == 0 {
		text += "elsif" + g.space() + g.test(1) + g.space() + "{" + g.commands(depth) + "}" + g.space()
	}
	if g.Intn(2) == 0 {
		text += "else" + g.space() + "{" + g.commands(depth) + "}"
	}
	return text
}

func (g *generator) test(depth int) string {
	if depth > 0 && g.Intn(2) == 0 {
		switch g.Intn(3) {
		case 0:
			return "not" + g.space() + g.test(depth-1)
		case 1:
			return "allof" + g.mostly("(", " ") + g.test(depth-1) + g.mostly(",", ";") + g.space() + g.test(depth-1) + ")"
		}
		return "anyof (" + g.space() + g.test(depth-1) + "," + g.test(depth-1) + "," + g.test(0) + g.mostly(")", "")
	}
	how := g.pick("", ":is ", ":contains ", ":matches ", `:comparator "i;octet" `, `:contains :comparator "i;ascii-casemap" `)
	keys := g.pick(`"invoice"`, `["Your Invoice 42", "x"]`, `"*Inv?ice*"`, `"alice@b.example"`, `"ALICE"`, `"b.example"`, `"*@vm.*"`, `""`, `"hello"`)
	n := g.Intn(8)
	if !g.plain {
		n = g.Intn(24)
	}
	switch n {
	case 0:
		return g.pick("true", "false", "TRUE", `exists "subject"`, `exists ["x-spam", "from"]`)
	case 1:
		return "size " + g.mostly(g.pick(":over 10", ":under 1M", ":over 1g", ":UNDER 3"), "10", ":over", ":over :under 3", `:over "3"`, "10 :over")
	case 2, 3:
		return "address " + how + g.pick("", ":all ", ":localpart ", ":domain ") + g.mostly(g.pick(`"from"`, `["to", "cc"]`), `"subject"`) + " " + keys
	case 4:
		g.use("envelope")
		return "envelope " + how + g.pick("", ":localpart ", ":domain ") + g.mostly(g.pick(`"from"`, `"to"`), `"cc"`) + " " + keys
	case 8, 9:
		g.use("relational", "comparator-i;ascii-numeric")
		return `header ` + g.mostly(g.pick(`:value "gt" :comparator "i;ascii-numeric"`, `:count "ge"`), `:value`, `:value "xx"`, `:value "gt" :is`, `:comparator "i;frob"`) + ` "x-spam" "5"`
	case 10:
		g.use("subaddress")
		return `address ` + g.mostly(":detail", ":user :all") + ` "to" "x"`
	case 11:
		g.use("regex")
		return `header :regex "subject" "^a.*b$"`
	case 12:
		g.use("date")
		return g.mostly(g.pick(`currentdate :is "year" "2020"`, `date :originalzone "date" "hour" "09"`, `currentdate :zone "+0100" "weekday" "1"`), `date "date" "hour"`, `currentdate :originalzone "year" "1"`, `date :zone "+0100" :originalzone "date" "hour" "1"`)
	case 13:
		g.use("body")
		return "body " + g.mostly(g.pick(":raw", ":text", `:content "text"`, ""), ":raw :text") + ` :contains "x"`
	case 14:
		g.use("duplicate")
		return "duplicate" + g.mostly(g.pick("", ` :header "x"`, " :seconds 10 :last", ` :handle "a" :uniqueid "b"`), ` :header "x" :uniqueid "y"`)
	case 15:
		g.use("index")
		return "header " + g.mostly(":index 1 :last", ":last") + ` "subject" "x"`
	case 16:
		g.use("mime")
		return "header " + g.mostly(g.pick(":mime :anychild", ":mime :type", `:mime :param "name"`), ":type", ":mime :type :subtype", ":anychild") + ` "content-type" "x"`
	case 17:
		g.use("environment")
		return `environment "domain" "x"`
	case 18:
		g.use("spamtest", "spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric")
		return g.pick(`spamtest :value "gt" :comparator "i;ascii-numeric" "5"`, `spamtest :percent "5"`, `virustest "1"`)
	case 19:
		g.use("vnd.dovecot.execute")
		return `execute :pipe "x"`
	case 20:
		g.use("imap4flags")
		return `hasflag :contains "x"`
	case 21:
		g.use("mailbox")
		return `mailboxexists ["a", "b"]`
	case 22:
		g.use("variables")
		return `string :is "${v}" "x"`
	}
	return "header " + how + g.pick(`"subject"`, `["SUBJECT", "x-spam"]`, `"from"`, `"x-none"`) + " " + g.mostly(keys, "5", "", `["a",]`, `:is "x"`)
}
