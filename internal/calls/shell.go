package calls

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// sh reads one token of shell (POSIX.1 §2.3): a word with its quotes taken off, an
// operator, or the end of a line. Commands in substitutions are read by themselves.
func (s *scanner) sh() {
	c := s.text[s.at]
	switch {
	case c == '\n':
		s.at++
		s.emit(newline, "\n", s.at-1)
		s.documents()
	case isBlank(c):
		s.at++
	case s.has("\\\n"):
		s.at += 2
	case c == '#':
		s.toLineEnd()
	case s.has("<<") && !s.has("<<<"):
		s.shHeredoc()
	case strings.IndexByte(";&|()<>", c) >= 0:
		s.operator("&>>", "<<<", ";;", "&&", "||", "|&", ">>", ">&", "<&", ">|", "<>", "&>", "<(", ">(")
	default:
		s.shWord()
	}
}

func (s *scanner) shHeredoc() {
	from := s.at
	s.at += 2
	doc := heredoc{token: len(s.tokens)}
	if s.has("-") {
		doc.indented = true
		s.at++
	}
	for s.at < len(s.text) && isBlank(s.text[s.at]) {
		s.at++
	}
	start, nested := s.at, len(s.nested)
	word, _ := s.shText()
	s.nested = s.nested[:nested]
	doc.end, doc.raw = word, strings.ContainsAny(s.text[start:s.at], `'"\`)
	s.emit(literal, "", from)
	s.here = append(s.here, doc)
}

// shWord reads one word.
func (s *scanner) shWord() {
	from := s.at
	text, open := s.shText()
	s.emit(name, text, from)
	s.tokens[len(s.tokens)-1].open = open
}

// shText is a word with its quotes taken off; open says that something in it is
// expanded.
func (s *scanner) shText() (text string, open bool) {
	var b strings.Builder
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case isBlank(c), c == '\n', strings.IndexByte(";&|()<>", c) >= 0:
			return b.String(), open
		case c == '\\':
			s.at++
			if s.at < len(s.text) && s.text[s.at] != '\n' {
				b.WriteByte(s.text[s.at])
			}
			s.at++
		case c == '\'':
			s.at++
			from := s.at
			s.past("'")
			b.WriteString(strings.TrimSuffix(s.text[from:s.at], "'"))
		case c == '"':
			s.at++
			from := s.at
			body := s.quoted('"')
			open = open || strings.ContainsAny(body, "$`")
			s.substitutions(body, s.lineAt(from))
			b.WriteString(unescape(body, false))
		case c == '$' || c == '`':
			open = true
			b.WriteString(s.shExpansion())
		default:
			s.at++
			b.WriteByte(c)
		}
	}
	s.at = min(s.at, len(s.text))
	return b.String(), open
}

// shExpansion moves over $x, ${x}, $(…), $'…' or `…`.
func (s *scanner) shExpansion() string {
	from := s.at
	switch {
	case s.has("$("):
		s.at = from + 2
		s.at = min(len(s.text), closed(s.text, s.at)+1)
		s.nested = append(s.nested, piece{strings.TrimSuffix(s.text[from+2:s.at], ")"), s.lineAt(from)})
	case s.has("`"):
		s.at++
		s.nested = append(s.nested, piece{unescape(s.quoted('`'), false), s.lineAt(from)})
	case s.has("${"):
		s.at = min(len(s.text), closing(s.text, from+2)+1)
		s.substitutions(s.text[from+2:s.at], s.lineAt(from))
	case s.has("$'"):
		s.at += 2
		return escapes(s.quoted('\''))
	default:
		s.at++
	}
	return s.text[from:s.at]
}

// substitutions finds the commands in a text that is expanded.
func (s *scanner) substitutions(body string, line int) {
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '\\':
			i++
		case strings.HasPrefix(body[i:], "$("):
			end := closed(body, i+2)
			s.nested = append(s.nested, piece{body[i+2 : end], line})
			i = end
		case body[i] == '`':
			end := strings.IndexByte(body[i+1:], '`')
			if end < 0 {
				return
			}
			s.nested = append(s.nested, piece{body[i+1 : i+1+end], line})
			i += end + 1
		}
	}
}

// closed is where the parenthesis ends that was opened before a place.
func closed(text string, from int) int {
	depth := 1
	var quote byte
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// shell looks at each simple command.
func (f *finder) shell(s *scanner) {
	for i := 0; i < len(s.tokens) && !f.full(); {
		end := i
		for end < len(s.tokens) && !endsCommand(s.tokens[end]) {
			end++
		}
		if end < len(s.tokens) && s.tokens[end].is("(") && end == i+1 && end+1 < len(s.tokens) && s.tokens[end+1].is(")") {
			i = end + 2 // a definition: name()
			continue
		}
		f.simple(s, s.tokens[i:end])
		i = end + 1
	}
}

func endsCommand(t token) bool {
	return t.sort == newline || t.sort == op && slices.Contains([]string{";", ";;", "&", "&&", "||", "|", "|&", "(", ")", "<(", ">("}, t.text)
}

// reserved are words behind which a command begins.
var reserved = map[string]bool{"if": true, "then": true, "else": true, "elif": true, "while": true, "until": true, "do": true, "!": true, "{": true, "}": true, "time": true, "command": true,
	"builtin": true, "exec": true, "nohup": true, "setsid": true, "env": true, "sudo": true, "nice": true, "ionice": true, "fi": true, "done": true, "esac": true}

// simple reads one command: assignments, redirections and words.
func (f *finder) simple(s *scanner, tokens []token) {
	var words []token
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.sort == op:
			if i+1 < len(tokens) {
				f.redirection(s, t, tokens[i+1])
				i++
			}
		case t.sort == literal:
		case len(words) == 0 && isAssignment(s, t):
			f.assignment(s, t)
		case len(words) == 0 && reserved[t.text]:
			if (t.text == "exec" || t.text == "nohup") && i+1 < len(tokens) && tokens[i+1].sort == op {
				continue
			}
		default:
			words = append(words, t)
		}
	}
	if len(words) > 0 {
		f.shellCommand(s, words, tokens[len(tokens)-1].to)
	}
}

// isAssignment reports whether a word sets a variable: the name and "=" are written
// without quotes.
func isAssignment(s *scanner, t token) bool {
	raw := s.text[t.from:min(t.to, t.from+256)]
	n, _, ok := strings.Cut(raw, "=")
	return ok && n != "" && isNameStart(n[0]) && plainName(strings.TrimSuffix(n, "+"))
}

// assignment notes a variable that has programs load somebody's code.
func (f *finder) assignment(s *scanner, t token) {
	n, value, _ := strings.Cut(t.text, "=")
	if !loaderVariables[n] || n == "ENV" || n == "PATH" && (systemPath(strings.ReplaceAll(value, "$PATH", "/bin"))) {
		return
	}
	f.add(Call{Line: t.line, Name: n, Text: s.text[t.from:t.to], Kind: waxseal.KindEnvironment, Effects: runs, Target: waxseal.Target{Type: waxseal.TargetText, Value: t.text}})
}

// redirection notes a file that is written at an odd place, and connections that a
// shell opens itself.
func (f *finder) redirection(s *scanner, operator, to token) {
	c := Call{Line: operator.line, Name: operator.text, Text: s.text[operator.from:to.to], Effects: copies, Kind: waxseal.KindCopy}
	if rest, ok := cutAny(to.text, "/dev/tcp/", "/dev/udp/"); ok {
		c.Kind, c.Effects = waxseal.KindPolicy, asks
		c.Target = waxseal.Target{Type: waxseal.TargetHost, Value: strings.Replace(rest, "/", ":", 1)}
		f.add(c)
		return
	}
	if !strings.Contains(operator.text, ">") || !strings.HasPrefix(to.text, "/") || to.open {
		return
	}
	if _, ordinary := cutAny(path.Clean(to.text), "/dev/", "/run/", "/var/run/", "/var/log/", "/proc/", "/sys/", "/var/lib/", "/var/cache/"); ordinary && !strings.Contains(to.text, "/.") {
		return
	}
	c.Target = waxseal.Target{Type: waxseal.TargetFile, Value: to.text}
	f.add(c)
}

func cutAny(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

// shellCommand judges the words of a command that ends at a place.
func (f *finder) shellCommand(s *scanner, words []token, end int) {
	first := words[0]
	program := path.Base(first.text)
	if program == "export" || program == "declare" || program == "typeset" || program == "readonly" || program == "local" {
		for _, w := range words[1:] {
			if isAssignment(s, w) {
				f.assignment(s, w)
			}
		}
		return
	}
	w, matters := f.words[program]
	if !matters && !f.sends(first.text, program, words) {
		if w, matters = f.words["*"]; !matters || harmlessCommands[program] || first.text == "" {
			return
		}
	}
	if !matters {
		w = aCommand
	}
	text := s.text[first.from:end]
	c := Call{Line: first.line, Name: program, Text: text, Kind: w.Kind, Effects: w.Effects}
	var args []argument
	for _, t := range words {
		args = append(args, argument{value: t.text, fixed: true, holds: t.text})
	}
	if w.Target == waxseal.TargetCommand {
		c.Target = waxseal.Target{Type: w.Target, Value: Clip(text)}
	} else if v := target(w.Target, args[1:]); v != "" {
		c.Target = waxseal.Target{Type: w.Target, Value: v}
	}
	f.add(c)
}

// sends reports whether a command sends something out of the host, or runs code that
// it is given.
func (f *finder) sends(command, program string, words []token) bool {
	rest := words[1:]
	switch {
	case strings.Contains(command, "/tmp/") || strings.Contains(command, "/dev/shm/") || strings.Contains(command, "/.") && !strings.Contains(command, "/../"):
		return true
	case senders[program]:
		return true
	case program == "eval":
		return len(rest) > 0
	case program == "." || program == "source":
		return len(rest) > 0 && hidden(rest[0].text)
	case interpreters[strings.TrimRight(program, "0123456789.")]:
		return true
	case program == "openssl":
		return len(rest) > 0 && (rest[0].text == "s_client" || rest[0].text == "enc")
	case program == "dd":
		return slices.ContainsFunc(rest, func(t token) bool { return strings.HasPrefix(t.text, "of=/") })
	case program == "tee":
		return slices.ContainsFunc(rest, func(t token) bool { return strings.HasPrefix(t.text, "/") && t.text != "/dev/null" })
	}
	return false
}

func hidden(file string) bool {
	return strings.HasPrefix(file, "/tmp/") || strings.HasPrefix(file, "/var/tmp/") || strings.HasPrefix(file, "/dev/shm/") || strings.Contains(file, "/.")
}

var (
	senders = set("curl wget nc ncat netcat socat ssh scp sftp rsync ftp lftp tftp telnet mail mailx mutt sendmail msmtp swaks uuencode at batch crontab xargs")
	// interpreters run what their arguments or their input say.
	interpreters = set("sh bash dash ksh zsh busybox perl python ruby php lua node")
	// harmlessCommands only test, print and set.
	harmlessCommands = set(`: true false test [ [[ ]] echo printf export local return set unset shift declare umask exit cd pwd read type break continue hostname basename dirname uname id getent cat grep
		egrep fgrep cut tr head tail sort uniq wc date sleep ls which expr seq readlink pidof case for in select function ulimit trap wait let hash alias stat nproc getconf dpkg-architecture
		log_daemon_msg log_end_msg log_progress_msg log_action_msg log_success_msg log_failure_msg log_warning_msg`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
