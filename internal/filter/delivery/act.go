package delivery

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// verb is what a rule does.
type verb byte

const (
	sends verb = iota
	runs
	filters
	files
	asks     // a program runs beside the delivery
	includes // rules in another file
	looks    // a table
	ends     // no delivery at all
	sets     // a variable that decides what else happens
)

// act is one thing that a rule of either agent does.
type act struct {
	verb
	// directive is the word by which the documentation knows it.
	directive string
	file      waxseal.Path
	line      int
	target    string
	known     bool // what target is does not depend on the message
	when      []string
	copy      bool
	part      string
	path      string // where programs are looked for
	unreached string
	dropped   bool // the agent has become the recipient
}

// rules are those of one file and of all that it includes.
type rules struct {
	*reading
	user  mta.Account // whose they are; no name for those of the administrator
	whose string      // "Mail for alice"
	scope string
	// runsAs is who the agent is when it reads them; inactive why it does not.
	runsAs, inactive string
	count            map[string]int
}

func (r *reading) rulesFor(u mta.Account) *rules {
	x := &rules{reading: r, user: u, count: map[string]int{}}
	if u.Name == "" {
		x.whose, x.scope, x.runsAs = "Mail that "+string(r.Stack)+" delivers", "all mail that "+string(r.Stack)+" delivers", r.runsAs()
		return x
	}
	x.whose, x.scope, x.runsAs = "Mail for "+mta.Clip(u.Name), "recipient "+mta.Clip(u.Name), u.Name
	return x
}

// hook begins a hook for an act.
func (x *rules) hook(a act) waxseal.Hook {
	place := string(x.Stack) + ":" + string(a.file) + ":" + a.directive
	x.count[place]++
	h := waxseal.Hook{
		ID: waxseal.HookID(place + ":" + strconv.Itoa(x.count[place])), Stage: waxseal.StageDeliver, Active: true, Directive: a.directive,
		Source: waxseal.Source{Path: a.file, Line: a.line}, Scope: x.scope, RunsAs: x.runsAs,
	}
	if len(a.when) > 0 {
		h.Scope = strings.Replace(h.Scope, "all mail", "mail", 1) + " where " + strings.Join(a.when, " and ")
	}
	if a.dropped && x.user.Name == "" {
		h.RunsAs = "recipient"
	}
	if a.part != "" {
		mta.Modify(&h, "part", a.part)
	}
	if why := x.inactive; why != "" {
		mta.Inactive(&h, why)
	} else if a.unreached != "" {
		mta.Inactive(&h, a.unreached)
	}
	return h
}

// emit makes the hook of an act.
func (x *rules) emit(a act) {
	h := x.hook(a)
	switch a.verb {
	case sends:
		x.address(&h, a)
	case files:
		x.folder(&h, a)
	case includes, looks:
		x.fileOfRules(&h, a)
	case ends:
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: a.target}
		h.Explain = x.subject(a) + " is dropped: " + string(x.Stack) + " ends there without a delivery (" + at(a) + ")."
	case sets:
		x.variable(&h, a)
	default:
		x.command(&h, a)
	}
	x.Emit(h)
}

// subject says whose mail, and which of it, in the words of a sentence.
func (x *rules) subject(a act) string {
	if len(a.when) == 0 {
		return x.whose
	}
	return x.whose + " where " + mta.Clip(strings.Join(a.when, " and "))
}

// at says where a rule stands.
func at(a act) string { return a.directive + " in " + string(a.file) }

func (x *rules) address(h *waxseal.Hook, a act) {
	h.Target = x.domains.Address(a.target)
	h.Kind, h.Effects = waxseal.KindRedirect, diverts
	does := " is sent on to "
	if a.copy {
		h.Kind, h.Effects, does = waxseal.KindCopy, copies, " is delivered and copied to "
	}
	if !a.known {
		mta.Modify(h, "computed", "when mail comes")
	}
	h.Explain = x.subject(a) + does + mta.Clip(a.target) + mta.Where(h.Target) + " (" + at(a) + ")."
}

// folder is a file or directory that mail is written to.
func (x *rules) folder(h *waxseal.Hook, a act) {
	name := x.homeward(a.target)
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	switch {
	case name == "/dev/null" && !a.copy:
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = x.subject(a) + " is thrown away (" + at(a) + ")."
	case name == "/dev/null":
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = "A copy of mail is thrown away, which changes nothing (" + at(a) + ")."
		mta.Inactive(h, "only a copy is thrown away")
	case a.copy:
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Explain = x.subject(a) + " is delivered and written to " + mta.Clip(name) + " as well (" + at(a) + ")."
	default:
		h.Kind, h.Effects = waxseal.KindRedirect, diverts
		h.Explain = x.subject(a) + " is written to " + mta.Clip(name) + " (" + at(a) + ")."
	}
	if !a.known {
		mta.Modify(h, "computed", "when mail comes")
	}
}

// homeward writes a file below the home of its user as "~/file".
func (x *rules) homeward(name string) string {
	home := x.user.Home
	if x.user.Name == "" || home == "" || home == "/" {
		return name
	}
	if rest, ok := strings.CutPrefix(name, home+"/"); ok && !strings.Contains("/"+rest+"/", "/../") {
		return "~/" + rest
	}
	return name
}

// command is a program that runs with a message.
func (x *rules) command(h *waxseal.Hook, a act) {
	h.Kind, h.Effects = waxseal.KindPipe, slices.Clone(observes)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: a.target}
	words := mta.ShellWords(a.target)
	h.Closure = x.CommandParts(x.found(words, a.path))
	as := ", run as " + mta.OrUnknown(h.RunsAs) + " (" + at(a) + ")."
	switch {
	case a.verb == filters:
		h.Effects = append(h.Effects, waxseal.Modify)
		h.Explain = x.subject(a) + " goes through the command " + mta.Clip(a.target) + ", and what that prints takes its place" + as
	case a.verb == asks:
		h.Explain = "The command " + mta.Clip(a.target) + " runs for each message: " + lowerFirst(x.subject(a)) + as
	case a.copy:
		h.Effects = append(h.Effects, waxseal.Copy)
		h.Explain = x.subject(a) + " is delivered, and a copy handed to the command " + mta.Clip(a.target) + as
	default:
		h.Effects = append(h.Effects, waxseal.Divert)
		h.Explain = x.subject(a) + " is handed to the command " + mta.Clip(a.target) + as
	}
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// found puts the program that is found first in PATH before the arguments: users'
// rules look in their own directories too.
func (x *rules) found(words []string, search string) []string {
	if len(words) == 0 || words[0] == "" || strings.Contains(words[0], "/") || strings.Contains(words[0], "$") {
		return words
	}
	for dir := range strings.SplitSeq(search, ":") {
		if !path.IsAbs(dir) || strings.HasPrefix(dir, "/usr/bin") || strings.HasPrefix(dir, "/bin") {
			continue // those are looked through anyway
		}
		if p := mta.Clean(dir + "/" + words[0]); x.Exists(p) {
			return append([]string{string(p)}, words[1:]...)
		}
	}
	return words
}

// fileOfRules is a file with more rules, or with patterns that they ask.
func (x *rules) fileOfRules(h *waxseal.Hook, a act) {
	h.Kind, h.Effects = waxseal.KindScript, all
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: x.homeward(a.target)}
	h.Explain = "More rules for " + lowerFirst(x.subject(a)) + " are read from " + mta.Clip(a.target) + " (" + at(a) + ")."
	role := waxseal.RoleInclude
	if a.verb == looks {
		h.Kind, h.Effects = waxseal.KindMap, observes[:1]
		h.Target.Type, role = waxseal.TargetTable, waxseal.RoleMap
		h.Explain = "The file " + mta.Clip(a.target) + " is looked through for " + lowerFirst(x.subject(a)) + " (" + at(a) + ")."
	}
	switch {
	case !a.known:
		mta.Modify(h, "computed", "when mail comes")
		x.Problem(a.file, a.line, "which file "+a.directive+" reads is only known when mail comes: "+mta.Clip(a.target))
	case path.IsAbs(a.target):
		h.Closure = []waxseal.Part{{Path: mta.Clean(a.target), Role: role}}
	}
}

// variable is an assignment that decides which programs run, or what they load.
func (x *rules) variable(h *waxseal.Hook, a act) {
	h.Kind, h.Effects = waxseal.KindEnvironment, executes
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: a.directive + "=" + a.target}
	for _, p := range mta.PathWords(a.target) {
		if f, err := x.Tree.Stat(mta.Clean(p)); err == nil && f.Type == waxseal.Regular {
			h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(p), Role: waxseal.RoleLibrary})
		}
	}
	h.Explain = "Programs that run for " + lowerFirst(x.subject(a)) + " get the variable " + a.directive + "=" + mta.Clip(a.target) + " (" + at(a) + ")."
}
