package mailpath

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// filterConfig takes the configuration of filters and delivery programs into the
// state: what their packages brought, and what lies beside it. It is kept as text
// and not read by meaning; what is code in it (rspamd.local.lua) is a script.
func (c *closer) filterConfig(b brought, stacks []waxseal.Stack) (hooks []waxseal.Hook) {
	byMeaning := map[waxseal.Path]bool{"/etc": true}
	shared := []waxseal.Path{"/etc", "/etc/default", "/etc/sysconfig"} // what is in them is read file by file
	for _, s := range stacks {
		for _, p := range s.Config {
			byMeaning[dirOf(p)] = true
		}
	}
	dirs := newPlacesMet()
	for _, p := range b.config {
		if byMeaning[dirOf(p)] && !slices.Contains(shared, dirOf(p)) {
			continue
		}
		f, err := c.tree.Stat(p)
		switch {
		case err != nil:
		case f.Type == waxseal.Directory: // brought empty, for the administrator's files
			dirs.add(p)
		case f.Type == waxseal.Regular:
			dirs.add(dirOf(p))
			c.setting(p, f)
		}
	}
	for _, dir := range dirs.list {
		if byMeaning[dir] {
			continue
		}
		names, err := c.tree.ReadDir(dir)
		for _, n := range names[:min(len(names), maxSettings)] {
			p := dir + "/" + waxseal.Path(n)
			if f, statErr := c.tree.Stat(p); err == nil && statErr == nil && f.Type == waxseal.Regular {
				if part := c.setting(p, f); part.Role == waxseal.RoleScript && part.PackageState == waxseal.PackageUnowned {
					hooks = append(hooks, moduleHook(part, "no package brought it"))
				}
			}
		}
	}
	return hooks
}

// maxSettings bounds the files of one directory of settings.
const maxSettings = 2_000

var (
	// settingsEnd are endings of configuration; what has none of them may be a
	// table of passwords or a key.
	settingsEnd = []string{".conf", ".cf", ".pre", ".inc", ".ext", ".map", ".rc", ".cfg", ".ini", ".yaml", ".yml", ".toml", ".sieve"}
	scriptsEnd  = []string{".lua", ".pl", ".pm", ".py", ".sh", ".rb"}
)

// setting takes one file into the state, unless it is there already.
func (c *closer) setting(p waxseal.Path, f waxseal.File) waxseal.Part {
	if _, ok := c.files[p]; ok {
		return waxseal.Part{}
	}
	role, ext := waxseal.RoleFilterConfig, path.Ext(string(p))
	switch {
	case slices.Contains(scriptsEnd, ext) || f.Mode&0o111 != 0:
		role = waxseal.RoleScript
	case c.reader.packages.Owner(p) == "" && !slices.Contains(settingsEnd, ext) || strings.Contains(string(p), "/private/") || f.Mode&0o004 == 0 && !slices.Contains(settingsEnd, ext):
		role = waxseal.RoleSecret
	}
	part, _ := c.part(waxseal.Part{Path: p, Role: role})
	return part
}
