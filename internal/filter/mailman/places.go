package mailman

import "waxseal"

var sorts = []struct {
	directive, where string
	kind             waxseal.HookKind
	effects          []waxseal.Effect
	does             string
}{
	{"extends", "[meta] in mailman.cfg", waxseal.KindScript, runs, "further settings are read from another file"},
	{"smtp_host", "[mta] in mailman.cfg", waxseal.KindRelay, diverts, "mail of lists goes out by this host"},
	{"incoming", "[mta] in mailman.cfg", waxseal.KindPlugin, runs, "code sets up how mail comes in; outgoing, and the classes of runners and of the database, are alike"},
	{"pre_hook", "[mailman] in mailman.cfg", waxseal.KindPlugin, runs, "code runs when Mailman starts; post_hook is alike"},
	{"class", "[plugin.…] or [archiver.…] in mailman.cfg", waxseal.KindPlugin, runs, "code is part of Mailman, or is handed all mail of lists to keep it"},
	{"html_to_plain_text_command", "[mailman] in mailman.cfg", waxseal.KindPipe, runs, "a command turns the text of messages to plain text"},
	{"site_owner", "[mailman] in mailman.cfg", waxseal.KindCopy, observes, "notices about lists go to this address"},
	{"recipient", "[devmode] in mailman.cfg, or the file of an archiver", waxseal.KindRedirect, diverts, "all mail of lists goes to an address, or is copied to it"},
	{"enable", "[archiver.mail_archive] in mailman.cfg", waxseal.KindCopy, copies, "mail of public lists is copied to a public archive"},
	{"base_url", "the file of an archiver", waxseal.KindCopy, copies, "all mail of lists is handed to a host that keeps it"},
	{"command", "the file of an archiver", waxseal.KindPipe, runs, "all mail of lists is handed to a command that keeps it"},
	{"host", "[nntp] in mailman.cfg", waxseal.KindCopy, copies, "mail of lists that are newsgroups too is posted to a news server"},
	{"url", "[database] in mailman.cfg", waxseal.KindMap, diverts, "a database on another host says who is on which list"},
	{"jump_chain", "[antispam] in mailman.cfg", waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}, "mail to lists with certain headers is thrown away"},
	{"postmap_command", "the file that [mta] configuration names", waxseal.KindPipe, runs, "a command compiles the tables of lists for Postfix"},
	{"path", "[logging.…] in mailman.cfg", waxseal.KindLog, []waxseal.Effect{waxseal.Silence}, "what Mailman logs is thrown away"},
	{"settings.py", "/etc/mailman3/mailman-web.py", waxseal.KindScript, runs, "the settings of the web pages are a program in Python"},
	{"EMAIL_HOST", "/etc/mailman3/mailman-web.py", waxseal.KindRelay, diverts, "mail of the web pages goes out by this host"},
	{"EMAIL_BACKEND", "/etc/mailman3/mailman-web.py", waxseal.KindPlugin, runs, "code sends the mail of the web pages"},
	{"mm_cfg.py", "mm_cfg.py of Mailman 2.1", waxseal.KindScript, runs, "the settings of Mailman 2.1 are a program in Python"},
	{"SMTPHOST", "mm_cfg.py of Mailman 2.1", waxseal.KindRelay, diverts, "mail of lists goes out by this host"},
	{"POSTFIX_ALIAS_CMD", "mm_cfg.py of Mailman 2.1", waxseal.KindPipe, runs, "a command runs when aliases are made; POSTFIX_MAP_CMD, SENDMAIL_CMD, the external archivers and HTML_TO_PLAIN_TEXT_COMMAND are alike"},
	{"GLOBAL_PIPELINE", "mm_cfg.py of Mailman 2.1", waxseal.KindPlugin, runs, "code sees each message to a list"},
	{"DELIVERY_MODULE", "mm_cfg.py of Mailman 2.1", waxseal.KindPlugin, runs, "code sends mail of lists; MTA, which makes aliases, is alike"},
	{"extend.py", "the directory of a list of Mailman 2.1", waxseal.KindPlugin, runs, "code runs for a list"},
}

// Places lists every sort of hook that this package finds.
func Places() []waxseal.Place {
	var list []waxseal.Place
	for _, s := range sorts {
		list = append(list, waxseal.Place{MTA: MTA, Directive: s.directive, Where: s.where, Kind: s.kind, Stage: waxseal.StageDeliver, Effects: s.effects, Does: s.does, Manual: "the documentation of Mailman"})
	}
	return list
}
