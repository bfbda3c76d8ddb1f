package milterconf

import (
	"regexp"
	"strconv"
	"strings"

	"waxseal"
)

// Program is one of ClamAV's that has a configuration of its own.
type Program struct {
	Name    string
	options map[string]option
	order   []string
	// comments says that a hash within a line begins a comment, as from 1.5 on.
	comments bool
}

// option is a row of a table.
type option struct {
	name       string
	kind       string // "bool", "number", "size", "string", or a choice: "Accept|Reject"
	multiple   bool
	deprecated bool
	otherwise  string
}

// Clamd, ClamAVMilter and Freshclam are the languages of ClamAV's configuration
// files, in a release such as "1.4.3+dfsg-1"; "" where that is not known.
func Clamd(release string) Program { return program("clamd", clamdOptions, release) }

// ClamAVMilter: see Clamd.
func ClamAVMilter(release string) Program {
	return program("clamav-milter", milterOptions, release)
}

// Freshclam: see Clamd.
func Freshclam(release string) Program { return program("freshclam", freshclamOptions, release) }

func program(name, table, release string) Program {
	p := Program{Name: name, options: map[string]option{}, comments: since15(release)}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		o := option{name: f[0], kind: f[1]}
		for _, word := range f[2:] {
			switch word {
			case "multiple":
				o.multiple = true
			case "deprecated":
				o.deprecated = true
			default:
				o.otherwise = word
			}
		}
		p.options[o.name], p.order = o, append(p.order, o.name)
	}
	return p
}

func since15(release string) bool {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 1 || a == 1 && b >= 5)
}

// Options are what a program of ClamAV takes from its file.
type Options struct {
	program Program
	// Written are the lines that count. Of an option that may stand once, that is the
	// first.
	Written []Entry
	// Ignored are lines for an option that was set before, or that is no longer one.
	Ignored []Entry
	// Refusals are why the program does not start: it stops at the first, and this
	// goes on, so that what is below is not lost.
	Refusals []Refusal
	// Unset says that the file is still the example that it was installed as.
	Unset bool
}

// longestLine is how much of a line fits the buffer of ClamAV: what is beyond is
// another line.
const longestLine = 1023

// Parse reads the text of a configuration file (common/optparser.c).
func (p Program) Parse(file waxseal.Path, text string) Options {
	o := Options{program: p}
	set := map[string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		for len(line) > 0 {
			piece := line[:min(len(line), longestLine)]
			line = line[len(piece):]
			n++
			p.line(&o, set, piece, waxseal.Source{Path: file, Line: n})
			if len(o.Written)+len(o.Ignored) >= mostValues || len(o.Refusals) >= mostRefusals {
				o.Refusals = append(o.Refusals, Refusal{Source: waxseal.Source{Path: file, Line: n}, Reason: "more lines than are read"})
				return o
			}
		}
	}
	return o
}

const mostRefusals = 100

func (p Program) line(o *Options, set map[string]bool, line string, at waxseal.Source) {
	line, _, _ = strings.Cut(line, "\x00")
	if line == "" {
		return
	}
	last := len(line) - 1 // is never taken off as white space before the name
	line = strings.TrimLeft(line[:last], blanks) + line[last:]
	if len(line) <= 2 || line[0] == '#' {
		return
	}
	name, value, reason := split(line)
	if strings.HasPrefix(line, "Example") {
		o.Unset, reason = true, "Please edit the example config file "+string(at.Path)
	}
	row, known := p.options[name]
	if reason == "" && !known {
		reason = "Unknown option " + name
	}
	ok := true
	if reason == "" && !row.deprecated {
		if value, ok = p.value(row, value); !ok {
			reason = "Incorrect argument format for option " + name
		}
	}
	switch e := (Entry{name, value, at}); {
	case reason != "":
		o.Refusals = append(o.Refusals, Refusal{Source: at, Reason: reason})
	case row.deprecated, set[name] && !row.multiple:
		o.Ignored = append(o.Ignored, e)
	default:
		set[name] = true
		o.Written = append(o.Written, e)
	}
}

// split parts a line into an option and its argument, without quotes; reason says
// what is wrong with it.
func split(line string) (name, value, reason string) {
	i := strings.IndexAny(line, blanks)
	if i < 0 {
		return line, "", "Missing argument for option"
	}
	name, value = line[:i], strings.TrimRight(strings.TrimLeft(line[i:], blanks), blanks+"\n")
	switch {
	case value == "":
		return name, "", "Missing argument for option"
	case value[0] != '"':
		return name, value, ""
	}
	switch end := strings.LastIndexByte(value, '"'); end {
	case 0:
		return name, "", "Missing closing parenthesis in option " + name
	case 1:
		return name, "", "Empty argument for option " + name
	default:
		return name, value[1:end], ""
	}
}

var (
	isBool   = regexp.MustCompile(`^(?i)(?:yes|true|1|no|false|0)$`)
	isNumber = regexp.MustCompile(`^[0-9]+$`)
	isSize   = regexp.MustCompile(`^(?i)[0-9]+[KMG]?$`)
	trailing = regexp.MustCompile(` *#.*$`)
)

// value checks an argument and gives it one spelling: "yes" or "no", a decimal
// number.
func (p Program) value(row option, s string) (value string, ok bool) {
	if p.comments && row.kind != "string" && !strings.Contains(row.kind, "|") {
		s = trailing.ReplaceAllString(s, "")
	} else if p.comments {
		s, _, _ = strings.Cut(s, "#")
		s = strings.TrimRight(s, blanks)
	}
	switch row.kind {
	case "string":
		return s, true
	case "bool":
		l := strings.ToLower(s)
		if l == "yes" || l == "true" || l == "1" {
			return "yes", true
		}
		return "no", isBool.MatchString(s)
	case "number":
		n, _ := strconv.ParseInt(s, 10, 64)
		return strconv.Itoa(int(int32(n))), isNumber.MatchString(s)
	case "size":
		return size(s), isSize.MatchString(s)
	}
	for word := range strings.SplitSeq(row.kind, "|") {
		if strings.EqualFold(word, s) {
			return s, true
		}
	}
	return s, false
}

// mostSize stands for no limit, and for what is no number that fits.
const mostSize = 1<<63 - 1

// size multiplies by the letter behind a number.
func size(s string) string {
	n, rest := strtol(s)
	shift := map[string]uint{"k": 10, "m": 20, "g": 30}[strings.ToLower(rest)]
	if n == 0 || n > mostSize>>shift {
		return strconv.FormatInt(mostSize, 10)
	}
	return strconv.FormatInt(n<<shift, 10)
}

// All are the lines for an option that count.
func (o Options) All(name string) []Entry {
	var list []Entry
	for _, e := range o.Written {
		if e.Name == name {
			list = append(list, e)
		}
	}
	return list
}

// Default is what an option is where nothing is written.
func (o Options) Default(name string) string {
	row := o.program.options[name]
	if row.kind == "bool" && row.otherwise == "" {
		return "no"
	}
	return row.otherwise
}

// Get is the line for an option that counts, if there is one.
func (o Options) Get(name string) (Entry, bool) {
	for _, e := range o.Written {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// Value is what counts for an option: what is written, else its default; "" for none.
func (o Options) Value(name string) string {
	if e, ok := o.Get(name); ok {
		return e.Value
	}
	return o.program.options[name].otherwise
}

// Effective are the options in the order of the table, each with what counts, as
// clamconf(1) lists them: "" for one that is off.
func (o Options) Effective() []Entry {
	var list []Entry
	for _, name := range o.program.order {
		if o.program.options[name].deprecated {
			continue
		}
		var values []string
		for _, e := range o.All(name) {
			values = append(values, e.Value)
		}
		value := o.Value(name)
		if len(values) > 1 {
			value = strings.Join(values, `", "`)
		}
		if value == "no" && o.program.options[name].kind == "bool" || value == "0" && o.program.options[name].kind == "number" && len(values) < 2 {
			value = ""
		}
		list = append(list, Entry{Name: name, Value: value})
	}
	return list
}
