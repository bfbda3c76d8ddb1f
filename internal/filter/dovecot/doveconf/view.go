package doveconf

import (
	"slices"
	"strings"
)

// View is the configuration as one protocol sees it: the whole, and over it the
// filters that hold for it, outermost first.
type View struct {
	Protocol string
	// For says for which connections beyond the protocol it holds, "" for all:
	// "remote 10.0.0.0/8".
	For   string
	chain []*Section
}

// maxViews bounds the filters that are looked at one by one.
const maxViews = 500

// View is what a protocol sees where no filter by address or name holds.
func (c *Config) View(protocol string) View {
	return View{Protocol: protocol, chain: withProtocols(c.Root, protocol)}
}

// withProtocols are a section and the protocol filters right in it that match.
func withProtocols(s *Section, protocol string) []*Section {
	chain := []*Section{s}
	for _, sub := range s.Below("protocol") {
		if matches(sub.Name, protocol) {
			chain = append(chain, sub)
		}
	}
	return chain
}

// matches: "!lmtp" is every protocol but LMTP.
func matches(filter, protocol string) bool {
	if not, ok := strings.CutPrefix(filter, "!"); ok {
		return not != protocol
	}
	return filter == protocol
}

// Views are what a protocol sees, for all connections first and then for those of
// each filter by address or name.
func (c *Config) Views(protocol string) []View {
	if have, ok := c.views[protocol]; ok {
		return have
	}
	all := []View{c.View(protocol)}
	var walk func(s *Section, above View)
	walk = func(s *Section, above View) {
		for _, sub := range s.Sections {
			if !sub.IsFilter() || sub.Kind == "protocol" || len(all) >= maxViews {
				continue
			}
			v := View{Protocol: protocol, For: strings.TrimSpace(above.For + " " + sub.Kind + " " + sub.Name)}
			v.chain = append(slices.Clone(above.chain), withProtocols(sub, protocol)...)
			all = append(all, v)
			walk(sub, v)
		}
	}
	walk(c.Root, all[0])
	if c.views == nil {
		c.views = map[string][]View{}
	}
	c.views[protocol] = all
	return all
}

// Get is the setting that counts, nil where it has its default.
func (v View) Get(key string) *Setting {
	for _, s := range slices.Backward(v.chain) {
		if found := s.Get(key); found != nil {
			return found
		}
		for _, sub := range s.Sections { // 2.4: fts { autoindex } is fts_autoindex
			if sub.Name == "" && s.whole.Grammar == Grammar24 && strings.HasPrefix(key, sub.Kind+"_") {
				if found := sub.Get(key); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

// Value is that of Get, or the default where that is known.
func (v View) Value(key string) string {
	if found := v.Get(key); found != nil {
		return found.Value
	}
	return v.chain[0].whole.Default(key)
}

// Default is what a setting of the whole is where nothing sets it, "" where that
// is not known.
func (c *Config) Default(key string) string { return c.known.entries[sectionKey{"", key}].Default }

// Plugin is a setting of a plugin: in 2.3 they stand in "plugin { }".
func (v View) Plugin(key string) *Setting {
	for _, s := range slices.Backward(v.chain) {
		if list := s.Section("plugin", ""); list != nil {
			if found := list.Get(key); found != nil {
				return found
			}
		}
	}
	if v.chain[0].whole.Grammar == Grammar24 {
		return v.Get(key)
	}
	return nil
}

// Plugins are all settings of plugins whose names begin with a word, sorted.
func (v View) Plugins(prefix string) []*Setting {
	last := map[string]*Setting{}
	for _, s := range v.chain {
		list := s.Section("plugin", "")
		if list == nil {
			continue
		}
		for _, one := range list.Settings {
			if strings.HasPrefix(one.Key, prefix) {
				last[one.Key] = one
			}
		}
	}
	out := make([]*Setting, 0, len(last))
	for _, one := range last {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b *Setting) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Word is one word of a list, with the setting that brings it.
type Word struct {
	Text string
	Set  *Setting
}

// Words is a setting that is a list of words. In 2.4 "key = a b" begins the list
// anew and "key { a = yes }" adds to it; in 2.3 plugins may be parted by commas.
func (v View) Words(key string) []Word {
	if v.chain[0].whole.Grammar == Grammar23 {
		set := v.Get(key)
		if set == nil {
			set = v.Plugin(key)
		}
		return split(set)
	}
	var out []Word
	for _, s := range v.chain {
		if set := s.Get(key); set != nil {
			out = split(set)
		}
		for _, list := range s.Below(key) {
			for _, one := range list.Settings {
				out = slices.DeleteFunc(out, func(w Word) bool { return w.Text == one.Key })
				if yes, err := boolean(one.Value); err == nil && yes == "yes" {
					out = append(out, Word{one.Key, one})
				}
			}
		}
	}
	return out
}

func split(set *Setting) []Word {
	if set == nil {
		return nil
	}
	var out []Word
	for _, word := range strings.FieldsFunc(set.Value, func(r rune) bool { return strings.ContainsRune(" ,\t", r) }) {
		out = append(out, Word{word, set})
	}
	return out
}

// Sections are those of a kind that a protocol sees, in the order of the files. Of
// one name there is one, the outermost first.
func (v View) Sections(kind string) []*Section {
	var out []*Section
	for _, s := range v.chain {
		out = append(out, s.Below(kind)...)
	}
	return out
}

// All lists the sections of a kind wherever they stand.
func (c *Config) All(kind string) []*Section {
	var out []*Section
	var walk func(*Section)
	walk = func(s *Section) {
		for _, sub := range s.Sections {
			if sub.Kind == kind {
				out = append(out, sub)
			}
			walk(sub)
		}
	}
	walk(c.Root)
	return out
}
