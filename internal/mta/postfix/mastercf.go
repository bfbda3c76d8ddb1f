package postfix

import (
	"fmt"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// service is one line of master.cf (master(5)).
type service struct {
	name, typ string
	line      int
	private   string
	unpriv    string
	chroot    string
	wakeup    string
	maxproc   string
	command   string     // as written, relative to daemon_directory
	flags     []string   // options other than -o
	overrides []override // the last of each name
	index     map[string]int
	args      []string // what follows the options
}

// override is one -o name=value.
type override struct{ name, raw string }

// key names the service as postconf -M does.
func (s service) key() string { return s.name + "/" + s.typ }

// program is the daemon's name where the command is a plain name.
func (s service) program() string { return path.Base(s.command) }

func (s service) override(name string) (string, bool) {
	if i, ok := s.index[name]; ok {
		return s.overrides[i].raw, true
	}
	return "", false
}

// over is the map of overrides for a view.
func (s service) over() map[string]string {
	m := map[string]string{}
	for _, o := range s.overrides {
		m[o.name] = o.raw
	}
	return m
}

// parseMaster reads master.cf. Of two lines for one service the last counts.
func parseMaster(p waxseal.Path, content string) ([]service, []waxseal.Problem) {
	lines, bad := mapdb.Lines(content)
	problems := located(p, bad)
	var services []service
	index := map[string]int{}
	for _, line := range lines {
		s, message := parseService(line)
		if message != "" {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: message})
		}
		if s.command == "" {
			continue
		}
		if i, twice := index[s.key()]; twice {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.line,
				Message: fmt.Sprintf("%s is defined again: this line overrides line %d", clip(s.key()), services[i].line)})
			services[i] = s
			continue
		}
		if len(services) >= maxServices {
			problems = append(problems, waxseal.Problem{Path: p, Line: s.line, Message: "more services than are read"})
			break
		}
		index[s.key()] = len(services)
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

func parseService(line mapdb.Line) (service, string) {
	words := mapdb.Words(strings.ReplaceAll(line.Text, "\x00", " "))
	if len(words) < masterFields {
		return service{}, fmt.Sprintf("expected service, type, six more fields and a command, found %d fields", len(words))
	}
	s := service{
		name: words[0], typ: words[1], line: line.Number,
		private: words[2], unpriv: words[3], chroot: words[4], wakeup: words[5], maxproc: words[6], command: words[7],
	}
	message := ""
	switch s.typ {
	case "inet", "unix", "unix-dgram", "fifo", "pass":
	default:
		message = fmt.Sprintf("no such service type: %s", clip(s.typ))
	}
	args := make([]string, 0, len(words)-masterFields)
	for _, w := range words[masterFields:] {
		if strings.HasPrefix(w, "{") {
			inner, ok := mapdb.Unbrace(w)
			if !ok {
				message = "braces do not match: " + clip(w)
				inner = strings.Trim(strings.TrimPrefix(w, "{"), blanks)
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
func (s *service) options(args []string) string {
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
			s.flags = append(s.flags, word)
			continue
		}
		name, raw, ok := splitNameValue(value)
		if !ok {
			message = "expected -o name=value, found " + clip(value)
			continue
		}
		s.setOverride(name, raw)
	}
	s.args = args
	return message
}

func (s *service) setOverride(name, raw string) {
	if i, ok := s.index[name]; ok {
		s.overrides[i].raw = raw
		return
	}
	if s.index == nil {
		s.index = map[string]int{}
	}
	s.index[name] = len(s.overrides)
	s.overrides = append(s.overrides, override{name, raw})
}

// hasFlag reports whether an option letter such as D was given.
func (s service) hasFlag(letter string) bool {
	for _, f := range s.flags {
		if strings.IndexByte("imnost", f[1]) < 0 && strings.Contains(f[1:], letter) {
			return true
		}
	}
	return false
}

// external is the command of a pipe(8) or spawn(8) service.
type external struct {
	user, directory, flags string
	argv                   []string
}

// external reads flags=, user=, directory= and argv= (pipe(8), spawn(8)).
func (s service) external() external {
	var x external
	for i, w := range s.args {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "user":
			x.user = value
		case "directory", "chroot":
			x.directory = value
		case "flags":
			x.flags = value
		case "argv":
			x.argv = append([]string{value}, s.args[i+1:]...)
			if value == "" {
				x.argv = x.argv[1:]
			}
			return x
		}
	}
	return x
}

// commandLine writes an argv for people: words with blanks in braces, as in
// master.cf.
func commandLine(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		if w == "" || strings.ContainsAny(w, blanks) {
			w = "{" + w + "}"
		}
		words[i] = strings.Join(strings.Fields(w), " ")
	}
	return strings.Join(words, " ")
}
