package spamassassin

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// options are what a command line sets, by the first name of each option.
type options map[string][]string

func (o options) one(name string) string {
	if list := o[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

func (o options) has(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := o[n]; return ok })
}

// The options of the programs, as Getopt::Long has them: names, and "=" for one that
// takes a value, ":" for one that may (spamd(8p), spamassassin-run(1), spamc(1),
// sa-update(1p)). What is not listed takes none.
var (
	spamdOptions = strings.Fields(`allowed-ips|A= configpath|C= debug|D: default-user|U= groupname|g= helper-home-dir|H: listen|listen-ip|ip-address|i: min-children= max-children|m= min-spare= max-spare=
		max-conn-per-child= nouser-config|x pidfile|r= port|p= setuid-with-sql|Q sql-config|q server-cert= server-key= siteconfigpath= pre= cf= socketgroup= socketmode= socketowner= socketpath= ssl-ca-file=
		ssl-ca-path= ssl-port= syslog-socket= syslog|s= log-timestamp-fmt: timeout-tcp|T= timeout-child|t= username|u= virtual-config-dir= vpopmail|v local|L allow-tell|l create-prefs|c daemonize|d paranoid|P
		round-robin ssl ssl-verify timing user-config version|V help|h ldap-config setuid-with-ldap ipv4only|4 6 F: S`)
	spamassassinOptions = strings.Fields(`username|u= configpath|config-file|config-dir|c|C= pre= cf= debug|D: error-code|exit-code|e: prefspath|prefs-file|p= siteconfigpath= add-addr-to-blocklist=
		add-addr-to-welcomelist= add-addr-to-blacklist= add-addr-to-whitelist= remove-addr-from-welcomelist= remove-addr-from-whitelist= create-prefs lint local-only|local|L mbox mbx report|r revoke|k
		test-mode|test|t version|V x remove-markup|d help|h`)
	spamcOptions = strings.Fields(`dest|d= port|p= socket|U= config|F= timeout|t= connect-timeout|n= filter-retries= filter-retry-sleep= connect-retries= retry-sleep= max-size|s= username|u= learntype|L=
		reporttype|C= log-to-stderr|l ssl|S: ssl-cert= ssl-key= ssl-ca-file= ssl-ca-path= randomize|H bsmtp|B check|c tests|y full-spam|r full|R headers exitcode|E no-safe-fallback|x pipe-to|e unavailable-tempfail|X
		K z 4 6 version|V help|h`)
	milterOptions = strings.Fields(`b= B= d= D= e= i= p= P= r= u= R= S= C= g= a f m M I x`)
	updateOptions = strings.Fields(`channel= channelfile= gpgkey= gpgkeyfile= gpghomedir= updatedir= refreshmirrors nogpg gpg allowplugins reallyallowplugins checkonly install= httputil= debug|D: verbose|v 4 6`)
)

// parseOptions reads options as Getopt::Long does with "bundling", up to "--"; what
// stands behind that is under "--", what is no option under "".
func parseOptions(argv, spec []string) options {
	o := options{}
	for len(argv) > 0 {
		word := argv[0]
		argv = argv[1:]
		switch {
		case word == "--":
			o["--"] = argv
			return o
		case strings.HasPrefix(word, "--"):
			argv = o.long(word[2:], argv, spec)
		case len(word) > 1 && word[0] == '-':
			argv = o.short(word[1:], argv, spec)
		default:
			o[""] = append(o[""], word)
		}
	}
	return o
}

// long takes an option with a name, which may be cut short.
func (o options) long(word string, argv, spec []string) []string {
	name, value, given := strings.Cut(word, "=")
	negated, isNegated := strings.CutPrefix(strings.TrimPrefix(name, "no-"), "no")
	var found, close string
	for _, s := range spec {
		for i, alias := range strings.Split(strings.TrimRight(s, "=:"), "|") {
			switch {
			case alias == name && (len(alias) > 1 || i == 0):
				found = s
			case len(alias) > 1 && len(name) > 1 && strings.HasPrefix(alias, name) && close == "":
				close = s
			}
		}
	}
	if found == "" {
		found = close
	}
	if found == "" {
		if isNegated {
			delete(o, negated)
		}
		return argv
	}
	return o.set(found, value, given, argv)
}

// short takes options of one letter, several in one word.
func (o options) short(letters string, argv, spec []string) []string {
	for letters != "" {
		letter := letters[:1]
		letters = letters[1:]
		at := slices.IndexFunc(spec, func(s string) bool {
			return slices.Contains(strings.Split(strings.TrimRight(s, "=:"), "|"), letter)
		})
		switch {
		case at < 0:
		case strings.HasSuffix(spec[at], "=") || strings.HasSuffix(spec[at], ":"):
			return o.set(spec[at], strings.TrimPrefix(letters, "="), letters != "", argv)
		default:
			argv = o.set(spec[at], "", false, argv)
		}
	}
	return argv
}

func (o options) set(spec, value string, given bool, argv []string) []string {
	name, _, _ := strings.Cut(strings.TrimRight(spec, "=:"), "|")
	switch {
	case given:
	case strings.HasSuffix(spec, "=") && len(argv) > 0,
		strings.HasSuffix(spec, ":") && len(argv) > 0 && !strings.HasPrefix(argv[0], "-"):
		value, argv = argv[0], argv[1:]
	}
	o[name] = append(o[name], value)
	return argv
}

// command is how something starts one of the programs.
type command struct {
	options
	why    string
	source waxseal.Source
	known  bool // something tells how it is started, or its program is there
}

// started finds how a program is started: by what is known of units and scripts, else
// by the variable that its file of defaults sets.
func started(b *mta.Book, o mta.Options, program string, spec []string, defaults ...string) command {
	var found command
	for _, s := range o.Starts {
		if path.Base(s.Argv[0]) == program && (!found.known || s.Active) {
			found = command{parseOptions(s.Argv[1:], spec), s.Why, s.Source, true}
			if s.Active {
				return found
			}
		}
	}
	for _, d := range defaults {
		file, variable, _ := strings.Cut(d, ":")
		text, ok := b.Read(mta.Clean(file), "how "+program+" is started")
		if !ok || found.known && found.options.has("") {
			continue
		}
		if found.known {
			break
		}
		a := assignments(text)
		if set, ok := a[variable]; ok {
			found = command{parseOptions(mta.ShellWords(set.value), spec), variable + " in " + file, waxseal.Source{Path: mta.Clean(file), Line: set.line}, true}
		}
	}
	if found.options == nil {
		found.options = options{}
	}
	return found
}

type assignment struct {
	value string
	line  int
}

// assignments are the variables that a file of defaults ends up with, as a shell sets
// them: the last one counts, and may name those before it.
func assignments(text string) map[string]assignment {
	set := map[string]assignment{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export ")), "=")
		if !ok || !isName(name) {
			continue
		}
		set[name] = assignment{substitute(unquoted(value), set), n}
	}
	return set
}

func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) < 0
}

// unquoted takes the quotes off a value as a whole, and what stands behind them.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end]
		}
		return s[1:]
	}
	before, _, _ := strings.Cut(s, " ")
	return before
}

const maxValue = 64 << 10

// substitute puts in the variables that a value names.
func substitute(s string, set map[string]assignment) string {
	if !strings.Contains(s, "$") {
		return s
	}
	var b strings.Builder
	for s != "" && b.Len() < maxValue {
		before, rest, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			break
		}
		name := ""
		if braced, ok := strings.CutPrefix(rest, "{"); ok {
			name, s, _ = strings.Cut(braced, "}")
		} else {
			end := 0
			for end < len(rest) && isName(rest[:end+1]) {
				end++
			}
			name, s = rest[:end], rest[end:]
		}
		b.WriteString(set[name].value)
	}
	return b.String()
}
