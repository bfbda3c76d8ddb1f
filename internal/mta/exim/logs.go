package exim

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// errorsCopy reads pairs of a pattern and addresses (spec 49.1).
func errorsCopy(in *instance, o eximconf.Option, h waxseal.Hook) {
	for n, item := range eximconf.Split(o.Value) {
		pattern, addresses, _ := strings.Cut(item, " ")
		for m, address := range strings.FieldsFunc(addresses, func(r rune) bool { return strings.ContainsRune(", \t", r) }) {
			each := h
			each.ID += waxseal.HookID(":" + strconv.Itoa(n+1) + ":" + strconv.Itoa(m+1))
			each.Effects, each.Target = copies, in.domains.Address(address)
			each.Scope = "bounces to " + pattern
			if pattern == "*" || pattern == "*@*" {
				each.Scope = "all bounces"
			}
			each.Explain = "Bounces that go to " + pattern + " are copied to " + address + mta.Where(each.Target) + " (errors_copy)."
			in.emit(each)
		}
	}
}

func addressed(in *instance, o eximconf.Option, h waxseal.Hook) {
	address := strings.Trim(o.Value[strings.LastIndexByte(o.Value, '<')+1:], "> ")
	h.Effects, h.Target = modifies, in.domains.Address(address)
	h.Explain = "Bounces ask for answers to " + address + mta.Where(h.Target) + " (errors_reply_to)."
	in.emit(h)
}

func freezeTell(in *instance, o eximconf.Option, h waxseal.Hook) {
	for n, address := range strings.FieldsFunc(o.Value, func(r rune) bool { return strings.ContainsRune(",: \t", r) }) {
		target := in.domains.Address(address)
		if !target.Remote {
			continue // notices to own people are a setting
		}
		each := h
		each.ID += waxseal.HookID(":" + strconv.Itoa(n+1))
		each.Effects, each.Target, each.Scope = copies, target, "notices of messages that are stuck"
		each.Explain = "Notices of messages that are stuck go to " + address + mta.Where(target) + " (freeze_tell)."
		in.emit(each)
	}
}

func textFile(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Effects = modifies
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: "file:" + o.Value}
	if path.IsAbs(o.Value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(o.Value), Role: waxseal.RoleMap}}
	}
	h.Explain = "The text of " + map[string]string{"bounce_message_file": "bounces", "warn_message_file": "warnings"}[o.Name] + " is that of " + o.Value + " (" + o.Name + ")."
	in.emit(h)
}

// logFile reads log_file_path: "syslog", a path with "%s", both, or an empty item
// for the directory below the spool.
func logFile(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	for _, item := range eximconf.Split(o.Value) {
		switch {
		case path.IsAbs(item):
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: item}
			if strings.HasPrefix(item, "/dev/null") {
				h.Target.Value, h.Effects = "/dev/null", silences
			}
		}
	}
	h.Explain = "Exim logs to " + mta.Clip(o.Value) + " (log_file_path)."
	in.emit(h)
}

// vital are the selectors of the log that are on by themselves and tell what became
// of mail (spec 52.15).
var vital = []string{"all", "address_rewrite", "connection_reject", "delay_delivery", "rejected_header", "sender_verify_fail", "smtp_confirmation", "size_reject"}

func logSelector(in *instance, o eximconf.Option, h waxseal.Hook) {
	var less []string
	for _, word := range strings.Fields(o.Value) {
		if name, ok := strings.CutPrefix(word, "-"); ok && slices.Contains(vital, name) {
			less = append(less, name)
		}
	}
	if len(less) == 0 {
		return
	}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	if slices.Contains(less, "all") {
		h.Effects = silences
	}
	h.Explain = "The log leaves out " + strings.Join(less, ", ") + " (log_selector)."
	in.emit(h)
}

func switchedOff(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	h.Explain = map[string]string{"write_rejectlog": "What was rejected is not kept in a log of its own", "message_logs": "What happens to a message is not written down beside it"}[o.Name] + " (" + o.Name + ")."
	in.emit(h)
}

func noLog(in *instance, o eximconf.Option, h waxseal.Hook) {
	if o.Value == "" {
		return
	}
	h.Effects = silences
	if in.ownHosts(o.Value) {
		h.Effects = nil
	}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	h.Scope = "connections of " + mta.Clip(o.Value)
	h.Explain = "Connections of " + mta.Clip(o.Value) + " are not logged (hosts_connection_nolog)."
	in.emit(h)
}

func logName(in *instance, o eximconf.Option, h waxseal.Hook) {
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
	h.Explain = "The log is written as " + mta.Clip(o.Value) + " (" + o.Name + ")."
	in.emit(h)
}

// ownHosts reports whether a list has only addresses of private networks and this
// host.
func (in *instance) ownHosts(list string) bool {
	words, known := in.words("hostlist", list)
	for _, w := range words {
		network, err := netip.ParsePrefix(w)
		if a, bad := netip.ParseAddr(w); bad == nil {
			network, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if w != "" && w[0] != '!' && w != "@" && w != "@[]" && (err != nil || !network.Addr().IsPrivate() && !network.Addr().IsLoopback()) {
			return false
		}
	}
	return known
}

// listTables makes hooks of the tables that a list asks: "lsearch;/etc/x".
func (in *instance) listTables(s spot, kind, list string) {
	for _, item := range eximconf.Split(list) {
		item = strings.TrimLeft(strings.TrimPrefix(item, "!"), " \t")
		i := strings.IndexByte(item, ';')
		if i <= 0 || strings.ContainsAny(item[:i], ".@/+ ${") {
			continue
		}
		in.asked(s, item[:i], strings.TrimSpace(item[i+1:]))
	}
}

// relayLists are the lists of hosts that package configurations let relay.
var relayLists = []string{"relay_from_hosts", "relay_hosts", "trustedmailhosts", "loopback"}

// openRelay looks whether a list of hosts that may relay has the whole Internet.
func (in *instance) openRelay(l eximconf.List) {
	if l.Kind != "hostlist" || !slices.Contains(relayLists, l.Name) {
		return
	}
	words, _ := in.words("hostlist", l.Value)
	for _, w := range words {
		network, err := netip.ParsePrefix(w)
		wide := err == nil && (network.Bits() < 8 && network.Addr().Is4() || network.Bits() < 16 && network.Addr().Is6()) && !network.Addr().IsPrivate() && !network.Addr().IsLoopback()
		if w != "*" && w != "*.*" && !wide {
			continue
		}
		h := in.hook("list:"+l.Name+":open", l.Place)
		h.Kind, h.Stage, h.Directive, h.Effects = waxseal.KindPolicy, waxseal.StageSession, "hostlist", diverts
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: w, Remote: true}
		h.Explain = "Clients in " + w + ", which is far more than an own network, may send mail anywhere through this host (hostlist " + l.Name + ")."
		in.emit(h)
		return
	}
}
