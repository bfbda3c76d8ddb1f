package milters

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// legacy are the settings of an init script, which counts where there is no unit: its
// options, and its socket where nothing else names one.
type legacy struct {
	path   waxseal.Path
	set    map[string]string
	option string // the variable that holds options
	line   int    // where that is set
}

// optionsOf are the variables in which init scripts of Debian and Red Hat take options.
var optionsOf = []string{"DAEMON_OPTS", "OPTIONS"}

// legacies reads them; unit says that a unit starts the filter, so that they are there
// for nothing.
func (k kind) legacies(b *mta.Book) (list []legacy, unit bool) {
	unit = slices.ContainsFunc([]waxseal.Path{"/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/systemd/system/"}, func(dir waxseal.Path) bool {
		return b.Exists(dir + waxseal.Path(k.stack) + ".service")
	})
	for _, dir := range []string{"/etc/default/", "/etc/sysconfig/"} {
		p := waxseal.Path(dir + string(k.stack))
		text, ok := b.ReadUpTo(p, "the settings of the init script of "+k.title, maxConfig)
		if !ok {
			continue
		}
		l := legacy{path: p, set: assignments(text)}
		for i, line := range strings.Split(text, "\n") {
			name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
			if slices.Contains(optionsOf, name) {
				l.option, l.line = name, i+1
			}
		}
		list = append(list, l)
	}
	return list, unit
}

// legacyStarts are command lines that init scripts make of such settings.
func (k kind) legacyStarts(b *mta.Book) (starts []mta.Start) {
	list, unit := k.legacies(b)
	for _, l := range list {
		if argv := mta.ShellWords(l.set[l.option]); !unit && l.option != "" && len(argv) > 0 {
			starts = append(starts, mta.Start{Argv: append([]string{string(k.daemon[0])}, argv...), Why: l.option + " in " + string(l.path), Source: waxseal.Source{Path: l.path, Line: l.line}, Active: true})
		}
	}
	return starts
}

// legacy notes the files, and the socket that they name where the configuration names
// none.
func (f *filter) legacy() {
	list, unit := f.legacies(f.Book)
	for _, l := range list {
		if unit {
			f.Part(l.path, waxseal.RoleUnused) // as Debian's says itself
			continue
		}
		f.Part(l.path, waxseal.RoleConfig)
		if socket, ok := ParseSocket(l.set["SOCKET"]); ok && len(f.sockets) == 0 {
			f.sockets = []string{socket}
		}
	}
}

// elsewhere emits a hook for a configuration that options of an init script name in
// place of the usual one.
func (f *filter) elsewhere() {
	for _, s := range f.starts {
		name, _, _ := strings.Cut(s.Why, " ")
		if slices.Contains(optionsOf, name) && f.name() != "" {
			f.further(milterconf.Entry{Name: name, Value: string(f.main), Source: s.Source})
		}
	}
}
