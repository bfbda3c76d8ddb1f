package postfix

import (
	"slices"
	"strings"
	"sync"

	"waxseal"
)

// param is one parameter that makes hooks: where on mail's way, of what kind,
// and how its value is read.
type param struct {
	name    string
	stage   waxseal.Stage
	kind    waxseal.HookKind
	effects []waxseal.Effect
	make    func(site)
	// looks opens the sentence about a table: "recipients are replaced".
	looks string
	// daemons are the programs that read it; others ignore an -o of it.
	daemons string
	runsAs  string
	// also are parameters whose override changes what this one does.
	also []string
	when condition
}

// condition is when a parameter is looked at.
type condition string

const (
	whenSet     condition = ""         // it has a value in main.cf or by -o
	whenChanged condition = "changed"  // its value is not the default
	mainChanged condition = "main"     // the same, main.cf only
	whenever    condition = "whenever" // its default makes hooks too
)

var (
	seesAll   = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	runs      = []waxseal.Effect{waxseal.Execute}
	copies    = []waxseal.Effect{waxseal.Copy}
	diverts   = []waxseal.Effect{waxseal.Divert}
	modifies  = []waxseal.Effect{waxseal.Modify}
	drops     = []waxseal.Effect{waxseal.Drop}
	silences  = []waxseal.Effect{waxseal.Silence}
	decides   = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	runsAll   = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	rewrites  = []waxseal.Effect{waxseal.Divert, waxseal.Modify, waxseal.Drop}
	noEffects = []waxseal.Effect{}
)

var milterOptions = []string{"milter_default_action", "milter_protocol", "milter_connect_timeout", "milter_command_timeout", "milter_content_timeout"}

// parameters lists every parameter that makes hooks, in the order in which mail
// meets them. It is the caller's.
func parameters() []param { return slices.Clone(allParameters()) }

var allParameters = sync.OnceValue(listParameters)

// listParameters: the daemons are those whose manual page lists the parameter.
func listParameters() []param {
	const (
		session, data, queue  = waxseal.StageSession, waxseal.StageData, waxseal.StageQueue
		route, deliver, start = waxseal.StageRoute, waxseal.StageDeliver, waxseal.StageConnect
	)
	return slices.Concat([]param{
		{name: "multi_instance_wrapper", stage: start, kind: waxseal.KindScript, effects: runs, make: programValue, when: mainChanged, runsAs: "root"},
		{name: "openssl_path", stage: start, kind: waxseal.KindScript, effects: runs, make: programValue, when: mainChanged, runsAs: "root"},
		{name: "tls_config_file", stage: start, kind: waxseal.KindModule, effects: runs, make: opensslConfig, when: whenChanged, runsAs: "root"},
		{name: "debugger_command", stage: start, kind: waxseal.KindScript, effects: runs, make: debuggerCommand, runsAs: "root"},
		{name: "import_environment", stage: start, kind: waxseal.KindEnvironment, effects: runs, make: environment, when: whenChanged, runsAs: "root"},
		{name: "export_environment", stage: start, kind: waxseal.KindEnvironment, effects: runs, make: environment, when: whenChanged, runsAs: "root"},
		{name: "alternate_config_directories", stage: start, kind: waxseal.KindEnvironment, effects: runs, make: otherConfigurations, when: mainChanged},
		{name: "maillog_file", stage: start, kind: waxseal.KindLog, effects: noEffects, make: logFile, when: mainChanged},
		{name: "maillog_file_compressor", stage: start, kind: waxseal.KindScript, effects: runs, make: programValue, when: mainChanged, runsAs: "root"},
		{name: "syslog_name", stage: start, kind: waxseal.KindLog, effects: noEffects, make: logName, when: mainChanged},
		{name: "debug_peer_list", stage: start, kind: waxseal.KindLog, effects: []waxseal.Effect{waxseal.Observe}, make: textValue, daemons: "smtpd smtp lmtp"},
		{name: "syslog_facility", stage: start, kind: waxseal.KindLog, effects: noEffects, make: logName, when: mainChanged},

		{name: "smtpd_milter_maps", stage: session, kind: waxseal.KindMilter, effects: seesAll, make: milterMap, daemons: "smtpd", also: milterOptions, looks: "milters are chosen for each client"},
		{name: "smtpd_milters", stage: session, kind: waxseal.KindMilter, effects: seesAll, make: milters, daemons: "smtpd", also: milterOptions},
		{name: "relay_domains", stage: session, kind: waxseal.KindMap, effects: noEffects, make: openDomains, daemons: "smtpd", looks: "Postfix decides", when: whenSet},
		{name: "mynetworks", stage: session, kind: waxseal.KindPolicy, effects: diverts, make: openNetworks, daemons: "smtpd"},
		{name: "smtpd_sasl_path", stage: session, kind: waxseal.KindPolicy, effects: []waxseal.Effect{waxseal.Observe}, make: authServer, daemons: "smtpd"},
		{name: "smtpd_command_filter", stage: session, kind: waxseal.KindRewrite, effects: rewrites, make: filterTable, daemons: "smtpd", looks: "SMTP commands of clients are rewritten before they are read"},
		{name: "postscreen_command_filter", stage: start, kind: waxseal.KindRewrite, effects: rewrites, make: filterTable, daemons: "postscreen", looks: "SMTP commands of clients are rewritten before they are read"},
		{name: "smtpd_dns_reply_filter", stage: session, kind: waxseal.KindRewrite, effects: modifies, make: filterTable, daemons: "smtpd", looks: "DNS answers are rewritten"},
		{name: "smtpd_reject_filter_maps", stage: session, kind: waxseal.KindRewrite, effects: modifies, make: filterTable, daemons: "smtpd", looks: "replies that reject mail are rewritten"},
		{name: "smtpd_reject_footer_maps", stage: session, kind: waxseal.KindRewrite, effects: modifies, make: footerTable, daemons: "smtpd", looks: "text is added to replies that reject mail"},
		{name: "postscreen_reject_footer_maps", stage: start, kind: waxseal.KindRewrite, effects: modifies, make: footerTable, when: whenChanged, daemons: "postscreen", looks: "text is added to replies that reject mail"},
		{name: "smtpd_restriction_classes", stage: session, kind: waxseal.KindPolicy, effects: decides, make: restrictionClasses, daemons: "smtpd"},
		{name: "smtpd_proxy_filter", stage: data, kind: waxseal.KindContentFilter, effects: seesAll, make: proxyFilter, daemons: "smtpd", also: []string{"smtpd_proxy_options"}},
		{name: "non_smtpd_milters", stage: queue, kind: waxseal.KindMilter, effects: seesAll, make: milters, daemons: "cleanup", also: milterOptions},
		{name: "content_filter", stage: queue, kind: waxseal.KindContentFilter, effects: seesAll, make: transportValue, daemons: "smtpd pickup qmqpd cleanup"},
		{name: "default_filter_nexthop", stage: queue, kind: waxseal.KindRelay, effects: diverts, make: hostValue, when: whenChanged, daemons: "qmgr cleanup"},
		{name: "message_drop_headers", stage: queue, kind: waxseal.KindRewrite, effects: modifies, make: textValue, when: whenChanged, daemons: "cleanup"},
		{name: "masquerade_domains", stage: queue, kind: waxseal.KindRewrite, effects: modifies, make: textValue, daemons: "cleanup"},
		{name: "undisclosed_recipients_header", stage: queue, kind: waxseal.KindRewrite, effects: modifies, make: textValue, when: whenChanged, daemons: "cleanup"},
		{name: "myorigin", stage: queue, kind: waxseal.KindRedirect, effects: diverts, make: foreignOrigin, daemons: "trivial-rewrite"},
		{name: "always_bcc", stage: queue, kind: waxseal.KindCopy, effects: copies, make: addressValue, daemons: "cleanup smtpd pickup"},
		{name: "notify_classes", stage: queue, kind: waxseal.KindCopy, effects: copies, make: textValue, when: whenChanged},

		{name: "transport_maps", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportTable, daemons: "trivial-rewrite proxymap", looks: "the way of mail is chosen by recipient"},
		{name: "sender_dependent_default_transport_maps", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportTable, daemons: "trivial-rewrite proxymap", looks: "the way of mail is chosen by sender"},
		{name: "sender_dependent_relayhost_maps", stage: route, kind: waxseal.KindRelay, effects: diverts, make: hostTable, daemons: "trivial-rewrite proxymap", looks: "the relay host is chosen by sender"},
		{name: "relayhost", stage: route, kind: waxseal.KindRelay, effects: diverts, make: hostValue, daemons: "trivial-rewrite"},
		{name: "default_transport", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportValue, when: whenChanged, daemons: "trivial-rewrite"},
		{name: "relay_transport", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportValue, when: whenChanged, daemons: "trivial-rewrite"},
		{name: "local_transport", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportValue, when: whenChanged, daemons: "trivial-rewrite"},
		{name: "virtual_transport", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportValue, when: whenChanged, daemons: "trivial-rewrite"},
		{name: "relocated_maps", stage: route, kind: waxseal.KindRedirect, effects: drops, make: textTable, daemons: "trivial-rewrite", looks: "mail for people who moved is sent back"},

		{name: "address_verify_transport_maps", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportTable, when: whenChanged, daemons: "trivial-rewrite proxymap", looks: "the way of address probes is chosen by recipient"},
		{name: "address_verify_sender_dependent_default_transport_maps", stage: route, kind: waxseal.KindTransport, effects: diverts, make: transportTable, when: whenChanged, daemons: "trivial-rewrite proxymap", looks: "the way of address probes is chosen by sender"},
		{name: "address_verify_sender_dependent_relayhost_maps", stage: route, kind: waxseal.KindRelay, effects: diverts, make: hostTable, when: whenChanged, daemons: "trivial-rewrite proxymap", looks: "the relay host of address probes is chosen by sender"},
		{name: "address_verify_relayhost", stage: route, kind: waxseal.KindRelay, effects: diverts, make: hostValue, when: whenChanged, daemons: "trivial-rewrite"},

		{name: "smtp_fallback_relay", stage: deliver, kind: waxseal.KindRelay, effects: diverts, make: hostValue, daemons: "smtp"},
		{name: "lmtp_fallback_relay", stage: deliver, kind: waxseal.KindRelay, effects: diverts, make: hostValue, daemons: "lmtp"},
		{name: "smtp_generic_maps", stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: addressTable, daemons: "smtp", looks: "addresses are replaced as mail leaves"},
		{name: "lmtp_generic_maps", stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: addressTable, daemons: "lmtp", looks: "addresses are replaced as mail leaves"},
		{name: "alias_maps", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: aliasTable, when: whenever, daemons: "local", looks: "local recipients are replaced"},
		{name: "luser_relay", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: addressValue, daemons: "local"},
		{name: "empty_address_recipient", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: addressValue, when: whenChanged, daemons: "cleanup bounce"},
		{name: "forward_path", stage: deliver, kind: waxseal.KindRedirect, effects: []waxseal.Effect{waxseal.Divert, waxseal.Execute}, make: forwardPath, when: whenever, daemons: "local", runsAs: "recipient"},
		{name: "mailbox_transport_maps", stage: deliver, kind: waxseal.KindTransport, effects: diverts, make: transportTable, daemons: "local", looks: "the way of local mail is chosen by user"},
		{name: "mailbox_transport", stage: deliver, kind: waxseal.KindTransport, effects: diverts, make: transportValue, daemons: "local"},
		{name: "mailbox_command_maps", stage: deliver, kind: waxseal.KindPipe, effects: runsAll, make: commandTable, daemons: "local", looks: "the delivery command is chosen by user", runsAs: "recipient"},
		{name: "mailbox_command", stage: deliver, kind: waxseal.KindPipe, effects: runsAll, make: commandValue, daemons: "local", runsAs: "recipient"},
		{name: "local_command_shell", stage: deliver, kind: waxseal.KindScript, effects: runs, make: programValue, daemons: "local", runsAs: "recipient"},
		{name: "allow_mail_to_commands", stage: deliver, kind: waxseal.KindScript, effects: runs, make: textValue, when: whenChanged, daemons: "local"},
		{name: "allow_mail_to_files", stage: deliver, kind: waxseal.KindRedirect, effects: copies, make: textValue, when: whenChanged, daemons: "local"},
		{name: "home_mailbox", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: homeMailbox, daemons: "local", runsAs: "recipient"},
		{name: "virtual_uid_maps", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: uidTable, daemons: "virtual", looks: "the uid with which a virtual mailbox is written is chosen", runsAs: "root"},
		{name: "mail_spool_directory", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: directoryValue, when: whenChanged, daemons: "local"},
		{name: "virtual_mailbox_maps", stage: deliver, kind: waxseal.KindRedirect, effects: diverts, make: mailboxTable, daemons: "virtual proxymap", looks: "the mailbox of a virtual recipient is chosen"},
		{name: "fallback_transport_maps", stage: deliver, kind: waxseal.KindTransport, effects: diverts, make: transportTable, daemons: "local", looks: "the way of mail for unknown users is chosen"},
		{name: "fallback_transport", stage: deliver, kind: waxseal.KindTransport, effects: diverts, make: transportValue, daemons: "local"},
		{name: "bounce_template_file", stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: fileValue, daemons: "bounce"},
	}, familyParameters())
}

// family is a set of parameters that are alike but for their names.
type family struct {
	names string
	param param
}

// familyParameters spells the families out.
func familyParameters() []param {
	const (
		queue, deliver, session = waxseal.StageQueue, waxseal.StageDeliver, waxseal.StageSession
	)
	families := []family{
		{"smtpd_client_restrictions smtpd_helo_restrictions smtpd_sender_restrictions smtpd_relay_restrictions smtpd_recipient_restrictions smtpd_etrn_restrictions smtpd_data_restrictions smtpd_end_of_data_restrictions",
			param{stage: session, kind: waxseal.KindPolicy, effects: decides, make: restrictions, daemons: "smtpd"}},
		{"smtpd_discard_ehlo_keywords",
			param{stage: session, kind: waxseal.KindRewrite, effects: modifies, make: textValue, when: whenChanged, daemons: "smtpd"}},
		{"smtp_discard_ehlo_keywords lmtp_discard_lhlo_keywords",
			param{stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: textValue, when: whenChanged, daemons: "smtp lmtp"}},
		{"smtpd_reject_footer postscreen_reject_footer",
			param{stage: session, kind: waxseal.KindRewrite, effects: modifies, make: textValue, when: whenChanged, daemons: "smtpd postscreen"}},
		{"address_verify_default_transport address_verify_local_transport address_verify_relay_transport address_verify_virtual_transport",
			param{stage: waxseal.StageRoute, kind: waxseal.KindTransport, effects: diverts, make: transportValue, when: whenChanged, daemons: "trivial-rewrite"}},
		{"header_checks mime_header_checks nested_header_checks body_checks",
			param{stage: queue, kind: waxseal.KindRewrite, effects: decides, make: checksTable, daemons: "cleanup", looks: "mail is inspected line by line"}},
		{"milter_header_checks",
			param{stage: queue, kind: waxseal.KindRewrite, effects: decides, make: checksTable, daemons: "cleanup", looks: "headers that milters add are inspected"}},
		{"milter_connect_macros milter_helo_macros milter_mail_macros milter_rcpt_macros milter_data_macros milter_end_of_header_macros milter_end_of_data_macros milter_unknown_command_macros milter_macro_defaults milter_macro_daemon_name",
			param{stage: session, kind: waxseal.KindMilter, effects: []waxseal.Effect{waxseal.Observe}, make: textValue, when: mainChanged, daemons: "smtpd cleanup"}},
		{"sender_canonical_maps recipient_canonical_maps canonical_maps",
			param{stage: queue, kind: waxseal.KindRewrite, effects: []waxseal.Effect{waxseal.Divert, waxseal.Modify}, make: addressTable, daemons: "cleanup proxymap", looks: "addresses in envelope and header are replaced"}},
		{"virtual_alias_maps",
			param{stage: queue, kind: waxseal.KindRedirect, effects: diverts, make: addressTable, daemons: "cleanup proxymap", looks: "recipients are replaced"}},
		{"sender_bcc_maps", param{stage: queue, kind: waxseal.KindCopy, effects: copies, make: addressTable, daemons: "cleanup proxymap", looks: "hidden copies are made by sender"}},
		{"recipient_bcc_maps", param{stage: queue, kind: waxseal.KindCopy, effects: copies, make: addressTable, daemons: "cleanup proxymap", looks: "hidden copies are made by recipient"}},
		{"error_notice_recipient bounce_notice_recipient 2bounce_notice_recipient delay_notice_recipient",
			param{stage: queue, kind: waxseal.KindCopy, effects: copies, make: noticeRecipient, when: whenChanged, also: []string{"notify_classes"}}},
		{"smtp_header_checks smtp_mime_header_checks smtp_nested_header_checks smtp_body_checks",
			param{stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: checksTable, daemons: "smtp", looks: "mail is inspected line by line as it leaves"}},
		{"lmtp_header_checks lmtp_mime_header_checks lmtp_nested_header_checks lmtp_body_checks",
			param{stage: deliver, kind: waxseal.KindRewrite, effects: modifies, make: checksTable, daemons: "lmtp", looks: "mail is inspected line by line as it leaves"}},
		{"smtp_reply_filter lmtp_reply_filter smtp_dns_reply_filter lmtp_dns_reply_filter",
			param{stage: deliver, kind: waxseal.KindRewrite, effects: rewrites, make: filterTable, daemons: "smtp lmtp", looks: "answers of other servers are rewritten before they are read"}},
		{"default_delivery_status_filter smtp_delivery_status_filter lmtp_delivery_status_filter local_delivery_status_filter pipe_delivery_status_filter virtual_delivery_status_filter",
			param{stage: deliver, kind: waxseal.KindRewrite, effects: []waxseal.Effect{waxseal.Modify, waxseal.Drop}, make: filterTable, looks: "the outcome of deliveries is rewritten"}},
		{"daemon_directory command_directory shlib_directory meta_directory",
			param{stage: waxseal.StageConnect, kind: waxseal.KindBinary, effects: runs, make: directoryValue, when: mainChanged, runsAs: "root"}},
		{"sendmail_path mailq_path newaliases_path",
			param{stage: waxseal.StageConnect, kind: waxseal.KindBinary, effects: runs, make: programValue, when: mainChanged}},
		{"queue_directory data_directory",
			param{stage: waxseal.StageConnect, kind: waxseal.KindRedirect, effects: diverts, make: directoryValue, when: mainChanged}},
	}
	var out []param
	for _, f := range families {
		for _, name := range strings.Fields(f.names) {
			p := f.param
			p.name = name
			out = append(out, p)
		}
	}
	return out
}

// renamed are parameters that, unset, take the value of one with an old name.
var renamed = map[string]string{"virtual_alias_maps": "virtual_maps", "smtp_fallback_relay": "fallback_relay"}
