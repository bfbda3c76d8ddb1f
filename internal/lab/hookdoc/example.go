package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// change is which of an example's two changes.
type change string

const (
	harmless  change = "harmless"
	malicious change = "malicious"
)

// example is a pair of changes for one sort of hook. Its archive has a section
// "harmless" and one "malicious", each the text that is added to a small server of
// the mail system (servers.go), and perhaps "before", what is there already. Text
// goes to the server's main file; behind a line
//
//	==> /etc/postfix/master.cf
//
// it goes to that file, which is executable where the name is followed by a mode
// (==> /usr/local/bin/x 0755). What stands in front of the sections is a note
// for the reader.
//
// Where the judgement can't be what it should, a section says why in one line,
// and the page prints it: "ceiling" where the malicious change is medium, since
// nothing worse can be done there or nothing worse can be seen; "alarm" where
// the harmless one is high.
type example struct {
	server                      server
	name, note                  string
	before, harmless, malicious string
	ceiling, alarm              string
}

// readExample reads the archive of a sort of hook.
func readExample(dir string, p waxseal.Place) (example, error) {
	name := p.Directive
	a, err := txtar.ParseFile(filepath.Join(dir, fileName(p)))
	if err != nil {
		return example{}, fmt.Errorf("no example of %s: %w", name, err)
	}
	e := example{server: serverOf(p.MTA), name: name, note: oneLine(a.Comment)}
	for _, f := range a.Files {
		switch f.Name {
		case "before":
			e.before = string(f.Data)
		case string(harmless):
			e.harmless = string(f.Data)
		case string(malicious):
			e.malicious = string(f.Data)
		case "ceiling":
			e.ceiling = oneLine(f.Data)
		case "alarm":
			e.alarm = oneLine(f.Data)
		default:
			return e, fmt.Errorf("%s: no such section: %s", name, f.Name)
		}
	}
	if e.harmless == "" || e.malicious == "" {
		return e, fmt.Errorf("%s: an example has a harmless and a malicious change", name)
	}
	return e, nil
}

// signs are words for directives that have no letters: a file and a heading need
// some.
var signs = map[string]string{"!": "forward", "|": "command", "?": "condition", "=|": "variable"}

// fileName is that of an archive, below the directory of examples.
func fileName(p waxseal.Place) string {
	if name, ok := signs[p.Directive]; ok {
		return filepath.Join(string(p.MTA), name+".txtar")
	}
	return filepath.Join(string(p.MTA), strings.NewReplacer("/", "_", " ", "_", ":", "_", "$", "", "{", "", "}", "").Replace(p.Directive)+".txtar")
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

func (e example) text(c change) string {
	if c == malicious {
		return e.malicious
	}
	return e.harmless
}

// judge makes the change and returns what changed for mail.
func (e example) judge(c change) []waxseal.Change {
	before, after := e.server.tree(), e.server.tree()
	e.server.add(before, e.before)
	e.server.add(after, e.before)
	e.server.add(after, e.text(c))
	m := mask.New([]byte("hookdoc"))
	was, now := mailpath.NewReader(m).Read(snapshot.New(before)), mailpath.NewReader(m).Read(snapshot.New(after))
	changes, context := drift.Compare(was, now), detect.NewContext(was, now)
	for i := range changes {
		context.Judge(&changes[i])
	}
	return changes
}

func verdict(changes []waxseal.Change) waxseal.Severity {
	worst := waxseal.None
	for _, c := range changes {
		worst = max(worst, c.Severity)
	}
	return worst
}

// add appends text to the files of a tree.
func (s server) add(tree map[waxseal.Path]snapshot.Object, text string) {
	file := s.main
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "==> "); ok {
			var mode uint32
			var p string
			if n, _ := fmt.Sscanf(name, "%s %o", &p, &mode); n < 2 {
				mode = 0o644
			}
			file = waxseal.Path(p)
			if _, ok := tree[file]; !ok {
				tree[file] = snapshot.Object{File: waxseal.File{Mode: mode}}
			}
			continue
		}
		o := tree[file]
		o.Content = append(append([]byte{}, o.Content...), line...)
		tree[file] = o
	}
}
