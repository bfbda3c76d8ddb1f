package exim

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// evaluate works a string out as far as the tree alone decides it.
func (in *instance) evaluate(text string) (string, expand.Outcome) {
	e, message := expand.Parse(text)
	if message != "" {
		return "", expand.Broken
	}
	return in.work(e)
}

func (in *instance) work(e expand.Expansion) (string, expand.Outcome) {
	return e.Evaluate(expand.World{Variable: in.variable, Exists: in.fileExists, Lookup: in.lookUp})
}

// variable gives those that are the same for every message.
func (in *instance) variable(name string) (string, bool) {
	switch name {
	case "primary_hostname", "smtp_active_hostname":
		host := in.primary()
		return host, host != ""
	case "qualify_domain", "qualify_recipient":
		return in.qualify(name), true
	case "spool_directory", "exim_path":
		return in.conf.Value(name), true
	case "config_file":
		return string(in.conf.Path), true
	case "config_dir":
		return path.Dir(string(in.conf.Path)), true
	}
	return "", false
}

func (in *instance) fileExists(name string) (yes, known bool) {
	if !path.IsAbs(name) {
		return false, true
	}
	return in.Exists(mta.Clean(name)), true
}

func (in *instance) lookUp(kind, file, key string) (value string, found, known bool) {
	t := in.table(kind, file)
	if !t.known {
		return "", false, false
	}
	for _, e := range t.entries {
		if strings.EqualFold(e.Key, key) {
			return e.Value, true, true
		}
	}
	return "", false, t.exact
}

// primary is the name of this host.
func (in *instance) primary() string {
	if o, ok := in.conf.Get("primary_hostname"); ok {
		return o.Value
	}
	return in.fqdn()
}

func (in *instance) qualify(option string) string {
	if o, ok := in.conf.Get(option); ok && o.Value != "" {
		return o.Value
	}
	if option == "qualify_recipient" {
		return in.qualify("qualify_domain")
	}
	return in.primary()
}

// words lists what a list names: named lists and files are written out. known is
// false where something in it can't be told from the tree.
func (in *instance) words(kind, list string) (words []string, known bool) {
	return in.listWords(kind, list, 0)
}

const maxWords = 20_000

func (in *instance) listWords(kind, list string, depth int) (words []string, known bool) {
	if strings.Contains(list, "$") {
		text, o := in.evaluate(list)
		if o != expand.Known {
			return nil, o == expand.Forced // a list that fails is as if it were not set
		}
		list = text
	}
	known = true
	for _, item := range eximconf.Split(list) {
		if len(words) > maxWords || depth > 20 {
			return words, false
		}
		more, ok := in.listItem(kind, item, depth)
		words, known = append(words, more...), known && ok
	}
	return words, known
}

// listItem writes out one item; what is excluded stays marked.
func (in *instance) listItem(kind, item string, depth int) ([]string, bool) {
	item, not := strings.CutPrefix(item, "!")
	item = strings.TrimLeft(item, " \t")
	var words []string
	known := true
	switch {
	case item == "":
		return []string{""}, true
	case len(item) > 4096:
		return nil, false // no pattern of anybody's
	case item[0] == '+':
		words, known = in.namedList(kind, item, depth)
	case item == "@" && kind == "domainlist":
		words = []string{in.primary()}
	case item[0] == '/':
		words, known = in.listFile(kind, item, depth)
	case strings.Contains(item, ";") && !strings.ContainsAny(item[:strings.Index(item, ";")], ".@/"):
		lookup, file, _ := strings.Cut(item, ";")
		words, known = in.keys(strings.TrimSpace(lookup), strings.TrimSpace(file))
	default:
		words = []string{item}
	}
	if not {
		for i := range words {
			words[i] = "!" + words[i]
		}
	}
	return words, known
}

// namedList writes a named list out, once.
func (in *instance) namedList(kind, item string, depth int) ([]string, bool) {
	key := kind + " " + item[1:]
	value, ok := in.named.lists[key]
	if !ok {
		return []string{item}, true
	}
	done, ok := in.named.written[key]
	if !ok {
		in.named.written[key] = writtenList{} // where it names itself
		done.words, done.known = in.listWords(kind, value, depth+1)
		in.named.written[key] = done
	}
	return slices.Clone(done.words), done.known
}

// listFile reads a file of patterns, one a line (spec 10.6).
func (in *instance) listFile(kind, name string, depth int) (words []string, known bool) {
	p := mta.Clean(name)
	key := kind + " " + string(p)
	if done, ok := in.named.written[key]; ok {
		return slices.Clone(done.words), done.known
	}
	in.named.written[key] = writtenList{} // where it names itself
	text, ok := in.Book.Read(p, "a list of Exim")
	in.part(p, waxseal.RoleList)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.IndexByte(line, '#'); i == 0 || i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
			line = strings.TrimSpace(line[:i])
		}
		if line == "" {
			continue
		}
		if len(words) > maxWords {
			in.Problem(p, 0, "more patterns than are read")
			ok = false
			break
		}
		more, _ := in.listItem(kind, line, depth+1)
		words = append(words, more...)
	}
	in.named.written[key] = writtenList{words, ok}
	return slices.Clone(words), ok
}

func (in *instance) keys(kind, file string) (keys []string, known bool) {
	t := in.table(kind, file)
	for _, e := range t.entries {
		keys = append(keys, e.Key)
	}
	return keys, t.known
}

// ownDomains are those that the lists of local and relayed domains name, and the
// names of the host.
func (in *instance) ownDomains() mta.Domains {
	d := mta.NewDomains(in.primary(), in.qualify("qualify_domain"), in.qualify("qualify_recipient"), strings.TrimSpace(in.mailname()))
	for _, l := range in.conf.Lists {
		if l.Kind != "domainlist" || !isOwnList(l.Name) {
			continue
		}
		words, _ := in.words("domainlist", l.Value)
		for _, w := range words {
			d.Add(strings.TrimPrefix(w, "*."))
		}
	}
	return d
}

func isOwnList(name string) bool {
	return slices.Contains([]string{"local_domains", "relay_to_domains", "relay_domains", "virtual_domains", "secondarymx_domains", "user_domains", "hosted_domains", "vdom_domains", "dkim_domains"}, name)
}

func (r *reader) mailname() string {
	text, _ := r.Book.Read("/etc/mailname", "the name of this host in mail")
	first, _, _ := strings.Cut(text, "\n")
	return first
}
