package cli

import (
	"cmp"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/detect"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/proc"
)

// dwellLong is how long one container may keep a reader waiting.
const dwellLong = 30 * time.Second

// dwellings reads the mail systems in the containers of this host, where the tree is it.
func (d *door) dwellings(m *mask.Masker) []agent.Dwelt {
	if d.config.Root != "/" {
		return nil
	}
	var list []agent.Dwelt
	tree, err := rootfs.Open("/")
	if err != nil {
		return nil
	}
	defer tree.Close()
	for _, found := range agent.Dwellings(proc.New(proc.Options{}), tree) {
		done := d.progress("reading the mail path of " + found.Name)
		list = append(list, agent.ReadDwelling(found, agent.ReaderFor(m), dwellLong))
		done()
	}
	return list
}

// take adds to a scan what was read in containers.
func (s *Scan) take(list []agent.Dwelt) {
	for _, r := range list {
		inside := mailpath.Within(r.Name, r.State)
		s.Stacks, s.Hooks = append(s.Stacks, inside.Stacks...), append(s.Hooks, inside.Hooks...)
		s.Problems, s.Settings = append(s.Problems, inside.Problems...), append(s.Settings, inside.Settings...)
		at := waxseal.Path(r.Name + ":/")
		switch {
		case r.Err != nil:
			s.Problems = append(s.Problems, waxseal.Problem{Path: at, Unreadable: true, Message: agent.MailIn(r.Dwelling) + ", and what is set up there could not be read: " + r.Err.Error()})
		case len(inside.Stacks) == 0:
			s.Problems = append(s.Problems, waxseal.Problem{Path: at, Unreadable: true, Message: agent.MailIn(r.Dwelling) + ", and no configuration that is understood was found there"})
		}
		for _, f := range detect.Rank(r.State) {
			s.Findings = append(s.Findings, mailpath.FindingWithin(r.Name, f))
		}
	}
	if len(list) > 0 {
		slices.SortStableFunc(s.Findings, func(a, b waxseal.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
		s.Blind = blind(s.Hooks)
	}
}

// ContainerHere is mail in a container of this host.
type ContainerHere struct {
	Name     string         `json:"name"`
	ID       string         `json:"id,omitempty"`    // "docker 3f5a9c0e1b2d", where Name is the one that stays
	Image    string         `json:"image,omitempty"` // of which it was made, where that is known
	PID      int            `json:"pid"`
	Programs []waxseal.Path `json:"programs"`
	Listens  []string       `json:"listens"`
	Stacks   []string       `json:"stacks"` // the mail systems that were read there
	Live     bool           `json:"live"`
	Detail   string         `json:"detail"`
}

// containers says of each container with mail what is seen of it.
func (d *door) containers() []ContainerHere {
	list, found := []ContainerHere{}, d.dwellings(agent.ThrowAwayMasker())
	unruled := agent.Unruled(found)
	for i, r := range found {
		c := ContainerHere{Name: r.Name, ID: r.ID, Image: r.Image, PID: r.PID, Programs: r.Programs, Listens: append([]string{}, r.Listens...), Stacks: []string{},
			Detail: agent.MailIn(r.Dwelling) + "; seal vouches for it too, and watch sees its changes"}
		for _, s := range r.State.Stacks {
			c.Stacks = append(c.Stacks, string(s.MTA))
		}
		if unruled[i] != "" {
			c.Detail += "; audit has no rule for all of it, so that who changes these is inferred: " + unruled[i]
		}
		switch c.Live = len(c.Stacks) > 0; {
		case r.Err != nil:
			c.Detail = agent.MailIn(r.Dwelling) + "; " + r.Err.Error()
		case !c.Live:
			c.Detail = agent.MailIn(r.Dwelling) + "; no configuration that is understood was found there"
		}
		list = append(list, c)
	}
	return list
}
