package cli

import (
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/detect"
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
	state, err := d.readLive(d.config.Root, agent.ThrowAwayMasker())
	if err != nil {
		return err
	}
	s := Scan{Schema: "waxseal.scan/1", Host: state.Host, Stacks: state.Stacks, Hooks: state.Hooks, Problems: state.Problems, Findings: detect.RankBeside(state, beside),
		Settings: state.Settings, Blind: blind(state.Hooks)}
	s.take(d.dwellings(agent.ThrowAwayMasker()))
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

// beside does pieces of work on all processors.
func beside(work ...func()) {
	var all sync.WaitGroup
	for _, do := range work {
		all.Go(do)
	}
	all.Wait()
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
