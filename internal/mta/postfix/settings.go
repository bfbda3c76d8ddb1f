package postfix

import (
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// collectSettings notes every effective value that is not the default: of
// main.cf, of -o options, and the services themselves.
func (in *instance) collectSettings() {
	for _, name := range in.main.order {
		value := in.view.value(name)
		if !in.isParameter(name) || in.isDefault(name, value) {
			continue
		}
		in.note(clip(name), in.settingValue(in.view, name, value), waxseal.Source{Path: in.main.path, Line: in.main.set[name].line})
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
				expanded, _ := v.expand(strings.Join(listLines(text), " "))
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
		in.used = in.usedNames()
	}
	return in.used[name]
}

// usedNames are the names of main.cf that have an effect.
func (in *instance) usedNames() map[string]bool {
	used := map[string]bool{}
	var queue []string
	add := func(name string) {
		if _, ok := in.main.set[name]; ok && !used[name] {
			used[name] = true
			queue = append(queue, name)
		}
	}
	for _, name := range in.main.order {
		_, known := in.defaults[name]
		_, derived := in.view.derived[name]
		if known || derived || in.byService(name) {
			add(name)
		}
	}
	for _, class := range in.listed("smtpd_restriction_classes") {
		add(class)
	}
	for i := range in.services {
		for _, o := range in.services[i].overrides {
			references(o.raw, add)
		}
	}
	for _, name := range in.main.order {
		if used[name] {
			in.tablePrefixes(name, add)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		references(in.main.set[name].raw, add)
	}
	return used
}

// byService reports whether the name is one that a service of master.cf gives
// rise to: name_time_limit, name_destination_concurrency_limit (postconf(5)).
func (in *instance) byService(name string) bool {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '_' && in.byKey[name[:i]+"/unix"] != nil {
			if _, ok := perTransport(in.defaults, name); ok {
				return true
			}
		}
	}
	return false
}

// tablePrefixes follows ldap:name, whose definition is name_server_host and so
// on in main.cf (ldap_table(5)).
func (in *instance) tablePrefixes(name string, add func(string)) {
	for _, item := range mapdb.Fields(in.view.value(name)) {
		ref := mapdb.Ref{}
		if mapdb.IsRef(item) {
			ref = mapdb.Parse(item)
		}
		if ref.Class != mapdb.Database || ref.Source() != "" {
			continue
		}
		for _, other := range in.main.order {
			if strings.HasPrefix(other, ref.Name+"_") {
				add(other)
			}
		}
	}
}

// references calls add with every name that a text refers to.
func references(text string, add func(string)) {
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		i++
		for i < len(text) && strings.IndexByte("{( \t", text[i]) >= 0 {
			i++
		}
		start := i
		for i < len(text) && isNameByte(text[i]) {
			i++
		}
		add(text[start:i])
		i--
	}
}

// serviceSettings notes the fields of a service and those of its options that
// give it another value than main.cf does.
func (in *instance) serviceSettings(svc *service) {
	source := waxseal.Source{Path: in.dir + "/master.cf", Line: svc.line}
	in.note(clip(svc.key())+":service", in.canonical(svc), source)
	v := in.viewFor(svc)
	for _, o := range svc.overrides {
		value := v.value(o.name)
		if normal(o.name, value) == normal(o.name, in.view.value(o.name)) {
			continue
		}
		in.note(clip(svc.key())+":"+clip(o.name), normal(o.name, value), source)
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
		"private=" + or(svc.private, "y"), "unpriv=" + or(svc.unpriv, "y"), "chroot=" + string(in.chrootOf(svc)),
		"wakeup=" + or(svc.wakeup, "0"), "maxproc=" + or(svc.maxproc, in.view.value("default_process_limit")),
		"command=" + strings.Join(append([]string{svc.command}, svc.flags...), " "),
	}
	if len(svc.args) > 0 {
		fields = append(fields, commandLine(svc.args))
	}
	return strings.Join(fields, " ")
}
