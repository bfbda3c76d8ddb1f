package milters

import (
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// asks says what OpenDKIM looks up in each of its data sets.
var asks = map[string]string{
	"PeerList": "the clients whose mail it does not look at", "InternalHosts": "the clients whose mail it signs", "ExternalIgnoreList": "the clients that may send as the own domains",
	"ExemptDomains": "the domains whose mail it does not look at", "SigningTable": "which key signs whose mail", "KeyTable": "the keys", "Domain": "the domains that it signs for",
	"ResignMailTo": "the recipients for whom it signs mail of others anew", "TestDNSData": "public keys, instead of in the DNS", "TrustSignaturesFrom": "the domains whose signatures it believes",
	"DontSignMailTo": "the recipients whose mail it does not sign", "RemoveARFrom": "the hosts whose Authentication-Results it removes",
}

// dataSet is a parameter that names a data set: a list that stands there, a file, a
// server, or code.
func (d *dkim) dataSet(e milterconf.Entry) {
	s := milterconf.ParseDataSet(e.Value)
	what := asks[e.Name]
	if what == "" {
		what = "what " + e.Name + " says"
	}
	switch s.Type {
	case "csl":
	case "lua":
		d.script(milterconf.Entry{Name: e.Name, Value: s.Name, Source: e.Source})
	case "file", "refile", "db", "mdb":
		d.file(e, s, what)
	default:
		host := s.Server()
		d.server(d.hook(e), d.withoutPassword(s), host, what)
	}
	d.means(e)
}

// withoutPassword is a data set as it may be shown.
func (d *dkim) withoutPassword(s milterconf.DataSet) string {
	before, after, ok := strings.Cut(s.Name, "@")
	scheme := strings.Index(before, "//")
	if user, _, found := strings.Cut(before[max(scheme+2, 0):], ":"); ok && scheme >= 0 && found {
		return s.Type + ":" + before[:scheme+2] + user + "@" + after
	}
	return s.Type + ":" + s.Name
}

// file is a data set that is a file. A table of keys names the files that hold them,
// or holds them itself.
func (d *dkim) file(e milterconf.Entry, s milterconf.DataSet, what string) {
	p, ok := s.Path()
	if !ok {
		return
	}
	p = within(d.Value("BaseDirectory"), string(p))
	role := waxseal.RoleMap
	if s.Type == "db" || s.Type == "mdb" {
		role = waxseal.RoleCompiledMap
	}
	h := d.hook(e)
	if e.Name == "KeyTable" {
		for _, r := range d.records(e.Name) {
			if key := milterconf.ParseKey(r.Value); key.File == "" {
				role = waxseal.RoleSecret
			} else if len(h.Closure) < 1000 && !strings.Contains(string(key.File), "%") {
				h.Closure = append(h.Closure, waxseal.Part{Path: key.File, Role: waxseal.RoleSecret})
			}
		}
	}
	d.table(h, s.Type+":"+string(p), waxseal.Part{Path: p, Role: role}, what)
}

// records are the entries of a data set that is a list or a file of text.
func (d *dkim) records(name string) []milterconf.Record {
	value := d.Value(name)
	s := milterconf.ParseDataSet(value)
	switch s.Type {
	case "csl":
		var list []milterconf.Record
		for _, m := range s.Members() {
			key, value, _ := strings.Cut(m, "=")
			list = append(list, milterconf.Record{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
		}
		return list
	case "file", "refile":
		p, _ := s.Path()
		text, _ := d.Read(within(d.Value("BaseDirectory"), string(p)), "a data set of OpenDKIM")
		return milterconf.ParseRecords(text)
	}
	return nil
}

func (d *dkim) members(name string) []string {
	var list []string
	for _, r := range d.records(name) {
		list = append(list, r.Key)
	}
	return list
}

// means emits hooks for what the members of a data set do to mail.
func (d *dkim) means(e milterconf.Entry) {
	switch e.Name {
	case "InternalHosts", "MTA":
		if m := anyone(d.members(e.Name)); m != "" {
			h := d.hook(e)
			mta.Modify(&h, "signs_for", "anyone")
			d.rewrites(h, m, "Mail of whoever connects is signed as the own domains' ("+m+")")
		}
	case "PeerList", "ExemptDomains":
		if m := anyone(d.members(e.Name)); m != "" {
			d.passes(d.hook(e), "all", m, "No mail is checked or signed: "+asks[e.Name]+" are all ("+m+")")
		}
	case "ResignMailTo":
		for _, r := range d.records(e.Name) {
			h := d.hook(e)
			h.Scope = "recipient " + r.Key
			d.rewrites(h, r.Key, "Mail of others to "+mta.Clip(r.Key)+" is signed anew with a key of this host, which vouches for it")
		}
	case "RemoveARFrom":
		if d.Yes("RemoveARAll") {
			d.rewrites(d.hook(e), e.Value, "Results of other filters are taken off mail")
		}
	}
}
