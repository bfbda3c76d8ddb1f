package doveconf

import "strings"

// assign notes key = value with its variables and file put in.
func (p *parser) assign(l line) {
	if p.depth > 0 {
		return
	}
	n := Setting{Key: l.key, Value: l.value, Written: l.value, Source: p.here()}
	switch {
	case l.kind == fromFile:
		n.Written = "<" + l.value
		n.File = clean(p.relative(l.value))
		n.Value = p.content(n)
	case !l.quoted && strings.Contains(l.value, "$"):
		n.Value, n.Written = p.expand(l.key, l.value, inFull), p.expand(l.key, l.value, asWritten)
	}
	if n.Value != l.value || !p.old(&n) {
		p.apply(n)
	}
}

// apply checks a value, where what the setting takes is known, and notes it.
func (p *parser) apply(n Setting) {
	if p.conf.Grammar == Grammar23 && !p.inList() {
		known, ok := p.conf.known.find(p.section, n.Key)
		switch {
		case !ok && p.conf.known.complete():
			p.refuse("Unknown setting: " + p.fullPath() + n.Key)
		case ok && kinds(p.section) == "" && p.misplaced(n.Key):
			p.refuse("Auth settings not supported inside local/remote blocks: " + n.Key)
		case ok:
			value, err := known.canonical(n.Value)
			if err != nil {
				p.refuse(err.Error())
				break
			}
			if written, err := known.canonical(n.Written); err == nil {
				n.Written = written
			}
			n.Value = value
		}
	}
	p.section.set(n)
}

// gone are settings of Dovecot 1 that 2.3 takes without effect.
var gone = map[string]bool{
	"login_dir": true, "dbox_rotate_min_size": true, "dbox_rotate_days": true, "director_consistent_hashing": true, "mail_log_max_lines_per_sec": true,
	"maildir_copy_preserve_filename": true, "ssl_parameters_regenerate": true, "ssl_dh_parameters_length": true,
}

// old takes settings of Dovecot 1 as 2.3 does, where their values are plain: sieve
// stood outside plugin { }.
func (p *parser) old(n *Setting) bool {
	if p.conf.Grammar == Grammar24 || p.section.Parent != nil && !p.section.IsFilter() {
		return false
	}
	switch renamed := map[string]string{"ssl_disable": "ssl", "dbox_rotate_size": "mdbox_rotate_size", "ssl_cert_file": "ssl_cert", "ssl_key_file": "ssl_key", "ssl_ca_file": "ssl_ca"}; {
	case n.Key == "sieve" || n.Key == "sieve_storage":
		p.section.open("plugin", "", n.Source).set(*n)
		return true
	case n.Key == "ssl_disable":
		n.Value = map[string]string{"yes": "no", "no": "yes"}[strings.ToLower(n.Value)]
		n.Key = renamed[n.Key]
	case strings.HasPrefix(n.Key, "ssl_") && renamed[n.Key] != "":
		n.Key, n.File, n.Written = renamed[n.Key], clean(p.relative(n.Value)), "<"+n.Value
		n.Value = p.content(*n)
	case renamed[n.Key] != "":
		n.Key = renamed[n.Key]
	}
	return gone[n.Key]
}

// content is that of a file that is a value. Keys and passwords are such values:
// it goes into no output but through the masker. One that is not there is told,
// since Dovecot then does not start.
func (p *parser) content(n Setting) string {
	text, ok := p.load(n.File)
	p.conf.Files = append(p.conf.Files, File{Path: n.File, Use: Value, From: n.Source, Missing: !ok})
	if len(text) > maxValue {
		p.bound("the value in " + string(n.File) + " is larger than what is kept of one")
		text = text[:maxValue]
	}
	return text
}

// expansion is how far variables are put in.
type expansion bool

const (
	inFull    expansion = true
	asWritten expansion = false // only the setting itself: key = $key more
)

// expand puts variables in: words that begin with a dollar sign. The words are
// those that a blank ends; more blanks become one.
func (p *parser) expand(key, value string, how expansion) string {
	var b strings.Builder
	for {
		word, rest, more := strings.Cut(value, " ")
		text := p.word(key, word, how)
		if p.expanded += int64(len(text)); b.Len()+len(text) > maxValue || p.expanded > maxExpanded {
			p.bound("variables make a value longer than what is read of one: " + key)
			break
		}
		b.WriteString(text)
		if !more {
			break
		}
		b.WriteByte(' ')
		value = strings.TrimLeft(rest, p.lines.blanks)
		if value == "" {
			break
		}
	}
	return b.String()
}

func (p *parser) word(key, word string, how expansion) string {
	name, ok := strings.CutPrefix(word, "$")
	if p.conf.Grammar == Grammar24 {
		name, ok = strings.CutPrefix(word, "$SET:")
	}
	itself := name == key
	switch {
	case strings.HasPrefix(word, "$ENV:") && how == inFull:
		p.tell("the value of " + word + " comes from the environment in which Dovecot starts, and is not known here")
		return ""
	case !ok || how == asWritten && !itself:
		return word
	}
	text, ok := p.conf.lookup(p.section, name, itself, how)
	if !ok {
		p.refuse("Unknown variable: $" + name)
	}
	return text
}

// lookup is the value of a setting as seen from a section. Dovecot 2.3 looks in
// the innermost filter and takes its default if it is not set there; only a
// setting that names itself is looked for further out.
func (c *Config) lookup(from *Section, name string, itself bool, how expansion) (string, bool) {
	for s := from.innermost(); s != nil; s = s.outer() {
		if found := s.Get(name); found != nil {
			return found.in(how), true
		}
		if !itself && c.Grammar == Grammar23 {
			break
		}
	}
	known, ok := c.known.find(c.Root, name)
	return known.Default, ok || c.Grammar == Grammar24 || !c.known.complete()
}

func (s *Setting) in(how expansion) string {
	if how == inFull {
		return s.Value
	}
	return s.Written
}

// innermost is the filter that a section stands in, or the whole.
func (s *Section) innermost() *Section {
	for s.Parent != nil && !s.IsFilter() {
		s = s.Parent
	}
	return s
}

// outer is the filter around a filter; nil around the whole.
func (s *Section) outer() *Section {
	if s.Parent == nil {
		return nil
	}
	return s.Parent.innermost()
}
