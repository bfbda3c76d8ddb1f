package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/archive"
	"waxseal/internal/detect"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/treecache"
)

// Scan is the document of waxseal scan.
type Scan struct {
	Schema   string            `json:"schema"`
	Host     waxseal.HostID    `json:"host"`
	Stacks   []waxseal.Stack   `json:"stacks"`
	Hooks    []waxseal.Hook    `json:"hooks"`
	Problems []waxseal.Problem `json:"problems"`
	Findings []waxseal.Finding `json:"findings"`
}

func (d *door) scan() *cobra.Command {
	return &cobra.Command{
		Use: "scan", Short: "Every place where mail can be tampered with, and what to look at first",
		Long: `Reads the mail path of a tree: mail systems, hooks, and all they depend on.
It needs no seal, keeps no state, executes nothing and writes nothing. --root
may name a tar archive too, plain or packed by gzip, xz, zstd or bzip2.`,
		Example: `  waxseal scan
  waxseal scan --root /mnt/image --format json
  waxseal scan --fail-on critical`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.runScan() },
	}
}

func (d *door) runScan() error {
	state, err := d.read(d.config.Root, agent.ThrowAwayMasker())
	if err != nil {
		return err
	}
	s := Scan{Schema: "waxseal.scan/1", Host: state.Host, Stacks: state.Stacks, Hooks: state.Hooks, Problems: state.Problems, Findings: detect.Rank(state)}
	if d.json() {
		err = d.printJSON(s)
	} else {
		err = d.printScan(s)
	}
	if err != nil {
		return err
	}
	worst := waxseal.None
	if len(s.Findings) > 0 {
		worst = s.Findings[0].Severity
	}
	return d.verdict(worst, len(s.Findings) > 0, s.Problems)
}

// read opens a directory or an archive and reads its state.
func (d *door) read(name string, m *mask.Masker) (waxseal.State, error) {
	state, _, err := d.readTree(name, m)
	return state, err
}

// readTree is read that also says which attributes the tree can tell of.
func (d *door) readTree(name string, m *mask.Masker) (waxseal.State, keeps, error) {
	opened := d.progress("opening " + name) // a packed archive is unpacked first
	tree, err := openAny(name)
	opened()
	if err != nil {
		return waxseal.State{}, nil, err
	}
	defer tree.Close()
	seen := treecache.New(tree) // each file is read once
	defer d.progressOf("reading the mail path of "+name, func() string {
		return ", " + count(seen.Files(), "file", "files") + " read"
	})()
	reader := mailpath.NewReader(m)
	reader.Otherwise(rpm.Open)
	state := reader.Read(seen)
	state.Problems = append(state.Problems, tree.Problems()...)
	markRunning(name, &state)
	return state, tree.Keeps, nil
}

// anyTree is what scan and diff read.
type anyTree interface {
	waxseal.Tree
	// Problems lists what of the tree itself could not be taken as it is.
	Problems() []waxseal.Problem
	// Keeps reports whether an extended attribute of this name would be there, if a
	// file had it; "" asks for the flags of chattr(1).
	Keeps(attribute string) bool
	Close() error
}

type keeps func(attribute string) bool

// leaveOut drops the attributes that only one of two trees can tell of: that an
// archive lacks them is no change.
func (k keeps) leaveOut(s waxseal.State) {
	for i := range s.Files {
		f := &s.Files[i]
		if !k("") {
			f.Flags = nil
		}
		f.XAttrs = maps.Clone(f.XAttrs) // it is the tree's
		maps.DeleteFunc(f.XAttrs, func(name string, _ waxseal.Digest) bool { return !k(name) })
	}
}

// openAny opens a directory, or a file as an archive.
func openAny(name string) (anyTree, error) {
	if st, err := os.Stat(name); err != nil || st.IsDir() {
		return openTree(name) // which has the words for what is not there
	}
	tree, err := archive.Open(name)
	switch {
	case errors.Is(err, archive.ErrNoArchive), errors.Is(err, waxseal.ErrNotRegular):
		return nil, usage("neither a directory nor a tar archive: %s", name)
	case err != nil:
		return nil, &exit{code: exitUnreadable, err: err}
	}
	return tree, nil
}

// markRunning says of the live root whether its daemons run; of another tree
// nobody knows.
func markRunning(dir string, s *waxseal.State) {
	if dir != "/" {
		return
	}
	running := len(proc.Running(dir, "master")) > 0
	for i := range s.Stacks {
		if s.Stacks[i].MTA == "postfix" {
			s.Stacks[i].Running = &running
		}
	}
}

func openTree(dir string) (*rootfs.Tree, error) {
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("no such directory: %s", dir)
	case err != nil:
		return nil, &exit{code: exitUnreadable, err: err}
	case !st.IsDir():
		return nil, usage("not a directory: %s", dir)
	}
	tree, err := rootfs.Open(dir)
	if err != nil {
		return nil, &exit{code: exitUnreadable, err: err}
	}
	return tree, nil
}

func (d *door) printScan(s Scan) error {
	if len(s.Stacks) == 0 {
		fmt.Fprintf(d.out, "no mail system found in %s\n", safe(d.config.Root))
	}
	for _, st := range s.Stacks {
		fmt.Fprintf(d.out, "%s %s on %s%s%s\n", safe(string(st.MTA)), safe(cmp.Or(st.Version, "(version unknown)")),
			safe(cmp.Or(string(s.Host), "(host unknown)")), instance(st.Instance), running(st.Running))
	}
	if err := d.printHooks(s.Hooks); err != nil {
		return err
	}
	d.printFirst(s.Findings)
	d.printProblems(s.Problems)
	return nil
}

func instance(name string) string {
	if name == "" || name == "-" {
		return ""
	}
	return ", instance " + safe(name)
}

func running(r *bool) string {
	switch {
	case r == nil:
		return ""
	case *r:
		return ", running"
	}
	return ", not running"
}

func (d *door) printHooks(hooks []waxseal.Hook) error {
	if len(hooks) == 0 {
		return nil
	}
	active := slices.DeleteFunc(slices.Clone(hooks), func(h waxseal.Hook) bool { return !h.Active })
	fmt.Fprintf(d.out, "\n%s in use, in the order in which mail meets them:\n\n", count(len(active), "hook", "hooks"))
	t := d.table()
	t.row("STAGE", "HOOK", "EFFECTS", "TARGET", "SCOPE", "AT")
	const target, scope = 3, 4
	for i := 0; i < len(active); {
		h, like := active[i], alike(active[i:])
		for _, h := range active[i : i+min(like, maxAlike)] {
			t.row(string(h.Stage), h.Directive, effects(h.Effects), shorten(h.Target.Value, 48), shorten(h.Scope, 32), at(h.Source))
		}
		if i += like; like > maxAlike {
			t.note(fmt.Sprintf("…        and %d more of %s in %s", like-maxAlike, h.Directive, h.Source.Path))
		}
	}
	if err := t.flush(target, scope); err != nil {
		return err
	}
	if idle := len(hooks) - len(active); idle > 0 {
		fmt.Fprintf(d.out, "\n%s not in use: nothing leads mail there (--format json lists all).\n", count(idle, "more hook is", "more hooks are"))
	}
	return nil
}

// maxAlike is how many entries of one table are listed for people.
const maxAlike = 12

// alike is how many hooks at the beginning of a list come from one table.
func alike(hooks []waxseal.Hook) int {
	n := 1
	for n < len(hooks) && hooks[n].Directive == hooks[0].Directive && hooks[n].Source.Path == hooks[0].Source.Path && hooks[n].Stage == hooks[0].Stage {
		n++
	}
	return n
}

// effects lists what a hook can do. That it sees mail goes without saying where
// it can change or divert it.
func effects(list []waxseal.Effect) string {
	var words []string
	for _, e := range list {
		if e != waxseal.Observe || !slices.Contains(list, waxseal.Modify) && !slices.Contains(list, waxseal.Divert) {
			words = append(words, string(e))
		}
	}
	return strings.Join(words, ",")
}

func at(s waxseal.Source) string {
	if s.Line == 0 {
		return string(s.Path)
	}
	return fmt.Sprintf("%s:%d", s.Path, s.Line)
}

// printFirst prints what to look at first.
func (d *door) printFirst(list []waxseal.Finding) {
	const most = 10
	shown := 0
	for _, f := range list {
		if f.Severity < waxseal.Medium {
			continue
		}
		if shown == 0 {
			fmt.Fprintf(d.out, "\nLook at first (without a seal, nothing says what is meant to be here):\n")
		}
		if shown++; shown > most {
			continue
		}
		fmt.Fprintf(d.out, "\n%s  %s\n", d.severity(f.Severity), safe(f.Title))
		d.block("what", wrap(f.Explain)...)
		d.reasons(f.Reasons)
	}
	if shown > most {
		fmt.Fprintf(d.out, "\n… and %d more of this kind\n", shown-most)
	}
}

func (d *door) reasons(list []string) {
	label := "why"
	for _, r := range list {
		d.block(label, wrap(r)...)
		label = ""
	}
}
