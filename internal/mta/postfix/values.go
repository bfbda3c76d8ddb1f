package postfix

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// transportValue reads a parameter whose value is transport:nexthop.
func transportValue(s site) {
	d := s.in.deliver(s.value, s.param.kind)
	h := s.hook("1")
	d.fill(&h)
	if s.param.kind == waxseal.KindContentFilter {
		h.Kind = waxseal.KindContentFilter
		if h.Effects = s.param.effects; d.runsAs != "" || d.target.Type == waxseal.TargetCommand {
			h.Effects = runsAll
		}
		if d.kind == waxseal.KindDiscard {
			h.Effects = drops
		}
		h.Explain = s.meeting() + " " + d.words + " before it is delivered, and may come back changed or not at all (content_filter)."
	} else {
		h.Explain = "Mail that " + transportRole(s.name) + " " + d.words + " (" + s.name + " = " + clip(s.value) + ")."
	}
	s.in.emit(h)
}

func transportRole(name string) string {
	switch name {
	case "default_transport":
		return "leaves this host"
	case "relay_transport":
		return "is for relayed domains"
	case "local_transport":
		return "is for local domains"
	case "virtual_transport":
		return "is for virtual mailboxes"
	case "mailbox_transport":
		return "is for local mailboxes"
	case "fallback_transport":
		return "is for unknown local users"
	}
	return "meets " + name
}

// hostValue reads relayhost and its like: one next hop, or a list of them.
func hostValue(s site) {
	for i, hop := range mapdb.Fields(s.value) {
		h := s.hook(strconv.Itoa(i + 1))
		h.Target, h.Closure = s.in.hostTarget(hop, notChrooted)
		h.Explain = "Mail that leaves this host is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + " (" + s.name + ")."
		if strings.HasSuffix(s.name, "_fallback_relay") {
			h.Explain = "Mail that can not be delivered to its destination is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + " (" + s.name + ")."
		}
		s.in.emit(h)
	}
}

// proxyFilter reads smtpd_proxy_filter: host:port, :port or unix:path.
func proxyFilter(s site) {
	h := s.hook("1")
	h.Target, h.Closure = s.in.socketTarget(s.value, s.milterChroot())
	mta.Modify(&h, "smtpd_proxy_options", s.view.Value("smtpd_proxy_options"))
	h.Explain = s.meeting() + " passes through the proxy at " + clip(h.Target.Value) + mta.Where(h.Target) +
		" before it is queued; it can read, change, divert or discard it (smtpd_proxy_filter)."
	s.in.emit(h)
}

// addressValue reads a parameter whose value is an address.
func addressValue(s site) {
	h := s.hook("1")
	h.Target = s.in.addressTarget(s.value)
	switch s.name {
	case "always_bcc":
		h.Explain = s.meeting() + " is copied to " + clip(s.value) + mta.Where(h.Target) + ", unseen by sender and recipient (always_bcc)."
	case "luser_relay":
		h.Explain = "Mail for unknown local users goes to " + clip(s.value) + mta.Where(h.Target) + " (luser_relay)."
	default:
		h.Explain = "Mail without a sender's address to return to goes to " + clip(s.value) + mta.Where(h.Target) + " (" + s.name + ")."
	}
	s.in.emit(h)
}

// noticeRecipient reads where postmaster notices go: copies of headers and SMTP
// dialogues (postconf(5) notify_classes).
func noticeRecipient(s site) {
	h := s.hook("1")
	h.Target = s.in.addressTarget(s.value)
	class := strings.TrimSuffix(s.name, "_notice_recipient")
	enabled := mapdb.Fields(s.view.Value("notify_classes"))
	sent := false
	for _, e := range enabled {
		if class == "error" {
			sent = sent || e == "policy" || e == "protocol" || e == "resource" || e == "software" || e == "data"
		}
		sent = sent || e == class
	}
	h.Active = h.Active && sent
	mta.Modify(&h, "notify_classes", strings.Join(enabled, ", "))
	h.Explain = "Notices about mail (" + class + "), which hold headers and SMTP dialogues, go to " + clip(s.value) + mta.Where(h.Target) + " (" + s.name + ")."
	if !sent {
		h.Explain += " No such notices are switched on (notify_classes)."
	}
	s.in.emit(h)
}

// textValue reads a parameter whose value is no destination.
func textValue(s site) {
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: normal(s.name, s.value)}
	h.Explain = s.name + " is set to " + clip(h.Target.Value) + " instead of the default: " + textMeaning(s.name) + "."
	s.in.emit(h)
}

func textMeaning(name string) string {
	switch name {
	case "notify_classes":
		return "it says about which mail postmaster gets a notice with headers and dialogue"
	case "allow_mail_to_commands":
		return "it says whether aliases, .forward files and included lists may run commands"
	case "allow_mail_to_files":
		return "it says whether aliases, .forward files and included lists may write files"
	case "message_drop_headers":
		return "these headers are removed from every message"
	case "undisclosed_recipients_header":
		return "it is put into messages that name no recipient"
	case "smtpd_discard_ehlo_keywords", "smtp_discard_ehlo_keywords", "lmtp_discard_lhlo_keywords":
		return "these SMTP extensions, which may be encryption or authentication, are hidden"
	case "smtpd_reject_footer", "postscreen_reject_footer":
		return "it is added to replies that reject mail"
	case "debug_peer_list":
		return "SMTP sessions with these hosts are logged word by word"
	case "masquerade_domains":
		return "host names in addresses are cut to these domains"
	}
	return "it says what milters are told"
}

// commandValue reads mailbox_command. local(8) runs it with a shell only where
// it needs one.
func commandValue(s site) {
	h := s.hook("1")
	s.command(&h, s.value)
	h.Explain = "Mail for local users is delivered by the command " + clip(s.value) + ", run as the recipient (" + s.name + ")."
	s.in.emit(h)
}

func (s site) command(h *waxseal.Hook, line string) {
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(strings.Fields(line), " ")}
	h.Closure = append(h.Closure, s.in.CommandParts(mta.ShellWords(line))...)
}

// debuggerCommand is run as root by each daemon that has -D in master.cf.
func debuggerCommand(s site) {
	h := s.hook("1")
	s.command(&h, s.value)
	h.Active = false
	for i := range s.in.services {
		if svc := &s.in.services[i]; svc.HasFlag("D") && (s.service == nil || s.service == svc) {
			h.Active = true
			mta.Modify(&h, "services", strings.TrimPrefix(h.Modifiers["services"]+", "+clip(svc.Key()), ", "))
		}
	}
	h.Explain = "Daemons that master.cf starts with -D run the command " + clip(s.value) + " as root (debugger_command)."
	if !h.Active {
		h.Explain += " No service has -D."
	}
	s.in.emit(h)
}

// programValue reads a parameter that names a program, perhaps with arguments.
func programValue(s site) {
	h := s.hook("1")
	s.command(&h, s.value)
	h.Explain = s.name + " is set to " + clip(h.Target.Value) + " instead of the default: " + programMeaning(s.name) + "."
	s.in.emit(h)
}

func programMeaning(name string) string {
	switch name {
	case "multi_instance_wrapper":
		return "postfix(1) runs it as root whenever mail is started, stopped or reloaded"
	case "maillog_file_compressor":
		return "\"postfix logrotate\" runs it as root"
	case "openssl_path":
		return "\"postfix tls\" runs it as root"
	case "local_command_shell":
		return "local delivery runs every command through it"
	case "sendmail_path":
		return "programs that submit mail run it"
	}
	return "it runs in place of Postfix's own command"
}

// directoryValue reads a parameter that names a directory.
func directoryValue(s site) {
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.value}
	if path.IsAbs(s.value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(s.value), Role: waxseal.RoleDirectory}}
	}
	meaning := "Postfix takes programs and libraries from there and runs them as root"
	if s.param.kind == waxseal.KindRedirect {
		meaning = "mail is kept there"
	}
	h.Explain = s.name + " is set to " + clip(s.value) + " instead of the default: " + meaning + "."
	s.in.emit(h)
}

// fileValue reads a parameter that names a file whose text goes into mail.
func fileValue(s site) {
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.value}
	if path.IsAbs(s.value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(s.value), Role: waxseal.RoleInclude}}
	}
	h.Explain = "The text of bounces is taken from " + clip(s.value) + " (" + s.name + ")."
	s.in.emit(h)
}

// logFile reads maillog_file.
func logFile(s site) {
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.value}
	h.Explain = "Postfix writes its log to " + clip(s.value) + " itself, not to syslog (maillog_file)."
	if mta.Clean(s.value) == "/dev/null" {
		h.Effects = silences
		h.Explain = "The log of Postfix is thrown away (maillog_file = /dev/null)."
	}
	s.in.emit(h)
}

// logName reads syslog_name and syslog_facility, by which log rules find mail.
func logName(s site) {
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: s.value}
	h.Explain = "Postfix logs under " + s.name + " = " + clip(s.value) + " instead of the default."
	// A second instance is told to log as postfix-NAME (MULTI_INSTANCE_README);
	// under another facility the log goes to another file.
	if s.name == "syslog_name" && !strings.Contains(strings.ToLower(s.value), "postfix") {
		h.Effects = silences
		h.Explain = "Postfix logs under the name " + clip(s.value) + ": rules and people that look for postfix do not see it (syslog_name)."
	}
	s.in.emit(h)
}

// environment reads import_environment and export_environment: each name that
// the default does not have is a hook (postconf(5)).
func environment(s site) {
	standard, _ := s.view.Standard(s.name)
	usual := map[string]bool{}
	for _, item := range mapdb.Fields(standard) {
		usual[item] = true
	}
	for _, item := range mapdb.Fields(s.value) {
		if usual[item] {
			continue
		}
		if inner, ok := mapdb.Unbrace(item); ok {
			item = inner
		}
		name, value, assigned := strings.Cut(item, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		h := s.hook(clip(name))
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: item}
		h.Explain = "Every Postfix program takes the variable " + clip(name) + " from its caller (" + s.name + ")."
		if assigned {
			h.Target.Value = name + "=" + value
			h.Explain = "Every Postfix program runs with " + clip(h.Target.Value) + " in its environment, those that run as root too (" + s.name + ")."
		}
		for _, w := range mta.PathWords(strings.ReplaceAll(value, ":", " ")) {
			role := waxseal.RoleInclude
			if strings.HasPrefix(name, "LD_") {
				role = waxseal.RoleLibrary
			}
			h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(w), Role: role})
		}
		s.in.emit(h)
	}
}
