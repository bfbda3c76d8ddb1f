package fetch

import "waxseal"

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	observes, runs := []waxseal.Effect{waxseal.Observe, waxseal.Divert}, []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	row := func(stack waxseal.StackName, directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does, manual string) waxseal.Place {
		return waxseal.Place{MTA: stack, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageDeliver, Effects: effects, Does: does, Manual: manual}
	}
	const rc, manual, getmail = "~/.fetchmailrc, /etc/fetchmailrc", "fetchmail(1)", "the documentation of getmail"
	return []waxseal.Place{
		row(Fetchmail, "mda", rc, waxseal.KindPipe, runs, "what is fetched is handed to a command", manual),
		row(Fetchmail, "preconnect", rc, waxseal.KindPipe, runs[1:], "a command runs whenever mail is fetched; postconnect, plugin and plugout are alike", manual),
		row(Fetchmail, "smtphost", rc, waxseal.KindRelay, observes, "what is fetched is handed to a host", manual),
		row(Fetchmail, "smtpname", rc, waxseal.KindRedirect, observes[1:], "what is fetched goes to an address", manual),
		row(Fetchmail, "is", rc, waxseal.KindRedirect, observes[1:], "what is fetched goes to an address", manual),
		row(Fetchmail, "postmaster", rc, waxseal.KindRedirect, observes[1:], "mail of which nobody can tell whose it is goes to an address", manual),
		row(Fetchmail, "bsmtp", rc, waxseal.KindRedirect, observes[1:], "what is fetched is written to a file", manual),
		row(Getmail, "path", "~/.getmail/getmailrc, with type = MDA_external or Filter_external", waxseal.KindPipe, runs, "what is fetched is handed to a command, or written to a mailbox", getmail),
		row(Getmail, passCommand, "password_command in ~/.getmail/getmailrc", waxseal.KindPipe, runs[1:], "a command runs whenever mail is fetched", getmail),
	}
}
