package rspamd

import "waxseal"

// Places lists every sort of hook that this package finds; a map, and a server that a
// module without a row of its own asks, can stand in any module.
func Places() []waxseal.Place {
	const local = "local.d and override.d"
	var (
		copies, drops = []waxseal.Effect{waxseal.Copy}, []waxseal.Effect{waxseal.Drop}
		modifies      = []waxseal.Effect{waxseal.Modify}
		executes      = []waxseal.Effect{waxseal.Execute}
	)
	row := func(directive, where string, kind waxseal.HookKind, effects []waxseal.Effect, does, page string) waxseal.Place {
		return waxseal.Place{MTA: Stack, Directive: directive, Where: where, Kind: kind, Stage: waxseal.StageData, Effects: effects, Does: does, Manual: "rspamd.com/doc/" + page}
	}
	list := []waxseal.Place{
		row("upstream", local+"/worker-proxy.inc", waxseal.KindContentFilter, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Drop}, "another host gets all mail and says what becomes of it", "workers/rspamd_proxy.html"),
		row("mirror", local+"/worker-proxy.inc", waxseal.KindCopy, copies, "a copy of all mail goes to another host", "workers/rspamd_proxy.html"),
		row("worker.discard_on_reject", local+"/worker-proxy.inc", waxseal.KindDiscard, drops, "mail that would be rejected is thrown away", "workers/rspamd_proxy.html"),
		row("worker.bind_socket", local+"/worker-controller.inc", waxseal.KindRewrite, modifies, "others reach the web interface, which changes the rules", "workers/controller.html"),
		row("worker.secure_ip", local+"/worker-controller.inc", waxseal.KindRewrite, modifies, "these hosts need no password to change the rules", "workers/controller.html"),
		row("metadata_exporter.url", local+"/metadata_exporter.conf", waxseal.KindCopy, copies, "messages, or what rspamd knows of them, are posted to a server", "modules/metadata_exporter.html"),
		row("metadata_exporter.mail_to", local+"/metadata_exporter.conf", waxseal.KindCopy, copies, "what rspamd knows of messages is mailed to an address", "modules/metadata_exporter.html"),
		row("dmarc.bcc_addrs", local+"/dmarc.conf", waxseal.KindCopy, copies, "reports about who sends mail are copied to an address", "modules/dmarc.html"),
		row("force_actions.action", local+"/force_actions.conf", waxseal.KindDiscard, drops, "mail that shows certain symbols is thrown away, held back or let through", "modules/force_actions.html"),
		row("force_actions.subject", local+"/force_actions.conf", waxseal.KindRewrite, modifies, "the subject of mail that shows certain symbols is replaced", "modules/force_actions.html"),
		row("multimap.action", local+"/multimap.conf", waxseal.KindDiscard, drops, "mail that a map lists is thrown away, held back or let through", "modules/multimap.html"),
		row("multimap.map", local+"/multimap.conf", waxseal.KindMap, modifies, "a map decides about mail", "modules/multimap.html"),
		row("multimap.score", local+"/multimap.conf", waxseal.KindMilter, modifies, "mail of those whom a map lists is let through", "modules/multimap.html"),
		row("settings", local+"/settings.conf", waxseal.KindMilter, modifies, "mail of some senders, hosts or recipients is not checked", "configuration/settings.html"),
		row("actions.reject", local+"/actions.conf", waxseal.KindMilter, modifies, "no score leads to mail being refused", "configuration/metrics.html"),
		row("antivirus.enabled", local+"/antivirus.conf", waxseal.KindMilter, modifies, "mail is no longer searched for viruses; likewise for every module that checks mail", "modules/antivirus.html"),
		row("options.filters", local+"/options.inc", waxseal.KindMilter, modifies, "the checks that are built in are switched off", "configuration/options.html"),
		row("options.local_addrs", local+"/options.inc", waxseal.KindMilter, modifies, "mail from these networks is taken for the own", "configuration/options.html"),
		row("dkim_signing.sign_networks", local+"/dkim_signing.conf", waxseal.KindRewrite, modifies, "mail from these networks is signed as the own", "modules/dkim_signing.html"),
		row("options.nameserver", local+"/options.inc", waxseal.KindHosts, modifies, "these servers say who is listed as a spammer", "configuration/options.html"),
		row("spamtrap.action", local+"/spamtrap.conf", waxseal.KindDiscard, drops, "mail to certain addresses is thrown away", "modules/spamtrap.html"),
		row("milter_headers.custom", local+"/milter_headers.conf", waxseal.KindRewrite, modifies, "Lua of the administrator's adds and removes headers", "modules/milter_headers.html"),
		row("rspamd.local.lua", "/etc/rspamd/rspamd.local.lua, lua/rspamd.local.lua, local.d/rspamd.lua", waxseal.KindScript, executes, "Lua runs in every process of rspamd", "lua"),
		row("lua/*.lua", "/etc/rspamd/lua", waxseal.KindScript, executes, "Lua lies where rspamd's own looks for what it requires", "lua"),
		row("lua", "any file of the configuration", waxseal.KindScript, executes, "a file of Lua is loaded", "lua"),
		row("modules", "/etc/rspamd/plugins.d, and the directories that \"modules\" names", waxseal.KindScript, executes, "every file of Lua there is loaded as a module", "modules"),
		row("Lua in a value", "any file of the configuration", waxseal.KindScript, executes, "Lua that stands in a value runs: callbacks, conditions, selectors", "lua"),
		row(".include", "any file of the configuration", waxseal.KindMap, modifies, "configuration is read over the network", "configuration/ucl.html"),
		row("servers", local+", of every module that keeps something", waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe}, "a server keeps what rspamd learns of mail", "configuration/redis.html"),
	}
	for _, w := range rows {
		if w.what == remembers {
			continue
		}
		h := w.hook(waxseal.Hook{Stage: waxseal.StageData, Directive: directive(w.module + ":" + w.keys[lastDot(w.keys):])})
		place := row(h.Directive, local+"/"+w.module+".conf", h.Kind, h.Effects, "rspamd "+w.does+" a server", "modules/"+w.module+".html")
		place.Stage = h.Stage
		list = append(list, place)
	}
	return unique(list)
}

// unique leaves out what another row of the table says already.
func unique(list []waxseal.Place) (out []waxseal.Place) {
	seen := map[string]bool{}
	for _, p := range list {
		if !seen[p.Directive] {
			seen[p.Directive] = true
			out = append(out, p)
		}
	}
	return out
}

func lastDot(keys string) int {
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i] == '.' {
			return i + 1
		}
	}
	return 0
}
