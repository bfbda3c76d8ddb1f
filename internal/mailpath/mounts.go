package mailpath

import (
	"cmp"
	"slices"
	"strings"

	"waxseal"
)

// ordinary are directories that often are file systems of their own, and files
// that every container engine mounts.
var ordinary = []waxseal.Path{
	"/", "/boot", "/dev", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/home", "/nix", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp",
	"/usr", "/usr/local", "/var", "/var/lib", "/var/log", "/var/mail", "/var/spool", "/var/spool/postfix", "/var/tmp",
}

// mounts makes a hook of each mount over a file that the mail path depends on, or
// over a directory with such files: who opens them gets something else than what
// lies on the disk below, and no file of the disk changes when it goes.
func (c *closer) mounts(mounts []waxseal.Mount) []waxseal.Hook {
	var hooks []waxseal.Hook
	for _, m := range mounts {
		below := c.below(m.Path)
		if slices.Contains(ordinary, m.Path) || len(below) == 0 {
			continue
		}
		what := cmp.Or(m.Source, m.FSType)
		if m.Root != "/" && m.Root != "" {
			what += " " + m.Root
		}
		hooks = append(hooks, waxseal.Hook{
			ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(m.Path) + ":mount"), MTA: waxseal.HostStack,
			Kind: waxseal.KindEnvironment, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Modify, waxseal.Execute},
			Target: waxseal.Target{Type: waxseal.TargetFile, Value: what}, Scope: "all", Active: true,
			Source: waxseal.Source{Path: m.Path}, Directive: "mount", Closure: below[:1],
			Explain: "Another file system (" + m.FSType + ", " + what + ") is mounted over " + string(m.Path) +
				": the mail system reads " + string(below[0].Path) + " from there, and not what lies on the disk below.",
		})
	}
	return hooks
}

// below lists the parts that lie at or below a path and matter as they are.
func (c *closer) below(at waxseal.Path) []waxseal.Part {
	var parts []waxseal.Part
	for p, part := range c.parts {
		if (p == at || strings.HasPrefix(string(p), string(at)+"/")) && chained(part.Role) && !part.Missing {
			parts = append(parts, part)
		}
	}
	slices.SortFunc(parts, func(a, b waxseal.Part) int { return cmp.Compare(a.Path, b.Path) })
	return parts
}
