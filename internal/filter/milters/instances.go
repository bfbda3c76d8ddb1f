package milters

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// instance is a configuration, and how something on the host starts the filter with
// it.
type instance struct {
	main   waxseal.Path
	starts []start
}

// start is a command line, its options by name.
type start struct {
	mta.Start
	options map[string]string
}

const mostInstances = 20

// instances are the configurations that are where they belong, and those that
// something on the host names.
func (k kind) instances(b *mta.Book, o mta.Options) []instance {
	var list []instance
	add := func(p waxseal.Path, s ...start) {
		i := slices.IndexFunc(list, func(i instance) bool { return i.main == p })
		if i < 0 && len(list) < mostInstances {
			list, i = append(list, instance{main: p}), len(list)
		}
		if i >= 0 {
			list[i].starts = append(list[i].starts, s...)
		}
	}
	usual := slices.IndexFunc(k.files, b.Exists)
	if usual >= 0 {
		add(k.files[usual])
	}
	if k.stack == Clamd {
		for _, name := range names(b, "/etc/clamd.d") {
			if strings.HasSuffix(name, ".conf") {
				add("/etc/clamd.d/" + waxseal.Path(name))
			}
		}
	}
	for _, s := range slices.Concat(o.Starts, k.legacyStarts(b)) {
		if len(s.Argv) == 0 || path.Base(s.Argv[0]) != path.Base(string(k.daemon[0])) {
			continue
		}
		given := start{s, flags(s.Argv[1:], k.takes)}
		named := k.files[max(usual, 0)]
		for _, option := range k.config {
			if v := given.options[option]; v != "" {
				named = mta.Clean(v)
			}
		}
		add(named, given)
	}
	return list
}

// flags reads options as getopt_long(3) does.
func flags(argv []string, takes string) map[string]string {
	found := map[string]string{}
	for i := 0; i < len(argv); i++ {
		word := argv[i]
		switch {
		case word == "--":
			return found
		case strings.HasPrefix(word, "--"):
			name, value, given := strings.Cut(word[2:], "=")
			if !given && i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
				value = argv[i+1]
			}
			found[name] = value
		case strings.HasPrefix(word, "-"):
			for j := 1; j < len(word); j++ {
				if !strings.Contains(takes, word[j:j+1]) {
					found[word[j:j+1]] = ""
					continue
				}
				value := word[j+1:]
				if value == "" && i+1 < len(argv) {
					i++
					value = argv[i]
				}
				found[word[j:j+1]] = value
				break
			}
		}
	}
	return found
}

// service is what the join finds the filter by.
func (f *filter) service() mta.Service {
	daemon := f.kind.daemon[0]
	if i := slices.IndexFunc(f.kind.daemon, f.Exists); i >= 0 {
		daemon = f.kind.daemon[i]
	}
	for _, s := range f.starts {
		if s.Active && path.IsAbs(s.Argv[0]) {
			daemon = mta.Clean(s.Argv[0])
		}
	}
	if f.Exists(daemon) {
		f.Part(daemon, waxseal.RoleBinary)
	}
	return mta.Service{Stack: f.stack, Title: f.title, Sockets: f.sockets, Uses: f.uses, Daemon: daemon, User: f.user, Source: waxseal.Source{Path: f.main}}
}

// idle says why nothing in a configuration takes effect that only something which is
// not in use would start the filter with.
func (f *filter) idle() string {
	if slices.Contains(f.files, f.main) || len(f.starts) == 0 || slices.ContainsFunc(f.starts, func(s start) bool { return s.Active }) {
		return ""
	}
	return "only " + f.starts[0].Why + " starts " + f.title + " with it, and is not in use"
}

// listens notes where the filter is met: what its command line says counts before
// its configuration.
func (f *filter) listens(configured string) {
	for _, s := range f.starts {
		if socket, ok := ParseSocket(s.options["p"]); ok && (s.Active || f.asleep != "") {
			f.sockets = append(f.sockets, socket)
		}
	}
	if socket, ok := ParseSocket(configured); ok && len(f.sockets) == 0 {
		f.sockets = append(f.sockets, socket)
	}
}
