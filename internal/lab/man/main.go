// Man writes the manual pages of the waxseal command, made from the command
// itself, so that they can't say anything else:
//
//	go run ./internal/lab/man        writes into man/
//	go run ./internal/lab/man DIR    writes into DIR
//
// The pages bear no date and no version: the same commands give the same bytes.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra/doc"

	"waxseal/internal/cli"
)

func main() {
	dir := "man"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	pages, err := pages()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages are all pages by file name.
func pages() (map[string][]byte, error) {
	root := cli.Command(io.Discard, io.Discard, "")
	root.DisableAutoGenTag = true // else each page says when it was made
	pages := map[string][]byte{}
	for waiting := append(root.Commands(), root); len(waiting) > 0; waiting = waiting[1:] {
		c := waiting[0]
		if !c.IsAvailableCommand() && c != root || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if c != root {
			waiting = append(waiting, c.Commands()...)
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		var b bytes.Buffer
		if err := doc.GenMan(c, header(name), &b); err != nil {
			return nil, fmt.Errorf("page of %q: %w", c.CommandPath(), err)
		}
		pages[name+".1"] = []byte(finish(b.String()))
	}
	return pages, nil
}

// made is the date that the generator is given, since it wants one; finish takes
// it out again.
var made = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

func header(name string) *doc.GenManHeader {
	return &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &made, Source: "Waxseal", Manual: "Waxseal Manual"}
}

// finish takes the date out and puts in what every page has.
func finish(page string) string {
	page = strings.Replace(page, `"`+made.Format("Jan 2006")+`"`, `""`, 1)
	before, after, ok := strings.Cut(page, "\n.SH SEE ALSO\n")
	if !ok {
		return page + common
	}
	return before + "\n" + common + ".SH SEE ALSO\n" + after
}

// common is on every page, in front of SEE ALSO.
const common = `.SH EXIT STATUS
.TP
.B 0
nothing to report
.TP
.B 1
findings at or above \fB\-\-fail\-on\fP; also: a seal refused because of unreviewed changes, a ledger that does not verify
.TP
.B 2
usage or configuration error
.TP
.B 3
something that exists could not be read or watched
.TP
.B 4
internal error
.PP
1 beats 3.
.SH FILES
.TP
.I /etc/waxseal/waxseal.yaml
configuration; that it is missing means defaults
.TP
.I /var/lib/waxseal
state directory: ledger, keys, lock and control socket
`
