package opensmtpd

import "waxseal"

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place {
	list := []waxseal.Place{
		{Directive: "include", Where: "smtpd.conf", Kind: waxseal.KindMap, Stage: waxseal.StageConnect, Effects: decides,
			Does: "another file is a part of the configuration"},
		{Directive: "proc", Where: "smtpd.conf", Kind: waxseal.KindPipe, Stage: waxseal.StageData, Effects: filters,
			Does: "a command that runs as long as smtpd does can read, change and refuse every message", Manual: "smtpd.conf(5), smtpd-filters(7)"},
		{Directive: "proc-exec", Where: "filter in smtpd.conf", Kind: waxseal.KindPipe, Stage: waxseal.StageData, Effects: filters,
			Does: "a command that runs as long as smtpd does can read, change and refuse every message", Manual: "smtpd.conf(5), smtpd-filters(7)"},
		{Directive: "filter phase", Where: "smtpd.conf", Kind: waxseal.KindRedirect, Stage: waxseal.StageSession, Effects: diverts,
			Does: "recipients or senders are replaced, mail is marked as junk, or passed by other filters"},
		{Directive: "senders", Where: "listen in smtpd.conf", Kind: waxseal.KindRewrite, Stage: waxseal.StageData, Effects: modifies,
			Does: "the From header of mail of users who log in is replaced"},
		{Directive: "match", Where: "smtpd.conf", Kind: waxseal.KindTransport, Stage: waxseal.StageRoute, Effects: diverts,
			Does: "the first match that takes a message says which action it is handed to, and whether strangers may send anywhere"},
		{Directive: "table", Where: "smtpd.conf", Kind: waxseal.KindMap, Stage: waxseal.StageRoute, Effects: decides,
			Does: "a file, a compiled table or a program of the libexec directory decides about mail", Manual: "smtpd.conf(5), table(5)"},
		{Directive: "alias", Where: "an action in smtpd.conf, aliases(5)", Kind: waxseal.KindRedirect, Stage: waxseal.StageRoute, Effects: diverts,
			Does: "mail for a name goes to other addresses, commands, files and lists", Manual: "aliases(5)"},
		{Directive: "virtual", Where: "an action in smtpd.conf", Kind: waxseal.KindRedirect, Stage: waxseal.StageRoute, Effects: diverts,
			Does: "mail for an address, a domain or everybody goes to other addresses, commands, files and lists", Manual: "table(5)"},
		{Directive: "userbase", Where: "an action in smtpd.conf", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail for users of the system is delivered in other homes, with the rights of others", Manual: "table(5)"},
		{Directive: "mda", Where: "an action in smtpd.conf", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: runsAll,
			Does: "mail is handed to a command"},
		{Directive: "mda wrapper", Where: "smtpd.conf", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: filters,
			Does: "a command runs around every delivery"},
		{Directive: "maildir", Where: "an action in smtpd.conf", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail is written outside the recipients' homes"},
		{Directive: "lmtp", Where: "an action in smtpd.conf", Kind: waxseal.KindTransport, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail is handed to an LMTP server"},
		{Directive: "host", Where: "relay in smtpd.conf", Kind: waxseal.KindRelay, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail that leaves is sent to this host"},
		{Directive: "domain", Where: "relay in smtpd.conf", Kind: waxseal.KindRelay, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail for these domains is sent to these hosts"},
		{Directive: "backup", Where: "relay in smtpd.conf", Kind: waxseal.KindRelay, Stage: waxseal.StageDeliver, Effects: diverts,
			Does: "mail is passed on to the servers that come before this one"},
		{Directive: "mail-from", Where: "relay in smtpd.conf", Kind: waxseal.KindRewrite, Stage: waxseal.StageDeliver, Effects: modifies,
			Does: "mail that leaves has another sender, who gets the bounces"},
		{Directive: ".forward", Where: "a user's home", Kind: waxseal.KindRedirect, Stage: waxseal.StageRoute, Effects: diverts,
			Does: "a user's mail goes to other addresses, commands and files", Manual: "forward(5)"},
	}
	for i := range list {
		list[i].MTA = MTA
		if list[i].Manual == "" {
			list[i].Manual = "smtpd.conf(5)"
		}
	}
	return list
}
