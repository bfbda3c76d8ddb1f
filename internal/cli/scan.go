package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/detect"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/proc"
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
It needs no seal, keeps no state, executes nothing and writes nothing.`,
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

// read opens a directory and reads its state.
func (d *door) read(dir string, m *mask.Masker) (waxseal.State, error) {
	tree, err := openTree(dir)
	if err != nil {
		return waxseal.State{}, err
	}
	defer tree.Close()
	defer d.progress("reading the mail path of " + dir)()
	state := mailpath.NewReader(m).Read(tree)
	markRunning(dir, &state)
	return state, nil
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
		fmt.Fprintf(d.out, "%s %s on %s, instance %s%s\n", safe(string(st.MTA)), safe(cmp.Or(st.Version, "(version unknown)")),
			safe(cmp.Or(string(s.Host), "(host unknown)")), safe(cmp.Or(st.Instance, "-")), running(st.Running))
	}
	if err := d.printHooks(s.Hooks); err != nil {
		return err
	}
	d.printFirst(s.Findings)
	d.printProblems(s.Problems)
	return nil
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
	fmt.Fprintf(d.out, "\n%d hooks, in the order in which mail meets them:\n\n", len(hooks))
	t := d.table()
	t.row("STAGE", "HOOK", "EFFECTS", "TARGET", "SCOPE", "AT")
	idle := 0
	for _, h := range hooks {
		if !h.Active {
			idle++
			continue
		}
		t.row(string(h.Stage), h.Directive, effects(h.Effects), shorten(h.Target.Value, 48), shorten(h.Scope, 28), at(h.Source))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if idle > 0 {
		fmt.Fprintf(d.out, "\n%d more hooks are not in use: nothing leads mail to them (--format json lists them).\n", idle)
	}
	return nil
}

func effects(list []waxseal.Effect) string {
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = string(e)
	}
	return strings.Join(words, ",")
}

func at(s waxseal.Source) string {
	if s.Line == 0 {
		return string(s.Path)
	}
	return fmt.Sprintf("%s:%d", s.Path, s.Line)
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
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

func (d *door) printProblems(list []waxseal.Problem) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(d.out, "\nProblems:\n")
	for _, p := range list {
		fmt.Fprintln(d.out, "  "+safe(agent.Problem(p)))
	}
}
