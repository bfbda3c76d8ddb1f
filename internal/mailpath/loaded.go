package mailpath

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/surroundings"
)

// inMemory is one file in the memory of mail daemons.
type inMemory struct {
	waxseal.Mapped
	by    waxseal.Running // the first of them
	more  int
	isExe bool
}

// loaded makes a hook of what daemons of the mail path have in their memory and what
// nothing vouches for: it was loaded from elsewhere, is no longer there, or is another
// file by now. Files of the disk tell nothing of that.
func (c *closer) loaded(running []waxseal.Running, told map[string]bool) []waxseal.Hook {
	var list []*inMemory
	at := map[waxseal.Mapped]*inMemory{}
	for _, p := range running {
		for _, f := range p.Code {
			if m := at[f]; m != nil {
				m.more++
				continue
			}
			at[f] = &inMemory{Mapped: f, by: p, isExe: f.Path == p.Exe}
			list = append(list, at[f])
		}
	}
	var odd []waxseal.Hook
	for _, m := range list {
		if h, ok := c.odd(m); ok && !(told[string(m.Path)] && !m.Gone && !m.Replaced) {
			odd = append(odd, h)
		}
	}
	return odd
}

// live makes hooks of what is known of the running daemons of the mail path.
func (c *closer) live(found mta.Result, running []waxseal.Running) []waxseal.Hook {
	listening, told := map[int]bool{}, map[string]bool{}
	for _, h := range found.Hooks {
		if h.Listener != nil {
			listening[h.Listener.PID] = true
			told[string(h.Listener.Exe)] = true // who answers there is weighed with the hook
		}
		if h.Target.Type == waxseal.TargetFile || h.Kind == waxseal.KindBinary {
			told[h.Target.Value] = true
		}
	}
	var ours []waxseal.Running
	var blind, hidden []string
	for _, p := range running {
		if !c.ofMail(p, listening) {
			continue
		}
		name := fmt.Sprintf("%s (pid %d)", p.Comm, p.PID)
		if p.Blind {
			blind = append(blind, name)
		}
		if p.Hidden || p.Blind {
			hidden = append(hidden, name)
		}
		ours = append(ours, p)
	}
	c.blind("have loaded", blind)
	c.blind("hold open", hidden)
	return append(c.loaded(ours, told), c.opened(ours, found, told)...)
}

// blind tells how much of what runs could not be looked at.
func (c *closer) blind(what string, names []string) {
	if len(names) == 0 {
		return
	}
	few := names[:min(len(names), 3)]
	c.problems = append(c.problems, waxseal.Problem{Path: "/proc", Message: fmt.Sprintf(
		"what %d processes of the mail path %s is not known as a whole, since only root may look, or since it is too much: %s", len(names), what, strings.Join(few, ", "))})
}

// ofMail reports whether a process belongs to the mail path: by its program, the script
// that it runs, or since a hook hands mail to it.
func (c *closer) ofMail(p waxseal.Running, listening map[int]bool) bool {
	if listening[p.PID] || p.Blind {
		return true
	}
	for _, name := range []waxseal.Path{p.Exe, p.Script} {
		if name == "" {
			continue
		}
		if surroundings.IsProgram(name) {
			return true
		}
		if part, ok := c.parts[name]; ok && isProgram(part.Role) && part.Role != waxseal.RoleInterpreter && part.Role != waxseal.RoleLibrary && !isShell(name) {
			return true
		}
	}
	return false
}

// isShell reports whether a program runs for everybody: that a hook names it makes no
// process of it one of mail's.
func isShell(p waxseal.Path) bool {
	base := strings.TrimRight(path.Base(string(p)), "0123456789.")
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ksh", "busybox", "env", "perl", "python", "ruby", "lua", "php", "systemd", "cron", "rsyslogd", "sshd"}, base)
}

// odd makes a hook of a file in memory, where something is odd about it.
func (c *closer) odd(m *inMemory) (waxseal.Hook, bool) {
	if m.Memory {
		return c.memoryHook(m, waxseal.Part{}, "memory"), true
	}
	at := m.Path
	if f, err := c.tree.Stat(at); err == nil && f.Resolved != "" {
		at = f.Resolved
	}
	role := waxseal.RoleLibrary
	if m.isExe {
		role = waxseal.RoleBinary
	}
	if m.Gone {
		part := waxseal.Part{Path: m.Path, Role: role, Missing: true, PackageState: waxseal.PackageUnknown, Package: c.successor(m.Path)}
		return c.memoryHook(m, part, "gone"), true
	}
	part, _ := c.part(waxseal.Part{Path: at, Role: role})
	switch {
	case m.Replaced:
		return c.memoryHook(m, part, "replaced"), true
	case vouched(part) || m.isExe && part.PackageState != waxseal.PackageUnowned && part.PackageState != waxseal.PackageModified:
		return waxseal.Hook{}, false
	}
	return c.memoryHook(m, part, "stranger"), true
}

// successor names the package that has a later version of a library: an update took
// libx.so.1.2 away and put libx.so.1.3 in its place. It is "" where there is none.
func (c *closer) successor(p waxseal.Path) string {
	base := path.Base(string(p))
	stem, _, ok := strings.Cut(base, ".so")
	if !ok || c.reader.packages.Owner(p) != "" { // a package has it still: somebody else took it away
		return ""
	}
	for stem != "" && (stem[len(stem)-1] >= '0' && stem[len(stem)-1] <= '9' || strings.IndexByte(".-", stem[len(stem)-1]) >= 0) {
		stem = stem[:len(stem)-1]
	}
	if len(stem) < 5 { // "lib" and a letter say too little
		return ""
	}
	for _, other := range c.named(dirOf(p), stem) {
		if rest := strings.TrimLeft(strings.TrimPrefix(path.Base(string(other)), stem), "0123456789.-"); strings.HasPrefix(rest, "so") {
			if owner := c.reader.packages.Owner(other); owner != "" {
				return owner
			}
		}
	}
	return ""
}

func (c *closer) memoryHook(m *inMemory, part waxseal.Part, state string) waxseal.Hook {
	program := string(m.by.Exe)
	if m.by.Script != "" {
		program = string(m.by.Script)
	}
	h := waxseal.Hook{
		ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(m.Path) + ":loaded"), MTA: waxseal.HostStack, Kind: waxseal.KindModule, Stage: waxseal.StageConnect,
		Effects: []waxseal.Effect{waxseal.Observe, waxseal.Execute}, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(m.Path)},
		Scope: fmt.Sprintf("process %s (pid %d)", program, m.by.PID), RunsAs: cmp.Or(m.by.User, fmt.Sprintf("uid %d", m.by.UID)), Active: true,
		Source: waxseal.Source{Path: m.Path}, Directive: "loaded", Modifiers: map[string]string{"state": state, "program": program}, Closure: []waxseal.Part{},
	}
	if m.isExe {
		h.Kind, h.Directive = waxseal.KindBinary, "running"
	}
	if part.Path != "" {
		h.Closure = append(h.Closure, part)
		h.Closure = append(h.Closure, c.chains(h.Closure)...)
	}
	if m.more > 0 {
		h.Scope += fmt.Sprintf(" and %d more", m.more)
	}
	mta.Modify(&h, "package", part.Package)
	h.Explain = explainLoaded(m, part, state, program)
	return h
}

func explainLoaded(m *inMemory, part waxseal.Part, state, program string) string {
	who := fmt.Sprintf("The process %d (%s)", m.by.PID, program)
	switch {
	case state == "memory":
		return who + " runs code that never was a file: " + string(m.Path) + " (memfd_create)."
	case state == "stranger":
		return who + " has " + string(m.Path) + " in its memory, for which no package vouches."
	case state == "gone" && m.isExe:
		return who + " runs a program that is no longer there."
	case state == "gone":
		return who + " has code of " + string(m.Path) + " in its memory, a file that is no longer there."
	case part.PackageState == waxseal.PackageUnmodified && m.isExe:
		return who + " runs its program as it was before package " + part.Package + " brought another: restart it."
	case part.PackageState == waxseal.PackageUnmodified:
		return who + " has " + string(m.Path) + " in its memory as it was before package " + part.Package + " brought another: restart it."
	}
	return who + " has another " + string(m.Path) + " in its memory than the file that is there now."
}
