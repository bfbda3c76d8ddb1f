package others

import "waxseal"

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	diverts, runs := []waxseal.Effect{waxseal.Observe, waxseal.Divert}, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Execute}
	row := func(stack waxseal.StackName, directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does, manual string) waxseal.Place {
		return waxseal.Place{MTA: stack, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageDeliver, Effects: effects, Does: does, Manual: manual}
	}
	return []waxseal.Place{
		row(Qmail, "smtproutes", "/var/qmail/control/smtproutes", waxseal.KindTransport, diverts, "mail to a domain, or all mail, goes by another host", "qmail-remote(8)"),
		row(Qmail, "line", ".qmail files, those in /var/qmail/alias, and defaultdelivery", waxseal.KindRedirect, runs, "mail for a name goes to an address, a mailbox or a command", "dot-qmail(5)"),
		row(Qmail, "QMAILQUEUE", "run scripts and the rules of tcpserver", waxseal.KindContentFilter, runs, "a program takes all mail in the place of qmail-queue", "qmail-queue(8)"),
		row(Courier, "filters/active", "/etc/courier/filters/active", waxseal.KindContentFilter, runs, "a filter sees all mail", "courierfilter(8)"),
		row(Courier, "DEFAULTDELIVERY", "/etc/courier/courierd", waxseal.KindPipe, runs, "mail for users without a .courier file goes to a mailbox or a command", "courier(8)"),
		row(Courier, "aliases", "/etc/courier/aliases", waxseal.KindRedirect, diverts, "mail for a name goes to other addresses", "makealiases(8)"),
		row(Courier, "line", ".courier files", waxseal.KindRedirect, runs, "mail for a user goes to an address, a mailbox or a command", "dot-courier(5)"),
		row(Cyrus, "cmd", "/etc/cyrus.conf", waxseal.KindUnit, []waxseal.Effect{waxseal.Execute}, "a command runs when the server starts, by the clock, or for a connection", "cyrus.conf(5)"),
	}
}
