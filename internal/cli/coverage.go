package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/attack"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/journal"
)

func (d *door) coverage() *cobra.Command {
	return &cobra.Command{
		Use: "coverage", Short: "Which log sources of ATT&CK's analytics are live on this host", Args: cobra.NoArgs,
		Long: `For each log-source reference of the analytics that Waxseal implements: what is read
in its place, and which of the senses for it work on this host now. A sense that is
missing or switched off is a blind spot, and is said. waxseal attack map tells the
mapping itself.`,
		RunE: func(*cobra.Command, []string) error {
			return d.withShelf(func(s attack.Shelf) error { return d.runCoverage(s) })
		},
	}
}

// Coverage is the document of waxseal coverage.
type Coverage struct {
	Schema    string             `json:"schema"`
	Notice    string             `json:"notice"`
	Senses    []SenseHere        `json:"senses"`
	Analytics []AnalyticCoverage `json:"analytics"`
	// Containers are those of this host in which mail daemons run.
	Containers []ContainerHere `json:"containers"`
	// Logins are the sources from which it is known who is logged in.
	Logins []agent.LoginSource `json:"logins"`
}

// SenseHere says whether a source of facts works on this host.
type SenseHere struct {
	Sense  attack.Sense `json:"sense"`
	Live   bool         `json:"live"`
	Detail string       `json:"detail"`
}

// AnalyticCoverage is what of one analytic is covered.
type AnalyticCoverage struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Release  string           `json:"release"`
	Sources  []SourceCoverage `json:"sources"`
	Unmapped []string         `json:"unmapped"`
}

// SourceCoverage is what of one log-source reference is covered.
type SourceCoverage struct {
	Component     string         `json:"component"`
	ComponentName string         `json:"component_name,omitempty"`
	Name          string         `json:"name"`
	Channel       string         `json:"channel"`
	Live          []attack.Sense `json:"live"`
	Blind         []attack.Sense `json:"blind"`
}

func (d *door) runCoverage(s attack.Shelf) error {
	maps, err := mappings(s, nil, "")
	if err != nil {
		return err
	}
	doc := Coverage{Schema: "waxseal.coverage/1", Notice: attack.Notice}
	if doc.Senses, err = d.senses(); err != nil {
		return err
	}
	doc.Containers = d.containers()
	if doc.Logins, err = d.logins(); err != nil {
		return err
	}
	for _, m := range maps {
		doc.Analytics = append(doc.Analytics, covered(m, doc.Senses))
	}
	if d.json() {
		return d.printJSON(doc)
	}
	d.printCoverage(doc)
	return nil
}

// senses asks this host for each.
func (d *door) senses() ([]SenseHere, error) {
	tree, err := openTree(d.config.Root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	done := d.progress("reading the mail path")
	state := d.reader(agent.ThrowAwayMasker()).Read(tree)
	done()
	list := []SenseHere{{attack.SenseTree, len(state.Stacks) > 0, count(len(state.Files), "file", "files") + " of the mail path"}}
	if len(state.Stacks) == 0 {
		list[0].Detail = "no mail system found in " + d.config.Root
	}
	list[0].Detail += d.howRead()
	events := switched(attack.SenseEvents, d.config.Watch.Fanotify, fanotifyHealth(tree.Dir()))
	if !events.Live && !switched(attack.SenseAudit, d.config.Watch.Audit, auditHealth()).Live {
		events.Detail += "; " + agent.WithInotify
	}
	list = append(list, events)
	audit := auditHealth()
	list = append(list, switched(attack.SenseAudit, d.config.Watch.Audit, audit))
	starts := switched(attack.SenseExec, d.config.Watch.BPF, bpfHealth()) // what it gives in place of audit's records
	if !starts.Live {
		starts = switched(attack.SenseExec, d.config.Watch.Audit, audit)
	}
	list = append(list, starts)
	logs := followed(tree, state, d.config.Watch.Logs)
	here := SenseHere{attack.SenseLogs, len(logs) > 0, strings.TrimSpace(listed(logs))}
	if !here.Live {
		here.Detail = "no log is there that could be followed"
	}
	return append(list, here), nil
}

// logins are the sources from which it is known who is logged in.
func (d *door) logins() ([]agent.LoginSource, error) {
	tree, err := openTree(d.config.Root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return agent.LoginSources(tree), nil
}

// followed are the logs and journals that an agent would follow.
func followed(tree *rootfs.Tree, state waxseal.State, more []waxseal.Path) []waxseal.Path {
	logs := agent.Logs(tree, state, more)
	for _, name := range journal.Files(tree.Dir()) {
		logs = append(logs, waxseal.Path(name))
	}
	return logs
}

// howRead says of the agent's reading of the tree what it is not shut in by.
func (d *door) howRead() string {
	if !d.config.Watch.Isolate {
		return "; watch reads them beside its sensors, with their rights (watch.isolate is off)"
	}
	if h := readerHealth(); !h.Usable {
		return "; the process that reads them for watch could do more than it should: " + strings.Join(h.Problems, "; ")
	}
	return "; watch reads them in a process that can do nothing else"
}

// switched is a sensor of the agent: it must work here, and be switched on.
func switched(s attack.Sense, on bool, h SensorHealth) SenseHere {
	switch {
	case !on:
		return SenseHere{s, false, "switched off in the configuration"}
	case !h.Usable:
		return SenseHere{s, false, strings.Join(h.Problems, "; ")}
	}
	return SenseHere{s, true, h.Detail}
}

func covered(m attack.Mapping, senses []SenseHere) AnalyticCoverage {
	a := AnalyticCoverage{ID: m.ID, Name: m.Name, Release: m.Release, Sources: []SourceCoverage{}, Unmapped: m.Unmapped}
	for _, s := range m.Sources {
		c := SourceCoverage{Component: string(s.Component), ComponentName: s.ComponentName, Name: s.Name, Channel: s.Channel, Live: []attack.Sense{}, Blind: []attack.Sense{}}
		if s.ComponentID != "" {
			c.Component = s.ComponentID
		}
		for _, sense := range s.Senses {
			if slices.ContainsFunc(senses, func(h SenseHere) bool { return h.Sense == sense && h.Live }) {
				c.Live = append(c.Live, sense)
			} else {
				c.Blind = append(c.Blind, sense)
			}
		}
		a.Sources = append(a.Sources, c)
	}
	return a
}

func (d *door) printCoverage(doc Coverage) {
	fmt.Fprintln(d.out, "senses on this host")
	for _, s := range doc.Senses {
		for i, l := range wrapTo(s.Detail, textWidth-28) {
			word, name := map[bool]string{true: "live", false: "BLIND"}[s.Live], string(s.Sense)
			if i > 0 {
				word, name = "", ""
			}
			fmt.Fprintf(d.out, "  %-6s %-13s %s\n", word, name, l)
		}
	}
	d.printLogins(doc.Logins)
	for i, c := range doc.Containers {
		if i == 0 {
			fmt.Fprintln(d.out, "\nmail in containers of this host")
		}
		for i, l := range wrapTo(c.Detail, textWidth-14) {
			word := map[bool]string{true: "read", false: "BLIND"}[c.Live]
			if i > 0 {
				word = ""
			}
			fmt.Fprintf(d.out, "  %-6s %s\n", word, l)
		}
	}
	for _, a := range doc.Analytics {
		fmt.Fprintf(d.out, "\n%s  %s, release %s\n", safe(a.ID), safe(a.Name), safe(a.Release))
		for _, s := range a.Sources {
			d.bullet(fmt.Sprintf("%s %s, %s: %s", s.Component, s.ComponentName, s.Name, s.Channel))
			d.block("  live", wrap(orNone(listed(s.Live)))...)
			if len(s.Blind) > 0 {
				d.block("  blind", wrap(listed(s.Blind))...)
			}
		}
		for _, u := range a.Unmapped {
			d.bullet("not mapped: " + u)
		}
	}
	d.notice()
}

func (d *door) printLogins(list []agent.LoginSource) {
	fmt.Fprintln(d.out, "\nwho is logged in, and how he came in")
	for _, s := range list {
		word, detail := "live", s.Detail
		if !s.Live {
			word, detail = "BLIND", s.Detail+"; so "+s.Lost
		}
		for i, l := range wrapTo(detail, textWidth-28) {
			name := s.Name
			if i > 0 {
				word, name = "", ""
			}
			fmt.Fprintf(d.out, "  %-6s %-14s %s\n", word, name, l)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
