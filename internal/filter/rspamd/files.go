package rspamd

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// part notes the role of a file; the first counts.
func (r *reader) part(p waxseal.Path, role waxseal.Role) {
	if _, ok := r.parts[p]; !ok {
		r.parts[p] = role
	}
}

// flush hands the parts over.
func (r *reader) flush() {
	for p, role := range r.parts {
		if role == waxseal.RoleScript {
			role = waxseal.RoleConfig // what code means is judged call by call
		}
		r.Part(p, role)
	}
	r.state()
}

// state notes what rspamd and its web interface write: other thresholds and scores
// ("rspamd_dynamic").
func (r *reader) state() {
	p := mta.Clean(or(r.top.Path("options", "dynamic_conf").Text(), string(dynamicFile)))
	if f, err := r.Tree.Stat(p); err == nil && f.Type == waxseal.Regular {
		r.Part(p, waxseal.RoleConfig)
		r.dynamic(p)
	}
}

const maxListed = 4_000

// leftovers notes every file in the directories of configuration: none is to be there
// unseen. What nothing reads is noted as such.
func leftovers(b *mta.Book) {
	n := 0
	var walk func(dir waxseal.Path, depth int)
	walk = func(dir waxseal.Path, depth int) {
		names, err := b.Tree.ReadDir(dir)
		if err != nil || depth > 4 {
			return
		}
		for _, name := range names {
			p := dir + "/" + waxseal.Path(name)
			f, err := b.Tree.Stat(p)
			if n++; err != nil || n > maxListed {
				continue
			}
			switch {
			case f.Type == waxseal.Directory:
				walk(p, depth+1)
			case f.Type == waxseal.Regular:
				b.Part(p, unread(p, f))
			}
		}
	}
	walk(configDir, 0)
}

// unread is the role of a file that nothing was seen to read.
func unread(p waxseal.Path, f waxseal.File) waxseal.Role {
	switch ext := path.Ext(string(p)); {
	case ext == ".key" || ext == ".pem" || strings.Contains(string(p), "/dkim/") || f.Mode&0o004 == 0 && !slices.Contains([]string{".conf", ".inc", ".map", ".lua"}, ext):
		return waxseal.RoleSecret
	}
	return waxseal.RoleUnused
}
