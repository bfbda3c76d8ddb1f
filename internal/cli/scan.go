package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/archive"
	"waxseal/internal/detect"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
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
	// Settings are the effective parameters that differ from their defaults.
	Settings []waxseal.Setting `json:"settings"`
	// Blind counts the hooks in use that no file decides: they are listed, and
	// nothing here says that they are clean.
	Blind int `json:"blind"`
}

func (d *door) scan() *cobra.Command {
	return &cobra.Command{
		Use: "scan", Short: "Every place where mail can be tampered with, and what to look at first",
		Long: `Reads the mail path of a tree: mail systems, hooks, and all they depend on.
It needs no seal, keeps no state, executes nothing and writes nothing.`,
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
	s := Scan{Schema: "waxseal.scan/1", Host: state.Host, Stacks: state.Stacks, Hooks: state.Hooks, Problems: state.Problems, Findings: detect.Rank(state),
		Settings: state.Settings, Blind: blind(state.Hooks)}
	if d.json() {
		err = d.printJSON(s)
	} else {
		d.describe(s)
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

// blind counts the hooks in use whose content is no file.
func blind(hooks []waxseal.Hook) (n int) {
	for _, h := range hooks {
		if h.Active && h.External {
			n++
		}
	}
	return n
}

// read opens a directory or an archive and reads its state.
func (d *door) read(name string, m *mask.Masker) (waxseal.State, error) {
	opened := d.progress("opening " + name) // a packed archive is unpacked first
	tree, err := openAny(name)
	opened()
	if err != nil {
		return waxseal.State{}, err
	}
	defer tree.Close()
	seen := treecache.New(tree) // each file is read once
	defer d.progressOf("reading the mail path of "+name, func() string {
		return ", " + count(seen.Files(), "file", "files") + " read"
	})()
	state := mailpath.NewReader(m).Read(seen)
	state.Problems = append(state.Problems, tree.Problems()...)
	markRunning(name, &state)
	return state, nil
}

// anyTree is what scan and diff read.
type anyTree interface {
	waxseal.Tree
	// Problems lists what of the tree itself could not be taken as it is.
	Problems() []waxseal.Problem
	Close() error
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
