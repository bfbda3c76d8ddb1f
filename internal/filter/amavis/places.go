package amavis

import "waxseal"

// Places lists the sorts of hook that amavis and amavisd-milter have.
func Places() []waxseal.Place {
	const conf = "amavisd.conf, or a file of /etc/amavis/conf.d"
	row := func(directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does string) waxseal.Place {
		return waxseal.Place{MTA: MTA, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageData, Effects: effects, Does: does, Manual: "amavisd.conf-default"}
	}
	return []waxseal.Place{
		row("amavisd.conf", conf, waxseal.KindScript, executes, "any code runs as Perl, when amavisd starts and, from hooks, for each message"),
		row("Amavis::Custom", conf, waxseal.KindModule, executes, "code is called at each step of every message"),
		row("always_bcc", conf, waxseal.KindCopy, copies, "all mail is copied to an address"),
		row("archive_quarantine_to", conf, waxseal.KindCopy, copies, "all mail is copied to an address, where there is an archive_quarantine_method"),
		row("virus_quarantine_to", conf, waxseal.KindRedirect, diverts, "mail with viruses is sent to an address"),
		row("spam_quarantine_to", conf, waxseal.KindRedirect, diverts, "mail that is judged spam is sent to an address"),
		row("virus_admin", conf, waxseal.KindRedirect, diverts, "notices about mail with viruses go to an address"),
		row("forward_method", conf, waxseal.KindTransport, relays, "all mail goes on to a host, port or command"),
		row("notify_method", conf, waxseal.KindTransport, relays, "notices go to a host, port or command"),
		row("requeue_method", conf, waxseal.KindTransport, relays, "mail that is released goes to a host, port or command"),
		row("final_spam_destiny", conf, waxseal.KindDiscard, drops, "mail that is judged spam is thrown away"),
		row("bypass_virus_checks_maps", conf, waxseal.KindRewrite, modifies, "mail passes without virus checks"),
		row("av_scanners", conf, waxseal.KindPipe, executes, "a command runs, or a socket is asked, with each message"),
		row("spam_scanners", conf, waxseal.KindPipe, executes, "a command or class judges each message"),
		row("lookup_sql_dsn", conf, waxseal.KindMap, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Drop}, "a database decides what happens to mail"),
		row("additional_perl_modules", conf, waxseal.KindModule, executes, "code is loaded"),
		row("include_config_files", conf, waxseal.KindScript, executes, "more Perl is read as configuration"),
		{MTA: Milter, Directive: "sourced", Where: string(milterDefaults), Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: executes, Does: "any shell code runs as root when amavisd-milter starts", Manual: "sh(1)"},
		{MTA: Milter, Directive: "AMAVISSOCKET", Where: string(milterDefaults), Kind: waxseal.KindPolicy, Stage: waxseal.StageData, Effects: observes, Does: "every message is handed to what listens there", Manual: "amavisd-milter(8)"},
	}
}
