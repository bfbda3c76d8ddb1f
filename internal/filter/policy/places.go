package policy

import "waxseal"

// sort is a row of places.
type sort struct {
	directive string
	where     string
	kind      waxseal.HookKind
	effects   []waxseal.Effect
	does      string
}

var (
	nothingSeen = []waxseal.Effect{}
	observes    = []waxseal.Effect{waxseal.Observe}
	decides     = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	executes    = []waxseal.Effect{waxseal.Execute}
)

const (
	aRule       = "a rule in postfwd.cf, or -r"
	spfFile     = "policyd-spf.conf"
	postgreyRun = "POSTGREY_OPTS in /etc/default/postgrey, or the command line"
	licyConf    = "postlicyd.conf"
	aFilter     = "on_match of a filter in postlicyd.conf, and the like"
	rateYAML    = "/etc/policyd-rate-limit.yaml"
)

var sorts = []struct {
	stack  waxseal.StackName
	manual string
	list   []sort
}{
	{Postfwd, "postfwd(1)", []sort{
		{"REDIRECT", aRule, waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}, "mail that meets a rule goes to another address"},
		{"BCC", aRule, waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}, "mail that meets a rule is copied to an address"},
		{"FILTER", aRule, waxseal.KindContentFilter, decides, "mail that meets a rule goes through another transport"},
		{"DISCARD", aRule, waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}, "mail that meets a rule is thrown away"},
		{"HOLD", aRule, waxseal.KindDiscard, []waxseal.Effect{waxseal.Observe, waxseal.Drop}, "mail that meets a rule stays in the queue"},
		{"PREPEND", aRule, waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, "mail that meets a rule gets a header"},
		{"action", aRule, waxseal.KindRewrite, observes, "everybody's mail passes, and no rule below is asked; a rule that takes its answer from the message is alike"},
		{"ask", aRule, waxseal.KindPolicy, decides, "another policy service is asked about mail"},
		{"mail", aRule, waxseal.KindCopy, []waxseal.Effect{waxseal.Observe}, "somebody is told of mail that meets a rule, by a mail server"},
		{"sendmail", aRule, waxseal.KindPipe, []waxseal.Effect{waxseal.Observe, waxseal.Execute}, "a command runs for mail that meets a rule, to tell somebody of it"},
		{"plugins", "--plugins on the command line, ARGS in /etc/default/postfwd", waxseal.KindScript, executes, "code in Perl sees what is asked, and answers"},
	}},
	{SPF, "policyd-spf.conf(5)", []sort{
		{"Whitelist", spfFile, waxseal.KindMap, nothingSeen, "mail from some networks is not checked"},
		{"skip_addresses", spfFile, waxseal.KindMap, nothingSeen, "mail from networks of this site is not checked"},
		{"Domain_Whitelist", spfFile, waxseal.KindMap, nothingSeen, "mail from hosts of some domains is not checked; Domain_Whitelist_PTR and HELO_Whitelist are alike"},
		{"TestOnly", spfFile, waxseal.KindRewrite, observes, "nothing is refused"},
		{"Mail_From_reject", spfFile, waxseal.KindRewrite, observes, "nothing is refused, where HELO_reject says so too"},
		{"Mail_From_pass_restriction", spfFile, waxseal.KindRewrite, decides, "what passes the check is handled as it says; HELO_pass_restriction is alike"},
	}},
	{Postgrey, "postgrey(8)", []sort{
		{"whitelist", "/etc/postgrey/whitelist_clients, whitelist_recipients, and their .local files", waxseal.KindMap, nothingSeen, "mail from some hosts, or to some recipients, need not wait"},
		{"greylist-action", postgreyRun, waxseal.KindPolicy, decides, "mail that should wait is handled otherwise"},
		{"x-greylist-header", postgreyRun, waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, "mail that waited gets another header than the one that says so"},
	}},
	{Greylistd, "greylistd(8)", []sort{
		{"whitelist-hosts", "/etc/greylistd/whitelist-hosts, /var/lib/greylistd/whitelist-hosts", waxseal.KindMap, nothingSeen, "mail from some hosts need not wait"},
		{"retryMin", "/etc/greylistd/config", waxseal.KindRewrite, observes, "nobody has to wait"},
	}},
	{RateLimit, "the README of policyd-rate-limit", []sort{
		{"fail_action", rateYAML, waxseal.KindPolicy, decides, "mail beyond the limits is handled as it says"},
		{"success_action", rateYAML, waxseal.KindPolicy, decides, "mail within the limits is handled as it says; db_error_action is alike"},
		{"limit_by_sasl", rateYAML, waxseal.KindRewrite, observes, "nobody's mail is counted, where limit_by_sender and limit_by_ip say so too"},
		{"limits", rateYAML, waxseal.KindRewrite, observes, "there is no limit"},
		{"report_to", rateYAML, waxseal.KindCopy, []waxseal.Effect{waxseal.Observe}, "somebody is told who sent how much"},
		{"mysql_config", rateYAML, waxseal.KindMap, []waxseal.Effect{waxseal.Observe}, "a database on another host has what was counted; pgsql_config is alike"},
		{"configuration", "/etc/policyd-rate-limit.conf", waxseal.KindScript, executes, "the configuration of old versions is a program in Python"},
	}},
	{Weight, "policyd-weight.conf(5)", []sort{
		{"configuration", "/etc/policyd-weight.conf", waxseal.KindScript, executes, "the configuration is a program in Perl"},
		{"REJECTMSG", "/etc/policyd-weight.conf", waxseal.KindPolicy, decides, "mail that is thought to be spam is handled as it says; DNSERRMSG and MAXDNSBLMSG are alike"},
	}},
	{Policyd, "cluebringer.conf", []sort{
		{"DSN", "/etc/cluebringer/cluebringer.conf", waxseal.KindMap, append([]waxseal.Effect{waxseal.Copy}, decides...), "a database says what happens to mail"},
	}},
	{Postlicyd, "postlicyd.conf(5)", []sort{
		{"REDIRECT", aFilter, waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}, "mail of which a filter says so goes to another address"},
		{"BCC", aFilter, waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}, "mail of which a filter says so is copied to an address"},
		{"FILTER", aFilter, waxseal.KindContentFilter, decides, "mail of which a filter says so goes through another transport"},
		{"DISCARD", aFilter, waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}, "mail of which a filter says so is thrown away"},
		{"HOLD", aFilter, waxseal.KindDiscard, []waxseal.Effect{waxseal.Observe, waxseal.Drop}, "mail of which a filter says so stays in the queue"},
		{"PREPEND", aFilter, waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, "mail of which a filter says so gets a header"},
		{"recipient_filter", licyConf + " (also client_filter, data_filter and the like)", waxseal.KindRewrite, observes, "everybody's mail passes: no filter that is asked refuses anything"},
		{"file", "a filter of the type iplist or strlist", waxseal.KindMap, nothingSeen, "mail from those on a list passes without further checks"},
	}},
	{PfixSRSd, "pfix-srsd(8)", []sort{
		{"SRSD_DOMAIN", "/etc/default/pfixtools, or the command line", waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, "the senders of mail that is sent on become addresses of a domain that is not this site's"},
		{"SRSD_SECRETS", "/etc/default/pfixtools, or the command line", waxseal.KindRewrite, observes, "whoever can guess the key, or put another in its place, can send mail anywhere through this host"},
	}},
	{PostSRSd, "postsrsd(8)", []sort{
		{"SRS_DOMAIN", "/etc/default/postsrsd", waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, "the senders of mail that is sent on become addresses of a domain that is not this site's"},
		{"SRS_SECRET", "/etc/default/postsrsd", waxseal.KindRewrite, observes, "whoever can guess the key, or put another in its place, can send mail anywhere through this host"},
	}},
}

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	var list []waxseal.Place
	for _, s := range sorts {
		for _, one := range s.list {
			list = append(list, waxseal.Place{MTA: s.stack, Directive: one.directive, Where: one.where, Kind: one.kind, Stage: waxseal.StageSession, Effects: one.effects, Does: one.does, Manual: s.manual})
		}
	}
	return list
}
