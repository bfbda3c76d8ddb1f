package host

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"waxseal"
)

// ini is what several files of fail2ban amount to: later ones win (jail.conf(5)).
type ini struct {
	sections map[string]map[string]iniValue // names of keys are lower case
	order    []string
	files    []waxseal.Path
}

type iniValue struct {
	text   string // lines of a value that is continued are kept
	source waxseal.Source
}

const (
	maxSectionsOfIni = 2_000
	maxKeysOfIni     = 20_000
	maxValueOfIni    = 8 << 10
)

// load reads files in order, each with those that it says come before and after it.
func (r *reader) load(files ...waxseal.Path) *ini {
	c := &ini{sections: map[string]map[string]iniValue{}}
	for _, p := range files {
		r.loadInto(c, p, 0)
	}
	return c
}

// loadBoth reads a file, and what an administrator wrote beside it: NAME.local says
// otherwise than NAME.conf, wherever that is read.
func (r *reader) loadBoth(c *ini, p waxseal.Path, depth int) {
	r.loadInto(c, p, depth)
	if base, ok := strings.CutSuffix(string(p), ".conf"); ok {
		r.loadInto(c, waxseal.Path(base+".local"), depth)
	}
}

func (r *reader) loadInto(c *ini, p waxseal.Path, depth int) {
	if depth > 8 || len(c.files) > 200 || slices.Contains(c.files, p) {
		return
	}
	text, ok := r.read(p, "a configuration of fail2ban")
	if !ok {
		return
	}
	own := &ini{sections: map[string]map[string]iniValue{}}
	own.parse(p, text)
	includes := func(key string) {
		for _, n := range strings.Fields(own.sections["INCLUDES"][key].text) {
			if !path.IsAbs(n) {
				n = path.Join(path.Dir(string(p)), n)
			}
			r.loadBoth(c, clean(n), depth+1)
		}
	}
	includes("before")
	c.files = append(c.files, p)
	c.join(own)
	includes("after")
}

// parse reads sections, "key = value" and "key: value", and lines that begin with a
// blank, which continue a value, empty lines between them too. "#" and ";" begin a
// comment.
func (c *ini) parse(p waxseal.Path, content string) {
	section, key := "", ""
	keys, n := 0, 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line = strings.TrimRight(line, " \t\r")
		trimmed := strings.TrimLeft(line, " \t")
		switch {
		case trimmed == "": // a value may go on behind it
			if v := c.sections[section][key]; key != "" && len(v.text) < maxValueOfIni {
				v.text += "\n"
				c.sections[section][key] = v
			}
		case trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed != line && key != "":
			v := c.sections[section][key]
			if len(v.text)+len(trimmed) < maxValueOfIni {
				v.text += "\n" + trimmed
				c.sections[section][key] = v
			}
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section, key = line[1:len(line)-1], ""
			c.section(section)
		default:
			at := strings.IndexAny(line, "=:")
			if at <= 0 || keys > maxKeysOfIni || c.section(section) == nil {
				key = ""
				continue
			}
			keys++
			key = strings.ToLower(strings.TrimSpace(line[:at]))
			c.sections[section][key] = iniValue{strings.TrimSpace(line[at+1:]), waxseal.Source{Path: p, Line: n}}
		}
	}
	for _, keys := range c.sections {
		for k, v := range keys {
			v.text = strings.TrimRight(v.text, "\n")
			keys[k] = v
		}
	}
}

func (c *ini) section(name string) map[string]iniValue {
	if c.sections[name] == nil && len(c.sections) < maxSectionsOfIni {
		c.sections[name] = map[string]iniValue{}
		c.order = append(c.order, name)
	}
	return c.sections[name]
}

func (c *ini) join(o *ini) {
	for _, name := range o.order {
		to := c.section(name)
		for k, v := range o.sections[name] {
			if to != nil {
				to[k] = v
			}
		}
	}
}

// value is that of a key in a section, or in DEFAULT.
func (c *ini) value(section, key string) (iniValue, bool) {
	for _, s := range []string{section, "DEFAULT"} {
		if v, ok := c.sections[s][key]; ok {
			return v, true
		}
	}
	return iniValue{}, false
}

var interpolated = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%\(([^()]{1,200})\)s|%%`) })

// get is a value with %(names)s put in. What is not known stays as it is.
func (c *ini) get(section, key string) (string, waxseal.Source) {
	v, _ := c.value(section, key)
	return c.expand(section, v.text), v.source
}

func (c *ini) expand(section, text string) string {
	text = replaced(text, "%(", interpolated(), 10, func(m string) (string, bool) {
		name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(m, "%("), ")s"))
		from := section
		if s, key, ok := strings.Cut(name, "/"); ok {
			name = key
			if s != "known" {
				from = s
			}
		}
		if name == "__name__" {
			return section, true
		}
		v, ok := c.value(from, name)
		return v.text, ok && m != "%%"
	})
	return strings.ReplaceAll(text, "%%", "%")
}

// replaced puts something in the place of what a pattern matches, and again in what
// comes of that, so many times. It stops where the text becomes too long.
func replaced(text, sign string, pattern *regexp.Regexp, times int, with func(match string) (string, bool)) string {
	for ; times > 0 && strings.Contains(text, sign); times-- {
		var b strings.Builder
		at, changed := 0, false
		for _, m := range pattern.FindAllStringIndex(text, -1) {
			if b.Len() > maxValueOfIni {
				break
			}
			b.WriteString(text[at:m[0]])
			at = m[1]
			value, ok := with(text[m[0]:m[1]])
			if !ok {
				value = text[m[0]:m[1]]
			}
			b.WriteString(value)
			changed = changed || ok
		}
		b.WriteString(text[at:])
		if text = b.String(); len(text) > maxValueOfIni {
			return text[:maxValueOfIni]
		}
		if !changed {
			break
		}
	}
	return text
}
