package spamassassin

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/spamassassin/saconf"
	"waxseal/internal/mta"
)

// row is what a setting that makes a hook does.
type row func(*reader, saconf.Line, whose)

// rowsOf are the settings that run something, send something, or have somebody else
// decide.
var rowsOf = map[string]row{
	"spamcop_to_address": (*reader).reported, "spamcop_relayhost": (*reader).reportsBy,
	"pyzor_path": (*reader).tool, "dcc_path": (*reader).tool, "dcc_home": (*reader).home, "dcc_dccifd_path": (*reader).asked, "extracttext_external": (*reader).extractor,
	"bayes_store_module": (*reader).store, "auto_welcomelist_factory": (*reader).store, "txrep_factory": (*reader).store,
	"bayes_sql_dsn": (*reader).database, "user_awl_dsn": (*reader).database, "user_scores_dsn": (*reader).database, "url_shortener_cache_dsn": (*reader).database,
	"bayes_path": (*reader).learned, "auto_welcomelist_path": (*reader).learned,
	"phishing_openphish_feed": (*reader).feed, "phishing_phishtank_feed": (*reader).feed, "phishing_phishstats_feed": (*reader).feed, "razor_config": (*reader).feed, "pyzor_server_file": (*reader).feed, "trigger_config": (*reader).feed,
	"dns_server": (*reader).resolver, "trigger_target": (*reader).replaced, "rewrite_header": (*reader).header,
	"askdns": (*reader).zone, "uridnsbl": (*reader).zone, "uridnssub": (*reader).zone, "urirhsbl": (*reader).zone, "urirhssub": (*reader).zone, "urinsrhsbl": (*reader).zone, "urinsrhssub": (*reader).zone,
	"urifullnsrhsbl": (*reader).zone, "urifullnsrhssub": (*reader).zone, "header": (*reader).blocklist, "asn_lookup": (*reader).zone,
}

// needs are the plug-ins without which a setting is nothing.
var needs = map[string]string{
	"spamcop_to_address": "SpamCop", "spamcop_relayhost": "SpamCop", "pyzor_path": "Pyzor", "dcc_path": "DCC", "dcc_home": "DCC", "dcc_dccifd_path": "DCC", "extracttext_external": "ExtractText",
	"phishing_openphish_feed": "Phishing", "phishing_phishtank_feed": "Phishing", "phishing_phishstats_feed": "Phishing", "razor_config": "Razor2", "pyzor_server_file": "Pyzor",
	"trigger_target": "PhishTag", "trigger_config": "PhishTag", "url_shortener_cache_dsn": "DecodeShortURLs", "askdns": "AskDNS", "asn_lookup": "ASN",
}

// kept are the settings that count in files of packages and of sa-update(1) too.
func kept(key string) bool {
	switch {
	case strings.HasPrefix(key, "def_"), key == "header", key == "askdns", strings.HasPrefix(key, "uri"), key == "rewrite_header":
		return false
	case key == "required_score":
		return true
	}
	_, makesHook := rowsOf[key]
	return makesHook || lists[key] != 0 || networks[key] || off[key].value != ""
}

// rows makes hooks of settings, the last one of each where only that counts.
func (r *reader) rows(lines []saconf.Line, w whose) {
	last := effectiveOf(lines)
	for _, l := range lines {
		make, ok := rowsOf[l.Key]
		if !ok || l.Value == "" || !slices.Contains(perName, l.Key) && !manyValued.MatchString(l.Key) && last[l.Key].Source != l.Source {
			continue
		}
		make(r, l, w)
	}
}

// emit writes a hook down, unless the plug-in that would act on it is not loaded.
func (r *reader) emit(h waxseal.Hook, key string) {
	if p := needs[key]; p != "" && !r.plugins["Mail::SpamAssassin::Plugin::"+p] && r.whole {
		mta.Inactive(&h, "the plug-in "+p+" is not loaded")
	}
	r.Emit(h)
}

// spamCop takes reports at this domain; every one who reports has an address of his own
// there.
const spamCop = "spam.spamcop.net"

// reported tells of an address that gets the mail that is reported as spam.
func (r *reader) reported(l saconf.Line, w whose) {
	if strings.HasSuffix(strings.ToLower(l.Value), "@"+spamCop) {
		return
	}
	h := r.begin(l, w, "")
	h.Kind, h.Effects, h.Target, h.Stage = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}, r.domains.Address(l.Value), waxseal.StageDelivered
	h.Scope = "mail that is reported as spam"
	h.Explain = "Mail that somebody reports as spam is sent to " + mta.Clip(l.Value) + mta.Where(h.Target) + " too (" + in(l) + ")."
	r.emit(h, l.Key)
}

func (r *reader) reportsBy(l saconf.Line, w whose) {
	h := r.begin(l, w, "")
	host, port := mta.SplitHostPort(l.Value)
	h.Kind, h.Effects, h.Stage = waxseal.KindRelay, []waxseal.Effect{waxseal.Observe, waxseal.Divert}, waxseal.StageDelivered
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: l.Value, Remote: !mta.IsLoopback(host)}
	if port == "" {
		h.Target.Value = "[" + host + "]"
	}
	h.Scope = "mail that is reported as spam"
	h.Explain = "Mail that somebody reports as spam leaves through " + mta.Clip(l.Value) + mta.Where(h.Target) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

// tool tells of a program that gets each message.
func (r *reader) tool(l saconf.Line, w whose) {
	options := map[string]string{"pyzor_path": "pyzor_options", "dcc_path": "dcc_options"}[l.Key]
	r.program(l, w, "", l.Value, options)
}

// home is the directory of DCC, whose program lies in it.
func (r *reader) home(l saconf.Line, w whose) {
	r.program(l, w, "", path.Join(l.Value, "bin/dccproc"), "dcc_options")
}

func (r *reader) program(l saconf.Line, w whose, place, command, options string) {
	h := r.begin(l, w, place)
	h.Kind, h.Effects = waxseal.KindPipe, []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = r.CommandParts(words(command))
	if options != "" {
		mta.Modify(&h, options, effectiveOf(r.conf.Lines)[options].Value)
	}
	h.Explain = "SpamAssassin runs " + mta.Clip(command) + " with each message that it looks at (" + in(l) + ")."
	r.emit(h, l.Key)
}

// variablesFirst are those that ExtractText sets before a command.
var variablesFirst = regexp.MustCompile(`^(\{[^}]*\}\s+)*`)

// extractor tells of a program that gets attachments: "NAME COMMAND ARGUMENTS".
func (r *reader) extractor(l saconf.Line, w whose) {
	name, command := firstWord(l.Value)
	if command = variablesFirst.ReplaceAllString(command, ""); command != "" {
		r.program(l, w, name, command, "")
	}
}

// asked is a daemon that gets each message: "host:port" or the path of a socket.
func (r *reader) asked(l saconf.Line, w whose) {
	h := r.begin(l, w, "")
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe, waxseal.Copy}
	if path.IsAbs(l.Value) {
		var part waxseal.Part
		h.Target, part = mta.UnixSocket(mta.Clean(l.Value))
		h.Closure = []waxseal.Part{part}
	} else {
		host, port := mta.SplitHostPort(l.Value)
		h.Target = mta.InetSocket(host, port)
		h.External = h.Target.Remote
	}
	h.Explain = "Each message that SpamAssassin looks at is given to " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

var dsnHost = regexp.MustCompile(`(?i)(?:^|[:;])(?:host|hostname|server)=([^;]+)|^ldaps?://([^/?:]+)|^dbi:mysql:[^:;=]*:([^:;]+)|^dbi:mariadb:[^:;=]*:([^:;]+)`)

// database tells of a server that keeps what is learned, or what users prefer.
func (r *reader) database(l saconf.Line, w whose) {
	h := r.begin(l, w, "")
	h.Kind, h.Effects, h.Target = waxseal.KindMap, []waxseal.Effect{waxseal.Observe, waxseal.Modify}, waxseal.Target{Type: waxseal.TargetTable, Value: l.Value}
	h.External = true
	host := "localhost"
	if g := dsnHost.FindStringSubmatch(l.Value); g != nil {
		host, _ = mta.SplitHostPort(strings.Join(g[1:], ""))
	}
	h.Target.Remote = !mta.IsLoopback(host) && !path.IsAbs(host)
	mta.Modify(&h, "hosts", host)
	what := "what it learned"
	if l.Key == "user_scores_dsn" {
		what = "what users prefer, and so whose mail is let pass,"
		if r.spamd.source.Path != "" && !r.spamd.has("sql-config", "setuid-with-sql", "ldap-config", "setuid-with-ldap") {
			mta.Inactive(&h, "spamd is started without -q, -Q or --ldap-config")
		}
	}
	h.Explain = "SpamAssassin asks a database" + mta.Where(h.Target) + " for " + what + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

// learned tells of a file that keeps what was learned, where it lies elsewhere than
// below the home of its user.
func (r *reader) learned(l saconf.Line, w whose) {
	if !path.IsAbs(l.Value) {
		return
	}
	h := r.begin(l, w, "")
	h.Kind, h.Effects, h.Target = waxseal.KindMap, []waxseal.Effect{waxseal.Observe}, waxseal.Target{Type: waxseal.TargetTable, Value: "db:" + l.Value}
	h.Closure = []waxseal.Part{{Path: mta.Clean(path.Dir(l.Value)), Role: waxseal.RoleDirectory}}
	h.Explain = "What SpamAssassin learned of senders and words is kept in " + mta.Clip(l.Value) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

// feed tells of a file that a plug-in reads.
func (r *reader) feed(l saconf.Line, w whose) {
	if !path.IsAbs(l.Value) {
		return
	}
	h := r.begin(l, w, "")
	h.Kind, h.Effects, h.Target = waxseal.KindMap, []waxseal.Effect{waxseal.Observe}, waxseal.Target{Type: waxseal.TargetTable, Value: l.Value}
	h.Closure = []waxseal.Part{{Path: mta.Clean(l.Value), Role: waxseal.RoleInclude}}
	h.Explain = "SpamAssassin goes by the file " + mta.Clip(l.Value) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

// resolver tells of a name server of SpamAssassin's own.
func (r *reader) resolver(l saconf.Line, w whose) {
	host, _ := mta.SplitHostPort(l.Value)
	h := r.begin(l, w, l.Value)
	h.Kind, h.Effects = waxseal.KindHosts, []waxseal.Effect{waxseal.Observe, waxseal.Modify}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "nameserver " + strings.Trim(host, "[]"), Remote: !mta.IsLoopback(host)}
	h.External = true
	h.Explain = "SpamAssassin asks the name server " + mta.Clip(l.Value) + mta.Where(h.Target) + " about senders, links and signatures, and believes its answers (" + in(l) + ")."
	r.emit(h, l.Key)
}

// replaced tells of links that are put in place of those of a message.
func (r *reader) replaced(l saconf.Line, w whose) {
	rule, to := firstWord(l.Value)
	h := r.begin(l, w, rule)
	h.Kind, h.Effects, h.Target = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, waxseal.Target{Type: waxseal.TargetText, Value: to}
	h.Explain = "Links in messages that the rule " + mta.Clip(rule) + " fits are replaced by " + mta.Clip(to) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

var addressIn = regexp.MustCompile(`[A-Za-z0-9._+=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)

// header tells of an address put into a header by which people answer; a mark such as
// [SPAM] is a setting.
func (r *reader) header(l saconf.Line, w whose) {
	name, text := firstWord(l.Value)
	if !addressIn.MatchString(text) {
		return
	}
	h := r.begin(l, w, strings.ToLower(name))
	h.Kind, h.Effects, h.Target = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, waxseal.Target{Type: waxseal.TargetText, Value: text}
	h.Explain = "The header " + mta.Clip(name) + " of spam gets the text " + mta.Clip(text) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}

// zone tells of a list in the DNS that the site itself asks: "RULE ZONE …".
func (r *reader) zone(l saconf.Line, w whose) {
	f := words(l.Value)
	if l.Stock || len(f) < 2 {
		return
	}
	name, zone := f[0], f[1]
	if l.Key == "asn_lookup" {
		name, zone = "asn", f[0]
	}
	r.list(l, w, name, zone)
}

var checkRBL = regexp.MustCompile(`^(\S+)\s+(?:rbl)?eval:check_(?:rbl|dns)\w*\(\s*(?:'[^']*'|"[^"]*")\s*,\s*['"]([^'"]+)['"]`)

// blocklist is a test by eval:check_rbl of the site's own.
func (r *reader) blocklist(l saconf.Line, w whose) {
	if g := checkRBL.FindStringSubmatch(l.Value); g != nil && !l.Stock {
		r.list(l, w, g[1], g[2])
	}
}

func (r *reader) list(l saconf.Line, w whose, name, zone string) {
	h := r.begin(l, w, name)
	h.Kind, h.Effects, h.Target = waxseal.KindMap, []waxseal.Effect{waxseal.Observe}, waxseal.Target{Type: waxseal.TargetTable, Value: "dns:" + strings.Trim(zone, ".")}
	h.External = true
	mta.Modify(&h, "hosts", "localhost") // the own name server is asked
	h.Explain = "SpamAssassin asks the list " + mta.Clip(zone) + " in the DNS about each message, for the rule " + mta.Clip(name) + " (" + in(l) + ")."
	r.emit(h, l.Key)
}
