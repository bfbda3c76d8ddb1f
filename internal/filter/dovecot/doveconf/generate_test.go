package doveconf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator writes configurations as administrators do, with mistakes.
type generator struct {
	*rand.Rand
	settings map[string][]setting // by section
	file     string               // where a file lies that values may name
	inside   string               // directory of the case
	files    map[string]string    // files that were included
	filter   string               // the filter that the lines stand in
	depth    int
}

type setting struct{ key, sort string }

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), settings: map[string][]setting{}}
	// Some mean something to the checks of the daemons, and of the size two daemons
	// have two defaults.
	for k, e := range tableOf(Grammar23).entries {
		if skipped := []string{"base_dir", "state_dir", "service_count", "instance_name", "mail_location", "listen", "ssl_protocols", "login_trusted_networks", "mail_access_groups", "protocols", "auth_worker_max_count", "submission_max_mail_size"}; !slices.Contains(skipped, k.name) {
			g.settings[k.kind] = append(g.settings[k.kind], setting{k.name, e.Type})
		}
	}
	for _, list := range g.settings {
		slices.SortFunc(list, func(a, b setting) int { return strings.Compare(a.key, b.key) })
	}
	return g
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// write makes a case: main file and those that it includes.
func (g *generator) write(inside string) map[string]string {
	g.inside, g.files, g.filter, g.depth = inside, map[string]string{}, "", 0
	g.files["main"] = g.lines(4 + g.IntN(14))
	return g.files
}

func (g *generator) lines(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(g.line())
	}
	return b.String()
}

func (g *generator) line() string {
	switch r := g.IntN(100); {
	case r < 42:
		return g.assignment("")
	case r < 52:
		return g.block("plugin", "", 4, func() string {
			return g.equals(pick(g, "sieve", "sieve_before", "sieve_before2", "quota", "acl", "fts", "mail_replica", "x"), pick(g, "file:~/sieve;active=~/.dovecot.sieve", "/etc/x y", "$mail_plugins", "\"a # b\"", "maildir:User quota", "a b  c", "", "$mail_plugin_dir"))
		})
	case r < 62:
		return g.service()
	case r < 70:
		return g.section("namespace", pick(g, "inbox", "x", "", "inbox"), "namespace/mailbox", "mailbox", pick(g, "Trash", `"Sent Messages"`, "Junk"))
	case r < 76:
		return g.database(pick(g, "passdb", "userdb"))
	case r < 88:
		return g.filtered()
	case r < 92:
		return g.include()
	case r < 95:
		return g.oddity()
	case r < 99:
		return pick(g, "# a comment\n", "\n", "  \t\n", "   # x = y\n")
	}
	return g.mistake()
}

func (g *generator) indent() string { return strings.Repeat(pick(g, " ", "  ", "\t"), g.depth) }

func (g *generator) equals(key, value string) string {
	tail := pick(g, "", "", "", " ", " # why", "\t# \"x")
	if strings.ContainsAny(value, `"'`) {
		tail = ""
	}
	return g.indent() + key + pick(g, " = ", "=", " =  ", "\t=\t") + value + tail + pick(g, "\n", "\n", "\n", "\r\n")
}

// assignment sets something that the section knows.
func (g *generator) assignment(section string) string {
	list := g.settings[section]
	s := list[g.IntN(len(list))]
	if section == "" && strings.HasPrefix(s.key, "auth_") && strings.ContainsAny(g.filter, "lrn") && g.IntN(8) > 0 { // refused there
		return ""
	}
	if g.IntN(6) == 0 && section == "" {
		return g.equals("mail_plugins", pick(g, "$mail_plugins sieve", "quota acl", "$mail_plugins  x  y ", "sieve $mail_plugins", "$mail_plugin_dir", "a$mail_plugins $ b"))
	}
	return g.equals(s.key, g.value(s.sort))
}

func (g *generator) value(sort string) string {
	if g.IntN(150) == 0 {
		return pick(g, "", "maybe", "-1", "12 parsecs", "99999999999999999999")
	}
	switch {
	case sort == "bool":
		return pick(g, "yes", "no", "YES", "y", "1", "No")
	case sort == "time", sort == "msecs":
		return pick(g, "0", "60 s", "1 hour", "90 secs", "7 d", "2w", "10 mins", "3600s", "24 h", "2000 ms", "5 mi")
	case sort == "size":
		return pick(g, "0", "1024", "10 M", "1G", "5kB", "3 KiB", "7 b", "2t")
	case sort == "octal":
		return pick(g, "0600", "0", "0666", "600")
	case sort == "uint", sort == "port":
		return pick(g, "0", "1", "143", "007", "65535", "1000")
	}
	if words, ok := strings.CutPrefix(sort, "enum:"); ok {
		return pick(g, strings.Split(words, ",")...)
	}
	return pick(g, "x", "a b", `"quoted # text"`, `'single \' quote'`, "/var/x/%u", "", "a  b", `"open`, `\\x`, `a "b" c`, "<"+g.file, "\"esc \\\" q\"")
}

func (g *generator) block(kind, name string, most int, line func() string) string {
	var b strings.Builder
	b.WriteString(g.indent() + strings.TrimSpace(kind+pick(g, " ", "  ")+name) + pick(g, " {", "  {", " { # x") + "\n")
	g.depth++
	for range g.IntN(most) {
		b.WriteString(line())
	}
	g.depth--
	b.WriteString(g.indent() + "}\n")
	return b.String()
}

func (g *generator) service() string {
	name := pick(g, "auth", "imap-login", "lmtp", "stats", "mine")
	return g.block("service", name, 4, func() string {
		switch g.IntN(4) {
		case 0:
			kind := pick(g, "unix_listener", "fifo_listener")
			return g.block(kind, pick(g, "sock", "private/auth", "auth-userdb"), 3, func() string { return g.assignment("service/" + kind) })
		case 1:
			return g.block("inet_listener", pick(g, "imap", "lmtp", "other"), 3, func() string { return g.assignment("service/inet_listener") })
		}
		return g.assignment("service")
	})
}

func (g *generator) section(kind, name, below, belowKind, belowName string) string {
	return g.block(kind, name, 4, func() string {
		if g.IntN(3) == 0 {
			return g.block(belowKind, belowName, 3, func() string { return g.assignment(below) })
		}
		return g.assignment(kind)
	})
}

func (g *generator) database(kind string) string {
	driver := "  driver = " + pick(g, "pam", "passwd-file", "static", "sql") + "\n"
	made := g.block(kind, pick(g, "", "", "", fmt.Sprint("db", g.IntN(50))), 3, func() string {
		if line := g.assignment(kind); !strings.Contains(line, "driver") {
			return line
		}
		return ""
	})
	return strings.Replace(made, "\n", "\n"+driver, 1)
}

// filtered puts lines in a filter, which may be one that is not allowed there.
func (g *generator) filtered() string {
	kind := pick(g, "protocol", "protocol", "protocol", "local", "remote", "local_name")
	name := map[string]string{
		"protocol": pick(g, "imap", "lmtp", "lda", "!lmtp"), "local": pick(g, "10.0.0.1", "10.0.0.0/8", "192.0.2.0/24", "10.1.0.0/16"),
		"remote": pick(g, "10.2.0.0/16", "10.0.0.0/8", "2001:db8::/32"), "local_name": pick(g, "mail.example.test", `"*.example.test"`),
	}[kind]
	was := g.filter
	g.filter += map[string]string{"protocol": "p", "local": "l", "remote": "r", "local_name": "n"}[kind]
	made := g.block(kind, name, 4, func() string {
		if len(g.filter) < 3 && g.IntN(12) == 0 {
			return g.filtered()
		}
		if g.IntN(4) == 0 {
			return g.block("plugin", "", 3, func() string { return g.equals(pick(g, "sieve", "y"), pick(g, "a", "$mail_plugins", "/b c")) })
		}
		if g.IntN(40) == 0 {
			return g.database("passdb")
		}
		return g.assignment("")
	})
	g.filter = was
	return made
}

// include writes another file, and names it.
func (g *generator) include() string {
	if len(g.files) > 4 {
		return "!include_try nothing/*.conf\n"
	}
	name := fmt.Sprintf("conf.d/%d.conf", len(g.files))
	g.files[name] = "" // so that it has its number before those within
	g.files[name] = g.lines(g.IntN(4))
	return pick(g, "!include ", "!include_try ") + pick(g, name, name, strings.Replace(name, ".conf", ".{conf,no}", 1), g.inside+"/"+name, strings.Replace(name, "conf.d", "conf.[a-e]", 1)) + "\n"
}

func (g *generator) oddity() string {
	s := pick(g, g.settings[""]...)
	if s.sort != "str" || strings.HasPrefix(s.key, "auth_") {
		s.key = "login_greeting"
	}
	return pick(g,
		s.key+" = a \\\n  b\n",
		s.key+" = a \\\n# gone\n",
		s.key+" = a \\\n\n",
		s.key+" = \\\n",
		"login_greeting = $mail_plugins and $login_greeting\n",
		"login_greeting = "+`"$mail_plugins"`+"\n",
		"login_greeting = x#y\n",
		"login_greeting = $ENV:NOTHING x\n",
	)
}

func (g *generator) mistake() string {
	return pick(g, "}\n", "plugin {\n  quota = $plugin/x\n}\n", "plugin {\n  x = $x y\n}\n", "no_such_setting = x\n", "protocol imap\n", "service x{\n", "plugin { x = y }\n", "login_greeting = $no_such\n", "!include missing.conf\n", "service auth {\n", "service {\n}\n",
		"plugin {\n  x {\n  }\n}\n", "protocol lmtp {\n  nothing = 1\n}\n", "service auth {\n  nothing = 1\n}\n", "nothing {\n}\n", "} x\n", "word\n", "service \"a\" b {\n}\n")
}
