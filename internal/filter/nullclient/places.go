package nullclient

import "waxseal"

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	relays := []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	row := func(stack waxseal.StackName, directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does, manual string) waxseal.Place {
		return waxseal.Place{MTA: stack, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageRoute, Effects: effects, Does: does, Manual: manual}
	}
	diverts, modifies, executes := relays[1:], []waxseal.Effect{waxseal.Modify}, []waxseal.Effect{waxseal.Execute}
	return []waxseal.Place{
		row(Nullmailer, "remotes", "/etc/nullmailer/remotes", waxseal.KindRelay, relays, "all mail of the host goes to these hosts", "nullmailer-send(8)"),
		row(Nullmailer, "adminaddr", "/etc/nullmailer/adminaddr", waxseal.KindRedirect, diverts, "all mail for users of this host goes to an address", "nullmailer-inject(1)"),
		row(Nullmailer, "allmailfrom", "/etc/nullmailer/allmailfrom", waxseal.KindRewrite, modifies, "all mail gets this sender, and answers go there", "nullmailer-inject(1)"),
		row(Msmtp, "host", "/etc/msmtprc, ~/.msmtprc", waxseal.KindRelay, relays, "all mail of the host goes to this host", "msmtp(1)"),
		row(Msmtp, "passwordeval", "/etc/msmtprc, ~/.msmtprc", waxseal.KindPipe, executes, "a command runs whenever mail is sent", "msmtp(1)"),
		row(Msmtp, "aliases", "/etc/msmtprc, ~/.msmtprc", waxseal.KindRedirect, diverts, "mail for local names goes to other addresses", "msmtp(1)"),
		row(DMA, "SMARTHOST", "/etc/dma/dma.conf", waxseal.KindRelay, relays, "all mail of the host goes to this host", "dma(8)"),
		row(DMA, "MASQUERADE", "/etc/dma/dma.conf", waxseal.KindRewrite, modifies, "all mail gets this sender, and answers go there", "dma(8)"),
		row(SSMTP, "mailhub", "/etc/ssmtp/ssmtp.conf", waxseal.KindRelay, relays, "all mail of the host goes to this host", "ssmtp.conf(5)"),
		row(SSMTP, "root", "/etc/ssmtp/ssmtp.conf", waxseal.KindRedirect, diverts, "mail for system users goes to an address", "ssmtp.conf(5)"),
		row(SSMTP, "revaliases", "/etc/ssmtp/revaliases", waxseal.KindRewrite, modifies, "mail of a user gets another sender or goes to another host", "ssmtp(8)"),
		row(Esmtp, "hostname", "/etc/esmtprc, ~/.esmtprc", waxseal.KindRelay, relays, "all mail of the host goes to this host", "esmtprc(5)"),
		row(Esmtp, "mda", "/etc/esmtprc, ~/.esmtprc", waxseal.KindPipe, executes, "a command delivers mail for users of this host", "esmtprc(5)"),
		row(Esmtp, "preconnect", "/etc/esmtprc, ~/.esmtprc", waxseal.KindPipe, executes, "a command runs before each connection", "esmtprc(5)"),
	}
}
