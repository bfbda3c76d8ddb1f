package spamassassin

import "waxseal"

const (
	siteFiles = "/etc/spamassassin/*.cf and *.pre, preferences of users"
	manual    = "Mail::SpamAssassin::Conf(3)"
)

var (
	sees     = []waxseal.Effect{waxseal.Observe}
	runs     = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	copies   = []waxseal.Effect{waxseal.Copy}
	modifies = []waxseal.Effect{waxseal.Modify}
	nothing  = []waxseal.Effect{}
)

// Places lists every sort of hook that this package finds. Where several settings do
// the same, the best known stands for them.
func Places() []waxseal.Place {
	list := make([]waxseal.Place, 0, len(places))
	for _, p := range places {
		if p.MTA == "" {
			p.MTA = MTA
		}
		if p.Where == "" {
			p.Where, p.Manual = siteFiles, manual
		}
		if p.Stage == "" {
			p.Stage = waxseal.StageData
		}
		list = append(list, p)
	}
	return list
}

var places = []waxseal.Place{
	{Directive: "loadplugin", Kind: waxseal.KindPlugin, Effects: anything, Does: "code becomes part of SpamAssassin and sees each message"},
	{Directive: "tryplugin", Kind: waxseal.KindPlugin, Effects: anything, Does: "code becomes part of SpamAssassin, if it is there"},
	{Directive: "bayes_store_module", Kind: waxseal.KindPlugin, Effects: anything, Does: "a module keeps what is learned; auto_welcomelist_factory and txrep_factory are alike"},
	{Directive: "required_score", Kind: waxseal.KindRewrite, Effects: nothing, Does: "nothing is called spam any more, or everything"},
	{Directive: "welcomelist_from", Kind: waxseal.KindRewrite, Effects: nothing, Does: "mail of whole classes of senders passes; welcomelist_from_rcvd, welcomelist_auth and the others are alike"},
	{Directive: "all_spam_to", Kind: waxseal.KindRewrite, Effects: nothing, Does: "mail to whole classes of recipients passes; more_spam_to and welcomelist_to are alike"},
	{Directive: "trusted_networks", Kind: waxseal.KindRewrite, Effects: nothing, Does: "hosts are believed, and no list is asked about them; internal_networks and msa_networks are alike"},
	{Directive: "score", Kind: waxseal.KindRewrite, Effects: nothing, Does: "what one test fits passes, whatever else is in it"},
	{Directive: "shortcircuit", Kind: waxseal.KindRewrite, Effects: nothing, Does: "one test ends all others"},
	{Directive: "use_bayes", Kind: waxseal.KindRewrite, Effects: nothing, Does: "a part of the tests is switched off; skip_rbl_checks, dns_available, use_razor2, use_pyzor and use_dcc are alike"},
	{Directive: "dns_query_restriction", Kind: waxseal.KindRewrite, Effects: nothing, Does: "the DNS is not asked for some names"},
	{Directive: "clear_headers", Kind: waxseal.KindRewrite, Effects: nothing, Does: "no header says any more that mail is spam; remove_header is alike"},
	{Directive: "rewrite_header", Kind: waxseal.KindRewrite, Effects: modifies, Does: "an address gets into a header of spam to which people may answer"},
	{Directive: "trigger_target", Kind: waxseal.KindRewrite, Effects: modifies, Does: "links in messages are replaced"},
	{Directive: "pyzor_path", Kind: waxseal.KindPipe, Effects: runs, Does: "a program gets each message; dcc_path and dcc_home are alike"},
	{Directive: "extracttext_external", Kind: waxseal.KindPipe, Effects: runs, Does: "a program gets attachments"},
	{Directive: "dcc_dccifd_path", Kind: waxseal.KindPolicy, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy}, Does: "a server gets each message"},
	{Directive: "bayes_sql_dsn", Kind: waxseal.KindMap, Effects: sees, Does: "a database says what was learned; user_scores_dsn, user_awl_dsn and url_shortener_cache_dsn are alike"},
	{Directive: "bayes_path", Kind: waxseal.KindMap, Effects: sees, Does: "a file says what was learned; auto_welcomelist_path is alike"},
	{Directive: "phishing_openphish_feed", Kind: waxseal.KindMap, Effects: sees, Does: "a file says which links are bad; the other feeds, razor_config and pyzor_server_file are alike"},
	{Directive: "dns_server", Kind: waxseal.KindHosts, Effects: sees, Does: "another name server is asked and believed"},
	{Directive: "askdns", Kind: waxseal.KindMap, Effects: sees, Does: "a list in the DNS is asked about each message; header … eval:check_rbl, urirhssub and the others are alike"},
	{Directive: "spamcop_to_address", Kind: waxseal.KindCopy, Stage: waxseal.StageDelivered, Effects: copies, Does: "mail that is reported as spam is sent to an address"},
	{Directive: "spamcop_relayhost", Kind: waxseal.KindRelay, Stage: waxseal.StageDelivered, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Divert}, Does: "mail that is reported as spam leaves through a host"},
	{Directive: "--siteconfigpath", Where: "the command line of spamd", Manual: "spamd(8p)", Kind: waxseal.KindScript, Effects: modifies, Does: "another configuration is read; --configpath and --virtual-config-dir are alike"},
	{Directive: "--syslog", Where: "the command line of spamd", Manual: "spamd(8p)", Kind: waxseal.KindLog, Effects: []waxseal.Effect{waxseal.Silence}, Does: "what becomes of mail is not logged"},
	{Directive: "--local", Where: "the command line of spamd", Manual: "spamd(8p)", Kind: waxseal.KindRewrite, Effects: nothing, Does: "no server is asked"},
	{Directive: "-d", Where: "/etc/spamassassin/spamc.conf", Manual: "spamc(1)", Kind: waxseal.KindPolicy, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Modify}, Does: "each message is sent to a host to be looked at"},
	{Directive: "sa-update-hooks.d", Where: "/etc/spamassassin/sa-update-hooks.d", Manual: "spamassassin-maint", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute}, Does: "a script runs as root when there are new rules"},
	{Directive: "channel", Where: "channel.d of Fedora, or the command line of sa-update", Manual: "sa-update(1p)", Kind: waxseal.KindMap, Stage: waxseal.StageConnect, Effects: sees, Does: "rules come from somewhere else, and code with them where that is allowed"},
	{Directive: "channel.d", Where: "channel.d of Fedora", Manual: "sa-update.cron", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{waxseal.Execute}, Does: "the shell that fetches rules runs commands in this file"},
	{MTA: Milter, Directive: "-b", Where: "/etc/default/spamass-milter", Manual: "spamass-milter(1)", Kind: waxseal.KindRedirect, Effects: []waxseal.Effect{waxseal.Divert}, Does: "spam goes to an address and not to its recipients"},
	{MTA: Milter, Directive: "-B", Where: "/etc/default/spamass-milter", Manual: "spamass-milter(1)", Kind: waxseal.KindCopy, Effects: copies, Does: "spam is copied to an address"},
	{MTA: Milter, Directive: "-i", Where: "/etc/default/spamass-milter", Manual: "spamass-milter(1)", Kind: waxseal.KindRewrite, Effects: nothing, Does: "mail from some hosts is not looked at"},
	{MTA: Milter, Directive: "-S", Where: "/etc/default/spamass-milter", Manual: "spamass-milter(1)", Kind: waxseal.KindPipe, Effects: []waxseal.Effect{waxseal.Execute}, Does: "a program gets each address"},
	{MTA: Milter, Directive: "-d", Where: "/etc/default/spamass-milter, behind --", Manual: "spamass-milter(1)", Kind: waxseal.KindPolicy, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Modify}, Does: "each message is sent to a host to be looked at; -D is alike"},
	{MTA: SAExim, Directive: "SAEximRunCond", Where: string(saEximFile), Manual: "sa-exim.conf", Kind: waxseal.KindRewrite, Effects: nothing, Does: "no mail is looked at"},
	{MTA: SAExim, Directive: "SAspamcpath", Where: string(saEximFile), Manual: "sa-exim.conf", Kind: waxseal.KindPipe, Effects: runs, Does: "a program gets each message"},
	{MTA: SAExim, Directive: "-d", Where: string(saEximFile) + ", SAspamcHost", Manual: "sa-exim.conf", Kind: waxseal.KindPolicy, Effects: sees, Does: "each message is sent to a host to be looked at"},
	{MTA: SAExim, Directive: "SAnotspamsave", Where: string(saEximFile), Manual: "sa-exim.conf", Kind: waxseal.KindCopy, Effects: copies, Does: "copies of messages are written to the disk; the other … save are alike"},
	{MTA: SAExim, Directive: "SAdevnull", Where: string(saEximFile), Manual: "sa-exim.conf", Kind: waxseal.KindDiscard, Effects: []waxseal.Effect{waxseal.Drop}, Does: "mail is taken and thrown away"},
}
