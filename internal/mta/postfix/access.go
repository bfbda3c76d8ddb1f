package postfix

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// openNetworks reads mynetworks: a hook where it trusts the whole Internet, which
// may then relay mail here (postconf(5) permit_mynetworks). Who else is trusted is
// a setting.
func openNetworks(s site) {
	for _, item := range s.in.listItems(s.value, map[waxseal.Path]bool{}) {
		network, err := netip.ParsePrefix(strings.NewReplacer("[", "", "]", "").Replace(item))
		if err != nil || network.Bits() > widest(network.Addr()) {
			continue
		}
		h := s.hook("open")
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: item, Remote: true}
		h.Explain = "Clients in " + clip(item) + ", which is far more than an own network, are trusted like this host and may send mail anywhere through it (" + s.name + ")."
		s.in.emit(h)
		return
	}
}

// widest is the longest prefix that is no network of anybody's own.
func widest(a netip.Addr) int {
	switch {
	case a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast():
		return -1
	case a.Is4():
		return 7
	}
	return 15
}

// openRelay looks whether a list of smtpd_relay_restrictions lets everybody send
// mail anywhere: it permits without a condition before anything refuses
// (SMTPD_ACCESS_README).
func (s site) openRelay(items []string) {
	if s.name != "smtpd_relay_restrictions" || s.service != nil && onLoopback(s.service) {
		return
	}
	guards := []string{"reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "permit_auth_destination"}
	guarded := func(list []string) bool {
		for _, item := range list {
			item = strings.ToLower(item)
			switch {
			case slices.Contains(guards[:4], item):
				return true
			case item == "permit":
				return false
			}
		}
		return false
	}
	classes := map[string]bool{}
	for _, class := range s.in.listed("smtpd_restriction_classes") {
		classes[class] = true
	}
	items = s.outcomes(items, classes, 0)
	if !slices.Contains(items, "permit") || guarded(items) || guarded(mapdb.Fields(s.view.Value("smtpd_recipient_restrictions"))) {
		return
	}
	h := s.hook("open")
	h.Kind, h.Effects = waxseal.KindPolicy, diverts
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "permit", Remote: true}
	h.Explain = "Everybody may send mail anywhere through this host: smtpd_relay_restrictions permits before it asks for whom the mail is."
	s.in.emit(h)
}

// maxOutcomes bounds a list of restrictions with its classes written out.
const maxOutcomes = 2000

// outcomes writes restriction classes out, and tables of a few rules that permit
// whatever they are asked as "permit" (access(5) OK, RESTRICTION_CLASS_README). A
// class that decided nothing the first time decides nothing the second, so each
// is written out once.
func (s site) outcomes(items []string, classes map[string]bool, depth int) []string {
	var out []string
	for i := 0; i < len(items) && len(out) < maxOutcomes; i++ {
		item := items[i]
		switch {
		case classes[item] && depth < 8:
			delete(classes, item)
			out = append(out, s.outcomes(mapdb.Fields(s.view.Value(item)), classes, depth+1)...)
		case strings.HasPrefix(item, "check_") && strings.HasSuffix(item, "_access") && i+1 < len(items):
			if i++; s.permitsAll(mapdb.Parse(items[i])) {
				item = "permit"
			}
			out = append(out, item)
		default:
			out = append(out, item)
		}
	}
	return out
}

// permitsAll reports whether the first rule of a table that matches everything
// permits.
func (s site) permitsAll(ref mapdb.Ref) bool {
	if ref.Type != "static" && ref.Format() == mapdb.KeyValue {
		return false
	}
	n := 0
	for e := range s.in.tableOf(ref, ref.Format()).entries {
		if n++; n > 100 {
			return false
		}
		if e.unused == "" && (ref.Type == "static" || slices.Contains([]string{"0.0.0.0/0", "/./", "/^/", "/.*/", "/^.*$/", "//"}, e.Key)) {
			word := strings.ToLower(firstWord(e.Value, ""))
			return word == "ok" || word == "permit" || isDigits(word)
		}
	}
	return false
}

// openDomains reads relay_domains: a table that has every domain makes every
// destination one for which mail is taken (postconf(5) reject_unauth_destination).
func openDomains(s site) {
	if !strings.Contains(s.value, ":") {
		return
	}
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		s.settingEntries(t)
	}
	for _, item := range mapdb.Fields(s.value) {
		if !strings.HasPrefix(item, "static:") {
			continue
		}
		h := s.hook("open")
		h.Kind, h.Effects = waxseal.KindPolicy, diverts
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: item, Remote: true}
		h.Explain = "Everybody may send mail anywhere through this host: every domain counts as one to relay for (" + s.name + ")."
		s.in.emit(h)
		return
	}
}

func onLoopback(svc *service) bool {
	i := strings.LastIndexByte(svc.Name, ':')
	return i > 0 && mta.IsLoopback(svc.Name[:i])
}

// authServer reads smtpd_sasl_path where Dovecot's protocol is spoken: who is
// there hears every password (SASL_README). A socket of the queue directory, as in
// the documentation, is a setting.
func authServer(s site) {
	if s.view.Value("smtpd_sasl_type") != "dovecot" {
		return
	}
	server := s.value
	if !strings.HasPrefix(server, "inet:") && !strings.HasPrefix(server, "unix:") {
		server = "unix:" + server
	}
	h := s.hook("1")
	h.Target, h.Closure = s.in.socketTarget(server, s.milterChroot())
	if p, ok := strings.CutPrefix(h.Target.Value, "unix:"); ok {
		for _, usual := range []string{s.in.queueDirectory() + "/private/", "/run/dovecot/", "/var/run/dovecot/"} {
			if strings.HasPrefix(p, usual) {
				return
			}
		}
	}
	h.Explain = "The names and passwords of those who log in to send mail are checked by " + clip(h.Target.Value) + mta.Where(h.Target) + " (smtpd_sasl_path)."
	s.in.emit(h)
}

// footerTable reads the tables whose results are added to replies.
func footerTable(s site) {
	s.entries(func(t table, e entry) {
		h := s.entry(t, e, 1)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.Value}
		h.Scope = "what matches " + clip(e.Key)
		h.Explain = "Replies that match " + clip(e.Key) + " get the text " + clip(e.Value) + " (" + s.name + ")."
		s.in.emit(h)
	})
}

// foreignOrigin reads myorigin: a hook where bare names, those in aliases too,
// become addresses of a domain that is not one of this host's.
func foreignOrigin(s site) {
	origin := s.in.domains.origin
	if origin == "" {
		return
	}
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: "@" + origin, Remote: true}
	h.Scope = "addresses without a domain"
	h.Explain = "Addresses without a domain, those in aliases and of mail sent here too, get the domain " + clip(origin) + ", which is none of this host's own (myorigin)."
	s.in.emit(h)
}

// homeMailbox reads home_mailbox: a path below the home directory is a setting,
// one that leads out of it a hook.
func homeMailbox(s site) {
	if !slices.Contains(strings.Split(s.value, "/"), "..") {
		return
	}
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: path.Join("/home/$user", s.value)}
	h.Explain = "Mail for local users is written to " + clip(s.value) + " from the home directory, which leads out of it (home_mailbox)."
	s.in.emit(h)
}

// uidTable reads virtual_uid_maps: uid 0 is a hook, and no mailbox is written with
// a uid below virtual_minimum_uid (virtual(8)).
func uidTable(s site) {
	least := s.view.Value("virtual_minimum_uid")
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		s.foldEntries(t, func(e entry) bool { return e.Value != "0" && isDigits(e.Value) && s.plainName(e.Key) }, func(t table, e entry) {
			if e.Value != "0" {
				s.entrySetting(t, e)
				return
			}
			h := s.entry(t, e, 1)
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "uid 0"}
			h.Scope = "recipient " + clip(e.Key)
			h.Explain = "The mailbox of " + clip(e.Key) + " is written as root (virtual_uid_maps)."
			if least != "0" {
				mta.Inactive(&h, "virtual_minimum_uid is "+clip(least))
			}
			s.in.emit(h)
		})
	}
}

// opensslConfig reads tls_config_file: the file may name engines and providers,
// which OpenSSL loads into every daemon (config(5ssl)).
func opensslConfig(s site) {
	if s.value == "default" || s.value == "none" {
		return
	}
	h := s.hook("1")
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: s.value}
	if path.IsAbs(s.value) {
		h.Closure = []waxseal.Part{{Path: mta.Clean(s.value), Role: waxseal.RoleLibrary}}
	}
	h.Explain = "OpenSSL takes its configuration from " + clip(s.value) + ", which may name libraries that it loads into Postfix's programs (tls_config_file)."
	s.in.emit(h)
}

// rootDaemon makes a hook of a daemon of Postfix that is meant to run without
// privileges and does not (master(5) unprivileged).
func (in *instance) rootDaemon(svc *service) {
	if svc.Unpriv != "n" || slices.Contains([]string{"local", "virtual", "pipe", "spawn", "proxymap", "postlogd"}, svc.Command) {
		return
	}
	h := in.serviceHook(svc, "unpriv")
	h.Kind, h.Effects, h.Stage, h.RunsAs = waxseal.KindBinary, runs, waxseal.StageConnect, "root"
	p := mta.Clean(in.view.Value("daemon_directory") + "/" + svc.Command)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	h.Active = !in.disabled(svc)
	h.Explain = "master.cf lets " + clip(svc.Command) + " keep the privileges of root, which it never needs (service " + clip(svc.Key()) + ")."
	in.emit(h)
}
