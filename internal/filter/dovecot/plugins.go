package dovecot

import (
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// moduleDirectories are where packages and a build from source put plugins.
var moduleDirectories = []string{"/usr/lib/dovecot/modules", "/usr/lib64/dovecot", "/usr/lib/dovecot", "/usr/local/lib/dovecot"}

// plugins makes a hook of each plugin that mail_plugins names: code that sees all
// mail of a protocol. What the whole loads is not said again for each protocol.
func (r *reader) plugins() {
	whole, seen := map[string]bool{}, map[doveconf.Word]bool{}
	for _, w := range r.conf.View("").Words("mail_plugins") {
		whole[w.Text] = true
		r.plugin(w, r.conf.Root)
	}
	for _, protocol := range protocolNames(r.conf) {
		for _, v := range r.conf.Views(protocol) {
			for _, w := range v.Words("mail_plugins") {
				if !whole[w.Text] && !seen[w] {
					seen[w] = true
					r.plugin(w, r.sectionOf(w.Set))
				}
			}
		}
	}
	r.sievePlugins()
}

// protocolNames are those that the configuration has filters for, and those that
// deliver mail.
func protocolNames(c *doveconf.Config) []string {
	list := slices.Clone(all)
	for _, s := range c.All("protocol") {
		if name := strings.TrimPrefix(s.Name, "!"); !slices.Contains(list, name) && len(list) < 40 {
			list = append(list, name)
		}
	}
	return list
}

// sectionOf finds the filter in which a setting stands.
func (r *reader) sectionOf(set *doveconf.Setting) *doveconf.Section {
	if r.where == nil {
		r.where = map[*doveconf.Setting]*doveconf.Section{}
		r.every(func(s *doveconf.Section) {
			for _, one := range s.Settings {
				r.where[one] = s
			}
		})
	}
	if s := r.where[set]; s.Kind != "mail_plugins" {
		return s
	}
	return r.where[set].Parent // 2.4: mail_plugins { sieve = yes }
}

// changing are the plugins that change, move or drop mail or run something; the
// others look on.
var changing = map[string][]waxseal.Effect{
	"sieve": {waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}, "imap_sieve": {waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop},
	"mail_filter": anything, "mail_lua": anything, "push_notification_lua": anything, "replication": copies, "notify": sees, "virtual": sees, "lazy_expunge": copies, "mail_crypt": {waxseal.Modify},
}

func (r *reader) plugin(w doveconf.Word, s *doveconf.Section) {
	if !word.MatchString(w.Text) {
		r.Problem(w.Set.Source.Path, w.Set.Source.Line, "mail_plugins names no plugin: "+mta.Clip(w.Text))
		return
	}
	h := waxseal.Hook{
		ID: r.id(s, "mail_plugins", w.Text), Kind: waxseal.KindPlugin, Stage: waxseal.StageDeliver, Directive: "mail_plugins", Scope: r.scope(s, ""),
		Active: true, Source: w.Set.Source, Effects: changing[w.Text], Target: waxseal.Target{Type: waxseal.TargetText, Value: w.Text},
	}
	if h.Effects == nil {
		h.Effects = sees
	}
	if p, ok := r.module(w.Text + "_plugin.so"); ok {
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
		h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleLibrary}}
	}
	if len(h.Closure) == 0 {
		h.Closure = usualModule("", w.Text)
	}
	h.Explain = "The plugin " + w.Text + " is loaded into Dovecot for " + h.Scope + ", and may do with it what it likes (mail_plugins)."
	r.Emit(h)
}

// orders are the numbers in the names of plugins, which give the order in which
// they are loaded.
var orders = map[string]string{
	"sieve": "90", "imap_sieve": "95", "imap_filter_sieve": "95", "sieve_extprograms": "90", "sieve_imapsieve": "90", "quota": "10", "imap_quota": "11", "acl": "01", "imap_acl": "02",
	"notify": "15", "mail_log": "20", "fts": "20", "fts_solr": "21", "zlib": "20", "imap_zlib": "30", "mail_crypt": "10", "virtual": "20", "replication": "20", "mail_lua": "01",
	"push_notification": "20", "push_notification_lua": "22", "welcome": "99", "lazy_expunge": "02", "trash": "11", "listescape": "20", "last_login": "10", "mailbox_alias": "20", "mail_compress": "20",
	"fts_xapian": "21", "antispam": "90",
}

// usualModule is the file of a plugin that Dovecot comes with, where a tree lacks
// it: the tree may be part of a host.
func usualModule(below, name string) []waxseal.Part {
	order, ok := orders[name]
	if !ok {
		return nil
	}
	return []waxseal.Part{{Path: mta.Clean(moduleDirectories[0] + "/" + below + "lib" + order + "_" + name + "_plugin.so"), Role: waxseal.RoleLibrary}}
}

var word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// module finds the file of a plugin: lib20_NAME_plugin.so.
func (r *reader) module(name string) (waxseal.Path, bool) {
	dirs := moduleDirectories
	if set := r.conf.View("").Get("mail_plugin_dir"); set != nil && set.Value != "" {
		dirs = []string{set.Value}
	}
	for _, dir := range dirs {
		names, err := r.Tree.ReadDir(mta.Clean(dir))
		if err != nil {
			continue
		}
		for _, have := range names {
			if rest := strings.TrimLeft(strings.TrimPrefix(have, "lib"), "0123456789"); rest == "_"+name || have == name {
				return mta.Clean(dir + "/" + have), true
			}
		}
	}
	return "", false
}

// sievePlugins makes hooks of the plugins of the Sieve interpreter.
func (r *reader) sievePlugins() {
	seen := map[string]bool{}
	for _, v := range r.conf.Views("lmtp") {
		for _, w := range v.Words("sieve_plugins") {
			if seen[w.Text] || !word.MatchString(w.Text) {
				continue
			}
			seen[w.Text] = true
			h := waxseal.Hook{
				ID: r.id(r.conf.Root, "sieve_plugins", w.Text), Kind: waxseal.KindPlugin, Stage: waxseal.StageDeliver, Directive: "sieve_plugins", Scope: "all mail that Sieve scripts see",
				Active: true, Source: w.Set.Source, Effects: sees, Target: waxseal.Target{Type: waxseal.TargetText, Value: w.Text},
				Explain: "Sieve scripts may use what the plugin " + w.Text + " of the interpreter offers (sieve_plugins).",
			}
			if w.Text == "sieve_extprograms" {
				h.Effects = runs
				h.Explain = "Sieve scripts may run programs from the directories that are set for them (sieve_plugins = sieve_extprograms)."
			}
			for _, dir := range moduleDirectories {
				p := mta.Clean(dir + "/sieve/lib90_" + w.Text + "_plugin.so")
				if r.Exists(p) {
					h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
					h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleLibrary}}
				}
			}
			if len(h.Closure) == 0 {
				h.Closure = usualModule("sieve/", w.Text)
			}
			if why := r.noSieve(); why != "" {
				mta.Inactive(&h, why)
			}
			r.Emit(h)
		}
	}
}
