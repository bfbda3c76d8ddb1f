package cli

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// describe prints a scan as a description of the server: what there is, what
// mail meets from one end to the other, and what to look at first.
func (d *door) describe(s Scan) {
	if len(s.Stacks) == 0 {
		fmt.Fprintf(d.out, "no mail system found in %s\n", safe(d.config.Root))
	}
	for _, st := range s.Stacks {
		d.describeStack(s.Host, st)
		d.several = d.several || st.MTA != s.Stacks[0].MTA
	}
	d.describePath(s)
	if s.Blind > 0 {
		fmt.Fprintf(d.out, "\nBlind: %s not decided by any file; what answers there can change unseen.\n", count(s.Blind, "hook is", "hooks are"))
	}
	d.printFirst(s.Findings)
	d.printProblems(s.Problems)
}

func (d *door) describeStack(host waxseal.HostID, st waxseal.Stack) {
	where := cmp.Or(string(host), "(host unknown)")
	if st.Container != "" {
		where += ", in " + st.Container
	}
	fmt.Fprintf(d.out, "%s %s on %s%s%s\n", safe(string(st.MTA)), safe(cmp.Or(st.Version, "(version unknown)")),
		safe(where), instance(st.Instance), running(st.Running))
	var files []string
	for _, p := range st.Config {
		files = append(files, string(p))
	}
	d.about("set up in", files)
	d.about("own domains", slices.DeleteFunc(slices.Clone(st.Domains), func(name string) bool { return d.domains[name] }))
	for _, name := range st.Domains {
		d.domains[name] = true
	}
}

// maxNamed is how many domains are named; a hosting server has thousands.
const maxNamed = 12

func (d *door) about(what string, list []string) {
	if len(list) == 0 {
		return
	}
	text := strings.Join(list[:min(len(list), maxNamed)], ", ")
	if more := len(list) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	for i, l := range wrapTo(text, textWidth-15) {
		if i > 0 {
			what = ""
		}
		fmt.Fprintf(d.out, "  %-12s %s\n", what, l)
	}
}

func instance(name string) string {
	if name == "" || name == "-" {
		return ""
	}
	return ", instance " + safe(name)
}

func running(r *bool) string {
	switch {
	case r == nil:
		return ""
	case *r:
		return ", running"
	}
	return ", not running"
}

// stageWords say when a stage is.
var stageWords = map[waxseal.Stage]string{
	waxseal.StageConnect:   "before anything is said: programs, environment, log",
	waxseal.StageSession:   "while a client speaks SMTP",
	waxseal.StageData:      "while a message comes in",
	waxseal.StageQueue:     "as a message enters the queue",
	waxseal.StageRoute:     "where it is sent",
	waxseal.StageDeliver:   "as it is delivered",
	waxseal.StageDelivered: "after delivery",
}

// describePath tells of the hooks in use, stage by stage.
func (d *door) describePath(s Scan) {
	active := slices.DeleteFunc(slices.Clone(s.Hooks), func(h waxseal.Hook) bool { return !h.Active })
	weights := map[waxseal.HookID]waxseal.Severity{}
	for _, f := range s.Findings {
		weights[f.Hook] = f.Severity
	}
	if len(active) > 0 {
		fmt.Fprintf(d.out, "\nWhat mail meets (%s), in this order:\n", count(len(active), "hook", "hooks"))
	}
	stage := waxseal.Stage("")
	for i := 0; i < len(active); {
		if active[i].Stage != stage {
			stage = active[i].Stage
			fmt.Fprintf(d.out, "\n%s, %s\n", stage, stageWords[stage])
		}
		like := alike(active[i:])
		more := 0
		for n, h := range active[i : i+like] {
			if n < maxAlike || weights[h.ID] >= waxseal.Medium {
				d.describeHook(h, weights[h.ID])
			} else {
				more++
			}
		}
		if i += like; more > 0 {
			fmt.Fprintf(d.out, "  … and %d more of %s in %s\n", more, safe(active[i-1].Directive), safe(writtenIn(active[i-like:i])))
		}
	}
	if idle := len(s.Hooks) - len(active); idle > 0 {
		fmt.Fprintf(d.out, "\n%s not in use: nothing leads mail there (--format json lists all).\n", count(idle, "more hook is", "more hooks are"))
	}
}

// describeHook prints one hook: its sentence, then where it is written, what it
// can do and as whom.
func (d *door) describeHook(h waxseal.Hook, s waxseal.Severity) {
	mark := ""
	if s >= waxseal.Medium {
		mark = d.severity(s) + " "
	}
	lines := wrapTo(cmp.Or(h.Explain, h.Directive+" "+h.Target.Value), textWidth-8)
	fmt.Fprintf(d.out, "  %s%s\n", mark, lines[0])
	for _, l := range lines[1:] {
		fmt.Fprintf(d.out, "  %s\n", l)
	}
	facts := []string{h.Directive + " at " + at(h.Source)}
	if d.several {
		facts[0] = string(h.MTA) + ", " + facts[0]
	}
	if e := effects(h.Effects); e != "" {
		facts = append(facts, "can "+e)
	}
	if h.RunsAs != "" {
		facts = append(facts, "as "+h.RunsAs)
	}
	if h.External {
		facts = append(facts, "not seen from here")
	}
	fmt.Fprintf(d.out, "      %s\n", shorten(safe(strings.Join(facts, "; ")), textWidth-6))
	if says := h.Modifiers["drift"]; says != "" {
		fmt.Fprintf(d.out, "      %s\n", shorten(safe(says), textWidth-6))
	}
	if who := answeredBy(h); who != "" {
		fmt.Fprintf(d.out, "      %s\n", shorten(safe(who), textWidth-6))
	}
}

// answeredBy says who answers a hook, or should; "" where the question doesn't arise.
func answeredBy(h waxseal.Hook) string {
	asks := h.Kind == waxseal.KindMilter || h.Kind == waxseal.KindPolicy || h.Kind == waxseal.KindContentFilter
	switch {
	case h.Listener != nil:
		return "answered by " + answering(*h.Listener)
	case h.Service != nil:
		return "to " + serving(*h.Service)
	case asks && h.Target.Type == waxseal.TargetSocket && !h.Target.Remote && !h.External:
		return "to an unknown program: no configuration of a filter that is known here names this socket"
	}
	return ""
}

// serving says who should answer: "OpenDKIM (/usr/sbin/opendkim, package opendkim,
// unmodified, user opendkim) by /etc/opendkim.conf:21".
func serving(s waxseal.Service) string {
	var facts []string
	if s.Program != "" {
		facts = append(facts, string(s.Program))
	}
	if s.Package != "" {
		facts = append(facts, "package "+s.Package)
	}
	if s.Program != "" {
		facts = append(facts, string(s.PackageState))
	}
	if s.User != "" {
		facts = append(facts, "user "+s.User)
	}
	says := s.Title
	if len(facts) > 0 {
		says += " (" + strings.Join(facts, ", ") + ")"
	}
	return says + " by " + at(s.Source)
}

// answering says who listens: "/usr/sbin/opendkim (process 311, user opendkim,
// package opendkim, unmodified)".
func answering(l waxseal.Listener) string {
	facts := []string{fmt.Sprintf("process %d", l.PID)}
	if l.User != "" {
		facts = append(facts, "user "+l.User)
	}
	if l.Package != "" {
		facts = append(facts, "package "+l.Package)
	}
	if l.PackageState != "" {
		facts = append(facts, string(l.PackageState))
	}
	if l.Deleted {
		facts = append(facts, "no longer on disk as it was started")
	}
	return cmp.Or(string(l.Exe), l.Comm, "a process that is not known") + " (" + strings.Join(facts, ", ") + ")"
}

// maxAlike is how many entries of one table are listed for people.
const maxAlike = 12

// alike is how many hooks at the beginning of a list are the entries of one table, or
// the plug-ins of one filter.
func alike(hooks []waxseal.Hook) int {
	first, n := hooks[0], 1
	for n < len(hooks) && isAlike(first, hooks[n]) {
		n++
	}
	return n
}

func isAlike(a, b waxseal.Hook) bool {
	together := a.Source.Path == b.Source.Path ||
		a.Kind == waxseal.KindPlugin && b.Kind == waxseal.KindPlugin && path.Dir(string(a.Source.Path)) == path.Dir(string(b.Source.Path))
	return together && a.MTA == b.MTA && a.Directive == b.Directive && a.Stage == b.Stage
}

// writtenIn is the file that hooks are written in, or the directory of their files.
func writtenIn(hooks []waxseal.Hook) string {
	first := hooks[0].Source.Path
	for _, h := range hooks {
		if h.Source.Path != first {
			return path.Dir(string(first))
		}
	}
	return string(first)
}

// effects lists what a hook can do. That it sees mail goes without saying where
// it can change or divert it.
func effects(list []waxseal.Effect) string {
	var words []string
	for _, e := range list {
		if e != waxseal.Observe || !slices.Contains(list, waxseal.Modify) && !slices.Contains(list, waxseal.Divert) {
			words = append(words, string(e))
		}
	}
	return strings.Join(words, ", ")
}

func at(s waxseal.Source) string {
	if s.Line == 0 {
		return string(s.Path)
	}
	return fmt.Sprintf("%s:%d", s.Path, s.Line)
}
