package dovecot

import "waxseal"

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place {
	var list []waxseal.Place
	for _, r := range table() {
		if r.new != "" {
			continue // 2.4's name for a setting that is listed
		}
		list = append(list, waxseal.Place{
			MTA: MTA, Directive: r.directive(), Where: r.where(), Kind: r.kind, Stage: r.stage, Effects: r.effects, Does: r.does, Manual: r.manual,
		})
	}
	return append(list, otherPlaces...)
}

func (r row) where() string {
	if r.plugin != "" {
		return "dovecot.conf, in plugin { }"
	}
	return "dovecot.conf"
}

// otherPlaces are the hooks that are no setting of the table.
var otherPlaces = []waxseal.Place{
	{MTA: MTA, Directive: "mail_plugins", Where: "dovecot.conf, or a protocol { }", Kind: waxseal.KindPlugin, Stage: waxseal.StageDeliver, Effects: anything,
		Does: "code is loaded that sees all mail of a protocol", Manual: "Dovecot settings"},
	{MTA: MTA, Directive: "sieve_plugins", Where: "dovecot.conf, in plugin { }", Kind: waxseal.KindPlugin, Stage: waxseal.StageDeliver, Effects: runs,
		Does: "Sieve scripts may do more: run programs, or run when mail is moved", Manual: "Pigeonhole"},
	{MTA: MTA, Directive: "passdb", Where: "dovecot.conf", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: sees,
		Does: "somebody is told each password, and says who may log in; with master = yes, who may read everybody's mail", Manual: "Dovecot authentication"},
	{MTA: MTA, Directive: "userdb", Where: "dovecot.conf", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: sees,
		Does: "each user's mail is found", Manual: "Dovecot authentication"},
	{MTA: MTA, Directive: "master", Where: "a file of master users", Kind: waxseal.KindMap, Stage: waxseal.StageDelivered, Effects: copies,
		Does: "a person may log in as any user and read that user's mail", Manual: "Dovecot master users"},
	{MTA: MTA, Directive: "doveadm", Where: "dovecot.conf, in service doveadm { }", Kind: waxseal.KindMap, Stage: waxseal.StageDelivered, Effects: copies,
		Does: "doveadm of another host may ask for any mail", Manual: "doveadm(1)"},
	{MTA: MTA, Directive: "host", Where: "a field of passdb or userdb", Kind: waxseal.KindTransport, Stage: waxseal.StageDeliver, Effects: diverts,
		Does: "a user's mail and sessions are handed to another host", Manual: "Dovecot proxy"},
	{MTA: MTA, Directive: "sieve_before", Where: "dovecot.conf, in plugin { }", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: anything,
		Does: "a Sieve script sees all mail before the user's own", Manual: "Pigeonhole"},
	{MTA: MTA, Directive: "sieve_default", Where: "dovecot.conf, in plugin { }", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: anything,
		Does: "a Sieve script sees all mail of users without one", Manual: "Pigeonhole"},
	{MTA: MTA, Directive: "sieve_after", Where: "dovecot.conf, in plugin { }", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: anything,
		Does: "a Sieve script sees all mail after the user's own", Manual: "Pigeonhole"},
	{MTA: MTA, Directive: "sieve_discard", Where: "dovecot.conf, in plugin { }", Kind: waxseal.KindMap, Stage: waxseal.StageDeliver, Effects: anything,
		Does: "a Sieve script sees all mail that another throws away", Manual: "Pigeonhole"},
	{MTA: MTA, Directive: "imapsieve", Where: "dovecot.conf, imapsieve_mailboxN_before and _after in plugin { }", Kind: waxseal.KindMap, Stage: waxseal.StageDelivered, Effects: anything,
		Does: "a Sieve script sees mail that users move by IMAP", Manual: "Pigeonhole IMAPSieve"},
	{MTA: MTA, Directive: "redirect", Where: "a Sieve script", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts,
		Does: "mail goes to another address; with :copy, as well", Manual: "RFC 5228"},
	{MTA: MTA, Directive: "fileinto", Where: "a Sieve script", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts,
		Does: "mail is put into a folder, where it may not be seen", Manual: "RFC 5228"},
	{MTA: MTA, Directive: "discard", Where: "a Sieve script", Kind: waxseal.KindDiscard, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Drop},
		Does: "mail is thrown away", Manual: "RFC 5228"},
	{MTA: MTA, Directive: "vacation", Where: "a Sieve script", Kind: waxseal.KindRewrite, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Modify},
		Does: "the sender is answered", Manual: "RFC 5230"},
	{MTA: MTA, Directive: "reject", Where: "a Sieve script", Kind: waxseal.KindRewrite, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Modify},
		Does: "mail is refused, and the sender told", Manual: "RFC 5429"},
	{MTA: MTA, Directive: "notify", Where: "a Sieve script", Kind: waxseal.KindCopy, Stage: waxseal.StageDeliver, Effects: copies,
		Does: "somebody is told of mail", Manual: "RFC 5435"},
	{MTA: MTA, Directive: "addheader", Where: "a Sieve script", Kind: waxseal.KindRewrite, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Modify},
		Does: "mail is given a header", Manual: "RFC 5293"},
	{MTA: MTA, Directive: "deleteheader", Where: "a Sieve script", Kind: waxseal.KindRewrite, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Modify},
		Does: "mail loses a header", Manual: "RFC 5293"},
	{MTA: MTA, Directive: "pipe", Where: "a Sieve script", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: seesAndRuns,
		Does: "mail is handed to a program", Manual: "Pigeonhole Extprograms"},
	{MTA: MTA, Directive: "filter", Where: "a Sieve script", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: seesAndRuns,
		Does: "mail is handed to a program, and what it prints is delivered", Manual: "Pigeonhole Extprograms"},
	{MTA: MTA, Directive: "execute", Where: "a Sieve script", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: seesAndRuns,
		Does: "a program runs, and its answer decides about mail", Manual: "Pigeonhole Extprograms"},
	{MTA: MTA, Directive: "svbin", Where: "a compiled Sieve script", Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: diverts,
		Does: "something else runs than the script says", Manual: "Pigeonhole sievec(1)"},
	{MTA: MTA, Directive: "executable", Where: "dovecot.conf, in a service { }", Kind: waxseal.KindScript, Stage: waxseal.StageDelivered, Effects: seesAndRuns,
		Does: "a program runs at a login, or for whoever connects", Manual: "Dovecot post-login scripting"},
}
