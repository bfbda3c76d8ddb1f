package delivery

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/procmail"
	"waxseal/internal/mta"
)

const (
	globalRC = waxseal.Path("/etc/procmailrc")
	rcDir    = waxseal.Path("/etc/procmailrcs")
	userRC   = ".procmailrc"
	// maxRC bounds one rc file: procmail's own lines end at 2,048 bytes, and nobody
	// writes megabytes of rules.
	maxRC = 1 << 20
)

func readProcmail(r *reading) mta.Result {
	p := &rcReading{reading: r, perUser: map[string]*rules{}}
	p.global()
	p.named()
	for _, u := range r.everyone() {
		if r.Reads(u.Home) {
			p.forUser(u)
		}
	}
	p.rest()
	return r.finish("procmail")
}

// rcReading is the reading of procmail's files.
type rcReading struct {
	*reading
	// perUser are files in users' homes that the administrator's rules include.
	perUser map[string]*rules
}

// global reads what precedes everybody's own rules (procmail(1) /etc/procmailrc).
func (p *rcReading) global() {
	x := p.rulesFor(mta.Account{})
	x.inactive = p.leads("")
	p.file(x, globalRC, waxseal.RoleConfig, nil)
}

// named reads the files that command lines of procmail name.
func (p *rcReading) named() {
	for _, w := range p.ways {
		x := p.rulesFor(mta.Account{})
		x.runsAs = w.RunsAs
		switch rest, home := strings.CutPrefix(w.Rules, "~/"); {
		case w.Rules == "":
		case home:
			for _, u := range p.everyone() {
				if (w.User == "" || w.User == u.Name) && p.Reads(u.Home) {
					p.file(p.rulesFor(u), mta.Clean(u.Home+"/"+rest), waxseal.RoleInclude, w.Set)
				}
			}
		case strings.Contains(w.Rules, "$"):
			p.Problem(globalRC, 0, "which rc file procmail reads is only known when mail comes: "+mta.Clip(w.Rules)+" in "+w.By)
		default:
			if w.User != "" {
				x = p.rulesFor(mta.Account{Name: w.User, Home: p.homeOf(w.User)})
			}
			p.file(x, mta.Clean(w.Rules), waxseal.RoleConfig, w.Set)
		}
	}
}

func (r *reading) homeOf(name string) string {
	for _, u := range r.everyone() {
		if u.Name == name {
			return u.Home
		}
	}
	return ""
}

// forUser reads a user's own rules, and what the administrator's include of his.
func (p *rcReading) forUser(u mta.Account) {
	if u.Home == "/" || u.Home == "/nonexistent" {
		return
	}
	for _, rest := range sortedKeys(p.perUser) {
		from := p.perUser[rest]
		if at := mta.Clean(u.Home + "/" + rest); p.Exists(at) {
			x := p.rulesFor(u)
			x.runsAs, x.inactive = from.runsAs, from.inactive
			p.file(x, at, waxseal.RoleInclude, nil)
		}
	}
	at := mta.Clean(u.Home + "/" + userRC)
	file, err := p.Tree.Stat(at)
	if err != nil && mta.IsMissing(err) {
		return
	}
	x := p.rulesFor(u)
	x.inactive = p.leads(u.Name)
	if why := p.suspicious(file, u); why != "" && err == nil {
		x.inactive = why
	}
	p.file(x, at, waxseal.RoleInclude, nil)
}

// suspicious says why procmail does not trust a user's rc file ("Suspicious
// rcfile"), "" if it does. On Debian the user's own group may write it.
func (p *rcReading) suspicious(file waxseal.File, u mta.Account) string {
	if !u.Listed {
		return ""
	}
	home, err := p.Tree.Stat(waxseal.Path(u.Home))
	switch {
	case file.UID != u.UID && file.UID != 0:
		return "it belongs neither to " + u.Name + " nor to root, and procmail does not read such a file"
	case file.Mode&0o002 != 0:
		return "anyone may write it, and procmail does not read such a file"
	case file.Mode&0o020 != 0 && file.GID != u.GID:
		return "a group that is not the user's own may write it, and procmail does not read such a file"
	case err != nil || home.Mode&0o1000 != 0:
		return ""
	case home.Mode&0o003 == 0o003:
		return "anyone may write the directory, and procmail does not read a file in such a one"
	case home.Mode&0o030 == 0o030 && home.GID != u.GID:
		return "a group that is not the user's own may write the directory, and procmail does not read a file in such a one"
	}
	return ""
}

// rest lists files in /etc/procmailrcs that nothing names.
func (p *rcReading) rest() {
	names, err := p.Tree.ReadDir(rcDir)
	if err != nil && !mta.IsMissing(err) {
		p.AddProblems([]waxseal.Problem{{Path: rcDir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	for _, name := range names[:min(len(names), 1000)] {
		at := mta.Clean(string(rcDir) + "/" + name)
		if f, err := p.Tree.Stat(at); p.read[at] || err != nil || f.Type != waxseal.Regular {
			continue
		}
		x := p.rulesFor(mta.Account{})
		x.inactive = "no command line of procmail and no INCLUDERC names it"
		p.file(x, at, waxseal.RoleConfig, nil)
	}
}

// file reads an rc file with what it includes, and makes the hooks.
func (p *rcReading) file(x *rules, at waxseal.Path, role waxseal.Role, set map[string]string) {
	text, ok := p.open(at, role)
	if !ok {
		return
	}
	start := procmail.Start{Variables: p.variables(x, set), Open: func(name string) (string, string, bool) {
		if rest, ok := strings.CutPrefix(name, "~/"); ok && x.user.Name == "" {
			p.perUser[rest] = x
			return "", "", false
		}
		included, ok := p.open(mta.Clean(name), waxseal.RoleInclude)
		return included, string(mta.Clean(name)), ok
	}}
	effects, problems := procmail.Follow(string(at), text, start)
	p.complain(problems)
	for _, e := range effects {
		x.procmail(e)
	}
}

// open reads a file of rules.
func (r *reading) open(at waxseal.Path, role waxseal.Role) (string, bool) {
	text, ok := r.ReadUpTo(at, "rules of "+string(r.Stack), maxRC)
	if ok && !r.read[at] {
		r.read[at] = true
		r.Part(at, role)
		if role == waxseal.RoleConfig {
			r.config = append(r.config, at)
		}
	}
	return text, ok
}

func (p *rcReading) complain(all map[string][]procmail.Problem) {
	for _, name := range sortedKeys(all) {
		for _, q := range all[name] {
			p.AddProblems([]waxseal.Problem{{Path: waxseal.Path(name), Line: q.Line, Message: q.Message, Unreadable: q.Lost}})
		}
	}
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// variables are what procmail knows of the recipient.
func (p *rcReading) variables(x *rules, set map[string]string) map[string]string {
	v := map[string]string{"HOME": "~", "LOGNAME": "$LOGNAME"}
	if x.user.Name != "" {
		v["HOME"], v["LOGNAME"] = x.user.Home, x.user.Name
	}
	if p.host != "" {
		v["HOST"] = p.host
	}
	for name, value := range set {
		v[name] = value
	}
	return v
}

// procmail makes the hook of one effect.
func (x *rules) procmail(e procmail.Effect) {
	a := act{file: waxseal.Path(e.File), line: e.Line, directive: string(e.Kind), target: e.Value.Text, known: e.Value.Known, when: e.When,
		copy: e.Copy, part: e.Part, path: e.Path, unreached: e.Unreached, dropped: e.Dropped}
	switch e.Kind {
	case procmail.Sends:
		a.verb = sends
	case procmail.Runs:
		a.verb = runs
	case procmail.Filters:
		a.verb, a.directive = filters, "|"
	case procmail.Files:
		a.verb = files
	case procmail.Asks, procmail.Captures, procmail.Evaluates:
		a.verb = asks
	case procmail.Includes, procmail.Switches:
		a.verb = includes
	case procmail.Stops:
		a.verb = ends
	case procmail.Sets:
		a.directive = e.Name
		if e.Name == "DEFAULT" && e.Value.Text != "" {
			a.verb = files
			x.emit(a)
			return
		}
		x.assigned(a)
		return
	}
	x.emit(a)
}
