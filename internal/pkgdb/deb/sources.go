package deb

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// source is a repository that apt is told of (sources.list(5)), and whose word counts
// for it.
type source struct {
	prefix string   // that the names of its lists begin with
	by     []string // Signed-By: files and fingerprints, or a key itself
}

const (
	sourcesFile = "/etc/apt/sources.list"
	sourcesDir  = "/etc/apt/sources.list.d"
	maxSources  = 10_000
)

// readSources reads what apt is told of, in both of its forms.
func readSources(tree waxseal.Tree) (list []source) {
	names, _ := tree.ReadDir(sourcesDir) // not there, no sources
	files := []waxseal.Path{sourcesFile}
	for _, name := range names {
		if ext := path.Ext(name); (ext == ".list" || ext == ".sources") && len(files) < maxKeyFiles {
			files = append(files, sourcesDir+"/"+waxseal.Path(name))
		}
	}
	for _, p := range files {
		text, err := tree.ReadFile(p, maxKeyFile)
		if err != nil {
			continue // what it names, nobody vouches for
		}
		if path.Ext(string(p)) == ".sources" {
			list = append(list, parseStanzas(string(text))...)
		} else {
			list = append(list, parseLines(string(text))...)
		}
	}
	return list[:min(len(list), maxSources)]
}

// parseLines reads the form with a line for each: "deb [signed-by=/x.gpg] URI suite …".
func parseLines(text string) (list []source) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		if kind != "deb" {
			continue
		}
		var by []string
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			options, after, closed := strings.Cut(rest[1:], "]")
			if !closed {
				continue
			}
			for _, o := range strings.Fields(options) {
				if name, value, _ := strings.Cut(o, "="); strings.EqualFold(name, "signed-by") {
					by = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
				}
			}
			rest = after
		}
		if words := strings.Fields(rest); len(words) >= 2 {
			list = append(list, source{prefixOf(words[0], words[1]), by})
		}
	}
	return list
}

// parseStanzas reads the form of deb822(5): Types, URIs, Suites, Signed-By, Enabled.
func parseStanzas(text string) (list []source) {
	for _, s := range stanzas(text) {
		switch strings.ToLower(s["enabled"]) {
		case "no", "false", "without", "off", "disable", "0":
			continue
		}
		if !slices.Contains(strings.Fields(s["types"]), "deb") {
			continue
		}
		by := strings.FieldsFunc(s["signed-by"], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
		if strings.Contains(s["signed-by"], "-----BEGIN") {
			by = []string{s["signed-by"]}
		}
		for _, uri := range strings.Fields(s["uris"]) {
			for _, suite := range strings.Fields(s["suites"]) {
				if len(list) < maxSources {
					list = append(list, source{prefixOf(uri, suite), by})
				}
			}
		}
	}
	return list
}

// stanzas are the fields of deb822(5), by name in lower case: what goes on over lines keeps
// these, of which one with a dot alone is empty.
func stanzas(text string) []map[string]string {
	list, name := []map[string]string{{}}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		last := list[len(list)-1]
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			if len(last) > 0 {
				list = append(list, map[string]string{})
			}
			name = ""
		case line[0] == ' ' || line[0] == '\t':
			if line = strings.TrimSpace(line); line == "." {
				line = ""
			}
			if name != "" && len(last[name]) < maxKeyFile {
				last[name] += "\n" + line
			}
		default:
			key, value, _ := strings.Cut(line, ":")
			name = strings.ToLower(strings.TrimSpace(key))
			last[name] = strings.TrimSpace(value)
		}
	}
	return list
}

// prefixOf is what the names of a repository's lists begin with: its address without the
// way of access and the password, with each slash as "_" and what else is odd as "%5f".
// A suite that ends in a slash is a directory of its own.
func prefixOf(uri, suite string) string {
	_, rest, found := strings.Cut(uri, ":")
	if !found {
		rest = uri
	}
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		end := strings.IndexByte(host+"/", '/')
		rest = host[strings.LastIndexByte(host[:end], '@')+1:]
	}
	if !strings.HasSuffix(rest, "/") {
		rest += "/"
	}
	switch {
	case suite == "/":
	case strings.HasSuffix(suite, "/"):
		rest += suite
	default:
		rest += "dists/" + suite + "/"
	}
	var b strings.Builder
	for i := range len(rest) {
		switch c := rest[i]; {
		case c == '/':
			b.WriteByte('_')
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\\|{}[]<>\"^~_=!@#$%&*", c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

var (
	errNoSource = errors.New("no source of apt's names it (/etc/apt/sources.list)")
	errConflict = errors.New("apt's sources name different keys for it")
)

// ringOf is the keys whose word counts for a repository: those that its source names,
// else those that apt trusts for all.
func (l *Lists) ringOf(prefix string) (*ring, error) {
	if !l.asked {
		l.sources, l.asked = readSources(l.tree), true
	}
	var by []string
	found := false
	for _, s := range l.sources {
		switch {
		case s.prefix != prefix:
		case found && !slices.Equal(s.by, by):
			return nil, errConflict
		default:
			by, found = s.by, true
		}
	}
	switch {
	case !found:
		return nil, errNoSource
	case len(by) == 0:
		return l.trustedForAll(), nil
	}
	r := newRing()
	for _, word := range by {
		switch print := strings.TrimSuffix(strings.ToUpper(word), "!"); {
		case strings.HasPrefix(word, "/"):
			r.add(l.tree, waxseal.Path(path.Clean(word)))
		case strings.Contains(word, "-----BEGIN"):
			r.read([]byte(word), sourcesDir)
		default:
			r.take(l.trustedForAll(), print)
		}
	}
	return r, nil
}

// trustedForAll are the keys that apt believes for any repository whose source names none
// (apt-key(8)).
func (l *Lists) trustedForAll() *ring {
	if l.all == nil {
		l.all = newRing()
		l.all.add(l.tree, "/etc/apt/trusted.gpg")
		l.all.addDir(l.tree, "/etc/apt/trusted.gpg.d")
	}
	return l.all
}
