package postfix

import (
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// collectSettings notes every effective value that is not the default: of
// main.cf, of -o options, and the services themselves.
func (in *instance) collectSettings() {
	for _, name := range in.main.Order {
		value := in.view.Value(name)
		if !in.isParameter(name) || in.isDefault(name, value) {
			continue
		}
		in.note(clip(name), in.settingValue(in.view, name, value), waxseal.Source{Path: in.main.Path, Line: in.main.Set[name].Line})
	}
	for i := range in.services {
		in.serviceSettings(&in.services[i])
	}
}

// settingValue is the value in its one form. A value that names a file whose
// content is the value (myorigin, list files) shows the content too.
func (in *instance) settingValue(v view, name, value string) string {
	if name == "myorigin" && strings.HasPrefix(value, "/") {
		p := clean(value)
		in.part(p, waxseal.RoleList)
		if text, ok := in.read(p, "the file of myorigin"); ok {
			return firstWord(text, value) + " (" + value + ")"
		}
		return value
	}
	if !listFiles[name] {
		return normal(name, value)
	}
	var items []string
	for _, item := range mapdb.Fields(value) {
		if strings.HasPrefix(strings.TrimLeft(item, "!"), "/") {
			p := clean(strings.TrimLeft(item, "!"))
			in.part(p, waxseal.RoleList)
			if text, ok := in.read(p, "a list file"); ok {
				expanded, _ := v.Expand(strings.Join(listLines(text), " "))
				item += " = (" + normalList(expanded, ", ") + ")"
			}
		}
		items = append(items, foldBraces(item))
	}
	return strings.Join(items, ", ")
}

// listFiles are lists in which /file/name stands for the lines of the file
// (match_list(3), postconf(5)).
var listFiles = map[string]bool{
	"mydestination": true, "mynetworks": true, "relay_domains": true, "virtual_alias_domains": true,
	"virtual_mailbox_domains": true, "inet_interfaces": true, "proxy_interfaces": true, "fast_flush_domains": true,
	"debug_peer_list": true, "permit_mx_backup_networks": true, "qmqpd_authorized_clients": true,
	"smtpd_sasl_exceptions_networks": true, "smtpd_client_event_limit_exceptions": true,
	"smtpd_authorized_xclient_hosts": true, "smtpd_authorized_xforward_hosts": true, "authorized_submit_users": true,
	"authorized_flush_users": true, "authorized_mailq_users": true, "smtpd_authorized_verp_clients": true,
	"masquerade_domains": true, "smtp_connection_cache_destinations": true,
}

// isParameter reports whether a name has an effect: Postfix knows it, or
// something that Postfix reads refers to it.
func (in *instance) isParameter(name string) bool {
	if in.used == nil {
		in.used = in.config.Used()
	}
	return in.used[name]
}

// serviceSettings notes the fields of a service and those of its options that
// give it another value than main.cf does.
func (in *instance) serviceSettings(svc *service) {
	source := waxseal.Source{Path: in.dir + "/master.cf", Line: svc.Line}
	in.note(clip(svc.Key())+":service", in.canonical(svc), source)
	v := in.viewFor(svc)
	for _, o := range svc.Overrides {
		value := v.Value(o.Name)
		if normal(o.Name, value) == normal(o.Name, in.view.Value(o.Name)) {
			continue
		}
		in.note(clip(svc.Key())+":"+clip(o.Name), normal(o.Name, value), source)
	}
}

// canonical writes the fields of a service with the defaults spelled out.
func (in *instance) canonical(svc *service) string {
	or := func(field, otherwise string) string {
		if field == "-" {
			return otherwise
		}
		return field
	}
	fields := []string{
		"private=" + or(svc.Private, "y"), "unpriv=" + or(svc.Unpriv, "y"), "chroot=" + string(in.chrootOf(svc)),
		"wakeup=" + or(svc.Wakeup, "0"), "maxproc=" + or(svc.MaxProc, in.view.Value("default_process_limit")),
		"command=" + strings.Join(append([]string{svc.Command}, svc.Flags...), " "),
	}
	if len(svc.Args) > 0 {
		fields = append(fields, commandLine(svc.Args))
	}
	return strings.Join(fields, " ")
}
