package sendmail

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// scripts reads what runs as root around Sendmail and lies in /etc/mail: shell code
// in sendmail.conf, targets of the Makefile, the list of databases.
func (r *reader) scripts() {
	r.shellFile("/etc/mail/sendmail.conf", "the init script, cron and the commands newaliases and mailq")
	r.makefile("/etc/mail/Makefile")
	r.makefile("/etc/mail/make")
	r.databases("/etc/mail/databases")
	for _, p := range []waxseal.Path{"/usr/share/sendmail/sendmail", "/usr/share/sendmail/update_conf", "/usr/share/sendmail/parse_mc", "/usr/share/sendmail/update_db"} {
		if r.Exists(p) {
			r.Part(p, waxseal.RoleScript)
		}
	}
}

// plainAssignment is a line of shell that only sets a variable: no command
// substitution, nothing behind it.
var plainAssignment = regexp.MustCompile("^(export\\s+)?[A-Za-z_][A-Za-z0-9_]*=('[^']*'|\"[^\"`$]*(\\$[{A-Za-z_][^\"`(]*)?\"|[^\\s;&|`$<>()'\"]*)*\\s*;?\\s*(#.*)?$")

// shellFile reads a file that scripts source as root. Every setting is noted; the
// first line that does more is a hook.
func (r *reader) shellFile(p waxseal.Path, who string) {
	text, ok := r.Read(p, "a file of shell code")
	if !ok {
		return
	}
	r.Part(p, waxseal.RoleConfig)
	for _, l := range statements(text) {
		if len(l.text) <= 64<<10 && plainAssignment.MatchString(l.text) {
			name, value, _ := strings.Cut(strings.TrimPrefix(l.text, "export "), "=")
			r.Setting("", string(p)+" "+clip(strings.TrimSpace(name)), clip(strings.Trim(strings.TrimSpace(value), `;"'`)), waxseal.Source{Path: p, Line: l.line})
			r.confVariable(p, strings.TrimSpace(name), value, l.line)
			continue
		}
		h := r.rootCommand(p, "sourced", l)
		h.Explain = strings.ToUpper(who[:1]) + who[1:] + " source " + string(p) + " as root, and it runs a command: " + clip(l.text)
		r.Emit(h)
	}
}

// rootCommand starts the hook of a command that runs as root.
func (r *reader) rootCommand(p waxseal.Path, directive string, l statement) waxseal.Hook {
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(p) + ":" + directive + ":" + clip(l.place)), Kind: waxseal.KindScript, Stage: waxseal.StageConnect,
		Effects: runs, Scope: "all", RunsAs: "root", Active: true, Source: waxseal.Source{Path: p, Line: l.line}, Directive: directive}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: l.text}
	for _, part := range r.CommandParts(mta.ShellWords(l.text)) {
		if part.Role != waxseal.RoleSocket {
			h.Closure = append(h.Closure, part)
		}
	}
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	return h
}

// confVariable looks at what Debian's scripts make command lines of.
func (r *reader) confVariable(p waxseal.Path, name, value string, line int) {
	words := strings.Fields(strings.Trim(value, `;"' `))
	for i, w := range words {
		at := ""
		switch {
		case w == "-X" && i+1 < len(words):
			at = words[i+1]
		case strings.HasPrefix(w, "-X"):
			at = w[2:]
		}
		if !path.IsAbs(at) {
			continue
		}
		h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(p) + ":" + name + ":-X"), Kind: waxseal.KindCopy, Stage: waxseal.StageSession, Effects: copies,
			Scope: "all", Active: true, Source: waxseal.Source{Path: p, Line: line}, Directive: "-X"}
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: at}
		h.Explain = "Everything that is said in SMTP, messages too, is written to " + clip(at) + " (" + name + " -X)."
		r.Emit(h)
	}
}

// confStarts are the command lines that sendmail.conf makes: DAEMON_PARMS and its
// like are options of sendmail.
func (r *reader) confStarts() []mta.Start {
	text, err := r.Tree.ReadFile("/etc/mail/sendmail.conf", mta.MaxFile)
	if err != nil {
		return nil
	}
	var list []mta.Start
	for _, l := range statements(string(text)) {
		name, value, ok := strings.Cut(l.text, "=")
		if ok && (strings.HasSuffix(name, "_PARMS") || strings.HasSuffix(name, "_ARGS")) && len(list) < 64 {
			list = append(list, mta.Start{Argv: append([]string{"/usr/sbin/sendmail"}, strings.Fields(strings.Trim(value, `;"' `))...),
				Why: name + " in sendmail.conf", Source: waxseal.Source{Path: "/etc/mail/sendmail.conf", Line: l.line}, Active: true})
		}
	}
	return list
}

// statement is a line of a script with those that continue it.
type statement struct {
	line  int
	text  string
	place string // what it belongs to
}

// statements are the lines that are no comment; a backslash at the end continues
// one, and so does an open quote.
func statements(text string) []statement {
	var list []statement
	var pending strings.Builder
	from, number := 0, 0
	var quote byte
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if pending.Len() == 0 {
			from = number
			if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
				continue
			}
		}
		more := strings.HasSuffix(line, `\`) && quote != '\''
		pending.WriteString(strings.TrimSuffix(line, `\`))
		quote = openQuote(line, quote)
		if (more || quote != 0) && pending.Len() < 64<<10 {
			pending.WriteByte(' ')
			continue
		}
		list = append(list, statement{line: from, text: strings.TrimSpace(pending.String())})
		list[len(list)-1].place = list[len(list)-1].text
		pending.Reset()
		quote = 0
	}
	if pending.Len() > 0 {
		list = append(list, statement{from, strings.TrimSpace(pending.String()), strings.TrimSpace(pending.String())})
	}
	return list
}

func openQuote(s string, quote byte) byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t'):
			return 0
		case c == quote:
			quote = 0
		}
	}
	return quote
}

// makeWords are the programs that the Makefiles of packages run, and what a shell
// needs between them (update_mk(8); the make script of Red Hat). What prints who one is (id) is not among
// them, nor what fetches or interprets.
var makeWords = set(`makemap newaliases m4 chown chmod mv cp rm touch echo test [ if then else fi elif for do done case esac true false : sendmail cmp sh su cat
update_sendmail update_auth update_authm4 update_conf update_db update_ldap update_mc update_mk update_notices update_smrsh update_sys update_tcpd update_tls update_tlsm4 parse_mc
buildvirtuser sendmailconfig make cd umask exit printf which awk sed grep sort uniq ln install mkdir cut head tail tr wc restorecon cvs rcs ci co
local return shift break continue export set unset read let function in stat date basename dirname`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// makefile reads what "make -C /etc/mail" and Debian's init script run as root.
func (r *reader) makefile(p waxseal.Path) {
	text, ok := r.Read(p, "a Makefile")
	if !ok {
		return
	}
	// A Makefile is read by meaning, line by line; of a script that is as good as
	// impossible, so that each change of it counts.
	script, role := !strings.HasSuffix(string(p), "Makefile"), waxseal.RoleConfig
	if script {
		role = waxseal.RoleScript
	}
	r.Part(p, role)
	own := functionsOf(text)
	target, all := "", []string{}
	for _, l := range logicalLines(text) {
		recipe := strings.HasPrefix(l.text, "\t")
		body := strings.TrimLeft(strings.TrimSpace(l.text), "@-+ ")
		switch {
		case body == "" || body[0] == '#':
			continue
		case !recipe && !script && strings.Contains(body, ":") && !strings.Contains(body, "="):
			target = strings.TrimSpace(body[:strings.IndexByte(body, ':')])
		}
		all = append(all, folded(body))
		l.text, l.place = body, target+":"+body
		if (recipe || script) && !ordinaryRecipe(body, own) || strings.Contains(body, "$(shell ") || strings.HasPrefix(body, "include ") || strings.HasPrefix(body, "-include ") {
			h := r.rootCommand(p, "Makefile", l)
			h.Explain = "make -C /etc/mail, which reloads of Sendmail call, runs as root: " + clip(body)
			r.Emit(h)
		}
	}
	r.Setting("", string(p), itoa(len(all))+" lines, "+digest(strings.Join(all, "\n")), waxseal.Source{Path: p})
}

// shellFunction is the head of a function in a script.
var shellFunction = regexp.MustCompile(`(?m)^\s*(?:function\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*\(\)`)

// functionsOf are the names that a script itself gives to commands.
func functionsOf(text string) map[string]bool {
	names := map[string]bool{}
	for _, g := range shellFunction.FindAllStringSubmatch(text, 200) {
		if !makeWords[g[1]] {
			names[g[1]] = true
		}
	}
	return names
}

func logicalLines(text string) []statement {
	var list []statement
	number := 0
	open := false
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		more := strings.HasSuffix(line, `\`)
		line = strings.TrimSuffix(line, `\`)
		if open && len(list) > 0 {
			list[len(list)-1].text += " " + line
		} else {
			list = append(list, statement{line: number, text: line})
		}
		open = more && len(list[len(list)-1].text) < 64<<10
	}
	return list
}

// commandBreak is where a shell starts another command.
var commandBreak = regexp.MustCompile(`[;|&(){}]+|\b(?:then|else|do|if|elif|!)\s`)

// ordinaryRecipe reports whether every command in a recipe is one of those that
// Makefiles of packages run, on files that are Sendmail's.
func ordinaryRecipe(body string, own map[string]bool) bool {
	body = makeVariable.ReplaceAllString(singleQuotes.ReplaceAllString(body, `""`), "make")
	if len(body) > 64<<10 || strings.Contains(body, "`") {
		return false
	}
	for _, path := range mta.PathWords(body) {
		if !ownFile(path) {
			return false
		}
	}
	for _, command := range commandBreak.Split(quotes.ReplaceAllString(body, `""`), -1) {
		f := strings.Fields(strings.TrimLeft(strings.TrimSpace(command), "@-+"))
		if len(f) == 0 || strings.HasPrefix(f[0], "$") || strings.Contains(f[0], "=") || strings.ContainsAny(f[0][:1], `"'#>2`) {
			continue
		}
		if !makeWords[baseName(f[0])] && !own[f[0]] {
			return false
		}
	}
	return true
}

var (
	quotes       = regexp.MustCompile(`"[^"]*"`)
	singleQuotes = regexp.MustCompile(`'[^']*'`)
	makeVariable = regexp.MustCompile(`\$\([A-Za-z_]+\)`)
)

func ownFile(p string) bool {
	for _, dir := range []string{"/etc/mail", "/etc/aliases", "/usr/share/sendmail", "/usr/sbin/", "/usr/bin/", "/bin/", "/sbin/", "/usr/libexec/sendmail", "/usr/lib/sm.bin", "/var/run/sendmail", "/run/sendmail", "/var/lib/sendmail", "/etc/init.d/sendmail", "/etc/cron.d/sendmail", "/etc/default", "/etc/sysconfig", "/dev/null", "/usr/lib/sendmail", "/etc/ldap"} {
		if strings.HasPrefix(p, dir) && !strings.Contains(p, "..") {
			return true
		}
	}
	return false
}

// databases reads Debian's list of maps, from which update_mk writes the Makefile:
// "access_db:hash:-:/etc/mail/access:skip:".
func (r *reader) databases(p waxseal.Path) {
	text, ok := r.Read(p, "the list of databases")
	if !ok {
		return
	}
	r.Part(p, waxseal.RoleConfig)
	for _, l := range statements(text) {
		name, rest, _ := strings.Cut(l.text, ":")
		r.Setting("", string(p)+" "+clip(name), clip(rest), waxseal.Source{Path: p, Line: l.line})
		if strings.ContainsAny(l.text, "`;|&") || strings.Contains(l.text, "$(") && !strings.Contains(l.text, "%[") {
			h := r.rootCommand(p, "databases", l)
			h.Explain = "The Makefile of /etc/mail is written from " + string(p) + ", and this line of it would run as root: " + clip(l.text)
			r.Emit(h)
		}
	}
}
