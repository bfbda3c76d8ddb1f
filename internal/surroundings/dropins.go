package surroundings

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

var unitTypes = []string{".service", ".socket", ".timer", ".path"}

func unitType(name string) string {
	if t := path.Ext(name); slices.Contains(unitTypes, t) {
		return t
	}
	return ""
}

// split cuts "postfix@-.service" into "postfix", "-" and ".service". A name
// without "@" has no instance, a template an empty one.
func split(name string) (prefix, instance, suffix string, isInstance bool) {
	suffix = path.Ext(name)
	prefix, instance, isInstance = strings.Cut(strings.TrimSuffix(name, suffix), "@")
	return prefix, instance, suffix, isInstance
}

func isTemplate(name string) bool {
	_, instance, _, at := split(name)
	return at && instance == ""
}

// template is the template of an instance, "" for any other name.
func template(name string) string {
	prefix, instance, suffix, at := split(name)
	if !at || instance == "" {
		return ""
	}
	return prefix + "@" + suffix
}

func isMailUnit(name string) bool {
	prefix, _, _, _ := split(name)
	return mailUnits[prefix]
}

// masked reports whether a name stands for nothing: a link to /dev/null or an
// empty file (systemd.unit(5)).
func (m *manager) masked(p waxseal.Path) bool {
	f, err := m.tree.Lstat(p)
	if err != nil {
		return false
	}
	return f.Type == waxseal.Symlink && clean(f.Link) == "/dev/null" || f.Type == waxseal.Regular && f.Size == 0
}

// namesOf lists the names under which drop-ins of a unit are looked for: its
// own, that of the file an alias leads to, and its aliases.
func (m *manager) namesOf(name string, fragment waxseal.Path) []string {
	names := []string{name}
	if f, err := m.tree.Lstat(fragment); err == nil && f.Type == waxseal.Symlink {
		if target := path.Base(f.Link); unitType(target) == unitType(name) {
			names = append(names, target)
		}
	}
	return append(names, m.aliases[name]...)
}

// dropInNames lists the directories of drop-ins for one name in the order of
// their weight: "postfix@-.service.d", "postfix@.service.d", and for a name with
// dashes "a-b-.service.d", "a-.service.d".
func dropInNames(name string) []string {
	list := []string{name + ".d"}
	if t := template(name); t != "" {
		list = append(list, t+".d")
	}
	prefix, instance, suffix, at := split(name)
	for len(list) < 64 {
		prefix = strings.TrimSuffix(prefix, "-")
		i := strings.LastIndexByte(prefix, '-')
		if i <= 0 {
			break
		}
		prefix = prefix[:i+1]
		list = append(list, prefix+suffix+".d")
		if at {
			list = append(list, prefix+"@"+instance+suffix+".d", prefix+"@"+suffix+".d")
		}
	}
	return list
}

// dropIns lists the drop-ins of a unit in the order in which they are applied:
// by file name; of two with one name that which lies earlier in the path.
func (m *manager) dropIns(names []string) []waxseal.Path {
	var dirs []string
	for _, n := range names {
		dirs = append(dirs, dropInNames(n)...)
	}
	// What goes for all units of a type has less weight than any name.
	chosen := map[string]waxseal.Path{}
	pick := func(d unitDir, sub string) {
		if !d.has[sub] {
			return
		}
		for _, n := range m.list(d.path + "/" + waxseal.Path(sub)) {
			if _, taken := chosen[n]; !taken && strings.HasSuffix(n, ".conf") {
				chosen[n] = d.path + "/" + waxseal.Path(sub) + "/" + waxseal.Path(n)
			}
		}
	}
	for _, d := range m.dirs {
		for _, sub := range dirs {
			pick(d, sub)
		}
	}
	for _, d := range m.dirs {
		pick(d, strings.TrimPrefix(unitType(names[0]), ".")+".d")
	}
	order := make([]string, 0, len(chosen))
	for n := range chosen {
		order = append(order, n)
	}
	slices.Sort(order)
	var list []waxseal.Path
	for _, n := range order {
		if !m.masked(chosen[n]) {
			list = append(list, chosen[n])
		}
	}
	return list
}
