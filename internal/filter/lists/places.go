package lists

import "waxseal"

type sort struct {
	directive, where string
	kind             waxseal.HookKind
	effects          []waxseal.Effect
	does             string
}

var ofMlmmj = []sort{
	{"owner", "control/owner of a list", waxseal.KindRedirect, diverts, "mail to the owners of a list goes to these addresses"},
	{"moderators", "control/moderators of a list; control/submod is alike", waxseal.KindCopy, copies, "messages that somebody has to let through are sent to these addresses"},
	{"relayhost", "control/relayhost of a list; control/smtpport has its port", waxseal.KindRelay, diverts, "mail of a list goes out by this host"},
	{"staticbounceaddr", "control/staticbounceaddr of a list", waxseal.KindRedirect, diverts, "bounces of a list go to variants of this address"},
	{"customheaders", "control/customheaders of a list", waxseal.KindRewrite, modifies, "each message of a list gets these headers"},
	{"delheaders", "control/delheaders of a list", waxseal.KindRewrite, modifies, "each message of a list loses these headers"},
	{"access", "control/access of a list", waxseal.KindDiscard, drops, "mail to a list that matches is thrown away"},
	{"subscribers.d", "a file in subscribers.d of a list for own people; digesters.d is alike", waxseal.KindCopy, copies, "mail to the list goes to these addresses"},
}

var ofSympa = []sort{
	{"listmaster", "sympa.conf or robot.conf", waxseal.KindCopy, copies, "notices and moderation of all lists go to these addresses"},
	{"sendmail", "sympa.conf", waxseal.KindPipe, runs, "mail of lists is sent by this command"},
	{"custom_archiver", "sympa.conf; antivirus_path, reporting_spam_script_path, mhonarc and alias_manager are alike", waxseal.KindPipe, runs, "a command is run with mail of lists"},
	{"aliases_program", "sympa.conf or robot.conf", waxseal.KindPipe, runs, "a command is run whenever a list is made"},
	{"db_host", "sympa.conf", waxseal.KindMap, diverts, "a database on another host says who is on which list"},
	{"owner", "config of a list; editor is alike", waxseal.KindCopy, copies, "messages that somebody has to let through are sent to this address"},
	{"reply_to_header", "config of a list", waxseal.KindRewrite, modifies, "answers to messages of a list go to this address"},
	{"custom_header", "config of a list; remove_headers and remove_outgoing_headers are alike", waxseal.KindRewrite, modifies, "each message of a list gets, or loses, headers"},
	{"pre_distribute", "message_hook in config of a list; post_archive is alike", waxseal.KindPlugin, loads, "code sees, and may change, each message of a list"},
	{"include_remote_file", "config of a list; other includes from another host are alike", waxseal.KindMap, diverts, "another host says who is on a list"},
	{"custom_conditions", "a module in custom_conditions; custom_actions is alike", waxseal.KindPlugin, loads, "code runs where a rule or a page asks for it"},
	{"scenari", "a rule in scenari/send.NAME", waxseal.KindDiscard, drops, "mail to lists that matches is thrown away"},
}

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	var list []waxseal.Place
	add := func(stack waxseal.StackName, manual string, sorts []sort) {
		for _, s := range sorts {
			p := waxseal.Place{MTA: stack, Directive: s.directive, Where: s.where, Kind: s.kind, Stage: waxseal.StageDeliver, Effects: s.effects, Does: s.does, Manual: manual}
			if s.kind == waxseal.KindRelay {
				p.Stage = waxseal.StageRoute
			}
			list = append(list, p)
		}
	}
	add(Mlmmj, "TUNABLES of mlmmj", ofMlmmj)
	add(Sympa, "sympa_config(5)", ofSympa)
	return list
}
