package rspamd

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func readFiles(files map[string]string, starts ...mta.Start) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}, Starts: starts})
}

// TestHooks: what each file of an administrator makes, as directive, kind, target and
// whether it is in use.
func TestHooks(t *testing.T) {
	for _, tc := range []struct {
		name, file, text string
		want             []string
	}{
		{"a comment", "local.d/greylist.conf", "# nothing\n", nil},
		{"scores", "local.d/groups.conf", "symbols { X { weight = 5 } }\n", nil},
		{"exporter", "local.d/metadata_exporter.conf", "rules { A { backend = \"http\"; url = \"http://h.example:81/x\" } }\n", []string{"metadata_exporter.url copy inet:h.example:81 true"}},
		{"exporter switched off", "local.d/metadata_exporter.conf", "enabled = false; rules { A { url = \"http://h.example/x\" } }\n", []string{"metadata_exporter.url copy inet:h.example:80 false"}},
		{"mail", "local.d/metadata_exporter.conf", "rules { A { backend = \"send_mail\"; smtp = \"127.0.0.1\"; mail_to = [\"a@example.test\", \"b@example.com\"] } }\n",
			[]string{"metadata_exporter.mail_to copy a@example.test true", "metadata_exporter.mail_to copy b@example.com true"}},
		{"upstreams", "override.d/worker-proxy.inc", "upstream \"x\" { hosts = \"round-robin:a.example:11333:2,[2001:db8::1]:99\" }\n", []string{"upstream content_filter inet:a.example:11333 true", "upstream content_filter inet:[2001:db8::1]:99 true"}},
		{"checks itself", "local.d/worker-proxy.inc", "upstream \"local\" { self_scan = yes; default = yes }\n", nil},
		{"scanner by socket", "local.d/antivirus.conf", "clamav { servers = \"/run/clamav/clamd.ctl\" }\n", []string{"antivirus.servers policy unix:/run/clamav/clamd.ctl true"}},
		{"discard", "local.d/force_actions.conf", "rules { A { action = \"discard\"; expression = \"X\" } }\n", []string{"force_actions.action discard discard true"}},
		{"reject is what filters do", "local.d/force_actions.conf", "rules { A { action = \"reject\"; expression = \"X\" } }\n", nil},
		{"thresholds out of reach", "override.d/actions.conf", "reject = 999; add_header = 999\n", []string{"actions.reject milter unchecked true"}},
		{"vendor's map", "local.d/multimap.conf", "X { type = \"from\"; map = \"https://maps.rspamd.com/x.inc\"; symbol = \"X\" }\n", nil},
		{"somebody's map", "local.d/multimap.conf", "X { type = \"from\"; map = \"glob;https://m.example/x.inc\"; symbol = \"X\" }\n", []string{"multimap.map map https://m.example/x.inc true"}},
		{"another module's server", "local.d/neural.conf", "servers = \"10.0.0.5\"\n", []string{"servers policy inet:10.0.0.5:6379 true"}},
		{"an unknown module's server", "rspamd.conf.local", "new_module { api = \"https://api.example/v1\" }\n", []string{"new_module.api map https://api.example/v1 true"}},
		{"Lua that posts", "rspamd.local.lua", "local rspamd_http = require 'rspamd_http'\nrspamd_http.request({url='http://h.example/'})\n", []string{"rspamd.local.lua script /etc/rspamd/rspamd.local.lua true", "rspamd.local.lua policy inet:h.example:80 true"}},
		{"not included", "local.d/nothing_of_that_name.conf", "url = \"http://h.example/\"\n", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, h := range readFiles(map[string]string{"/etc/rspamd/" + tc.file: tc.text}).Hooks {
				got = append(got, strings.Join([]string{h.Directive, string(h.Kind), h.Target.Value, map[bool]string{true: "true", false: "false"}[h.Active]}, " "))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestService(t *testing.T) {
	r := readFiles(map[string]string{
		"/etc/rspamd/local.d/worker-proxy.inc":    "bind_socket = \"/run/rspamd/milter.sock mode=0660 owner=_rspamd\";\n",
		"/etc/rspamd/local.d/worker-normal.inc":   "enabled = false;\n",
		"/etc/rspamd/override.d/worker-fuzzy.inc": "count = 1;\n",
	})
	if len(r.Services) != 1 {
		t.Fatalf("%+v", r.Services)
	}
	want := []string{"inet:localhost:11334", "unix:/run/rspamd/milter.sock"}
	got := slices.Clone(r.Services[0].Sockets)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOtherConfiguration: a unit may start rspamd with another file.
func TestOtherConfiguration(t *testing.T) {
	files := map[string]string{"/srv/r.conf": "worker \"rspamd_proxy\" { mirror \"m\" { hosts = \"203.0.113.1\" } }\n", "/usr/bin/rspamd": "x"}
	for _, argv := range [][]string{{"/usr/bin/rspamd", "-c", "/srv/r.conf", "-f"}, {"rspamd", "--config=/srv/r.conf"}} {
		r := readFiles(files, mta.Start{Argv: argv, Why: "ExecStart in rspamd.service", Active: true})
		if len(r.Hooks) != 1 || r.Hooks[0].Directive != "mirror" || r.Stacks[0].Instance != "/srv/r.conf" {
			t.Errorf("%v: %+v", argv, r)
		}
	}
	r := readFiles(files, mta.Start{Argv: []string{"rspamd", "-c", "/srv/r.conf"}, Why: "ExecStart in old.service"})
	if len(r.Hooks) != 1 || r.Hooks[0].Active {
		t.Errorf("%+v", r.Hooks)
	}
}

func TestParts(t *testing.T) {
	r := readFiles(map[string]string{
		"/etc/rspamd/local.d/dkim_signing.conf":     "domain { example.org { path = \"/etc/rspamd/k.private\"; selector = \"s\" } }\n",
		"/etc/rspamd/k.private":                     "-----BEGIN PRIVATE KEY-----\n",
		"/etc/rspamd/local.d/old.conf.bak":          "x\n",
		"/etc/rspamd/local.d/worker-controller.inc": "password = \"$2$geheim\";\n",
	})
	roles := map[waxseal.Path]waxseal.Role{}
	for _, p := range r.Parts {
		roles[p.Path] = p.Role
	}
	want := map[waxseal.Path]waxseal.Role{
		"/etc/rspamd/local.d/dkim_signing.conf": waxseal.RoleConfig, "/etc/rspamd/k.private": waxseal.RoleSecret, "/etc/rspamd/local.d/old.conf.bak": waxseal.RoleUnused, "/etc/rspamd/local.d/worker-controller.inc": waxseal.RoleConfig,
	}
	if diff := cmp.Diff(want, roles); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"example.org"}, r.Stacks[0].Domains); diff != "" {
		t.Error(diff)
	}
	for _, s := range r.Settings {
		if strings.Contains(s.Value, "geheim") {
			t.Errorf("a password is shown: %+v", s)
		}
	}
}

// TestSettings: the same values in other words are the same settings.
func TestSettings(t *testing.T) {
	a := readFiles(map[string]string{"/etc/rspamd/local.d/greylist.conf": "timeout = 300; expire = 1d\nwhitelisted_ip = [10.0.0.1, 10.0.0.2]\n"})
	b := readFiles(map[string]string{"/etc/rspamd/local.d/greylist.conf": "# so\nexpire: 86400s\n\"timeout\" = 5min; /* x */\nwhitelisted_ip [\n 10.0.0.1,\n 10.0.0.2 ]\n"})
	values := func(r mta.Result) map[string]string {
		m := map[string]string{}
		for _, s := range r.Settings {
			m[s.Name] = s.Value
		}
		return m
	}
	if diff := cmp.Diff(values(a), values(b)); diff != "" || len(a.Settings) != 3 {
		t.Error(diff, a.Settings)
	}
}

// FuzzRead: no configuration and no Lua makes the reader fail.
func FuzzRead(f *testing.F) {
	f.Add("rules { A { url = \"http://x/\"; selector = y } }")
	f.Add("upstream \"x\" { hosts = \"a:b:c,[::1\" } bind_socket = [\"*:1\", {}]")
	f.Add("map = [{ data = [a] }, \"/etc/x\", 5]; action = discard; score = -50; want_spam = yes; apply { actions { reject = null } }")
	f.Add("custom { a = <<EOD\nreturn function(task) task:set_pre_result('discard') end\nEOD\n}")
	f.Fuzz(func(t *testing.T, text string) {
		files := map[string]string{"/etc/rspamd/rspamd.local.lua": text, "/etc/rspamd/rspamd.conf.local": "x { " + text + " }", "/var/lib/rspamd/rspamd_dynamic": text, "/etc/x": text}
		for _, name := range []string{"metadata_exporter.conf", "multimap.conf", "settings.conf", "force_actions.conf", "milter_headers.conf", "worker-proxy.inc", "worker-controller.inc", "options.inc", "actions.conf"} {
			files["/etc/rspamd/local.d/"+name] = text
		}
		readFiles(files)
	})
}
