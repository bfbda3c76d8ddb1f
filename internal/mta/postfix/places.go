package postfix

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place {
	var list []waxseal.Place
	for _, p := range parameters() {
		list = append(list, p.place())
	}
	for _, a := range mta.Actions() {
		list = append(list, waxseal.Place{
			MTA: MTA, Directive: a.Verb, Where: "a table of header, body or access checks", Kind: a.Kind, Stage: waxseal.StageQueue, Effects: a.Effects,
			Does: "mail that matches " + a.Does, Manual: "header_checks(5), access(5)",
		})
	}
	return append(list, otherPlaces...)
}

func (p param) place() waxseal.Place {
	where, does := "main.cf", p.does()
	if p.daemons != "" && p.when != mainChanged {
		where = "main.cf, or -o in master.cf"
	}
	return waxseal.Place{
		MTA: MTA, Directive: p.name, Where: where, Kind: p.kind, Stage: p.stage, Effects: p.effects,
		Does: does, Manual: "postconf(5)",
	}
}

func (p param) does() string {
	switch text, ok := does[p.name]; {
	case ok:
		return text
	case strings.HasSuffix(p.name, "_restrictions"):
		return "mail is taken or refused, and tables and policy servers are asked, whose answers may redirect, copy, hold or drop it"
	case strings.HasPrefix(p.name, "milter_") && p.kind == waxseal.KindMilter:
		return "milters are told these things about a message"
	}
	return p.looks
}

// otherPlaces are the hooks that are no parameter of main.cf.
var otherPlaces = []waxseal.Place{
	{MTA: MTA, Directive: "check_policy_service", Where: "a list of restrictions", Kind: waxseal.KindPolicy, Stage: waxseal.StageSession, Effects: decides,
		Does: "a program is asked about sender and recipient, and may answer with any action", Manual: "SMTPD_POLICY_README"},
	{MTA: MTA, Directive: "pipe", Where: "a service in master.cf", Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: runsAll,
		Does: "mail that something leads to the service is handed to a command", Manual: "pipe(8)"},
	{MTA: MTA, Directive: "spawn", Where: "a service in master.cf", Kind: waxseal.KindPipe, Stage: waxseal.StageSession, Effects: runsAll,
		Does: "a command runs for whoever connects to the service", Manual: "spawn(8)"},
	{MTA: MTA, Directive: "command", Where: "a service in master.cf", Kind: waxseal.KindBinary, Stage: waxseal.StageConnect, Effects: runs,
		Does: "a program that is no daemon of Postfix is started as one, as root where the service says so", Manual: "master(5)"},
	{MTA: MTA, Directive: "unpriv", Where: "a service in master.cf", Kind: waxseal.KindBinary, Stage: waxseal.StageConnect, Effects: runs,
		Does: "a daemon of Postfix that needs no privileges keeps those of root", Manual: "master(5)"},
	{MTA: MTA, Directive: "dynamicmaps.cf", Where: "dynamicmaps.cf and dynamicmaps.cf.d", Kind: waxseal.KindModule, Stage: waxseal.StageConnect, Effects: runs,
		Does: "a library is loaded into every program of Postfix that names a table of the type", Manual: "postconf(5) shlib_directory"},
}

// does says what the parameters do whose value is no table.
var does = map[string]string{
	"multi_instance_wrapper":           "a command runs as root whenever Postfix is started, stopped or reloaded",
	"debugger_command":                 "a command runs as root beside each daemon that has -D",
	"import_environment":               "variables get into every daemon, those of the loader too",
	"export_environment":               "variables get into every command that Postfix runs",
	"alternate_config_directories":     "users may have the commands that run with a group's rights work by the configuration there",
	"maillog_file":                     "the log is written elsewhere, or nowhere",
	"maillog_file_compressor":          "a command runs as root when the log is rotated",
	"syslog_name":                      "the log has another name, which those who look for it miss",
	"syslog_facility":                  "the log goes where other rules hold",
	"openssl_path":                     "a command runs as root in \"postfix tls\"",
	"tls_config_file":                  "OpenSSL loads the libraries that this file names into the daemons",
	"debug_peer_list":                  "SMTP sessions with these hosts are logged word by word",
	"mynetworks":                       "clients of the whole Internet may send mail anywhere through this host",
	"smtpd_sasl_path":                  "somebody else checks, and so hears, the passwords of those who log in to send mail",
	"myorigin":                         "addresses without a domain, those in aliases too, get the domain of somebody else",
	"home_mailbox":                     "mail for local users is written outside their home directories",
	"undisclosed_recipients_header":    "this header is put into messages that name no recipient",
	"smtpd_discard_ehlo_keywords":      "encryption or other extensions are hidden from clients",
	"smtp_discard_ehlo_keywords":       "encryption or other extensions that servers offer are ignored",
	"lmtp_discard_lhlo_keywords":       "encryption or other extensions that servers offer are ignored",
	"smtpd_reject_footer":              "this text is added to replies that reject mail",
	"postscreen_reject_footer":         "this text is added to replies that reject mail",
	"address_verify_relayhost":         "probes of addresses are sent to this host",
	"address_verify_default_transport": "probes of addresses elsewhere are handed to this service",
	"address_verify_local_transport":   "probes of local addresses are handed to this service",
	"address_verify_relay_transport":   "probes of relayed addresses are handed to this service",
	"address_verify_virtual_transport": "probes of virtual addresses are handed to this service",
	"smtpd_milters":                    "every message that arrives by SMTP is handed to a program that can read, change and divert it",
	"non_smtpd_milters":                "every message that this host sends is handed to a program that can read, change and divert it",
	"smtpd_restriction_classes":        "lists of restrictions get names, by which tables can call them",
	"smtpd_proxy_filter":               "every message passes through a proxy before it is queued",
	"content_filter":                   "every message is handed to another service before it is delivered",
	"default_filter_nexthop":           "filtered mail goes to this host where a filter names none",
	"message_drop_headers":             "these headers are taken out of every message",
	"masquerade_domains":               "host names in addresses are cut to these domains",
	"always_bcc":                       "every message is copied to an address, unseen by sender and recipient",
	"notify_classes":                   "notices with headers and dialogue are sent for these sorts of event",
	"relayhost":                        "all mail that leaves is sent to this host",
	"default_transport":                "mail that leaves is handed to this service",
	"relay_transport":                  "mail for relayed domains is handed to this service",
	"local_transport":                  "mail for local domains is handed to this service",
	"virtual_transport":                "mail for virtual mailboxes is handed to this service",
	"smtp_fallback_relay":              "mail that can't be delivered is sent to this host",
	"lmtp_fallback_relay":              "mail that can't be delivered is sent to this host",
	"luser_relay":                      "mail for unknown local users goes to this address",
	"empty_address_recipient":          "mail without an address to return to goes to this address",
	"forward_path":                     "users' mail is forwarded as these files say: to addresses, files and commands",
	"mailbox_transport":                "mail for local users is handed to this service",
	"mailbox_command":                  "mail for local users is handed to a command",
	"local_command_shell":              "every command of a local delivery runs through this program",
	"allow_mail_to_commands":           "aliases, forward files or lists may run commands",
	"allow_mail_to_files":              "aliases, forward files or lists may write files",
	"mail_spool_directory":             "mailboxes are kept here",
	"fallback_transport":               "mail for unknown local users is handed to this service",
	"bounce_template_file":             "bounces have this text",
	"daemon_directory":                 "Postfix takes the programs that it runs from here",
	"command_directory":                "Postfix takes the commands that it runs from here",
	"shlib_directory":                  "Postfix takes the libraries that it loads from here",
	"meta_directory":                   "Postfix takes the list of its table modules from here",
	"sendmail_path":                    "this is run in place of the sendmail command",
	"mailq_path":                       "this is run in place of the mailq command",
	"newaliases_path":                  "this is run in place of the newaliases command",
	"queue_directory":                  "mail waits here",
	"data_directory":                   "Postfix keeps its own files here",
	"error_notice_recipient":           "transcripts of failed sessions go to this address",
	"bounce_notice_recipient":          "headers of bounced mail go to this address",
	"2bounce_notice_recipient":         "bounces that can't be returned go to this address",
	"delay_notice_recipient":           "headers of delayed mail go to this address",
}
