package lists_test

import (
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/filter/lists"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func read(files map[string]string) mta.Result {
	return lists.Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{Package: func(string) waxseal.Package { return waxseal.Package{} }, Domains: []string{"example.test"}})
}

// told are the hooks as "directive kind target".
func told(r mta.Result) (list []string) {
	for _, h := range r.Hooks {
		list = append(list, h.Directive+" "+string(h.Kind)+" "+h.Target.Value)
	}
	slices.Sort(list)
	return list
}

func TestRead(t *testing.T) {
	const list, site, config = "/var/spool/mlmmj/news/", "/etc/sympa/sympa/sympa.conf", "/var/lib/sympa/list_data/news/config"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"settings of mlmmj", map[string]string{"listaddress": "news@example.test\n", "subonlypost": "", "footer": "--\nnews\n", "prefix": "[news]\nhello@evil.example.net\n"}, nil},
		{"owners", map[string]string{"owner": "a@example.test\ndrop@evil.example.net\n"}, []string{"owner redirect a@example.test", "owner redirect drop@evil.example.net"}},
		{"relay with its port", map[string]string{"relayhost": "203.0.113.9\n", "smtpport": "2525\n"}, []string{"relayhost relay [203.0.113.9]:2525"}},
		{"port of the own host", map[string]string{"smtpport": "2525\n"}, []string{"smtpport relay [127.0.0.1]:2525"}},
		{"headers", map[string]string{"customheaders": "Reply-To: x@evil.example.net\n", "delheaders": "Received:\n"}, []string{"customheaders rewrite Reply-To: x@evil.example.net", "delheaders rewrite Received:"}},
		{"access", map[string]string{"access": "allow ^From: a\ndiscard ^Subject:.*invoice\ndeny\n"}, []string{"access discard discard ^Subject:.*invoice"}},
		{"bounces", map[string]string{"staticbounceaddr": "b@evil.example.net\n"}, []string{"staticbounceaddr redirect b@evil.example.net"}},
		{"one from elsewhere", map[string]string{"../subscribers.d/a": "a@example.test\nan@example.test\nab@example.test\n", "../subscribers.d/d": "drop@evil.example.net\n"}, []string{"subscribers.d copy drop@evil.example.net"}},
		{"the first from elsewhere on a small list", map[string]string{"../subscribers.d/a": "a@example.test\n", "../subscribers.d/c": "customer@partner.example\n"}, nil},
		{"one that mlmmj did not write down", map[string]string{"../subscribers.d/a": "a@example.test\n", "../subscribers.d/.x": "drop@evil.example.net\n", "../digesters.d/b": "B@partner.example\n"}, []string{"subscribers.d copy drop@evil.example.net"}},
		{"a public list", map[string]string{"../subscribers.d/a": "a@example.test\n", "../subscribers.d/b": "b@partner.example\n", "../subscribers.d/c": "c@customer.example\n"}, nil},
		{"a closed list", map[string]string{"closedlist": "", "../subscribers.d/a": "a@example.test\nb@partner.example\nc@customer.example\n"}, []string{"subscribers.d copy b@partner.example", "subscribers.d copy c@customer.example"}},
		{"settings of Sympa", map[string]string{site: "listmaster root@example.test\nsendmail /usr/sbin/sendmail\ndb_host localhost\nmhonarc /usr/bin/mhonarc\n"}, []string{"listmaster copy root@example.test"}},
		{"commands of Sympa", map[string]string{site: "custom_archiver\t/opt/archive\nantivirus_path /tmp/scan\nantivirus_args -x\naliases_program /opt/a\n"},
			[]string{"aliases_program pipe /opt/a", "antivirus_path pipe /tmp/scan -x", "custom_archiver pipe /opt/archive"}},
		{"database of Sympa", map[string]string{site: "db_type MySQL\ndb_host db.evil.example.net\n"}, []string{"db_host map mysql:db.evil.example.net"}},
		{"a list of Sympa", map[string]string{site: "\n", config: "subject x\n\nowner\nemail o@evil.example.net\n\neditor\nemail e@example.test\n\nreply_to_header\nvalue other_email\nother_email r@evil.example.net\n\nsend private\n"},
			[]string{"editor copy e@example.test", "owner copy o@evil.example.net", "reply_to_header rewrite r@evil.example.net"}},
		{"hooks of Sympa", map[string]string{site: "\n", config: "message_hook\npre_distribute Copy\n", "/usr/share/sympa/lib/Sympa/Message/Plugin/Copy.pm": "1;\n"},
			[]string{"pre_distribute plugin /usr/share/sympa/lib/Sympa/Message/Plugin/Copy.pm", "pre_distribute script /usr/share/sympa/lib/Sympa/Message/Plugin/Copy.pm"}},
		{"includes of Sympa", map[string]string{site: "\n", config: "include_remote_file\nurl https://evil.example.net/members\n\ninclude_file /etc/members\n"}, []string{"include_remote_file map include_remote_file:evil.example.net"}},
		{"rules of Sympa", map[string]string{site: "\n", "/etc/sympa/scenari/send.private": "title x\nmatch([header->subject],/invoice/) smtp -> reject,quiet\ntrue() smtp -> do_it\n"}, []string{"scenari discard reject,quiet"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{}
			for name, content := range c.files {
				switch {
				case strings.HasPrefix(name, "../"):
					files[list+name[3:]] = content
				case !strings.HasPrefix(name, "/"):
					files[list+"control/"+name] = content
				default:
					files[name] = content
				}
			}
			if len(files) > 0 && files[site] == "" {
				files[list+"control/listaddress"] = "news@example.test\n"
			}
			if got := told(read(files)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestManySubscribers: one that was slipped in is told behind any number of others, and a
// list that is longer than what is read says so.
func TestManySubscribers(t *testing.T) {
	const list = "/var/spool/mlmmj/news/"
	files := map[string]string{list + "control/listaddress": "news@example.test\n", list + "subscribers.d/a": strings.Repeat("a@partner.example\n", 100), list + "subscribers.d/zz": "drop@evil.example.net\n"}
	if got := told(read(files)); !slices.Equal(got, []string{"subscribers.d copy drop@evil.example.net"}) {
		t.Errorf("%q", got)
	}
	files[list+"subscribers.d/a"] = strings.Repeat("a@partner.example\n", 20_000)
	if r := read(files); !slices.ContainsFunc(r.Hooks, func(h waxseal.Hook) bool { return h.Kind == waxseal.KindUnreadable }) {
		t.Errorf("%q", told(r))
	}
}

func FuzzRead(f *testing.F) {
	f.Add("drop@evil.example.net\n", "discard ^Subject: x\nallow\n", "owner\nemail a@b\n\nreply_to_header\nother_email x@y\n", "true() smtp,md5 -> reject,quiet\n")
	f.Add("@\n\n", "discard\n", "include_remote_file\nurl ://@\n\tx\n", "->->\n#\n -> quiet")
	f.Fuzz(func(t *testing.T, address, access, config, rules string) {
		const control = "/var/spool/mlmmj/example.test/news/control/"
		r := read(map[string]string{control + "owner": address, control + "access": access, control + "relayhost": address, control + "customheaders": config, control + "../subscribers.d/a": address,
			"/etc/sympa/sympa/sympa.conf": config, "/var/lib/sympa/list_data/news/config": config, "/etc/sympa/scenari/send.x": rules})
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" || h.Kind == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}

// TestPlaces: what the reader emits is listed.
func TestPlaces(t *testing.T) {
	known := map[string]bool{}
	for _, p := range lists.Places() {
		known[string(p.MTA)+p.Directive] = true
	}
	r := read(map[string]string{"/var/spool/mlmmj/n/control/owner": "a@b.example\n", "/etc/sympa/sympa.conf": "listmaster a@b.example\n"})
	if len(r.Hooks) != 2 {
		t.Fatalf("%+v", r.Hooks)
	}
	for _, h := range r.Hooks {
		if !known[string(h.MTA)+h.Directive] {
			t.Errorf("%s of %s is no place", h.Directive, h.MTA)
		}
	}
}
