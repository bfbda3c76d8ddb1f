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
// "harmless" and one "malicious", each the text that is added to a small Postfix
// server, and perhaps "before", what is there already. Text goes to main.cf;
// behind a line
//
//	==> /etc/postfix/master.cf
//
// it goes to that file, which is executable where the name is followed by a mode
// (==> /usr/local/bin/x 0755). What stands in front of the sections is a note
// for the reader.
type example struct {
	directive, note             string
	before, harmless, malicious string
}

func readExample(dir, directive string) (example, error) {
	a, err := txtar.ParseFile(filepath.Join(dir, strings.ReplaceAll(directive, "/", "_")+".txtar"))
	if err != nil {
		return example{}, fmt.Errorf("no example of %s: %w", directive, err)
	}
	e := example{directive: directive, note: strings.TrimSpace(string(a.Comment))}
	for _, f := range a.Files {
		switch text := string(f.Data); f.Name {
		case "before":
			e.before = text
		case string(harmless):
			e.harmless = text
		case string(malicious):
			e.malicious = text
		default:
			return e, fmt.Errorf("%s: no such section: %s", directive, f.Name)
		}
	}
	if e.harmless == "" || e.malicious == "" {
		return e, fmt.Errorf("%s: an example has a harmless and a malicious change", directive)
	}
	return e, nil
}

func (e example) text(c change) string {
	if c == malicious {
		return e.malicious
	}
	return e.harmless
}

// judge makes the change and returns what changed for mail.
func (e example) judge(c change) []waxseal.Change {
	before := server()
	add(before, e.before)
	after := server()
	add(after, e.before)
	add(after, e.text(c))
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
func add(tree map[waxseal.Path]snapshot.Object, text string) {
	file := waxseal.Path("/etc/postfix/main.cf")
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

// server is the small Postfix server that the examples change.
func server() map[waxseal.Path]snapshot.Object {
	tree := map[waxseal.Path]snapshot.Object{}
	for p, text := range map[waxseal.Path]string{
		"/etc/postfix/main.cf": mainCf, "/etc/postfix/master.cf": masterCf,
		"/etc/aliases": "postmaster: root\nroot: alice\n", "/etc/passwd": passwd, "/etc/hostname": "mail.example.test\n",
	} {
		tree[p] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(text)}
	}
	return tree
}

const mainCf = `compatibility_level = 3.6
myhostname = mail.example.test
mydomain = example.test
mydestination = $myhostname, example.test, localhost
mynetworks = 127.0.0.0/8
alias_maps = texthash:/etc/aliases
`

const masterCf = `smtp       inet n - y - - smtpd
submission inet n - y - - smtpd
pickup     unix n - y 60 1 pickup
cleanup    unix n - y - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - y - - trivial-rewrite
bounce     unix - - y - 0 bounce
defer      unix - - y - 0 bounce
verify     unix - - y - 1 verify
proxymap   unix - - n - - proxymap
smtp       unix - - y - - smtp
relay      unix - - y - - smtp
error      unix - - y - - error
retry      unix - - y - - error
discard    unix - - y - - discard
local      unix - n n - - local
virtual    unix - n n - - virtual
lmtp       unix - - y - - lmtp
anvil      unix - - y - 1 anvil
`

const passwd = `root:x:0:0:root:/root:/bin/bash
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
`
