package amavis

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// setModifier is mta.Modify under a name that reads well here.
func setModifier(h *waxseal.Hook, name, value string) { mta.Modify(h, name, value) }

// meaning makes hooks and settings of what is set when all files are read.
func (r *reader) meaning() {
	r.user = cmp.Or(r.env.Variables["$daemon_user"].Text, r.user)
	for _, d := range r.ownDomains() {
		r.domains.Add(d)
	}
	known := rows()
	for _, group := range r.groups() {
		for _, a := range lasting(group) {
			name := a.Name[1:]
			if row, ok := known[name]; ok && a.Name[0] != '*' {
				row.make(use{reader: r, row: row, name: name, keys: a.Keys, value: a.Value, source: a.source, sure: a.Sure})
			}
		}
		r.setting(group[len(group)-1])
	}
	for _, b := range r.banks() {
		for i := 0; i+1 < len(b.value.Items); i += 2 {
			name, value := b.value.Items[i].Text, b.value.Items[i+1]
			if row, ok := known[name]; ok {
				source := b.source
				source.Line = cmp.Or(value.Line, source.Line)
				row.make(use{reader: r, row: row, name: name, value: value, source: source, bank: &b, sure: true})
			}
		}
	}
}

// groups are the assignments of each variable, or of each key of one.
func (r *reader) groups() (list [][]assigned) {
	place := map[string]int{}
	for _, a := range r.set {
		key := a.Name + placeOf(a.Keys, "")
		n, ok := place[key]
		if !ok {
			n = len(list)
			place[key] = n
			list = append(list, nil)
		}
		list[n] = append(list[n], a)
	}
	return list
}

// lasting are the assignments of one variable that may count at the end: the last that
// is sure, and those behind it that a condition decides.
func lasting(group []assigned) []assigned {
	for i := len(group) - 1; i >= 0; i-- {
		if group[i].Sure {
			return group[i:]
		}
	}
	return group
}

const (
	// maxSetting bounds the text of one setting, and maxSettings that of all.
	maxSetting  = 16 << 10
	maxSettings = 8 << 20
)

// setting notes what a variable is set to at the end.
func (r *reader) setting(a assigned) {
	name := a.Name + placeOf(a.Keys, "")
	value := a.Value.String()
	if a.Value.Sort == calls.Unknown {
		value = "worked out by code: " + value
	}
	if strings.HasSuffix(a.Name, "_dsn") || strings.HasSuffix(a.Name, "_pass") || a.Name == "%default_ldap" || a.Name == "$default_ldap" {
		value = "set, with a password" // the file is kept by digest alone
	}
	if r.written += min(len(value), maxSetting); r.written > maxSettings {
		return
	}
	r.Setting("", name, value[:min(len(value), maxSetting)], a.source)
}

// bank is a policy bank: settings that count for some mail only.
type bank struct {
	name   string
	value  calls.Value
	source waxseal.Source
	by     string // what selects it; "" where nothing does
}

// banks are the policy banks, by name (README.policy-banks).
func (r *reader) banks() (list []bank) {
	all := r.env.Variables["%policy_bank"]
	if all.Sort != calls.Hash {
		return nil
	}
	selected := r.selected()
	seen := map[string]bool{}
	for i := len(all.Items) - len(all.Items)%2 - 2; i >= 0; i -= 2 {
		name, value := all.Items[i].Text, all.Items[i+1]
		if seen[name] || value.Sort != calls.Hash {
			continue
		}
		seen[name] = true
		list = append(list, bank{name, value, r.bankSource(name), selected[name]})
	}
	slices.SortFunc(list, func(a, b bank) int { return cmp.Compare(a.name, b.name) })
	return list
}

func (r *reader) bankSource(name string) (source waxseal.Source) {
	for _, a := range r.set {
		if a.Name == "%policy_bank" && (len(a.Keys) == 0 || a.Keys[0] == name) {
			source = a.source
		}
	}
	return source
}

// selected says by what each policy bank is selected.
func (r *reader) selected() map[string]string {
	by := map[string]string{"MYNETS": "from own networks", "MYUSERS": "of users who logged in"} // by themselves
	ports := r.env.Variables["%interface_policy"]
	for i := 0; i+1 < len(ports.Items); i += 2 {
		for _, name := range names(ports.Items[i+1], 0) {
			by[name] = "port " + ports.Items[i].Text
		}
	}
	for variable, how := range map[string]string{"@client_ipaddr_policy": "of certain clients", "@author_to_policy_bank_maps": "of certain authors", "@virus_name_to_policy_bank_maps": "with certain viruses"} {
		for _, name := range names(r.env.Variables[variable], 0) {
			by[name] = cmp.Or(by[name], how)
		}
	}
	return by
}

// names are all words in a value: policy banks are named in lists "A,B" and in tables.
func names(v calls.Value, depth int) (list []string) {
	if v.Sort == calls.Scalar {
		for n := range strings.SplitSeq(v.Text, ",") {
			list = append(list, strings.TrimSpace(n))
		}
	}
	for _, item := range v.Items {
		if depth < 8 {
			list = append(list, names(item, depth+1)...)
		}
	}
	return list
}

// limit says that a hook is for the mail of a policy bank.
func (b *bank) limit(h *waxseal.Hook, what string) {
	h.Scope = "all mail of the policy bank " + b.name
	if what != "" {
		h.Scope = what + " of the policy bank " + b.name
	}
	if b.by == "" {
		mta.Inactive(h, "no interface and no client selects the policy bank "+b.name)
		return
	}
	h.Scope += " (" + b.by + ")"
}

// service says where amavis listens.
func (r *reader) service() mta.Service {
	s := mta.Service{Stack: MTA, Title: "amavis", Uses: []waxseal.StackName{"spamassassin"}, User: r.user, Source: waxseal.Source{Path: r.config[0]}}
	for _, p := range []waxseal.Path{"/usr/sbin/amavisd", "/usr/sbin/amavisd-new", "/usr/local/sbin/amavisd"} {
		if r.Exists(p) {
			s.Daemon = p
			break
		}
	}
	s.Sockets = r.sockets()
	return s
}

// sockets are those of $inet_socket_port with $inet_socket_bind, of $unix_socketname
// and of @listen_sockets.
func (r *reader) sockets() []string {
	found := map[string]bool{}
	hosts := scalars(r.env.Variables["$inet_socket_bind"])
	if _, set := r.env.Variables["$inet_socket_bind"]; !set {
		hosts = []string{"127.0.0.1", "[::1]"}
	} else if len(hosts) == 0 {
		hosts = []string{"*"}
	}
	for _, port := range scalars(r.env.Variables["$inet_socket_port"]) {
		for _, host := range hosts {
			found[socketAt(strings.Trim(host, "[]"), port)] = true
		}
	}
	for _, p := range scalars(r.env.Variables["$unix_socketname"]) {
		found["unix:"+string(mta.Clean(p))] = true
	}
	for _, l := range scalars(r.env.Variables["@listen_sockets"]) {
		switch {
		case strings.HasPrefix(l, "/"):
			found["unix:"+string(mta.Clean(l))] = true
		case !strings.Contains(l, ":"):
			for _, host := range hosts {
				found[socketAt(strings.Trim(host, "[]"), l)] = true
			}
		default:
			host, port := mta.SplitHostPort(l)
			found[socketAt(host, port)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func socketAt(host, port string) string { return mta.InetSocket(cmp.Or(host, "*"), port).Value }

// scalars are the words of a scalar or of a list of them.
func scalars(v calls.Value) (list []string) {
	if v.Sort == calls.Scalar && v.Text != "" {
		return []string{v.Text}
	}
	for _, item := range v.Items {
		if item.Sort == calls.Scalar && item.Text != "" {
			list = append(list, item.Text)
		}
	}
	return list
}
