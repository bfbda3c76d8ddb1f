package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/logline"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/replay"
	"waxseal/internal/sensor/journal"
)

// maxRecording bounds what is read of all recordings together: their lines are kept, so
// that they can be brought into order.
const maxRecording = 1 << 30

// maxRecordingLine bounds one line.
const maxRecordingLine = 1 << 20

// recordings are the files that replay is given.
type recordings struct {
	audit, journal, mail, auth []string
	before, after              string
}

// Replayed is the document of waxseal replay.
type Replayed struct {
	replay.Answer
	Problems []waxseal.Problem `json:"problems,omitempty"`
}

func (d *door) replay() *cobra.Command {
	var r recordings
	c := &cobra.Command{
		Use: "replay --audit FILE...", Short: "Who changed what, from recorded audit logs",
		Long: `Reads recorded audit logs (as auditd or ausearch --raw writes them, plain or packed
by gzip), and tells who changed which file, how that is known, which programs were
started, and what the recordings don't have. The journal, and logs of mail and logins,
add where a login came from and whether a change was loaded. With two trees, each a
directory or a tar archive, the changes between them say what each step meant for mail;
without them the content is not known. The same recordings always give the same answer.
--root and --state are not used.`,
		Example: `  waxseal replay --audit /mnt/var/log/audit/audit.log
  waxseal replay --audit audit.log.1 audit.log --auth-log auth.log --format json
  waxseal replay --audit audit.log --before /backup/root --after /mnt`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, more []string) error {
			r.audit = append(r.audit, more...)
			return d.runReplay(r)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&r.audit, "audit", nil, "audit log `FILE`, and those that follow")
	f.StringArrayVar(&r.journal, "journal", nil, "journal `FILE`: as journald keeps it, or as journalctl\nexports it (-o export, -o json)")
	f.StringArrayVar(&r.mail, "mail-log", nil, "mail log `FILE`")
	f.StringArrayVar(&r.auth, "auth-log", nil, "log of logins `FILE`")
	f.StringVar(&r.before, "before", "", "tree `DIR` before the recording")
	f.StringVar(&r.after, "after", "", "tree `DIR` after it")
	return c
}

func (d *door) runReplay(r recordings) error {
	if len(r.audit) == 0 {
		return &exit{code: exitUsage, err: fmt.Errorf("waxseal replay wants an audit log"), hint: "usage: waxseal replay --audit FILE..."}
	}
	if (r.before == "") != (r.after == "") {
		return usage("--before and --after belong together")
	}
	tape := &tape{digest: sha256.New(), left: maxRecording}
	doc := Replayed{}
	in := replay.Input{Audit: tape.lines(r.audit, &doc.Problems)}
	in.Logs = append(tape.logs(r.auth, &doc.Problems), tape.logs(r.mail, &doc.Problems)...)
	in.Logs = append(in.Logs, tape.journals(r.journal, &doc.Problems)...)
	slices.SortStableFunc(in.Logs, func(a, b waxseal.Observation) int { return a.Time.Compare(b.Time) })
	masker := mask.New(tape.digest.Sum(nil)) // of the recordings: the same in, the same out
	in.Mask = func(argv []string) []string { masked, _ := masker.Arguments(argv); return masked }
	for i := range in.Logs {
		in.Logs[i].Log.Text = masker.Text(waxseal.RoleScript, in.Logs[i].Log.Text)
	}
	if r.before != "" {
		problems, err := d.compareFor(&in, r, masker)
		if err != nil {
			return err
		}
		doc.Problems = append(doc.Problems, problems...)
	}
	doc.Answer = replay.Run(in)
	if err := d.printReplay(doc); err != nil {
		return err
	}
	return d.verdict(doc.Verdict, len(doc.Findings) > 0, doc.Problems)
}

// compareFor adds what is different between the two trees.
func (d *door) compareFor(in *replay.Input, r recordings, masker *mask.Masker) ([]waxseal.Problem, error) {
	p, err := d.openPair(r.before, r.after, masker)
	if err != nil {
		return nil, err
	}
	defer p.close()
	d.readPair(p)
	was, now := p.before.state, p.after.state
	in.Compared, in.Changes, in.Known = true, agent.Differences(was, now), map[waxseal.Path]bool{}
	for _, f := range append(slices.Clone(was.Files), now.Files...) {
		in.Known[f.Path] = true
	}
	p.sayPackages(in.Changes)
	in.Names = mailpath.Names(p.after.tree, "/etc/passwd")
	return append(was.Problems, now.Problems...), nil
}

// tape reads recordings.
type tape struct {
	digest hash.Hash
	left   int64
}

// lines are those of files, in order.
func (t *tape) lines(names []string, problems *[]waxseal.Problem) (lines []string) {
	for _, name := range names {
		text, err := t.read(name)
		if err != nil {
			*problems = append(*problems, waxseal.Problem{Path: waxseal.Path(name), Message: err.Error(), Unreadable: true})
		}
		in := bufio.NewScanner(bytes.NewReader(text))
		in.Buffer(nil, maxRecordingLine)
		for in.Scan() {
			lines = append(lines, in.Text())
		}
		if in.Err() != nil {
			*problems = append(*problems, waxseal.Problem{Path: waxseal.Path(name), Line: len(lines) + 1, Message: "the line is longer than 1 MiB, and what follows was left out", Unreadable: true})
		}
	}
	return lines
}

// read reads one file, plain or packed. What was read before an error is kept.
func (t *tape) read(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var from io.Reader = in
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		if from, err = gzip.NewReader(in); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(from, t.left+1))
	if int64(len(text)) > t.left {
		text, err = text[:t.left], fmt.Errorf("the recordings are larger than %d MiB together; what lies beyond was left out", maxRecording>>20)
	}
	t.left -= int64(len(text))
	t.digest.Write(text)
	return text, err
}

// logs are the lines of text logs with their times. Lines without a year are of the year
// before the file was last written.
func (t *tape) logs(names []string, problems *[]waxseal.Problem) (list []waxseal.Observation) {
	for _, name := range names {
		written := time.Time{}
		if st, err := os.Stat(name); err == nil {
			written = st.ModTime()
		}
		for _, line := range t.lines([]string{name}, problems) {
			if at, ok := logline.Time(line, written); ok {
				list = append(list, waxseal.Observation{Time: at, Sensor: "tail", Log: &waxseal.LogLine{Path: waxseal.Path(name), Text: line}})
			}
		}
	}
	return list
}

// printReplay prints the document.
func (d *door) printReplay(doc Replayed) error {
	if d.json() {
		return d.printJSON(doc)
	}
	for _, f := range doc.Findings {
		d.printFinding(f, "")
	}
	quiet := map[waxseal.Severity]int{}
	for _, c := range doc.Changes {
		if len(c.Findings) == 0 {
			quiet[c.Severity]++
			continue
		}
		fmt.Fprintf(d.out, "\n%s  %s %s%s\n", c.Time.UTC().Format("2006-01-02 15:04:05.000Z"), c.Operation, safe(string(c.Path)), orFailed(c.Success))
		d.block("who", wrap(briefly(c.Actor)+"; "+listed(c.Findings))...)
	}
	fmt.Fprintf(d.out, "\n%s, %s\n", count(len(doc.Changes), "change", "changes"), count(len(doc.Executions), "program start", "program starts"))
	for _, s := range slices.Backward(slices.Sorted(maps.Keys(quiet))) {
		fmt.Fprintf(d.out, "%s without a finding: %d; --format json has them\n", s, quiet[s])
	}
	for i, g := range doc.Gaps {
		d.block(label(i, "gaps"), wrap(strings.TrimSpace(spanOf(g)+" "+g.Reason))...)
	}
	fmt.Fprintf(d.out, "verdict: %s\n", d.severity(doc.Verdict))
	d.printProblems(doc.Problems)
	return nil
}

// briefly is who made a change, in one line.
func briefly(a waxseal.Actor) string {
	p, who := a.Process, a.Login.Name
	switch {
	case p.Grade == waxseal.Unknown:
		return "unknown: " + p.Basis
	case a.Login.UID == waxseal.Unset:
		who = "no login, " + account(p)
	}
	return fmt.Sprintf("%s [%s]: %s [%s]", who, a.Login.Grade, command(p), p.Grade)
}

func orFailed(success bool) string {
	if success {
		return ""
	}
	return " (it failed)"
}

func spanOf(g waxseal.Gap) string {
	if g.From.IsZero() {
		return ""
	}
	return when(g.From) + ":"
}

// journals are the entries of recorded journals.
func (t *tape) journals(names []string, problems *[]waxseal.Problem) (list []waxseal.Observation) {
	for _, name := range names {
		text, err := t.read(name)
		entries, wrong := journal.Read(text)
		if err := errors.Join(err, wrong); err != nil {
			*problems = append(*problems, waxseal.Problem{Path: waxseal.Path(name), Message: err.Error(), Unreadable: true})
		}
		for _, e := range entries {
			if l, ok := journal.Line(e); ok {
				l.Path = waxseal.Path(name)
				list = append(list, waxseal.Observation{Time: e.Time, Sensor: journal.Sensor, Log: &l})
			}
		}
	}
	return list
}
