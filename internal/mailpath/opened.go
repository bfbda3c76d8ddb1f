package mailpath

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// What is odd about a file that a daemon holds open, as the modifier "descriptor" says it.
const (
	heldInMemory = "memory"  // it never was in a directory
	heldWritten  = "written" // it is written, where no configuration and no package has it written
	heldGone     = "gone"    // it is no longer there
	heldLater    = "later"   // it is newer than the one that is there
	heldEarlier  = "earlier" // it is older than the one that is there
)

// maxOpened bounds the hooks of files that are held open.
const maxOpened = 64

// holding is one file that mail daemons hold open.
type holding struct {
	waxseal.Opened
	by   waxseal.Running // the first of them
	more int
}

// opened makes a hook of each file that a daemon of the mail path holds open, where
// something is odd about it. Queues, logs, locks, caches and mailboxes are what every
// daemon has open; the files of the disk tell of the rest only what it is now.
func (c *closer) opened(running []waxseal.Running, found mta.Result, told map[string]bool) []waxseal.Hook {
	place := &keeping{closer: c, found: found}
	at := map[waxseal.Opened]*holding{}
	var list []*holding
	for _, p := range running {
		for _, o := range p.Open {
			if h := at[o]; h != nil {
				h.more++
			} else if !told[string(o.Path)] {
				at[o] = &holding{Opened: o, by: p}
				list = append(list, at[o])
			}
		}
	}
	var hooks []waxseal.Hook
	for _, h := range list {
		state := place.odd(h)
		if state == "" {
			continue
		}
		if len(hooks) == maxOpened {
			c.problems = append(c.problems, waxseal.Problem{Path: h.Path, Unreadable: true, Message: "daemons of the mail path hold more odd files open than are listed"})
			break
		}
		hooks = append(hooks, c.openHook(h, state))
	}
	return hooks
}

// keeping knows where daemons keep files.
type keeping struct {
	*closer
	found mta.Result
	names map[string]bool // what the configuration names; nil until it is asked for
}

// odd says what is odd about a file, "" for nothing.
func (k *keeping) odd(h *holding) string {
	switch {
	case h.Memory:
		return heldInMemory
	case h.Writes:
		if k.written(h) {
			return heldWritten
		}
		return ""
	case !h.Gone && !h.Replaced, public(string(h.Path)) && temporary(h.Opened), k.state(h.Path, h.by) && !k.configuration(h.Path):
		return ""
	case h.Gone:
		return heldGone
	case h.Later:
		return heldLater
	}
	return heldEarlier
}

// written reports whether a file is written where nothing says that it should be.
func (k *keeping) written(h *holding) bool {
	if k.state(h.Path, h.by) || public(string(h.Path)) && temporary(h.Opened) {
		return false
	}
	return !k.named(string(h.Path))
}

// configuration reports whether the reader of a mail system has read a file.
func (k *keeping) configuration(p waxseal.Path) bool {
	part, ok := k.parts[p]
	return ok && (part.Role == waxseal.RoleConfig || part.Role == waxseal.RoleMap || part.Role == waxseal.RoleCompiledMap || part.Role == waxseal.RoleScript || part.Role == waxseal.RoleInclude)
}

// public reports whether anyone may make files in a place, so that what lies there is
// there for a moment, or hidden from view.
func public(p string) bool {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/run/user/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}

// temporary reports whether a file looks like one that is made for a message or as a
// lock: it is empty, is young and has a name of chance, or was removed by who writes it.
func temporary(o waxseal.Opened) bool {
	switch chance := byChance(path.Base(string(o.Path))); {
	case o.Appends:
		return false
	case o.Empty:
		return true
	case o.Gone && o.Writes: // whoever made it removed it at once
		return chance || !o.Lasting
	default:
		return chance && !o.Lasting
	}
}

// byChance reports whether a name looks as mkstemp(3), O_TMPFILE and their like make
// them: "clamav-2f1c…", "#131077", "tmpb_x3kq9w".
func byChance(name string) bool {
	n := 0
	for _, r := range name {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			n++
		}
	}
	return n >= 3 || strings.HasPrefix(name, "tmp") && len(name) == len("tmp")+8 // tempfile.mkstemp of Python
}

// state reports whether daemons keep files at a place: mailboxes and homes, logs, what
// runs, and the directories of services below /var.
func (k *keeping) state(p waxseal.Path, by waxseal.Running) bool {
	name := string(p)
	switch {
	case public(name):
		return false
	case below(name, "/var/mail", "/var/spool/mail"), k.reader.residents.homeOf(p) != "":
		return true
	case hiddenName(name):
		return false
	case below(name, "/var/log", "/run", "/var/run", "/run/lock", "/var/lock"):
		return true
	}
	for _, root := range []string{"/var/lib", "/var/spool", "/var/cache"} {
		if below(name, root) {
			first, _, inside := strings.Cut(name[len(root)+1:], "/")
			return inside && k.service(waxseal.Path(root+"/"+first))
		}
	}
	return false
}

// service reports whether a directory is one of a service: a package brought it, or it
// belongs to an account of its own.
func (k *keeping) service(dir waxseal.Path) bool {
	f, err := k.tree.Stat(dir)
	return err != nil || f.UID != 0 || k.reader.packages.Owner(dir) != "" || k.reader.packages.Describe("base-files").Name == ""
}

func below(name string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// hiddenName reports whether a name on a path begins with a dot.
func hiddenName(name string) bool { return strings.Contains(name, "/.") }

// named reports whether a setting, or what a hook hands mail to, names a file or a
// directory above it.
func (k *keeping) named(name string) bool {
	if k.names == nil {
		k.names = map[string]bool{}
		for _, s := range k.found.Settings {
			k.name(s.Value)
		}
		for _, h := range k.found.Hooks {
			k.name(h.Target.Value)
		}
	}
	for ; name != "/" && name != "."; name = path.Dir(name) {
		if k.names[name] {
			return true
		}
	}
	return false
}

// name notes the paths in a value: "maildir:/srv/vmail/%d/%n" names /srv/vmail. What
// every host has is nobody's.
func (k *keeping) name(value string) {
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t\n,;:=\"'|<>", r) }) {
		if !strings.HasPrefix(word, "/") {
			continue
		}
		if i := strings.IndexAny(word, "%$*{["); i >= 0 {
			word = word[:strings.LastIndexByte(word[:i], '/')+1]
		}
		if word = path.Clean(word); !slices.Contains(common, word) {
			k.names[word] = true
		}
	}
}

// common are directories that say nothing of what lies in them.
var common = []string{"/", "/bin", "/dev", "/dev/shm", "/etc", "/home", "/lib", "/mnt", "/opt", "/root", "/run", "/run/lock", "/sbin", "/srv", "/tmp",
	"/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool", "/var/tmp"}

func (c *closer) openHook(h *holding, state string) waxseal.Hook {
	program := string(cmp.Or(h.by.Script, h.by.Exe))
	hook := waxseal.Hook{
		ID: waxseal.HookID(string(waxseal.HostStack) + ":" + string(h.Path) + ":open"), MTA: waxseal.HostStack, Kind: waxseal.KindMap, Stage: waxseal.StageConnect,
		Effects: []waxseal.Effect{waxseal.Observe}, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(h.Path)},
		Scope: fmt.Sprintf("process %s (pid %d)", program, h.by.PID), RunsAs: cmp.Or(h.by.User, fmt.Sprintf("uid %d", h.by.UID)), Active: true,
		Source: waxseal.Source{Path: h.Path}, Directive: "open", Modifiers: map[string]string{"descriptor": state, "program": program}, Closure: []waxseal.Part{},
	}
	switch state {
	case heldWritten:
		hook.Kind, hook.Effects = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}
	case heldInMemory:
		hook.Kind, hook.Effects = waxseal.KindModule, []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	case heldLater, heldEarlier:
		part, _ := c.part(waxseal.Part{Path: h.Path, Role: waxseal.RoleUnused})
		hook.Closure = append(hook.Closure, part)
	}
	if h.more > 0 {
		hook.Scope += fmt.Sprintf(" and %d more", h.more)
	}
	hook.Explain = explainOpen(h, state, fmt.Sprintf("The process %d (%s)", h.by.PID, program))
	return hook
}

func explainOpen(h *holding, state, who string) string {
	p := mta.Clip(string(h.Path))
	switch state {
	case heldInMemory:
		return who + " holds a file open that lies in no directory: " + p + " (memfd_create)."
	case heldWritten:
		how := "writes"
		if h.Appends {
			how = "appends to"
		}
		if h.Gone {
			p += ", which is no longer in its directory"
		}
		return who + " " + how + " the file " + p + "; no configuration and no package says so. It may be a copy of mail."
	case heldGone:
		return who + " works with a file that is no longer there: " + p + "."
	case heldLater:
		return who + " works with another " + p + " than the file that is there now, and with a later one: somebody put the earlier one back."
	}
	return who + " works with " + p + " as it was before the file that is there now took its place: reload it."
}
