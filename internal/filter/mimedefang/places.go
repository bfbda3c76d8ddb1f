package mimedefang

import "waxseal"

// Places lists the sorts of hook that MIMEDefang has.
func Places() []waxseal.Place {
	row := func(directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does, manual string) waxseal.Place {
		return waxseal.Place{MTA: MTA, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageData, Effects: effects, Does: does, Manual: manual}
	}
	return []waxseal.Place{
		row("mimedefang-filter", string(filterFile), waxseal.KindScript, executes, "any code runs for each message, and may add recipients, rewrite, copy or drop it", "mimedefang-filter(5)"),
		row("mimedefang.pl.conf", string(perlConf), waxseal.KindScript, executes, "any code runs in each worker", "mimedefang.pl(8)"),
		row("Features", "mimedefang.pl.conf, or the filter", waxseal.KindPipe, executes, "a program runs on each message, as a virus scanner or in place of sendmail", "mimedefang-filter(5)"),
		row("AdminAddress", "the filter", waxseal.KindRedirect, diverts, "notices about mail in quarantine go to an address", "mimedefang-filter(5)"),
		row("FILTER", "/etc/default/mimedefang, or -f", waxseal.KindPipe, executes, "a program gets each message instead of mimedefang.pl", "mimedefang-multiplexor(8)"),
		row("MX_SOCKET", "/etc/default/mimedefang, -m of MD_EXTRA", waxseal.KindPolicy, executes, "another program than the multiplexor is asked what to do with each message", "mimedefang(8)"),
		{MTA: MTA, Directive: "sourced", Where: "/etc/default/mimedefang", Kind: waxseal.KindScript, Stage: waxseal.StageConnect, Effects: executes, Does: "any shell code runs as root when MIMEDefang starts", Manual: "sh(1)"},
	}
}
