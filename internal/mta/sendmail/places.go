package sendmail

import (
	"maps"
	"slices"

	"waxseal"
)

const inCF = "sendmail.cf, submit.cf, or the .mc they are built from"

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place {
	var list []waxseal.Place
	for _, o := range optionHooks() {
		list = append(list, waxseal.Place{MTA: MTA, Directive: o.name, Where: inCF, Kind: o.kind, Stage: o.stage, Effects: o.effects, Does: o.does, Manual: "op.me 5.6"})
	}
	sorts := tableSorts()
	for _, name := range slices.Sorted(maps.Keys(sorts)) {
		s := sorts[name]
		if name == "authinfo" {
			continue // a password is a setting, and no hook
		}
		list = append(list, waxseal.Place{MTA: MTA, Directive: s.directive, Where: "/etc/mail/" + s.directive + " and its compiled map", Kind: s.kind, Stage: s.stage, Effects: s.effects,
			Does: s.does, Manual: "cf/README"})
	}
	for _, p := range otherPlaces {
		p.MTA = MTA
		list = append(list, p)
	}
	return list
}

// otherPlaces are the hooks that are neither options nor entries of maps.
var otherPlaces = []waxseal.Place{
	{Directive: "E variable", Where: inCF, Kind: waxseal.KindEnvironment, Stage: waxseal.StageConnect, Effects: runs, Manual: "op.me 5.10",
		Does: "variables get into every program that Sendmail starts, those of the loader too"},
	{Directive: "F class", Where: inCF, Kind: waxseal.KindExpansionExec, Stage: waxseal.StageConnect, Effects: runs, Manual: "op.me 5.3",
		Does: "a program runs whenever Sendmail starts, and fills a class of names"},
	{Directive: "T user", Where: inCF, Kind: waxseal.KindPolicy, Stage: waxseal.StageSession, Effects: changes, Manual: "op.me 5.3",
		Does: "a user may send mail as anybody, and nothing in it tells"},
	{Directive: "X filter", Where: inCF, Kind: waxseal.KindMilter, Stage: waxseal.StageSession, Effects: filters, Manual: "op.me 5.11",
		Does: "every message that arrives by SMTP is handed to a program that can read, change and divert it"},
	{Directive: "check_rcpt", Where: inCF, Kind: waxseal.KindPolicy, Stage: waxseal.StageSession, Effects: decides, Manual: "cf/README",
		Does: "clients of the whole Internet may send mail anywhere through this host"},
	{Directive: "access:DISCARD", Where: "/etc/mail/access and its compiled map", Kind: waxseal.KindDiscard, Stage: waxseal.StageSession, Effects: drops, Manual: "cf/README",
		Does: "mail of these clients, senders or recipients is taken and thrown away"},
	{Directive: "access:HOLD", Where: "/etc/mail/access and its compiled map (QUARANTINE)", Kind: waxseal.KindDiscard, Stage: waxseal.StageSession, Effects: drops, Manual: "cf/README",
		Does: "mail of these clients, senders or recipients is kept in the queue until somebody looks"},
	{Directive: "H header", Where: inCF, Kind: waxseal.KindRewrite, Stage: waxseal.StageData, Effects: changes, Manual: "op.me 5.5",
		Does: "messages get a header, or a header of each message is shown to rules that may refuse, hold or drop it"},
	{Directive: "$#discard", Where: inCF, Kind: waxseal.KindDiscard, Stage: waxseal.StageSession, Effects: drops, Manual: "op.me 5.1.4",
		Does: "mail that a rule matches is taken and thrown away"},
	{Directive: "R:HOLD", Where: inCF, Kind: waxseal.KindDiscard, Stage: waxseal.StageSession, Effects: drops, Manual: "op.me 5.1.4",
		Does: "mail that a rule matches is kept in the queue until somebody looks"},
	{Directive: "-X", Where: "/etc/mail/sendmail.conf", Kind: waxseal.KindCopy, Stage: waxseal.StageSession, Effects: copies, Manual: "sendmail(8)",
		Does: "everything that is said in SMTP, messages too, is written to a file"},
	{Directive: "AddBcc", Where: inCF, Kind: waxseal.KindCopy, Stage: waxseal.StageQueue, Effects: copies, Manual: "cf/README",
		Does: "each message is copied to whom a ruleset names, unseen by sender and recipient"},
	{Directive: "bcc", Where: inCF, Kind: waxseal.KindCopy, Stage: waxseal.StageQueue, Effects: copies, Manual: "cf/README",
		Does: "each message is copied to an address, unseen by sender and recipient"},
	{Directive: "K map", Where: inCF, Kind: waxseal.KindExpansionExec, Stage: waxseal.StageRoute, Effects: runsAll, Manual: "op.me 5.9",
		Does: "rules ask a program, a socket, a server or a table, and act on what it answers"},
	{Directive: "R rule", Where: inCF, Kind: waxseal.KindRewrite, Stage: waxseal.StageRoute, Effects: []waxseal.Effect{waxseal.Modify, waxseal.Divert}, Manual: "op.me 5.1",
		Does: "rules put another address in the place of one, or lead mail elsewhere"},
	{Directive: "$#mailer", Where: inCF, Kind: waxseal.KindTransport, Stage: waxseal.StageRoute, Effects: diverts, Manual: "op.me 5.1.4",
		Does: "a rule hands mail to a host or program that it names itself"},
	{Directive: "DS", Where: inCF, Kind: waxseal.KindRelay, Stage: waxseal.StageRoute, Effects: diverts, Manual: "cf/README",
		Does: "all mail that leaves is sent to this host; DH, DL, DR and the other relays are alike"},
	{Directive: "D{MTAHost}", Where: "submit.cf, or submit.mc", Kind: waxseal.KindRelay, Stage: waxseal.StageRoute, Effects: diverts, Manual: "cf/README",
		Does: "all mail that programs and users of this host submit is handed to this host"},
	{Directive: "userdb", Where: "the user database", Kind: waxseal.KindRedirect, Stage: waxseal.StageRoute, Effects: diverts, Manual: "op.me 4.1.2",
		Does: "mail for a user goes elsewhere, or leaves with another sender"},
	{Directive: "M mailer", Where: inCF, Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: runsAll, Manual: "op.me 5.4",
		Does: "mail is handed to a program, as root where the mailer says so"},
	{Directive: "AliasFile", Where: inCF, Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: diverts, Manual: "op.me 4.1",
		Does: "aliases are looked up in a file or a server"},
	{Directive: "aliases", Where: "/etc/aliases, its compiled map, and lists it includes", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts, Manual: "aliases(5)",
		Does: "mail for a name goes to addresses, files, lists and commands; those in a list of root's run as root"},
	{Directive: "ForwardPath", Where: inCF + ", and the forward files of users", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: runsAll, Manual: "op.me 4.3",
		Does: "users' mail is forwarded as these files say: to addresses, files and commands"},
	{Directive: "smrsh", Where: "/etc/mail/smrsh, /etc/smrsh", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: runsAll, Manual: "smrsh(8)",
		Does: "aliases and forward files may run a program because it lies there"},
	{Directive: "sourced", Where: "/etc/mail/sendmail.conf", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: runs, Manual: "sh(1)",
		Does: "a command runs as root whenever Sendmail is started, and by newaliases and mailq"},
	{Directive: "Makefile", Where: "/etc/mail/Makefile", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: runs, Manual: "make(1)",
		Does: "a command runs as root whenever maps are built or Sendmail is reloaded"},
	{Directive: "databases", Where: "/etc/mail/databases", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: runs, Manual: "update_mk(8)",
		Does: "a command gets into the Makefile that runs as root"},
	{Directive: "syscmd", Where: "an .mc, or an m4 file that it includes", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: runs, Manual: "m4(1)",
		Does: "a command runs as root whenever the configuration is built"},
	{Directive: "esyscmd", Where: "an .mc, or an m4 file that it includes", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: runs, Manual: "m4(1)",
		Does: "a command runs as root whenever the configuration is built, and what it prints becomes part of it"},
}
