package postconf

import (
	"fmt"
	"slices"
	"strings"
)

// Expanded says whether $name is expanded in what is printed, as postconf -x
// does.
type Expanded bool

// The ways to print a value.
const (
	AsWritten Expanded = false
	InFull    Expanded = true
)

// Each of these prints what postconf(1) does, without folding lines. The error
// is the reason why postconf(1) would print nothing.

// Settings prints main.cf: postconf -n.
func (c *Config) Settings(x Expanded) (string, error) {
	s, err := c.ready()
	if err != nil {
		return "", err
	}
	return c.parameters(s.global(), s.set(), x)
}

// Defaults prints what is built in: postconf -d.
func (c *Config) Defaults(x Expanded) (string, error) {
	if c.Master.Fatal > 0 {
		return "", fmt.Errorf("%s: line %d is not understood", c.Master.Path, c.Master.Fatal)
	}
	bare := *c
	bare.Main = Main{}
	if c.Facts.Directory != "" {
		bare.Facts.Directory = MainDirectory
	}
	s := &scopes{Config: &bare}
	return c.parameters(s.global(), c.builtIn(), x)
}

// parameters prints one line for each name.
func (c *Config) parameters(v View, names []string, x Expanded) (string, error) {
	var out strings.Builder
	for _, name := range names {
		value, _ := v.Raw(name)
		if x == InFull && !c.Release.raw[name] {
			var problem string
			if value, problem = v.Expand(value); problem != "" {
				return "", fmt.Errorf("%s: %s", name, problem)
			}
		}
		printLine(&out, name+" = "+value)
	}
	return out.String(), nil
}

// builtIn are the names that postconf -d shows.
func (c *Config) builtIn() []string {
	names := []string{"config_directory", "mail_version", "mail_release_date", "mydomain", "myhostname", "mynetworks", "process_id", "process_name"}
	for name := range c.Release.defaults {
		names = append(names, name)
	}
	for service, programs := range c.byService {
		for _, x := range c.Release.suffixes {
			if slices.ContainsFunc(programs, x.has) {
				names = append(names, service+x.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Services prints master.cf: postconf -M.
func (c *Config) Services(x Expanded) (string, error) {
	s, err := c.ready()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for i, line := range c.Master.Lines {
		words, err := s.words(i, x)
		if err != nil {
			return "", err
		}
		out.WriteString(columns(line.Words[:masterFields]))
		for _, w := range words {
			out.WriteString(" " + w)
		}
		out.WriteByte('\n')
	}
	return out.String(), nil
}

// columns puts the fields of a service where postconf -M has them.
func columns(fields []string) string {
	var b strings.Builder
	for i, at := range []int{0, 11, 17, 25, 33, 41, 49, 57} {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", max(1, at-b.Len())))
		}
		b.WriteString(fields[i])
	}
	return b.String()
}

// words are the options and arguments of a service as postconf prints them:
// braces where there are blanks.
func (s *scopes) words(n int, x Expanded) ([]string, error) {
	line := s.Master.Lines[n]
	var out []string
	var v View
	rest := line.Words[masterFields:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "--" {
		out = append(out, rest[0])
		if rest[0] != "-o" || len(rest) == 1 {
			rest = rest[1:]
			continue
		}
		value := rest[1]
		if x == InFull {
			if v.config == nil {
				v = s.scoped(n)
			}
			var problem string
			if value, problem = v.Expand(value); problem != "" {
				return nil, fmt.Errorf("%s: -o %s: %s", line.key(), Clip(rest[1]), problem)
			}
		}
		out = append(out, s.braced(value))
		rest = rest[2:]
	}
	for i, w := range rest {
		if i > 0 { // the first goes without braces (pcf_print_master_entry)
			w = s.braced(w)
		}
		out = append(out, w)
	}
	return out, nil
}

// braced puts braces around a word with blanks, since there are any (3.0).
func (s *scopes) braced(w string) string {
	if strings.ContainsAny(w, space) && s.Facts.Version.since(3, 0) {
		return "{" + w + "}"
	}
	return w
}

// fieldNames are the columns of master.cf as postconf -F names them.
var fieldNames = []string{"service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command"}

// Fields prints the fields of master.cf: postconf -F.
func (c *Config) Fields(x Expanded) (string, error) {
	s, err := c.ready()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for i, line := range c.Master.Lines {
		words, err := s.words(i, x)
		if err != nil {
			return "", err
		}
		for at, field := range fieldNames {
			out.WriteString(line.key() + "/" + field + " = " + line.Words[at])
			if at == masterFields-1 {
				for _, w := range words {
					out.WriteString(" " + w)
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String(), nil
}

// Overrides prints the -o options of master.cf: postconf -P.
func (c *Config) Overrides(x Expanded) (string, error) {
	s, err := c.ready()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for n, line := range c.Master.Lines {
		var names []string
		for name := range s.local[n] {
			names = append(names, name)
		}
		slices.Sort(names)
		var v View
		if len(names) > 0 {
			v = s.scoped(n)
		}
		for _, name := range names {
			value := s.local[n][name]
			if x == InFull {
				var problem string
				if value, problem = v.Expand(value); problem != "" {
					return "", fmt.Errorf("%s: -o %s: %s", line.key(), Clip(name), problem)
				}
			}
			printLine(&out, line.key()+"/"+name+" = "+value)
			if out.Len() > maxAllOutput {
				return "", fmt.Errorf("%s: the services have too many options to print", c.Master.Path)
			}
		}
	}
	return out.String(), nil
}

// ready is what comes before anything of the files is printed.
func (c *Config) ready() (*scopes, error) {
	switch {
	case c.Master.Fatal > 0:
		return nil, fmt.Errorf("%s: line %d is not understood", c.Master.Path, c.Master.Fatal)
	case c.Main.Fatal > 0:
		return nil, fmt.Errorf("%s: line %d is not understood", c.Main.Path, c.Main.Fatal)
	}
	s := c.scopes()
	return s, s.err
}

// printLine folds white space, as postconf does whatever the parameter.
func printLine(out *strings.Builder, s string) {
	words := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(space, c) })
	out.WriteString(strings.Join(words, " ") + "\n")
}
