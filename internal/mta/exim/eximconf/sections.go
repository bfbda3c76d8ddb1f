package eximconf

import (
	"slices"
	"strings"
)

// sections reads the main section, then those that "begin" starts, in whatever
// order they stand.
func (r *reader) sections() {
	r.open()
	r.main()
	var seen []string
	for r.section != "" {
		name := strings.ToLower(r.section)
		if !strings.HasSuffix(name, "s") {
			name += "s"
		}
		at := r.config.Lines[len(r.config.Lines)-1].Place
		if slices.Contains(seen, name) {
			r.problem(at, "the section "+name+" appears a second time")
		}
		seen = append(seen, name)
		r.sectionNamed(name, at)
	}
}

func (r *reader) sectionNamed(name string, at Place) {
	switch name {
	case "acls":
		r.acls()
	case "authenticators":
		r.drivers("authenticator", &r.config.Authenticators)
	case "routers":
		r.drivers("router", &r.config.Routers)
	case "transports":
		r.drivers("transport", &r.config.Transports)
	case "retrys":
		r.each(func(l Line) { r.config.Retries = append(r.config.Retries, l) })
	case "rewrites":
		r.each(func(l Line) { r.config.Rewrites = append(r.config.Rewrites, r.rewrite(l)) })
	case "local_scans":
		r.each(func(l Line) { r.option("main", "", l, &r.config.LocalScan) })
	default:
		r.problem(at, "there is no section "+name)
		r.each(func(Line) {})
	}
}

// each hands over the lines of a section; definitions of macros stand anywhere.
func (r *reader) each(take func(Line)) {
	for {
		line, ok := r.next()
		if !ok {
			return
		}
		if !r.defines(line) {
			take(line)
		}
	}
}

// defines takes a line that defines a macro.
func (r *reader) defines(line Line) bool {
	if definitionEnd(line.Text) == 0 {
		return false
	}
	if message := r.macros.define(line); message != "" {
		r.problem(line.Place, message)
	}
	return true
}

// main reads the options, named lists and macros before the first "begin".
func (r *reader) main() {
	for {
		line, ok := r.next()
		if !ok {
			return
		}
		switch {
		case isUpper(line.Text[0]):
			if message := r.macros.define(line); message != "" {
				r.problem(line.Place, message)
			}
		case !r.list(line):
			r.option("main", "", line, &r.config.Main)
		}
	}
}

var listKinds = []string{"domainlist", "hostlist", "addresslist", "localpartlist"}

// list reads a named list (spec 10.5).
func (r *reader) list(line Line) bool {
	text, hide := cutHide(line.Text)
	for _, kind := range listKinds {
		rest, ok := strings.CutPrefix(text, kind)
		if !ok {
			continue
		}
		name, value := readName(rest)
		value, ok = strings.CutPrefix(value, "=")
		value = strings.TrimLeft(value, blanks)
		if !ok {
			r.problem(line.Place, "a named list without =")
			return true
		}
		if strings.HasPrefix(value, `"`) {
			value, _, _ = Unquote(value)
		}
		if r.lists == nil {
			r.lists = map[string]bool{}
		}
		twice := r.lists[kind+" "+name]
		if r.lists[kind+" "+name] = true; twice {
			r.problem(line.Place, kind+" "+name+" is defined a second time")
			return true
		}
		r.config.Lists = append(r.config.Lists, List{line.Place, kind, name, value, hide})
		return true
	}
	return false
}

// List finds a named list.
func (c *Config) List(kind, name string) (List, bool) {
	for _, l := range c.Lists {
		if l.Kind == kind && l.Name == name {
			return l, true
		}
	}
	return List{}, false
}

func cutHide(s string) (rest string, hide bool) {
	if strings.HasPrefix(s, "hide") && len(s) > 4 && isSpace(s[4]) {
		return strings.TrimLeft(s[4:], blanks), true
	}
	return s, false
}

// drivers reads a section of routers, transports or authenticators.
func (r *reader) drivers(class string, list *[]Driver) {
	names, current := map[string]bool{}, -1
	for {
		line, ok := r.next()
		if !ok {
			return
		}
		if r.defines(line) {
			current = -1 // what follows belongs to no driver
			continue
		}
		name, rest := readName(line.Text)
		switch {
		case strings.HasPrefix(rest, ":"):
			if names[name] {
				r.problem(line.Place, "there are two "+class+"s called "+name)
			}
			if strings.Trim(rest[1:], blanks) != "" {
				r.problem(line.Place, "extra characters follow the name of the "+class+" "+name)
			}
			names[name] = true
			*list = append(*list, Driver{Place: line.Place, Class: class, Name: name})
			current, r.indexed = len(*list)-1, nil
		case current < 0:
			r.problem(line.Place, "an option stands where the name of a "+class+" belongs")
		default:
			d := &(*list)[current]
			r.option(class, d.Kind(), line, &d.Options)
		}
	}
}

// rewrite reads a rule: a pattern, a replacement, flags (spec 31.5).
func (r *reader) rewrite(line Line) Rewrite {
	rule, ok := ParseRewrite(line.Text)
	if !ok {
		r.problem(line.Place, "a rule for rewriting without a replacement")
	}
	rule.Place = line.Place
	return rule
}

// ParseRewrite reads one rule.
func ParseRewrite(text string) (rule Rewrite, ok bool) {
	pattern, rest, _ := Unquote(text)
	replacement, flags, closed := Unquote(rest)
	return Rewrite{Pattern: pattern, Replacement: replacement, Flags: strings.NewReplacer(" ", "", "\t", "").Replace(flags)}, rest != "" && closed
}
