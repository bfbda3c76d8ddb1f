package postfix

import (
	"net/netip"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// domainSet are the mail domains that an instance calls its own.
type domainSet struct {
	exact map[string]bool
	// parents are the listed domains whose sub-domains count as own too.
	parents map[string]bool
	// addresses are the network addresses of this host as far as files tell: mail
	// to user@[192.0.2.1] is for a user here.
	addresses map[netip.Addr]bool
	// origin is the domain of bare names where it is not an own one, "" where it
	// is: mail to a user of this host then goes elsewhere (postconf(5) myorigin).
	origin string
}

// domainParameters list domains (postconf(5)).
var domainParameters = []string{"mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"}

const (
	maxDomains   = 20_000
	maxListFiles = 100
)

// ownDomains reads the domain lists, the tables among them included.
func (in *instance) ownDomains() domainSet {
	d := domainSet{exact: map[string]bool{}, parents: map[string]bool{}, addresses: in.ownAddresses()}
	for _, name := range domainParameters {
		for _, item := range in.listItems(in.view.Value(name), map[waxseal.Path]bool{}) {
			if len(d.exact) >= maxDomains {
				break
			}
			d.add(item, name == "virtual_alias_domains" || name == "virtual_mailbox_domains")
		}
	}
	for _, name := range []string{"myhostname", "mydomain"} {
		v := strings.ToLower(in.view.Value(name))
		// A host called example.com has $mydomain = com: nobody's own.
		if strings.Contains(v, ".") || v == "localdomain" {
			d.exact[v] = true
		}
	}
	if origin := in.origin(); origin != "" && !d.own(origin) {
		d.origin = origin
	}
	return d
}

// origin is the domain that bare names get: myorigin, or the first line of the
// file that it names.
func (in *instance) origin() string {
	v := in.view.Value("myorigin")
	if strings.HasPrefix(v, "/") {
		text, ok := in.Read(mta.Clean(v), "the file of myorigin")
		if !ok {
			return ""
		}
		v = firstWord(text, "")
	}
	return strings.ToLower(strings.Trim(v, "."))
}

// ownAddresses are the addresses that inet_interfaces and proxy_interfaces list,
// and those that /etc/hosts gives for this host's name.
func (in *instance) ownAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	add := func(text string) {
		if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && !a.IsUnspecified() && len(own) < maxListFiles {
			own[a.Unmap()] = true
		}
	}
	for _, name := range []string{"inet_interfaces", "proxy_interfaces"} {
		for _, item := range in.listItems(in.view.Value(name), map[waxseal.Path]bool{}) {
			add(item)
		}
	}
	host := strings.ToLower(in.view.Value("myhostname"))
	if content, err := in.Tree.ReadFile("/etc/hosts", mta.MaxFile); err == nil {
		for line := range strings.Lines(string(content)) {
			line, _, _ = strings.Cut(line, "#")
			if f := strings.Fields(strings.ToLower(line)); len(f) > 1 && slices.Contains(f[1:], host) {
				add(f[0])
			}
		}
	}
	return own
}

// add takes one list item. A key of a virtual alias table is a domain only
// without an @ (postconf(5) virtual_alias_domains).
func (d domainSet) add(item string, mayHoldAddresses bool) {
	item = strings.ToLower(strings.Trim(item, "."))
	switch {
	case item == "", strings.ContainsAny(item, "!/$*: "+blanks):
		return
	case strings.Contains(item, "@"), mayHoldAddresses && !strings.Contains(item, "."):
		return
	}
	for _, form := range []string{item, otherForm(item)} {
		if form == "" {
			continue
		}
		d.exact[form] = true
		if strings.Contains(form, ".") {
			d.parents[form] = true
		}
	}
}

func (d domainSet) list() []string {
	out := make([]string, 0, len(d.exact)+len(d.addresses))
	for name := range d.exact {
		out = append(out, name)
	}
	for a := range d.addresses {
		if !a.IsLoopback() {
			out = append(out, a.String()) // as in user@[192.0.2.1]
		}
	}
	slices.Sort(out)
	return out
}

// own reports whether a domain, or one that it is a sub-domain of, is listed.
func (d domainSet) own(domain string) bool {
	if strings.HasPrefix(domain, "[") {
		literal := strings.TrimPrefix(strings.ToLower(strings.Trim(domain, "[]")), "ipv6:")
		a, err := netip.ParseAddr(literal)
		return err == nil && (a.IsLoopback() || d.addresses[a.Unmap()]) || d.exact[literal]
	}
	domain = strings.ToLower(strings.Trim(domain, "."))
	if domain == "" || d.exact[domain] || mta.IsLoopback(domain) {
		return true
	}
	for {
		_, parent, ok := strings.Cut(domain, ".")
		if !ok {
			return false
		}
		if d.parents[parent] {
			return true
		}
		domain = parent
	}
}

// ownAddress judges a whole address. In the result of a pattern the domain may
// be $2, taken from what matched: then only a literal ending can be judged.
func (d domainSet) ownAddress(address string) bool {
	address = strings.Trim(address, "<>")
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		// user%domain and site!user are old ways to another host.
		return !strings.ContainsAny(address, "%!")
	}
	domain := address[i+1:]
	if j := strings.LastIndexByte(domain, '$'); j >= 0 {
		tail := strings.TrimLeft(domain[j+1:], "{(0123456789)}")
		if tail = strings.TrimPrefix(tail, "."); tail == "" {
			return true
		}
		domain = tail
	}
	if strings.ContainsAny(address[:i], "%!@") && !strings.HasPrefix(address, `"`) {
		return false
	}
	return d.own(domain)
}

// listItems flattens a list: words, files that hold words, and the keys of
// readable tables. seen are the files already read: none is read twice, so that
// lists which name each other end.
func (in *instance) listItems(value string, seen map[waxseal.Path]bool) []string {
	var out []string
	for _, item := range mapdb.Fields(value) {
		switch {
		case len(out) > maxDomains || len(seen) > maxListFiles:
			return out
		case strings.HasPrefix(item, "/"):
			p := mta.Clean(item)
			if seen[p] {
				continue
			}
			seen[p] = true
			in.Part(p, waxseal.RoleList)
			if text, ok := in.Read(p, "a list file"); ok {
				for _, line := range listLines(text) {
					out = append(out, in.listItems(line, seen)...)
				}
			}
		case mapdb.IsRef(item):
			out = append(out, in.tableKeys(mapdb.Parse(item), 0)...)
		default:
			out = append(out, item)
		}
	}
	return out
}

// listLines are the lines of a list file, comments left out.
func listLines(text string) []string {
	lines, _ := mapdb.Lines(text)
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

// tableKeys are the keys of what can be read of a table.
func (in *instance) tableKeys(ref mapdb.Ref, depth int) []string {
	var out []string
	if depth > 4 {
		return out
	}
	for _, nested := range ref.Refs {
		out = append(out, in.tableKeys(nested, depth+1)...)
	}
	if ref.Format() != mapdb.KeyValue || ref.Type == "static" || ref.Type == "randmap" {
		return out
	}
	for e := range in.tableOf(ref, mapdb.KeyValue).entries {
		if len(out) > maxDomains {
			break
		}
		// A key of a virtual alias table is a domain only without an @.
		if e.unused == "" && strings.IndexByte(e.Key, '@') < 0 {
			out = append(out, e.Key)
		}
	}
	return out
}
