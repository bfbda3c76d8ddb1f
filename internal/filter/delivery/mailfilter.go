package delivery

import (
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/maildrop"
	"waxseal/internal/mta"
)

const (
	globalFilter  = waxseal.Path("/etc/maildroprc")
	courierFilter = waxseal.Path("/etc/courier/maildroprc") // of Courier's own maildrop
	userFilter    = ".mailfilter"
	userFilters   = ".mailfilters"
)

func readMaildrop(r *reading) mta.Result {
	m := &filterReading{reading: r}
	for _, at := range []waxseal.Path{globalFilter, courierFilter} {
		x := r.rulesFor(mta.Account{})
		x.inactive = r.leads("")
		// maildrop becomes the recipient before it reads anything (maildrop(1) -d).
		x.runsAs = "recipient"
		if at == courierFilter && r.Exists("/etc/courier/courierd") {
			x.inactive = ""
		}
		m.file(x, at, waxseal.RoleConfig)
	}
	m.named()
	for _, u := range r.everyone() {
		if r.Reads(u.Home) {
			m.forUser(u)
		}
	}
	return r.finish("maildrop", "courier-maildrop")
}

// filterReading is the reading of maildrop's files.
type filterReading struct{ *reading }

// named reads the files that command lines of maildrop name; those below
// ~/.mailfilters are read with the rest of them.
func (m *filterReading) named() {
	for _, w := range m.ways {
		rest, home := strings.CutPrefix(w.Rules, "~/")
		switch {
		case w.Rules == "" || strings.HasPrefix(rest, userFilters+"/"):
		case home:
			for _, u := range m.everyone() {
				if (w.User == "" || w.User == u.Name) && m.Reads(u.Home) {
					m.file(m.rulesFor(u), mta.Clean(u.Home+"/"+rest), waxseal.RoleInclude)
				}
			}
		case strings.Contains(w.Rules, "$"):
			m.Problem(globalFilter, 0, "which filter file maildrop reads is only known when mail comes: "+mta.Clip(w.Rules)+" in "+w.By)
		default:
			x := m.rulesFor(mta.Account{Name: w.User, Home: m.homeOf(w.User)})
			x.runsAs = w.RunsAs
			m.file(x, mta.Clean(w.Rules), waxseal.RoleConfig)
		}
	}
}

// forUser reads a user's own filters.
func (m *filterReading) forUser(u mta.Account) {
	if u.Home == "/" || u.Home == "/nonexistent" {
		return
	}
	at := mta.Clean(u.Home + "/" + userFilter)
	if file, err := m.Tree.Stat(at); err == nil || !mta.IsMissing(err) {
		x := m.rulesFor(u)
		x.inactive = m.leads(u.Name)
		if why := m.refused(file, u); why != "" && err == nil {
			x.inactive = why
		}
		m.file(x, at, waxseal.RoleInclude)
	}
	dir := mta.Clean(u.Home + "/" + userFilters)
	names, err := m.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) && m.Exists(dir) {
		m.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	for _, name := range names[:min(len(names), 100)] {
		x := m.rulesFor(u)
		x.inactive = m.embedded(name)
		m.file(x, mta.Clean(string(dir)+"/"+name), waxseal.RoleInclude)
	}
}

// embedded says why a filter below ~/.mailfilters is not read, "" if one is: only
// -M names them, as Courier does.
func (m *filterReading) embedded(name string) string {
	if m.alone || m.Exists("/etc/courier/courierd") {
		return ""
	}
	for _, w := range m.ways {
		if rest, ok := strings.CutPrefix(w.Rules, "~/"+userFilters+"/"); ok && (rest == name || strings.Contains(rest, "$")) {
			return ""
		}
	}
	return "nothing starts maildrop with -M " + name
}

// refused says why maildrop delivers no mail to a user because of his filter file
// (maildrop(1) "FILES"), "" if it does.
func (m *filterReading) refused(file waxseal.File, u mta.Account) string {
	const and = ", so that maildrop refuses it and mail stays in the queue"
	if !u.Listed {
		return ""
	}
	home, err := m.Tree.Stat(waxseal.Path(u.Home))
	switch {
	case file.Mode&0o077 != 0:
		return "others than the user may read or write it" + and
	case file.UID != u.UID:
		return "it does not belong to " + u.Name + and
	case err == nil && home.Mode&0o1000 != 0:
		return "the home has the sticky bit, with which maildrop leaves mail in the queue"
	case err == nil && home.Mode&0o002 != 0:
		return "anyone may write the home" + and
	case err == nil && home.UID != u.UID:
		return "the home does not belong to " + u.Name + and
	}
	return ""
}

// file reads a filter file with what it includes, and makes the hooks.
func (m *filterReading) file(x *rules, at waxseal.Path, role waxseal.Role) {
	text, ok := m.open(at, role)
	if !ok {
		return
	}
	home, name := "~", "$LOGNAME"
	if x.user.Name != "" {
		home, name = x.user.Home, x.user.Name
	}
	effects, problems := maildrop.Follow(string(at), text, maildrop.Start{
		Variables: map[string]string{"HOME": home, "LOGNAME": name, "DEFAULT": "/var/mail/" + name},
		Open: func(name string) (string, string, bool) {
			if strings.HasPrefix(name, "~/") {
				return "", "", false
			}
			included, ok := m.open(mta.Clean(name), waxseal.RoleInclude)
			return included, string(mta.Clean(name)), ok
		},
	})
	for _, file := range sortedKeys(problems) {
		for _, q := range problems[file] {
			message := q.Message
			if !q.Lost {
				message += ": maildrop refuses the whole file, and mail stays in the queue"
			}
			m.AddProblems([]waxseal.Problem{{Path: waxseal.Path(file), Line: q.Line, Message: message, Unreadable: q.Lost}})
		}
	}
	for _, e := range effects {
		x.maildrop(e)
	}
}

// maildrop makes the hook of one effect.
func (x *rules) maildrop(e maildrop.Effect) {
	a := act{file: waxseal.Path(e.File), line: e.Line, directive: e.Name, target: e.Value.Text, known: e.Value.Known, when: e.When, copy: e.Copy, unreached: e.Unreached}
	switch e.Kind {
	case maildrop.Sends:
		a.verb = sends
	case maildrop.Runs:
		a.verb = runs
	case maildrop.Filters:
		a.verb = filters
	case maildrop.Files:
		a.verb = files
	case maildrop.Starts, maildrop.Evaluates:
		a.verb = asks
	case maildrop.Includes:
		a.verb = includes
	case maildrop.Looks:
		a.verb = looks
	case maildrop.Exits:
		a.verb = ends
		if e.Value.Text == "75" { // EX_TEMPFAIL: the mail system tries again
			return
		}
	case maildrop.Logs:
		x.Setting(string(a.file), "logfile", a.target, waxseal.Source{Path: a.file, Line: a.line})
		return
	case maildrop.Sets:
		x.assigned(a)
		return
	}
	x.emit(a)
}
