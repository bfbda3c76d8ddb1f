package postconf

import (
	"fmt"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// Service is one line of master.cf (master(5)).
type Service struct {
	Name, Type string
	Line       int
	Private    string
	Unpriv     string
	Chroot     string
	Wakeup     string
	MaxProc    string
	Command    string     // as written, relative to daemon_directory
	Flags      []string   // options other than -o
	Overrides  []Override // the last of each name
	index      map[string]int
	Args       []string // what follows the options
}

// Override is one -o name=value.
type Override struct{ Name, Raw string }

// Key names the service as postconf -M does.
func (s Service) Key() string { return s.Name + "/" + s.Type }

// Program is the daemon's name where the command is a plain name.
func (s Service) Program() string { return path.Base(s.Command) }

// Override is the value that an -o option gives to a parameter, before
// expansion.
func (s Service) Override(name string) (string, bool) {
	if i, ok := s.index[name]; ok {
		return s.Overrides[i].Raw, true
	}
	return "", false
}

// WithoutOverrides is the service as it would be with no -o.
func (s Service) WithoutOverrides() Service {
	s.Overrides, s.index = nil, nil
	return s
}

// Over is the map of overrides for a view.
func (s Service) Over() map[string]string {
	m := map[string]string{}
	for _, o := range s.Overrides {
		m[o.Name] = o.Raw
	}
	return m
}

// Master is one master.cf.
type Master struct {
	Path waxseal.Path
	// Services are those that count, of two lines for one service the last.
	Services []Service
	// Lines are all of them, as postconf(1) shows them.
	Lines []MasterLine
	// Fatal is the first line that master(8) does not get past; 0 where there is
	// none.
	Fatal int
}

// MasterLine is one line of master.cf as postconf(1) writes it: eight fields,
// then options and arguments, each -o apart from its name=value and braces taken
// off.
type MasterLine struct {
	Number int
	Words  []string
}

// ParseMaster reads master.cf (master(5)) as a version does: braces mean nothing
// before 3.0. What stands behind a line at which master(8) would give up is read
// all the same.
func ParseMaster(p waxseal.Path, content string, v Version) (Master, []waxseal.Problem) {
	split, style := mapdb.Words, braces(v.since(3, 0))
	if !style {
		split = plainWords
	}
	lines, bad := mapdb.Lines(content)
	problems := Located(p, bad)
	m := Master{Path: p}
	index := map[string]int{}
	for _, line := range lines {
		text, _ := beforeNull(line.Text)
		words := split(text)
		s, message := parseService(words, line.Number, style)
		if wrong := invalid(words, v); wrong != "" {
			message = wrong + ": master does not start"
			if m.Fatal == 0 {
				m.Fatal = line.Number
			}
		}
		if message != "" {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: message})
		}
		if s.Command == "" {
			continue
		}
		if len(m.Lines) >= maxServices {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.Line, Message: "more services than are read"})
			break
		}
		m.Lines = append(m.Lines, MasterLine{line.Number, normalWords(words, style)})
		if i, twice := index[s.Key()]; twice {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.Line,
				Message: fmt.Sprintf("%s is defined again: this line overrides line %d", Clip(s.Key()), m.Services[i].Line)})
			m.Services[i] = s
			continue
		}
		index[s.Key()] = len(m.Services)
		m.Services = append(m.Services, s)
	}
	return m, problems
}

const (
	masterFields = 8
	// maxServices bounds master.cf; each service is looked at with its own view
	// of main.cf.
	maxServices = 2000
)

// parseService reads the words of one line as master(8) hands them to a daemon.
func parseService(words []string, number int, braces braces) (Service, string) {
	if len(words) < masterFields {
		return Service{}, ""
	}
	s := Service{
		Name: words[0], Type: words[1], Line: number,
		Private: words[2], Unpriv: words[3], Chroot: words[4], Wakeup: words[5], MaxProc: words[6], Command: words[7],
	}
	message := ""
	args := make([]string, 0, len(words)-masterFields)
	for _, w := range words[masterFields:] {
		if bool(braces) && strings.HasPrefix(w, "{") {
			inner, ok := unbrace(w)
			if !ok {
				message = "braces do not match: " + Clip(w)
			}
			w = inner
		}
		args = append(args, w)
	}
	if bad := s.options(args); bad != "" {
		message = bad
	}
	return s, message
}

// braces says whether they have a meaning in master.cf.
type braces bool

// plainWords splits at white space.
func plainWords(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(space, c) })
}

// unbrace takes braces off; where they do not match, only the first
// (extpar(3)).
func unbrace(w string) (inner string, ok bool) {
	end := closing(w)
	switch {
	case end < 0:
		return strings.Trim(w[1:], Blanks), false
	case end < len(w)-1:
		return strings.Trim(w[1:end], Blanks), false
	}
	return strings.Trim(w[1:end], Blanks), true
}

// invalid says why master(8) and postconf(1) refuse a line; "" where they do not.
func invalid(words []string, v Version) string {
	if len(words) < masterFields {
		return fmt.Sprintf("expected service, type, six more fields and a command, found %d fields", len(words))
	}
	switch typ := words[1]; {
	case typ == "inet" || typ == "unix" || typ == "fifo" || typ == "pass" || typ == "unix-dgram" && v.since(3, 4):
	default:
		return "no such service type: " + Clip(words[1])
	}
	for _, w := range words[2:5] {
		if w != "y" && w != "n" && w != "-" {
			return "expected y, n or -, found " + Clip(w)
		}
	}
	if w := strings.TrimSuffix(words[5], "?"); w != "-" && w != "" && !isDigits(w) {
		return "a wakeup time that is no number: " + Clip(words[5])
	}
	if w := words[6]; w != "-" && !isDigits(w) {
		return "a process limit that is no number: " + Clip(w)
	}
	return ""
}

// normalWords is pcf_normalize_daemon_args (postconf_master.c), its oddity with
// "-oname=foo", which it splits at every o, included.
func normalWords(words []string, braces braces) []string {
	out := append([]string{}, words[:min(masterFields, len(words))]...)
	rest := words[len(out):]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && rest[0] != "--" {
		letters := rest[0][1:]
		rest = rest[1:]
		for letters != "" {
			head := letters
			if at := strings.IndexByte(letters[1:], 'o'); at >= 0 {
				head = letters[:at+1]
			}
			letters = letters[len(head):]
			if head[0] != 'o' {
				out = append(out, "-"+head)
				continue
			}
			value := head[1:]
			switch {
			case value != "":
			case letters != "":
				value, letters = "-"+letters, ""
			case len(rest) > 0:
				value, rest = rest[0], rest[1:]
			default:
				return append(out, "-o")
			}
			if braces {
				value = normalPair(value)
			}
			out = append(out, "-o", value)
		}
	}
	for _, w := range rest {
		if bool(braces) && strings.HasPrefix(w, "{") {
			w, _ = unbrace(w)
		}
		out = append(out, w)
	}
	return out
}

// normalPair takes the braces off { name = value }.
func normalPair(w string) string {
	if !strings.HasPrefix(w, "{") {
		return w
	}
	w, _ = unbrace(w)
	if name, value, ok := SplitNameValue(w); ok {
		return name + "=" + value
	}
	return w
}

// options reads what getopt(3) would: options up to the first word that is none.
func (s *Service) options(args []string) string {
	message := ""
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		takesValue := strings.IndexByte("imnost", word[1]) >= 0
		value := word[2:]
		if takesValue && value == "" && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if word[1] != 'o' {
			s.Flags = append(s.Flags, word)
			continue
		}
		name, raw, ok := SplitNameValue(value)
		if !ok {
			message = "expected -o name=value, found " + Clip(value)
			continue
		}
		s.setOverride(name, raw)
	}
	s.Args = args
	return message
}

func (s *Service) setOverride(name, raw string) {
	if i, ok := s.index[name]; ok {
		s.Overrides[i].Raw = raw
		return
	}
	if s.index == nil {
		s.index = map[string]int{}
	}
	s.index[name] = len(s.Overrides)
	s.Overrides = append(s.Overrides, Override{name, raw})
}

// HasFlag reports whether an option letter such as D was given.
func (s Service) HasFlag(letter string) bool {
	for _, f := range s.Flags {
		if strings.IndexByte("imnost", f[1]) < 0 && strings.Contains(f[1:], letter) {
			return true
		}
	}
	return false
}

// External is the command of a pipe(8) or spawn(8) service.
type External struct {
	User, Directory, Flags string
	Argv                   []string
}

// External reads flags=, user=, directory= and argv= (pipe(8), spawn(8)).
func (s Service) External() External {
	var x External
	for i, w := range s.Args {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "user":
			x.User = value
		case "directory", "chroot":
			x.Directory = value
		case "flags":
			x.Flags = value
		case "argv":
			x.Argv = append([]string{value}, s.Args[i+1:]...)
			if value == "" {
				x.Argv = x.Argv[1:]
			}
			return x
		}
	}
	return x
}

// CommandLine writes an argv for people: words with blanks in braces, as in
// master.cf.
func CommandLine(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		if w == "" || strings.ContainsAny(w, Blanks) {
			w = "{" + w + "}"
		}
		words[i] = strings.Join(strings.Fields(w), " ")
	}
	return strings.Join(words, " ")
}
