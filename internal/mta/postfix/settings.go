package postfix

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
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
		p := mta.Clean(value)
		in.Part(p, waxseal.RoleList)
		if text, ok := in.Read(p, "the file of myorigin"); ok {
			return firstWord(text, value) + " (" + value + ")"
		}
		return value
	}
	if !listFiles[name] {
		return in.spelled(v, name, value)
	}
	var items []string
	for _, item := range mapdb.Fields(value) {
		if strings.HasPrefix(strings.TrimLeft(item, "!"), "/") {
			p := mta.Clean(strings.TrimLeft(item, "!"))
			in.Part(p, waxseal.RoleList)
			if text, ok := in.Read(p, "a list file"); ok {
				expanded, _ := v.Expand(strings.Join(listLines(text), " "))
				item += " = (" + normalList(expanded, ", ") + ")"
			}
		}
		items = append(items, foldBraces(item))
	}
	return strings.Join(unordered(name, items), ", ")
}

// unordered sorts a list in which order means nothing: one match is enough,
// unless an item excludes what another includes (match_list(3)).
func unordered(name string, items []string) []string {
	excludes := func(item string) bool { return strings.HasPrefix(item, "!") }
	if name == "masquerade_domains" || slices.ContainsFunc(items, excludes) {
		return items
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// spelled writes a value in the one form of its type, which the default tells:
// yes and no without regard to case, times in their largest whole unit
// (get_mail_conf_bool(3), conv_time(3)).
func (in *instance) spelled(v view, name, value string) string {
	value = normal(name, value)
	standard, ok := v.Standard(name)
	if !ok {
		return value
	}
	if lower := strings.ToLower(value); (standard == "yes" || standard == "no") && (lower == "yes" || lower == "no") {
		return lower
	}
	if g := duration.FindStringSubmatch(standard); g != nil && g[2] != "" {
		return inLargestUnit(value, g[2])
	}
	return value
}

var (
	duration = regexp.MustCompile(`^([0-9]{1,9})([smhdwSMHDW]?)$`)
	units    = []struct {
		name    string
		seconds int
	}{{"w", 7 * 24 * 3600}, {"d", 24 * 3600}, {"h", 3600}, {"m", 60}, {"s", 1}}
)

// inLargestUnit writes a time of seconds, minutes and so on; without a unit it
// has that of the default (get_mail_conf_time(3)).
func inLargestUnit(value, otherwise string) string {
	g := duration.FindStringSubmatch(value)
	if g == nil {
		return value
	}
	n, err := strconv.Atoi(g[1])
	unit := strings.ToLower(cmp.Or(g[2], otherwise))
	if err != nil || n == 0 {
		return value
	}
	for _, u := range units {
		if u.name == unit {
			n *= u.seconds
			break
		}
	}
	for _, u := range units {
		if n%u.seconds == 0 {
			return strconv.Itoa(n/u.seconds) + u.name
		}
	}
	return value
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
		shown := in.spelled(v, o.Name, value)
		if shown == in.spelled(in.view, o.Name, in.view.Value(o.Name)) {
			continue
		}
		in.note(clip(svc.Key())+":"+clip(o.Name), shown, source)
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
