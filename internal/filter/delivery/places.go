package delivery

import "waxseal"

var (
	copies   = []waxseal.Effect{waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Divert}
	drops    = []waxseal.Effect{waxseal.Drop}
	observes = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	executes = []waxseal.Effect{waxseal.Execute}
	alters   = []waxseal.Effect{waxseal.Observe, waxseal.Execute, waxseal.Modify}
	all      = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Drop, waxseal.Execute}
)

// sort is a row of places.
type sort struct {
	directive string
	kind      waxseal.HookKind
	effects   []waxseal.Effect
	does      string
}

var procmailSorts = []sort{
	{"!", waxseal.KindRedirect, diverts, "mail is sent on to an address, or a copy of it"},
	{"|", waxseal.KindPipe, observes, "mail is handed to a command, or what the command prints takes its place"},
	{"folder", waxseal.KindRedirect, diverts, "mail is written to another mailbox, or to /dev/null"},
	{"?", waxseal.KindPipe, observes, "a command runs to decide a condition"},
	{"=|", waxseal.KindPipe, observes, "a command runs to fill a variable"},
	{"backticks", waxseal.KindPipe, observes, "a command runs while the rules are read"},
	{"TRAP", waxseal.KindPipe, executes, "a command runs when procmail ends"},
	{"SHELL", waxseal.KindPipe, executes, "another program runs the commands"},
	{"SENDMAIL", waxseal.KindPipe, executes, "another program sends mail on"},
	{"INCLUDERC", waxseal.KindScript, all, "more rules are read from another file"},
	{"SWITCHRC", waxseal.KindScript, all, "the rest of the rules is read from another file"},
	{"DEFAULT", waxseal.KindRedirect, diverts, "what no rule delivers is written to another mailbox"},
	{"HOST", waxseal.KindDiscard, drops, "the reading ends without a delivery"},
	{"PATH", waxseal.KindEnvironment, executes, "programs are looked for where anyone may put them"},
	{"LD_PRELOAD", waxseal.KindEnvironment, executes, "a library is loaded into every program that runs"},
}

var maildropSorts = []sort{
	{"to", waxseal.KindRedirect, diverts, "mail goes to another mailbox, an address or a command, and nowhere else"},
	{"cc", waxseal.KindCopy, copies, "mail goes to another mailbox, an address or a command as well"},
	{"xfilter", waxseal.KindPipe, alters, "what a command prints takes the place of the message"},
	{"system", waxseal.KindPipe, executes, "a command runs beside the delivery"},
	{"backticks", waxseal.KindPipe, observes, "a command runs while the rules are read"},
	{"include", waxseal.KindScript, all, "more rules are read from another file"},
	{"DEFAULT", waxseal.KindRedirect, diverts, "what no rule delivers goes to another mailbox, an address or a command"},
	{"SHELL", waxseal.KindPipe, executes, "another program runs the commands"},
	{"SENDMAIL", waxseal.KindPipe, executes, "another program sends mail on"},
	{"PATH", waxseal.KindEnvironment, executes, "programs are looked for where anyone may put them"},
	{"exit", waxseal.KindDiscard, drops, "maildrop ends without a delivery"},
	{"lookup", waxseal.KindMap, observes[:1], "a file of patterns is asked"},
	{"gdbmopen", waxseal.KindMap, observes[:1], "a database is asked"},
}

func places(agent waxseal.StackName) []waxseal.Place {
	list, where, manual := procmailSorts, "/etc/procmailrc, ~/.procmailrc", "procmailrc(5)"
	if agent == Maildrop {
		list, where, manual = maildropSorts, "/etc/maildroprc, ~/.mailfilter", "maildropfilter(7)"
	}
	var out []waxseal.Place
	for _, s := range list {
		out = append(out, waxseal.Place{MTA: agent, Directive: s.directive, Where: where, Kind: s.kind, Stage: waxseal.StageDeliver, Effects: s.effects, Does: s.does, Manual: manual})
	}
	return out
}
