package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is one place that apt reads packages from.
type source struct {
	options            string // "signed-by=…"
	uri, suite, signed string
	components         []string
}

// debianSources returns the lines of the host's apt configuration under dir
// that name the Debian archive of the lab's suite. On a host of another
// release there is none, and mmdebstrap uses its own defaults.
func debianSources(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	var lines []string
	for _, file := range append([]string{filepath.Join(dir, "sources.list")}, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var found []source
		switch filepath.Ext(file) {
		case ".list":
			found = parseList(string(text))
		case ".sources":
			found = parseStanzas(string(text))
		}
		for _, s := range found {
			if s.isDebian() {
				lines = append(lines, s.String())
			}
		}
	}
	return lines
}

// isDebian leaves out third parties, some of which call their suite by
// Debian's names: they have nothing that a lab needs and may not answer.
func (s source) isDebian() bool {
	suites := []string{suite, suite + "-updates", suite + "-security"}
	return slices.Contains(suites, s.suite) && slices.Contains(s.components, "main") &&
		strings.Contains(s.uri, "debian") &&
		(s.signed == "" || strings.Contains(s.signed, "debian-archive"))
}

func (s source) String() string {
	if s.options != "" {
		return "deb [" + s.options + "] " + s.uri + " " + s.suite + " main"
	}
	return "deb " + s.uri + " " + s.suite + " main"
}

// parseList reads the one-line format of sources.list(5).
func parseList(text string) []source {
	var found []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		var s source
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			s.options, rest, _ = strings.Cut(rest[1:], "]")
			s.options = strings.TrimSpace(s.options)
		}
		for _, option := range strings.Fields(s.options) {
			if by, ok := strings.CutPrefix(option, "signed-by="); ok {
				s.signed = by
			}
		}
		if fields := strings.Fields(rest); len(fields) >= 3 {
			s.uri, s.suite, s.components = fields[0], fields[1], fields[2:]
			found = append(found, s)
		}
	}
	return found
}

// parseStanzas reads the deb822 format of sources.list(5).
func parseStanzas(text string) []source {
	var found []source
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(stanza) {
			if key, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
				fields[strings.ToLower(key)] = strings.TrimSpace(value)
			}
		}
		if !slices.Contains(strings.Fields(fields["types"]), "deb") || fields["enabled"] == "no" {
			continue
		}
		signed := fields["signed-by"]
		var options string
		if strings.HasPrefix(signed, "/") {
			options = "signed-by=" + signed
		}
		for _, uri := range strings.Fields(fields["uris"]) {
			for _, name := range strings.Fields(fields["suites"]) {
				found = append(found, source{options, uri, name, signed, strings.Fields(fields["components"])})
			}
		}
	}
	return found
}
