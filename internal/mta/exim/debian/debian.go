// Package debian writes the configuration that Debian's update-exim4.conf(8) would
// write, from the same sources: a template or the directories of conf.d, and the
// answers in update-exim4.conf.conf.
//
// The program runs whenever Exim is started, restarted or reloaded, so that the
// sources say what Exim does from then on, whatever the configuration says now.
// What is known of it here comes from its manual page, README.Debian and what it
// prints; a test asks it. The answers are a shell script that root sources:
// see [ParseSettings].
package debian

import (
	"slices"
	"strings"

	"waxseal"
)

// File is one source.
type File struct {
	Path waxseal.Path
	Text string
}

// Sources are what update-exim4.conf reads.
type Sources struct {
	Settings Settings
	// Template and Macros are exim4.conf.template and exim4.conf.localmacros.
	Template, Macros *File
	// Sections are the files of conf.d by directory, as [Selected] picks them.
	Sections map[string][]File
	MailName string // /etc/mailname
	// Version is that of the package exim4-config, FQDN what "hostname --fqdn"
	// prints; "" where they are not known.
	Version, FQDN string
}

// Origin says where a line of the result comes from.
type Origin struct {
	Path waxseal.Path
	Line int
}

// Result is a generated configuration.
type Result struct {
	Text    string
	Origins []Origin // by line
	// Problem says why nothing is generated.
	Problem string
}

// SectionNames are the directories of conf.d in their order.
func SectionNames() []string {
	return []string{"main", "acl", "router", "transport", "retry", "rewrite", "auth"}
}

// Directory is where the sources lie.
const Directory = "/etc/exim4"

const settingsPath waxseal.Path = Directory + "/update-exim4.conf.conf"

// Generate writes the configuration.
func Generate(s Sources) Result {
	split := lower(s.Settings.Value("dc_use_split_config"))
	if split == "" {
		split = "false"
	}
	kind := answer(s.Settings.Value("dc_eximconfig_configtype"))
	substitutes := slices.Contains([]string{"satellite", "smarthost", "local", "internet"}, kind)
	switch {
	case split != "true" && split != "false" && substitutes:
		return Result{Problem: "dc_use_split_config is neither true nor false"}
	case split == "false" && s.Template == nil:
		return Result{Problem: "there is no exim4.conf.template"}
	}
	g := &generator{keep: keepsComments(s.Settings)}
	g.header(split == "true")
	if substitutes {
		g.macros = s.macros(kind)
	}
	switch {
	case split == "true":
		g.sections(s.Sections, substitutes)
	default:
		g.joined(s.Macros, s.Template)
	}
	return Result{Text: g.text.String(), Origins: g.origins}
}

// keepsComments: an option of update-exim4.conf.conf that nobody documents.
func keepsComments(s Settings) bool {
	v := s.Value("UPEX4C_comments")
	if v == "" {
		v = s.Value("ue4c_keepcomments")
	}
	return v != "" && v != "no"
}

type line struct {
	text   string
	origin Origin
}

type generator struct {
	keep    bool
	macros  []line
	text    strings.Builder
	origins []Origin
	empty   bool // the line before was empty
}

func (g *generator) write(l line) {
	g.text.WriteString(l.text)
	g.text.WriteByte('\n')
	g.origins = append(g.origins, l.origin)
}

const warning = "# WARNING WARNING WARNING"

// header writes the warning that stands above every generated file.
func (g *generator) header(split bool) {
	lines := []string{"#########"}
	lines = append(lines, slices.Repeat([]string{warning}, 5)...)
	lines = append(lines, "# This file was generated dynamically from")
	if split {
		lines = append(lines, "# split config files in the "+Directory+"/conf.d/ directory.")
	} else {
		lines = append(lines, "# non-split config ("+Directory+"/exim4.conf.localmacros", "# and "+Directory+"/exim4.conf.template).")
	}
	lines = append(lines,
		"# The config files are supplemented with package installation/configuration",
		"# settings managed by debconf. This data is stored in",
		"# "+string(settingsPath),
		"# Any changes you make here will be lost.",
		"# See /usr/share/doc/exim4-base/README.Debian.gz and update-exim4.conf(8)",
		"# for instructions of customization.")
	lines = append(lines, slices.Repeat([]string{warning}, 5)...)
	for _, l := range append(lines, "#########") {
		g.write(line{text: l})
	}
}

// sections writes the files of conf.d, section by section.
func (g *generator) sections(sections map[string][]File, marked bool) {
	const rule = "#####################################################"
	for _, name := range SectionNames() {
		if marked {
			g.source(line{text: "# begin processing " + name + " #####"})
		}
		for _, f := range sections[name] {
			for _, mark := range []string{rule, "### " + string(f.Path), rule} {
				g.source(line{text: mark})
			}
			rest := g.file(f, "")
			g.source(line{rest, Origin{f.Path, 1 + strings.Count(f.Text, "\n")}}) // echo ends the last line, or is an empty one
			for _, mark := range []string{rule, "### end " + string(f.Path), rule} {
				g.source(line{text: mark})
			}
		}
		if marked {
			g.source(line{text: "# end of " + name + "  #####"})
		}
	}
}

// joined writes the local macros and the template as cat(1) joins them.
func (g *generator) joined(macros, template *File) {
	rest := ""
	if macros != nil {
		rest = g.file(*macros, "")
	}
	if rest = g.file(*template, rest); rest != "" {
		g.source(line{rest, Origin{template.Path, 1 + strings.Count(template.Text, "\n")}})
	}
}

// file writes the whole lines of a file, the first behind what the file before
// ended with, and returns what its last line has no end of.
func (g *generator) file(f File, before string) (rest string) {
	n := 0
	for text := range strings.Lines(f.Text) {
		n++
		whole, ended := strings.CutSuffix(text, "\n")
		if whole, before = before+whole, ""; !ended {
			return whole
		}
		g.source(line{whole, Origin{f.Path, n}})
	}
	return before
}

// source writes a line of a source: comments go, empty lines that follow each
// other become one, and the macros come in at their place.
func (g *generator) source(l line) {
	if !g.keep {
		if strings.HasPrefix(strings.TrimLeft(l.text, blanks), "#") || l.text == "" && g.empty {
			return
		}
		g.empty = l.text == ""
	}
	g.write(l)
	if g.macros != nil && strings.HasPrefix(l.text, "UPEX4CmacrosUPEX4C") {
		for _, m := range g.macros {
			g.write(line{strings.ReplaceAll(m.text, "\x00", l.text), m.origin})
		}
	}
}

const blanks = " \t\n\v\f\r"

// Selected picks the files of a directory of conf.d that are read: those whose
// name is of letters, digits, "_" and "-", each or, if there is one, its sibling
// that ends in ".rul". isFile tells whether a name is a file. The rest is
// passed over, without a word.
func Selected(names []string, isFile func(string) bool) (read []string) {
	var words []string
	for _, name := range names {
		if !strings.HasPrefix(name, ".") {
			words = append(words, strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" \t\n", r) })...)
		}
	}
	for _, name := range words {
		switch {
		case !plain(name) || !isFile(name):
		case isFile(name + ".rul"):
			read = append(read, name+".rul")
		default:
			read = append(read, name)
		}
	}
	return read
}

func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return name != ""
}
