package dovecot

import (
	"cmp"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// row is one setting that makes a hook of its own.
type row struct {
	key string
	// numbered: quota_warning2, quota_warning3 … count too.
	numbered bool
	// plugin is the one that uses the setting, and by the protocols that may load it.
	plugin  string
	by      []string
	kind    waxseal.HookKind
	stage   waxseal.Stage
	effects []waxseal.Effect
	of      string // see scope
	runsAs  string
	make    func(site)
	does    string
	manual  string
	// new says for a name that 2.4 brought which older one it stands for.
	new string
}

func (r row) directive() string { return cmp.Or(r.new, r.key) }

var (
	sees        = []waxseal.Effect{waxseal.Observe}
	copies      = []waxseal.Effect{waxseal.Observe, waxseal.Copy}
	diverts     = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	runs        = []waxseal.Effect{waxseal.Execute}
	seesAndRuns = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	anything    = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	all         = []string{"lda", "lmtp", "imap", "pop3", "submission", "doveadm", "indexer-worker"}
)

// table lists the settings, in the order in which mail meets what they do. The
// sources are doc.dovecot.org, "Settings" and the pages of the plugins.
func table() []row {
	start, deliver, after := waxseal.StageConnect, waxseal.StageDeliver, waxseal.StageDelivered
	return []row{
		{key: "import_environment", kind: waxseal.KindEnvironment, stage: start, effects: runs, make: environment, runsAs: "root",
			does: "every process of Dovecot gets these variables", manual: "Dovecot settings"},
		{key: "mail_plugin_dir", kind: waxseal.KindPlugin, stage: start, effects: anything, make: moduleDirectory, runsAs: "root",
			does: "code in this directory becomes part of Dovecot", manual: "Dovecot settings"},
		{key: "libexec_dir", kind: waxseal.KindBinary, stage: start, effects: anything, make: programDirectory, runsAs: "root",
			does: "all programs of Dovecot are run from this directory", manual: "Dovecot settings"},
		{key: "log_path", kind: waxseal.KindLog, stage: start, make: logFile, does: "what happens to mail is logged here", manual: "Dovecot settings"},
		{key: "info_log_path", kind: waxseal.KindLog, stage: start, make: logFile, does: "deliveries and logins are logged here", manual: "Dovecot settings"},
		{key: "debug_log_path", kind: waxseal.KindLog, stage: start, make: logFile, does: "debugging messages are logged here", manual: "Dovecot settings"},
		{key: "log_core_filter", kind: waxseal.KindLog, stage: start, make: plain, does: "Dovecot stops with a core dump at these events", manual: "Dovecot settings"},
		{key: "auth_policy_server_url", kind: waxseal.KindPolicy, stage: waxseal.StageSession, effects: sees, make: server, of: "read",
			does: "a server is told of each login and decides whether it may be", manual: "Dovecot authentication policy"},
		{key: "submission_relay_host", kind: waxseal.KindRelay, stage: waxseal.StageRoute, effects: diverts, make: relay, of: "submitted to Dovecot",
			does: "mail that users submit is handed to this host", manual: "Dovecot submission server"},
		{key: "submission_host", kind: waxseal.KindRelay, stage: deliver, effects: diverts, make: relay, of: "sent by Sieve scripts and delivery agents",
			does: "mail that Sieve redirects, answers and rejects goes to this host", manual: "Dovecot settings"},
		{key: "sendmail_path", kind: waxseal.KindPipe, stage: deliver, effects: seesAndRuns, make: mailer, of: "sent by Sieve scripts and delivery agents",
			does: "mail that Sieve redirects, answers and rejects is handed to this program", manual: "Dovecot settings"},
		{key: "lmtp_proxy", kind: waxseal.KindTransport, stage: deliver, effects: diverts, make: proxy, of: "delivered by LMTP",
			does: "mail is handed on to the host that the password database names", manual: "Dovecot LMTP server"},
		{key: "mail_location", kind: waxseal.KindTransport, stage: deliver, effects: diverts, make: location, of: "delivered",
			does: "mail is stored here", manual: "Dovecot mail location"},
		{key: "mail_path", new: "mail_location", kind: waxseal.KindTransport, stage: deliver, effects: diverts, make: location, of: "delivered",
			does: "mail is stored here", manual: "Dovecot mail location"},
		{key: "mail_inbox_path", new: "mail_location", kind: waxseal.KindTransport, stage: deliver, effects: diverts, make: location, of: "delivered",
			does: "incoming mail is stored here", manual: "Dovecot mail location"},
		{key: "mail_home", kind: waxseal.KindTransport, stage: deliver, effects: diverts, make: location, of: "delivered",
			does: "the user's scripts and, where no other place is set, mail are kept here", manual: "Dovecot settings"},
		{key: "imapc_host", kind: waxseal.KindTransport, stage: deliver, effects: copies, make: remoteStore, of: "kept on another host",
			does: "mailboxes are those of another IMAP server", manual: "Dovecot imapc"},
		{key: "pop3c_host", kind: waxseal.KindTransport, stage: deliver, effects: copies, make: remoteStore, of: "kept on another host",
			does: "mailboxes are those of another POP3 server", manual: "Dovecot pop3c"},
		{key: "mail_filter", plugin: "mail_filter", by: all, kind: waxseal.KindContentFilter, stage: after, effects: anything, make: socketScript, of: "read",
			does: "a program sees, and may change, each message as it is read", manual: "Dovecot mail filter plugin"},
		{key: "mail_filter_out", plugin: "mail_filter", by: all, kind: waxseal.KindContentFilter, stage: deliver, effects: anything, make: socketScript, of: "saved",
			does: "a program sees, and may change, each message as it is saved", manual: "Dovecot mail filter plugin"},
		{key: "quota_warning", numbered: true, plugin: "quota", by: all, kind: waxseal.KindScript, stage: after, effects: runs, make: socketScript, of: "stored",
			does: "a program runs when a mailbox grows or shrinks past a limit", manual: "Dovecot quota plugin"},
		{key: "quota_over_script", plugin: "quota", by: all, kind: waxseal.KindScript, stage: after, effects: runs, make: socketScript, of: "stored",
			does: "a program runs when a user is over quota and was not", manual: "Dovecot quota plugin"},
		{key: "welcome_script", plugin: "welcome", by: all, kind: waxseal.KindScript, stage: after, effects: runs, make: socketScript, of: "read",
			does: "a program runs when a user logs in for the first time", manual: "Dovecot welcome plugin"},
		{key: "fts_decoder", plugin: "fts", by: all, kind: waxseal.KindScript, stage: after, effects: seesAndRuns, make: socketScript, of: "indexed",
			does: "a program is given attachments to make text of", manual: "Dovecot fts plugin"},
		{key: "fts_decoder_script_socket_path", new: "fts_decoder", plugin: "fts", by: all, kind: waxseal.KindScript, stage: after, effects: seesAndRuns, make: socketScript, of: "indexed",
			does: "a program is given attachments to make text of", manual: "Dovecot fts plugin"},
		{key: "fts_tika", plugin: "fts", by: all, kind: waxseal.KindCopy, stage: after, effects: copies, make: server, of: "indexed",
			does: "attachments are sent to a server to make text of", manual: "Dovecot fts plugin"},
		{key: "fts_decoder_tika_url", new: "fts_tika", plugin: "fts", by: all, kind: waxseal.KindCopy, stage: after, effects: copies, make: server, of: "indexed",
			does: "attachments are sent to a server to make text of", manual: "Dovecot fts plugin"},
		{key: "fts_solr", plugin: "fts_solr", by: all, kind: waxseal.KindCopy, stage: after, effects: copies, make: server, of: "indexed",
			does: "the text of all mail is sent to a search server", manual: "Dovecot fts-solr plugin"},
		{key: "fts_solr_url", new: "fts_solr", plugin: "fts_solr", by: all, kind: waxseal.KindCopy, stage: after, effects: copies, make: server, of: "indexed",
			does: "the text of all mail is sent to a search server", manual: "Dovecot fts-solr plugin"},
		{key: "mail_replica", plugin: "replication", by: all, kind: waxseal.KindCopy, stage: after, effects: copies, make: replica, of: "stored",
			does: "all mail is kept on another host as well", manual: "Dovecot replication"},
		{key: "dsync_remote_cmd", plugin: "replication", by: all, kind: waxseal.KindPipe, stage: after, effects: []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Execute}, make: mailer, of: "replicated", runsAs: "root",
			does: "a command carries all mail to the other host", manual: "Dovecot replication"},
		{key: "push_notification_driver", numbered: true, plugin: "push_notification", by: all, kind: waxseal.KindCopy, stage: after, effects: sees, make: notifier, of: "delivered",
			does: "somebody is told of each new message", manual: "Dovecot push-notification plugin"},
		{key: "push_notification_ox_url", new: "push_notification_driver", plugin: "push_notification", by: all, kind: waxseal.KindCopy, stage: after, effects: sees, make: server, of: "delivered",
			does: "a server is told of each new message", manual: "Dovecot push-notification plugin"},
		{key: "push_lua_url", new: "push_notification_driver", plugin: "push_notification", by: all, kind: waxseal.KindCopy, stage: after, effects: sees, make: server, of: "delivered",
			does: "a server is told of each new message", manual: "Dovecot push-notification plugin"},
		{key: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "read",
			does: "all that clients and server say to each other, mail with it, is written here", manual: "Dovecot rawlog"},
		{key: "lmtp_rawlog_dir", new: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "delivered by LMTP"},
		{key: "lmtp_proxy_rawlog_dir", new: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "handed on by LMTP"},
		{key: "imapc_rawlog_dir", new: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "kept on another host"},
		{key: "pop3c_rawlog_dir", new: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "kept on another host"},
		{key: "submission_relay_rawlog_dir", new: "rawlog_dir", kind: waxseal.KindCopy, stage: after, effects: copies, make: rawLog, of: "submitted to Dovecot"},
		{key: "auth_debug_passwords", kind: waxseal.KindLog, stage: start, effects: sees, make: passwords,
			does: "passwords are written to the log", manual: "Dovecot settings"},
		{key: "auth_verbose_passwords", kind: waxseal.KindLog, stage: start, effects: sees, make: passwords,
			does: "passwords that were wrong are written to the log", manual: "Dovecot settings"},
		{key: "mail_lua_script", plugin: "mail_lua", by: all, kind: waxseal.KindModule, stage: after, effects: anything, make: luaScript, of: "opened",
			does: "Lua code runs with each mailbox that is opened", manual: "Dovecot mail-lua plugin"},
		{key: "push_notification_lua_script_file", new: "push_notification_driver", plugin: "push_notification_lua", by: all, kind: waxseal.KindModule, stage: after, effects: anything, make: luaScript, of: "delivered",
			does: "Lua code runs with each new message", manual: "Dovecot push-notification plugin"},
		{key: "lua_file", new: "mail_lua_script", kind: waxseal.KindModule, stage: after, effects: anything, make: luaScript, of: "handled",
			does: "Lua code runs in Dovecot", manual: "Dovecot lua"},
		{key: "acl", plugin: "acl", by: all, kind: waxseal.KindMap, stage: after, effects: sees, make: accessLists, of: "stored",
			does: "a file says who may read whose mailbox", manual: "Dovecot acl plugin"},
		{key: "acl_global_path", new: "acl", plugin: "acl", by: all, kind: waxseal.KindMap, stage: after, effects: sees, make: accessLists, of: "stored",
			does: "a file says who may read whose mailbox", manual: "Dovecot acl plugin"},
		{key: "acl_rights", new: "acl", plugin: "acl", by: all, kind: waxseal.KindMap, stage: after, effects: sees, make: right, of: "stored",
			does: "others than the owner may read a mailbox", manual: "Dovecot acl plugin"},
		{key: "acl_user", plugin: "acl", by: all, kind: waxseal.KindMap, stage: after, effects: copies, make: plain, of: "stored",
			does: "mailboxes are opened with the rights of this user", manual: "Dovecot acl plugin"},
		{key: "auth_master_user_separator", kind: waxseal.KindMap, stage: after, effects: sees, make: plain, of: "stored",
			does: "a master user may log in as another, and read that user's mail", manual: "Dovecot master users"},
	}
}

var number = regexp.MustCompile(`^[0-9]*$`)

// matches reports whether a setting is the row's.
func (r row) matches(key string) bool {
	rest, ok := strings.CutPrefix(key, r.key)
	return ok && (rest == "" || r.numbered && number.MatchString(rest))
}

// rows makes the hooks of all settings of the table.
func (r *reader) rows() {
	list := table()
	r.every(func(s *doveconf.Section) {
		for _, set := range s.Settings {
			r.row(list, s, set)
		}
	})
}

func (r *reader) row(list []row, s *doveconf.Section, set *doveconf.Setting) {
	if r.conf.Grammar == doveconf.Grammar23 && !s.IsFilter() && s.Parent != nil && s.Kind != "plugin" && s.Kind != "namespace" {
		return
	}
	for _, row := range list {
		if s.Kind == "namespace" && set.Key == "location" && row.key == "mail_location" && set.Value != "" {
			location(site{r, row, s, set})
			return
		}
		if row.matches(set.Key) || s.Kind != "" && row.matches(s.Kind+"_"+set.Key) {
			if set.Value != "" {
				row.make(site{r, row, s, set})
			}
			return
		}
	}
}

// emit completes the hook of a setting: what no protocol uses is inactive.
func (s site) emit(h waxseal.Hook) {
	if why := s.unplugged(s.row.plugin, s.row.by...); why != "" {
		mta.Inactive(&h, why)
	}
	if s.at.start != nil && !s.at.start.Active {
		mta.Inactive(&h, "what starts Dovecot with this configuration is not in use: "+s.at.start.Why)
	}
	s.Emit(h)
}
