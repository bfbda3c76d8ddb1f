package mailpath

import "waxseal"

// Besides has the reader take files and directories into the state to which no
// configuration leads: scripts and filters of which only the administrator knows that
// mail gets there (MailTransportScriptPath of ATT&CK's AN0473).
func (r *Reader) Besides(paths []waxseal.Path) { r.besides = paths }

// maxNamedDepth bounds how deep a named directory is followed.
const maxNamedDepth = 8

// alsoNamed takes the named files into the state. What is code among them, and in the state
// for no other reason, is a hook.
func (c *closer) alsoNamed() (hooks []waxseal.Hook) {
	left := maxSettings
	for _, p := range c.reader.besides {
		hooks = append(hooks, c.alsoAt(p, 0, &left)...)
	}
	if left < 0 {
		c.problems = append(c.problems, waxseal.Problem{Path: c.reader.besides[0], Message: "more files than are taken in below MailTransportScriptPath; the rest is not watched"})
	}
	return hooks
}

func (c *closer) alsoAt(p waxseal.Path, depth int, left *int) (hooks []waxseal.Hook) {
	f, err := c.tree.Stat(p)
	switch {
	case err != nil && depth == 0:
		c.part(waxseal.Part{Path: p, Role: waxseal.RoleScript}) // that it comes to be is a change
	case err != nil:
	case f.Type == waxseal.Directory && depth > 0 && c.isLink(p): // what it leads to can be named by itself
	case f.Type == waxseal.Directory && depth < maxNamedDepth:
		names, err := c.tree.ReadDir(p)
		if err != nil {
			c.problem(p, err)
		}
		for _, n := range names {
			if *left < 0 {
				break
			}
			hooks = append(hooks, c.alsoAt(p+"/"+waxseal.Path(n), depth+1, left)...)
		}
	case f.Type == waxseal.Regular:
		if *left--; *left >= 0 {
			if part := c.setting(p, f); part.Role == waxseal.RoleScript || part.Role == waxseal.RoleBinary {
				hooks = append(hooks, c.alsoHook(part))
			}
		}
	}
	return hooks
}

func (c *closer) isLink(p waxseal.Path) bool {
	f, err := c.tree.Lstat(p)
	return err == nil && f.Type == waxseal.Symlink
}

func (c *closer) alsoHook(p waxseal.Part) waxseal.Hook {
	return waxseal.Hook{
		ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(p.Path) + ":script"), MTA: waxseal.HostStack,
		Kind: waxseal.KindScript, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Execute},
		Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p.Path)}, Scope: "what is handed to it", Active: true,
		Source: waxseal.Source{Path: p.Path}, Directive: "MailTransportScriptPath", Closure: c.complete([]waxseal.Part{p}),
		Explain: string(p.Path) + " is a script or filter of the mail path by the word of the administrator (MailTransportScriptPath); nothing else says when it runs.",
	}
}
