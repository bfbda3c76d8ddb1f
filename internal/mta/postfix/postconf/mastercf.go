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

// ParseMaster reads master.cf. Of two lines for one service the last counts.
func ParseMaster(p waxseal.Path, content string) ([]Service, []waxseal.Problem) {
	lines, bad := mapdb.Lines(content)
	problems := Located(p, bad)
	var services []Service
	index := map[string]int{}
	for _, line := range lines {
		s, message := parseService(line)
		if message != "" {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: message})
		}
		if s.Command == "" {
			continue
		}
		if i, twice := index[s.Key()]; twice {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.Line,
				Message: fmt.Sprintf("%s is defined again: this line overrides line %d", Clip(s.Key()), services[i].Line)})
			services[i] = s
			continue
		}
		if len(services) >= maxServices {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.Line, Message: "more services than are read"})
			break
		}
		index[s.Key()] = len(services)
		services = append(services, s)
	}
	return services, problems
}

const (
	masterFields = 8
	// maxServices bounds master.cf; each service is looked at with its own view
	// of main.cf.
	maxServices = 2000
)

func parseService(line mapdb.Line) (Service, string) {
	words := mapdb.Words(strings.ReplaceAll(line.Text, "\x00", " "))
	if len(words) < masterFields {
		return Service{}, fmt.Sprintf("expected service, type, six more fields and a command, found %d fields", len(words))
	}
	s := Service{
		Name: words[0], Type: words[1], Line: line.Number,
		Private: words[2], Unpriv: words[3], Chroot: words[4], Wakeup: words[5], MaxProc: words[6], Command: words[7],
	}
	message := ""
	switch s.Type {
	case "inet", "unix", "unix-dgram", "fifo", "pass":
	default:
		message = fmt.Sprintf("no such service type: %s", Clip(s.Type))
	}
	args := make([]string, 0, len(words)-masterFields)
	for _, w := range words[masterFields:] {
		if strings.HasPrefix(w, "{") {
			inner, ok := mapdb.Unbrace(w)
			if !ok {
				message = "braces do not match: " + Clip(w)
				inner = strings.Trim(strings.TrimPrefix(w, "{"), Blanks)
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
